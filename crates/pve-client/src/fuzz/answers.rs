//! Whole answers: status, reason, content type and body, read as every type that this crate asks for.

use std::collections::BTreeMap;

use bolero::check;
use bytes::Bytes;
use serde::de::DeserializeOwned;

use super::{RANDOM, first_line};
use crate::answer;
use crate::api::PveVersion;
use crate::api::access::Privileges;
use crate::api::ceph::ConfigEntry;
use crate::api::ceph::crush::CrushMap;
use crate::api::ceph::osd::{OsdMetadata, OsdTree};
use crate::api::ceph::pool::{Pool, PoolStatus};
use crate::api::ceph::services::{Manager, Monitor, Safety};
use crate::api::ceph::status::CephStatus;
use crate::api::cluster::{ClusterStatus, Guest};
use crate::api::disks::{Disk, VolumeGroups};
use crate::api::ha::resource::HaResource;
use crate::api::ha::status::{HaStatus, ManagerStatus};
use crate::api::nodes::{NodeEntry, NodeStatus, TaskEntry, VmEntry};
use crate::api::qemu::PendingEntry;
use crate::api::qemu::config::Config;
use crate::api::qemu::power::VmStatus;
use crate::api::storage::{StorageConfig, StorageStatus, Volume};
use crate::connection::Answer;
use crate::{Request, Upid};

/// The longest that an error may be: it is shown to a person.
const TOLD: usize = 32 << 10;

fn read<T: DeserializeOwned>(answer: &Answer) {
    for request in [Request::get("nodes/pve1/x").node("pve1"), Request::post("pools")] {
        if let Err(error) = answer::parse::<T>(answer, &request) {
            let told = error.to_string();
            assert!(told.len() <= TOLD, "an error of {} bytes", told.len());
            let _ = (error.refused(), error.answer_lost(), error.is_absent(), error.is_contention());
        }
    }
}

/// `STATUS TYPE REASON`, a line feed, the body.
fn answer(input: &[u8]) -> Option<Answer> {
    let (head, body) = first_line(input);
    let head = String::from_utf8_lossy(head);
    let mut words = head.splitn(3, ' ');
    let status = words.next()?.parse().ok()?;
    let mut headers = http::HeaderMap::new();
    let kind = words.next().unwrap_or_default().parse().ok()?;
    headers.insert(http::header::CONTENT_TYPE, kind);
    headers.insert(http::header::LOCATION, words.clone().next().unwrap_or_default().parse().ok()?);
    let reason = words.next().unwrap_or_default().to_owned();
    Some(Answer { status, reason, headers, body: Bytes::copy_from_slice(body) })
}

#[test]
fn pve_answers() {
    check!(name = "pve_answers").with_iterations(RANDOM).for_each(|input: &[u8]| {
        let Some(answer) = answer(input) else { return };
        read::<()>(&answer);
        if answer.status >= 300 {
            return;
        }
        read::<Upid>(&answer);
        read::<PveVersion>(&answer);
        read::<BTreeMap<String, Privileges>>(&answer);
        read::<Vec<ConfigEntry>>(&answer);
        read::<CrushMap>(&answer);
        read::<OsdMetadata>(&answer);
        read::<OsdTree>(&answer);
        read::<Vec<Pool>>(&answer);
        read::<PoolStatus>(&answer);
        read::<Vec<Manager>>(&answer);
        read::<Vec<Monitor>>(&answer);
        read::<Safety>(&answer);
        read::<CephStatus>(&answer);
        read::<ClusterStatus>(&answer);
        read::<Vec<Guest>>(&answer);
        read::<Vec<Disk>>(&answer);
        read::<VolumeGroups>(&answer);
        read::<Vec<HaResource>>(&answer);
        read::<HaStatus>(&answer);
        read::<ManagerStatus>(&answer);
        read::<Vec<NodeEntry>>(&answer);
        read::<NodeStatus>(&answer);
        read::<Vec<TaskEntry>>(&answer);
        read::<Vec<VmEntry>>(&answer);
        read::<Vec<PendingEntry>>(&answer);
        read::<Config>(&answer);
        read::<VmStatus>(&answer);
        read::<Vec<StorageConfig>>(&answer);
        read::<Vec<StorageStatus>>(&answer);
        read::<Vec<Volume>>(&answer);
    });
}
