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
    /// Bytes on disks for each byte stored: the copies, or all chunks for those of data.
    #[serde(deserialize_with = "wire::opt_number")]
    pub raw_used_rate: Option<f64>,
}

impl Pool {
    /// What it is for. Ceph's own pools are for a module of the manager (`mgr`, `mgr_devicehealth`).
    pub fn applications(&self) -> impl Iterator<Item = &str> {
        self.application_metadata.iter().flat_map(|map| map.keys()).map(String::as_str)
    }

    /// Chunks of data and of parity of an erasure coded pool, which only the autoscaler's view tells apart.
    pub fn chunks(&self) -> Option<(u32, u32)> {
        let rate = self.autoscale_status.as_ref()?.raw_used_rate.filter(|rate| *rate >= 1.0)?;
        let data = (f64::from(self.size) / rate).round() as u32;
        (self.kind == "erasure" && data > 0).then(|| (data, self.size.saturating_sub(data)))
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
    /// Makes a storage of the same name as well. On creation only; PVE's default for an erasure coded pool.
    pub add_storages: Option<bool>,
    /// Makes two pools, the data of one cut into chunks. On creation only.
    pub erasure: Option<Erasure>,
}

/// How the data of an erasure coded pool is cut up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Erasure {
    /// Chunks of data, 2 and up.
    pub k: u32,
    /// Chunks of parity, 1 and up.
    pub m: u32,
    /// What no two chunks share; PVE's default is `host`.
    pub failure_domain: Option<String>,
    /// Only OSDs of this class.
    pub device_class: Option<String>,
}

impl Erasure {
    fn property(&self) -> String {
        let mut text = format!("k={},m={}", self.k, self.m);
        for (key, value) in [("failure-domain", &self.failure_domain), ("device-class", &self.device_class)] {
            if let Some(value) = value {
                text.push_str(&format!(",{key}={value}"));
            }
        }
        text
    }
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
            .opt("erasure-coding", self.erasure.as_ref().map(Erasure::property))
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
    fn how_a_recorded_pool_is_cut_up_is_told_by_its_rate() {
        let answer = r#"{"type":"erasure","pool_name":"ec1-data","size":3,"min_size":2,"autoscale_status":{"raw_used_rate":1.5}}"#;
        let recorded: Pool = serde_json::from_str(answer).unwrap();
        assert_eq!(recorded.chunks(), Some((2, 1)));
        let of = |size: u32, rate: f64, kind: &str| {
            let answer = serde_json::json!({"type": kind, "pool_name": "p", "size": size, "autoscale_status": {"raw_used_rate": rate}});
            serde_json::from_value::<Pool>(answer).unwrap().chunks()
        };
        for (k, m) in (2..20).flat_map(|k| (1..8).map(move |m| (k, m))) {
            // As Ceph prints it.
            let rate: f64 = format!("{:.6}", f64::from(k + m) / f64::from(k)).parse().unwrap();
            assert_eq!(of(k + m, rate, "erasure"), Some((k, m)));
        }
        assert_eq!((of(3, 3.0, "replicated"), of(3, 0.0, "erasure")), (None, None));
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
        let erasure = Erasure { k: 4, m: 2, failure_domain: Some("osd".into()), device_class: None };
        let params = PoolParams { erasure: Some(erasure), ..PoolParams::default() };
        let form = params.onto(Request::post("x")).form();
        assert_eq!(form.as_deref(), Some("erasure-coding=k%3D4%2Cm%3D2%2Cfailure-domain%3Dosd"));
        assert!(PoolParams::default().is_empty() && !params.is_empty());
    }
}
