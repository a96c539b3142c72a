//! `pve_ceph_status`: how Ceph is at this moment.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use regex::Regex;
use terraform_plugin::{Cx, DataSource, Error, Model, Need};

use crate::ground::error::During;
use crate::ground::pve::Pve;

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
    /// What is wrong, in Ceph's sentences, by code (`OSD_DOWN`, `PG_DEGRADED`, ...). For how many seconds something is
    /// blocked already is left out: it would be another number at every plan.
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
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit", "Datastore.Audit"])]
    }

    async fn read(cx: &Cx<Pve>, _config: Self) -> Result<Self, Error> {
        let found = cx.client.ceph().status().await.during("Cannot read Ceph's status")?;
        let checks =
            found.health.checks.iter().map(|(code, check)| (code.clone(), without_clock(&check.summary.message)));
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

/// `1 slow ops, oldest one blocked for 32 sec, osd.0 has slow ops` without the 32 seconds.
fn without_clock(sentence: &str) -> String {
    static CLOCK: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r" for \d+(\.\d+)? sec(ond)?s?\b").ok());
    match &*CLOCK {
        Some(clock) => clock.replace_all(sentence, "").into_owned(),
        None => sentence.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_clock;

    #[test]
    fn a_sentence_is_the_same_a_minute_later() {
        let slow = |sec: u32| format!("30 slow ops, oldest one blocked for {sec} sec, osd.0 has slow ops");
        assert_eq!(without_clock(&slow(32)), "30 slow ops, oldest one blocked, osd.0 has slow ops");
        assert_eq!(without_clock(&slow(32)), without_clock(&slow(92)));
        let other = "Degraded data redundancy: 22/66 objects degraded (33.333%), 10 pgs degraded";
        assert_eq!(without_clock(other), other);
    }
}
