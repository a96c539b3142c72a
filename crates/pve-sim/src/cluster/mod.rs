//! The state of the simulated cluster; each part owns its own struct and its behaviour over time.

pub mod ceph;
