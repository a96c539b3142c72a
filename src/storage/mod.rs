//! Storages: entries of the cluster's `storage.cfg`.

pub mod images;
pub mod rbd;
