//! Ceph: OSDs, CRUSH rules, pools.

pub mod crush_rule;
pub mod durability;
pub mod placement;
pub mod pool;
pub mod status;
pub mod topology;
