//! Placement groups tried out, as `crushtool --test` does it: the values from 0 on.

use std::collections::BTreeMap;

use crate::choose::{ONE, Step, Tunables, place};
use crate::tree::Tree;

/// Where a rule puts the copies of a number of placement groups, if every OSD is in.
#[derive(Clone, Debug)]
pub struct Sample {
    size: usize,
    placed: Vec<Vec<u32>>,
}

impl Sample {
    /// Tries `groups` placement groups with `size` copies each.
    pub fn of<T: Tree>(tree: &T, tunables: Tunables, steps: &[Step], size: usize, groups: u32) -> Self {
        let one = |x| place(tree, tunables, steps, x, size, |_| ONE).into_iter().flatten().collect();
        Self { size, placed: (0..groups).map(one).collect() }
    }

    /// How many have fewer copies than they should.
    pub fn undersized(&self) -> usize {
        self.placed.iter().filter(|osds| osds.len() < self.size).count()
    }

    /// The copies of the one that has the fewest.
    pub fn fewest(&self) -> usize {
        self.placed.iter().map(Vec::len).min().unwrap_or(0)
    }

    /// The share of the placement groups that lies on each OSD.
    pub fn shares(&self) -> BTreeMap<u32, f64> {
        let mut shares = BTreeMap::new();
        for osd in self.placed.iter().flatten() {
            *shares.entry(*osd).or_insert(0.0) += 1.0 / self.placed.len() as f64;
        }
        shares
    }

    /// Whether it could have come of these shares by chance.
    pub(crate) fn agrees(&self, expected: &BTreeMap<u32, f64>) -> bool {
        /// Standard deviations: with hundreds of OSDs, three are nothing unusual.
        const FAR: f64 = 5.0;
        let (tried, groups) = (self.shares(), self.placed.len() as f64);
        let near = |osd: &u32| {
            let (expected, tried) = (expected.get(osd).unwrap_or(&0.0), tried.get(osd).unwrap_or(&0.0));
            (expected - tried).abs() <= FAR * (expected.max(*tried) / groups).sqrt()
        };
        let copies = |shares: &BTreeMap<u32, f64>| shares.values().sum::<f64>();
        // Together they are known better.
        (copies(expected) - copies(&tried)).abs() <= 0.002 * copies(&tried)
            && expected.keys().chain(tried.keys()).all(near)
    }

    /// How many copies each has on each of the things (hosts) that `thing` tells of an OSD, the fullest first. Copies on an OSD
    /// of which it tells none are left out.
    pub fn together<K: Ord>(&self, thing: impl Fn(u32) -> Option<K>) -> Vec<Vec<usize>> {
        let one = |osds: &Vec<u32>| {
            let mut counts: BTreeMap<K, usize> = BTreeMap::new();
            for osd in osds {
                if let Some(thing) = thing(*osd) {
                    *counts.entry(thing).or_default() += 1;
                }
            }
            let mut counts: Vec<usize> = counts.into_values().collect();
            counts.sort_unstable_by(|a, b| b.cmp(a));
            counts
        };
        self.placed.iter().map(one).collect()
    }

    /// Each one's OSDs.
    pub fn placed(&self) -> &[Vec<u32>] {
        &self.placed
    }
}
