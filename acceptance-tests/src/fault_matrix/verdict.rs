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
    "see to `",
    "nodes' clocks",
];

impl Fault {
    /// Whether what was said is of use: each error, of which summary and detail are given, names the cause and a cure, and
    /// nothing in `said` is what nobody should read.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn is_told(&self, said: &str, errors: &[(&str, &str)]) -> Result<(), String> {
        let has = |text: &str, words: &[&str]| words.iter().any(|word| text.contains(&word.to_lowercase()));
        let all = said.to_lowercase();
        if let Some(never) = NEVER.iter().find(|never| has(&all, &[never])) {
            return Err(format!("it says {never:?}"));
        }
        // Conditions of the configuration repeat what a warning has said already.
        for (summary, detail) in errors.iter().filter(|(summary, _)| !summary.ends_with("postcondition failed")) {
            let text = format!("{summary}\n{detail}").to_lowercase();
            if !has(&text, self.cause) {
                return Err(format!("the cause ({}) is not named", self.cause.join(", ")));
            }
            if !has(&text, CURES) {
                return Err("no cure is named".to_owned());
            }
        }
        Ok(())
    }
}

/// Fails unless each error names the cause and a cure, and nothing was said that nobody should read.
pub(super) fn is_told(fault: &Fault, output: &Output) -> anyhow::Result<()> {
    let errors = output.errors();
    let failed = !matches!(output.code, Some(0 | 2));
    ensure!(!failed || output.code == Some(1), "it did not end by itself: {}", output.gist());
    ensure!(!failed || !errors.is_empty(), "it failed without a word: {}", output.gist());
    for said in NEVER {
        ensure!(!output.says(said), "it says {said:?}: {}", output.gist());
    }
    let told = errors.iter().map(|error| (error.summary.as_str(), error.detail.as_str()));
    let told: Vec<_> = told.filter(|_| failed).collect();
    fault.is_told("", &told).map_err(|why| anyhow::anyhow!("{why}: {}", output.gist()))
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
