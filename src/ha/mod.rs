//! High availability: which guests are under HA, and what HA does.

pub mod resource;
mod shared_disks;
pub mod status;
mod wait;
