//! Typed calls.
pub mod ceph;
pub mod qemu;
