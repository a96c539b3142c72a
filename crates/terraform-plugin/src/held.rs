//! What this state holds, as far as this process has seen it: by UpgradeResourceState, by reads, by what it has removed. Terraform tells a provider no addresses, so an object is known by what it is outside (see
//! [`crate::Resource::place`]).

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::registry::Attributes;

/// What this state holds.
#[derive(Debug, Default)]
pub(crate) struct Held {
    all: Mutex<BTreeMap<&'static str, Objects>>,
    /// Whether anything was read in this run.
    read: AtomicBool,
}

/// The objects of one type.
#[derive(Debug, Default)]
struct Objects {
    /// By their place. Those that have none yet are known by their attributes alone.
    seen: BTreeMap<String, Attributes>,
    placeless: Vec<Attributes>,
    /// Places whose object is planned to be destroyed, and not to be made anew in the same block.
    going: BTreeSet<String>,
    /// Places for which an object is planned to be made.
    coming: BTreeSet<String>,
    /// Places whose object is planned to be replaced.
    replaced: BTreeSet<String>,
}

/// What is odd about an object that is to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Oddity {
    /// Another block is to destroy the very object.
    Renamed,
    /// Another block is to make the very object.
    Twice,
}

impl Held {
    /// The state holds this.
    pub(crate) fn see(&self, name: &'static str, place: Option<String>, attributes: &Attributes) {
        let mut all = self.lock();
        let objects = all.entry(name).or_default();
        match place {
            Some(place) => {
                objects.seen.insert(place, attributes.clone());
            }
            None if !objects.placeless.contains(attributes) => objects.placeless.push(attributes.clone()),
            None => {}
        }
    }

    /// The state holds it no longer: it was destroyed, or is gone.
    pub(crate) fn forget(&self, name: &'static str, place: Option<&str>) {
        if let (Some(objects), Some(place)) = (self.lock().get_mut(name), place) {
            objects.seen.remove(place);
            objects.going.remove(place);
        }
    }

    /// A run begins: nothing is seen and nothing is planned yet.
    pub(crate) fn begin(&self) {
        self.lock().clear();
        self.read.store(false, Ordering::Relaxed);
    }

    /// An object was read.
    pub(crate) fn refreshed(&self) {
        self.read.store(true, Ordering::Relaxed);
    }

    /// Whether any was.
    pub(crate) fn is_refreshed(&self) -> bool {
        self.read.load(Ordering::Relaxed)
    }

    /// What was to be made at this place is made, or cannot be.
    pub(crate) fn came(&self, name: &str, place: Option<&str>) {
        if let (Some(objects), Some(place)) = (self.lock().get_mut(name), place) {
            objects.coming.remove(place);
            objects.replaced.remove(place);
        }
    }

    /// All that is held of a type.
    pub(crate) fn all(&self, name: &str) -> Vec<Attributes> {
        let all = self.lock();
        all.get(name)
            .map(|objects| objects.seen.values().chain(&objects.placeless).cloned().collect())
            .unwrap_or_default()
    }

    /// Whether the object at this place is held.
    pub(crate) fn holds(&self, name: &str, place: &str) -> bool {
        self.lock().get(name).is_some_and(|objects| objects.seen.contains_key(place))
    }

    /// Notes that the object at this place is to be replaced.
    pub(crate) fn replace(&self, name: &'static str, place: String) {
        self.lock().entry(name).or_default().replaced.insert(place);
    }

    /// Notes that an object is to be made at this place; whether another block destroys the one that is held there, or is to
    /// make it, too. Between two configurations of the provider Terraform plans each block's creation once: that of a
    /// replacement after its change, and that of a tainted object instead.
    pub(crate) fn come(&self, name: &'static str, place: &str) -> Option<Oddity> {
        let mut all = self.lock();
        let objects = all.entry(name).or_default();
        let first = objects.coming.insert(place.to_owned());
        match objects.is_renamed(place) {
            true => Some(Oddity::Renamed),
            false => (!first).then_some(Oddity::Twice),
        }
    }

    /// Whether another block is to make the object that one keeps at this place. Only what was planned before counts: what is
    /// replaced because somebody asks for it (`-replace`) is kept in its first plan and made in its second.
    pub(crate) fn keep(&self, name: &str, place: &str) -> Option<Oddity> {
        self.comes(name, place).then_some(Oddity::Twice)
    }

    /// Whether an object is planned to be made at this place.
    pub(crate) fn comes(&self, name: &str, place: &str) -> bool {
        self.lock().get(name).is_some_and(|objects| objects.coming.contains(place))
    }

    /// Notes that the object at this place is to be destroyed; whether another block is to make it anew.
    pub(crate) fn go(&self, name: &'static str, place: &str) -> bool {
        let mut all = self.lock();
        let objects = all.entry(name).or_default();
        objects.going.insert(place.to_owned());
        objects.is_renamed(place)
    }

    /// Those that are to be destroyed.
    pub(crate) fn going(&self, name: &str) -> Vec<Attributes> {
        let all = self.lock();
        let of = |objects: &Objects| {
            let both = objects.going.union(&objects.replaced);
            both.filter_map(|place| objects.seen.get(place)).cloned().collect()
        };
        all.get(name).map(of).unwrap_or_default()
    }

    /// Those that are to be replaced.
    pub(crate) fn replaced(&self, name: &str) -> Vec<Attributes> {
        let all = self.lock();
        let of =
            |objects: &Objects| objects.replaced.iter().filter_map(|place| objects.seen.get(place)).cloned().collect();
        all.get(name).map(of).unwrap_or_default()
    }

    /// Every change is whole after one call: a panic elsewhere leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<&'static str, Objects>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Objects {
    fn is_renamed(&self, place: &str) -> bool {
        self.going.contains(place) && self.coming.contains(place) && !self.replaced.contains(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_block_is_seen_by_whichever_comes_second() {
        for destroy_first in [true, false] {
            let held = Held::default();
            held.see("osd", Some("pve1 sdb".to_owned()), &Attributes::new());
            let told = if destroy_first {
                [held.go("osd", "pve1 sdb"), held.come("osd", "pve1 sdb") == Some(Oddity::Renamed)]
            } else {
                [held.come("osd", "pve1 sdb") == Some(Oddity::Renamed), held.go("osd", "pve1 sdb")]
            };
            assert_eq!(told, [false, true]);
            assert_eq!(held.going("osd").len(), 1);
        }
    }

    #[test]
    fn a_replacement_is_no_renaming() {
        let held = Held::default();
        held.see("pool", Some("a".to_owned()), &Attributes::new());
        held.replace("pool", "a".to_owned());
        held.go("pool", "b");
        assert_eq!((held.going("pool").len(), held.replaced("pool").len()), (1, 1));
        assert!(held.come("pool", "a").is_none() && held.holds("pool", "a"));
    }

    #[test]
    fn two_blocks_for_one_object_are_seen_and_a_replacement_that_was_asked_for_is_none() {
        let held = Held::default();
        held.see("pool", Some("a".to_owned()), &Attributes::new());
        assert_eq!([held.keep("pool", "a"), held.come("pool", "a")], [None, None], "kept first, then made: -replace");
        assert_eq!([held.come("pool", "a"), held.come("pool", "b")], [Some(Oddity::Twice), None]);
        assert_eq!(held.keep("pool", "b"), Some(Oddity::Twice));
        held.came("pool", Some("a"));
        assert_eq!(held.come("pool", "a"), None, "that one is made by now");
        held.begin();
        assert_eq!(held.come("pool", "a"), None, "another run");
    }

    #[test]
    fn what_was_destroyed_is_held_no_longer() {
        let held = Held::default();
        held.see("pool", Some("a".to_owned()), &Attributes::new());
        held.see("pool", None, &Attributes::new());
        held.see("pool", None, &Attributes::new());
        assert_eq!(held.all("pool").len(), 2);
        held.forget("pool", Some("a"));
        assert!(!held.holds("pool", "a") && held.all("pool").len() == 1);
    }
}
