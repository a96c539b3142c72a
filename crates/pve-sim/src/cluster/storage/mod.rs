//! Storages: `storage.cfg`, and the volumes that lie where its entries point.
//!
//! Volumes belong to the place, not to the entry: an entry that is removed and made again shows what was there before.
//! The images of an RBD storage are those of the Ceph pool.

mod activation;
pub mod backups;
mod features;
pub(crate) mod files;
mod kinds;
mod linked;
mod rbd;
mod snapshots;
mod usage;
mod volumes;

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use sha1::{Digest, Sha1};

pub use backups::Backup;
pub use features::Feature;
pub use kinds::Kind;
pub use linked::own_part;
pub use usage::Usage;
pub use volumes::{Allocated, Volume, owner};

use crate::kernel::clock::Time;
use crate::kernel::params::split_list;
use crate::shape::{Shape, StorageShape};

/// An entry of `storage.cfg`.
#[derive(Debug, Clone)]
pub struct Storage {
    /// Its name.
    pub id: String,
    /// Its type.
    pub kind: &'static Kind,
    /// Its options, `content` among them only if it was given.
    pub options: BTreeMap<String, String>,
    /// How much it holds, where the cluster's shape says so.
    size: Option<u64>,
}

/// Where volumes lie.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// On a node's own disks.
    Local { node: String, what: String },
    /// Where every node sees the same.
    Shared(String),
    /// In a pool of the simulated Ceph cluster.
    Rbd { pool: String },
}

impl Storage {
    /// A new entry.
    pub fn new(id: &str, kind: &'static Kind, options: BTreeMap<String, String>) -> Self {
        Storage { id: id.to_owned(), kind, options, size: None }
    }

    /// An option.
    pub fn get(&self, option: &str) -> Option<&str> {
        self.options.get(option).map(String::as_str)
    }

    /// What it may hold.
    pub fn contents(&self) -> BTreeSet<&str> {
        match self.get("content") {
            Some(list) => split_list(list).collect(),
            None => self.kind.default_contents.iter().copied().collect(),
        }
    }

    /// Whether every node sees the same.
    pub fn shared(&self) -> bool {
        self.kind.shared || self.get("shared") == Some("1")
    }

    /// Whether it is switched on.
    pub fn enabled(&self) -> bool {
        self.get("disable") != Some("1")
    }

    /// Whether the node may use it.
    pub fn on(&self, node: &str) -> bool {
        self.get("nodes").is_none_or(|nodes| nodes.is_empty() || split_list(nodes).any(|n| n == node))
    }

    /// The directory of a file based storage.
    pub fn path(&self) -> String {
        self.get("path").map_or_else(|| format!("/mnt/pve/{}", self.id), str::to_owned)
    }

    /// The Ceph pool of an RBD storage.
    pub fn pool(&self) -> &str {
        self.get("pool").unwrap_or("rbd")
    }

    pub(crate) fn place(&self, node: &str) -> Place {
        let option = |name: &str| self.get(name).unwrap_or_default();
        let what = match self.kind.name {
            "rbd" => return Place::Rbd { pool: self.pool().to_owned() },
            "nfs" => format!("{}:{}", option("server"), option("export")),
            "cifs" => format!("//{}/{}", option("server"), option("share")),
            "pbs" => format!("{}:{}", option("server"), option("datastore")),
            "esxi" => option("server").to_owned(),
            "cephfs" => format!("ceph {}:{}", option("monhost"), option("fs-name")),
            "iscsi" | "iscsidirect" => format!("{}/{}", option("portal"), option("target")),
            "zfs" => format!("{}/{}/{}", option("portal"), option("target"), option("pool")),
            "zfspool" => format!("zfs {}", option("pool")),
            "lvm" => option("vgname").to_owned(),
            "lvmthin" => format!("{}/{}", option("vgname"), option("thinpool")),
            _ => self.path(),
        };
        match self.shared() {
            true => Place::Shared(what),
            false => Place::Local { node: node.to_owned(), what },
        }
    }
}

/// All storages.
#[derive(Debug, Default)]
pub struct Storages {
    /// By name.
    pub all: BTreeMap<String, Storage>,
    volumes: BTreeMap<Place, BTreeMap<String, Volume>>,
    /// What snapshots there are of a volume, the oldest first, each with the size that the volume had.
    snapshots: BTreeMap<(Place, String), Vec<(String, u64)>>,
    /// What is in the archives.
    backups: BTreeMap<(Place, String), Backup>,
    /// Names of archives that are protected although nothing lies there: a mark is a file of its own.
    marked: BTreeSet<(Place, String)>,
    /// What files hold, by place and name.
    files: BTreeMap<(Place, String), Arc<Vec<u8>>>,
    /// What was sent to a node and lies in its `/var/tmp`, by path.
    pub(crate) uploads: BTreeMap<String, Vec<u8>>,
    /// Directories that were there before any entry pointed to them.
    directories: BTreeSet<String>,
    /// Volume groups that exist on every node.
    groups: BTreeSet<String>,
    /// ZFS pools that exist on every node.
    zpools: BTreeSet<String>,
    /// Where the nodes live: nobody else does.
    lan: BTreeSet<Ipv4Addr>,
}

/// What PVE knows without any `storage.cfg`.
fn built_in() -> Storage {
    let options = [("path", "/var/lib/vz"), ("content", "backup,iso,images,rootdir,snippets,vztmpl")];
    let more = [("prune-backups", "keep-all=1"), ("priority", "0")];
    let options = options.into_iter().chain(more).map(|(k, v)| (k.to_owned(), v.to_owned())).collect();
    Storage { id: "local".into(), kind: &kinds::DIR, options, size: None }
}

impl Storages {
    pub(super) fn new(shape: &Shape, now: Time) -> Self {
        let mut storages = Storages {
            groups: BTreeSet::from(["pve".to_owned()]),
            zpools: BTreeSet::from(["rpool".to_owned()]),
            lan: shape.nodes.iter().filter_map(|node| node.ip.as_ref()?.parse().ok()).collect(),
            ..Storages::default()
        };
        storages.directories.insert("/var/lib/vz".to_owned());
        for entry in shape.storages.iter().filter_map(from_shape) {
            storages.directories.insert(entry.path());
            storages.groups.extend(entry.get("vgname").map(str::to_owned));
            if entry.kind.name == "zfspool" {
                storages.zpools.extend(entry.get("pool").map(|pool| first_part(pool).to_owned()));
            }
            storages.all.insert(entry.id.clone(), entry);
        }
        let nodes: Vec<&str> = shape.nodes.iter().map(|node| node.name.as_str()).collect();
        shape.storages.iter().for_each(|entry| storages.put_there(entry, &nodes, now));
        storages.all.entry("local".to_owned()).or_insert_with(built_in);
        storages
    }

    /// The volumes that a storage has from the start.
    fn put_there(&mut self, shape: &StorageShape, nodes: &[&str], now: Time) {
        let Some(storage) = self.all.get(&shape.storage).cloned() else { return };
        for volume in &shape.volumes {
            let content = volume.name.split_once('/').map_or("images", |(folder, _)| folder);
            let format = match content {
                "snippets" => "snippet",
                _ => volume.name.rsplit_once('.').map_or("raw", |(_, extension)| extension),
            };
            let made = Volume {
                content: content.to_owned(),
                format: format.to_owned(),
                size: volume.size.0,
                used: volume.size.0 / 8,
                // An archive's name tells when it was made; the rest has been there for a while.
                ctime: storage
                    .kind
                    .has_files()
                    .then(|| backups::moment_of(&volume.name).unwrap_or(now.earlier(Duration::from_secs(3600)))),
            };
            for node in nodes.iter().filter(|node| storage.on(node)) {
                let place = storage.place(node);
                if let Some(backup) = Backup::of(&volume.name, &volume.config) {
                    self.backups.insert((place.clone(), volume.name.clone()), backup);
                }
                self.volumes.entry(place).or_default().insert(volume.name.clone(), made.clone());
            }
        }
    }

    /// The entry of that name.
    pub fn get(&self, id: &str) -> Option<&Storage> {
        self.all.get(id)
    }

    /// The entry, as a node may use it at all.
    ///
    /// # Errors
    /// PVE's texts for one that does not exist, is switched off, or is not for this node.
    pub fn usable(&self, id: &str, node: &str) -> Result<&Storage, String> {
        let storage = self.all.get(id).ok_or_else(|| format!("storage '{id}' does not exist"))?;
        match () {
            () if !storage.enabled() => Err(format!("storage '{id}' is disabled")),
            () if !storage.on(node) => Err(format!("storage '{id}' is not available on node '{node}'")),
            () => Ok(storage),
        }
    }

    /// Adds an entry that nobody has checked, and what it points to.
    pub fn insert(&mut self, storage: Storage) {
        self.directories.insert(storage.path());
        self.all.insert(storage.id.clone(), storage);
    }

    /// Takes an entry away; its volumes stay. `local` comes back as PVE knows it without a file.
    pub fn remove(&mut self, id: &str) -> Option<Storage> {
        let gone = self.all.remove(id);
        if id == "local" {
            self.all.insert(id.to_owned(), built_in());
        }
        gone
    }

    /// SHA-1 of the whole file, in hex.
    pub fn digest(&self) -> String {
        let mut file = String::new();
        for storage in self.all.values() {
            file.push_str(&format!("{}: {}\n", storage.kind.name, storage.id));
            for (key, value) in &storage.options {
                file.push_str(&format!("\t{key} {value}\n"));
            }
        }
        hex::encode(Sha1::digest(file))
    }

    pub(super) fn canonical(&self) -> Value {
        let entries: Value = self
            .all
            .values()
            .map(|storage| (storage.id.clone(), json!({ "type": storage.kind.name, "options": storage.options })))
            .collect();
        let volumes: Value = self
            .volumes
            .iter()
            .filter(|(_, volumes)| !volumes.is_empty())
            .map(|(place, volumes)| {
                let sizes: Value = volumes.iter().map(|(name, volume)| (name.clone(), json!(volume.size))).collect();
                (place.to_string(), sizes)
            })
            .collect();
        json!({ "entries": entries, "volumes": volumes })
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Place::Local { node, what } => write!(f, "{node}:{what}"),
            Place::Shared(what) => f.write_str(what),
            Place::Rbd { pool } => write!(f, "rbd:{pool}"),
        }
    }
}

/// The pool that a dataset lies in.
fn first_part(dataset: &str) -> &str {
    dataset.split('/').next().unwrap_or(dataset)
}

/// An entry of the cluster's shape; of a type that there is not, none.
fn from_shape(shape: &StorageShape) -> Option<Storage> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Bool(on) => u8::from(*on).to_string(),
        other => other.to_string(),
    };
    let mut options: BTreeMap<_, _> = shape.options.iter().map(|(k, v)| (k.clone(), text(v))).collect();
    for (key, list) in [("content", &shape.content), ("nodes", &shape.nodes)] {
        if !list.is_empty() {
            options.insert(key.to_owned(), list.join(","));
        }
    }
    let size = shape.size.map(|size| size.0);
    Some(Storage { id: shape.storage.clone(), kind: Kind::find(&shape.kind)?, options, size })
}
