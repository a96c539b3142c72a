//! VMs.
pub mod boot;
pub mod cloud_init;
pub mod drive;
pub mod net;
