//! Guests: their configurations, in the normal forms that PVE keeps.

pub mod config;
pub mod drive;
mod list;
pub mod net;
pub mod size;

pub use list::{Guest, Guests};
