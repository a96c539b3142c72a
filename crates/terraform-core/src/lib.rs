#![doc = include_str!("../README.md")]

pub mod compare;
mod config;
pub mod conformance;
mod core;
mod diagnostics;
mod number;
mod path;
mod plan;
mod process;
mod provider;
mod rules;
mod schema;
mod schemas;
mod state;
#[cfg(test)]
mod tests;
mod types;
mod value;
mod walk;

pub use crate::config::{Config, Expr};
pub use crate::core::{Core, PlanOptions};
pub use crate::diagnostics::{By, Diagnostic, Diagnostics, Rule};
pub use crate::number::{NotANumber, Number};
pub use crate::path::{Path, Step};
pub use crate::plan::{Action, Applied, Change, Plan, Reason};
pub use crate::process::Process;
pub use crate::provider::Provider;
pub use crate::schema::{Attribute, Block, Identity, Kind, Nested, NestedBlock, Nesting, Schema};
pub use crate::schemas::Schemas;
pub use crate::state::{Address, Instance, InstanceKey, State};
pub use crate::types::Type;
pub use crate::value::{Refinement, Value};
pub use crate::walk::{CallError, Found, Invoked, Query, written};
