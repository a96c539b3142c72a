//! Lines of progress in a task's log: how many there are, and how far each got, is the machine's.
//!
//! A run of them counts as one line, of which what is being done and the whole are compared. Where the answer was cut
//! (PVE shows fifty lines unless asked for more), what lies behind the cut is not compared.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::{Value, json};

/// `mirror-scsi0: transferred 32.0 MiB of 308.0 MiB (10.39%) in 1s`, `, ready` behind the last one.
static TRANSFERRED: LazyLock<Regex> = LazyLock::new(|| {
    // The pattern is a constant, compiled by the tests.
    Regex::new(r"^((?:\S+: )?transferred )[\d.]+ \w+ (of [\d.]+ \w+) \([\d.]+%\)(?: in [\dsmhdw ]+)?(, ready)?$")
        .expect("a pattern")
});
/// `Removing image: 3% complete...`
static REMOVING: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"^(\w+ image: )\d+% complete\.\.\.$").expect("a pattern"));

/// How many lines PVE shows of a log when nobody says otherwise.
const SHOWN: usize = 50;

/// Both answers with their runs of progress drawn together, and without what lies behind a cut.
pub(super) fn drawn_together(recorded: &Value, live: &Value) -> (Value, Value) {
    let lines = |body: &Value| body["data"].as_array().map(|list| list.iter().map(text_of).collect::<Vec<_>>());
    let (Some(recorded_lines), Some(live_lines)) = (lines(recorded), lines(live)) else {
        return (recorded.clone(), live.clone());
    };
    if !(is_whole(recorded, recorded_lines.len()) && is_whole(live, live_lines.len())) {
        return (recorded.clone(), live.clone());
    }
    let (mut ours, mut theirs) = (draw(&recorded_lines), draw(&live_lines));
    if ours.len() == recorded_lines.len() && theirs.len() == live_lines.len() {
        return (recorded.clone(), live.clone());
    }
    let both = ours.len().min(theirs.len());
    // Where both were cut, one may have got further, but not with a line that is almost one of progress.
    let further = |lines: &[String]| lines.iter().skip(both).all(|line| !line.contains('%'));
    let cut = |lines: &[String]| lines.len() == SHOWN;
    if cut(&recorded_lines) != cut(&live_lines) || (cut(&live_lines) && further(&ours) && further(&theirs)) {
        ours.truncate(both);
        theirs.truncate(both);
    }
    let body = |body: &Value, lines: Vec<String>| {
        let mut body = body.clone();
        body["data"] = lines.iter().enumerate().map(|(n, text)| json!({ "n": n + 1, "t": text })).collect();
        if let Some(fields) = body.as_object_mut() {
            fields.remove("total");
        }
        body
    };
    (body(recorded, ours), body(live, theirs))
}

/// Whether the lines are numbered as they should be, and as many as is said: both are lost when runs are drawn together.
fn is_whole(body: &Value, lines: usize) -> bool {
    let numbered = body["data"].as_array().into_iter().flatten().zip(1..);
    let mut as_they_should = numbered.map(|(line, n)| {
        line["n"].as_u64() == Some(n) && line["t"].is_string() && line.as_object().is_some_and(|line| line.len() == 2)
    });
    let total = body["total"].as_u64().and_then(|total| usize::try_from(total).ok());
    let counted = total.is_some_and(|total| total == lines || (lines == SHOWN && total > lines && total < lines + 500));
    counted && as_they_should.all(|is| is)
}

fn text_of(line: &Value) -> String {
    line["t"].as_str().unwrap_or_default().to_owned()
}

fn draw(lines: &[String]) -> Vec<String> {
    let mut drawn: Vec<String> = lines.iter().map(|line| REMOVING.replace(line, "$1...").into_owned()).collect();
    for line in &mut drawn {
        *line = TRANSFERRED.replace(line, "$1... $2$3").into_owned();
    }
    drawn.dedup_by(|later, earlier| {
        later == earlier && (later.contains("transferred ... of") || later.ends_with("image: ..."))
    });
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(lines: &[&str]) -> Value {
        let list: Vec<Value> = lines.iter().enumerate().map(|(n, text)| json!({ "n": n + 1, "t": text })).collect();
        json!({ "data": list, "total": lines.len() })
    }

    #[test]
    fn a_run_of_progress_is_one_line_and_the_whole_is_compared() {
        let recorded = log(&[
            "begin",
            "mirror-scsi0: transferred 0.0 B of 308.0 MiB (0.00%) in 0s",
            "mirror-scsi0: transferred 32.0 MiB of 308.0 MiB (10.39%) in 1s",
            "mirror-scsi0: transferred 308.0 MiB of 308.0 MiB (100.00%) in 1m 15s, ready",
            "end",
        ]);
        let live = |whole: &str| {
            log(&[
                "begin",
                &format!("mirror-scsi0: transferred 20.0 MiB of {whole} (6.49%) in 1s"),
                &format!("mirror-scsi0: transferred {whole} of {whole} (100.00%) in 16s, ready"),
                "end",
            ])
        };
        let (ours, theirs) = drawn_together(&recorded, &live("308.0 MiB"));
        assert_eq!(ours, theirs);
        let (ours, theirs) = drawn_together(&recorded, &live("307.2 MiB"));
        assert_ne!(ours, theirs);
    }

    #[test]
    fn removals_are_drawn_together_and_other_logs_are_left_alone() {
        let recorded = log(&["Removing image: 3% complete...", "Removing image: 100% complete...done."]);
        let live = log(&[
            "Removing image: 1% complete...",
            "Removing image: 2% complete...",
            "Removing image: 100% complete...done.",
        ]);
        let (ours, theirs) = drawn_together(&recorded, &live);
        assert_eq!(ours, theirs);
        let plain = log(&["a", "a"]);
        assert_eq!(drawn_together(&plain, &plain), (plain.clone(), plain));
    }

    #[test]
    fn what_lies_behind_a_cut_is_not_compared() {
        let mut lines = vec!["begin".to_owned()];
        lines.extend((1..50).map(|n| format!("transferred {n}.0 MiB of 99.0 MiB ({n}.00%)")));
        let recorded = log(&lines.iter().map(String::as_str).collect::<Vec<_>>());
        let live = log(&["begin", "transferred 99.0 MiB of 99.0 MiB (100.00%)", "TASK OK"]);
        let (ours, theirs) = drawn_together(&recorded, &live);
        assert_eq!(ours, theirs);
    }
}
