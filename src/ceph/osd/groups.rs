//! LVM's volume groups: what PVE calls `LVM` may be a leftover, or what the node itself or its machines lie on. The list of
//! disks does not tell the two apart.

use std::collections::BTreeSet;

use pve_client::api::disks::{Disk, VolumeGroup};
use pve_client::api::storage::StorageConfig;
use terraform_plugin::Cx;

use super::contents::{found, refusal};
use super::hindrance::{Grade, Hindrance};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// The volume group of PVE's own installation.
const SYSTEM: &str = "pve";

/// What is on the device and belongs to a volume group that is in use: never erased, whatever `wipe_if` says. Asks only
/// where there is something of LVM's.
pub async fn in_use(cx: &Cx<Pve>, node: &str, target: &Disk, list: &[Disk]) -> Result<Option<Hindrance>, Problem> {
    let of_lvm: Vec<&Disk> =
        found(target, list).into_iter().filter(|(_, word)| *word == "LVM").map(|(d, _)| d).collect();
    if of_lvm.is_empty() {
        return Ok(None);
    }
    let groups = cx.client.disks(node).volume_groups().await;
    let groups = groups.during(format!("Cannot list the volume groups of node {node}"))?;
    let ours: BTreeSet<&str> = target.parts(list).chain([target]).map(|disk| disk.devpath.as_str()).collect();
    for entry in of_lvm {
        let Some(group) = groups.of(&entry.devpath) else { continue };
        let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
        if let Some(user) = user(group, node, &ours, &storages) {
            let why = format!("part of the volume group \"{}\" of LVM: {user}", group.name);
            let cure = cure(&group.name, &entry.devpath, node);
            return Ok(Some(Hindrance::new(Grade::Certain, refusal(target, list, node, entry, &why, &cure))));
        }
    }
    Ok(None)
}

/// Who or what uses a volume group, if anything does. `ours`: what is going to be erased anyway.
fn user(group: &VolumeGroup, node: &str, ours: &BTreeSet<&str>, storages: &[StorageConfig]) -> Option<String> {
    if group.name == SYSTEM {
        return Some("it is the one that PVE itself lies on".to_owned());
    }
    let on_it = |storage: &&StorageConfig| {
        let of = storage.other.get("vgname").and_then(|name| name.as_str());
        storage.nodes.as_ref().is_none_or(|nodes| nodes.contains(node)) && of == Some(group.name.as_str())
    };
    if let Some(storage) = storages.iter().find(on_it) {
        return Some(format!("storage \"{}\" lies there", storage.storage));
    }
    if group.has_volumes() {
        return Some("it has logical volumes, and nobody sees from here whether they are in use".to_owned());
    }
    let other = group.devices().find(|device| !ours.contains(device))?;
    Some(format!("it lies on {other} as well"))
}

fn cure(group: &str, devpath: &str, node: &str) -> String {
    if group == SYSTEM {
        return String::new();
    }
    // Ceph's own tool knows its groups, and what else belongs to them.
    let command = match group.strip_prefix("ceph-") {
        Some(_) => format!("ceph-volume lvm zap --destroy {devpath}"),
        None => format!("vgremove {group}"),
    };
    format!(" If nobody needs what is in it, `{command}` on {node} takes it away.")
}

#[cfg(test)]
mod tests {
    use pve_client::api::disks::VolumeGroups;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_group_is_nobodys_only_if_it_is_empty_and_alone() {
        let group = |name: &str, volumes: u32, devices: &[&str]| {
            let children: Vec<_> = devices.iter().map(|device| json!({ "name": device })).collect();
            json!({ "name": name, "lvcount": volumes, "size": 8, "free": 8, "children": children })
        };
        let groups = [
            group("pve", 0, &["/dev/sda3"]),
            group("fast", 0, &["/dev/sdb"]),
            group("old", 2, &["/dev/sdc"]),
            group("wide", 0, &["/dev/sdd", "/dev/sde"]),
            group("left", 0, &["/dev/sdf1"]),
        ];
        let groups: VolumeGroups = serde_json::from_value(json!({ "children": groups })).unwrap();
        let storages: Vec<StorageConfig> = serde_json::from_value(json!([
            { "storage": "local-lvm", "type": "lvmthin", "vgname": "fast", "disable": 1 },
            { "storage": "there", "type": "lvm", "vgname": "left", "nodes": "other" },
        ]))
        .unwrap();
        let told = |device: &str, ours: &[&str]| {
            user(groups.of(device).unwrap(), "n", &ours.iter().copied().collect(), &storages)
        };
        for (device, why) in [
            ("/dev/sda3", "PVE itself"),
            ("/dev/sdb", "storage \"local-lvm\" lies there"),
            ("/dev/sdc", "it has logical volumes"),
            ("/dev/sdd", "it lies on /dev/sde as well"),
        ] {
            let user = told(device, &[device]).unwrap();
            assert!(user.contains(why), "{device}: {user}");
        }
        assert_eq!(told("/dev/sdf1", &["/dev/sdf", "/dev/sdf1"]), None);
        assert_eq!(told("/dev/sdd", &["/dev/sdd", "/dev/sde"]), None);
    }

    #[test]
    fn the_cure_fits_the_group() {
        assert_eq!(cure("pve", "/dev/sda3", "n"), "");
        assert!(cure("old", "/dev/sdc", "n").contains("`vgremove old` on n"));
        assert!(cure("ceph-1", "/dev/sdc", "n").contains("`ceph-volume lvm zap --destroy /dev/sdc` on n"));
    }
}
