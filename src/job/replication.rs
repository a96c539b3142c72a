//! `pve_replication`: another node has a copy of a guest's disks.

use std::collections::BTreeSet;
use std::sync::Arc;

use pve_client::api::cluster::{Guest, GuestKind};
use pve_client::api::qemu::drive::{Bus, Drive};
use pve_client::{Area, Request};
use serde::Deserialize;
use terraform_plugin::{Cx, Error, Findings, Model, Timeouts};

use crate::ground::error::{During, Problem};
use crate::ground::lives::lived;
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Family, Right, Section, Sight, listed};

use super::schedule;

/// A job that copies the disks of a guest to another node, again and again.
///
/// The disks have to lie on ZFS (`pve_storage_zfspool`), on storages of the same name on both nodes; with `replicate=0` a disk
/// is left out. A guest that is moved to the target turns its job round: then the copies are where it came from. This is no
/// difference to `target`.
///
/// PVE removes a job, and the copies with it, when the node of the guest has looked, which it does each minute: destroying
/// waits for that. A job whose guest's node is gone for good is removed on a node only:
/// `pvesh delete /cluster/replication/ID --force 1`.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "replication", area = "Jobs", key(id))]
pub struct Replication {
    /// The number of the guest and one of the job, such as `101-0`.
    #[attr(
        required,
        replace,
        regex = r"^[1-9][0-9]{2,8}-\d{1,9}$",
        says = "the number of a guest, `-`, and a number of its job"
    )]
    pub id: String,
    /// The node that gets the copies.
    #[attr(required, replace, check = texts::one_word)]
    pub target: String,
    /// When it runs, as a calendar event of PVE: `*/15` (minutes), `02:30`, `mon..fri 22:00`.
    #[attr(keep, usual = "*/15", length = ..=128, check = texts::one_tidy_line)]
    pub schedule: Option<String>,
    /// How fast, in MB a second, 1 at least. Unset: as fast as can be.
    #[attr(optional, check = one_at_least)]
    pub rate: Option<f64>,
    /// Whether it does not run.
    #[attr(keep, usual = false)]
    pub disable: Option<bool>,
    /// A note.
    #[attr(optional, length = 1..=4096, check = texts::one_tidy_line)]
    pub comment: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "20m"))]
    pub timeouts: Timeouts,
}

fn one_at_least(rate: &f64) -> Result<(), String> {
    if *rate >= 1.0 { Ok(()) } else { Err("must be 1 at least".to_owned()) }
}

impl Section for Replication {
    const FAMILY: Family = Family {
        what: "Replication job",
        path: "cluster/replication",
        file: "replication.cfg",
        area: AREA,
        write: Right { path: "/vms/{guest}", any: &["VM.Replicate"] },
        sight: Sight::With(Right { path: "/vms/{guest}", any: &["VM.Audit"] }),
        digest: true,
        fixed: &[("type", "local")],
        blames: &[
            ("Target '", "target"),
            ("Source and target", "target"),
            ("Guest '", "id"),
            ("replicate feature", "id"),
            ("replicatable volumes", "id"),
        ],
        ..Family::PLAIN
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] =
        &[("remove_job", "PVE's own note that the job is to go"), ("source", "PVE's own note of where the guest is")];

    fn write(key: &ReplicationKey) -> Vec<crate::section::OwnRight> {
        vec![crate::section::OwnRight { path: of_guest(&key.id), any: &["VM.Replicate"] }]
    }

    fn sight(key: &ReplicationKey) -> Option<crate::section::OwnRight> {
        Some(crate::section::OwnRight { path: of_guest(&key.id), any: &["VM.Audit"] })
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &ReplicationPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let before = prior.and_then(|prior| prior.schedule.as_deref());
        schedule::is_read(cx, want.schedule.text(), before, found).await?;
        // Whoever is replicated already may be on the target.
        let (None, Some(id)) = (prior, want.id.text()) else { return Ok(()) };
        let guest = guest(cx, id, found).await?;
        if let Some(target) = want.target.text() {
            can_be_target(cx, target, guest.as_ref(), found).await?;
            if let Some(guest) = &guest {
                has_no_other(cx, id, guest, target, found).await?;
            }
        }
        if let Some(guest) = guest.filter(|guest| guest.kind == GuestKind::Qemu) {
            can_be_copied(cx, &guest, found).await?;
        }
        Ok(())
    }

    async fn settle(cx: &Cx<Pve>, want: &Self, _known: Option<&Self>, live: Self) -> Result<Self, Problem> {
        turned(cx, live, &want.target).await
    }

    async fn end(cx: &Cx<Pve>, was: &Self) -> Result<(), Problem> {
        crate::section::ended(cx, was).await?;
        own::gone(cx, &was.id).await
    }
}

lived!(Replication, by crate::job::replication::own, plain = false, plural = "replications");

const AREA: Area = Area::File("replication.cfg");

/// The guest's place in PVE's tree of permissions.
fn of_guest(id: &str) -> String {
    format!("/vms/{}", id.split('-').next().unwrap_or_default())
}

/// `GET /cluster/replication`.
#[derive(Deserialize)]
struct Job {
    id: String,
    target: String,
    source: Option<String>,
    #[serde(deserialize_with = "pve_client::wire::number")]
    guest: u32,
    remove_job: Option<String>,
}

async fn jobs(cx: &Cx<Pve>) -> Result<Arc<Vec<Job>>, Problem> {
    cx.client.shared(AREA, Request::get("cluster/replication")).await.during("Cannot list the replication jobs")
}

/// With the target that is meant: of a guest that went there, the copies are where it came from.
async fn turned(cx: &Cx<Pve>, live: Replication, target: &str) -> Result<Replication, Problem> {
    if live.target == target {
        return Ok(live);
    }
    let jobs = jobs(cx).await?;
    let source = jobs.iter().find(|job| job.id == live.id).and_then(|job| job.source.as_deref());
    Ok(if source == Some(target) { Replication { target: target.to_owned(), ..live } } else { live })
}

async fn guest<M>(cx: &Cx<Pve>, id: &str, found: &mut Findings<M>) -> Result<Option<Guest>, Error> {
    let Some(vmid) = id.split('-').next().and_then(|vmid| vmid.parse::<u32>().ok()) else { return Ok(None) };
    let guest = cx.client.cluster().guest(vmid).await.during(format!("Cannot look for guest {vmid}"))?;
    if guest.is_none() {
        let problem = Problem::new(
            format!("Guest {vmid} does not exist"),
            "Only the disks of a guest that is there can be copied; nothing was written. If it does exist, the user or token lacks \
             VM.Audit on it.",
        );
        found.missing(cx.comes("vm", &vmid.to_string()), problem.at("id"));
    }
    Ok(guest)
}

async fn can_be_target<M>(
    cx: &Cx<Pve>,
    target: &str,
    guest: Option<&Guest>,
    found: &mut Findings<M>,
) -> Result<(), Error> {
    let all = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    let there: BTreeSet<String> = all.iter().map(|entry| entry.node.clone()).collect();
    if !there.contains(target) {
        let what = format!("Nothing was written. There are: {}.", listed(&there));
        let problem = Problem::new(format!("The cluster has no node \"{target}\""), what).at("target");
        found.missing(cx.comes("cluster_member", target), problem);
    } else if let Some(guest) = guest.filter(|guest| guest.node == target) {
        let what = format!("Guest {} is on {target} itself. Nothing was written. Name another node.", guest.vmid);
        found.mendable(Problem::new("A guest is not copied to the node that it is on", what).at("target"));
    }
    Ok(())
}

/// PVE has one job for each guest and target.
async fn has_no_other<M>(
    cx: &Cx<Pve>,
    id: &str,
    guest: &Guest,
    target: &str,
    found: &mut Findings<M>,
) -> Result<(), Error> {
    let jobs = jobs(cx).await?;
    let Some(other) = jobs.iter().find(|job| job.guest == guest.vmid && job.target == target && job.id != id) else {
        return Ok(());
    };
    let goes = cx.going::<Replication>().iter().any(|going| going.id == other.id);
    let what = format!(
        "Job {} copies guest {} to {target} already, and PVE takes one for each target. Nothing was written. Import that one, or \
         remove it first.",
        other.id, guest.vmid
    );
    found.missing(goes, Problem::new("The guest is copied there already", what).at("target"));
    Ok(())
}

/// ZFS alone can tell what has changed.
async fn can_be_copied<M>(cx: &Cx<Pve>, guest: &Guest, found: &mut Findings<M>) -> Result<(), Error> {
    let doing = format!("Cannot read the configuration of vm:{}", guest.vmid);
    let config = cx.client.qemu(&guest.node, guest.vmid).config().await.during(doing)?;
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    let copied = |disk: &Drive| disk.is_disk() && disk.other.get("replicate").is_none_or(|on| on != "0");
    let is_zfs = |id: &str| storages.iter().any(|storage| storage.storage == id && storage.kind == "zfspool");
    let disks = config.drives.iter().filter(|(key, disk)| key.bus != Bus::Unused && copied(disk));
    let wrong: Vec<String> = disks
        .filter(|(_, disk)| !disk.storage().is_some_and(is_zfs))
        .map(|(key, disk)| format!("{key} ({})", disk.volume))
        .collect();
    if !wrong.is_empty() {
        let what = format!(
            "PVE copies what lies on ZFS alone. Nothing was written. Not on a storage of the type zfspool: {}. Move these disks there, \
             or set `replicate=0` on them.",
            wrong.join(", ")
        );
        found.mendable(Problem::new(format!("Disks of guest {} cannot be replicated", guest.vmid), what).at("id"));
    }
    Ok(())
}

/// Its life, where it is another one than that of the other sections.
mod own {
    use terraform_plugin::Read;
    use tokio::time::Instant;

    use super::{Cx, Error, Problem, Pve, Replication, ReplicationKey, jobs, turned};
    use crate::ceph::wait::until;
    pub use crate::section::life::*;

    /// A guest that went to the target has the copies where it came from: that is the same job.
    pub async fn read(
        cx: &Cx<Pve>,
        key: &ReplicationKey,
        prior: Option<&Replication>,
    ) -> Result<Read<Replication>, Error> {
        let read = crate::section::life::read::<Replication>(cx, key, prior).await?;
        Ok(match (read, prior) {
            (Read::Found(live), Some(prior)) => Read::Found(turned(cx, live, &prior.target).await?),
            (read, _) => read,
        })
    }

    /// Waits until the node of the guest has taken the job away.
    pub(super) async fn gone(cx: &Cx<Pve>, id: &str) -> Result<(), Problem> {
        let waiting = format!("Replication job \"{id}\" is still there");
        until(cx, Instant::now() + cx.timeout, &waiting, async || {
            let jobs = jobs(cx).await?;
            let Some(job) = jobs.iter().find(|job| job.id == id) else { return Ok(Ok(())) };
            let source = job.source.clone().unwrap_or_else(|| "the guest's node".to_owned());
            Ok(Err(match &job.remove_job {
                Some(_) => format!(
                    "PVE has noted that it is to go, and {source} takes it away with the copies: once a minute, as long as it is up. If \
                     that node is gone for good: `pvesh delete /cluster/replication/{id} --force 1`, which leaves the copies."
                ),
                None => "PVE has not noted that it is to go.".to_owned(),
            }))
        })
        .await
    }
}
