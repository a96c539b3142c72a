//! How a rule chooses: down from a bucket, at each level by straw2, and again with another number where that led to nothing.
//!
//! After the paper (Weil, Brandt, Miller, Maltzahn: CRUSH, 2006) and what Ceph's documentation says of straw2, `firstn` and
//! `indep`, and the tunables; where these leave something open, `crushtool` decides.

use crate::hash::{hash2, hash3};
use crate::log::log;
use crate::tree::{LEVELS, Tree};

/// Weight 1.0.
pub const ONE: u32 = 0x10000;

/// What a map says of how it is searched. The default is the profile `jewel`, which `optimal` has meant ever since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tunables {
    /// `choose_total_tries`: how often it is tried again for each copy.
    pub total_tries: u32,
    /// `chooseleaf_descend_once`: one try for the OSD below what was chosen, before another is chosen.
    pub descend_once: bool,
    /// `chooseleaf_vary_r`: the search for that OSD begins where the outer one is.
    pub vary_r: u32,
    /// `chooseleaf_stable`: and does not depend on how many copies were placed before.
    pub stable: bool,
}

impl Default for Tunables {
    fn default() -> Self {
        Self { total_tries: 50, descend_once: true, vary_r: 1, stable: true }
    }
}

/// A step of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Begins at a bucket; at its shadow for a device class.
    Take(i32),
    /// Chooses below each of what was chosen last.
    Choose {
        /// The level to choose from.
        kind: u32,
        /// How many. 0: as many as there are copies; below 0: so many fewer.
        count: i32,
        /// `chooseleaf`: goes on to an OSD below each.
        leaf: bool,
        /// `indep`: a copy that finds no place leaves a hole, so that the others stay where they are (`firstn`: they move up).
        independent: bool,
    },
    /// `set_choose_tries`.
    Tries(u32),
    /// `set_chooseleaf_tries`.
    LeafTries(u32),
    /// `set_chooseleaf_vary_r`.
    VaryR(u32),
    /// `set_chooseleaf_stable`.
    Stable(bool),
    /// Hands out what was chosen.
    Emit,
}

/// The OSDs that a rule chooses for the value `x`, `size` of them at most. `None` is a hole that `indep` left.
///
/// `weight` tells how much of its share an OSD takes (`reweight`; [`ONE`]: all of it, 0: it is out).
pub fn place<T: Tree>(
    tree: &T,
    tunables: Tunables,
    steps: &[Step],
    x: u32,
    size: usize,
    weight: impl Fn(u32) -> u32,
) -> Vec<Option<u32>> {
    let mut search =
        Search { tree, x, weight: &weight, tries: tunables.total_tries.saturating_add(1), leaf_tries: 0, tunables };
    let (mut chosen, mut out): (Vec<Option<i32>>, Vec<Option<i32>>) = (Vec::new(), Vec::new());
    for step in steps {
        match *step {
            Step::Take(item) => chosen = vec![Some(item)],
            Step::Tries(tries) if tries > 0 => search.tries = tries,
            Step::LeafTries(tries) if tries > 0 => search.leaf_tries = tries,
            Step::Tries(_) | Step::LeafTries(_) => {}
            Step::VaryR(vary_r) => search.tunables.vary_r = vary_r,
            Step::Stable(stable) => search.tunables.stable = stable,
            Step::Choose { kind, count, leaf, independent } => {
                let from = std::mem::take(&mut chosen);
                let Some(count) = wanted(count, size) else { continue };
                let mut next = Vec::new();
                for from in from.into_iter().flatten().filter(|from| tree.bucket(*from).is_some()) {
                    let room = size - next.len().min(size);
                    let wish = Wish { from, kind, count, room, leaf };
                    match independent {
                        true => next.extend(search.independent(&wish)),
                        false => next.extend(search.first(&wish).into_iter().map(Some)),
                    }
                }
                chosen = next;
            }
            Step::Emit => out.append(&mut chosen),
        }
    }
    out.truncate(size);
    out.into_iter().map(|item| item.and_then(|item| u32::try_from(item).ok())).collect()
}

/// How many a step chooses, for so many copies; `None`: nothing.
pub(crate) fn wanted(count: i32, size: usize) -> Option<usize> {
    let all = i64::try_from(size).unwrap_or(i64::MAX);
    let count = if count > 0 { i64::from(count) } else { all.saturating_add(i64::from(count)) };
    usize::try_from(count).ok().filter(|count| *count > 0)
}

struct Search<'a, T, W> {
    tree: &'a T,
    x: u32,
    weight: &'a W,
    tries: u32,
    /// 0: as the tunables say.
    leaf_tries: u32,
    tunables: Tunables,
}

/// What is to be chosen below a bucket.
struct Wish {
    from: i32,
    kind: u32,
    count: usize,
    room: usize,
    leaf: bool,
}

/// Where going down has led.
enum Found {
    Item(i32),
    /// To an empty bucket: worth another try.
    Empty,
    /// To an OSD where another level was wanted, or to what does not exist: this copy has no place.
    Nothing,
}

impl<T: Tree, W: Fn(u32) -> u32> Search<'_, T, W> {
    fn first(&self, wish: &Wish) -> Vec<i32> {
        let leaf_tries = match (self.leaf_tries, self.tunables.descend_once) {
            (0, true) => 1,
            (0, false) => self.tries,
            (tries, _) => tries,
        };
        let (mut chosen, mut leaves): (Vec<i32>, Vec<i32>) = (Vec::new(), Vec::new());
        for copy in 0..wish.count as u32 {
            if chosen.len() >= wish.room {
                break;
            }
            for failed in 0..self.tries {
                let r = copy.wrapping_add(failed);
                let item = match self.descend(wish.from, wish.kind, r) {
                    Found::Item(item) => item,
                    Found::Empty => continue,
                    Found::Nothing => break,
                };
                if chosen.contains(&item) {
                    continue;
                }
                let leaf = match wish.leaf {
                    true => self.leaf_of_first(item, r, leaf_tries, &leaves),
                    false => Some(item),
                };
                let Some(leaf) = leaf else { continue };
                if wish.kind == 0 && self.is_out(item) {
                    continue;
                }
                chosen.push(item);
                leaves.push(leaf);
                break;
            }
        }
        leaves
    }

    /// An OSD below what was chosen, none of those that others have.
    fn leaf_of_first(&self, item: i32, r: u32, tries: u32, taken: &[i32]) -> Option<i32> {
        if item >= 0 {
            return Some(item);
        }
        let begin = match self.tunables.vary_r {
            0 => 0,
            vary_r => r.checked_shr(vary_r - 1).unwrap_or(0),
        };
        let begin = if self.tunables.stable { begin } else { begin.wrapping_add(taken.len() as u32) };
        for failed in 0..tries {
            match self.descend(item, 0, begin.wrapping_add(failed)) {
                Found::Item(osd) if !taken.contains(&osd) && !self.is_out(osd) => return Some(osd),
                Found::Item(_) | Found::Empty => {}
                Found::Nothing => return None,
            }
        }
        None
    }

    fn independent(&self, wish: &Wish) -> Vec<Option<i32>> {
        /// What became of a place.
        #[derive(Clone, Copy, PartialEq)]
        enum Place {
            /// With an OSD that was chosen directly and is out: Ceph hands it out after all if nothing else is found.
            Open(Option<i32>),
            Hole,
            Taken(i32, i32),
        }
        let mut places = vec![Place::Open(None); wish.count.min(wish.room)];
        for failed in 0..self.tries {
            if !places.iter().any(|place| matches!(place, Place::Open(_))) {
                break;
            }
            for at in 0..places.len() {
                if !matches!(places[at], Place::Open(_)) {
                    continue;
                }
                let r = (at as u32).wrapping_add((wish.count as u32).wrapping_mul(failed));
                let item = match self.descend(wish.from, wish.kind, r) {
                    Found::Item(item) => item,
                    Found::Empty => continue,
                    Found::Nothing => {
                        places[at] = Place::Hole;
                        continue;
                    }
                };
                if places.iter().any(|place| matches!(place, Place::Taken(other, _) if *other == item)) {
                    continue;
                }
                let leaf = match wish.leaf {
                    true => self.leaf_of_independent(item, at as u32, r, wish.count as u32),
                    false => Some(item),
                };
                places[at] = match leaf {
                    None => continue,
                    Some(_) if wish.kind == 0 && self.is_out(item) => Place::Open(leaf.filter(|_| wish.leaf)),
                    Some(leaf) => Place::Taken(item, leaf),
                };
            }
        }
        let leaf = |place| match place {
            Place::Taken(_, leaf) => Some(leaf),
            Place::Open(leaf) => leaf,
            Place::Hole => None,
        };
        places.into_iter().map(leaf).collect()
    }

    fn leaf_of_independent(&self, item: i32, at: u32, r: u32, count: u32) -> Option<i32> {
        if item >= 0 {
            return Some(item);
        }
        for failed in 0..self.leaf_tries.max(1) {
            let r = r.wrapping_add(at).wrapping_add(count.wrapping_mul(failed));
            match self.descend(item, 0, r) {
                Found::Item(osd) if !self.is_out(osd) => return Some(osd),
                Found::Item(_) | Found::Empty => {}
                Found::Nothing => return None,
            }
        }
        None
    }

    /// Down to something of a level.
    fn descend(&self, from: i32, kind: u32, r: u32) -> Found {
        let mut at = from;
        for _ in 0..LEVELS {
            let Some((_, items)) = self.tree.bucket(at) else { return Found::Nothing };
            let Some(item) = self.straw2(items, r) else { return Found::Empty };
            let found = if item < 0 { self.tree.bucket(item).map(|(kind, _)| kind) } else { Some(0) };
            match found {
                Some(found) if found == kind => return Found::Item(item),
                Some(_) if item < 0 => at = item,
                _ => return Found::Nothing,
            }
        }
        Found::Nothing
    }

    /// The longest straw. Each is as long as an exponential variable with the item's weight as its rate is short, so that
    /// another weight moves data to or from that item alone.
    fn straw2(&self, items: &[(i32, u32)], r: u32) -> Option<i32> {
        let mut longest: Option<(i64, i32)> = None;
        for &(item, weight) in items {
            let length = match weight {
                0 => i64::MIN,
                weight => {
                    let u = (hash3(self.x, item as u32, r) & 0xffff) as u16;
                    (log(u) - (1 << 48)) / i64::from(weight)
                }
            };
            if longest.is_none_or(|(high, _)| length > high) {
                longest = Some((length, item));
            }
        }
        longest.map(|(_, item)| item)
    }

    fn is_out(&self, osd: i32) -> bool {
        match (self.weight)(osd as u32) {
            ONE.. => false,
            0 => true,
            weight => hash2(self.x, osd as u32) & 0xffff >= weight,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::Map;

    #[test]
    fn a_choice_of_none_hands_out_nothing() {
        let mut map = Map::default();
        map.insert(-1, 11, vec![(0, ONE), (1, ONE)]);
        let choose = |count| Step::Choose { kind: 0, count, leaf: false, independent: false };
        let placed = |count, size| {
            place(&map, Tunables::default(), &[Step::Take(-1), choose(count), Step::Emit], 7, size, |_| ONE)
        };
        assert_eq!(placed(-1, 1), []);
        assert_eq!(placed(-1, 2).len(), 1);
        assert_eq!(placed(0, 0), []);
    }
}
