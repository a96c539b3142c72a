//! Skeleton.
pub mod cluster;
