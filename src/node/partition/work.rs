//! The table of a disk, as the node's own programs tell and change it.

use pve_client::Area;
use pve_client::shell::Shell;
use pve_client::shell::partitions::{NewPartition, NoRoom, Partition as Entry, PartitionCommands, Table};
use terraform_plugin::{Cx, Diagnostic, Size, Timeouts};

use super::disk::{Whole, list, named, no_such_disk, told};
use super::{DiskPartition, DiskPartitionKey, MIB, tell_lost};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

pub(super) fn new_uuid() -> String {
    uuid::Uuid::new_v4().to_string().to_uppercase()
}

pub(super) fn making(want: &DiskPartition) -> String {
    format!("Cannot make partition \"{}\" on disk {} of {}", want.label, want.disk, want.node)
}

/// A disk whose table is known.
pub(super) struct Work {
    pub(super) whole: Whole,
    table: Table,
    shell: Shell,
    doing: String,
}

impl Work {
    /// Reads the table of the disk on which a partition is to be.
    pub(super) async fn begin(cx: &Cx<Pve>, want: &DiskPartition) -> Result<Self, Problem> {
        let list = list(cx, &want.node).await?;
        match named(&list, &want.node, &want.disk)? {
            Some(whole) => Self::of(cx, &want.node, whole, making(want)).await,
            None => Err(no_such_disk(&list, &want.node, &want.disk)),
        }
    }

    async fn of(cx: &Cx<Pve>, node: &str, whole: Whole, doing: String) -> Result<Self, Problem> {
        let shell = cx.client.shell(node);
        let table = match whole.disk.gpt {
            true => table(cx, &shell, &whole, &doing).await?,
            // What else it holds is judged by the list of disks.
            false => Table::fresh(whole.disk.size),
        };
        Ok(Self { whole, table, shell, doing })
    }

    /// The partition with this GUID.
    pub(super) fn entry(&self, uuid: &str) -> Option<&Entry> {
        self.table.of_uuid(uuid)
    }

    /// An error if there is one of its name.
    pub(super) fn must_be_unnamed(&self, want: &DiskPartition) -> Result<(), Problem> {
        want.named().must_be_absent(self.table.labelled(&want.label).first())
    }

    /// Where it goes.
    pub(super) fn room(&self, want: &DiskPartition, uuid: &str) -> Result<NewPartition, Problem> {
        let size = want.size.bytes() / MIB;
        match self.table.room(size) {
            Ok((number, start)) => {
                Ok(NewPartition { number, start, size, uuid: uuid.to_owned(), label: want.label.clone() })
            }
            Err(NoRoom::Entries) => Err(Problem::new(
                self.doing.clone(),
                format!(
                    "All {} entries of its table of partitions are taken. Nothing was written. Name another disk.",
                    self.table.entries
                ),
            )
            .at("disk")),
            Err(NoRoom::Gap(largest)) => Err(Problem::new(
                self.doing.clone(),
                format!(
                    "No gap between its partitions is so large: the largest has {}, and {} are wanted. Nothing was written. Give it a \
                     smaller `size`, or name another disk; partitions that exist are never moved.",
                    told(largest),
                    told(want.size.bytes())
                ),
            )
            .at("size")),
        }
    }

    pub(super) async fn make(&self, cx: &Cx<Pve>, new: &NewPartition) -> Result<(), Problem> {
        let disk = &self.whole.disk.devpath;
        tracing::info!(disk, table = %self.table, ?new, "making a partition; the table before it");
        PartitionCommands::new(&cx.client, &self.shell).make(disk, new).await.during(&self.doing)
    }

    pub(super) async fn remove(&self, cx: &Cx<Pve>, entry: &Entry, doing: &str) -> Result<(), Problem> {
        let disk = &self.whole.disk.devpath;
        tracing::info!(disk, table = %self.table, ?entry, "removing a partition; the table before it");
        let removed = PartitionCommands::new(&cx.client, &self.shell).remove(disk, entry.number).await;
        removed.during(doing)
    }
}

async fn table(cx: &Cx<Pve>, shell: &Shell, whole: &Whole, doing: &str) -> Result<Table, Problem> {
    let table = PartitionCommands::new(&cx.client, shell).table(&whole.disk.devpath).await.during(doing)?;
    tracing::info!(disk = whole.disk.devpath, %table, "the table of partitions");
    Ok(table)
}

/// What was made, by its GUID, once the node shows it. `answer` is what the command said, which may have been lost.
pub(super) async fn made(
    cx: &Cx<Pve>,
    want: &DiskPartition,
    uuid: &str,
    answer: Result<(), Problem>,
) -> Result<DiskPartition, Problem> {
    cx.client.changed(&[Area::Disks]);
    let work = match Work::begin(cx, want).await {
        Ok(work) => work,
        Err(problem) => return Err(answer.err().unwrap_or(problem)),
    };
    let Some(entry) = work.entry(uuid) else {
        return Err(answer.err().unwrap_or_else(|| {
            let detail = "The command succeeded, yet the partition is not in the table. Apply again.";
            Problem::new(work.doing.clone(), detail)
        }));
    };
    let listed = list(cx, &want.node).await?;
    let shown = work.whole.disk.parts(&listed).find(|part| part.partition_number() == Some(entry.number));
    let Some(shown) = shown else {
        let disk = &work.whole.disk.devpath;
        return Err(Problem::new(
            format!("{} is in the table, and {} does not show it yet", want.called(), want.node),
            format!(
                "The kernel goes on with the table that it knows. `partx --update {disk}` on the node has it read the new one, and so \
                 does a restart of the node; then apply again."
            ),
        ));
    };
    if let Some(used) = &shown.used {
        let detail = format!(
            "{}: PVE shows `{used}` on {}, left by a partition that began there once. It was not erased: `pve_ceph_osd` does so with \
             `wipe_if = [\"{used}\"]`, and PVE with Disks, Wipe Disk.",
            want.called(),
            shown.devpath
        );
        cx.warn(Diagnostic::warning("Something of former times is on new partitions", detail));
    }
    Ok(want.with(entry, &work.whole))
}

/// The partition in the table, where there still is one to be removed.
pub(super) async fn to_be_removed(
    cx: &Cx<Pve>,
    was: &DiskPartition,
    doing: &str,
) -> Result<Option<(Work, Entry)>, Problem> {
    cx.client.changed(&[Area::Disks]);
    let list = list(cx, &was.node).await?;
    let Some(whole) = named(&list, &was.node, &was.disk)? else {
        tell_lost(cx, was);
        return Ok(None);
    };
    if !whole.disk.gpt {
        return Ok(None);
    }
    let work = Work::of(cx, &was.node, whole, doing.to_owned()).await?;
    let entry = match &was.uuid {
        Some(uuid) => work.entry(uuid).cloned(),
        None => None,
    };
    Ok(entry.map(|entry| (work, entry)))
}

/// What a read has found.
pub(super) enum Found {
    /// The node does not list the disk.
    NoDisk,
    /// The partition, or that there is none.
    Partition(Option<Box<DiskPartition>>),
}

/// The partition as it is: by number and size, as the node lists them; by the table where these do not tell.
pub(super) async fn find(
    cx: &Cx<Pve>,
    key: &DiskPartitionKey,
    prior: Option<&DiskPartition>,
) -> Result<Found, Problem> {
    let list = list(cx, &key.node).await?;
    let Some(whole) = named(&list, &key.node, &key.disk)? else { return Ok(Found::NoDisk) };
    if let Some(prior) = prior.filter(|prior| prior.ready)
        && let Some(number) = prior.number
        && whole
            .disk
            .parts(&list)
            .any(|part| part.partition_number() == Some(number) && part.size == prior.size.bytes())
    {
        let found = DiskPartition { device: Some(whole.device(number)), ..prior.clone() };
        return Ok(Found::Partition(Some(Box::new(found))));
    }
    // What was begun is carried on.
    let begun = prior.filter(|prior| !prior.ready).cloned().map(Box::new);
    if !whole.disk.gpt {
        return Ok(Found::Partition(begun));
    }
    let doing = format!("Cannot read partition \"{}\" of disk {} of {}", key.label, key.disk, key.node);
    if begun.is_some() && !cx.client.has_shell() {
        return Ok(Found::Partition(begun));
    }
    let table = table(cx, &cx.client.shell(&key.node), &whole, &doing).await?;
    let entry = match prior.and_then(|prior| prior.uuid.as_deref()) {
        Some(uuid) => table.of_uuid(uuid),
        None => match table.labelled(&key.label)[..] {
            [] => None,
            [entry] => Some(entry),
            ref several => {
                let numbers: Vec<_> = several.iter().map(|entry| entry.number.to_string()).collect();
                let detail = format!(
                    "They are {}. Give all but one another name (`sgdisk --change-name=N:NAME {}`).",
                    numbers.join(" and "),
                    whole.disk.devpath
                );
                return Err(Problem::new(format!("Several partitions are called \"{}\"", key.label), detail));
            }
        },
    };
    let known = prior.cloned().unwrap_or_else(|| of(key));
    Ok(Found::Partition(entry.map(|entry| Box::new(known.with(entry, &whole))).or(begun)))
}

/// What an import knows.
fn of(key: &DiskPartitionKey) -> DiskPartition {
    DiskPartition {
        node: key.node.clone(),
        disk: key.disk.clone(),
        label: key.label.clone(),
        size: Size::from_bytes(0),
        create_table: false,
        number: None,
        uuid: None,
        device: None,
        ready: false,
        timeouts: Timeouts::default(),
    }
}

/// Every partition of a node that has a name of its own on its disk.
pub(super) async fn all(cx: &Cx<Pve>, node: String) -> Result<Vec<DiskPartition>, Problem> {
    let list = list(cx, &node).await?;
    let shell = cx.client.shell(&node);
    let mut found = Vec::new();
    for disk in list.iter().filter(|disk| disk.gpt && !disk.is_partition()) {
        let Some(name) = super::disk::name_of(&list, disk) else { continue };
        let Some(whole) = named(&list, &node, &name)? else { continue };
        if disk.parts(&list).next().is_none() {
            continue;
        }
        let doing = format!("Cannot list the partitions of {} of {node}", disk.devpath);
        let table = table(cx, &shell, &whole, &doing).await?;
        for entry in &table.partitions {
            let Some(label) = entry.label.clone().filter(|label| table.labelled(label).len() == 1) else { continue };
            let key = DiskPartitionKey { node: node.clone(), disk: name.clone(), label };
            found.push(of(&key).with(entry, &whole));
        }
    }
    Ok(found)
}
