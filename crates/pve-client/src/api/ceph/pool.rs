//! Pools.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::size::Size;
use crate::{Request, wire};

/// A pool in `GET ceph/pool`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Pool {
    /// Its number.
    #[serde(default, rename = "pool", deserialize_with = "wire::number")]
    pub id: i64,
    /// Its name. PVE cannot change it.
    #[serde(rename = "pool_name")]
    pub name: String,
    /// `replicated`, `erasure`, `unknown`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// Copies.
    #[serde(default, deserialize_with = "wire::number")]
    pub size: u32,
    /// Fewest copies with which it works.
    #[serde(default, deserialize_with = "wire::number")]
    pub min_size: u32,
    /// Placement groups at this moment; on its way to `pg_num_target` it changes by itself.
    #[serde(default, deserialize_with = "wire::number")]
    pub pg_num: u32,
    /// The autoscaler's lower limit.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub pg_num_min: Option<u32>,
    /// What the autoscaler thinks right.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub pg_num_final: Option<u32>,
    /// `on`, `off`, `warn`.
    #[serde(default)]
    pub pg_autoscale_mode: Option<String>,
    /// The rule's number.
    #[serde(default, rename = "crush_rule", deserialize_with = "wire::opt_number")]
    pub crush_rule_id: Option<i64>,
    /// The rule's name.
    #[serde(default)]
    pub crush_rule_name: Option<String>,
    /// Expected use in bytes, for the autoscaler.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub target_size: Option<u64>,
    /// Expected share, for the autoscaler.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub target_size_ratio: Option<f64>,
    /// Bytes in use; some seconds old.
    #[serde(default, deserialize_with = "wire::number")]
    pub bytes_used: u64,
    /// Share in use, 0 to 1; some seconds old.
    #[serde(default, deserialize_with = "wire::number")]
    pub percent_used: f64,
    /// What it is for (`rbd`, `cephfs`, `rgw`), with details.
    #[serde(default)]
    pub application_metadata: Option<BTreeMap<String, serde_json::Value>>,
    /// The autoscaler's view.
    #[serde(default)]
    pub autoscale_status: Option<AutoscaleStatus>,
}

/// The autoscaler's view of a pool.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct AutoscaleStatus {
    /// The number of placement groups that was asked for; `pg_num` follows in steps.
    #[serde(deserialize_with = "wire::opt_number")]
    pub pg_num_target: Option<u32>,
    /// What it thinks right.
    #[serde(deserialize_with = "wire::opt_number")]
    pub pg_num_final: Option<u32>,
    /// Whether it would change something.
    #[serde(deserialize_with = "wire::boolean")]
    pub would_adjust: bool,
}

impl Pool {
    /// What it is for. Ceph's own pools are for a module of the manager (`mgr`, `mgr_devicehealth`).
    pub fn applications(&self) -> impl Iterator<Item = &str> {
        self.application_metadata.iter().flat_map(|map| map.keys()).map(String::as_str)
    }

    /// The number of placement groups that was asked for.
    pub fn pg_num_target(&self) -> u32 {
        self.autoscale_status.as_ref().and_then(|status| status.pg_num_target).unwrap_or(self.pg_num)
    }
}

/// `GET ceph/pool/{name}/status?verbose=1`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct PoolStatus {
    /// Its number.
    #[serde(default, deserialize_with = "wire::number")]
    pub id: i64,
    /// Its name.
    #[serde(default)]
    pub name: String,
    /// Copies.
    #[serde(default, deserialize_with = "wire::number")]
    pub size: u32,
    /// Fewest copies with which it works.
    #[serde(default, deserialize_with = "wire::number")]
    pub min_size: u32,
    /// Placement groups at this moment.
    #[serde(default, deserialize_with = "wire::number")]
    pub pg_num: u32,
    /// Placement groups that are placed by themselves already.
    #[serde(default, deserialize_with = "wire::number")]
    pub pgp_num: u32,
    /// The autoscaler's lower limit.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub pg_num_min: Option<u32>,
    /// `on`, `off`, `warn`.
    #[serde(default)]
    pub pg_autoscale_mode: Option<String>,
    /// The rule's **name** (the list has the number here).
    #[serde(default)]
    pub crush_rule: Option<String>,
    /// Expected use in bytes, for the autoscaler.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub target_size: Option<u64>,
    /// Expected share, for the autoscaler.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub target_size_ratio: Option<f64>,
    /// Cannot be deleted.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub nodelete: bool,
    /// Number of placement groups cannot be changed.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub nopgchange: bool,
    /// Size and min_size cannot be changed.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub nosizechange: bool,
    /// What it is for.
    #[serde(default, deserialize_with = "wire::list")]
    pub application_list: Vec<String>,
    /// Use.
    #[serde(default)]
    pub statistics: Option<PoolUse>,
    /// The autoscaler's view.
    #[serde(default)]
    pub autoscale_status: Option<AutoscaleStatus>,
}

/// What is in a pool; some seconds old.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default)]
pub struct PoolUse {
    /// Objects.
    #[serde(deserialize_with = "wire::number")]
    pub objects: u64,
    /// Bytes, copies not counted.
    #[serde(deserialize_with = "wire::number")]
    pub stored: u64,
    /// Bytes, copies counted.
    #[serde(deserialize_with = "wire::number")]
    pub bytes_used: u64,
    /// Bytes that still fit.
    #[serde(deserialize_with = "wire::number")]
    pub max_avail: u64,
}

/// Settings of a pool to make or change; what is `None` is left to PVE's default or as it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PoolParams {
    /// Copies, 1 to 7; PVE's default is 3.
    pub size: Option<u32>,
    /// Fewest copies with which it works, 1 to 7; PVE's default is 2.
    pub min_size: Option<u32>,
    /// Placement groups, 1 to 32768; PVE's default is 128.
    pub pg_num: Option<u32>,
    /// The autoscaler's lower limit; 0 takes it away.
    pub pg_num_min: Option<u32>,
    /// `on`, `off`, `warn` (PVE's default).
    pub pg_autoscale_mode: Option<String>,
    /// Name of the rule.
    pub crush_rule: Option<String>,
    /// `rbd` (PVE's default), `cephfs`, `rgw`. Can be added, not switched.
    pub application: Option<String>,
    /// Expected use; 0 takes it away.
    pub target_size: Option<Size>,
    /// Expected share; 0 takes it away.
    pub target_size_ratio: Option<f64>,
    /// Makes a storage of the same name as well. On creation only.
    pub add_storages: Option<bool>,
}

impl PoolParams {
    /// Whether nothing is set.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(super) fn onto(&self, request: Request) -> Request {
        request
            .opt("size", self.size)
            .opt("min_size", self.min_size)
            .opt("pg_num", self.pg_num)
            .opt("pg_num_min", self.pg_num_min)
            .opt("pg_autoscale_mode", self.pg_autoscale_mode.as_deref())
            .opt("crush_rule", self.crush_rule.as_deref())
            .opt("application", self.application.as_deref())
            .opt("target_size", self.target_size)
            .opt("target_size_ratio", self.target_size_ratio)
            .opt("add_storages", self.add_storages.map(wire::flag))
    }
}

/// How to destroy a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PoolRemoval {
    /// Also if a storage on it still holds images.
    pub force: bool,
    /// Removes the storages that lie on it. Left out, their entries dangle.
    pub remove_storages: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_recorded_list_and_older_texts_for_numbers() {
        let answer = r#"[{"autoscale_status":{"pg_num_target":8,"would_adjust":false,"pg_num_final":32},"pool":5,"size":3,"target_size":null,"crush_rule":0,
              "pg_num_final":32,"percent_used":0,"pool_name":"tp1","pg_autoscale_mode":"warn","bytes_used":0,"target_size_ratio":null,"type":"replicated",
              "pg_num":136,"crush_rule_name":"replicated_rule","application_metadata":{"rbd":{}},"min_size":2,"pg_num_min":1},
            {"pool":"1","pool_name":".mgr","size":"3","min_size":"2","pg_num":1,"crush_rule":"0","target_size":"1073741824","target_size_ratio":"0.2"}]"#;
        let pools: Vec<Pool> = serde_json::from_str(answer).unwrap();
        assert_eq!((pools[0].pg_num, pools[0].pg_num_target(), pools[0].target_size), (136, 8, None));
        assert_eq!(pools[0].applications().collect::<Vec<_>>(), ["rbd"]);
        assert_eq!(
            (pools[1].id, pools[1].crush_rule_id, pools[1].target_size, pools[1].target_size_ratio),
            (1, Some(0), Some(1 << 30), Some(0.2))
        );
        assert_eq!(pools[1].pg_num_target(), 1);
    }

    #[test]
    fn reads_recorded_states_of_both_generations() {
        let new = r#"{"hashpspool":true,"size":3,"id":5,"crush_rule":"replicated_rule","nodelete":false,"pgp_num":8,"min_size":2,"pg_num_min":null,
            "target_size_ratio":0.2,"pg_num":8,"name":"tp1","nosizechange":false,"pg_autoscale_mode":"on","nopgchange":false,"application_list":["rbd"],
            "autoscale_status":{"would_adjust":true,"pg_num_final":256,"pg_num_target":8},"target_size":1073741824,
            "statistics":{"stored":0,"kb_used":0,"bytes_used":7,"max_avail":15711169536,"objects":0,"percent_used":0}}"#;
        let old =
            r#"{"id":5,"name":"tp1","size":2,"nodelete":1,"nosizechange":"0","min_size":1,"pg_num":8,"pgp_num":8}"#;
        let new: PoolStatus = serde_json::from_str(new).unwrap();
        let old: PoolStatus = serde_json::from_str(old).unwrap();
        assert_eq!(
            (new.target_size, new.statistics.unwrap().bytes_used, new.autoscale_status.unwrap().would_adjust),
            (Some(1 << 30), 7, true)
        );
        assert!(old.nodelete && !old.nosizechange && old.crush_rule.is_none());
    }

    #[test]
    fn sends_only_what_is_set() {
        let params = PoolParams {
            size: Some(5),
            target_size: Some(Size::from_gib(1)),
            add_storages: Some(false),
            ..PoolParams::default()
        };
        assert_eq!(params.onto(Request::post("x")).form().as_deref(), Some("size=5&target_size=1G&add_storages=0"));
        assert!(PoolParams::default().is_empty() && !params.is_empty());
    }
}
