//! Everything a Terraform or OpenTofu provider in Rust needs, protocol 6.11, with no knowledge of what it provides.

pub mod diagnostics;
pub mod path;
pub mod schema;
pub mod stop;
pub mod value;

pub use diagnostics::{Diagnostic, Diagnostics, Severity};
pub use path::{Path, Step};
pub use stop::{StopReason, StopToken};
