//! How changes are planned, and how results are held against plans.

mod change;

pub use change::{Change, Say};
