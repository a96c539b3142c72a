//! Pools and what can be set on them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Chunks, Time};

/// `pg_autoscale_mode`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Autoscale {
    /// Never asks, never acts.
    Off,
    /// Acts.
    On,
    /// Only warns; what PVE's pools have.
    Warn,
}

impl Autoscale {
    /// The mode of a word.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "off" => Some(Self::Off),
            "on" => Some(Self::On),
            "warn" => Some(Self::Warn),
            _ => None,
        }
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::On => "on",
            Self::Warn => "warn",
        }
    }
}

/// An RBD image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Provisioned bytes.
    pub size: u64,
    /// Bytes written, before replication.
    pub used: u64,
}

/// A value of the pool's `options`, which exist only when set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PoolOption {
    /// Whole number.
    Int(i64),
    /// Real number.
    Float(f64),
}

impl PoolOption {
    /// As JSON.
    pub fn json(self) -> Value {
        match self {
            Self::Int(n) => json!(n),
            Self::Float(f) => json!(f),
        }
    }

    /// As a number.
    pub fn number(self) -> f64 {
        match self {
            Self::Int(n) => n as f64,
            Self::Float(f) => f,
        }
    }
}

/// The flag that lets images lie in an erasure coded pool.
pub const EC_OVERWRITES: &str = "allow_ec_overwrites";

/// The boolean flags of a pool in the order of `osd pool get POOL all`.
pub const POOL_FLAGS: [&str; 7] =
    ["hashpspool", "nodelete", "nopgchange", "nosizechange", "write_fadvise_dontneed", "noscrub", "nodeep-scrub"];

/// A pool.
#[derive(Debug, Clone)]
pub struct Pool {
    /// Id; never reused.
    pub id: u32,
    /// Name.
    pub name: String,
    /// How its data is cut up, if it is erasure coded.
    pub chunks: Option<Chunks>,
    /// Copies, or chunks.
    pub size: u32,
    /// Copies or chunks needed for I/O.
    pub min_size: u32,
    /// Placement groups now.
    pub pg_num: u32,
    /// Placement groups for placement now.
    pub pgp_num: u32,
    /// Where `pg_num` is going.
    pub pg_num_target: u32,
    /// Where `pgp_num` is going.
    pub pgp_num_target: u32,
    /// Next step towards the targets.
    pub next_step: Option<Time>,
    /// Id of the CRUSH rule.
    pub crush_rule: u32,
    /// Autoscaler.
    pub autoscale: Autoscale,
    /// Flags that are on, `hashpspool` among them.
    pub flags: Vec<String>,
    /// `use_gmt_hitset`, which `get` shows beside the flags.
    pub use_gmt_hitset: bool,
    /// `fast_read`.
    pub fast_read: bool,
    /// `bulk`.
    pub bulk: bool,
    /// Options that are set: `pg_num_min`, `pg_num_max`, `target_size_bytes`, `target_size_ratio` ...
    pub options: BTreeMap<String, PoolOption>,
    /// Enabled applications with their keys.
    pub applications: BTreeMap<String, BTreeMap<String, String>>,
    /// RBD images by name.
    pub images: BTreeMap<String, Image>,
    /// Objects and bytes beside the images (the manager's own, test data).
    pub other: (u64, u64),
    /// When it was made.
    pub created: Time,
    /// Epoch of the last change.
    pub last_change: u32,
}

/// RBD cuts images into objects of 4 MiB.
const OBJECT: u64 = 4 << 20;

impl Pool {
    /// Bytes stored, before replication.
    pub fn stored(&self) -> u64 {
        self.images.values().map(|i| i.used).sum::<u64>() + self.other.1
    }

    /// Objects stored.
    pub fn objects(&self) -> u64 {
        // An image has a header, an id object and shares the directory.
        let images: u64 = self.images.values().map(|i| i.used.div_ceil(OBJECT) + 2).sum();
        images + u64::from(!self.images.is_empty()) + self.other.0
    }

    /// An option, if set.
    pub fn option(&self, name: &str) -> Option<f64> {
        self.options.get(name).map(|o| o.number())
    }

    /// Sets an option; 0 takes it away, as Ceph does.
    pub fn set_option(&mut self, name: &str, value: PoolOption) {
        if value.number() == 0.0 {
            self.options.remove(name);
        } else {
            self.options.insert(name.into(), value);
        }
    }

    /// Whether a flag is on.
    pub fn flag(&self, name: &str) -> bool {
        self.flags.iter().any(|f| f == name)
    }

    /// Switches a flag.
    pub fn set_flag(&mut self, name: &str, on: bool) {
        self.flags.retain(|f| f != name);
        if on {
            self.flags.push(name.into());
        }
    }

    /// Applications as JSON.
    pub fn applications_json(&self) -> Value {
        json!(self.applications)
    }

    /// Options as JSON.
    pub fn options_json(&self) -> Value {
        Value::Object(self.options.iter().map(|(k, v)| (k.clone(), v.json())).collect::<Map<_, _>>())
    }
}
