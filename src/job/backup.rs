//! `pve_backup_job`: when guests are backed up, and where to.

use std::collections::BTreeSet;

use pve_client::Area;
use pve_client::api::storage::StorageConfig;
use terraform_plugin::{Change, Cx, Error, Findings, Model, Nested, Path, Say, Timeouts};

use crate::access::pool_member::STORAGES;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::rights;
use crate::ground::texts;
use crate::section::{self, Family, Right, Section, Sight, listed, nodes, plain};
use crate::storage::entry::Prune;

use super::schedule;

/// A job that backs guests up: all of them, some, or those of a resource pool.
///
/// Of what is not set here holds what `/etc/vzdump.conf` of the node says, or PVE's own value. PVE removes guests from jobs only
/// when they are destroyed with `purge`, and asks nobody when the storage or the pool of a job goes. A job that PVE has made
/// under an id of its own can be imported and changed like the others.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "backup_job", area = "Jobs", key(id), exactly_one(all, vmid, pool))]
pub struct BackupJob {
    /// Its id, unique among PVE's jobs of all kinds: at least two characters, a letter, then letters, digits, `_`, `-`.
    #[attr(required, replace, length = ..=50, regex = r"^\S+$", says = "one word")]
    pub id: String,
    /// When it runs, as a calendar event of PVE: `02:30`, `sat 03:00`, `mon..fri 22:00`.
    #[attr(required, length = ..=128, check = texts::one_tidy_line)]
    pub schedule: String,
    /// Whether it runs at all.
    #[attr(keep, usual = true)]
    pub enabled: Option<bool>,
    /// A note.
    #[attr(optional, length = 1..=512, check = texts::one_tidy_line)]
    pub comment: Option<String>,
    /// All guests (`true`), also those that come later.
    #[attr(optional, check = yes)]
    pub all: Option<bool>,
    /// Those that are left out of all.
    #[attr(optional, length = 1.., each = vmid)]
    pub exclude: Option<BTreeSet<u32>>,
    /// These guests.
    #[attr(optional, length = 1.., each = vmid)]
    pub vmid: Option<BTreeSet<u32>>,
    /// The guests of a resource pool, such as `pve_pool.prod.poolid`.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub pool: Option<String>,
    /// Only the guests that are on this node when it runs. Unset: each node backs its own up.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub node: Option<String>,
    /// The storage for the backups. Unset: `local`.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub storage: Option<String>,
    /// What is done with guests meanwhile: `snapshot` (they go on), `suspend` or `stop`.
    #[attr(optional, one_of = ["snapshot", "suspend", "stop"])]
    pub mode: Option<String>,
    /// How it is packed: `zstd`, `gzip`, `lzo`, `1` (PVE's default, lzo) or `0` (not at all).
    #[attr(optional, one_of = ["0", "1", "gzip", "lzo", "zstd"])]
    pub compress: Option<String>,
    /// Which backups stay when there are new ones.
    #[attr(optional, api = "prune-backups")]
    pub prune_backups: Option<Prune>,
    /// Whether backups beyond `prune_backups` are removed.
    #[attr(optional)]
    pub remove: Option<bool>,
    /// Whether the backups are protected from being removed. Needs `storage`.
    #[attr(optional)]
    pub protected: Option<bool>,
    /// What is noted with each backup: `{{guestname}}`, `{{node}}`, `{{cluster}}` and `{{vmid}}` stand for its own. Needs `storage`.
    #[attr(optional, length = 1..=1024, api = "notes-template", check = texts::one_tidy_line)]
    pub notes_template: Option<String>,
    /// Whether a run that was missed, because the node was off, is made up for.
    #[attr(keep, usual = false, api = "repeat-missed")]
    pub repeat_missed: Option<bool>,
    /// Who tells of it: `notification-system` (`pve_notification_matcher`), `legacy-sendmail` (mails to `mailto`), or `auto`: mails
    /// if there is a `mailto`.
    #[attr(optional, one_of = ["auto", "legacy-sendmail", "notification-system"], api = "notification-mode")]
    pub notification_mode: Option<String>,
    /// Who gets mails, by address or user.
    #[attr(optional, length = 1.., each = texts::mail_address)]
    pub mailto: Option<BTreeSet<String>>,
    /// When they get one: `always` or on `failure`.
    #[attr(optional, one_of = ["always", "failure"])]
    pub mailnotification: Option<String>,
    /// A storage that takes in what guests write meanwhile, so that a slow one for the backups does not slow them down.
    #[attr(optional)]
    pub fleecing: Option<Fleecing>,
    /// How much is done at once.
    #[attr(optional)]
    pub performance: Option<Performance>,
    /// How PVE finds what has changed in files of containers, on a Proxmox Backup Server: `legacy`, `data` or `metadata`.
    #[attr(optional, one_of = ["legacy", "data", "metadata"], api = "pbs-change-detection-mode")]
    pub pbs_change_detection_mode: Option<String>,
    /// How fast, in KiB a second. 0: as fast as can be.
    #[attr(optional)]
    pub bwlimit: Option<u64>,
    /// How willing it is to wait for the disk, from 0 to 8 (idle).
    #[attr(optional, range = 0..=8)]
    pub ionice: Option<u32>,
    /// How many minutes it waits for other backups on the node.
    #[attr(optional)]
    pub lockwait: Option<u64>,
    /// How many minutes a guest may take to stop.
    #[attr(optional)]
    pub stopwait: Option<u64>,
    /// The threads of zstd. 0: half of the processors.
    #[attr(optional)]
    pub zstd: Option<i64>,
    /// The threads of gzip. 0: one, of gzip's own; 1: half of the processors.
    #[attr(optional)]
    pub pigz: Option<i64>,
    /// Files of containers that are left out, with `*`, `?` and the like.
    #[attr(optional, repeated, length = 1.., each = texts::one_tidy_line, api = "exclude-path")]
    pub exclude_path: Option<Vec<String>>,
    /// Whether temporary files and logs of containers are left out.
    #[attr(optional)]
    pub stdexcludes: Option<bool>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// Where the writes of guests go meanwhile.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Fleecing {
    /// Whether it is done.
    #[attr(required)]
    pub enabled: bool,
    /// The storage; thin, fast and on the node itself if possible.
    #[attr(optional, length = 1.., check = texts::one_word)]
    pub storage: Option<String>,
}

/// How much is done at once.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(at_least_one(max_workers, pbs_entries_max))]
pub struct Performance {
    /// Of a virtual machine's disks, from 1 to 256 pieces.
    #[attr(optional, range = 1..=256, api = "max-workers")]
    pub max_workers: Option<u32>,
    /// How many entries of a container's folder are held in memory, on a Proxmox Backup Server.
    #[attr(optional, range = 1.., api = "pbs-entries-max")]
    pub pbs_entries_max: Option<u64>,
}

fn yes(all: &bool) -> Result<(), String> {
    if *all { Ok(()) } else { Err("must be `true`: leave it out where others are chosen".to_owned()) }
}

fn vmid(id: &u32) -> Result<(), String> {
    match id {
        100..=999_999_999 => Ok(()),
        _ => Err("must be the number of a guest, 100 or more".to_owned()),
    }
}

/// What only `root@pam` may set.
const ROOTS: &str = "PVE lets root@pam alone set it, and then nobody else may change the job";

impl Section for BackupJob {
    const FAMILY: Family = Family {
        what: "Backup job",
        path: "cluster/backup",
        file: "jobs.cfg",
        area: Area::File("jobs.cfg"),
        write: Right { path: "/", any: &["Sys.Modify"] },
        also: &[Right { path: "/storage/{storage}", any: &["Datastore.Allocate"] }],
        removal: Some(Right { path: "/", any: &["Sys.Modify"] }),
        sight: Sight::With(Right { path: "/", any: &["Sys.Audit"] }),
        // PVE takes `protected` and `notes-template` only in a call that names the storage.
        always: &["storage"],
        blames: &[("calendar event", "schedule"), ("pool '", "pool")],
        ..Family::PLAIN
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("dow", "PVE's old word for the days of `schedule`"),
        ("dumpdir", ROOTS),
        ("quiet", "nobody reads what a job prints"),
        ("script", ROOTS),
        ("starttime", "PVE's old word for the time of `schedule`"),
        ("stop", "it stops a backup that runs, and is no setting"),
        ("tmpdir", ROOTS),
    ];

    const UNLIKE: &'static [(&'static str, &'static str)] = &[
        ("schedule", "PVE's description leaves it open, and the call refuses to do without"),
        ("id", "PVE's description leaves it open and makes one then, which it does not tell"),
    ];

    fn validate(config: &BackupJobPlan, say: &mut Say<Self>) {
        if config.exclude.known().is_some() && config.all.is_null() {
            say.error(
                "exclude",
                "Left out of what",
                "`exclude` leaves guests out of all of them: set `all = true` beside it.",
            );
        }
        for (set, attribute) in
            [(!config.protected.is_null(), "protected"), (!config.notes_template.is_null(), "notes_template")]
        {
            if set && config.storage.is_null() {
                let what = format!(
                    "PVE takes `{attribute}` together with `storage` only: set it, to \"local\" if you mean that."
                );
                say.error(attribute, "A setting of a storage that is not named", what);
            }
        }
    }

    async fn planned(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if change.is_destroy() {
            return;
        }
        if let Some(storage) = change.plan.storage.text().map(str::to_owned) {
            rights::warn(cx, change, say, &format!("/storage/{storage}"), "Datastore.Allocate").await;
        }
        if let Some(pool) = change.plan.pool.text().map(str::to_owned) {
            rights::warn(cx, change, say, &format!("/pool/{pool}"), "VM.Backup").await;
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &BackupJobPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if let Some(id) = want.id.text().filter(|id| prior.is_none() && !is_configuration_id(id)) {
            let what = format!(
                "PVE makes no job with the id \"{id}\", though it has made some of its own that are like it. Nothing was written. Choose \
                 a letter, then letters, digits, `_`, `-`: at least two characters."
            );
            found.mendable(Problem::new("Not an id that a new job can have", what).at("id"));
        }
        let before = prior.map(|prior| prior.schedule.as_str());
        schedule::is_read(cx, want.schedule.text(), before, found).await?;
        let node = want.node.text();
        let newly = |wanted: Option<&str>, was: Option<&String>| {
            wanted.filter(|wanted| was.map(String::as_str) != Some(wanted)).map(str::to_owned)
        };
        let node_before = prior.and_then(|prior| prior.node.as_deref());
        nodes::told_if_missing(cx, node.into_iter(), node_before.into_iter(), "A backup job", "node", found).await?;
        if let Some(storage) = newly(want.storage.text(), prior.and_then(|prior| prior.storage.as_ref())) {
            holds(cx, &storage, "backup", Path::attr("storage"), node, found).await?;
        }
        let was = prior.and_then(|prior| prior.fleecing.as_ref()?.storage.as_ref());
        if let Some(storage) = newly(want.fleecing.known().and_then(|of| of.storage.text()), was) {
            holds(cx, &storage, "images", Path::attr("fleecing").at("storage"), node, found).await?;
        }
        if let Some(pool) = newly(want.pool.text(), prior.and_then(|prior| prior.pool.as_ref())) {
            pool_exists(cx, &pool, found).await?;
        }
        if found.is_plan() {
            let was = prior.map(|prior| [prior.vmid.clone(), prior.exclude.clone()]).unwrap_or_default();
            for (wanted, was, at) in [(&want.vmid, &was[0], "vmid"), (&want.exclude, &was[1], "exclude")] {
                let wanted = wanted.known().into_iter().flatten().filter_map(|id| id.known().copied());
                let was = was.clone().unwrap_or_default();
                guests_exist(cx, wanted.filter(|id| !was.contains(id)).collect(), at, found).await?;
            }
        }
        Ok(())
    }
}

plain!(BackupJob, "backup_jobs");

/// The form of an id that a new job can have.
fn is_configuration_id(id: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    id.len() > 1 && id.starts_with(|c: char| c.is_ascii_alphabetic()) && id.chars().all(fits)
}

/// Tells if a storage does not exist, or cannot hold what it is for, or not on `node`. Not seen is no proof.
async fn holds<M>(
    cx: &Cx<Pve>,
    id: &str,
    content: &str,
    at: Path,
    node: Option<&str>,
    found: &mut Findings<M>,
) -> Result<(), Error> {
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    let fits = |storage: &&StorageConfig| {
        storage.content.contains(content) && !storage.disable && node.is_none_or(|node| storage.is_on(node))
    };
    let there: BTreeSet<String> = storages.iter().filter(fits).map(|storage| storage.storage.clone()).collect();
    let for_it = format!("Nothing was written. Storages that can: {}.", listed(&there));
    let problem = match storages.iter().find(|storage| storage.storage == id) {
        Some(storage) if fits(&storage) => return Ok(()),
        Some(storage) if storage.disable => {
            Problem::new(format!("Storage \"{id}\" is disabled"), format!("Its entry is switched off. {for_it}"))
        }
        Some(storage) if storage.content.contains(content) => Problem::new(
            format!("Storage \"{id}\" is not on node {}", node.unwrap_or_default()),
            format!("Its entry is restricted to other nodes. {for_it}"),
        ),
        Some(_) => Problem::new(
            format!("Storage \"{id}\" cannot hold {}", if content == "backup" { "backups" } else { "images" }),
            format!("Its content types lack `{content}`. {for_it}"),
        ),
        None => {
            let ours = cx.client.access().on(&format!("/storage/{id}")).await;
            if !ours.is_ok_and(|ours| ours.has_any(&["Datastore.Audit", "Datastore.AllocateSpace"])) {
                return Ok(());
            }
            let problem = Problem::new(format!("Storage \"{id}\" does not exist"), for_it).at(at);
            found.missing(STORAGES.iter().any(|kind| cx.comes(kind, id)), problem);
            return Ok(());
        }
    };
    found.mendable(problem.at(at));
    Ok(())
}

async fn pool_exists<M>(cx: &Cx<Pve>, pool: &str, found: &mut Findings<M>) -> Result<(), Error> {
    let pools = section::ids(cx, "pools", Area::Access, "poolid").await?;
    let seen = cx.client.access().on(&format!("/pool/{pool}")).await.is_ok_and(|ours| ours.has("Pool.Audit"));
    if pools.contains(pool) || !seen {
        return Ok(());
    }
    let problem = Problem::new(
        format!("Pool \"{pool}\" does not exist"),
        format!("Nothing was written. There are: {}. `pve_pool` makes more.", listed(&pools)),
    );
    found.missing(cx.comes("pool", pool), problem.at("pool"));
    Ok(())
}

/// PVE takes numbers that no guest has.
async fn guests_exist<M>(cx: &Cx<Pve>, ids: BTreeSet<u32>, at: &str, found: &mut Findings<M>) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
    let there = |id: &u32| guests.iter().any(|guest| guest.vmid == *id) || cx.comes("vm", &id.to_string());
    let missing: Vec<String> = ids.iter().filter(|id| !there(id)).map(ToString::to_string).collect();
    if !missing.is_empty() {
        let problem = Problem::new(
            "A backup job names guests that there are not",
            format!(
                "None that may be seen has the number {}. PVE takes it as it is, and the job passes it over.",
                missing.join(", ")
            ),
        );
        found.notice(problem.at(at));
    }
    Ok(())
}
