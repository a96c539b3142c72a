//! `pve_storage_rbd`: a Ceph pool as a storage for disks.

use std::collections::BTreeSet;

use pve_client::api::cluster::GuestKind;
use pve_client::api::params::Params;
use pve_client::api::qemu::config::Config;
use pve_client::api::storage::StorageConfig;
use terraform_plugin::{
    Change, Created, Cx, Deleted, Error, Failed, Model, Path, Read, Resource, Say, Timeouts, Unwritten, Updated,
};

use crate::absence;
use crate::error::{During, Problem, exists};
use crate::evidence::{self, Sight};
use crate::pve::Pve;
use crate::rights;
use crate::texts;

use super::images::images;

/// A pool of the cluster's own Ceph as a storage for the disks of guests.
///
/// It is an entry in the cluster's configuration: destroying it removes the entry, never data.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "storage_rbd", area = "Storage", key(storage))]
pub struct StorageRbd {
    /// Its id. PVE cannot rename a storage: a change replaces the entry.
    #[attr(
        required,
        replace,
        regex = r"^[A-Za-z][A-Za-z0-9\-_.]*[A-Za-z0-9]$",
        says = "at least two characters: a letter, then letters, digits, `-`, `_`, `.`, ending with a letter or digit"
    )]
    pub storage: String,
    /// The pool, such as `pve_ceph_pool.vm.name`. Changed in place only while no image lies on the old one.
    #[attr(required)]
    pub pool: String,
    /// What it may hold: `images` (disks of virtual machines), `rootdir` (containers). Left alone when unset (PVE: both).
    #[attr(keep, length = 1.., each = content)]
    pub content: Option<BTreeSet<String>>,
    /// The nodes that use it. Unset: all.
    #[attr(optional, length = 1.., each = texts::one_word)]
    pub nodes: Option<BTreeSet<String>>,
    /// Uses the kernel's RBD client instead of librbd. Left alone when unset (PVE: false).
    #[attr(keep)]
    pub krbd: Option<bool>,
    /// Switches the storage off. Left alone when unset (PVE: false).
    #[attr(keep)]
    pub disable: Option<bool>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

fn content(kind: &String) -> Result<(), String> {
    match kind.as_str() {
        "images" | "rootdir" => Ok(()),
        _ => Err("must be `images` or `rootdir`: an RBD storage holds nothing else".to_owned()),
    }
}

/// Who sees a storage in PVE's list.
const SEEN_WITH: &[&str] = &["Datastore.Audit", "Datastore.AllocateSpace"];

impl Resource<Pve> for StorageRbd {
    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        rights::warn(cx, change, say, "/storage", "Datastore.Allocate").await;
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        if let Some(live) = unwritten.check(left_behind(cx, want).await)? {
            return Ok(unwritten.take_over(want.clone()).made(live));
        }
        unwritten.check(pool_must_exist(cx, want).await)?;
        let doing = format!("Cannot add storage \"{}\"", want.storage);
        let params = want.params(None);
        let request = async {
            let answer = cx.client.storage().create(&want.storage, "rbd", &params).await.during(&doing);
            answer.map_err(|problem| problem.with_attributes(attribute))
        };
        let (answer, written) = unwritten.send(want.clone(), request).await?;
        let path = format!("/storage/{}", want.storage);
        let sight = Sight::With(&path, SEEN_WITH);
        match evidence::arrived(cx, answer, find(cx, &want.storage), sight).await {
            Ok(Ok(live)) => Ok(written.made(live)),
            Ok(Err(problem)) => written.undo(problem, must_be_absent(cx, want)).await,
            Err(problem) => Ok(written.leave(problem)),
        }
    }

    async fn read(cx: &Cx<Pve>, key: &StorageRbdKey, _prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let path = format!("/storage/{}", key.storage);
        absence::answer_if_visible(&cx.client, &path, SEEN_WITH, find(cx, &key.storage).await).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        if prior.pool != want.pool {
            pool_must_exist(cx, want).await?;
            must_be_unused(cx, prior).await?;
        }
        let doing = format!("Cannot change storage \"{}\"", want.storage);
        let params = want.params(Some(prior));
        if !params.is_empty() {
            let answer = cx.client.storage().update(&want.storage, &params).await.during(&doing);
            answer.map_err(|problem| problem.with_attributes(attribute))?;
        }
        let live = find(cx, &want.storage).await?;
        Ok(Updated::Done(live.ok_or_else(|| Problem::new(doing, "The entry is gone: somebody removed it meanwhile."))?))
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        if find(cx, &was.storage).await?.is_none() {
            return Ok(Deleted::Gone);
        }
        must_be_unused(cx, was).await?;
        cx.client.storage().delete(&was.storage).await.during(format!("Cannot remove storage \"{}\"", was.storage))?;
        Ok(Deleted::Gone)
    }
}

impl StorageRbd {
    fn from_live(live: &StorageConfig) -> Self {
        Self {
            storage: live.storage.clone(),
            pool: live.pool.clone().unwrap_or_else(|| "rbd".to_owned()),
            content: Some(live.content.clone()),
            nodes: live.nodes.clone(),
            krbd: Some(live.krbd.unwrap_or(false)),
            disable: Some(live.disable),
            timeouts: Timeouts::default(),
        }
    }

    /// What PVE is to be told: everything that is set, or what differs from `prior`.
    fn params(&self, prior: Option<&Self>) -> Params {
        let mut params = Params::new();
        if prior.is_none_or(|p| p.pool != self.pool) {
            params = params.set("pool", &self.pool);
        }
        if let Some(content) = self.content.as_ref().filter(|c| prior.is_none_or(|p| p.content.as_ref() != Some(*c))) {
            params = params.list("content", content);
        }
        match (&self.nodes, prior.map(|p| &p.nodes)) {
            (nodes, Some(before)) if nodes == before => {}
            (Some(nodes), _) => params = params.list("nodes", nodes),
            (None, Some(_)) => params = params.remove("nodes"),
            (None, None) => {}
        }
        for (name, value, before) in
            [("krbd", self.krbd, prior.and_then(|p| p.krbd)), ("disable", self.disable, prior.and_then(|p| p.disable))]
        {
            if let Some(value) = value
                && Some(value) != before
            {
                params = params.flag(name, value);
            }
        }
        params
    }
}

/// The attributes are named as PVE's parameters are.
fn attribute(parameter: &str) -> Option<Path> {
    ["storage", "pool", "content", "nodes", "krbd", "disable"].contains(&parameter).then(|| Path::attr(parameter))
}

async fn find(cx: &Cx<Pve>, storage: &str) -> Result<Option<StorageRbd>, Problem> {
    let live = cx.client.storage().find(storage).await.during(format!("Cannot read storage \"{storage}\""))?;
    match live {
        Some(live) if live.kind != "rbd" => Err(Problem::new(
            format!("Storage \"{storage}\" is of type {}", live.kind),
            "`pve_storage_rbd` manages storages of type rbd only. Choose another id. Nothing was written.",
        )
        .at("storage")),
        Some(live) => Ok(Some(StorageRbd::from_live(&live))),
        None => Ok(None),
    }
}

/// The storage, if it is there because a run for this state was cut off while making it; an error if it is there otherwise.
async fn left_behind(cx: &Cx<Pve>, want: &StorageRbd) -> Result<Option<StorageRbd>, Problem> {
    let Some(live) = find(cx, &want.storage).await? else { return Ok(None) };
    let what = format!("Storage \"{}\"", want.storage);
    let agrees = live.pool == want.pool && want.params(Some(&live)).is_empty();
    if agrees && evidence::is_of_former_run(cx, &what, &want.storage).await {
        return Ok(Some(live));
    }
    Err(existing(want))
}

fn existing(want: &StorageRbd) -> Problem {
    exists("pve_storage_rbd", &format!("Storage \"{}\"", want.storage), &want.storage).at("storage")
}

async fn must_be_absent(cx: &Cx<Pve>, want: &StorageRbd) -> Result<(), Problem> {
    match find(cx, &want.storage).await? {
        Some(_) => Err(existing(want)),
        None => Ok(()),
    }
}

/// PVE takes a wrong pool without a word; the storage would be there and never active.
async fn pool_must_exist(cx: &Cx<Pve>, want: &StorageRbd) -> Result<(), Problem> {
    let pools = cx.client.ceph().pools().await.during("Cannot list the Ceph pools")?;
    if pools.iter().any(|pool| pool.name == want.pool) {
        return Ok(());
    }
    let names: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    Err(Problem::new(
        format!("Pool \"{}\" does not exist", want.pool),
        format!(
            "Storage \"{}\" cannot lie on it; nothing was written. There are: {}. `pve_ceph_pool` makes more.",
            want.storage,
            names.join(", ")
        ),
    )
    .at("pool"))
}

/// PVE removes and repoints storages without asking whether guests use them.
async fn must_be_unused(cx: &Cx<Pve>, storage: &StorageRbd) -> Result<(), Problem> {
    let id = &storage.storage;
    if storage.disable == Some(true) {
        return Ok(());
    }
    // A pool that was replaced took its images along, and PVE lists none on one that is gone.
    let pools = cx.client.ceph().pools().await.during("Cannot list the Ceph pools")?;
    if pools.iter().all(|pool| pool.name != storage.pool) {
        return Ok(());
    }
    let Some(images) = images(cx, id, storage.nodes.as_ref()).await? else { return Ok(()) };
    let Some(first) = images.first() else { return Ok(()) };
    let owners: BTreeSet<Option<u32>> = images.iter().map(|image| image.vmid).collect();
    let Some(why) = hold(cx, storage, &owners).await? else { return Ok(()) };
    Err(Problem::new(
        format!("Storage \"{id}\" is in use"),
        format!(
            "It shows {} images, such as {}. {why} Nothing was written. Move or remove them first.",
            images.len(),
            first.volid
        ),
    ))
}

/// What hangs on the entry, in a sentence, when images of these guests lie on its pool. Entries on the same pool all show
/// the same images, so as long as there is another one only what guests call by this one's name does.
async fn hold(cx: &Cx<Pve>, storage: &StorageRbd, owners: &BTreeSet<Option<u32>>) -> Result<Option<String>, Problem> {
    let id = &storage.storage;
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    let other =
        storages.iter().any(|s| s.storage != *id && !s.disable && s.ceph_pools().contains(storage.pool.as_str()));
    if !other {
        return Ok(Some("Their guests could not start without it.".to_owned()));
    }
    for vmid in owners.iter().flatten() {
        let guest = cx.client.cluster().guest(*vmid).await.during(format!("Cannot look for guest {vmid}"))?;
        let Some(guest) = guest else {
            return Ok(Some(format!("Guest {vmid}, whose image is there, is not to be seen and may name it.")));
        };
        if guest.kind == GuestKind::Lxc {
            return Ok(Some(format!("Guest {vmid} could not start without it.")));
        }
        let (doing, api) = (format!("Cannot read the configuration of vm:{vmid}"), cx.client.qemu(&guest.node, *vmid));
        // What waits for the VM's next stop counts, and until then what is in force.
        for config in [api.config().await.during(&doing)?, api.current_config().await.during(&doing)?] {
            if names(&config, id) {
                return Ok(Some(format!("Guest {vmid} could not start without it.")));
            }
            if config.other.contains_key("parent") {
                // They have drives of their own, which are not looked at.
                return Ok(Some(format!("Guest {vmid} has snapshots, whose disks it may name.")));
            }
        }
    }
    Ok(None)
}

/// Whether a drive lies on the storage by this name, or the memory of a VM that sleeps.
fn names(config: &Config, storage: &str) -> bool {
    config.drives.values().any(|drive| drive.storage() == Some(storage))
        || config.other.values().any(|value| value.split_once(':').map_or(value.as_str(), |(id, _)| id) == storage)
}
