#![doc = include_str!("../README.md")]

// The derives write paths that begin with the crate's name, in this crate's tests too.
extern crate self as terraform_plugin;

mod act;
mod action;
mod cx;
mod data_source;
pub mod diagnostics;
mod docs;
mod ephemeral;
mod error;
mod function;
#[cfg(test)]
mod fuzz;
mod held;
mod inventory;
mod journal;
mod listing;
mod look;
pub mod model;
mod moved;
mod notices;
pub mod outcome;
pub mod path;
pub mod plan;
mod private;
mod provider;
mod registry;
mod resource;
mod run;
pub mod schema;
pub mod serve;
pub mod server;
pub mod stop;
pub mod value;

pub use act::{Act, ActError};
pub use action::{Action, Progress};
pub use cx::Cx;
pub use data_source::DataSource;
pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use docs::docs_json;
pub use ephemeral::{Ephemeral, Opened};
pub use error::Error;
pub use function::{Function, FunctionError};
pub use inventory::{Inventory, Item};
pub use journal::Former;
pub use listing::{Queried, Seen};
pub use look::{Listed, Look, Many};
pub use model::{Attr, Duration, Key, Keyed, Model, Object, Raw, Secret, Size, Timeouts, Typed};
pub use moved::Move;
pub use notices::Notices;
pub use outcome::{Created, Deleted, Failed, Notes, Read, Unwritten, Updated, WriteError, Written};
pub use path::{Path, Step};
pub use plan::{Change, Findings, Say};
pub use private::Private;
pub use provider::{Provider, Start};
pub use registry::Registry;
pub use resource::{Job, Need, Resource, Stored, require, require_removable};
pub use run::run;
pub use server::Server;
pub use stop::{StopReason, StopToken};
pub use terraform_plugin_macros::{Choice, Model, Nested, ProviderConfig};
