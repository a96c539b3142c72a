//! The CRUSH map: the tree of buckets, device classes with their shadow trees, and rules.
//!
//! Ids are handed out exactly as Ceph does it (lowest free id, shadow buckets remembered, rule ids
//! reused), because scripts see them in dumps and in the decompiled map.

mod placement;
mod rules;
mod text;
mod tree;

#[cfg(test)]
mod tests;

pub use placement::Weights;
pub use rules::{Rule, RuleError, Step};
pub use tree::TreeNode;

use std::collections::{BTreeMap, BTreeSet};

use super::errno::{Errno, Refusal};

/// Weight 1.0 in CRUSH's 16.16 fixed point.
pub const ONE: u32 = 0x10000;

/// CRUSH's types by id; the position is the `type_id`.
pub const TYPES: [&str; 12] =
    ["osd", "host", "chassis", "rack", "row", "pdu", "pod", "room", "datacenter", "zone", "region", "root"];

/// The `type_id` of a type name.
pub fn type_id(name: &str) -> Option<usize> {
    TYPES.iter().position(|t| *t == name)
}

/// A 16.16 weight from terabytes, rounded down as Ceph rounds.
pub fn weight_of(units: f64) -> u32 {
    (units * f64::from(ONE)) as u32
}

/// An inner node of the tree. `class` is set on shadow buckets, whose name is `NAME~CLASS`.
#[derive(Debug, Clone)]
pub struct Bucket {
    /// Negative id.
    pub id: i32,
    /// Name, unique in the map.
    pub name: String,
    /// Index into [`TYPES`].
    pub type_id: usize,
    /// Children (OSD ids >= 0, buckets < 0) with their 16.16 weights, in the order they were added.
    pub items: Vec<(i32, u32)>,
    class: Option<usize>,
}

impl Bucket {
    /// Sum of the children's weights.
    pub fn weight(&self) -> u32 {
        self.items.iter().map(|(_, w)| *w).sum()
    }

    /// Whether this is a shadow of another bucket, reduced to one device class.
    pub fn is_shadow(&self) -> bool {
        self.class.is_some()
    }
}

/// The map. Made with the bucket `default` (id -1) and the rule `replicated_rule` (id 0).
#[derive(Debug, Clone)]
pub struct CrushMap {
    buckets: BTreeMap<i32, Bucket>,
    classes: BTreeMap<usize, String>,
    device_class: BTreeMap<u32, usize>,
    /// (bucket, class) -> shadow bucket.
    shadows: BTreeMap<(i32, usize), i32>,
    rules: BTreeMap<u32, Rule>,
    /// Counts changes; placement caches are keyed by it.
    version: u64,
}

impl Default for CrushMap {
    fn default() -> Self {
        let default = Bucket { id: -1, name: "default".into(), type_id: 11, items: vec![], class: None };
        let rule = Rule::replicated(0, "replicated_rule", -1, 1);
        Self {
            buckets: BTreeMap::from([(-1, default)]),
            classes: BTreeMap::new(),
            device_class: BTreeMap::new(),
            shadows: BTreeMap::new(),
            rules: BTreeMap::from([(0, rule)]),
            version: 1,
        }
    }
}

impl CrushMap {
    /// Changes with every change of the map.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// A bucket by id, shadows included.
    pub fn bucket(&self, id: i32) -> Option<&Bucket> {
        self.buckets.get(&id)
    }

    /// All buckets, shadows included, by descending id (-1 first), as Ceph dumps them.
    pub fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        self.buckets.values().rev()
    }

    /// A bucket by name, shadows included.
    pub fn bucket_named(&self, name: &str) -> Option<&Bucket> {
        self.buckets.values().find(|b| b.name == name)
    }

    /// The id behind `osd.N` (if it is in the tree) or a bucket's name.
    pub fn item_named(&self, name: &str) -> Option<i32> {
        if let Some(id) = name.strip_prefix("osd.").and_then(|n| n.parse::<u32>().ok()) {
            return self.parent_of(id as i32).map(|_| id as i32);
        }
        self.bucket_named(name).map(|b| b.id)
    }

    /// Name of an item: `osd.N` or the bucket's.
    pub fn name_of(&self, id: i32) -> String {
        if id >= 0 { format!("osd.{id}") } else { self.buckets.get(&id).map(|b| b.name.clone()).unwrap_or_default() }
    }

    /// The bucket (no shadow) that holds an item.
    pub fn parent_of(&self, id: i32) -> Option<&Bucket> {
        self.buckets.values().find(|b| !b.is_shadow() && b.items.iter().any(|(i, _)| *i == id))
    }

    /// The ancestors of an item as (type, name), nearest first.
    pub fn location(&self, id: i32) -> Vec<(&'static str, String)> {
        let mut out = vec![];
        let mut at = id;
        while let Some(parent) = self.parent_of(at) {
            out.push((TYPES[parent.type_id], parent.name.clone()));
            at = parent.id;
        }
        out
    }

    /// The host bucket above an OSD.
    pub fn host_of(&self, osd: u32) -> Option<String> {
        self.location(osd as i32).into_iter().find(|(t, _)| *t == "host").map(|(_, n)| n)
    }

    /// 16.16 CRUSH weight of an OSD, 0 outside of the tree.
    pub fn weight(&self, osd: u32) -> u32 {
        let id = osd as i32;
        self.parent_of(id).and_then(|b| b.items.iter().find(|(i, _)| *i == id)).map_or(0, |(_, w)| *w)
    }

    /// Ids of the roots (buckets without parent, no shadows), ascending as Ceph walks them.
    pub fn roots(&self) -> Vec<i32> {
        let children: BTreeSet<i32> =
            self.buckets.values().filter(|b| !b.is_shadow()).flat_map(|b| b.items.iter().map(|(i, _)| *i)).collect();
        self.buckets.values().filter(|b| !b.is_shadow() && !children.contains(&b.id)).map(|b| b.id).collect()
    }

    // ---- device classes ----

    /// The class of an OSD.
    pub fn class_of(&self, osd: u32) -> Option<&str> {
        self.device_class.get(&osd).and_then(|c| self.classes.get(c)).map(String::as_str)
    }

    /// Known classes by class id.
    pub fn classes(&self) -> Vec<String> {
        self.classes.values().cloned().collect()
    }

    fn class_id(&self, name: &str) -> Option<usize> {
        self.classes.iter().find(|(_, n)| *n == name).map(|(id, _)| *id)
    }

    /// Name of the class a shadow bucket stands for.
    pub(crate) fn shadow_class(&self, bucket: &Bucket) -> Option<&str> {
        bucket.class.and_then(|c| self.classes.get(&c)).map(String::as_str)
    }

    /// The shadow of a bucket for a class.
    pub fn shadow(&self, bucket: i32, class: &str) -> Option<i32> {
        self.shadows.get(&(bucket, self.class_id(class)?)).copied()
    }

    /// OSDs of a class.
    pub fn osds_of_class(&self, class: &str) -> Vec<u32> {
        let Some(id) = self.class_id(class) else { return vec![] };
        self.device_class.iter().filter(|(_, c)| **c == id).map(|(o, _)| *o).collect()
    }

    /// Adds a class; `None` if it is there already, else its id.
    pub fn create_class(&mut self, name: &str) -> Option<usize> {
        if self.class_id(name).is_some() {
            return None;
        }
        let id = self.classes.keys().next_back().map_or(0, |last| last + 1);
        self.classes.insert(id, name.to_string());
        self.version += 1;
        Some(id)
    }

    /// Removes a class and takes it off its OSDs. `Ok(None)`: no such class.
    pub fn remove_class(&mut self, name: &str) -> Result<Option<usize>, Refusal> {
        let Some(id) = self.class_id(name) else { return Ok(None) };
        let users: Vec<String> = self.rules_by_class(name).iter().map(|r| format!("'{}'", r.name)).collect();
        if !users.is_empty() {
            let text = format!("class '{name}' still referenced by crush_rule(s): {}", users.join(","));
            return Err(Refusal::new(Errno::Busy, text));
        }
        self.device_class.retain(|_, c| *c != id);
        self.classes.remove(&id);
        self.rebuild_shadows();
        Ok(Some(id))
    }

    /// Gives an OSD a class, making the class if need be.
    pub fn set_class(&mut self, osd: u32, class: &str) {
        self.create_class(class);
        if let Some(id) = self.class_id(class) {
            self.device_class.insert(osd, id);
        }
        self.rebuild_shadows();
    }

    /// Takes an OSD's class away; false if it had none. A class without OSDs and rules vanishes.
    pub fn clear_class(&mut self, osd: u32) -> bool {
        let had = self.device_class.remove(&osd).is_some();
        if had {
            self.rebuild_shadows();
        }
        had
    }

    // ---- the tree ----

    /// The lowest id (nearest to -1) that no bucket has.
    fn free_bucket_id(&self) -> i32 {
        (1..).map(|n: i32| -n).find(|id| !self.buckets.contains_key(id)).unwrap_or(i32::MIN)
    }

    /// Adds an empty bucket without parent. `Ok(false)`: the name is taken.
    pub fn add_bucket(&mut self, name: &str, kind: &str) -> Result<bool, Refusal> {
        if self.bucket_named(name).is_some() {
            return Ok(false);
        }
        let Some(type_id) = type_id(kind) else {
            return Err(Refusal::new(Errno::Inval, format!("type '{kind}' does not exist")));
        };
        let id = self.free_bucket_id();
        self.buckets.insert(id, Bucket { id, name: name.into(), type_id, items: vec![], class: None });
        self.rebuild_shadows();
        Ok(true)
    }

    /// Moves a bucket or OSD under the nearest of `location` (pairs type, name), making missing
    /// buckets on the way. `None`: it is there already.
    pub fn move_item(&mut self, id: i32, location: &[(String, String)]) -> Result<Option<()>, Refusal> {
        let mut ordered: Vec<(usize, String)> = vec![];
        for (kind, name) in location {
            let Some(t) = type_id(kind) else {
                return Err(Refusal::new(Errno::Inval, format!("type '{kind}' does not exist")));
            };
            ordered.push((t, name.clone()));
        }
        ordered.sort();
        let Some((_, nearest)) = ordered.first() else { return Ok(None) };
        if self.parent_of(id).is_some_and(|p| p.name == *nearest) {
            return Ok(None);
        }
        let weight = if id >= 0 { self.weight(id as u32) } else { self.bucket(id).map_or(0, Bucket::weight) };
        self.unlink(id);
        let mut child = (id, weight);
        for (type_id, name) in ordered {
            let existing = self.bucket_named(&name).map(|b| b.id);
            let parent = existing.unwrap_or_else(|| {
                let id = self.free_bucket_id();
                self.buckets.insert(id, Bucket { id, name, type_id, items: vec![], class: None });
                id
            });
            if let Some(bucket) = self.buckets.get_mut(&parent) {
                bucket.items.push(child);
            }
            if existing.is_some() {
                break;
            }
            child = (parent, weight);
        }
        self.fix_weights();
        self.rebuild_shadows();
        Ok(Some(()))
    }

    /// Puts an OSD with a weight under a host below `default`, as a starting OSD does itself.
    pub fn add_osd(&mut self, osd: u32, weight: u32, host: &str) {
        let place = [("host".to_string(), host.to_string()), ("root".to_string(), "default".to_string())];
        // The types are known ones, so that only "nothing moved" can come back.
        let _ = self.move_item(osd as i32, &place);
        self.set_weight(osd, weight);
    }

    /// Sets the CRUSH weight of an OSD in the tree; false if it is not there.
    pub fn set_weight(&mut self, osd: u32, weight: u32) -> bool {
        let mut found = false;
        for bucket in self.buckets.values_mut().filter(|b| !b.is_shadow()) {
            for item in bucket.items.iter_mut().filter(|(i, _)| *i == osd as i32) {
                item.1 = weight;
                found = true;
            }
        }
        self.fix_weights();
        self.rebuild_shadows();
        found
    }

    /// Removes an item; `Ok(false)`: not in the map, an error: a bucket with children.
    pub fn remove_item(&mut self, id: i32) -> Result<bool, Refusal> {
        if id < 0 {
            let Some(bucket) = self.buckets.get(&id) else { return Ok(false) };
            if !bucket.items.is_empty() {
                return Err(Refusal::new(Errno::NotEmpty, "(39) Directory not empty"));
            }
        } else if self.parent_of(id).is_none() && !self.device_class.contains_key(&(id as u32)) {
            return Ok(false);
        }
        self.unlink(id);
        if id < 0 {
            self.buckets.remove(&id);
        } else {
            self.device_class.remove(&(id as u32));
        }
        self.fix_weights();
        self.rebuild_shadows();
        Ok(true)
    }

    fn unlink(&mut self, id: i32) {
        for bucket in self.buckets.values_mut().filter(|b| !b.is_shadow()) {
            bucket.items.retain(|(i, _)| *i != id);
        }
    }

    /// Carries the weights of the OSDs up to the roots.
    fn fix_weights(&mut self) {
        for root in self.roots() {
            self.sum_up(root);
        }
    }

    fn sum_up(&mut self, id: i32) -> u32 {
        let children: Vec<(i32, u32)> = self.bucket(id).map(|b| b.items.clone()).unwrap_or_default();
        let items: Vec<(i32, u32)> =
            children.into_iter().map(|(i, w)| (i, if i < 0 { self.sum_up(i) } else { w })).collect();
        let total = items.iter().map(|(_, w)| *w).sum();
        if let Some(bucket) = self.buckets.get_mut(&id) {
            bucket.items = items;
        }
        total
    }

    /// Makes the shadow trees anew, keeping the ids of shadows that were there before.
    fn rebuild_shadows(&mut self) {
        let used: BTreeSet<usize> = self.device_class.values().copied().collect();
        let in_rules: BTreeSet<usize> =
            self.rules.values().filter_map(|r| self.buckets.get(&r.take())).filter_map(|b| b.class).collect();
        self.classes.retain(|id, _| used.contains(id) || in_rules.contains(id));
        let old = std::mem::take(&mut self.shadows);
        self.buckets.retain(|_, b| !b.is_shadow());
        let reserved: BTreeSet<i32> = old.values().copied().collect();
        let classes: Vec<usize> = self.classes.keys().copied().collect();
        for root in self.roots() {
            for class in &classes {
                self.clone_for_class(root, *class, &old, &reserved);
            }
        }
        self.version += 1;
    }

    fn clone_for_class(
        &mut self,
        original: i32,
        class: usize,
        old: &BTreeMap<(i32, usize), i32>,
        reserved: &BTreeSet<i32>,
    ) -> (i32, u32) {
        let Some(bucket) = self.buckets.get(&original).cloned() else { return (original, 0) };
        let mut items = vec![];
        for (item, weight) in bucket.items {
            if item < 0 {
                items.push(self.clone_for_class(item, class, old, reserved));
            } else if self.device_class.get(&(item as u32)) == Some(&class) {
                items.push((item, weight));
            }
        }
        let id = old.get(&(original, class)).copied().unwrap_or_else(|| {
            let free = |id: &i32| !self.buckets.contains_key(id) && !reserved.contains(id);
            (1..).map(|n: i32| -n).find(free).unwrap_or(i32::MIN)
        });
        let name = format!("{}~{}", bucket.name, self.classes.get(&class).map_or("", String::as_str));
        let shadow = Bucket { id, name, type_id: bucket.type_id, items, class: Some(class) };
        let weight = shadow.weight();
        self.buckets.insert(id, shadow);
        self.shadows.insert((original, class), id);
        (id, weight)
    }
}
