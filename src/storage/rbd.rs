//! `pve_storage_rbd`: a Ceph pool as a storage for disks.

use std::collections::BTreeSet;

use pve_client::api::cluster::GuestKind;
use pve_client::api::params::Params;
use pve_client::api::qemu::config::Config;
use pve_client::api::storage::StorageConfig;
use terraform_plugin::{
    Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Path, Read, Resource, Say, Timeouts, Unwritten,
    Updated, require, require_removable,
};

use crate::absence;
use crate::error::{During, Problem};
use crate::evidence::{self, Sight};
use crate::named::Named;
use crate::pve::Pve;
use crate::rights;
use crate::texts;
use crate::vm::vm::Vm;

use super::images::images;

/// A pool of the cluster's own Ceph as a storage for the disks of guests.
///
/// It is an entry in the cluster's configuration: destroying it removes the entry, never data, and is refused while images
/// of guests lie on it.
///
/// An entry for the Ceph of another cluster (`monhost`) is made in PVE, since PVE wants its key for that. It can be imported
/// and changed like the others; what it does not show here (`monhost`, user, namespace) stays as it is.
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
    /// The monitors, if the pool is another cluster's.
    #[attr(computed)]
    pub monhost: Option<String>,
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
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/storage/{storage}", SEEN_WITH), Need::to_apply("/storage", &["Datastore.Allocate"])]
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        rights::warn(cx, change, say, "/storage", "Datastore.Allocate").await;
        let renamed = !change.is_destroy() && change.changed(|plan| &plan.storage);
        if let Some(monhost) = change.prior.as_ref().and_then(|prior| prior.monhost.as_ref()).filter(|_| renamed) {
            say.error(
                "storage",
                "An entry for another cluster's Ceph cannot be replaced",
                format!(
                    "It lies at {monhost}, and the new one would be made for this cluster's own Ceph. Nothing was written. Keep \
                     its id; for another one, add the entry in PVE and import it."
                ),
            );
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &StorageRbdPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let storage = want.storage.text();
        if prior.is_none()
            && let Some(storage) = storage
        {
            match find(cx, storage).await {
                Ok(Some(_)) => found.exists(named(storage).existing()),
                Ok(None) => {}
                Err(problem) => found.mendable(problem),
            }
        }
        let Some(pool) = want.pool.text().filter(|pool| prior.is_none_or(|prior| prior.pool != *pool)) else {
            return Ok(());
        };
        if prior.is_none_or(|prior| prior.monhost.is_none())
            && let Err(problem) = pool_must_exist(cx, storage, pool).await
        {
            found.missing(cx.comes("ceph_pool", pool), problem);
        }
        if let Some(prior) = prior
            && let Some(used) = used(cx, &prior.storage).await?
        {
            found.mendable(used.problem);
        }
        Ok(())
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        if let Some(used) = used(cx, &was.storage).await? {
            let going = cx.going::<Vm>();
            let goes = |owner: &Option<u32>| owner.is_some() && going.iter().any(|vm| vm.vmid == *owner);
            found.missing(used.owners.iter().all(goes), used.problem);
        }
        Ok(())
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        if let Some(live) = unwritten.check(left_behind(cx, want).await)? {
            return Ok(unwritten.take_over(want.clone()).made(live));
        }
        unwritten.check(require(cx, want, None).await)?;
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
        require(cx, want, Some(prior)).await?;
        let doing = format!("Cannot change storage \"{}\"", want.storage);
        let params = want.params(Some(prior));
        if !params.is_empty() {
            let answer = cx.client.storage().update(&want.storage, &params).await.during(&doing);
            answer.map_err(|problem| problem.with_attributes(attribute))?;
        }
        let live = find(cx, &want.storage).await?;
        Ok(Updated::Done(live.ok_or_else(|| {
            Problem::new(doing, "The entry is gone: somebody removed it meanwhile. Apply again to add it anew.")
        })?))
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        if find(cx, &was.storage).await?.is_none() {
            return Ok(Deleted::Gone);
        }
        require_removable(cx, was).await?;
        cx.client.storage().delete(&was.storage).await.during(format!("Cannot remove storage \"{}\"", was.storage))?;
        Ok(Deleted::Gone)
    }
}

impl StorageRbd {
    pub fn from_live(live: &StorageConfig) -> Self {
        Self {
            storage: live.storage.clone(),
            pool: live.pool.clone().unwrap_or_else(|| "rbd".to_owned()),
            content: Some(live.content.clone()),
            nodes: live.nodes.clone(),
            krbd: Some(live.krbd.unwrap_or(false)),
            disable: Some(live.disable),
            monhost: live.monhost.clone(),
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

fn named(storage: &str) -> Named {
    let (key, what) = (storage.to_owned(), format!("Storage \"{storage}\""));
    Named { kind: "pve_storage_rbd".to_owned(), attribute: "storage", key, what }
}

/// The storage, if it is there because a run for this state was cut off while making it; an error if it is there otherwise.
async fn left_behind(cx: &Cx<Pve>, want: &StorageRbd) -> Result<Option<StorageRbd>, Problem> {
    let agrees = |live: &StorageRbd| live.pool == want.pool && want.params(Some(live)).is_empty();
    named(&want.storage).left_behind(cx, find(cx, &want.storage).await?, agrees).await
}

async fn must_be_absent(cx: &Cx<Pve>, want: &StorageRbd) -> Result<(), Problem> {
    named(&want.storage).must_be_absent(find(cx, &want.storage).await?)
}

/// PVE takes a wrong pool without a word; the storage would be there and never active.
async fn pool_must_exist(cx: &Cx<Pve>, storage: Option<&str>, pool: &str) -> Result<(), Problem> {
    let pools = cx.client.ceph().pools().await.during("Cannot list the Ceph pools")?;
    if pools.iter().any(|there| there.name == pool) {
        return Ok(());
    }
    let names: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    let storage = storage.map(|storage| format!(" \"{storage}\"")).unwrap_or_default();
    Err(Problem::new(
        format!("Pool \"{pool}\" does not exist"),
        format!(
            "Storage{storage} cannot lie on it; nothing was written. There are: {}. `pve_ceph_pool` makes more.",
            names.join(", ")
        ),
    )
    .at("pool"))
}

/// Why a storage has to stay.
struct Used {
    problem: Problem,
    /// Whose images lie there.
    owners: BTreeSet<Option<u32>>,
}

/// Whether guests use the storage. PVE removes and repoints storages without asking.
async fn used(cx: &Cx<Pve>, id: &str) -> Result<Option<Used>, Problem> {
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    let Some(entry) = storages.iter().find(|entry| entry.storage == id && !entry.disable) else { return Ok(None) };
    if entry.monhost.is_none() {
        // A pool that was replaced took its images along, and PVE lists none on one that is gone.
        let pools = cx.client.ceph().pools().await.during("Cannot list the Ceph pools")?;
        if pools.iter().all(|pool| pool.name != pool_of(entry)) {
            return Ok(None);
        }
    }
    let cure = entry.monhost.as_ref().map(|monhost| {
        format!("The pool is another cluster's, at {monhost}. If that is gone for good, set `disable = true` first.")
    });
    let images = images(cx, id, entry.nodes.as_ref()).await.map_err(|problem| problem.noting(cure))?;
    let Some(images) = images else { return Ok(None) };
    let Some(first) = images.first() else { return Ok(None) };
    let owners: BTreeSet<Option<u32>> = images.iter().map(|image| image.vmid).collect();
    let other = storages.iter().any(|other| other.storage != *id && !other.disable && shows_the_same(other, entry));
    let Some(why) = hold(cx, id, other, &owners).await? else { return Ok(None) };
    let problem = Problem::new(
        format!("Storage \"{id}\" is in use"),
        format!(
            "It shows {} images, such as {}. {why} Nothing was written. Move or remove them first.",
            images.len(),
            first.volid
        ),
    );
    Ok(Some(Used { problem, owners }))
}

fn pool_of(entry: &StorageConfig) -> &str {
    entry.pool.as_deref().unwrap_or("rbd")
}

/// Whether two entries show the same images: the same pool and namespace of the same cluster.
fn shows_the_same(one: &StorageConfig, other: &StorageConfig) -> bool {
    one.kind == other.kind
        && one.monhost == other.monhost
        && pool_of(one) == pool_of(other)
        && one.namespace == other.namespace
}

/// What hangs on the entry, in a sentence, when images of these guests lie on its pool. As long as there is another one
/// that shows the same images, only what guests call by this one's name does.
async fn hold(cx: &Cx<Pve>, id: &str, other: bool, owners: &BTreeSet<Option<u32>>) -> Result<Option<String>, Problem> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_other_clusters_and_namespaces_show_other_images() {
        let entry = |more: serde_json::Value| -> StorageConfig {
            let mut entry = serde_json::json!({"storage": "a", "type": "rbd", "content": "images"});
            entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value(entry).unwrap()
        };
        let own = entry(serde_json::json!({"pool": "vm"}));
        assert!(shows_the_same(&own, &entry(serde_json::json!({"pool": "vm", "krbd": 1, "data-pool": "d"}))));
        for other in [
            serde_json::json!({"pool": "vm", "monhost": "192.0.2.1"}),
            serde_json::json!({"pool": "vm", "namespace": "n"}),
            serde_json::json!({"pool": "other", "data-pool": "vm"}),
            serde_json::json!({}),
        ] {
            assert!(!shows_the_same(&own, &entry(other.clone())), "{other}");
        }
        assert!(
            shows_the_same(&entry(serde_json::json!({})), &entry(serde_json::json!({"pool": "rbd"}))),
            "its default"
        );
    }
}
