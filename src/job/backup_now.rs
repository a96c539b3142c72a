//! `pve_backup_now`: guests are backed up at once.

use std::collections::{BTreeMap, BTreeSet};

use pve_client::api::cluster::Guest;
use pve_client::api::params::Params;
use terraform_plugin::{Action, Cx, Duration, Error, Model, Need, Progress, Say};

use crate::ground::error::{During, Problem};
use crate::ground::following::follow_for;
use crate::ground::pve::Pve;
use crate::ground::texts;

/// Backs guests up now: some, those of a resource pool, or all of a node.
///
/// Each node backs its own guests up, one after the other; the nodes do so in turn. PVE takes one backup at a time on a node:
/// whoever comes later waits, three hours at most. What came of it is told at the end, by the names of the backups, which the
/// data source `pve_backups` has as well.
///
/// A guest that cannot be backed up fails the action when all others have been. Interrupted, the action ends at once; the
/// backup that runs goes on, and the message says how it is ended.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "backup_now", area = "Jobs", exactly_one(vmid, pool, node))]
pub struct BackupNow {
    /// These guests, wherever they are.
    #[attr(optional, length = 1.., each = number)]
    pub vmid: Option<BTreeSet<u32>>,
    /// The guests of a resource pool, wherever they are.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub pool: Option<String>,
    /// All guests of this node.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub node: Option<String>,
    /// Those of the pool or the node that are left out.
    #[attr(optional, length = 1.., each = number)]
    pub exclude: Option<BTreeSet<u32>>,
    /// The storage for the backups.
    #[attr(required, length = 1.., check = texts::one_word)]
    pub storage: String,
    /// What is done with guests meanwhile: `snapshot` (they go on), `suspend` or `stop`. Unset: what `/etc/vzdump.conf` of the node
    /// says, or `snapshot`.
    #[attr(optional, one_of = ["snapshot", "suspend", "stop"])]
    pub mode: Option<String>,
    /// How it is packed: `zstd`, `gzip`, `lzo`, `1` (lzo) or `0` (not at all).
    #[attr(default = "zstd", one_of = ["0", "1", "gzip", "lzo", "zstd"])]
    pub compress: String,
    /// What is noted with each backup: `{{guestname}}`, `{{node}}`, `{{cluster}}` and `{{vmid}}` stand for its own.
    #[attr(optional, length = 1..=1024, check = texts::one_tidy_line)]
    pub notes_template: Option<String>,
    /// Whether the backups are protected from being removed.
    #[attr(default = false)]
    pub protected: bool,
    /// Whether older backups beyond what the storage keeps are removed.
    #[attr(default = true)]
    pub remove: bool,
    /// How long each node is waited for. When that is over, its backup goes on by itself.
    #[attr(default = Duration::from(std::time::Duration::from_secs(24 * 3600)))]
    pub timeout: Duration,
}

fn number(vmid: &u32) -> Result<(), String> {
    match (100..=999_999_999).contains(vmid) {
        true => Ok(()),
        false => Err("must be the number of a guest, 100 at least".to_owned()),
    }
}

impl Action<Pve> for BackupNow {
    fn needs() -> Vec<Need> {
        vec![
            Need::to_plan("/vms", &["VM.Audit"]),
            Need::to_apply("/vms", &["VM.Backup"]),
            Need::to_apply("/storage/{storage}", &["Datastore.AllocateSpace"]),
        ]
    }

    fn validate(config: &BackupNowPlan, say: &mut Say<Self>) {
        if config.exclude.is_known() && config.vmid.is_known() {
            let cure = "It is for `pool` and `node`: guests that are named need not be left out.";
            say.error("exclude", "Left out of what was not meant", cure);
        }
    }

    async fn invoke(cx: &Cx<Pve>, config: Self, progress: &Progress) -> Result<(), Error> {
        config.storage_fits(cx).await?;
        let nodes = config.meant(cx).await?;
        let mut made: Vec<String> = Vec::new();
        let mut failed: Option<Error> = None;
        for (node, vmids) in nodes {
            let before = config.there(cx, &node, &vmids).await?;
            let ended = config.back_up(cx, &node, &vmids, progress).await;
            // What is there, also of a backup that failed in part.
            let now = config.there(cx, &node, &vmids).await.unwrap_or_default();
            made.extend(now.difference(&before).cloned());
            if let Err(problem) = ended {
                let stopped = cx.stop.is_cancelled();
                let error = Error::from(problem);
                failed = Some(match failed.take() {
                    None => error,
                    Some(first) => first.and(error),
                });
                if stopped {
                    break;
                }
            }
        }
        for volid in &made {
            progress.say(format!("Made: {volid}"));
        }
        match failed {
            None => Ok(()),
            Some(error) if made.is_empty() => Err(error),
            Some(error) => Err(error.noting(&format!("These backups were made all the same: {}.", made.join(", ")))),
        }
    }
}

impl BackupNow {
    /// What PVE tells in its task alone.
    async fn storage_fits(&self, cx: &Cx<Pve>) -> Result<(), Problem> {
        let all = cx.client.storage().list().await.during("Cannot list the storages")?;
        let problem = |summary: String| {
            let fit: Vec<&str> =
                all.iter().filter(|one| one.content.contains("backup")).map(|one| one.storage.as_str()).collect();
            Problem::new(summary, format!("Nothing was done. Storages for backups: {}.", fit.join(", "))).at("storage")
        };
        match all.iter().find(|one| one.storage == self.storage) {
            None => Err(problem(format!("Storage \"{}\" does not exist", self.storage))),
            Some(one) if !one.content.contains("backup") => Err(problem(format!(
                "Storage \"{}\" is not for backups: its content types lack `backup`",
                self.storage
            ))),
            Some(_) => Ok(()),
        }
    }

    /// Whom it is about, by node.
    async fn meant(&self, cx: &Cx<Pve>) -> Result<BTreeMap<String, BTreeSet<u32>>, Problem> {
        let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
        let out = |guest: &Guest| self.exclude.as_ref().is_some_and(|out| out.contains(&guest.vmid));
        let mut nodes: BTreeMap<String, BTreeSet<u32>> = BTreeMap::new();
        if let Some(vmids) = &self.vmid {
            let missing: Vec<String> = vmids
                .iter()
                .filter(|vmid| guests.iter().all(|guest| guest.vmid != **vmid))
                .map(ToString::to_string)
                .collect();
            if !missing.is_empty() {
                return Err(Problem::new(
                    format!("There is no guest {}", missing.join(", ")),
                    "Nothing was done. If it does exist, the user or token lacks VM.Audit on it.",
                )
                .at("vmid"));
            }
        }
        let meant = |guest: &&Guest| match (&self.vmid, &self.pool, &self.node) {
            (Some(vmids), _, _) => vmids.contains(&guest.vmid),
            (_, Some(pool), _) => guest.pool.as_ref() == Some(pool) && !out(guest),
            (_, _, node) => node.as_ref() == Some(&guest.node) && !out(guest),
        };
        for guest in guests.iter().filter(meant) {
            nodes.entry(guest.node.clone()).or_default().insert(guest.vmid);
        }
        if nodes.is_empty() {
            let (what, at) = match (&self.pool, &self.node) {
                (Some(pool), _) => (format!("Resource pool \"{pool}\" has no guests"), "pool"),
                (_, node) => (format!("Node {} has no guests", node.as_deref().unwrap_or_default()), "node"),
            };
            return Err(Problem::new(what, "So there is nothing to back up, and nothing was done.").at(at));
        }
        let all = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
        let off = |node: &&String| all.iter().all(|entry| entry.node != **node || !entry.is_online());
        match nodes.keys().find(off) {
            Some(node) => Err(Problem::new(
                format!("Node {node} is offline"),
                "Its guests cannot be backed up; nothing was done. Leave them out, or try again when it is back.",
            )),
            None => Ok(nodes),
        }
    }

    /// The backups of these guests that are there.
    async fn there(&self, cx: &Cx<Pve>, node: &str, vmids: &BTreeSet<u32>) -> Result<BTreeSet<String>, Problem> {
        let doing = format!("Cannot list the backups on storage \"{}\"", self.storage);
        let all = cx.client.backups(node, &self.storage, None).await.during(doing)?;
        let theirs = all.iter().filter(|one| one.vmid.is_some_and(|vmid| vmids.contains(&vmid)));
        Ok(theirs.map(|one| one.volid.clone()).collect())
    }

    async fn back_up(
        &self,
        cx: &Cx<Pve>,
        node: &str,
        vmids: &BTreeSet<u32>,
        progress: &Progress,
    ) -> Result<(), Problem> {
        let numbers: Vec<String> = vmids.iter().map(ToString::to_string).collect();
        let what = format!("Backing {} up on {node}", numbers.join(", "));
        let params = Params::new()
            .list("vmid", &numbers)
            .set("storage", &self.storage)
            .opt("mode", self.mode.as_ref())
            .set("compress", &self.compress)
            .opt("notes-template", self.notes_template.as_ref())
            .flag("protected", self.protected)
            .flag("remove", self.remove);
        let Some(task) = cx.client.back_up(node, &params).await.during(format!("{what} failed"))? else {
            return Err(Problem::new(
                format!("Nothing was backed up on {node}"),
                format!(
                    "PVE says that all is well and has begun no task: none of the guests {} is on {node}. They went elsewhere or away a \
                     moment ago; try again.",
                    numbers.join(", ")
                ),
            ));
        };
        let upid = task.upid().clone();
        let ended = follow_for(cx, self.timeout.get(), &what, Ok(task), progress).await;
        let Err(problem) = ended else { return Ok(()) };
        if !problem.is_failed_task() {
            return Err(problem);
        }
        let lines = cx.client.node(node).task_log(&upid, 0).await.unwrap_or_default();
        let why: Vec<&str> = lines.iter().filter_map(|line| line.strip_prefix("ERROR: Backup of VM ")).collect();
        Err(problem.noting(Some(why.join("\n")).filter(|why| !why.is_empty())))
    }
}
