//! `pve_ceph_status`: how Ceph is at this moment.

use std::collections::{BTreeMap, BTreeSet};

use terraform_plugin::{Cx, DataSource, Error, Model};

use crate::error::During;
use crate::pve::Pve;

/// How Ceph is at this moment: health, monitors, OSDs, placement groups.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_status", area = "Ceph")]
pub struct CephStatus {
    /// The Ceph cluster's id.
    #[attr(computed)]
    pub fsid: Option<String>,
    /// `HEALTH_OK`, `HEALTH_WARN` or `HEALTH_ERR`. Ceph says OK for up to a minute beside undersized placement groups;
    /// `pgs_by_state` is quicker.
    #[attr(computed)]
    pub health: Option<String>,
    /// What is wrong, in Ceph's sentences, by code (`OSD_DOWN`, `PG_DEGRADED`, ...).
    #[attr(computed)]
    pub checks: Option<BTreeMap<String, String>>,
    /// The monitors that agree.
    #[attr(computed)]
    pub monitors_in_quorum: Option<BTreeSet<String>>,
    /// OSDs there are.
    #[attr(computed)]
    pub osds: Option<u32>,
    /// OSDs that run.
    #[attr(computed)]
    pub osds_up: Option<u32>,
    /// OSDs that are given data.
    #[attr(computed)]
    pub osds_in: Option<u32>,
    /// Placement groups by state (`active+clean`, `active+undersized+degraded`, ...).
    #[attr(computed)]
    pub pgs_by_state: Option<BTreeMap<String, u32>>,
}

impl DataSource<Pve> for CephStatus {
    async fn read(cx: &Cx<Pve>, _config: Self) -> Result<Self, Error> {
        let found = cx.client.ceph().status().await.during("Cannot read Ceph's status")?;
        let checks = found.health.checks.iter().map(|(code, check)| (code.clone(), check.summary.message.clone()));
        let states = found.pgmap.pgs_by_state.iter().map(|pgs| (pgs.state_name.clone(), pgs.count));
        Ok(Self {
            fsid: found.fsid.clone(),
            health: Some(found.health.status.clone()),
            checks: Some(checks.collect()),
            monitors_in_quorum: Some(found.quorum_names.iter().cloned().collect()),
            osds: Some(found.osdmap.num_osds),
            osds_up: Some(found.osdmap.num_up_osds),
            osds_in: Some(found.osdmap.num_in_osds),
            pgs_by_state: Some(states.collect()),
        })
    }
}
