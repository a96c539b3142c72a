//! What speaks against a snapshot, seen from a plan with what is known by then, and right before the write.

use terraform_plugin::{Cx, Error, Findings};

use super::{Snapshot, SnapshotPlan, making, one};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::vm::subject::{self, Subject};

pub(super) async fn look(
    cx: &Cx<Pve>,
    want: &SnapshotPlan,
    prior: Option<&Snapshot>,
    found: &mut Findings<Snapshot>,
) -> Result<(), Error> {
    let Some(vmid) = want.vmid.get() else { return Ok(()) };
    let Some(subject) = subject::find(cx, vmid).await? else {
        found.missing(cx.comes("vm", &vmid.to_string()), subject::missing(vmid));
        return Ok(());
    };
    if prior.is_some() {
        found.check(subject.must_be_the_same(cx));
        return Ok(());
    }
    if subject.template {
        let problem = Problem::new(
            format!("{} is a template", subject.sid()),
            "PVE makes no snapshots of templates, and templates never change. Nothing was written.",
        );
        found.certain(problem.at("vmid"));
        return Ok(());
    }
    if let Some(name) = want.name.text()
        && one(cx, &subject, name).await?.is_some_and(|live| live.snapstate.is_none())
    {
        found.exists(making::is_there(vmid, &subject, name));
    }
    found.check(subject.must_be_unlocked());
    let possible = subject.snapshots(cx).possible().await;
    if !possible.during(format!("Cannot ask what the disks of {} can do", subject.sid()))?.has {
        let problem = Problem::new(
            format!("{} cannot be snapshotted", subject.sid()),
            format!(
                "One of its disks lies where no snapshots can be made: {} Nothing was written. Images in the format `qcow2` on \
                 storages of files, LVM-thin, ZFS and RBD can; `pve_vm_disk_move` brings a disk there.",
                disks(&subject)
            ),
        );
        found.mendable(problem.at("vmid"));
    }
    if want.vmstate.is(&true) && subject.guest.status == "stopped" {
        found.notice(Problem::new(
            "A snapshot without memory",
            format!(
                "`vmstate` is set, and {} is stopped: there is no memory to keep. A rollback leaves it stopped.",
                subject.sid()
            ),
        ));
    }
    Ok(())
}

/// Where its disks lie.
fn disks(subject: &Subject) -> String {
    let disks = subject.vm().config.drives.iter().filter(|(key, drive)| key.is_attached() && drive.is_disk());
    let all: Vec<String> = disks.map(|(key, drive)| format!("{key} ({})", drive.volume)).collect();
    match all.is_empty() {
        true => String::new(),
        false => format!("{}.", all.join(", ")),
    }
}
