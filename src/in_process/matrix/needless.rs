//! What nobody should have asked for.

use std::collections::BTreeMap;

use pve_sim::kernel::record::Recorded;
use serde_json::Value as Json;

/// Nothing that PVE has carried out was asked for again, and on the way up nothing was destroyed. What only starts, stops
/// or opens something, or takes an OSD out, may be repeated: it is so already. `carried_out` tells whether PVE has done what a
/// request asked.
pub(in crate::in_process) fn nothing_needless(
    requests: &[Recorded],
    on_the_way_up: bool,
    mut carried_out: impl FnMut(&Recorded) -> bool,
) -> Result<(), String> {
    const HARMLESS: [&str; 4] = ["/termproxy", "/ceph/stop", "/out", "/status"];
    let harmless = |path: &str| path.contains("/status/") || HARMLESS.iter().any(|end| path.ends_with(end));
    let mut sent: BTreeMap<String, usize> = BTreeMap::new();
    for seen in requests.iter().filter(|seen| seen.method != "GET" && seen.path != "/access/ticket") {
        let done = carried_out(seen);
        // What of a list was cut off half-way in is taken out and put in again: it has been switched off all the time.
        if !done || seen.path.contains("/firewall/rules") {
            continue;
        }
        if on_the_way_up && seen.method == "DELETE" {
            return Err(format!("{} was destroyed", seen.path));
        }
        if seen.method == "POST" && !harmless(&seen.path) {
            *sent.entry(format!("{} {}", seen.path, Json::from(seen.params.clone()))).or_default() += 1;
        }
    }
    match sent.iter().find(|(_, times)| **times > 1) {
        Some((what, _)) => Err(format!("sent again although PVE had carried it out: {what}")),
        None => Ok(()),
    }
}
