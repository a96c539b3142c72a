//! Every recorded answer to a read that this crate makes, through the type that reads it.

use regex::Regex;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::truth;
use crate::api::PveVersion;
use crate::api::access::Privileges;
use crate::api::ceph::ConfigEntry;
use crate::api::ceph::crush::CrushMap;
use crate::api::ceph::osd::{OsdMetadata, OsdTree};
use crate::api::ceph::pool::{Pool, PoolStatus};
use crate::api::ceph::services::{Manager, Monitor, Safety};
use crate::api::ceph::status::CephStatus;
use crate::api::cluster::{ClusterStatus, Guest};
use crate::api::disks::Disk;
use crate::api::ha::resource::HaResource;
use crate::api::ha::status::{HaStatus, ManagerStatus};
use crate::api::nodes::{NodeEntry, NodeStatus, TaskEntry, VmEntry};
use crate::api::qemu::PendingEntry;
use crate::api::qemu::config::Config;
use crate::api::qemu::power::VmStatus;
use crate::api::storage::{StorageConfig, StorageStatus, Volume};

const FILES: [&str; 10] = [
    "01-base",
    "02-ha",
    "02b-ha-lifecycle",
    "03-access",
    "04-storage",
    "05-ceph",
    "05b-ceph-more",
    "06-qemu",
    "07-cluster-disks",
    "08-details",
];

type Reader = fn(Value) -> Result<String, String>;

fn reader<T: DeserializeOwned + std::fmt::Debug>(value: Value) -> Result<String, String> {
    serde_json::from_value::<T>(value).map(|read| format!("{read:?}")).map_err(|why| why.to_string())
}

/// The crush map is read whatever it says; nothing of it may be left over.
fn crush(value: Value) -> Result<String, String> {
    let map: CrushMap = serde_json::from_value(value).map_err(|why| why.to_string())?;
    if map.unread.is_empty() && !map.rules.is_empty() && !map.buckets.is_empty() {
        return Ok(format!("{map:?}"));
    }
    Err(format!("left unread: {:?}", map.unread))
}

/// Guests only, as the request with `type=vm` would have it.
fn guests(value: Value) -> Result<String, String> {
    let all = value.as_array().ok_or("no list")?.iter();
    let guests: Vec<_> =
        all.filter(|entry| ["qemu", "lxc"].contains(&entry["type"].as_str().unwrap_or_default())).cloned().collect();
    reader::<Vec<Guest>>(Value::Array(guests))
}

fn readers() -> Vec<(Regex, Reader)> {
    let table: [(&str, Reader); 30] = [
        ("/version", reader::<PveVersion>),
        ("/access/permissions", reader::<std::collections::BTreeMap<String, Privileges>>),
        ("/cluster/status", reader::<ClusterStatus>),
        ("/cluster/resources", guests),
        ("/cluster/tasks", reader::<Vec<TaskEntry>>),
        ("/nodes", reader::<Vec<NodeEntry>>),
        ("/nodes/[^/]+/status", reader::<NodeStatus>),
        ("/nodes/[^/]+/tasks", reader::<Vec<TaskEntry>>),
        ("/nodes/[^/]+/disks/list", reader::<Vec<Disk>>),
        ("/storage", reader::<Vec<StorageConfig>>),
        ("/storage/[^/]+", reader::<StorageConfig>),
        ("/nodes/[^/]+/storage", reader::<Vec<StorageStatus>>),
        ("/nodes/[^/]+/storage/[^/]+/content", reader::<Vec<Volume>>),
        ("(/nodes/[^/]+|/cluster)/ceph/status", reader::<CephStatus>),
        ("/nodes/[^/]+/ceph/mon", reader::<Vec<Monitor>>),
        ("/nodes/[^/]+/ceph/mgr", reader::<Vec<Manager>>),
        ("/nodes/[^/]+/ceph/osd", reader::<OsdTree>),
        ("/nodes/[^/]+/ceph/osd/[0-9]+/metadata", reader::<OsdMetadata>),
        ("/nodes/[^/]+/ceph/pool", reader::<Vec<Pool>>),
        ("/nodes/[^/]+/ceph/pool/[^/]+/status", reader::<PoolStatus>),
        ("/nodes/[^/]+/ceph/crush", crush),
        ("/nodes/[^/]+/ceph/cfg/db", reader::<Vec<ConfigEntry>>),
        ("/nodes/[^/]+/ceph/cmd-safety", reader::<Safety>),
        ("/nodes/[^/]+/qemu", reader::<Vec<VmEntry>>),
        ("/nodes/[^/]+/qemu/[0-9]+/config", reader::<Config>),
        ("/nodes/[^/]+/qemu/[0-9]+/pending", reader::<Vec<PendingEntry>>),
        ("/nodes/[^/]+/qemu/[0-9]+/status/current", reader::<VmStatus>),
        ("/cluster/ha/resources(/(?P<one>[^/]+))?", |value| match value {
            Value::Array(_) => reader::<Vec<HaResource>>(value),
            one => reader::<HaResource>(one),
        }),
        ("/cluster/ha/status/current", reader::<HaStatus>),
        ("/cluster/ha/status/manager_status", reader::<ManagerStatus>),
    ];
    table.into_iter().map(|(path, reader)| (Regex::new(&format!("^{path}$")).unwrap(), reader)).collect()
}

#[test]
fn every_recorded_answer_is_understood() {
    let readers = readers();
    let mut seen = vec![0; readers.len()];
    let mut faults = Vec::new();
    for file in FILES {
        for entry in truth(&format!("pve/{file}.json")).as_array().unwrap() {
            let request = &entry["request"];
            let path = request["path"].as_str().unwrap_or_default();
            if request["method"] != "GET" || entry["status"] != 200 {
                continue;
            }
            for (index, (pattern, reader)) in
                readers.iter().enumerate().filter(|(_, (pattern, _))| pattern.is_match(path))
            {
                seen[index] += 1;
                if let Err(why) = reader(entry["response"]["data"].clone()) {
                    faults.push(format!("{file} {} of {path}: {why}", pattern));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    let idle: Vec<_> =
        readers.iter().zip(&seen).filter(|(_, seen)| **seen == 0).map(|((path, _), _)| path.as_str()).collect();
    assert!(idle.is_empty(), "never recorded: {idle:?}");
}

#[test]
fn every_recorded_disk_string_comes_back_as_it_was() {
    let mut count = 0;
    for entry in truth("pve/06-qemu.json").as_array().unwrap() {
        let path = entry["request"]["path"].as_str().unwrap_or_default();
        if entry["request"]["method"] != "GET" || entry["status"] != 200 || !path.ends_with("/config") {
            continue;
        }
        let data = &entry["response"]["data"];
        let config: Config = serde_json::from_value(data.clone()).unwrap();
        for (key, drive) in &config.drives {
            assert_eq!(data[key.to_string()], drive.to_string());
            count += 1;
        }
        for (index, net) in &config.nets {
            assert_eq!(data[format!("net{index}")], net.to_string());
            count += 1;
        }
    }
    assert!(count > 20, "{count}");
}
