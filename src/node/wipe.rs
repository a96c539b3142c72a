//! `pve_disk_wipe`: a disk or partition that nothing uses is erased.

use std::sync::Arc;

use pve_client::Lock;
use pve_client::api::disks::{Disk, VolumeGroups};
use terraform_plugin::{Action, Cx, Error, Model, Need, Progress, Say};

use crate::ground::error::{During, Problem};
use crate::ground::following::follow;
use crate::ground::pve::Pve;
use crate::node::handed_through;

/// Erases a disk, or one partition of it, that nothing uses: what earlier owners left is gone for good, and `pve_ceph_osd` and
/// others take the disk as a free one.
///
/// What the node uses is refused, whatever you say: what is mounted or held, swap, ZFS, RAID, an OSD or its database, LVM with
/// logical volumes, the partitions that a node starts from, what a machine has handed through as it is. The plan and the action say
/// what is there and goes.
///
/// Interrupted, the action ends at once; the wipe that PVE has begun goes on.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "disk_wipe", area = "Node")]
pub struct DiskWipe {
    /// The node.
    #[attr(required)]
    pub node: String,
    /// The disk's serial number. A path is not taken: it changes from boot to boot.
    #[attr(required, check = a_serial)]
    pub serial: String,
    /// The number of a partition of it, if only that is to be erased. Its place in the table stays.
    #[attr(optional, range = 1..=128)]
    pub partition: Option<u32>,
}

fn a_serial(serial: &String) -> Result<(), String> {
    if serial.starts_with('/') || serial.trim().is_empty() || serial.trim().eq_ignore_ascii_case("unknown") {
        return Err("must be a serial number, as the node's list of disks shows it".to_owned());
    }
    Ok(())
}

impl Action<Pve> for DiskWipe {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/nodes/{node}", &["Sys.Audit"]), Need::to_apply("/", &[])]
    }

    async fn plan(cx: &Cx<Pve>, config: &DiskWipePlan, say: &mut Say<Self>) {
        let (Some(node), Some(serial)) = (config.node.text(), config.serial.text()) else { return };
        // Whatever is not so yet may become so by the same plan; the action looks again.
        let Ok(list) = cx.client.disks(node).list().await else { return };
        let partition = config.partition.get();
        if let Ok(target) = target(&list, node, serial, partition) {
            let summary = "A disk will be erased, as far as nothing uses it";
            say.warning("serial", summary, format!("{}.", told(&target, &list, node)));
        }
    }

    async fn invoke(cx: &Cx<Pve>, config: Self, progress: &Progress) -> Result<(), Error> {
        let node = config.node.as_str();
        let doing = format!("Cannot erase disk {} of {node}", config.serial);
        // What is looked at is then still true when it is erased.
        let turn = cx.client.begin_write(Lock::DiskUse(node.to_owned()), &[pve_client::Area::Disks]).await;
        let _turn = turn.during(&doing)?;
        let list = disks(cx, node).await?;
        let target = target(&list, node, &config.serial, config.partition)?;
        let groups = match entries(&target, &list).iter().any(|entry| entry.used.as_deref() == Some("LVM")) {
            true => Some(cx.client.disks(node).volume_groups().await.during(&doing)?),
            false => None,
        };
        if let Some((entry, why)) = in_use(&target, &list, groups.as_ref()) {
            return Err(Problem::new(
                format!("Disk {} of {node} is in use", config.serial),
                format!("Found {}: {why}. Nothing was erased.", entry.devpath),
            )
            .at("serial")
            .into());
        }
        handed_through::must_not_be(cx, node, &target, &list).await.map_err(|problem| problem.at("serial"))?;
        progress.say(format!("Erasing {}", told(&target, &list, node)));
        let what = format!("Erasing {} of {node}", target.devpath);
        follow(cx, &what, cx.client.disks(node).wipe(&target.devpath).await, progress).await?;
        progress.say(format!("{} of {node} is erased", target.devpath));
        Ok(())
    }
}

async fn disks(cx: &Cx<Pve>, node: &str) -> Result<Arc<Vec<Disk>>, Problem> {
    let listed = cx.client.disks(node).list().await;
    listed.during(format!("Cannot list the disks of node {node}")).map_err(Problem::node_at_fault)
}

/// The disk or partition that is meant.
fn target(list: &[Disk], node: &str, serial: &str, partition: Option<u32>) -> Result<Disk, Problem> {
    let whole: Vec<&Disk> =
        list.iter().filter(|disk| !disk.is_partition() && disk.serial.as_deref() == Some(serial.trim())).collect();
    let disk = match whole[..] {
        [disk] => disk,
        [] => {
            let known: Vec<&str> = list.iter().filter_map(|disk| disk.serial.as_deref()).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            let detail = format!("Serial numbers there: {known}. Nothing was erased.");
            return Err(Problem::new(format!("There is no disk {serial} on {node}"), detail).at("serial"));
        }
        _ => {
            let paths: Vec<&str> = whole.iter().map(|disk| disk.devpath.as_str()).collect();
            let detail =
                format!("{} have it, so it does not say which one is meant. Nothing was erased.", paths.join(" and "));
            return Err(Problem::new(format!("Serial number {serial} is not unique on {node}"), detail).at("serial"));
        }
    };
    let Some(number) = partition else { return Ok(disk.clone()) };
    let part = disk.parts(list).find(|part| part.partition_number() == Some(number));
    part.cloned().ok_or_else(|| {
        let known: Vec<String> = disk.parts(list).filter_map(Disk::partition_number).map(|n| n.to_string()).collect();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let detail = format!("Partitions of {}: {known}. Nothing was erased.", disk.devpath);
        Problem::new(format!("Disk {serial} of {node} has no partition {number}"), detail).at("partition")
    })
}

/// What is looked at: the device, and what is on it.
fn entries<'a>(target: &'a Disk, list: &'a [Disk]) -> Vec<&'a Disk> {
    std::iter::once(target).chain(target.parts(list)).collect()
}

/// What PVE says of what somebody uses, or a node starts from.
const KEPT: [(&str, &str); 11] = [
    ("mounted", "it is mounted"),
    ("Device Mapper", "something holds it"),
    ("ZFS", "it is part of a ZFS pool, or was; `zpool labelclear` on the node takes the mark away"),
    ("ZFS reserved", "it is part of a disk that ZFS has, or had"),
    ("swap", "it is swap"),
    ("BIOS boot", "the node starts from it"),
    ("EFI", "the node starts from it"),
    ("ceph_bluestore", "it is or was an OSD's"),
    ("zfs_member", "it is part of a ZFS pool, or was; `zpool labelclear` on the node takes the mark away"),
    ("linux_raid_member", "it is part of a RAID, or was; `mdadm --zero-superblock` on the node takes the mark away"),
    ("mpath_member", "it is one of several ways to a disk"),
];

/// The first of them that is in use, and by what.
fn in_use<'a>(target: &'a Disk, list: &'a [Disk], groups: Option<&VolumeGroups>) -> Option<(&'a Disk, String)> {
    entries(target, list).into_iter().find_map(|entry| {
        let used = entry.used.as_deref().unwrap_or_default();
        let why = if let Some(id) = entry.osd_ids.first() {
            Some(format!("osd.{id} lies on it; destroying that leaves it free"))
        } else if entry.db + entry.wal + entry.journals > 0 {
            Some("an OSD has its database or its log on it".to_owned())
        } else if entry.mounted {
            Some("it is mounted".to_owned())
        } else if used == "LVM" {
            match groups.and_then(|groups| groups.of(&entry.devpath)) {
                Some(group) if group.has_volumes() => {
                    Some(format!("volume group {} with logical volumes lies on it", group.name))
                }
                Some(group) if group.devices().count() > 1 => {
                    Some(format!("volume group {} lies on it and on further devices", group.name))
                }
                Some(_) => None,
                // PVE leaves out what LVM could not tell.
                None => Some(
                    "it belongs to LVM, which tells no volume group; `pvremove` on the node frees it if it is in none"
                        .to_owned(),
                ),
            }
        } else {
            KEPT.iter().find(|(word, _)| *word == used).map(|(_, why)| (*why).to_owned())
        };
        why.map(|why| (entry, why))
    })
}

/// `/dev/sdb (serial S4EVK1, 64 GiB) of pve1, with its 2 partitions: /dev/sdb1 ext4, /dev/sdb2 nothing`
fn told(target: &Disk, list: &[Disk], node: &str) -> String {
    let size = pve_client::size::Size::from_bytes(target.size);
    let serial = target.serial.as_ref().map(|serial| format!("serial {serial}, ")).unwrap_or_default();
    let parts: Vec<&Disk> = target.parts(list).collect();
    let word = |entry: &Disk| entry.used.clone().unwrap_or_else(|| "nothing".to_owned());
    let on_it = match parts.len() {
        0 => format!(", on which there is {}", word(target)),
        n => {
            let each: Vec<String> = parts.iter().map(|part| format!("{} {}", part.devpath, word(part))).collect();
            let count = if n == 1 { "its partition".to_owned() } else { format!("its {n} partitions") };
            format!(", with {count}: {}", each.join(", "))
        }
    };
    format!("{} ({serial}{size}) of {node}{on_it}", target.devpath)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(disks: serde_json::Value) -> Vec<Disk> {
        serde_json::from_value(disks).unwrap()
    }

    fn used(word: &str) -> Vec<Disk> {
        list(serde_json::json!([{"devpath": "/dev/sdb", "serial": "S1", "size": 1_073_741_824, "used": word}]))
    }

    #[test]
    fn what_is_in_use_is_told_by_what() {
        for (word, why) in [
            ("mounted", "mounted"),
            ("ceph_bluestore", "OSD"),
            ("ZFS", "ZFS"),
            ("swap", "swap"),
            ("EFI", "starts from"),
            ("LVM", "LVM"),
        ] {
            let disks = used(word);
            let (entry, told) = in_use(&disks[0], &disks, None).unwrap();
            assert!(entry.devpath == "/dev/sdb" && told.contains(why), "{word}: {told}");
        }
        for word in ["ext4", "xfs", "partitions"] {
            let disks = used(word);
            assert!(in_use(&disks[0], &disks, None).is_none(), "{word}");
        }
        let disks = list(serde_json::json!([
            {"devpath": "/dev/sdb", "serial": "S1", "size": 1_073_741_824, "used": "partitions"},
            {"devpath": "/dev/sdb1", "parent": "/dev/sdb", "type": "partition", "used": "ext4"},
            {"devpath": "/dev/sdb2", "parent": "/dev/sdb", "type": "partition", "osdid-list": [3]},
        ]));
        assert!(
            in_use(&disks[0], &disks, None)
                .is_some_and(|(entry, why)| entry.devpath == "/dev/sdb2" && why.contains("osd.3"))
        );
        let part = target(&disks, "pve1", "S1", Some(1)).unwrap();
        assert!(in_use(&part, &disks, None).is_none(), "the neighbour is no hindrance");
        assert_eq!(
            told(&disks[0], &disks, "pve1"),
            "/dev/sdb (serial S1, 1G) of pve1, with its 2 partitions: /dev/sdb1 ext4, /dev/sdb2 nothing"
        );
    }

    #[test]
    fn lvm_without_volumes_is_nothing_that_somebody_uses() {
        let disks = used("LVM");
        let groups = |group: serde_json::Value| {
            serde_json::from_value::<VolumeGroups>(serde_json::json!({"children": [group]})).unwrap()
        };
        let with = |count: u32| {
            groups(serde_json::json!({"name": "vg", "lvcount": count, "children": [{"name": "/dev/sdb"}]}))
        };
        assert!(in_use(&disks[0], &disks, Some(&with(0))).is_none());
        assert!(in_use(&disks[0], &disks, Some(&with(2))).is_some_and(|(_, why)| why.contains("volume group vg")));
        let spread = groups(
            serde_json::json!({"name": "vg", "lvcount": 0, "children": [{"name": "/dev/sdb"}, {"name": "/dev/sdc"}]}),
        );
        assert!(in_use(&disks[0], &disks, Some(&spread)).is_some());
    }

    #[test]
    fn a_disk_is_named_by_its_serial_alone() {
        let disks =
            list(serde_json::json!([{"devpath": "/dev/sdb", "serial": "S1"}, {"devpath": "/dev/sdc", "serial": "S1"}]));
        let told = |serial, partition| Error::from(target(&disks, "pve1", serial, partition).unwrap_err()).to_string();
        assert!(told("S1", None).contains("/dev/sdb and /dev/sdc"));
        assert!(told("S2", None).contains("S1, S1"));
        assert!(target(&disks[..1], "pve1", "S1", Some(2)).is_err());
        assert!(a_serial(&"/dev/sdb".to_owned()).is_err() && a_serial(&"unknown".to_owned()).is_err());
    }
}
