//! What the provider tells of its attributes, as `terraform-provider-pve docs-json` prints it.

use serde::Deserialize;
use serde_json::Value;

use crate::provider::PveProvider;

/// An attribute.
#[derive(Clone, Deserialize)]
pub(super) struct Attribute {
    pub(super) name: String,
    /// `required`, `optional`, `keep`, `default`, `computed`.
    pub(super) rule: String,
    /// `replace`, `local`, `sensitive`, `write_only`.
    pub(super) flags: Vec<String>,
    /// In words: `between 1 and 7`.
    pub(super) checks: Vec<String>,
    #[serde(default)]
    pub(super) default: Value,
    /// Of plain ones, as HCL writes it: `set(string)`.
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    /// Of nested ones: `single`, `list`, `set`, `map`.
    #[serde(default)]
    pub(super) nesting: Option<String>,
    #[serde(default)]
    pub(super) attributes: Vec<Self>,
}

/// The attributes of a resource that a configuration can say.
pub(super) fn arguments(resource: &str) -> Vec<Attribute> {
    let mut described = terraform_plugin::docs_json::<PveProvider>();
    let all = described["resources"][resource]["attributes"].take();
    let mut all: Vec<Attribute> = serde_json::from_value(all).unwrap_or_else(|error| panic!("{resource}: {error}"));
    all.retain(|attribute| attribute.rule != "computed");
    all
}

impl Attribute {
    /// Whether a flag is set: `local`.
    pub(super) fn is_flagged(&self, flag: &str) -> bool {
        self.flags.iter().any(|one| one == flag)
    }

    /// The words it may be, if it may be one of a few only.
    pub(super) fn words(&self) -> Option<Vec<&str>> {
        let list = self.checks.iter().find_map(|check| check.strip_prefix("one of "))?;
        Some(list.split(", ").map(|word| word.trim_matches('`')).collect())
    }

    /// The limits of a number, the upper one if there is one.
    pub(super) fn limits(&self) -> Option<(i64, Option<i64>)> {
        self.checks.iter().find_map(|check| {
            if let Some(low) = check.strip_prefix("at least ") {
                return Some((low.parse().ok()?, None));
            }
            let (low, high) = check.strip_prefix("between ")?.split_once(" and ")?;
            Some((low.parse().ok()?, Some(high.parse().ok()?)))
        })
    }

    /// Whether a check says so in words that begin like this.
    pub(super) fn is(&self, says: &str) -> bool {
        self.checks.iter().any(|check| check.starts_with(says))
    }
}
