//! Which disk is meant, and whether it has room: told from the node's list of disks, without the node's shell.

use std::sync::Arc;

use pve_client::api::disks::Disk;
use terraform_plugin::{Attr, Cx, Error, Findings, Size};

use super::{Coming, DiskPartition, DiskPartitionPlan, MIB, PartitionDevice};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Where the links are.
const LINKS: &str = "/dev/disk/by-id/";

/// What the table itself takes, with what is lost to alignment, at both ends together.
const TABLE: u64 = 2 * MIB;

pub(super) fn a_name(name: &String) -> Result<(), String> {
    if name.starts_with('/') {
        return Err("must be a serial number, or the name of a link in `/dev/disk/by-id`, not a path".to_owned());
    }
    if name.trim().eq_ignore_ascii_case("unknown") {
        return Err("is what PVE says of disks that tell no serial number: name the disk by its link".to_owned());
    }
    Ok(())
}

/// The disk that is meant, and how it was named.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) disk: Disk,
    name: String,
    by_serial: bool,
}

impl Whole {
    /// A partition of it, as `pve_ceph_osd` takes it.
    pub(super) fn device(&self, number: u32) -> PartitionDevice {
        match self.by_serial {
            true => PartitionDevice { serial: Some(self.name.clone()), partition: Some(number), ..Default::default() },
            false => PartitionDevice {
                by_id: Some(format!("{LINKS}{}-part{number}", self.name)),
                ..PartitionDevice::default()
            },
        }
    }
}

/// The disks of the node, partitions among them.
pub(super) async fn list(cx: &Cx<Pve>, node: &str) -> Result<Arc<Vec<Disk>>, Problem> {
    let listed = cx.client.disks(node).list().await;
    listed.during(format!("Cannot list the disks of node {node}")).map_err(Problem::node_at_fault)
}

/// The disk of this name; `None` if the node lists none, an error if several go by it.
pub(super) fn named(list: &[Disk], node: &str, name: &str) -> Result<Option<Whole>, Problem> {
    let link = format!("{LINKS}{name}");
    let disks = || list.iter().filter(|disk| !disk.is_partition());
    let by_serial: Vec<_> = disks().filter(|disk| disk.serial.as_deref() == Some(name)).collect();
    let by_link: Vec<_> = disks().filter(|disk| disk.by_id_link.as_deref() == Some(&link)).collect();
    let found = if by_serial.is_empty() { by_link } else { by_serial.clone() };
    match found[..] {
        [] => Ok(None),
        [disk] => Ok(Some(Whole { disk: disk.clone(), name: name.to_owned(), by_serial: !by_serial.is_empty() })),
        _ => {
            let paths: Vec<_> = found.iter().map(|disk| disk.devpath.as_str()).collect();
            let detail = format!(
                "{} have it, so it does not say which one is meant. Nothing was written. Name the disk by its serial number or by \
                 its link, whichever no other disk has.",
                paths.join(" and ")
            );
            Err(Problem::new(format!("{name} is not unique on {node}"), detail).at("disk"))
        }
    }
}

/// What a disk is called in a configuration, if anything names it alone.
pub(super) fn name_of(list: &[Disk], disk: &Disk) -> Option<String> {
    let link = disk.by_id_link.as_deref().and_then(|link| link.strip_prefix(LINKS));
    let names = disk.serial.as_deref().into_iter().chain(link);
    let alone = |name: &&str| matches!(named(list, "", name), Ok(Some(found)) if found.disk.devpath == disk.devpath);
    names.map(str::trim).find(alone).map(str::to_owned)
}

pub(super) fn no_such_disk(list: &[Disk], node: &str, name: &str) -> Problem {
    let serials: Vec<_> = list.iter().filter_map(|disk| disk.serial.as_deref()).collect();
    let links: Vec<_> = list
        .iter()
        .filter(|disk| !disk.is_partition())
        .filter_map(|disk| disk.by_id_link.as_deref()?.strip_prefix(LINKS))
        .collect();
    let listed = |names: Vec<&str>| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    Problem::new(
        format!("Disk {name} does not exist on {node}"),
        format!("Serial numbers there: {}. Links: {}. Nothing was written.", listed(serials), listed(links)),
    )
    .at("disk")
}

/// What the node's list of disks says against a partition.
pub(super) async fn possible(
    cx: &Cx<Pve>,
    want: &DiskPartitionPlan,
    found: &mut Findings<DiskPartition>,
) -> Result<(), Error> {
    let (Some(node), Some(name)) = (want.node.text(), want.disk.text()) else { return Ok(()) };
    let list = match list(cx, node).await {
        // A member of the cluster can come with the same plan.
        Err(problem) if matches!(problem.pve(), Some(pve_client::Error::UnknownNode { .. })) => {
            found.mendable(problem.at("node"));
            return Ok(());
        }
        listed => listed?,
    };
    let whole = match named(&list, node, name) {
        Ok(Some(whole)) => whole.disk,
        Ok(None) => {
            found.certain(no_such_disk(&list, node, name));
            return Ok(());
        }
        Err(problem) => {
            found.certain(problem);
            return Ok(());
        }
    };
    let others: Vec<Coming> = match found.is_plan() {
        true => cx.ledger.all::<Coming>().into_iter().filter(|one| one.node == node && one.disk == name).collect(),
        false => Vec::new(),
    };
    if !whole.gpt {
        no_table(&whole, &list, node, want, others.iter().any(|one| one.table), found);
    }
    let Some(size) = want.size.known().map(Size::bytes) else { return Ok(()) };
    let taken: u64 = whole.parts(&list).map(|part| part.size).sum();
    let free = whole.size.saturating_sub(taken).saturating_sub(TABLE);
    if size > free {
        let problem = too_large(&whole, &list, node, size, free);
        let here = |one: &DiskPartition| one.node == node && one.disk == name;
        let goes = cx.going::<DiskPartition>().iter().any(here);
        // One of that size may be what a run that was cut off has made: the table tells, and that is read at the apply.
        let may_be_it = whole.parts(&list).any(|part| part.size == size);
        match found.is_plan() && (goes || may_be_it) {
            true => found.mendable(problem),
            false => found.certain(problem),
        }
        return Ok(());
    }
    let together: u64 = others.iter().map(|one| one.size).sum();
    if others.len() > 1 && together > free {
        let detail = format!(
            "This plan makes {} partitions on disk {name} of {node}, {} together, and {} of it are free.",
            others.len(),
            told(together),
            told(free)
        );
        found.notice(Error::new("Partitions do not fit on their disk together", detail).at("size"));
    }
    Ok(())
}

/// There is no GPT on the disk.
fn no_table(
    whole: &Disk,
    list: &[Disk],
    node: &str,
    want: &DiskPartitionPlan,
    comes: bool,
    found: &mut Findings<DiskPartition>,
) {
    let empty = whole.is_free() && whole.parts(list).next().is_none();
    let summary = format!("{} of {node} has no GPT", whole.devpath);
    if !empty {
        let used = whole.used.as_deref().unwrap_or("something");
        let what = if whole.mounted { "is mounted".to_owned() } else { format!("PVE shows `{used}` on it") };
        let detail = format!(
            "Partitions are made in the GPT of a disk, and a new one only on a disk that holds nothing: {what}. Nothing was written. \
             Name another disk, or free this one (Disks, Wipe Disk on the node); a table of the old kind (MBR) can be converted \
             by `sgdisk --mbrtogpt {}`, which is for you to decide.",
            whole.devpath
        );
        let problem = Problem::new(summary, detail).at("disk");
        match whole.osd_ids.is_empty() && whole.used.as_deref() != Some("LVM") {
            true => found.certain(problem),
            // Its OSD may be destroyed by the same plan.
            false => found.mendable(problem),
        }
        return;
    }
    match want.create_table {
        Attr::Known(true) | Attr::Unknown => {}
        _ => {
            let detail =
                "It holds nothing at all. Nothing was written. Say `create_table = true` to have a table made on it.";
            found.missing(comes, Problem::new(summary, detail).at("create_table"));
        }
    }
}

fn too_large(whole: &Disk, list: &[Disk], node: &str, size: u64, free: u64) -> Problem {
    let there: Vec<_> = whole.parts(list).map(|part| format!("{} ({})", part.devpath, told(part.size))).collect();
    let there = if there.is_empty() { "no partition".to_owned() } else { there.join(", ") };
    Problem::new(
        format!("{} of {node} has no room for {}", whole.devpath, told(size)),
        format!(
            "It has {}, {} of them free at most. There are: {there}. Nothing was written. Give the partition a smaller `size`, or \
             name another disk.",
            told(whole.size),
            told(free)
        ),
    )
    .at("size")
}

/// Bytes as people say them.
pub(super) fn told(bytes: u64) -> String {
    match bytes {
        0..1_073_741_824 => format!("{} MiB", bytes / MIB),
        _ => format!("{:.1} GiB", bytes as f64 / f64::from(1 << 30)).replace(".0 ", " "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disks() -> Vec<Disk> {
        let list = r#"[
            {"devpath":"/dev/sda","size":1,"serial":"S1","by_id_link":"/dev/disk/by-id/ata-X_S1"},
            {"devpath":"/dev/sdb","size":1,"serial":"T","by_id_link":"/dev/disk/by-id/ata-X_T"},
            {"devpath":"/dev/sdc","size":1,"serial":"T","by_id_link":"/dev/disk/by-id/ata-Y_T"},
            {"devpath":"/dev/sdd","size":1,"serial":"unknown"},
            {"devpath":"/dev/sda1","parent":"/dev/sda","type":"partition","size":1,"by_id_link":"/dev/disk/by-id/ata-X_S1-part1"}]"#;
        serde_json::from_str(list).unwrap()
    }

    #[test]
    fn a_disk_is_known_by_what_it_alone_has() {
        let list = disks();
        let path = |name: &str| named(&list, "n", name).unwrap().map(|whole| whole.disk.devpath);
        assert_eq!(path("S1").as_deref(), Some("/dev/sda"));
        assert_eq!(path("ata-Y_T").as_deref(), Some("/dev/sdc"));
        assert_eq!((path("S2"), path("ata-X_S1-part1"), path("unknown")), (None, None, None));
        let twins =
            Error::from(named(&list, "n", "T").unwrap_err()).diagnostics().iter().next().unwrap().detail.clone();
        assert!(twins.contains("/dev/sdb and /dev/sdc"), "{twins}");
        let names: Vec<_> = list.iter().take(4).map(|disk| name_of(&list, disk)).collect();
        let told: Vec<_> = names.iter().map(Option::as_deref).collect();
        assert_eq!(told, [Some("S1"), Some("ata-X_T"), Some("ata-Y_T"), None]);
    }

    #[test]
    fn a_partition_is_handed_on_in_the_words_that_its_disk_was_named_by() {
        let list = disks();
        let device = |name: &str| named(&list, "n", name).unwrap().unwrap().device(4);
        assert_eq!((device("S1").serial.as_deref(), device("S1").partition), (Some("S1"), Some(4)));
        assert_eq!(device("ata-X_T").by_id.as_deref(), Some("/dev/disk/by-id/ata-X_T-part4"));
        assert_eq!((device("ata-X_T").serial, device("ata-X_T").partition), (None, None));
    }

    #[test]
    fn bytes_are_told_as_people_say_them() {
        assert_eq!([told(5 * MIB), told(1 << 30), told(3 << 29)], ["5 MiB", "1 GiB", "1.5 GiB"]);
    }
}
