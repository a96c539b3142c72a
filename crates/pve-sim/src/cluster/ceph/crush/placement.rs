//! Where CRUSH puts the copies: straw2 buckets and `firstn` rules with the jewel tunables that
//! every current cluster has, and `indep` rules for the chunks of erasure coded pools. Follows the
//! published algorithm, so that mappings agree with `crushtool --test` of a real Ceph.

use std::collections::BTreeMap;

use super::hash::{hash2, hash3};
use super::rules::ERASURE_TRIES;
use super::{Bucket, CrushMap, ONE, Step};

/// `choose_total_tries` (50) plus the first try.
const TRIES: u32 = 51;

/// What the rules of erasure coded pools set: tries for each place, and for the OSD below what was chosen.
const CHUNK_TRIES: u32 = ERASURE_TRIES[1].1;
const CHUNK_LEAF_TRIES: u32 = ERASURE_TRIES[0].1;

/// 16.16 in/out weights by OSD id; an OSD that is not listed is out.
pub type Weights = BTreeMap<u32, u32>;

struct Descent<'a> {
    map: &'a CrushMap,
    x: u32,
    weights: &'a Weights,
}

impl CrushMap {
    /// The OSDs a rule picks for the value `x`, at most `copies` of them and each from a failure
    /// domain of its own; fewer if the tree does not have enough. Of a rule for chunks those that have a place, in order.
    pub fn place(&self, rule: u32, x: u32, copies: usize, weights: &Weights) -> Vec<u32> {
        let Some(rule) = self.rules.get(&rule) else { return vec![] };
        let descent = Descent { map: self, x, weights };
        let mut working: Vec<i32> = vec![];
        let mut out = vec![];
        for step in &rule.steps {
            match step {
                Step::Take(item) => working = vec![*item],
                Step::Choose { type_id, leaf } => {
                    let from = std::mem::take(&mut working);
                    for item in from {
                        let Some(bucket) = self.bucket(item) else { continue };
                        if rule.chunks.is_some() {
                            working
                                .extend(descent.choose_chunks(bucket, copies, *type_id, *leaf).into_iter().flatten());
                            continue;
                        }
                        let (chosen, leaves) = descent.choose(bucket, copies, *type_id, *leaf);
                        working.extend(if *leaf { leaves } else { chosen });
                    }
                }
                Step::Emit => out.append(&mut working),
            }
        }
        out.into_iter().filter(|i| *i >= 0).map(|i| i as u32).take(copies).collect()
    }
}

impl Descent<'_> {
    /// Chooses up to `copies` items of a type; with `leaf` also an OSD below each.
    fn choose(&self, bucket: &Bucket, copies: usize, type_id: usize, leaf: bool) -> (Vec<i32>, Vec<i32>) {
        let (mut out, mut leaves) = (vec![], vec![]);
        for rep in 0..copies as u32 {
            for failed in 0..TRIES {
                let r = rep + failed;
                let item = match self.descend(bucket, type_id, r) {
                    Found::Item(item) => item,
                    Found::Empty => continue,
                    Found::Nothing => break,
                };
                if out.contains(&item) {
                    continue;
                }
                if leaf {
                    // `chooseleaf_vary_r` 1: the inner choice starts at the outer r; one try each
                    // (`chooseleaf_descend_once`).
                    match self.leaf_below(item, r, &leaves) {
                        Some(osd) => leaves.push(osd),
                        None => continue,
                    }
                }
                if type_id == 0 && self.is_out(item) {
                    if leaf {
                        leaves.pop();
                    }
                    continue;
                }
                out.push(item);
                break;
            }
        }
        (out, leaves)
    }

    /// Chooses an OSD for each place (with `leaf` one below an item of the type), none where there is none: the places of the
    /// others do not depend on it.
    fn choose_chunks(&self, bucket: &Bucket, places: usize, type_id: usize, leaf: bool) -> Vec<Option<i32>> {
        let (mut items, mut osds) = (vec![None; places], vec![None; places]);
        let mut given_up = vec![false; places];
        for failed in 0..CHUNK_TRIES {
            for place in 0..places {
                if items[place].is_some() || given_up[place] {
                    continue;
                }
                let r = (place + places * failed as usize) as u32;
                let item = match self.descend(bucket, type_id, r) {
                    Found::Item(item) => item,
                    Found::Empty => continue,
                    Found::Nothing => {
                        given_up[place] = true;
                        continue;
                    }
                };
                if items.contains(&Some(item)) {
                    continue;
                }
                let osd = if leaf { self.chunk_below(item, place as u32 + r, places as u32) } else { Some(item) };
                let Some(osd) = osd else { continue };
                if type_id == 0 && self.is_out(item) {
                    continue;
                }
                items[place] = Some(item);
                osds[place] = Some(osd);
            }
        }
        osds
    }

    fn chunk_below(&self, item: i32, first: u32, stride: u32) -> Option<i32> {
        if item >= 0 {
            return Some(item);
        }
        let bucket = self.map.bucket(item)?;
        (0..CHUNK_LEAF_TRIES).find_map(|failed| match self.descend(bucket, 0, first + stride * failed) {
            Found::Item(osd) if !self.is_out(osd) => Some(osd),
            _ => None,
        })
    }

    /// Walks down to an item of the wanted type.
    fn descend<'a>(&'a self, mut bucket: &'a Bucket, type_id: usize, r: u32) -> Found {
        loop {
            let Some(item) = self.straw2(bucket, r) else { return Found::Empty };
            let kind = if item < 0 { self.map.bucket(item).map(|b| b.type_id) } else { Some(0) };
            if kind == Some(type_id) {
                return Found::Item(item);
            }
            match self.map.bucket(item) {
                Some(next) if item < 0 => bucket = next,
                _ => return Found::Nothing,
            }
        }
    }

    fn leaf_below(&self, item: i32, r: u32, taken: &[i32]) -> Option<i32> {
        if item >= 0 {
            return Some(item);
        }
        match self.descend(self.map.bucket(item)?, 0, r) {
            Found::Item(osd) if !taken.contains(&osd) && !self.is_out(osd) => Some(osd),
            _ => None,
        }
    }

    fn straw2(&self, bucket: &Bucket, r: u32) -> Option<i32> {
        let mut best: Option<(i64, i32)> = None;
        for (item, weight) in &bucket.items {
            let draw = if *weight == 0 {
                i64::MIN
            } else {
                let u = hash3(self.x, *item as u32, r) & 0xffff;
                // Ceph has 2^44 * log2(u + 1) in a table; the logarithm is near enough to agree
                // wherever two draws are not equal to the last bit.
                let ln = (f64::from(u + 1).log2() * (1u64 << 44) as f64) as i64 - (1i64 << 48);
                ln / i64::from(*weight)
            };
            if best.is_none_or(|(high, _)| draw > high) {
                best = Some((draw, *item));
            }
        }
        best.map(|(_, item)| item)
    }

    fn is_out(&self, osd: i32) -> bool {
        match self.weights.get(&(osd as u32)).copied().unwrap_or(0) {
            w if w >= ONE => false,
            0 => true,
            w => (hash2(self.x, osd as u32) & 0xffff) >= w,
        }
    }
}

enum Found {
    Item(i32),
    /// An empty bucket on the way: worth another try.
    Empty,
    /// A leaf of another type: this replica cannot be had.
    Nothing,
}
