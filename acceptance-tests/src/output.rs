//! What a Terraform command said.

use anyhow::{Context as _, ensure};
use serde_json::Value;

/// A finished command.
#[derive(Clone, Debug)]
pub struct Output {
    /// The command line, for messages.
    pub command: String,
    /// Exit code; none when a signal ended it.
    pub code: Option<i32>,
    /// Its stdout.
    pub stdout: String,
    /// Its stderr: errors and, for most commands, warnings' counterparts on stdout are not here.
    pub stderr: String,
}

impl Output {
    /// Itself, if the exit code was 0.
    pub fn succeeded(self) -> anyhow::Result<Self> {
        ensure!(self.code == Some(0), "{}", self.told());
        Ok(self)
    }

    /// Itself, if it failed in the ordinary way (exit code 1) and said `why` somewhere, however its lines are broken.
    pub fn failed(self, why: &str) -> anyhow::Result<Self> {
        ensure!(self.code == Some(1), "should have failed: {}", self.told());
        ensure!(self.says(why), "should have said {why:?}: {}", self.told());
        Ok(self)
    }

    /// Whether the text is somewhere in what it said. Line breaks and the frames around diagnostics do not count.
    pub fn says(&self, text: &str) -> bool {
        flat(&self.stdout).contains(&flat(text)) || flat(&self.stderr).contains(&flat(text))
    }

    /// Stdout as JSON.
    pub fn json(&self) -> anyhow::Result<Value> {
        serde_json::from_str(&self.stdout).with_context(|| self.told())
    }

    /// Everything, for a failed test.
    pub fn told(&self) -> String {
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        format!("`{}` ended with {code}\n{}\n{}", self.command, self.stdout, self.stderr)
    }
}

/// Without the frames that Terraform draws, and with single spaces only.
fn flat(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || "│╷╵".contains(c))
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_and_line_breaks_do_not_hide_a_text() {
        let stderr = "╷\n│ Error: The node\n│ is down\n╵\n".to_owned();
        let output = Output { command: "plan".to_owned(), code: Some(1), stdout: String::new(), stderr };
        assert!(output.says("The node is down"));
        assert!(!output.says("The node is up"));
        assert!(output.clone().failed("down").is_ok() && output.succeeded().is_err());
    }
}
