//! What all entries have in common, and what is looked at for all of them.

use std::collections::{BTreeMap, BTreeSet};

use terraform_plugin::{Attr, Cx, Error, Findings, Nested};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::texts;
pub use crate::section::Bandwidth;
use crate::section::listed;

use super::used;

/// What all entries have.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Entry {
    /// The nodes that use it. Unset: all.
    #[attr(optional, length = 1.., each = texts::one_word)]
    pub nodes: Option<BTreeSet<String>>,
    /// Switches the storage off.
    ///
    /// One that is off is not looked at: neither when it is made, nor for guests when it goes.
    #[attr(keep, usual = false)]
    pub disable: Option<bool>,
}

/// Which backups stay when PVE tidies up after one was made. All others go, except protected ones.
#[allow(clippy::duplicated_attributes, reason = "each pair that excludes each other is a relation of its own")]
#[derive(Nested, Clone, Debug, Default, PartialEq)]
#[model(
    at_least_one(keep_all, keep_last, keep_hourly, keep_daily, keep_weekly, keep_monthly, keep_yearly),
    conflicts(keep_all, keep_last),
    conflicts(keep_all, keep_hourly),
    conflicts(keep_all, keep_daily),
    conflicts(keep_all, keep_weekly),
    conflicts(keep_all, keep_monthly),
    conflicts(keep_all, keep_yearly)
)]
pub struct Prune {
    /// All of them.
    #[attr(optional, api = "keep-all")]
    pub keep_all: Option<bool>,
    /// The last ones.
    #[attr(optional, api = "keep-last")]
    pub keep_last: Option<u32>,
    /// The last of each of so many hours.
    #[attr(optional, api = "keep-hourly")]
    pub keep_hourly: Option<u32>,
    /// The last of each of so many days.
    #[attr(optional, api = "keep-daily")]
    pub keep_daily: Option<u32>,
    /// The last of each of so many weeks.
    #[attr(optional, api = "keep-weekly")]
    pub keep_weekly: Option<u32>,
    /// The last of each of so many months.
    #[attr(optional, api = "keep-monthly")]
    pub keep_monthly: Option<u32>,
    /// The last of each of so many years.
    #[attr(optional, api = "keep-yearly")]
    pub keep_yearly: Option<u32>,
}

/// What entries have that hold backups.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Backups {
    /// Which backups stay when PVE tidies up.
    #[attr(optional, api = "prune-backups")]
    pub prune_backups: Option<Prune>,
    /// How many backups of a guest may be protected; -1: any number. Unset: 5, or any number for who may change the storage.
    #[attr(optional, api = "max-protected-backups", range = -1..)]
    pub max_protected_backups: Option<i64>,
}

/// What entries have whose files lie in folders.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Folders {
    /// Whether the folder is made if it is not there.
    #[attr(keep, usual = true, api = "create-base-path")]
    pub create_base_path: Option<bool>,
    /// Whether the folders in it are made, one for each word of `content`.
    #[attr(keep, usual = true, api = "create-subdirs")]
    pub create_subdirs: Option<bool>,
}

/// What entries have whose folders have names of their own.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Directories {
    #[attr(flatten)]
    pub folders: Folders,
    /// Other folders for some kinds of content, below the storage's own: `{ iso = "images/iso" }`.
    #[attr(optional, length = 1.., check = folders, api = "content-dirs")]
    pub content_dirs: Option<ContentDirs>,
    /// How fast PVE may copy to and from it, in KiB a second. Unset: as the datacenter's options say.
    #[attr(optional)]
    pub bwlimit: Option<Bandwidth>,
}

/// What entries have whose disks are files.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Layout {
    /// What is done with the space of new disks: `off`, `metadata`, `falloc` or `full`. Unset: `metadata` for qcow2, `off` for raw.
    #[attr(optional, one_of = ["off", "metadata", "falloc", "full"])]
    pub preallocation: Option<String>,
    /// Whether snapshots of disks are files that build on each other, which needs qcow2.
    #[attr(keep, usual = false, replace, api = "snapshot-as-volume-chain")]
    pub snapshot_as_volume_chain: Option<bool>,
}

/// The same, where such files are disks of virtual machines only.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Images {
    /// The format of new disks where nobody asks for one: `raw`, `qcow2` or `vmdk`.
    #[attr(keep, usual = "raw", one_of = ["raw", "qcow2", "vmdk"])]
    pub format: Option<String>,
    #[attr(flatten)]
    pub layout: Layout,
}

/// What entries have that are mounted from a file server.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Mount {
    /// Where the nodes mount it.
    ///
    /// Left to PVE when unset (`/mnt/pve/` and the id).
    #[attr(keep, replace, check = texts::one_tidy_line)]
    pub path: Option<String>,
    /// What it may hold: `images` (disks of virtual machines), `rootdir` (containers), `vztmpl` (templates of those),
    /// `iso`, `backup`, `snippets`, `import`.
    ///
    /// Left alone when unset (PVE: `images`).
    #[attr(keep, length = 1.., one_of = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"])]
    pub content: Option<BTreeSet<String>>,
    /// Further options for the mount, such as `soft`.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub options: Option<String>,
    #[attr(flatten)]
    pub directories: Directories,
    #[attr(flatten)]
    pub images: Images,
    #[attr(flatten)]
    pub backups: Backups,
}

/// How their attributes stand otherwise to PVE's parameters.
#[cfg_attr(not(test), allow(dead_code, reason = "as `Section::UNLIKE`"))]
pub const MOUNTED: &[(&str, &str)] = &[
    ("server", super::FIXED),
    ("snapshot_as_volume_chain", super::FIXED),
    ("format", "for files of disks that this type cannot have, PVE stores nothing"),
];

/// Where LUNs are.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Target {
    /// The portal's address or name.
    #[attr(required, replace, length = 1.., regex = PORTAL, says = "an address or name, with `:PORT` if it is not 3260")]
    pub portal: String,
    /// The target, such as `iqn.2001-05.com.example:storage`.
    #[attr(required, replace, length = 1.., check = texts::one_word)]
    pub target: String,
}

/// Other names for the folders of some kinds of content: `{ iso = "images/iso" }`, below the storage's own folder.
pub type ContentDirs = BTreeMap<String, String>;

/// What PVE would leave out, or take for something else.
pub fn folders(dirs: &ContentDirs) -> Result<(), String> {
    const KINDS: [&str; 7] = ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"];
    for (kind, folder) in dirs {
        if !KINDS.contains(&kind.as_str()) {
            return Err(format!("has {kind:?}, which is no kind of content; there are {}", KINDS.join(", ")));
        }
        texts::one_word(folder).map_err(|why| format!("{kind}: {why}"))?;
    }
    Ok(())
}

/// `none` stands alone: it says that guests get nothing from here.
pub fn none_stands_alone(content: &BTreeSet<String>) -> Result<(), String> {
    match content.contains("none") && content.len() > 1 {
        true => Err("`none` cannot be combined with others".to_owned()),
        false => Ok(()),
    }
}

/// The text of a portal: an address or name, with a port perhaps.
pub const PORTAL: &str = r"^[^\s,;/]+$";

/// Tells of guests whose disks lie on the storage, on nodes that it goes from: PVE does not look for them.
async fn leaves<M>(
    cx: &Cx<Pve>,
    prior: (&str, Option<&BTreeSet<String>>, bool),
    nodes: &Attr<Vec<Attr<String>>>,
    disable: bool,
    found: &mut Findings<M>,
) {
    let (id, before, was_off) = prior;
    if !found.is_plan() || was_off {
        return;
    }
    let wanted: Option<BTreeSet<String>> = match nodes.known() {
        _ if disable => Some(BTreeSet::new()),
        // All have it, or what is not known yet.
        None => return,
        Some(nodes) => nodes.iter().map(|node| node.text().map(str::to_owned)).collect(),
    };
    let Some(wanted) = wanted.filter(|wanted| before.is_none_or(|before| !before.is_subset(wanted))) else { return };
    let losers = match used::losers(cx, id, &wanted).await {
        Ok(losers) if losers.is_empty() => return,
        Ok(losers) => losers,
        Err(problem) => return found.notice(problem),
    };
    let told: Vec<String> = losers.iter().map(|(vmid, node)| format!("{vmid} on {node}")).collect();
    let problem = Problem::new(
        "A storage goes from guests that use it",
        format!(
            "PVE does not look for them. Guests with disks on \"{id}\" where it is not to be any more: {}. They cannot be started or \
             migrated then, until the storage is there again or their disks are elsewhere.",
            told.join(", ")
        ),
    );
    found.notice(problem.at(if disable { "disable" } else { "nodes" }));
}

/// Tells of nodes that there are not, which PVE does not mind.
pub async fn possible<M>(
    cx: &Cx<Pve>,
    want: &EntryPlan,
    prior: Option<(&str, &Entry)>,
    found: &mut Findings<M>,
) -> Result<(), Error> {
    if let Some((id, prior)) = prior {
        let off = want.disable.known() == Some(&true);
        leaves(cx, (id, prior.nodes.as_ref(), prior.disable == Some(true)), &want.nodes, off, found).await;
    }
    let prior = prior.map(|(_, prior)| prior);
    let before = prior.and_then(|prior| prior.nodes.clone()).unwrap_or_default();
    let mut added = BTreeSet::new();
    for node in want.nodes.known().into_iter().flatten() {
        added.extend(node.text().filter(|node| !before.contains(*node)).map(str::to_owned));
    }
    if added.is_empty() {
        return Ok(());
    }
    let all = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    let there: BTreeSet<String> = all.iter().map(|entry| entry.node.clone()).collect();
    let missing: Vec<String> = added.difference(&there).cloned().collect();
    if !missing.is_empty() {
        found.notice(
            Problem::new(
                "A storage is for a node that there is not",
                format!("`nodes` has {}; there are {}. PVE takes it as it is.", missing.join(", "), listed(&there)),
            )
            .at("nodes"),
        );
    }
    Ok(())
}

/// What all entries but those of Ceph pools look at; those look at their pool as well.
macro_rules! looked_at {
    () => {
        async fn possible(
            cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
            want: &<Self as terraform_plugin::Object>::Plan,
            prior: Option<&Self>,
            found: &mut terraform_plugin::Findings<Self>,
        ) -> Result<(), terraform_plugin::Error> {
            let prior = prior.map(|prior| (prior.storage.as_str(), &prior.entry));
            crate::storage::entry::possible(cx, &want.entry, prior, found).await
        }

        async fn removable(
            cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
            was: &Self,
            found: &mut terraform_plugin::Findings<Self>,
        ) -> Result<(), terraform_plugin::Error> {
            crate::storage::used::removable(cx, &was.storage, found).await
        }
    };
}
pub(crate) use looked_at;
