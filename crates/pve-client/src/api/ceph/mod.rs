//! Ceph.
pub mod crush;
