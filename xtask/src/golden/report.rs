//! What `cargo xtask golden` prints, and its JSON.

use serde_json::{Value, json};

use super::exceptions::Exceptions;
use super::recording::{Exchange, Recording};
use super::replay::{Outcome, Replayed};

/// One line of a file's exceptions.
struct Exception {
    /// The calls, as `3, 7-9`.
    calls: String,
    feature: String,
    reason: String,
}

/// The line of one file, and below it what is left out and why.
pub(crate) fn print(replayed: &Replayed, exceptions: &Exceptions) {
    println!("{} {}/{}", replayed.file, replayed.matched(), replayed.total());
    let verdict = if replayed.reaches_its_floor() { "" } else { "  TOO FEW" };
    println!("    {:.1} % of what is served match; {} % have to{verdict}", replayed.share(), replayed.floor);
    for complaint in &replayed.complaints {
        println!("    the script: {complaint}");
    }
    for exception in list(replayed, exceptions) {
        println!("    except {}: {} ({})", exception.calls, exception.feature, exception.reason);
    }
}

/// Each call whose answer differs, with the places and both values; of each call the first `limit` places.
pub(crate) fn print_differences(replayed: &Replayed, recording: &Recording, limit: usize) {
    for (number, outcome) in replayed.outcomes.iter().enumerate() {
        let Outcome::Differs(differences) = outcome else { continue };
        println!("\n{} #{number}  {}", replayed.file, title(&recording.exchanges[number]));
        if let Some(status) = outcome.not_simulated() {
            println!("  not simulated (PVE answered {status})");
            continue;
        }
        for difference in differences.iter().take(limit) {
            for line in difference.to_string().lines() {
                println!("  {line}");
            }
        }
        if differences.len() > limit {
            println!("  ... and {} more places (--verbose shows all)", differences.len() - limit);
        }
    }
}

/// `GET /cluster/resources type=vm   # note`.
fn title(exchange: &Exchange) -> String {
    let request = &exchange.request;
    let mut title = format!("{} {}", request.method, request.path);
    for (name, value) in request.params() {
        title.push_str(&format!(" {name}={value}"));
    }
    if let Some(body) = &request.json {
        title.push_str(&format!(" {body}"));
    }
    if let Some(note) = &exchange.note {
        title.push_str(&format!("   # {note}"));
    }
    title
}

/// The object that `--json` writes.
pub(crate) fn json(files: &[Replayed], exceptions: &Exceptions) -> Value {
    let file = |replayed: &Replayed| {
        let exceptions: Vec<Value> = list(replayed, exceptions)
            .into_iter()
            .map(
                |exception| json!({"calls": exception.calls, "feature": exception.feature, "reason": exception.reason}),
            )
            .collect();
        json!({
            "file": replayed.file,
            "matched": replayed.matched(),
            "total": replayed.total(),
            "floor": replayed.floor,
            "exceptions": exceptions,
        })
    };
    json!({"files": files.iter().map(file).collect::<Vec<_>>()})
}

/// What is left out of a file: first the calls on paths that are not served, by feature, then those named one by one.
fn list(replayed: &Replayed, exceptions: &Exceptions) -> Vec<Exception> {
    let mut features: Vec<(&str, Vec<usize>)> = Vec::new();
    for (number, outcome) in replayed.outcomes.iter().enumerate() {
        let Outcome::NotServed(feature) = outcome else { continue };
        match features.iter_mut().find(|(name, _)| name == feature) {
            Some((_, calls)) => calls.push(number),
            None => features.push((feature, vec![number])),
        }
    }
    let not_served = features.into_iter().map(|(feature, calls)| Exception {
        calls: ranges(&calls),
        feature: feature.to_owned(),
        reason: "the path is not served".to_owned(),
    });
    let named = exceptions.of(&replayed.file).map(|exception| {
        let calls: Vec<usize> = exception.calls.iter().flat_map(|range| range.numbers()).collect();
        let at = if exception.at.is_empty() { String::new() } else { format!(" at {}", exception.at.join(", ")) };
        Exception { calls: ranges(&calls) + &at, feature: exception.feature.clone(), reason: exception.reason.clone() }
    });
    not_served.chain(named).collect()
}

/// `0-2, 7` for 0, 1, 2, 7.
fn ranges(numbers: &[usize]) -> String {
    let mut ranges: Vec<(usize, usize)> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some((_, last)) if *last + 1 == number => *last = number,
            _ => ranges.push((number, number)),
        }
    }
    let text = |(first, last): &(usize, usize)| {
        if first == last { first.to_string() } else { format!("{first}-{last}") }
    };
    ranges.iter().map(text).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_calls_are_drawn_together() {
        assert_eq!(ranges(&[0, 1, 2, 7, 9, 10]), "0-2, 7, 9-10");
        assert_eq!(ranges(&[]), "");
    }
}
