//! What this process has planned so far.
//!
//! Terraform shows a provider one object at a time; siblings planned in the same process are known from
//! here only. Another provider alias is another process and the order is arbitrary, so **absence from the
//! ledger is never evidence**: it may turn an error into silence, never silence into an error.
//! Begun anew at each configuration of the provider.
//!
//! The ledger knows no area: each brings along what it wants to be told, as a type that is [`Planned`].

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// Something worth telling to siblings.
pub trait Planned: Clone + Send + 'static {
    /// What tells it from others of its kind. Planning the same thing twice keeps one entry.
    type Key: Ord + Clone + Send + 'static;
}

/// What was planned, by kind.
#[derive(Default)]
pub struct Ledger(Mutex<HashMap<TypeId, Box<dyn Any + Send>>>);

impl Ledger {
    /// Notes something in place of what was noted under the same key.
    pub fn note<P: Planned>(&self, key: P::Key, planned: P) {
        self.with(|all: &mut BTreeMap<P::Key, P>| all.insert(key, planned));
    }

    /// Takes an entry out: it has happened, or will not.
    pub fn forget<P: Planned>(&self, key: &P::Key) {
        self.with(|all: &mut BTreeMap<P::Key, P>| all.remove(key));
    }

    /// Everything of a kind, in the order of its keys.
    pub fn all<P: Planned>(&self) -> Vec<P> {
        self.with(|all: &mut BTreeMap<P::Key, P>| all.values().cloned().collect())
    }

    /// Whether there is an entry.
    pub fn knows<P: Planned>(&self, key: &P::Key) -> bool {
        self.with(|all: &mut BTreeMap<P::Key, P>| all.contains_key(key))
    }

    /// Looks at a kind and changes it, with nobody in between.
    pub fn with<P: Planned, T>(&self, look: impl FnOnce(&mut BTreeMap<P::Key, P>) -> T) -> T {
        // Entries are whole after each call, so a panic elsewhere leaves nothing half-written behind.
        let mut kinds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = kinds.entry(TypeId::of::<P>()).or_insert_with(|| Box::new(BTreeMap::<P::Key, P>::new()));
        match kind.downcast_mut() {
            Some(all) => look(all),
            // What lies under a type's id was put there two lines above.
            None => look(&mut BTreeMap::new()),
        }
    }
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Debug, PartialEq)]
    struct Disk(&'static str);

    impl Planned for Disk {
        type Key = u32;
    }

    #[derive(Clone, Debug, PartialEq)]
    struct Number;

    impl Planned for Number {
        type Key = u32;
    }

    #[test]
    fn kinds_are_apart_and_the_last_note_counts() {
        let ledger = Ledger::default();
        ledger.note(1, Disk("a"));
        ledger.note(1, Disk("b"));
        ledger.note(0, Disk("c"));
        assert_eq!(ledger.all::<Disk>(), [Disk("c"), Disk("b")]);
        assert!(ledger.knows::<Disk>(&1) && !ledger.knows::<Number>(&1));
        ledger.forget::<Disk>(&1);
        assert_eq!(ledger.all::<Disk>(), [Disk("c")]);
    }

    #[test]
    fn looking_and_noting_is_one_step() {
        let ledger = Ledger::default();
        let first = |all: &mut BTreeMap<u32, Number>| all.insert(7, Number).is_none();
        assert_eq!([ledger.with(first), ledger.with(first)], [true, false]);
    }
}
