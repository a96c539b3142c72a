//! What Terraform's core does between a configuration and a state, for tests of providers: it validates, plans (twice where
//! Terraform does), applies, refreshes, imports and destroys, and holds against the provider whatever Terraform would.
//!
//! It speaks to a provider over the wire types alone, in the same process or behind a connection, and shares nothing with
//! any framework: the judge must not depend on the judged. It knows the facts from Terraform 1.15.5 and says what it has to
//! say in Terraform's words.
//!
//! ```
//! use serde_json::json;
//! use terraform_core::{Action, Config, Core, Provider};
//!
//! # struct Nothing;
//! # #[tonic::async_trait]
//! # impl tfplugin6::provider_server::Provider for Nothing {}
//! # async fn example() -> Result<(), terraform_core::Diagnostics> {
//! // Each command starts the provider anew.
//! let mut core = Core::new(|| Provider::in_process(Nothing), json!({"endpoint": "..."})).await?;
//! let config = Config::new()
//!     .resource("cloud_disk.data", json!({"size": 8}))
//!     .resource("cloud_machine.web", json!({"disk": "${cloud_disk.data.id}"}));
//! let plan = core.plan(&config).await?;
//! assert_eq!(plan.action("cloud_disk.data"), Action::Create);
//! core.apply_plan(plan).await?;
//! assert!(core.plan(&config).await?.is_empty());
//! core.destroy(&config).await?;
//! # Ok(())
//! # }
//! ```

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
