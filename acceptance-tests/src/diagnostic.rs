//! What Terraform complains about, as data.

use serde::Deserialize;
use serde_json::Value;

use crate::Output;

/// An error or a warning.
#[derive(Clone, Debug, Deserialize)]
pub struct Diagnostic {
    /// `error` or `warning`.
    pub severity: String,
    /// One line: what failed.
    pub summary: String,
    /// What was found, and what to do.
    #[serde(default)]
    pub detail: String,
    /// The resource or data source.
    #[serde(default)]
    pub address: Option<String>,
    #[serde(default)]
    snippet: Option<Snippet>,
}

/// The piece of the configuration that a diagnostic points at.
#[derive(Clone, Debug, Deserialize)]
struct Snippet {
    code: String,
}

impl Diagnostic {
    /// Whether it is an error.
    pub fn is_error(&self) -> bool {
        self.severity == "error"
    }

    /// The code that it points at: a whole line (`size = 9`) or, for a block as a whole, its head.
    pub fn code(&self) -> &str {
        self.snippet.as_ref().map_or("", |snippet| snippet.code.trim())
    }

    /// The attribute on whose line it points.
    pub fn attribute(&self) -> Option<&str> {
        let (name, _) = self.code().split_once('=')?;
        let name = name.trim();
        name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_').then_some(name)
    }

    /// Whether it is about an attribute: points at its line, or says its name as a word.
    pub fn names(&self, attribute: &str) -> bool {
        let says =
            |text: &str| text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == attribute);
        self.attribute() == Some(attribute) || says(&self.summary) || says(&self.detail)
    }
}

impl Output {
    /// The diagnostics of a command with `-json`: of `validate`, or of one that prints a line for each event.
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        if let Ok(validated) = serde_json::from_str::<Value>(&self.stdout)
            && let Some(all) = validated["diagnostics"].as_array()
        {
            return all.iter().filter_map(|one| Diagnostic::deserialize(one).ok()).collect();
        }
        self.stdout
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .filter_map(|event| Diagnostic::deserialize(&event["diagnostic"]).ok())
            .collect()
    }

    /// How it ended and what it complained about: what [`Output::told`] says, without the events of `-json`.
    pub fn gist(&self) -> String {
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        let mut text = format!("`{}` ended with {code}\n", self.command);
        for Diagnostic { severity, summary, detail, address, .. } in self.diagnostics() {
            text += &format!("  {severity} {}: {summary}\n    {detail}\n", address.unwrap_or_default());
        }
        text + &self.stderr
    }

    /// The errors among them.
    pub fn errors(&self) -> Vec<Diagnostic> {
        self.diagnostics().into_iter().filter(Diagnostic::is_error).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn output(stdout: &str) -> Output {
        Output { command: String::new(), code: Some(1), stdout: stdout.to_owned(), stderr: String::new() }
    }

    const SIZE: &str = r#"{"severity": "error", "summary": "Too many", "detail": "At most 7 for pool_x.",
        "snippet": {"code": "  size = 9"}}"#;

    #[test]
    fn they_are_found_in_both_forms() {
        let one_line = SIZE.replace('\n', "");
        let events = format!("{{\"type\": \"version\"}}\n{{\"type\": \"diagnostic\", \"diagnostic\": {one_line}}}\n");
        assert_eq!(output(&events).errors().len(), 1);
        let gist = output(&events).gist();
        assert!(gist.contains("Too many") && !gist.contains("version"), "{gist}");
        assert_eq!(output(&format!("{{\"diagnostics\": [{SIZE}]}}")).errors().len(), 1);
        assert!(output("Error: not JSON").errors().is_empty());
    }

    #[test]
    fn an_attribute_is_named_by_its_line_or_by_a_word() {
        let found = output(&format!("{{\"diagnostics\": [{SIZE}]}}")).errors().remove(0);
        assert_eq!(found.attribute(), Some("size"));
        assert!(found.names("size") && found.names("pool_x"));
        assert!(!found.names("pool") && !found.names("min_size"));
    }
}
