//! Proxmox VE's HTTP API.

pub mod api;
pub mod property_string;
pub mod size;
pub mod version;
pub mod wire;
