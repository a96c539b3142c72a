//! The CRUSH map: which OSDs hang where, and by which rules data is placed.
//!
//! Source: `GET /nodes/{node}/ceph/crush`, the map as text in the form that `crushtool -d` prints. It is the only way to
//! read rules without root: `GET ceph/rules` has names only.

mod hierarchy;
mod parse;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use crate::wire;

pub use hierarchy::Hierarchy;

/// A CRUSH map. What the parser does not know is kept in [`CrushMap::unread`].
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CrushMap {
    /// `tunable NAME VALUE`.
    pub tunables: BTreeMap<String, i64>,
    /// The OSDs.
    pub devices: Vec<Device>,
    /// The levels of the hierarchy by their number: 0 is `osd`.
    pub types: BTreeMap<i64, String>,
    /// Everything that holds OSDs or other buckets, in the map's order (children first).
    pub buckets: Vec<Bucket>,
    /// The rules in the map's order.
    pub rules: Vec<Rule>,
    /// Lines that were not understood (weight sets, newer keywords).
    pub unread: Vec<String>,
}

/// An OSD.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// `3` of `osd.3`.
    pub id: i64,
    /// `osd.3`.
    pub name: String,
    /// `hdd`, `ssd`, `nvme` or one of the user's own.
    pub class: Option<String>,
}

/// A host, a rack, a root ...
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bucket {
    /// `host`, `root` ...: one of [`CrushMap::types`].
    pub kind: String,
    /// The name; hosts are named like the PVE node.
    pub name: String,
    /// Negative.
    pub id: i64,
    /// The ids of the shadow buckets, by device class.
    pub shadow_ids: BTreeMap<String, i64>,
    /// `straw2` as a rule.
    pub algorithm: String,
    /// What it holds.
    pub items: Vec<Item>,
}

/// A member of a bucket.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// An OSD (`osd.3`) or a bucket.
    pub name: String,
    /// In TiB; the text rounds it to three decimals.
    pub weight: f64,
}

/// A placement rule.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rule {
    /// The name pools refer to. Ceph can rename a rule.
    pub name: String,
    /// The number pools really refer to. Numbers are used again after removal.
    pub id: i64,
    /// `replicated`, `erasure`, or a newer kind.
    pub kind: String,
    /// What it does.
    pub steps: Vec<Step>,
}

/// A step of a [`Rule`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Begin at a bucket, counting only OSDs of a class if one is named.
    Take {
        /// Name of the bucket.
        root: String,
        /// `class ssd`.
        class: Option<String>,
    },
    /// Choose items.
    Choose {
        /// `chooseleaf`: goes on down to one OSD in each chosen item.
        leaf: bool,
        /// `indep` (for erasure coding) instead of `firstn`.
        independent: bool,
        /// How many: 0 is as many as there are copies, negative that many fewer.
        count: i64,
        /// One of [`CrushMap::types`].
        kind: String,
    },
    /// Hand out what was chosen.
    Emit,
    /// Any other step, as it stands.
    Other(String),
}

/// What a replicated rule made by `ceph osd crush rule create-replicated` says; that of an erasure coded pool says the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReplicatedShape {
    /// The bucket where it begins, usually `default`.
    pub root: String,
    /// The level on which copies are kept apart: `host`, `osd` ...
    pub failure_domain: String,
    /// Only OSDs of this class.
    pub device_class: Option<String>,
}

impl Rule {
    /// What the rule of an erasure coded pool says, where Ceph made it: the same, and more tries than usual.
    pub fn erasure_shape(&self) -> Option<ReplicatedShape> {
        let tries = |step: &&Step| matches!(step, Step::Other(text) if text.starts_with("set_choose"));
        let steps = &self.steps[self.steps.iter().take_while(tries).count()..];
        let [Step::Take { root, class }, Step::Choose { leaf, independent: true, count: 0, kind }, Step::Emit] = steps
        else {
            return None;
        };
        if self.kind != "erasure" || (!leaf && kind != "osd") {
            return None;
        }
        Some(ReplicatedShape { root: root.clone(), failure_domain: kind.clone(), device_class: class.clone() })
    }

    /// The rule's definition, if it is of the plain form `take`, `choose`, `emit`; `None` for rules written by hand that
    /// say more.
    pub fn replicated_shape(&self) -> Option<ReplicatedShape> {
        let [Step::Take { root, class }, Step::Choose { leaf, independent: false, count: 0, kind }, Step::Emit] =
            &self.steps[..]
        else {
            return None;
        };
        // Ceph writes `choose` for OSDs themselves and `chooseleaf` for everything above. `choose firstn 0 type host`
        // would hand out hosts instead of OSDs.
        if self.kind != "replicated" || (!leaf && kind != "osd") {
            return None;
        }
        Some(ReplicatedShape { root: root.clone(), failure_domain: kind.clone(), device_class: class.clone() })
    }
}

impl CrushMap {
    /// Reads the text of a map. Never fails: what is not understood goes to [`CrushMap::unread`].
    pub fn parse(text: &str) -> Self {
        parse::parse(text)
    }

    /// A rule by name.
    pub fn rule(&self, name: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.name == name)
    }

    /// A bucket by name.
    pub fn bucket(&self, name: &str) -> Option<&Bucket> {
        self.buckets.iter().find(|bucket| bucket.name == name)
    }

    /// An OSD by number.
    pub fn device(&self, id: i64) -> Option<&Device> {
        self.devices.iter().find(|device| device.id == id)
    }

    /// Whether a level of this name exists (with or without buckets of it).
    pub fn has_type(&self, kind: &str) -> bool {
        self.types.values().any(|name| name == kind)
    }

    /// The classes that at least one OSD has.
    pub fn device_classes(&self) -> BTreeSet<&str> {
        self.devices.iter().filter_map(|device| device.class.as_deref()).collect()
    }

    /// Who is below whom.
    pub fn hierarchy(&self) -> Hierarchy<'_> {
        Hierarchy::of(self)
    }
}

impl<'de> Deserialize<'de> for CrushMap {
    /// From the map's text, if it is all of it: in half a map, or in none, every rule would look as if it were gone.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = wire::text(d)?;
        match text.trim_end().ends_with("# end crush map") {
            true => Ok(Self::parse(&text)),
            false => Err(serde::de::Error::custom("the text is not a whole CRUSH map")),
        }
    }
}

#[cfg(test)]
mod tests;
