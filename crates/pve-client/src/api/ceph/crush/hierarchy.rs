//! Who is below whom in a CRUSH map.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{Bucket, CrushMap, Device, ReplicatedShape};

/// Ceph's own bound is 10 levels. A map from elsewhere could hold a loop, or a chain as long as the map.
const LEVELS: usize = 32;

/// The buckets and OSDs of a map by name, to go up and down in. Each question takes as long as the map is large, no longer:
/// what the map says may be anything.
#[derive(Debug)]
pub struct Hierarchy<'a> {
    devices: HashMap<&'a str, &'a Device>,
    buckets: HashMap<&'a str, &'a Bucket>,
    /// The bucket that holds an item; the first in the map's order if several do.
    parents: HashMap<&'a str, &'a Bucket>,
}

impl<'a> Hierarchy<'a> {
    pub(super) fn of(map: &'a CrushMap) -> Self {
        // Where a name is there twice, the first counts.
        let devices = map.devices.iter().rev().map(|device| (device.name.as_str(), device));
        let buckets = map.buckets.iter().rev().map(|bucket| (bucket.name.as_str(), bucket));
        let items = map.buckets.iter().rev().flat_map(|b| b.items.iter().map(move |item| (item.name.as_str(), b)));
        Self { devices: devices.collect(), buckets: buckets.collect(), parents: items.collect() }
    }

    /// The buckets above an OSD or bucket, from its host up.
    pub fn above(&self, item: &str) -> impl Iterator<Item = &'a Bucket> {
        let first = self.parents.get(item).copied();
        std::iter::successors(first, |bucket| self.parents.get(bucket.name.as_str()).copied()).take(LEVELS)
    }

    /// The OSDs under a bucket (or the OSD itself), only those of a class if one is given. Up or down, in or out: all
    /// members count.
    pub fn osds_under(&self, root: &str, class: Option<&str>) -> BTreeSet<i64> {
        let mut found = BTreeSet::new();
        self.descend(root, class, |device, _| _ = found.insert(device.id));
        found
    }

    /// The failure domains below its root that a rule can choose from, each with its OSDs; domains without any are left out.
    /// As many copies can be placed as there are domains. An OSD that hangs in several counts in the first.
    pub fn domains(&self, shape: &ReplicatedShape) -> BTreeMap<String, BTreeSet<i64>> {
        let mut domains: BTreeMap<String, BTreeSet<i64>> = BTreeMap::new();
        self.descend(&shape.root, shape.device_class.as_deref(), |device, way| {
            let domain = match shape.failure_domain.as_str() {
                "osd" => Some(format!("osd.{}", device.id)),
                kind => way.iter().rev().find(|bucket| bucket.kind == kind).map(|bucket| bucket.name.clone()),
            };
            if let Some(domain) = domain {
                domains.entry(domain).or_default().insert(device.id);
            }
        });
        domains
    }

    /// The levels below a bucket that have OSDs of a class: what a rule there can take as its failure domain.
    pub fn levels(&self, root: &str, class: Option<&str>) -> BTreeSet<&'a str> {
        let mut levels = BTreeSet::new();
        self.descend(root, class, |_, way| {
            levels.insert("osd");
            levels.extend(way.iter().map(|bucket| bucket.kind.as_str()));
        });
        levels
    }

    /// Goes down from a bucket or OSD, to each but once and in the map's order, and tells the OSDs of the class with the
    /// buckets on the way, without the one that it began with.
    fn descend(&self, root: &str, class: Option<&str>, mut tell: impl FnMut(&'a Device, &[&'a Bucket])) {
        let mut seen = HashSet::new();
        let Some(root) = self.name_of(root) else { return };
        let mut open = vec![(root, 0)];
        let mut way: Vec<&Bucket> = Vec::new();
        while let Some((name, depth)) = open.pop() {
            way.truncate(depth);
            if depth > LEVELS || !seen.insert(name) {
                continue;
            }
            if let Some(device) = self.devices.get(name) {
                if class.is_none() || device.class.as_deref() == class {
                    tell(device, way.get(1..).unwrap_or_default());
                }
            } else if let Some(bucket) = self.buckets.get(name) {
                way.push(bucket);
                open.extend(bucket.items.iter().rev().map(|item| (item.name.as_str(), depth + 1)));
            }
        }
    }

    /// The name as the map holds it.
    fn name_of(&self, name: &str) -> Option<&'a str> {
        let device = self.devices.get(name).map(|device| device.name.as_str());
        device.or_else(|| self.buckets.get(name).map(|bucket| bucket.name.as_str()))
    }
}
