//! Nodes and what is in them.

pub mod disks;
pub mod nodes;
