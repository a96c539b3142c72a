//! MessagePack, the form in which values travel between Terraform and a provider (protocol §b).
//!
//! Written by hand on bytes: the type says what comes next, extensions stand for unknown values anywhere, and a
//! number has three forms; a general codec would give a tree that had to be judged a second time.

mod read;
mod write;

pub use read::decode;
pub use write::encode;

#[cfg(test)]
mod tests;
