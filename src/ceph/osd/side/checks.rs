//! Whether a device can take the database or log of an OSD: by the node's list of disks, its volume groups, and what else this
//! plan wants to have there.

use std::collections::BTreeMap;

use pve_client::api::disks::{Disk, VolumeGroups};
use terraform_plugin::{Cx, Error, Findings, Size};

use super::super::contents::HELD;
use super::super::device::{Device, DevicePlan, called, gib, unused};
use super::super::foresight::{Replaced, tell};
use super::super::hindrance::{Grade, Hindrance};
use super::super::{Osd, OsdPlan, leftover};
use super::{ROLES, Role};
use crate::ground::error::{During, Problem};
use crate::ground::ledger::Planned;
use crate::ground::pve::Pve;

/// What LVM itself takes of a device.
const LVM: u64 = 8 << 20;

/// The groups that PVE makes volumes for databases in.
const OF_CEPH: &str = "ceph-";

/// A part of a device that an OSD of this plan takes.
#[derive(Clone, Debug)]
struct Share {
    node: String,
    path: String,
    bytes: u64,
}

impl Planned for Share {
    type Key = String;
}

/// What a device has for one.
#[derive(Debug, PartialEq, Eq)]
enum Room {
    /// All of it: nothing is there yet.
    Whole,
    /// What a volume group leaves.
    Group,
}

/// What speaks against the devices that are named for database and log. `target`: the OSD's own, if it was found.
pub async fn possible(
    cx: &Cx<Pve>,
    want: &OsdPlan,
    (node, list): (&str, &[Disk]),
    target: Option<&Disk>,
    found: &mut Findings<Osd>,
) -> Result<(), Error> {
    let mut taken: Vec<(&str, &Disk)> = target.map(|target| ("device", target)).into_iter().collect();
    for role in ROLES {
        let Some(device) = want.side(role).known().and_then(DevicePlan::settled).filter(|d| *d != Device::default())
        else {
            continue;
        };
        let entry = match device.find_as(role.device(), list, node) {
            Ok(entry) => entry,
            Err(hindrance) => {
                tell(found, hindrance);
                continue;
            }
        };
        if let Some((other, _)) = taken.iter().find(|(_, disk)| overlap(disk, entry)) {
            found.certain(twice(role, other, entry, node));
            continue;
        }
        taken.push((role.device(), entry));
        let size = want.side_size(role).known();
        let told = match judge(role, entry, list, node) {
            Ok(room) => roomy(cx, want, (node, list), role, (entry, room, size), found.is_plan()).await?,
            Err(hindrance) => Some(hindrance),
        };
        if let Some(hindrance) = told {
            tell(found, hindrance);
        }
    }
    Ok(())
}

/// Whether two are one, or one is a part of the other.
fn overlap(one: &Disk, other: &Disk) -> bool {
    one.devpath == other.devpath
        || one.parent.as_ref() == Some(&other.devpath)
        || other.parent.as_ref() == Some(&one.devpath)
}

fn twice(role: Role, other: &str, entry: &Disk, node: &str) -> Hindrance {
    let cure = match (role, other) {
        (_, "device") => format!("Leave `{}` out: without it the {} lies there.", role.device(), role.word()),
        _ => "Leave `wal_device` out: the log lies with the database then.".to_owned(),
    };
    let detail =
        format!("`{other}` and `{}` both name {} of {node}. Nothing was written. {cure}", role.device(), entry.devpath);
    let problem = Problem::new(format!("The {} of an OSD has no device of its own there", role.word()), detail);
    Hindrance::new(Grade::Certain, problem.at(role.device()))
}

/// Whether what is on the device lets a database or log come there.
fn judge(role: Role, entry: &Disk, list: &[Disk], node: &str) -> Result<Room, Hindrance> {
    let used = entry.used.as_deref();
    let refuse = |grade: Grade, why: &str, cure: &str| {
        let detail = format!(
            "Found {}: {}, {why}. Nothing was written.{cure}\n{}",
            entry.devpath,
            gib(entry.size),
            unused(list, node)
        );
        let what = called(entry, list);
        let problem = Problem::new(format!("No {} of an OSD can lie on {what} of {node}", role.word()), detail);
        Err(Hindrance::new(grade, problem.at(role.device())))
    };
    if entry.mounted || used == Some("mounted") {
        return refuse(Grade::Certain, "mounted", "");
    }
    if let Some(word) = used.filter(|word| HELD.contains(word)) {
        return refuse(Grade::Certain, &format!("{word}, in use by something that holds it"), "");
    }
    if let Some(id) = entry.osd_ids.first().filter(|_| entry.parts(list).next().is_none()) {
        return refuse(Grade::Certain, &format!("the device of osd.{id}, which fills it"), "");
    }
    if entry.parts(list).next().is_some() || used == Some("partitions") {
        // PVE would add one of a kind of its own there, which nothing is sure to take away again.
        let cure = " Name one of them: `pve_disk_partition` makes one, and its `device` is what this takes.";
        return refuse(Grade::Mendable, "a disk with partitions", cure);
    }
    match used {
        None => Ok(Room::Whole),
        Some("LVM") => Ok(Room::Group),
        Some(word) => {
            let cure = " Nothing is ever erased for one. If nobody needs what is there, wipe it first (PVE: Disks, Wipe Disk).";
            refuse(Grade::Mendable, word, cure)
        }
    }
}

/// Whether there is room enough, together with what else of this plan wants to have a part.
async fn roomy(
    cx: &Cx<Pve>,
    want: &OsdPlan,
    (node, list): (&str, &[Disk]),
    role: Role,
    (entry, room, size): (&Disk, Room, Option<&Size>),
    ahead: bool,
) -> Result<Option<Hindrance>, Error> {
    let path = &entry.devpath;
    let free = match room {
        Room::Whole => entry.size.saturating_sub(LVM),
        Room::Group => {
            // What goes with this run makes room.
            if ahead && gives_way(cx, node, entry, list).await? {
                return Ok(None);
            }
            let groups = cx.client.disks(node).volume_groups().await;
            let groups = groups.during(format!("Cannot list the volume groups of node {node}")).map_err(Error::from)?;
            match in_group(role, entry, list, node, &groups) {
                Ok(free) => free,
                Err(hindrance) => return Ok(Some(hindrance)),
            }
        }
    };
    let own = size.map_or(role.least(), Size::bytes);
    let others = match want.device.known().and_then(DevicePlan::settled).filter(|_| ahead) {
        None => 0,
        Some(device) => {
            let key = format!("{} {}", device.on(node), role.device());
            let share = Share { node: node.to_owned(), path: path.clone(), bytes: own };
            cx.ledger.with(|all: &mut BTreeMap<String, Share>| {
                all.insert(key.clone(), share);
                let here =
                    |(other, share): &(&String, &Share)| **other != key && share.node == node && share.path == *path;
                all.iter().filter(here).map(|(_, share)| share.bytes).sum()
            })
        }
    };
    Ok((own.saturating_add(others) > free).then(|| no_room(role, (entry, list, node), (own, others, free))))
}

fn no_room(role: Role, (entry, list, node): (&Disk, &[Disk], &str), (own, others, free): (u64, u64, u64)) -> Hindrance {
    let also = if others > 0 {
        format!(", and what else this plan makes there takes {}", amount(others))
    } else {
        String::new()
    };
    let detail = format!(
        "It is to take {}{also}; {} of {node} has {} left. Nothing was written. Say less in `{}`, or name another device.",
        amount(own),
        entry.devpath,
        amount(free),
        role.size()
    );
    let what = called(entry, list);
    // No plan makes a disk larger.
    let grade = if own > entry.size { Grade::Certain } else { Grade::Mendable };
    let problem = Problem::new(format!("No room for the {} of an OSD on {what} of {node}", role.word()), detail);
    Hindrance::new(grade, problem.at(role.device()))
}

fn amount(bytes: u64) -> String {
    let text = format!("{:.1}", bytes as f64 / f64::from(1 << 30));
    format!("{} GiB", text.strip_suffix(".0").unwrap_or(&text))
}

/// What the group leaves that PVE would take: the first of Ceph's, by name.
fn in_group(role: Role, entry: &Disk, list: &[Disk], node: &str, groups: &VolumeGroups) -> Result<u64, Hindrance> {
    if let Some(group) = groups.on(&entry.devpath, OF_CEPH).first() {
        return Ok(group.free());
    }
    let (why, cure) = match groups.of(&entry.devpath) {
        Some(group) => (
            format!("part of the volume group \"{}\" of LVM, which is none of Ceph's", group.name),
            " PVE makes databases in groups named ceph-... only.".to_owned(),
        ),
        None => (
            "of LVM's type, and in no volume group".to_owned(),
            " It is what is left of one: wipe it first (PVE: Disks, Wipe Disk).".to_owned(),
        ),
    };
    let detail = format!("Found {}: {}, {why}. Nothing was written.{cure}", entry.devpath, gib(entry.size));
    let what = called(entry, list);
    let problem = Problem::new(format!("No {} of an OSD can lie on {what} of {node}", role.word()), detail);
    Err(Hindrance::new(Grade::Mendable, problem.at(role.device())))
}

/// Whether something of this state that goes with this run has a part there.
async fn gives_way(cx: &Cx<Pve>, node: &str, entry: &Disk, list: &[Disk]) -> Result<bool, Error> {
    let here = |osd: &Osd| {
        let names = |role: Role| osd.side(role).and_then(|device| device.find_as(role.device(), list, node).ok());
        osd.node == node && ROLES.into_iter().filter_map(names).any(|disk| disk.devpath == entry.devpath)
    };
    let replaced = |osd: &Osd| osd.numbers().iter().any(|id| cx.ledger.knows::<Replaced>(id));
    if cx.going::<Osd>().iter().chain(&cx.held::<Osd>().into_iter().filter(replaced).collect::<Vec<_>>()).any(here) {
        return Ok(true);
    }
    for osd in cx.held::<Osd>().iter().filter(|osd| here(osd)) {
        if !leftover::of(cx, osd).await?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::super::device::tests::{list, told};
    use super::*;

    fn judged(path: &str) -> Result<Room, (Grade, String)> {
        let list = list();
        let entry = list.iter().find(|entry| entry.devpath == path).unwrap();
        judge(Role::Database, entry, &list, "n").map_err(|hindrance| (hindrance.grade, told(hindrance).1))
    }

    #[test]
    fn what_is_free_or_lvm_s_takes_a_database_and_nothing_else_does() {
        assert_eq!(judged("/dev/sdb"), Ok(Room::Whole));
        assert_eq!(judged("/dev/sda4"), Ok(Room::Whole));
        for (path, grade, why) in [
            ("/dev/sdc", Grade::Certain, "the device of osd.3"),
            ("/dev/sda2", Grade::Certain, "mounted"),
            ("/dev/sda", Grade::Mendable, "`pve_disk_partition` makes one"),
            ("/dev/sdd", Grade::Mendable, "ext4. Nothing was written. Nothing is ever erased"),
        ] {
            let (found, detail) = judged(path).unwrap_err();
            assert_eq!(found, grade, "{path}");
            assert!(detail.contains(why), "{path}: {detail}");
        }
    }

    #[test]
    fn a_disk_and_its_partition_are_no_two_devices() {
        let list = list();
        let entry = |path: &str| list.iter().find(|entry| entry.devpath == path).unwrap();
        assert!(overlap(entry("/dev/sda"), entry("/dev/sda4")) && overlap(entry("/dev/sda4"), entry("/dev/sda")));
        assert!(overlap(entry("/dev/sdb"), entry("/dev/sdb")) && !overlap(entry("/dev/sda1"), entry("/dev/sda4")));
    }

    #[test]
    fn of_groups_the_one_counts_that_pve_takes() {
        let group = |name: &str, device: &str, free: u64| json!({ "name": name, "size": 9, "free": free, "children": [{ "name": device }] });
        let groups = json!({ "children": [
            group("ceph-b", "/dev/sdb", 5), group("ceph-a", "/dev/sdb", 3), group("fast", "/dev/sdc", 7),
        ] });
        let groups: VolumeGroups = serde_json::from_value(groups).unwrap();
        let list = list();
        let left = |path: &str| {
            let entry = list.iter().find(|entry| entry.devpath == path).unwrap();
            in_group(Role::Log, entry, &list, "n", &groups).map_err(|hindrance| told(hindrance).1)
        };
        assert_eq!(left("/dev/sdb"), Ok(3));
        assert!(left("/dev/sdc").unwrap_err().contains("\"fast\" of LVM, which is none of Ceph's"));
        assert!(left("/dev/sdd").unwrap_err().contains("in no volume group"));
    }

    #[test]
    fn what_is_missing_is_told_in_gib() {
        let list = list();
        let entry = list.iter().find(|entry| entry.devpath == "/dev/sdb").unwrap();
        let hindrance = no_room(Role::Database, (entry, &list, "n"), (60 << 30, 30 << 30, 64 << 30));
        assert_eq!(hindrance.grade, Grade::Mendable);
        let (summary, detail) = told(hindrance);
        assert_eq!(summary, "No room for the database of an OSD on disk S2 of n");
        assert!(
            detail.contains(
                "take 60 GiB, and what else this plan makes there takes 30 GiB; /dev/sdb of n has 64 GiB left"
            ),
            "{detail}"
        );
        assert_eq!(no_room(Role::Log, (entry, &list, "n"), (65 << 30, 0, 0)).grade, Grade::Certain);
        assert_eq!(amount(1 << 29), "0.5 GiB");
    }
}
