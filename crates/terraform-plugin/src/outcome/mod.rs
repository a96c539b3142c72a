//! How operations end. What must not happen cannot be written down.
//!
//! The ways in which a create may end:
//!
//! ```no_run
//! # use terraform_plugin::{Created, Error, Failed, Notes, Unwritten};
//! # async fn ask() -> Result<u8, Error> { Ok(1) }
//! # async fn take_back() -> Result<(), Error> { Ok(()) }
//! async fn create(want: u8, unwritten: Unwritten<u8>) -> Result<Created<u8>, Failed> {
//!     unwritten.check(ask().await)?;
//!     if want == 0 {
//!         return Err(unwritten.fail(Error::new("a", "b")));
//!     }
//!     let (answer, written) = unwritten.send(want, ask()).await?;
//!     written.note(want);
//!     let Ok(answer) = answer else { return Ok(written.leave(Error::new("a", "b"))) };
//!     if answer == 2 {
//!         return written.undo(Error::new("a", "b"), take_back()).await;
//!     }
//!     let rest = async |notes: Notes<u8>| {
//!         let found = ask().await?;
//!         notes.note(found);
//!         Ok::<_, Error>(found)
//!     };
//!     Ok(written.settle(rest).await)
//! }
//! ```

mod create;
mod deleted;
mod read;
mod slot;
mod update;

pub(crate) use create::Outcome;
pub use create::{Created, Failed, Notes, Unwritten, WriteError, Written};
pub use deleted::Deleted;
pub use read::{Read, Unreachable};
pub(crate) use slot::{BeforeWrite, Slot};
pub use update::Updated;
