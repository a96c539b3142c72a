#![doc = include_str!("../README.md")]

mod beside;
mod cluster;
mod control;
mod diagnostic;
mod difference;
pub mod fault_matrix;
pub mod given;
mod import;
pub mod load;
pub mod lots;
pub mod matrix;
mod output;
mod plan;
mod program;
mod running;
mod scene;
mod sim;
mod skip;
mod terraform;
pub mod walk;
mod web;
mod workspace;

pub use beside::{Beside, data_may_send};
pub use cluster::{HEAD, cluster, cluster_of};
pub use control::{Concurrency, Seen};
pub use diagnostic::Diagnostic;
pub use difference::{Difference, difference, must_be_the_same_but_for_half_a_copy};
pub use import::{import_blocks, import_id};
pub use output::Output;
pub use plan::Plan;
pub use program::{BUILT_IN, Program, optimize};
pub use running::Running;
pub use scene::Scene;
pub use sim::Sim;
pub use skip::{must_not_skip, or_skip};
pub use terraform::{Product, Terraform, Version, python_environment};
pub use web::Web;
pub use workspace::{Workspace, example};

use std::path::{Path, PathBuf};

/// Cargo's target directory.
pub(crate) fn target() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    root.join(std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}
