//! `pve_disk_partition`: a partition in the free space of a disk.

mod disk;
mod listed;
mod occupied;
mod work;

use pve_client::shell::partitions::Partition as Entry;
use pve_client::{Area, Lock};
use terraform_plugin::{
    Change, Created, Cx, Deleted, Diagnostic, Error, Failed, Findings, Keyed as _, Model, Need, Nested, Read, Resource,
    Say, Size, Timeouts, Unwritten, Updated, require, require_removable,
};

use crate::ground::absence;
use crate::ground::error::During;
use crate::ground::ledger::Planned;
use crate::ground::named::Named;
use crate::ground::pve::Pve;
use crate::ground::rights;
use disk::Whole;
use work::Work;

/// A partition in the free space of a disk, for an OSD or whatever else takes one.
///
/// It is made in the first gap that is large enough, aligned to whole MiB, and nothing that is there already is ever changed or
/// moved: the command names number and place, and is refused where somebody has taken either meanwhile. The table of the disk
/// has to be a GPT; an empty disk gets one if `create_table` says so. Tables before and after stand in the provider's log
/// (`TF_LOG_PROVIDER=INFO`).
///
/// PVE has no call for this, so `sgdisk` is run on the node, in PVE's terminal, which takes the login of `root@pam`, or by the
/// provider's `ssh`. Planning and refreshing do not: they go by the partition's number and size, which PVE lists. Imports and
/// the data sources read the table, and so need that login, too.
///
/// What a former partition has left at that place is not erased; if PVE finds something there, the apply says so.
///
/// A partition is neither grown nor shrunk: another `size` replaces it. It is destroyed only when nothing is on it, no OSD, no
/// LVM, ZFS or file system, and nobody has it open; what is there is told, and stays. It is known by a GUID that is chosen
/// before the write, so that of a run that was cut off the next one recognises what was made, and never makes a second one.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "disk_partition", area = "Nodes", key(node, disk, label), rest = disk)]
pub struct DiskPartition {
    /// The node that has the disk.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// The disk: its serial number, as `pve_node_disks` shows it, or the name of its link in `/dev/disk/by-id`, such as
    /// `ata-SAMSUNG_S4EVK1`. No other disk of the node may have the same.
    #[attr(required, replace, length = 1.., check = disk::a_name)]
    pub disk: String,
    /// Its name in the table. No other partition of the disk may have the same.
    #[attr(
        required,
        replace,
        regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,35}$",
        says = "up to 36 letters, digits, `-`, `_` and `.`, and no `-` at the beginning"
    )]
    pub label: String,
    /// Its size, in whole MiB.
    #[attr(required, replace, check = whole_mib)]
    pub size: Size,
    /// Whether a disk that holds nothing at all, not even a table of partitions, gets one.
    #[attr(local, default = false)]
    pub create_table: bool,
    /// Its number, which stays.
    #[attr(computed)]
    pub number: Option<u32>,
    /// The GUID that tells it from all other partitions, chosen before it was made. Compared before it is destroyed.
    #[attr(computed)]
    pub uuid: Option<String>,
    /// The partition as `device` of `pve_ceph_osd` takes it.
    #[attr(computed)]
    pub device: Option<PartitionDevice>,
    /// False until the node shows the partition; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "10m", update = "10m", delete = "10m"))]
    pub timeouts: Timeouts,
}

/// A partition, as `device` of `pve_ceph_osd` takes it.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct PartitionDevice {
    /// Always null: paths may change when the node boots.
    #[attr(computed)]
    pub path: Option<String>,
    /// Its link in `/dev/disk/by-id`, if the disk is named by its link.
    #[attr(computed)]
    pub by_id: Option<String>,
    /// The disk's serial number, if the disk is named by it.
    #[attr(computed)]
    pub serial: Option<String>,
    /// Its number, with `serial`.
    #[attr(computed)]
    pub partition: Option<u32>,
}

const MIB: u64 = 1 << 20;

fn whole_mib(size: &Size) -> Result<(), String> {
    if size.bytes() == 0 || !size.bytes().is_multiple_of(MIB) {
        return Err("must be a whole number of MiB, such as `100G` or `512M`".to_owned());
    }
    Ok(())
}

/// A partition that is planned to be made.
#[derive(Clone, Debug)]
struct Coming {
    node: String,
    disk: String,
    size: u64,
    /// Whether it brings a table.
    table: bool,
}

impl Planned for Coming {
    type Key = String;
}

impl DiskPartition {
    /// Its import id.
    fn place(&self) -> String {
        self.key().map_or_else(String::new, |key| key.to_string())
    }

    fn called(&self) -> String {
        format!("Partition \"{}\" on disk {} of {}", self.label, self.disk, self.node)
    }

    fn named(&self) -> Named {
        Named { kind: "pve_disk_partition".to_owned(), attribute: "label", key: self.place(), what: self.called() }
    }

    /// As it stands in the table of that disk.
    fn with(&self, entry: &Entry, whole: &Whole) -> Self {
        let bytes = entry.size;
        let size = if self.size.bytes() == bytes { self.size.clone() } else { Size::from_bytes(bytes) };
        Self {
            size,
            number: Some(entry.number),
            uuid: entry.uuid.clone(),
            device: Some(whole.device(entry.number)),
            ready: true,
            ..self.clone()
        }
    }
}

impl Resource<Pve> for DiskPartition {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/nodes/{node}", &["Sys.Audit"]), Need::to_apply("/", &[])]
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if change.is_create() || change.is_destroy() {
            rights::warn_shell(cx, say, "node", "Partitions");
        }
        if !change.is_create() {
            return;
        }
        let plan = &change.plan;
        let (Some(node), Some(disk), Some(label)) = (plan.node.text(), plan.disk.text(), plan.label.text()) else {
            return;
        };
        let coming = Coming {
            node: node.to_owned(),
            disk: disk.to_owned(),
            size: plan.size.known().map_or(0, Size::bytes),
            table: plan.create_table.is(&true),
        };
        cx.ledger.note(format!("{node}/{disk}/{label}"), coming);
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &DiskPartitionPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        match prior {
            None => disk::possible(cx, want, found).await,
            // It is there, or was begun and is looked for in the table.
            Some(_) => Ok(()),
        }
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        occupied::removable(cx, was, found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let turn = cx.client.begin_write(Lock::DiskUse(want.node.clone()), &[Area::Disks]).await;
        let _turn = unwritten.check(turn.during(work::making(want)))?;
        let work = unwritten.check(Work::begin(cx, want).await)?;
        let noted = cx.former(Some(&want.place())).await.and_then(|run| run.note);
        if let Some(entry) = noted.as_deref().and_then(|uuid| work.entry(uuid)) {
            tracing::info!(partition = want.called(), "a run that was cut off has made it");
            return Ok(unwritten.take_over(want.clone()).made(want.with(entry, &work.whole)));
        }
        unwritten.check(work.must_be_unnamed(want))?;
        unwritten.check(require(cx, want, None).await)?;
        // What may still be under way from a run that was cut off has the same name, and so cannot come beside it unnoticed.
        let uuid = noted.unwrap_or_else(work::new_uuid);
        let new = unwritten.check(work.room(want, &uuid))?;
        cx.jot(uuid.as_str());
        let so_far = Self { uuid: Some(uuid.clone()), ..want.clone() };
        let (answer, written) = unwritten.send(so_far.clone(), work.make(cx, &new)).await?;
        Ok(written.settle(async |_| work::made(cx, &so_far, &uuid, answer).await).await)
    }

    async fn read(cx: &Cx<Pve>, key: &DiskPartitionKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        match work::find(cx, key, prior).await {
            Ok(work::Found::NoDisk) if prior.is_some() => Ok(Read::unreachable(
                format!("Disk {} is not listed by {}", key.disk, key.node),
                "It has died or was taken out, with its partitions. If that is for good, take them out of the configuration.",
            )),
            Ok(work::Found::NoDisk) => absence::answer(&cx.client, Ok(None)).await,
            Ok(work::Found::Partition(found)) => absence::answer(&cx.client, Ok(found.map(|found| *found))).await,
            Err(problem) => absence::answer(&cx.client, Err(problem)).await,
        }
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        if prior.ready {
            // What is changed was said for the next one.
            return Ok(Updated::Done(Self { ready: true, ..want.clone() }));
        }
        let turn = cx.client.begin_write(Lock::DiskUse(want.node.clone()), &[Area::Disks]).await;
        let _turn = turn.during(work::making(want))?;
        let work = Work::begin(cx, want).await?;
        let uuid = prior.uuid.clone().unwrap_or_else(work::new_uuid);
        let so_far = Self { uuid: Some(uuid.clone()), number: None, device: None, ready: false, ..want.clone() };
        let answer = match work.entry(&uuid) {
            Some(_) => Ok(()),
            None => {
                work.must_be_unnamed(want)?;
                require(cx, want, None).await?;
                let new = work.room(want, &uuid)?;
                work.make(cx, &new).await
            }
        };
        Ok(match work::made(cx, &so_far, &uuid, answer).await {
            Ok(made) => Updated::Done(made),
            Err(problem) => Updated::unfinished(so_far, problem),
        })
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        let doing = format!("Cannot destroy partition \"{}\" on disk {} of {}", was.label, was.disk, was.node);
        let turn = cx.client.begin_write(Lock::DiskUse(was.node.clone()), &[Area::Disks]).await;
        let _turn = turn.during(&doing)?;
        let Some((work, entry)) = work::to_be_removed(cx, was, &doing).await? else { return Ok(Deleted::Gone) };
        let was = Self { number: Some(entry.number), ..was.clone() };
        require_removable(cx, &was).await?;
        let answer = work.remove(cx, &entry, &doing).await;
        match work::to_be_removed(cx, &was, &doing).await {
            Ok(None) => Ok(Deleted::Gone),
            Ok(Some(_)) | Err(_) if answer.is_err() => Err(answer.err().map_or_else(|| unseen(&doing), Error::from)),
            Ok(Some(_)) => Err(unseen(&doing)),
            Err(problem) => Err(problem.into()),
        }
    }
}

fn unseen(doing: &str) -> Error {
    Error::new(doing, "The command succeeded, yet the partition is still in the table. Apply again.")
}

/// Says that a disk is not there any more, and what was on it neither.
fn tell_lost(cx: &Cx<Pve>, was: &DiskPartition) {
    cx.warn(Diagnostic::warning(
        "Partitions are gone with their disks",
        format!("{} does not list disk {} any more. {} is not managed from now on.", was.node, was.disk, was.called()),
    ));
}
