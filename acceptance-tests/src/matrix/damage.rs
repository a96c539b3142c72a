//! What must not have happened on the way.

use std::collections::BTreeMap;

use super::Cell;
use super::point::generalised;
use crate::{Output, Seen, Workspace};
use anyhow::ensure;

/// Nothing is to be destroyed and rebuilt.
pub(super) fn none_in_state(work: &Workspace) -> anyhow::Result<()> {
    let state = work.state()?.to_string();
    ensure!(!state.contains("\"tainted\""), "tainted: {state}");
    Ok(())
}

/// The provider has not failed by itself.
pub(super) fn none_told(output: &Output) -> anyhow::Result<()> {
    for bug in ["panicked", "The provider has a bug", "Provider produced inconsistent", "Provider returned invalid"] {
        ensure!(!output.says(bug), "{bug}: {}", output.gist());
    }
    Ok(())
}

/// No request that PVE has carried out was sent again. What only starts, stops or opens something, or takes an OSD out, may
/// be: it is so already, and a provider that was left behind may do it while the next run looks.
pub(super) fn nothing_twice(requests: &[Seen], cell: &Cell) -> anyhow::Result<()> {
    const HARMLESS: [&str; 4] = ["/termproxy", "/ceph/stop", "/out", "/status"];
    let harmless = |path: &str| path.contains("/status/") || HARMLESS.iter().any(|end| path.ends_with(end));
    let mut carried_out: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut counts: BTreeMap<(&str, String), usize> = BTreeMap::new();
    for (before, seen) in requests.iter().enumerate() {
        let count = counts.entry((&seen.method, generalised(&seen.path))).or_default();
        *count += 1;
        let struck = match &cell.point.call {
            Some((method, path)) => {
                *method == seen.method && *path == generalised(&seen.path) && *count == cell.point.nth
            }
            None => before + 1 == cell.point.nth,
        };
        let done = seen.status.is_some_and(|status| status < 300) || (struck && cell.mishap.done_unseen());
        if seen.mutates() && seen.method == "POST" && done && !harmless(&seen.path) {
            *carried_out.entry((&seen.path, seen.params.to_string())).or_default() += 1;
        }
    }
    let twice: Vec<_> = carried_out.into_iter().filter(|(_, times)| *times > 1).collect();
    ensure!(twice.is_empty(), "sent again although PVE had carried it out: {twice:?}");
    Ok(())
}

/// Nothing that was made is made anew.
pub(super) fn nothing_destroyed(requests: &[Seen]) -> anyhow::Result<()> {
    let destroyed: Vec<&str> = requests.iter().filter(|r| r.method == "DELETE").map(|r| r.path.as_str()).collect();
    ensure!(destroyed.is_empty(), "destroyed: {destroyed:?}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Journal, Mishap, Phase, Point};
    use super::*;

    fn post(path: &str, dev: &str, status: Option<u16>) -> Seen {
        let seen = json!({
            "node": "pve1", "peer": "", "method": "POST", "path": path, "params": { "dev": dev }, "status": status,
        });
        serde_json::from_value(seen).unwrap()
    }

    fn cell(mishap: Mishap) -> Cell {
        let call = Some(("POST".to_owned(), "/x".to_owned()));
        Cell { phase: Phase::Apply, point: Point { call, nth: 1, object: "pve_vm" }, mishap, journal: Journal::Kept }
    }

    #[test]
    fn what_pve_has_done_must_not_be_asked_for_again() {
        let lost = [post("/x", "sdb", None), post("/x", "sdb", Some(200))];
        assert!(nothing_twice(&lost, &cell(Mishap::LostBefore)).is_ok());
        assert!(nothing_twice(&lost, &cell(Mishap::LostAfter)).is_err());
        let done = [post("/x", "sdb", Some(200)), post("/x", "sdb", Some(200))];
        assert!(nothing_twice(&done, &cell(Mishap::LostBefore)).is_err());
        let refused = [post("/x", "sdb", Some(500)), post("/x", "sdb", Some(200)), post("/x", "sdc", Some(200))];
        assert!(nothing_twice(&refused, &cell(Mishap::LostBefore)).is_ok());
    }
}
