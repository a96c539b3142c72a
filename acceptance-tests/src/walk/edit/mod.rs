//! Edits: each leaves a configuration that can be applied to what was applied before, and says what it did.

mod ceph;
mod guests;
mod machine;

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

use super::picture::{Kept, Picture};

/// Makes edits by lot.
pub struct Editor {
    rng: Rng,
    /// What is applied.
    before: Picture,
    now: Picture,
    /// What was touched already: a second change of the same object could contradict the first.
    touched: BTreeSet<String>,
}

/// An edit; none if there is nothing that it could be made to.
type Edit = fn(&mut Editor) -> Option<String>;

/// How often each is drawn.
const EDITS: &[(u32, Edit)] = &[
    (3, Editor::add_osd),
    (2, Editor::remove_osd),
    (2, Editor::change_osd),
    (2, Editor::add_rule),
    (1, Editor::remove_rule),
    (1, Editor::redefine_rule),
    (4, Editor::add_pool),
    (2, Editor::remove_pool),
    (1, Editor::rename_pool),
    (5, Editor::change_pool),
    (4, Editor::add_storage),
    (2, Editor::remove_storage),
    (4, Editor::change_storage),
    (5, Editor::add_vm),
    (2, Editor::remove_vm),
    (1, Editor::renumber_vm),
    (6, Editor::change_vm),
    (3, Editor::start_or_stop_vm),
    (4, Editor::add_disk),
    (3, Editor::grow_disk),
    (4, Editor::bring_disk),
    (1, Editor::detach_disk),
    (2, Editor::change_disk),
    (3, Editor::change_network),
    (4, Editor::add_move),
    (2, Editor::remove_move),
    (3, Editor::change_move),
    (5, Editor::add_ha),
    (2, Editor::remove_ha),
    (5, Editor::change_ha),
    (2, Editor::add_group),
    (1, Editor::remove_group),
    (2, Editor::change_group),
];

/// So often lots are drawn for an edit before a step is content with fewer.
const TRIES: usize = 60;

/// The picture after up to `count` edits, and what they were.
pub fn edit(rng: &mut Rng, before: &Picture, count: usize) -> (Picture, Vec<String>) {
    let mut editor = Editor { rng: rng.fork(), before: before.clone(), now: before.clone(), touched: BTreeSet::new() };
    let mut told = Vec::new();
    for _ in 0..TRIES {
        if told.len() == count {
            break;
        }
        told.extend(editor.any());
    }
    (editor.now, told)
}

impl Editor {
    fn any(&mut self) -> Option<String> {
        let all: u32 = EDITS.iter().map(|(weight, _)| weight).sum();
        let mut lot = self.rng.u32(0..all);
        let (_, edit) = EDITS.iter().find(|(weight, _)| {
            let hit = lot < *weight;
            lot = lot.saturating_sub(*weight);
            hit
        })?;
        edit(self)
    }

    fn heads(&mut self) -> bool {
        self.rng.bool()
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> Option<T> {
        self.rng.choice(from).cloned()
    }

    /// One of an array that is not empty.
    fn one<T: Copy, const N: usize>(&mut self, from: [T; N]) -> T {
        from[self.rng.usize(0..N)]
    }

    /// A key for which `fits`, of what has not been touched yet; it is touched now.
    fn key<T>(
        &mut self,
        of: fn(&Picture) -> &BTreeMap<String, T>,
        fits: impl Fn(&Self, &str, &T) -> bool,
    ) -> Option<String> {
        let all = of(&self.now).iter().filter(|(key, value)| !self.touched.contains(*key) && fits(self, key, value));
        let all: Vec<String> = all.map(|(key, _)| key.clone()).collect();
        let key = self.pick(&all)?;
        self.touched.insert(key.clone());
        Some(key)
    }

    fn touch(&mut self, key: &str) {
        self.touched.insert(key.to_owned());
    }

    fn is_touched(&self, key: &str) -> bool {
        self.touched.contains(key)
    }

    /// Another value, or silence: the attribute is left alone as it is.
    fn vary<T: Clone>(&mut self, kept: &Kept<T>, values: &[T]) -> Kept<T> {
        if kept.said && self.rng.u8(0..4) == 0 {
            return Kept::usual(kept.value.clone());
        }
        self.pick(values).map_or_else(|| kept.clone(), Kept::said)
    }

    /// A value that is written down, or what PVE chooses.
    fn maybe<T: Clone>(&mut self, usual: T, values: &[T]) -> Kept<T> {
        match self.heads() {
            true => self.pick(values).map_or(Kept::usual(usual), Kept::said),
            false => Kept::usual(usual),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::picture::Terms;

    #[test]
    fn the_same_seed_makes_the_same_edits_and_every_kind_is_made() {
        let walk = |seed| {
            let (mut rng, mut picture, mut told) = (Rng::with_seed(seed), Picture::new(Terms::ALONE), Vec::new());
            for _ in 0..400 {
                let (next, edits) = edit(&mut rng, &picture, 3);
                assert!(next.is_placeable(), "{edits:?}");
                told.extend(edits);
                picture = next;
            }
            (told, picture.hcl(None))
        };
        let (told, hcl) = walk(7);
        assert_eq!((&told, &hcl), (&walk(7).0, &walk(7).1));
        assert_ne!(told, walk(8).0);
        let kinds: BTreeSet<&str> = told.iter().filter_map(|edit| edit.split(':').next()).collect();
        assert_eq!(kinds.len(), EDITS.len(), "{kinds:?}");
    }
}
