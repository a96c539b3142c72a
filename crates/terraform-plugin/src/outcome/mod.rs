//! How operations end. What must not happen cannot be written down.

mod create;
mod deleted;
mod read;
mod slot;
mod update;

pub(crate) use create::Outcome;
pub use create::{Created, Failed, Notes, Unwritten, WriteError, Written};
pub use deleted::Deleted;
pub use read::{Read, Unreachable};
pub(crate) use slot::Slot;
pub use update::Updated;
