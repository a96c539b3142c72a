//! The tree that rules choose from, and its shadows: a copy for each device class, in which only OSDs of that class hang.

use std::collections::{BTreeMap, BTreeSet};

/// What [`place`](crate::place) goes down in.
pub trait Tree {
    /// The level of a bucket (a number; 0 is the OSDs', hosts have 1 in every map that Ceph made) and what hangs below it, each
    /// with its weight (65,536 is 1.0, usually a TiB). `None`: there is no such bucket.
    fn bucket(&self, id: i32) -> Option<(u32, &[(i32, u32)])>;
}

/// Ceph's own bound is 10 levels. Maps from elsewhere could hold a loop.
pub(crate) const LEVELS: usize = 32;

#[derive(Clone, Debug)]
struct Bucket {
    kind: u32,
    items: Vec<(i32, u32)>,
}

/// A tree of one's own making. OSDs have numbers from 0, buckets below 0; the numbers of buckets (and of their shadows) decide
/// where copies lie, so that those of an existing map must be taken over.
#[derive(Clone, Debug, Default)]
pub struct Map {
    buckets: BTreeMap<i32, Bucket>,
    classes: BTreeMap<u32, String>,
    /// The numbers of shadows, known or given.
    ids: BTreeMap<(i32, String), i32>,
    shadows: BTreeMap<i32, Bucket>,
}

impl Tree for Map {
    fn bucket(&self, id: i32) -> Option<(u32, &[(i32, u32)])> {
        let found = self.buckets.get(&id).or_else(|| self.shadows.get(&id));
        found.map(|bucket| (bucket.kind, bucket.items.as_slice()))
    }
}

impl Map {
    /// Adds a bucket with what hangs below it, or puts it in the place of one with the same number.
    pub fn insert(&mut self, id: i32, kind: u32, items: Vec<(i32, u32)>) {
        self.buckets.insert(id, Bucket { kind, items });
    }

    /// The number that a bucket's shadow has for a class.
    pub fn set_shadow(&mut self, bucket: i32, class: &str, id: i32) {
        self.ids.insert((bucket, class.to_owned()), id);
    }

    /// Gives an OSD a class.
    pub fn set_class(&mut self, osd: u32, class: &str) {
        self.classes.insert(osd, class.to_owned());
    }

    /// The class of an OSD.
    pub fn class(&self, osd: u32) -> Option<&str> {
        self.classes.get(&osd).map(String::as_str)
    }

    /// The highest number that is free for a bucket.
    pub fn free_id(&self) -> i32 {
        let known: BTreeSet<i32> = self.ids.values().copied().collect();
        let free = |id: &i32| !self.buckets.contains_key(id) && !self.shadows.contains_key(id) && !known.contains(id);
        (i32::MIN..0).rev().find(free).unwrap_or(i32::MIN)
    }

    /// The bucket that an OSD or bucket hangs below; shadows do not count.
    pub fn parent(&self, item: i32) -> Option<i32> {
        self.buckets.iter().find(|(_, bucket)| bucket.items.iter().any(|(id, _)| *id == item)).map(|(id, _)| *id)
    }

    /// Hangs something below a bucket. [`settle`](Self::settle) carries its weight up.
    pub fn hang(&mut self, below: i32, item: i32, weight: u32) {
        if let Some(bucket) = self.buckets.get_mut(&below) {
            bucket.items.push((item, weight));
        }
    }

    /// Sets the weight of an OSD wherever it hangs.
    pub fn set_weight(&mut self, osd: u32, weight: u32) {
        let all = self.buckets.values_mut().flat_map(|bucket| bucket.items.iter_mut());
        for (_, old) in all.filter(|(item, _)| u32::try_from(*item) == Ok(osd)) {
            *old = weight;
        }
    }

    /// Gives every bucket the weight of what hangs below it.
    pub fn settle(&mut self) {
        for root in self.roots() {
            self.sum(root, 0);
        }
    }

    /// Makes the shadows, for every class that an OSD has. Until then there are none, and after any change they are old.
    pub fn shade(&mut self) {
        self.shadows.clear();
        let classes: BTreeSet<String> = self.classes.values().cloned().collect();
        for root in self.roots() {
            for class in &classes {
                self.shadow_of(root, class, 0);
            }
        }
    }

    /// The number of a bucket's shadow for a class; `None` where no OSD has that class.
    pub fn shadow(&self, bucket: i32, class: &str) -> Option<i32> {
        self.ids.get(&(bucket, class.to_owned())).copied().filter(|id| self.shadows.contains_key(id))
    }

    /// Buckets that hang below no other.
    fn roots(&self) -> Vec<i32> {
        let below: BTreeSet<i32> =
            self.buckets.values().flat_map(|bucket| bucket.items.iter().map(|(id, _)| *id)).collect();
        self.buckets.keys().rev().filter(|id| !below.contains(id)).copied().collect()
    }

    fn sum(&mut self, id: i32, depth: usize) -> u32 {
        let Some(bucket) = self.buckets.get(&id).filter(|_| depth < LEVELS) else { return 0 };
        let items: Vec<(i32, u32)> = bucket.items.clone();
        let new: Vec<(i32, u32)> =
            items.into_iter().map(|(item, w)| (item, if item < 0 { self.sum(item, depth + 1) } else { w })).collect();
        let total = weight(&new);
        if let Some(bucket) = self.buckets.get_mut(&id) {
            bucket.items = new;
        }
        total
    }

    fn shadow_of(&mut self, original: i32, class: &str, depth: usize) -> Option<(i32, u32)> {
        let bucket = self.buckets.get(&original).filter(|_| depth < LEVELS)?.clone();
        let mut items = Vec::new();
        for (item, weight) in bucket.items {
            match u32::try_from(item) {
                Ok(osd) if self.class(osd) == Some(class) => items.push((item, weight)),
                Ok(_) => {}
                Err(_) => items.extend(self.shadow_of(item, class, depth + 1)),
            }
        }
        let known = self.ids.get(&(original, class.to_owned())).copied();
        let id = known.unwrap_or_else(|| self.free_id());
        let total = weight(&items);
        self.ids.insert((original, class.to_owned()), id);
        self.shadows.insert(id, Bucket { kind: bucket.kind, items });
        Some((id, total))
    }
}

fn weight(items: &[(i32, u32)]) -> u32 {
    items.iter().fold(0, |sum, (_, weight)| sum.saturating_add(*weight))
}
