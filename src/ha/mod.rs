//! High availability: which guests are under HA, and what HA does.

pub mod local;
mod movable;
pub mod planned;
pub mod resource;
pub mod status;
mod wait;
