//! How much of a pool comes to lie on each OSD, as an expectation: with few placement groups chance is larger than what
//! different sizes make.
//!
//! straw2 chooses each item as often as its weight is a part of the whole, and again and again until enough different ones were
//! found. That is the order in which independent clocks strike for the first time, whose rates are the weights: an item is
//! among the first `k` if fewer than `k` others strike before it.

use std::collections::BTreeMap;

use crate::choose::{Step, wanted};
use crate::tree::{LEVELS, Tree};

/// The part of the placement groups that lies on each OSD, if everything is in and every choice finds as many as there are: all
/// of them together are the number of copies. `None` for rules of which a choice can end at the wrong level: these have to be
/// tried out.
pub fn shares<T: Tree>(tree: &T, steps: &[Step], size: usize) -> Option<BTreeMap<u32, f64>> {
    let mut expected = Expected { tree, size, shares: BTreeMap::new() };
    let (mut from, mut choices) = (None, Vec::new());
    let mut room = size;
    for step in steps {
        match *step {
            Step::Take(item) => {
                from = Some(item);
                choices.clear();
            }
            Step::Choose { kind, count, leaf, .. } => choices.push(Choice { kind, count, leaf }),
            Step::Emit => {
                let Some(from) = from.take() else { continue };
                expected.choose(from, &choices, 1.0, room)?;
                room = room.saturating_sub(expected.yields(&choices));
            }
            Step::Tries(_) | Step::LeafTries(_) | Step::VaryR(_) | Step::Stable(_) => {}
        }
    }
    Some(expected.shares)
}

struct Choice {
    kind: u32,
    count: i32,
    leaf: bool,
}

struct Expected<'a, T> {
    tree: &'a T,
    size: usize,
    shares: BTreeMap<u32, f64>,
}

impl<T: Tree> Expected<'_, T> {
    /// Adds what `choices` choose below `from`, of which there is room for so many; `likely` is how often one comes there.
    fn choose(&mut self, from: i32, choices: &[Choice], likely: f64, room: usize) -> Option<()> {
        let Some((choice, rest)) = choices.split_first() else {
            // Nothing more to choose: only an OSD can be handed out.
            *self.shares.entry(u32::try_from(from).ok()?).or_insert(0.0) += likely;
            return Some(());
        };
        let Some(count) = wanted(choice.count, self.size) else { return Some(()) };
        let each = if choice.leaf { 1 } else { self.yields(rest) };
        if each == 0 || room == 0 {
            return Some(());
        }
        let domains = self.below(from, choice.kind)?;
        let rates: Vec<f64> = domains.iter().map(|(_, rate)| *rate).collect();
        // Those for all of whose copies there is room, and one that takes what is left.
        let whole = among_the_first(&rates, count.min(room / each));
        let more = among_the_first(&rates, count.min(room.div_ceil(each)));
        for (n, (item, _)) in domains.iter().enumerate() {
            for (part, room) in [(whole[n], each), (more[n] - whole[n], room % each)] {
                match choice.leaf {
                    true => self.leaf(*item, likely * part)?,
                    false => self.choose(*item, rest, likely * part, room)?,
                }
            }
        }
        Some(())
    }

    fn leaf(&mut self, item: i32, likely: f64) -> Option<()> {
        let osds = if item < 0 { self.below(item, 0)? } else { vec![(item, 1.0)] };
        for (osd, part) in osds {
            *self.shares.entry(u32::try_from(osd).ok()?).or_insert(0.0) += likely * part;
        }
        Some(())
    }

    /// How many copies a number of choices, one below the other, are for.
    fn yields(&self, choices: &[Choice]) -> usize {
        let counts = choices.iter().map(|choice| wanted(choice.count, self.size).unwrap_or(0));
        counts.fold(1, usize::saturating_mul)
    }

    /// Everything of a level below a bucket, with how likely one comes there.
    fn below(&self, from: i32, kind: u32) -> Option<Vec<(i32, f64)>> {
        let mut found = Vec::new();
        self.descend(from, kind, 1.0, 0, &mut found)?;
        Some(found)
    }

    fn descend(&self, from: i32, kind: u32, likely: f64, depth: usize, found: &mut Vec<(i32, f64)>) -> Option<()> {
        let (_, items) = self.tree.bucket(from).filter(|_| depth < LEVELS)?;
        let total: f64 = items.iter().map(|(_, weight)| f64::from(*weight)).sum();
        for &(item, weight) in items.iter().filter(|(_, weight)| *weight > 0) {
            let likely = likely * f64::from(weight) / total;
            let there = if item < 0 { self.tree.bucket(item)?.0 } else { 0 };
            match there == kind {
                true => found.push((item, likely)),
                false => self.descend(item, kind, likely, depth + 1, found)?,
            }
        }
        Some(())
    }
}

/// How likely each is among the first `k` that strike, by their rates.
fn among_the_first(rates: &[f64], k: usize) -> Vec<f64> {
    const STEP: f64 = 0.1;
    if k == 0 || k >= rates.len() {
        return vec![if k == 0 { 0.0 } else { 1.0 }; rates.len()];
    }
    let slowest = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let mut likely = vec![0.0; rates.len()];
    // Over the logarithm of the time, where nothing is steep: from before anything strikes until the slowest has.
    let (begin, end) = (-20.0, (40.0 / slowest).ln());
    for n in 0..((end - begin) / STEP) as usize {
        let time = (begin + STEP * n as f64).exp();
        let struck: Vec<f64> = rates.iter().map(|rate| -(-rate * time).exp_m1()).collect();
        // How many of those before each have struck, and of those from it on.
        let before = counts(struck.iter(), k);
        let mut after = counts(struck.iter().rev(), k);
        after.reverse();
        for (i, likely) in likely.iter_mut().enumerate() {
            let mut fewer = 0.0;
            for (n, others) in before[i].iter().enumerate() {
                fewer += others * after[i + 1][..k - n].iter().sum::<f64>();
            }
            *likely += STEP * time * rates[i] * (-rates[i] * time).exp() * fewer;
        }
    }
    likely
}

/// The chances that 0, 1, ... k - 1 of the first 0, 1, 2, ... have struck.
fn counts<'a>(struck: impl Iterator<Item = &'a f64>, k: usize) -> Vec<Vec<f64>> {
    let mut now = vec![0.0; k];
    now[0] = 1.0;
    let mut all = vec![now.clone()];
    for p in struck {
        for n in (0..k).rev() {
            let from_below = if n > 0 { now[n - 1] * p } else { 0.0 };
            now[n] = now[n] * (1.0 - p) + from_below;
        }
        all.push(now.clone());
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(found: &[f64], exact: &[f64]) {
        assert!(found.iter().zip(exact).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?} {exact:?}");
    }

    #[test]
    fn the_chances_are_those_of_drawing_without_putting_back() {
        near(&among_the_first(&[0.5, 0.3, 0.2], 1), &[0.5, 0.3, 0.2]);
        // Second: another first, then this one of what is left.
        let (a, b, c) = (0.5, 0.3, 0.2);
        let two = |x: f64, y: f64, z: f64| x + y * x / (1.0 - y) + z * x / (1.0 - z);
        near(&among_the_first(&[a, b, c], 2), &[two(a, b, c), two(b, a, c), two(c, a, b)]);
        near(&among_the_first(&[a, b, c], 3), &[1.0, 1.0, 1.0]);
        near(&among_the_first(&[0.25; 4], 3), &[0.75; 4]);
    }

    #[test]
    fn what_is_much_slower_is_counted_to_the_end() {
        let found = among_the_first(&[0.9, 0.099_999, 0.000_001], 2);
        assert!((found.iter().sum::<f64>() - 2.0).abs() < 1e-6, "{found:?}");
    }
}
