//! `pve_vm_disk_move`: a disk of a VM, brought to another storage.

mod begin;
mod possible;

use pve_client::api::qemu::DiskMove;
use pve_client::api::qemu::drive::{Bus, DriveKey};
use terraform_plugin::{
    Attr, Change, Created, Cx, Deleted, Duration, Error, Failed, Findings, Model, Need, Path, Read, Resource, Say,
    Size, Timeouts, Unwritten, Updated,
};

use super::guest;
use super::identity;
use super::moving::{Halt, Limits, Order, left_over};
use super::planned::{DiskOwner, move_disk, want_disk};
use super::vm::two_owners;
use crate::ground::absence;
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// Brings a disk of a VM to another storage, live if the VM runs, and sees to it that it lies there.
///
/// The disk is named by the VM and its interface. One that is there already is done. A move that runs already, begun by an
/// earlier apply or by hand, is taken up again. PVE moves one disk of a VM at a time: another one is waited for.
///
/// Moving gigabytes takes hours. After `detach_after`, at Ctrl-C, when the time is over or when nothing moves any more, the
/// move goes on in PVE, the resource stays with `ready = false`, and the next apply takes it up again. Whatever needs the
/// disk to have arrived (HA) can wait for `ready` with a postcondition.
///
/// A disk of a VM under HA is brought to storage that all nodes share only, unless its `pve_ha_resource` has `allow_local`.
///
/// Destroying the resource leaves the disk where it is.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "vm_disk_move", area = "Virtual machines", key(vmid, disk))]
pub struct VmDiskMove {
    /// The VM's number.
    #[attr(required, replace, range = 100..=999_999_999)]
    pub vmid: u32,
    /// The disk's interface, such as `scsi0`. CD-ROMs and the cloud-init drive need not and cannot be moved.
    #[attr(required, replace, check = disk)]
    pub disk: String,
    /// The storage it shall lie on. A change moves it again.
    #[attr(required, length = 1..)]
    pub storage: String,
    /// Image format on storages that know several: `raw`, `qcow2`, `vmdk`. Unset: the storage's own choice.
    #[attr(local, one_of = ["raw", "qcow2", "vmdk"])]
    pub format: Option<String>,
    /// The most it may take of the network and the disks, a second: `10MiB/s`. Unset: PVE's own limits, if any are set.
    #[attr(local, check = rate)]
    pub bandwidth_limit: Option<String>,
    /// Destroys the source volume when the copy is complete. If not, it stays with the VM as `unusedN`: HA starts the VM on
    /// another node without it, and a migration drags it along.
    #[attr(local, default = false)]
    pub delete_source: bool,
    /// Ends the watch after this time; the move goes on and the next apply takes it up again. Unset: watched to its end.
    #[attr(local)]
    pub detach_after: Option<Duration>,
    /// Ends the watch when not a byte was moved for this time. Unset: 15 minutes.
    #[attr(local)]
    pub stall_timeout: Option<Duration>,
    /// The volume, once it lies there.
    #[attr(computed)]
    pub volume: Option<String>,
    /// False while the disk is on its way; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take. A move is given up by its lack of progress rather than by the clock.
    #[attr(timeouts(create = "24h", update = "24h"))]
    pub timeouts: Timeouts,
}

/// How long a disk may move without progress, if nothing is said.
const STALL: std::time::Duration = std::time::Duration::from_secs(15 * 60);

/// Private data: the volume that the disk was moved away from, as long as it may have to be freed.
const SOURCE: &str = "source";

fn disk(text: &String) -> Result<(), String> {
    match text.parse::<DriveKey>() {
        Ok(key) if key.bus == Bus::Unused => {
            Err(format!("{text} is a volume that the VM does not use: attach it first, or move it in PVE"))
        }
        Ok(_) => Ok(()),
        Err(_) => Err(NO_DISK.to_owned()),
    }
}

const NO_DISK: &str = "must be a disk of a VM: ide0-3, sata0-5, scsi0-30, virtio0-15, efidisk0 or tpmstate0";

fn rate(text: &String) -> Result<(), String> {
    kib_per_second(text).map(drop)
}

/// PVE counts in whole KiB a second.
pub(crate) fn kib_per_second(text: &str) -> Result<u64, String> {
    let size = text.trim().strip_suffix("/s").and_then(|size| size.parse::<Size>().ok());
    match size.map(|size| size.bytes() / 1024) {
        Some(kib) if kib > 0 => Ok(kib),
        _ => Err("must be at least 1 KiB a second, written such as `10MiB/s`".to_owned()),
    }
}

impl Resource<Pve> for VmDiskMove {
    const UPDATES_SETTLE: bool = true;

    fn needs() -> Vec<Need> {
        vec![
            Need::to_plan("/vms/{vmid}", &["VM.Audit"]),
            Need::to_apply("/vms/{vmid}", &["VM.Config.Disk"]),
            Need::to_apply("/storage/{storage}", &["Datastore.AllocateSpace"]),
        ]
    }

    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[("target-vmid, target-disk, target-digest", "a disk stays with its VM")]
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if change.is_destroy() {
            return;
        }
        if let Some(prior) = &change.prior {
            if change.changed(|plan| &plan.storage) {
                // It will be another one.
                change.plan.volume = Attr::Unknown;
            }
            let to_be_freed = change.plan.delete_source.is(&true) && cx.private.get::<String>(SOURCE).is_some();
            if to_be_freed && !prior.delete_source {
                // Local attributes are nobody's work; this one is, as long as the source is still there.
                change.plan.ready = Attr::Unknown;
            }
        }
        let plan = &change.plan;
        if let (Some(vmid), Some(disk), Some(storage)) = (plan.vmid.get(), plan.disk.text(), plan.storage.text()) {
            if let Some((_, other)) = want_disk(&cx.ledger, vmid, disk, DiskOwner::DiskMove, storage) {
                let (summary, detail) = two_owners(vmid, disk, storage, &other);
                say.error("storage", summary, detail);
            }
            if let Some(other) = move_disk(&cx.ledger, vmid, disk, storage) {
                say.error(
                    "storage",
                    format!("vm:{vmid} {disk} is moved to two storages"),
                    format!(
                        "This `pve_vm_disk_move` brings it to \"{storage}\", another one to \"{other}\": every apply would carry \
                         it to and fro. Nothing was written. Keep one of the two."
                    ),
                );
            }
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &VmDiskMovePlan,
        _prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        possible::look(cx, want, found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        begin::create(cx, want, unwritten).await
    }

    async fn read(cx: &Cx<Pve>, key: &VmDiskMoveKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let path = format!("/vms/{}", key.vmid);
        absence::answer_if_visible(&cx.client, &path, &["VM.Audit"], look(cx, key, prior).await).await
    }

    async fn update(cx: &Cx<Pve>, _prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        let order = want.order()?;
        let found = guest::must_exist(cx, want.vmid).await?;
        identity::must_be_the_same(cx, &found)?;
        let remember = |source: &str| cx.private.set(SOURCE, source);
        match order.carry_out(cx, &want.limits(), cx.private.get(SOURCE), remember).await {
            Ok(volume) => {
                want.forget_source(cx);
                Ok(Updated::Done(want.arrived(volume)))
            }
            Err(Halt::GoesOn(why)) => Ok(Updated::unfinished(Self { volume: None, ..want.clone() }, why)),
            Err(Halt::Failed(problem)) => Err(problem.into()),
        }
    }

    /// The disk stays where it is, and a move that runs goes on.
    async fn delete(_cx: &Cx<Pve>, _was: &Self) -> Result<Deleted<Self>, Error> {
        Ok(Deleted::Gone)
    }
}

impl VmDiskMove {
    fn order(&self) -> Result<Order, Problem> {
        let disk = self.disk.parse::<DriveKey>().map_err(|_| {
            Problem::new(format!("\"{}\" is no disk of a VM", self.disk), format!("It {NO_DISK}. Nothing was written."))
                .at("disk")
        })?;
        let limit = self.bandwidth_limit.as_deref().map(kib_per_second).transpose();
        let bandwidth_limit = limit.map_err(|what| {
            let asked = self.bandwidth_limit.as_deref().unwrap_or_default();
            Problem::new(
                format!("\"{asked}\" is no limit of a move's rate"),
                format!("It {what}. Nothing was written."),
            )
            .at("bandwidth_limit")
        })?;
        Ok(Order {
            vmid: self.vmid,
            disk,
            to: DiskMove {
                storage: self.storage.clone(),
                format: self.format.clone(),
                delete_source: self.delete_source,
                bandwidth_limit,
                digest: None,
            },
            disk_at: Path::attr("disk"),
            storage_at: Path::attr("storage"),
        })
    }

    fn limits(&self) -> Limits {
        Limits {
            detach_after: self.detach_after.clone(),
            stall: self.stall_timeout.as_ref().map_or(STALL, Duration::get),
        }
    }

    fn arrived(&self, volume: String) -> Self {
        Self { volume: Some(volume), ready: true, ..self.clone() }
    }

    /// A source that was freed is not to be freed again: its name may be given to another volume.
    fn forget_source(&self, cx: &Cx<Pve>) {
        if self.delete_source {
            cx.private.remove(SOURCE);
        }
    }
}

/// The disk as it lies now. While it is on its way, the state tells where it goes to.
async fn look(cx: &Cx<Pve>, key: &VmDiskMoveKey, prior: Option<&VmDiskMove>) -> Result<Option<VmDiskMove>, Problem> {
    let Some(found) = guest::find(cx, key.vmid).await? else { return Ok(None) };
    identity::complete(cx, &found.config);
    let asked = prior.cloned().unwrap_or_else(|| VmDiskMove {
        vmid: key.vmid,
        disk: key.disk.clone(),
        ready: true,
        ..VmDiskMove::default()
    });
    let order = asked.order()?;
    if !found.config.drives.contains_key(&order.disk) {
        return Ok(None);
    }
    let drive = order.movable(&found)?;
    let storage = drive.storage().unwrap_or_default().to_owned();
    if asked.ready {
        // A source that somebody has removed is not to be freed later: its name may be given to another volume.
        if cx.private.get::<String>(SOURCE).is_some_and(|source| left_over(&found, &source).is_none()) {
            cx.private.remove(SOURCE);
        }
        let volume = Some(drive.volume.clone());
        return Ok(Some(VmDiskMove { storage, volume, ..asked }));
    }
    let source = cx.private.get::<String>(SOURCE);
    let to_be_freed = asked.delete_source && source.is_some_and(|source| left_over(&found, &source).is_some());
    Ok(Some(match storage == asked.storage && !to_be_freed {
        true => asked.arrived(drive.volume.clone()),
        false => VmDiskMove { volume: None, ..asked },
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_rates() {
        for (text, kib) in [("10MiB/s", 10_240), ("1K/s", 1), ("1.5 GiB/s", 1_572_864)] {
            assert_eq!(kib_per_second(text), Ok(kib), "{text}");
        }
        for bad in ["10", "10MiB", "1B/s", "0/s", "fast", ""] {
            assert!(kib_per_second(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn disks_that_can_be_named() {
        for good in ["scsi0", "efidisk0", "virtio15"] {
            assert_eq!(disk(&good.to_owned()), Ok(()), "{good}");
        }
        assert!(disk(&"unused0".to_owned()).unwrap_err().contains("does not use"));
        assert!(disk(&"net0".to_owned()).is_err());
    }

    #[test]
    fn what_pve_is_asked_for() {
        let want = VmDiskMove {
            vmid: 101,
            disk: "scsi0".to_owned(),
            storage: "ceph".to_owned(),
            bandwidth_limit: Some("10MiB/s".to_owned()),
            delete_source: true,
            ..VmDiskMove::default()
        };
        let order = want.order().unwrap();
        assert_eq!((order.what().as_str(), order.to.bandwidth_limit), ("vm:101 scsi0", Some(10_240)));
        assert!(order.to.delete_source);
        assert_eq!(want.limits().stall, STALL);
    }
}
