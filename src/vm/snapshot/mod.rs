//! `pve_snapshot`: what a guest was like at one moment.

mod listed;
mod making;
mod possible;

use pve_client::api::snapshots::Snapshot as Live;
use terraform_plugin::{
    Attr, Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Read, Resource, Say, Timeouts, Unwritten,
    Updated, require_removable,
};

use super::subject::{self, Subject};
use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};
use crate::ground::texts;

/// A snapshot of a virtual machine: its disks and its configuration as they were at one moment.
///
/// The action `pve_guest_snapshot_rollback` brings the guest back to it. That is no difference to the snapshot, which stays; but
/// what `pve_vm` holds of the guest may differ then, and is planned.
///
/// All disks have to lie on storages that can make snapshots; CD-ROMs and disks that are detached (`unusedN`) are no part of
/// one. As long as there are snapshots, the machine cannot become a template (`pve_template`), its disks cannot be moved away
/// for good, and local disks keep it from being migrated on most storages. A snapshot is no backup: it lies where the disks do.
///
/// Destroying the resource removes the snapshot, also while the machine runs; those that were made after it stay. A disk that
/// only the snapshot knew stays with the machine as `unusedN`.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "snapshot", area = "Virtual machines", key(vmid, name))]
pub struct Snapshot {
    /// The machine's number, such as `pve_vm.web.vmid`.
    #[attr(required, replace, range = 100..=999_999_999)]
    pub vmid: u32,
    /// Its name, unique within the guest: a letter, then letters, digits, `-` and `_`, 40 characters at most.
    #[attr(required, replace, length = 2..=40, regex = r"^[A-Za-z][A-Za-z0-9_-]+$", says = "a letter, then letters, digits, `-` and `_`")]
    pub name: String,
    /// Notes. White space at the end means nothing.
    #[attr(optional, length = ..=8192, check = texts::not_blank, same = texts::same_but_end)]
    pub description: Option<String>,
    /// Whether the memory of a machine that runs is kept as well, so that it goes on from there after a rollback. Asked for when
    /// the snapshot is made, and never compared later. A machine that is stopped has no memory to keep.
    #[attr(local, default = false)]
    pub vmstate: bool,
    /// Whether memory was kept.
    #[attr(computed)]
    pub has_memory: Option<bool>,
    /// The snapshot that the guest had come from when this one was made. Null: none.
    #[attr(computed)]
    pub parent: Option<String>,
    /// When it was made, in seconds since 1970.
    #[attr(computed)]
    pub created: Option<i64>,
    /// False while it is being made, or was left half made; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "1h", update = "1h", delete = "4h"))]
    pub timeouts: Timeouts,
}

impl Resource<Pve> for Snapshot {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/vms/{vmid}", &["VM.Audit"]), Need::to_apply("/vms/{vmid}", &["VM.Snapshot"])]
    }

    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[("force", "a snapshot whose volumes cannot be removed is not forgotten as if they were")]
    }

    fn validate(config: &SnapshotPlan, say: &mut Say<Self>) {
        let reserved = |name: &str| ["current", "pending", "vzdump"].contains(&name.to_lowercase().as_str());
        if let Some(name) = config.name.text().filter(|name| reserved(name)) {
            let cure = "PVE uses that name itself. Choose another one.";
            say.error("name", format!("\"{name}\" cannot be the name of a snapshot"), cure);
        }
    }

    async fn plan(_cx: &Cx<Pve>, change: &mut Change<Self>, _say: &mut Say<Self>) {
        // One that was left half made is made anew.
        if !change.is_destroy() && change.prior.as_ref().is_some_and(|prior| !prior.ready) {
            change.plan.has_memory = Attr::Unknown;
            change.plan.parent = Attr::Unknown;
            change.plan.created = Attr::Unknown;
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &SnapshotPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        possible::look(cx, want, prior, found).await
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        let Some(subject) = subject::find(cx, was.vmid).await? else { return Ok(()) };
        found.check(subject.must_be_the_same(cx));
        found.check(subject.must_be_unlocked());
        Ok(())
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        making::create(cx, want, unwritten).await
    }

    async fn read(cx: &Cx<Pve>, key: &SnapshotKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let path = format!("/vms/{}", key.vmid);
        absence::answer_if_visible(&cx.client, &path, &["VM.Audit"], look(cx, key, prior).await).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        let _turn = making::turn(cx, want.vmid).await?;
        Ok(Updated::Done(making::complete(cx, want, !prior.ready).await?))
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        let _turn = making::turn(cx, was.vmid).await?;
        // With its guest it went too.
        let Some(subject) = subject::find(cx, was.vmid).await? else { return Ok(Deleted::Gone) };
        // One that a run which was cut off is removing is waited for; what it has locked is its own then.
        making::wait_for_others(cx, &subject).await?;
        if one(cx, &subject, &was.name).await?.is_none() {
            return Ok(Deleted::Gone);
        }
        require_removable(cx, was).await?;
        let doing = format!("Cannot remove snapshot \"{}\" of {}", was.name, subject.sid());
        let mut task = subject.snapshots(cx).delete(&was.name).await.during(&doing)?;
        match task.wait(&patience(cx), |_| {}).await.during(&doing) {
            Ok(()) => Ok(Deleted::Gone),
            // Somebody else was quicker.
            Err(problem) => match one(cx, &subject, &was.name).await {
                Ok(None) => Ok(Deleted::Gone),
                _ => Err(with_cure(problem).into()),
            },
        }
    }
}

impl Snapshot {
    fn from_live(vmid: u32, live: &Live, prior: Option<&Self>) -> Self {
        Self {
            vmid,
            name: live.name.clone(),
            description: live.description.clone().filter(|text| !text.trim().is_empty()),
            has_memory: Some(live.vmstate),
            parent: live.parent.clone(),
            created: live.snaptime,
            ready: live.snapstate.is_none(),
            ..prior.cloned().unwrap_or_default()
        }
    }
}

/// The snapshot of that name.
async fn one(cx: &Cx<Pve>, subject: &Subject, name: &str) -> Result<Option<Live>, Problem> {
    let all = subject.snapshots(cx).list().await.during(format!("Cannot list the snapshots of {}", subject.sid()))?;
    Ok(all.into_iter().find(|one| one.name == name))
}

/// The snapshot as it is. That the guest is brought back to it, or away from it, is no difference.
async fn look(cx: &Cx<Pve>, key: &SnapshotKey, prior: Option<&Snapshot>) -> Result<Option<Snapshot>, Problem> {
    let Some(subject) = subject::find(cx, key.vmid).await? else { return Ok(None) };
    subject.complete(cx);
    let live = one(cx, &subject, &key.name).await?;
    Ok(live.map(|live| Snapshot::from_live(key.vmid, &live, prior)))
}

/// What PVE says in its task about what is somebody else's turn, with what to do.
fn with_cure(problem: Problem) -> Problem {
    let said = problem.pve().map(ToString::to_string).unwrap_or_default();
    let cure = if said.contains("needed by replication job") {
        "The next run of the replication (`pve_replication`) lets go of it: run the job once (`pvesr schedule-now ID` on its node) \
         or take it away, then apply again."
    } else if said.contains("replication running") {
        "A replication of the guest is at work. Apply again when it is done."
    } else if said.contains("snapshot feature is not available") {
        "One of its disks lies on a storage that makes no snapshots."
    } else if said.contains("cannot be removed while the VM is running") {
        "The state of its TPM is kept in a chain of volumes there. Shut the machine down, then apply again."
    } else if said.contains("is locked") {
        "Something else works on the guest. Apply again when it is done."
    } else {
        return problem;
    };
    problem.noting(Some(cure.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_note_is_none_and_a_half_made_one_is_not_ready() {
        let live = |text: &str| serde_json::from_str::<Live>(text).unwrap();
        let made =
            Snapshot::from_live(101, &live(r#"{"name":"s2","description":"","snaptime":7,"parent":"s1"}"#), None);
        assert_eq!(
            (made.description, made.parent.as_deref(), made.created, made.ready),
            (None, Some("s1"), Some(7), true)
        );
        let half = live(r#"{"name":"s2","snapstate":"prepare","vmstate":1}"#);
        let half = Snapshot::from_live(101, &half, None);
        assert_eq!((half.ready, half.has_memory), (false, Some(true)));
    }
}
