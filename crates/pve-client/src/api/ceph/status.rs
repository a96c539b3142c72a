//! Ceph's overall state.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::wire;

/// `GET ceph/status`: the part of Ceph's own status that matters here.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct CephStatus {
    /// The cluster's id.
    pub fsid: Option<String>,
    /// Health.
    pub health: Health,
    /// The monitors that agree.
    pub quorum_names: Vec<String>,
    /// Counts of OSDs.
    pub osdmap: OsdCounts,
    /// Placement groups and bytes.
    pub pgmap: PgMap,
}

/// Ceph's health.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Health {
    /// `HEALTH_OK`, `HEALTH_WARN`, `HEALTH_ERR`. Says OK for up to a minute beside undersized placement groups.
    pub status: String,
    /// What is wrong, by code (`OSD_DOWN`, `PG_DEGRADED` ...).
    pub checks: BTreeMap<String, Check>,
}

/// A reason for less than `HEALTH_OK`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Check {
    /// `HEALTH_WARN` or `HEALTH_ERR`.
    pub severity: String,
    /// In a sentence.
    pub summary: Message,
    /// In detail.
    pub detail: Vec<Message>,
    /// Hushed by somebody.
    #[serde(deserialize_with = "wire::boolean")]
    pub muted: bool,
}

/// A sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Message {
    /// The sentence.
    pub message: String,
}

/// Counts of OSDs.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct OsdCounts {
    /// All.
    #[serde(deserialize_with = "wire::number")]
    pub num_osds: u32,
    /// Running.
    #[serde(deserialize_with = "wire::number")]
    pub num_up_osds: u32,
    /// Given data.
    #[serde(deserialize_with = "wire::number")]
    pub num_in_osds: u32,
}

/// Placement groups and bytes.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct PgMap {
    /// All placement groups.
    #[serde(deserialize_with = "wire::number")]
    pub num_pgs: u32,
    /// How many are in which state.
    pub pgs_by_state: Vec<PgState>,
    /// Raw bytes.
    #[serde(deserialize_with = "wire::number")]
    pub bytes_total: u64,
    /// Raw bytes in use.
    #[serde(deserialize_with = "wire::number")]
    pub bytes_used: u64,
    /// Raw bytes left.
    #[serde(deserialize_with = "wire::number")]
    pub bytes_avail: u64,
}

/// Placement groups in one state.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct PgState {
    /// `active+clean`, `active+undersized+degraded` ...
    pub state_name: String,
    /// So many.
    #[serde(deserialize_with = "wire::number")]
    pub count: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_recorded_status() {
        let answer = r#"{"quorum_names":["pve1","pve2","pve3"],"pgmap":{"pgs_by_state":[{"count":1,"state_name":"active+clean"},
            {"count":"7","state_name":"active+undersized+degraded"}],"num_objects":0,"bytes_used":1826734080,"num_pgs":8,"bytes_total":51539607552},
            "health":{"mutes":[],"checks":{"POOL_TOO_MANY_PGS":{"muted":false,"severity":"HEALTH_WARN",
              "detail":[{"message":"Pool device_health_metrics has 1 placement groups, should have 1"}],
              "summary":{"message":"1 pools have too many placement groups","count":1}}},"status":"HEALTH_WARN"},
            "osdmap":{"num_up_osds":6,"num_osds":6,"num_in_osds":6,"epoch":27},"election_epoch":12}"#;
        let status: CephStatus = serde_json::from_str(answer).unwrap();
        assert_eq!((status.health.status.as_str(), status.osdmap.num_up_osds), ("HEALTH_WARN", 6));
        assert_eq!(status.health.checks["POOL_TOO_MANY_PGS"].detail.len(), 1);
        let states = status.pgmap.pgs_by_state.iter().map(|pgs| (pgs.state_name.as_str(), pgs.count));
        assert!(states.eq([("active+clean", 1), ("active+undersized+degraded", 7)]));
    }
}
