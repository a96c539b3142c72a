//! Guests: their configurations, in the normal forms that PVE keeps.

pub mod config;
pub mod drive;
pub mod net;
pub mod size;
