//! The provider's description of itself, as `terraform-provider-pve docs-json` prints it.

use std::collections::BTreeMap;
use std::process::Command;

use acceptance_tests::Program;
use anyhow::ensure;
use serde::Deserialize;

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
    /// `computed`, or how it can be said.
    pub(crate) rule: String,
    /// `replace`, `local`, `sensitive`, `write_only`.
    pub(crate) flags: Vec<String>,
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
}
