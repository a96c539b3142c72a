//! The tests that are functions, a file for each subject: `cargo test -p acceptance-tests -- ceph_pool` runs one. Those
//! that are found at run time have a program of their own, in `tests/found/`.

mod beside;
mod ceph_osd;
mod ceph_pool;
mod ceph_rule;
mod cluster;
mod endpoints;
mod framework;
mod from_bare_nodes;
mod guests;
mod guides;
mod ha_resource;
mod handed_over;
mod harness;
mod homelab;
mod load;
mod long_move;
mod modules;
mod proxmoxer;
mod query;
mod requests;
mod road;
mod secrets;
mod ssh;
mod taken_over;
mod vm;
mod vm_disk_move;
mod walk;
