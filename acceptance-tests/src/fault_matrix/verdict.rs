//! Whether what was said is of use to whoever reads it.

use anyhow::ensure;

use super::Fault;
use crate::Output;

/// What no user should ever read.
const NEVER: &[&str] = &[
    "panicked",
    "bug in the provider",
    "provider has a bug",
    "inconsistent result",
    "inconsistent final plan",
    "did not respond",
    "Request cancelled",
    "stopped unexpectedly",
    "plugin crashed",
];

/// Words with which an error says what to do.
const CURES: &[&str] = &[
    "pply again",
    "lan again",
    "run again",
    "Check ",
    "Set `",
    "set it in",
    "Give it",
    "Bring ",
    "Wait until",
    "Look at",
    "Look for",
    "Look whether",
    "when it is back",
    "import {",
    "is wrong, expired",
    "nodes' clocks",
];

/// Fails unless each error names the cause and a cure, and nothing was said that nobody should read.
pub(super) fn is_told(fault: &Fault, output: &Output) -> anyhow::Result<()> {
    for said in NEVER {
        ensure!(!output.says(said), "it says {said:?}: {}", output.gist());
    }
    if matches!(output.code, Some(0 | 2)) {
        return Ok(());
    }
    ensure!(output.code == Some(1), "it did not end by itself: {}", output.gist());
    let errors = output.errors();
    ensure!(!errors.is_empty(), "it failed without a word: {}", output.gist());
    for error in errors {
        let text = format!("{}\n{}", error.summary, error.detail);
        // Conditions of the configuration repeat what a warning has said already.
        if error.summary.ends_with("postcondition failed") {
            continue;
        }
        let says = |words: &[&str]| words.iter().any(|word| text.to_lowercase().contains(&word.to_lowercase()));
        ensure!(says(fault.cause), "the cause ({}) is not named: {}", fault.cause.join(", "), output.gist());
        ensure!(says(CURES), "no cure is named: {}", output.gist());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fault_matrix::FAULTS;

    fn output(summary: &str, detail: &str) -> Output {
        let diagnostic = serde_json::json!({ "severity": "error", "summary": summary, "detail": detail });
        let stdout = serde_json::json!({ "type": "diagnostic", "diagnostic": diagnostic }).to_string();
        Output { command: String::new(), code: Some(1), stdout, stderr: String::new() }
    }

    #[test]
    fn an_error_needs_cause_and_cure() {
        let quorum = FAULTS.iter().find(|fault| fault.name.contains("quorum")).unwrap();
        assert!(is_told(quorum, &output("Cannot", "No quorum. Apply again.")).is_ok());
        assert!(is_told(quorum, &output("Cannot", "No quorum.")).is_err());
        assert!(is_told(quorum, &output("Cannot", "Something. Apply again.")).is_err());
        assert!(is_told(quorum, &output("Cannot", "No quorum; panicked. Apply again.")).is_err());
        assert!(is_told(quorum, &Output { stdout: String::new(), ..output("", "") }).is_err());
    }
}
