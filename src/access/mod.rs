//! Who may do what, and what is grouped for that.

pub mod pool;
