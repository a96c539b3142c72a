//! The provider's description of itself, as `terraform-provider-pve docs-json` prints it.

use std::collections::BTreeMap;
use std::process::Command;

use acceptance_tests::Program;
use anyhow::ensure;
use serde::Deserialize;
use serde_json::Value;

/// The objects by type.
#[derive(Deserialize)]
pub(crate) struct Description {
    pub(crate) resources: BTreeMap<String, Object>,
    pub(crate) data_sources: BTreeMap<String, Object>,
}

/// A resource or a data source.
#[derive(Deserialize)]
pub(crate) struct Object {
    pub(crate) attributes: Vec<Attribute>,
    /// The attributes whose values the import id joins by `/`.
    pub(crate) key: Vec<String>,
    /// Whether it is one of many alike, which are tried together.
    pub(crate) plain: bool,
}

/// An attribute.
#[derive(Deserialize)]
pub(crate) struct Attribute {
    pub(crate) name: String,
    /// `required`, `optional`, `keep`, `default`, `computed`.
    pub(crate) rule: String,
    /// `replace`, `local`, `sensitive`, `write_only`.
    pub(crate) flags: Vec<String>,
    /// In words: `between 1 and 7`.
    pub(crate) checks: Vec<String>,
    #[serde(default)]
    pub(crate) default: Value,
    /// Of plain ones, as HCL writes it: `set(string)`.
    #[serde(default, rename = "type")]
    pub(crate) kind: Option<String>,
    /// Of nested ones: `single`, `list`, `set`, `map`.
    #[serde(default)]
    pub(crate) nesting: Option<String>,
    #[serde(default)]
    pub(crate) attributes: Vec<Attribute>,
}

impl Description {
    pub(crate) fn of(provider: &Program) -> anyhow::Result<Self> {
        let output = Command::new(&provider.path).arg("docs-json").output()?;
        ensure!(output.status.success(), "docs-json: {}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

impl Attribute {
    /// Whether it is never sent to PVE.
    pub(crate) fn is_local(&self) -> bool {
        self.flags.iter().any(|flag| flag == "local")
    }

    /// The words it may be, if it may be one of a few only.
    pub(crate) fn words(&self) -> Option<Vec<&str>> {
        let list = self.checks.iter().find_map(|check| check.strip_prefix("one of "))?;
        Some(list.split(", ").map(|word| word.trim_matches('`')).collect())
    }

    /// The limits of a number, the upper one if there is one.
    pub(crate) fn limits(&self) -> Option<(i64, Option<i64>)> {
        self.checks.iter().find_map(|check| {
            if let Some(low) = check.strip_prefix("at least ") {
                return Some((low.parse().ok()?, None));
            }
            let (low, high) = check.strip_prefix("between ")?.split_once(" and ")?;
            Some((low.parse().ok()?, Some(high.parse().ok()?)))
        })
    }

    /// Whether a check says so in words that begin like this.
    pub(crate) fn is(&self, says: &str) -> bool {
        self.checks.iter().any(|check| check.starts_with(says))
    }
}
