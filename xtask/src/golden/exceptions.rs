//! What is left out of the count, by name and with the reason: one file for all recordings.

use std::path::Path;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use super::script::Range;

/// The file of exceptions.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Exceptions {
    /// Paths that the simulator does not serve. A call there is left out only as long as the simulator does answer 501;
    /// once it serves the path, the recordings hold it to the truth like everything else.
    not_served: Vec<NotServed>,
    /// Calls on served paths whose answer follows from a feature that is left out.
    calls: Vec<Calls>,
}

/// Paths that are not served, and what they belong to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NotServed {
    pub(crate) feature: String,
    /// `METHOD /path`; `*` stands for one part of a path or any method, a `**` at the end for any rest.
    paths: Vec<String>,
}

/// Calls of one recording that are left out, or of whose answer a part is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Calls {
    file: String,
    pub(crate) calls: Vec<Range>,
    pub(crate) feature: String,
    pub(crate) reason: String,
    /// Places in the answer that are not compared, as the differences name them; `*` at the end stands for any rest.
    /// The rest of the answer is compared and counted. Without any, and without lines, the call is neither made nor counted.
    #[serde(default)]
    pub(crate) at: Vec<String>,
    /// Beginnings of lines in a task's log that the recorder's machine alone wrote. The rest of the log is compared.
    #[serde(default)]
    pub(crate) lines: Vec<String>,
}

impl Exceptions {
    pub(crate) fn load(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        serde_saphyr::from_str(&text).with_context(|| format!("in {}", path.display()))
    }

    /// The exceptions that name calls of `file`.
    pub(crate) fn of<'a>(&'a self, file: &'a str) -> impl Iterator<Item = &'a Calls> {
        self.calls.iter().filter(move |exception| exception.file == file)
    }

    /// The exceptions that name this call.
    fn naming<'a>(&'a self, file: &'a str, call: usize) -> impl Iterator<Item = &'a Calls> {
        self.of(file).filter(move |exception| exception.calls.iter().any(|range| range.numbers().contains(&call)))
    }

    /// Whether the whole call is left out.
    pub(crate) fn leaves_out(&self, file: &str, call: usize) -> bool {
        self.naming(file, call).any(|exception| exception.at.is_empty() && exception.lines.is_empty())
    }

    /// A recorded answer without the lines of its log that are left out; all others have their numbers as if those had
    /// never been written.
    pub(crate) fn without_lines(&self, file: &str, call: usize, recorded: &Value) -> Value {
        let left_out: Vec<&String> = self.naming(file, call).flat_map(|exception| &exception.lines).collect();
        let mut answer = recorded.clone();
        let lines = answer.get_mut("data").and_then(Value::as_array_mut);
        let Some(lines) = lines.filter(|_| !left_out.is_empty()) else { return answer };
        let before = lines.len();
        let text = |line: &Value| line["t"].as_str().unwrap_or_default().to_owned();
        lines.retain(|line| !left_out.iter().any(|beginning| text(line).starts_with(beginning.as_str())));
        lines.iter_mut().zip(1..).for_each(|(line, n)| line["n"] = json!(n));
        let gone = before - lines.len();
        if let Some(total) = answer["total"].as_u64() {
            // A recording of some lines counts no fewer than are gone.
            answer["total"] = json!(total.saturating_sub(gone as u64));
        }
        answer
    }

    /// Whether what differs at `place` in the answer to this call is left out.
    pub(crate) fn leaves_out_place(&self, file: &str, call: usize, place: &str) -> bool {
        self.naming(file, call).flat_map(|exception| &exception.at).any(|pattern| is_at(pattern, place))
    }

    /// What stands among the paths that are not served although it is, or although no recording calls it.
    #[cfg(test)]
    pub(crate) fn stale(&self, served: &[(&str, &str)], called: &[(&str, &str)]) -> Vec<String> {
        let mut stale = Vec::new();
        for pattern in self.not_served.iter().flat_map(|entry| &entry.paths) {
            let matching = |calls: &[(&str, &str)]| {
                let one = calls.iter().find(|(method, path)| path_matches(pattern, method, path));
                one.map(|(method, path)| format!("{method} {path}"))
            };
            if let Some(call) = matching(served) {
                stale.push(format!("{pattern}: {call} is served"));
            } else if matching(called).is_none() {
                stale.push(format!("{pattern}: no recording calls it"));
            }
        }
        stale
    }

    /// The feature that a path belongs to which is not served, and the pattern that names it.
    pub(crate) fn not_served(&self, method: &str, path: &str) -> Option<(&str, &str)> {
        let patterns = self.not_served.iter().flat_map(|entry| entry.paths.iter().map(move |path| (entry, path)));
        let mut matching = patterns.filter(|(_, pattern)| path_matches(pattern, method, path));
        matching.next().map(|(entry, pattern)| (entry.feature.as_str(), pattern.as_str()))
    }
}

/// Whether `place` is what `pattern` names, or lies within it.
fn is_at(pattern: &str, place: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => place.starts_with(prefix),
        None => place
            .strip_prefix(pattern)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('.') || rest.starts_with('[')),
    }
}

fn path_matches(pattern: &str, method: &str, path: &str) -> bool {
    let Some((methods, pattern)) = pattern.split_once(' ') else { return false };
    if methods != "*" && methods != method {
        return false;
    }
    let (pattern, any_rest) = match pattern.strip_suffix("/**") {
        Some(pattern) => (pattern, true),
        None => (pattern, false),
    };
    let mut parts = path.split('/');
    for wanted in pattern.split('/') {
        match parts.next() {
            Some(part) if wanted == "*" || wanted == part => {}
            _ => return false,
        }
    }
    any_rest || parts.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_by_their_parts() {
        assert!(path_matches("* /cluster/ha/rules/**", "GET", "/cluster/ha/rules"));
        assert!(path_matches("* /cluster/ha/rules/**", "PUT", "/cluster/ha/rules/r1"));
        assert!(!path_matches("* /cluster/ha/rules/**", "GET", "/cluster/ha/rulesets"));
        assert!(path_matches("GET /nodes/*/lxc", "GET", "/nodes/pve1/lxc"));
        assert!(!path_matches("GET /nodes/*/lxc", "POST", "/nodes/pve1/lxc"));
        assert!(!path_matches("GET /nodes/*/lxc", "GET", "/nodes/pve1/lxc/100"));
    }

    #[test]
    fn a_row_for_what_is_served_or_never_called_is_stale() {
        let exceptions: Exceptions = serde_saphyr::from_str(
            "not_served:\n- {feature: f, paths: ['* /nodes/*/time', GET /nodes/*/dns, GET /a]}\ncalls: []\n",
        )
        .expect("exceptions");
        let served = [("GET", "/nodes/{node}/dns")];
        let called = [("PUT", "/nodes/pve1/time"), ("GET", "/nodes/pve1/dns")];
        assert_eq!(
            exceptions.stale(&served, &called),
            ["GET /nodes/*/dns: GET /nodes/{node}/dns is served", "GET /a: no recording calls it"]
        );
    }

    #[test]
    fn a_place_covers_what_lies_within_it() {
        assert!(is_at("data.fsmap", "data.fsmap"));
        assert!(is_at("data.fsmap", "data.fsmap.epoch"));
        assert!(!is_at("data.fs", "data.fsmap"));
        assert!(is_at("data[pool_name=cephfs_*", "data[pool_name=cephfs_data].size"));
    }

    #[test]
    fn lines_of_the_recorders_machine_are_as_if_they_had_not_been_written() {
        let exceptions: Exceptions = serde_saphyr::from_str(
            "not_served: []\ncalls:\n- {file: x, calls: [1], feature: f, reason: r, lines: ['INFO: odd']}\n",
        )
        .expect("exceptions");
        let log = json!({"data": [{"n": 1, "t": "INFO: odd one"}, {"n": 2, "t": "TASK OK"}], "total": 2});
        assert_eq!(exceptions.without_lines("x", 1, &log), json!({"data": [{"n": 1, "t": "TASK OK"}], "total": 1}));
        assert_eq!(exceptions.without_lines("x", 2, &log), log);
        assert!(!exceptions.leaves_out("x", 1), "the rest of it is compared");
    }

    #[test]
    fn an_exception_for_a_place_does_not_leave_out_the_call() {
        let exceptions: Exceptions = serde_saphyr::from_str(
            "not_served: []\ncalls:\n- {file: x, calls: [1-2], feature: f, reason: r, at: [data.a]}\n\
             - {file: x, calls: [4], feature: f, reason: r}\n",
        )
        .expect("exceptions");
        assert!(!exceptions.leaves_out("x", 1) && exceptions.leaves_out("x", 4) && !exceptions.leaves_out("y", 4));
        assert!(exceptions.leaves_out_place("x", 2, "data.a.b"));
        assert!(!exceptions.leaves_out_place("x", 2, "data.b") && !exceptions.leaves_out_place("x", 3, "data.a"));
    }
}
