//! `pve_guest_snapshot_rollback`: a machine is brought back to one of its snapshots. Under HA, HA looks away meanwhile.

use pve_client::api::ha::resource::Sid;
use pve_client::api::params::Params;
use pve_client::api::snapshots::Snapshot as Live;
use terraform_plugin::{Action, Cx, Diagnostic, Error, Model, Need, Progress};
use tokio::time::Instant;

use super::subject::{self, Subject};
use crate::ceph::wait::until;
use crate::ground::error::{During, Problem};
use crate::ground::following::follow;
use crate::ground::pve::Pve;
use crate::ha::wait::{Waited, settled};

/// Brings a virtual machine back to one of its snapshots: its disks and its configuration are what they were then.
///
/// What was written to its disks since, changes of its configuration that wait for its next stop, and its memory are lost. One
/// that runs is stopped at once, as if the plug were pulled. Its name, its tags, its network cards and all other settings become
/// those of the snapshot as well: what `pve_vm` has otherwise, it plans. Disks that came later stay with it as `unusedN`, and
/// snapshots that were made later stay, but on ZFS and wherever snapshots are chains of volumes: there, only the newest one can
/// be gone back to.
///
/// With a snapshot that holds the memory the guest runs afterwards. One that HA has is `ignored` by HA meanwhile, and then has
/// its state back, whatever comes of it: HA starts it then, if that is its state. That takes `Sys.Console` on `/`.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "guest_snapshot_rollback", area = "Virtual machines")]
pub struct GuestSnapshotRollback {
    /// The machine's number.
    #[attr(required, range = 100..=999_999_999)]
    pub vmid: u32,
    /// The snapshot.
    #[attr(required, length = 1..=40)]
    pub name: String,
    /// Whether it is started afterwards. While HA has it, HA decides that.
    #[attr(default = false)]
    pub start: bool,
}

impl Action<Pve> for GuestSnapshotRollback {
    fn needs() -> Vec<Need> {
        vec![
            Need::to_plan("/vms/{vmid}", &["VM.Audit"]),
            Need::to_apply("/vms/{vmid}", &["VM.Snapshot.Rollback", "VM.Snapshot"]),
            Need::to_apply("/vms/{vmid}", &["VM.PowerMgmt"]),
        ]
    }

    async fn invoke(cx: &Cx<Pve>, config: Self, progress: &Progress) -> Result<(), Error> {
        let subject = subject::must_exist(cx, config.vmid).await?;
        let sid = subject.sid();
        if subject.template {
            let detail = "A template is what it is: it has no snapshots. Nothing was done.";
            return Err(Error::new(format!("{sid} is a template"), detail).at("vmid"));
        }
        let snapshot = config.snapshot(cx, &subject).await?;
        subject.must_be_unlocked()?;
        let ha = cx.client.ha().resource(sid).await;
        let state = match ha {
            Ok(resource) => resource.map(|resource| resource.state.unwrap_or_else(|| "started".to_owned())),
            // Who may not see HA learns from the guest's own entry whether it is there.
            Err(pve_client::Error::Permission(_)) if subject.guest.hastate.is_none() => None,
            Err(error) => return Err(error).during(format!("Cannot see whether {sid} is under HA"))?,
        };
        // `ignored` is as good as not there.
        let state = state.filter(|state| state != "ignored");
        progress.say(format!(
            "{sid} goes back to snapshot \"{}\"{}: what was written since is lost",
            config.name,
            taken_at(&snapshot)
        ));
        let Some(state) = state else {
            config.roll_back(cx, &subject, progress).await?;
            return Ok(config.started(cx, &subject, progress).await?);
        };
        let kept_running = matches!(state.as_str(), "started" | "enabled");
        if config.start && !kept_running {
            let detail = format!(
                "Its state in HA is `{state}`, and HA would stop it again. Nothing was done. Leave `start` out; the `state` of its \
                 `pve_ha_resource`, or the action `pve_guest_power`, has HA start it."
            );
            return Err(Error::new(format!("HA keeps {sid} stopped"), detail).at("start"));
        }
        set(cx, sid, "ignored").await?;
        let rolled = match settled(cx, sid, "ignored").await {
            Ok(Waited::Settled) => {
                progress.say(format!("{sid}: HA looks away"));
                config.roll_back(cx, &subject, progress).await
            }
            Ok(Waited::Error(words) | Waited::Unfinished(words)) => {
                Err(Problem::new(format!("HA does not let go of {sid}"), format!("{words} Nothing was rolled back.")))
            }
            Err(problem) => Err(problem),
        };
        // Whatever has come of it, HA is to look after it again.
        if let Err(problem) = set(cx, sid, &state).await {
            cx.warn(Diagnostic::warning(
                format!("HA does not look after {sid}"),
                format!(
                    "Its state is `ignored` and was `{state}`; it could not be set again. `ha-manager set {sid} --state {state}` does, \
                     and so does its `pve_ha_resource` when it is applied next."
                ),
            ));
            rolled?;
            return Err(problem.into());
        }
        rolled?;
        progress.say(format!("{sid}: HA is asked for `{state}` again"));
        match settled(cx, sid, &state).await? {
            Waited::Settled => progress.say(format!("{sid}: HA says `{state}`")),
            Waited::Error(words) => {
                let summary = format!("{sid} was rolled back, and HA cannot bring it to `{state}`");
                return Err(Error::new(summary, words));
            }
            Waited::Unfinished(why) => {
                return Err(Error::new(format!("{sid} was rolled back, and is not {state} yet"), why));
            }
        }
        Ok(())
    }
}

/// When it was made, in words for a line.
fn taken_at(snapshot: &Live) -> String {
    let at = snapshot.snaptime.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    at.map(|at| format!(" of {}", at.strftime("%Y-%m-%d %H:%M:%S UTC"))).unwrap_or_default()
}

async fn set(cx: &Cx<Pve>, sid: Sid, state: &str) -> Result<(), Problem> {
    let doing = format!("Cannot ask HA to have {sid} {state}");
    cx.client.ha().update(sid, &Params::new().set("state", state)).await.during(doing)
}

impl GuestSnapshotRollback {
    /// The snapshot, if it can be gone back to.
    async fn snapshot(&self, cx: &Cx<Pve>, subject: &Subject) -> Result<Live, Problem> {
        let sid = subject.sid();
        let all = subject.snapshots(cx).list().await.during(format!("Cannot list the snapshots of {sid}"))?;
        let Some(found) = all.iter().find(|one| one.name == self.name) else {
            let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
            let there =
                if names.is_empty() { "It has none.".to_owned() } else { format!("It has: {}.", names.join(", ")) };
            return Err(Problem::new(
                format!("{sid} has no snapshot \"{}\"", self.name),
                format!("Nothing was done. {there}"),
            )
            .at("name"));
        };
        match &found.snapstate {
            None => Ok(found.clone()),
            Some(state) => Err(Problem::new(
                format!("Snapshot \"{}\" of {sid} is no whole one", self.name),
                format!("It is being made or removed, or that was interrupted ({state}). Nothing was done."),
            )
            .at("name")),
        }
    }

    async fn roll_back(&self, cx: &Cx<Pve>, subject: &Subject, progress: &Progress) -> Result<(), Problem> {
        // It may have gone elsewhere while HA was waited for.
        let subject = subject::must_exist(cx, subject.guest.vmid).await?;
        let what = format!("Rolling {} back", subject.sid());
        let asked = subject.snapshots(cx).roll_back(&self.name, false).await;
        follow(cx, &what, asked, progress).await.map_err(|problem| {
            let said = problem.pve().map(ToString::to_string).unwrap_or_default();
            let cure = said.contains("is not most recent snapshot").then(|| {
                "Where it lies, only the newest snapshot can be gone back to: those that came later have to be removed first."
                    .to_owned()
            });
            problem.noting(cure)
        })
    }

    /// Starts it, if that was asked for and it does not run yet.
    async fn started(&self, cx: &Cx<Pve>, subject: &Subject, progress: &Progress) -> Result<(), Problem> {
        if !self.start {
            return Ok(());
        }
        let (api, sid) = (subject.vm().api(cx), subject.sid());
        let doing = format!("Cannot look at {sid}");
        if api.status().await.during(&doing)?.is_running() {
            return Ok(());
        }
        follow(cx, &format!("Starting {sid}"), api.start().await, progress).await?;
        let waiting = format!("{sid} was rolled back and started, and does not run");
        until(cx, Instant::now() + cx.timeout, &waiting, async || {
            let status = api.status().await.during(&doing)?;
            Ok(if status.is_running() { Ok(()) } else { Err(format!("it is {}.", status.status)) })
        })
        .await
    }
}
