//! Ceph: its configuration, daemons, OSDs, CRUSH rules, pools, file systems.

pub mod cluster;
pub mod config;
pub mod crush_bucket;
pub mod crush_rule;
pub mod daemon;
pub mod departure;
pub mod durability;
pub mod erasure_pool;
pub mod filesystem;
pub mod flags;
pub mod install;
pub mod osd;
mod osd_state;
pub mod placement;
pub mod pool;
mod service;
pub mod status;
pub mod topology;
pub mod wait;

use std::collections::BTreeSet;

use terraform_plugin::{Cx, Registry};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry
        .data::<placement::told::CephPlacement>()
        .data::<status::CephStatus>()
        .object::<cluster::CephCluster>()
        .query::<cluster::CephCluster>()
        .listed::<config::CephConfig>()
        .listed::<crush_bucket::CrushBucket>()
        .listed::<crush_rule::CrushRule>()
        .listed::<erasure_pool::ErasurePool>()
        .listed::<filesystem::CephFilesystem>()
        .object::<flags::CephFlags>()
        .query::<flags::CephFlags>()
        .listed::<install::CephInstall>()
        .listed::<daemon::manager::CephManager>()
        .listed::<daemon::metadata_server::CephMetadataServer>()
        .listed::<daemon::monitor::CephMonitor>()
        .listed::<osd::Osd>()
        .listed::<pool::Pool>()
        .action::<osd_state::OsdState>()
        .action::<service::CephService>()
}

/// The pools that this run destroys, as far as that is known by now, by whichever object they belong to.
fn pools_going(cx: &Cx<Pve>) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = cx.going::<pool::Pool>().into_iter().map(|pool| pool.name).collect();
    for filesystem in cx.going::<filesystem::CephFilesystem>() {
        names.extend([filesystem.data_pool, filesystem.metadata_pool].into_iter().flatten());
    }
    for pool in cx.going::<erasure_pool::ErasurePool>() {
        names.extend([pool.data_pool, pool.metadata_pool].into_iter().flatten());
    }
    names
}

/// A node on which Ceph's own commands work; which one does not matter. `doing` is what the error says that failed.
async fn shell_node(cx: &Cx<Pve>, doing: &str) -> Result<String, Problem> {
    let node = cx.client.ceph().monitor_node().await.during(doing)?;
    node.ok_or_else(|| {
        Problem::new(
            doing,
            "No online node has a monitor that is part of the quorum, and Ceph's command needs one; nothing was written.",
        )
    })
}
