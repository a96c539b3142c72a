//! How most tests begin: a simulated cluster, and a workspace whose provider talks to it.

use std::fmt::Display;

use crate::{Program, Sim, Terraform, Workspace, or_skip};

/// A configuration that names the provider and leaves the rest to the environment.
pub const HEAD: &str =
    "terraform {\n  required_providers {\n    pve = { source = \"homelab/pve\" }\n  }\n}\n\nprovider \"pve\" {}\n";

/// A cluster with these options of `pve-sim serve`, and an initialised workspace for it with [`HEAD`] as `head.tf`; `None`,
/// said loudly, where there is no Terraform.
pub fn cluster(options: &[&str]) -> anyhow::Result<Option<(Sim, Workspace)>> {
    begin(|| Sim::start(options))
}

/// The same, of a cluster that is described in YAML or JSON.
pub fn cluster_of(shape: impl Display, options: &[&str]) -> anyhow::Result<Option<(Sim, Workspace)>> {
    begin(|| Sim::of(shape, options))
}

fn begin(start: impl FnOnce() -> anyhow::Result<Sim>) -> anyhow::Result<Option<(Sim, Workspace)>> {
    let Some(terraform) = or_skip(Terraform::find()) else { return Ok(None) };
    let provider = Program::provider()?;
    let sim = start()?;
    let work = Workspace::of(terraform, &provider, &sim)?;
    work.write("head.tf", HEAD)?;
    work.init()?.succeeded()?;
    Ok(Some((sim, work)))
}
