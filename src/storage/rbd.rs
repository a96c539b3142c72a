//! `pve_storage_rbd`: a Ceph pool as a storage for disks.

use std::collections::BTreeSet;

use terraform_plugin::{Change, Cx, Error, Findings, Model, Say, Timeouts};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Family, Section, listed, lives, sought};

use super::entry::{self, Entry, EntryPlan};
use super::used::{self, used};
use super::{ID, ID_SAYS, STORAGE};

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
    /// Its id.
    #[attr(required, replace, regex = ID, says = ID_SAYS)]
    pub storage: String,
    /// The pool, such as `pve_ceph_pool.vm.name`.
    ///
    /// Changed in place only while no image lies on the old one.
    #[attr(required)]
    pub pool: String,
    /// The erasure coded pool that the data of images lies in, such as `pve_ceph_erasure_pool.bulk.data_pool`; `pool` is then the
    /// one of their metadata, `pve_ceph_erasure_pool.bulk.metadata_pool`.
    ///
    /// Another one is for images that are made from then on.
    #[attr(optional, api = "data-pool", length = 1.., each = texts::one_word)]
    pub data_pool: Option<String>,
    /// What it may hold: `images` (disks of virtual machines), `rootdir` (containers).
    ///
    /// Left alone when unset (PVE: both).
    #[attr(keep, length = 1.., each = content)]
    pub content: Option<BTreeSet<String>>,
    /// The nodes that use it. Unset: all.
    #[attr(optional, length = 1.., each = texts::one_word)]
    pub nodes: Option<BTreeSet<String>>,
    /// Uses the kernel's RBD client instead of librbd.
    #[attr(keep, usual = false)]
    pub krbd: Option<bool>,
    /// Switches the storage off.
    #[attr(keep, usual = false)]
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

impl Section for StorageRbd {
    const FAMILY: Family = Family { fixed: &[("type", "rbd")], meant: &[("pool", "rbd")], ..STORAGE };

    const LEFT_OUT: &'static [(&'static str, &'static str)] =
        &[("authsupported", "PVE's old word, which it no longer looks at")];

    async fn planned(_cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
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
        let before =
            prior.map(|prior| (prior.storage.as_str(), Entry { nodes: prior.nodes.clone(), disable: prior.disable }));
        let before = before.as_ref().map(|(storage, entry)| (*storage, entry));
        let entry = EntryPlan { nodes: want.nodes.clone(), disable: want.disable };
        entry::possible(cx, &entry, before, found).await?;
        let pool = want.pool.text().filter(|pool| prior.is_none_or(|prior| prior.pool != *pool));
        let data_pool =
            want.data_pool.text().filter(|pool| prior.is_none_or(|prior| prior.data_pool.as_deref() != Some(*pool)));
        if prior.is_none_or(|prior| prior.monhost.is_none()) {
            for (attribute, pool) in [("pool", pool), ("data_pool", data_pool)] {
                let Some(pool) = pool else { continue };
                if let Err(problem) = pool_must_exist(cx, want.storage.text(), pool).await {
                    found.missing(pool_comes(cx, pool), problem.at(attribute));
                }
            }
        }
        if pool.is_none() {
            return Ok(());
        }
        if let Some(prior) = prior
            && let Some(used) = used(cx, &prior.storage).await?
        {
            found.mendable(used.problem);
        }
        Ok(())
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        used::removable(cx, &was.storage, found).await
    }
}

// It needs a Ceph that runs.
lives!(StorageRbd, plain = false);
sought!(StorageRbd);

/// Whether a pool is planned to be made, alone or as one of two.
fn pool_comes(cx: &Cx<Pve>, pool: &str) -> bool {
    let of_two = ["-data", "-metadata"].into_iter().find_map(|suffix| pool.strip_suffix(suffix));
    cx.comes("ceph_pool", pool) || of_two.is_some_and(|name| cx.comes("ceph_erasure_pool", name))
}

/// PVE takes a wrong pool without a word; the storage would be there and never active.
async fn pool_must_exist(cx: &Cx<Pve>, storage: Option<&str>, pool: &str) -> Result<(), Problem> {
    let pools = cx.client.ceph().pools().await.during("Cannot list the Ceph pools")?;
    if pools.iter().any(|there| there.name == pool) {
        return Ok(());
    }
    let names: BTreeSet<String> = pools.iter().map(|pool| pool.name.clone()).collect();
    let storage = storage.map(|storage| format!(" \"{storage}\"")).unwrap_or_default();
    Err(Problem::new(
        format!("Pool \"{pool}\" does not exist"),
        format!(
            "Storage{storage} cannot lie on it; nothing was written. There are: {}. `pve_ceph_pool` makes more.",
            listed(&names)
        ),
    ))
}
