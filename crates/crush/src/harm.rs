//! The worst that can happen: how many copies of one object can lie on so many hosts, whatever its placement group is. By the
//! rule and the tree alone; nothing is tried out, so that no rare placement group is missed.

use crate::choose::{Step, wanted};
use crate::tree::{LEVELS, Tree};

/// The most copies that can lie on 0, 1, 2, ... buckets of a level together (level 0: on so many OSDs), up to `size` of them, if
/// every OSD is in.
///
/// A rule that begins more than once (one copy on flash, the others on disks) is taken as if the worst of each part came
/// together: no fewer are told than can be.
pub fn most_on_hosts<T: Tree>(tree: &T, steps: &[Step], size: usize, level: u32) -> Vec<usize> {
    let worst = Worst { tree, size, level };
    let mut total = vec![0; size + 1];
    let (mut from, mut choices) = (None, Vec::new());
    for step in steps {
        match *step {
            Step::Take(item) => {
                from = Some(item);
                choices.clear();
            }
            Step::Choose { kind, count, leaf, .. } => choices.push(Choice { kind, count, leaf }),
            Step::Emit => {
                if let Some(from) = from.take() {
                    let part = worst.all(from, &choices);
                    for (n, sum) in total.iter_mut().enumerate() {
                        *sum += part[n.min(part.len() - 1)];
                    }
                }
            }
            Step::Tries(_) | Step::LeafTries(_) | Step::VaryR(_) | Step::Stable(_) => {}
        }
    }
    let mut most = 0;
    total.into_iter().map(|n| (most = n.min(size).max(most), most).1).collect()
}

struct Choice {
    kind: u32,
    count: i32,
    leaf: bool,
}

struct Worst<'a, T> {
    tree: &'a T,
    size: usize,
    level: u32,
}

impl<T: Tree> Worst<'_, T> {
    /// What is chosen from where the rule begins, which may be, or lie in, one bucket of the level.
    fn all(&self, from: i32, choices: &[Choice]) -> Vec<usize> {
        match self.kind(from).is_some_and(|kind| kind <= self.level) {
            true => vec![0, self.below(from, choices, true, 0)[0]],
            false => self.below(from, choices, false, 0),
        }
    }

    /// The most copies lost of those that `choices` choose below `from`, by the number of buckets of the level that are lost
    /// there. With `lost` all of it is lost anyway. Never empty.
    fn below(&self, from: i32, choices: &[Choice], lost: bool, depth: usize) -> Vec<usize> {
        let Some((choice, rest)) = choices.split_first() else {
            return vec![usize::from(lost && from >= 0)];
        };
        let Some(count) = wanted(choice.count, self.size) else { return vec![0] };
        let mut best = vec![0];
        for row in self.chosen(from, choice, rest, count, lost, depth) {
            raise(&mut best, &row);
        }
        best
    }

    /// The same by how many are chosen (the first index), up to `count`.
    fn chosen(
        &self,
        from: i32,
        choice: &Choice,
        rest: &[Choice],
        count: usize,
        lost: bool,
        depth: usize,
    ) -> Vec<Vec<usize>> {
        let mut sum = vec![vec![0]];
        let Some((_, items)) = self.tree.bucket(from).filter(|_| depth < LEVELS) else { return sum };
        for &(item, _) in items.iter().filter(|(_, weight)| *weight > 0) {
            let Some(kind) = self.kind(item) else { continue };
            let inside = |lost: bool| match kind == choice.kind {
                true if choice.leaf && (lost || kind == self.level) => vec![vec![0], vec![usize::from(lost)]],
                // Somewhere below is one bucket of the level that has it.
                true if choice.leaf && item < 0 => vec![vec![0], vec![0, 1]],
                true if choice.leaf => vec![vec![0], vec![0]],
                true => vec![vec![0], self.below(item, rest, lost, depth + 1)],
                false => self.chosen(item, choice, rest, count, lost, depth + 1),
            };
            let part = match kind == self.level && !lost {
                true => inside(true).into_iter().map(|row| vec![0, row[0]]).collect(),
                false => inside(lost),
            };
            sum = self.together(&sum, &part, count);
        }
        sum
    }

    /// Each number of both, up to `count` chosen and as many lost as there are copies.
    fn together(&self, a: &[Vec<usize>], b: &[Vec<usize>], count: usize) -> Vec<Vec<usize>> {
        let mut sum: Vec<Vec<usize>> = vec![vec![0]; (a.len() + b.len() - 1).min(count + 1)];
        for (i, x) in a.iter().enumerate() {
            for (j, y) in b.iter().enumerate().take(sum.len().saturating_sub(i)) {
                let mut row = vec![0; (x.len() + y.len() - 1).min(self.size + 1)];
                for (m, left) in x.iter().enumerate() {
                    for (n, right) in y.iter().enumerate().take(row.len().saturating_sub(m)) {
                        row[m + n] = row[m + n].max(left + right);
                    }
                }
                raise(&mut sum[i + j], &row);
            }
        }
        sum
    }

    fn kind(&self, item: i32) -> Option<u32> {
        if item >= 0 { Some(0) } else { self.tree.bucket(item).map(|(kind, _)| kind) }
    }
}

/// Each number to at least another's; with more lost, no less.
fn raise(numbers: &mut Vec<usize>, by: &[usize]) {
    let last = numbers.last().copied().unwrap_or(0);
    numbers.resize(numbers.len().max(by.len()), last);
    for (n, number) in numbers.iter_mut().enumerate() {
        let other = by.get(n).or(by.last()).copied().unwrap_or(0);
        *number = other.max(*number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choose::ONE;
    use crate::tree::Map;

    /// Racks of hosts of so many OSDs.
    fn map(racks: &[&[i32]]) -> Map {
        let mut map = Map::default();
        map.insert(-1, 11, vec![]);
        let (mut osd, mut id) = (0, -1);
        for hosts in racks {
            id -= 1;
            let rack = id;
            map.insert(rack, 3, vec![]);
            map.hang(-1, rack, 0);
            for osds in *hosts {
                id -= 1;
                map.insert(id, 1, (osd..osd + osds).map(|osd| (osd, ONE)).collect());
                map.hang(rack, id, 0);
                osd += osds;
            }
        }
        map.settle();
        map
    }

    fn choose(kind: u32, count: i32, leaf: bool) -> Step {
        Step::Choose { kind, count, leaf, independent: false }
    }

    fn most(racks: &[&[i32]], choices: &[Step], size: usize, level: u32) -> Vec<usize> {
        let steps: Vec<Step> = [&[Step::Take(-1)], choices, &[Step::Emit]].concat();
        most_on_hosts(&map(racks), &steps, size, level)
    }

    #[test]
    fn over_osds_a_host_has_as_many_copies_as_it_has_osds() {
        let over_osds = [choose(0, 0, false)];
        assert_eq!(most(&[&[2, 2, 2]], &over_osds, 5, 1), [0, 2, 4, 5, 5, 5]);
        assert_eq!(most(&[&[1, 3], &[2]], &over_osds, 4, 1), [0, 3, 4, 4, 4]);
        assert_eq!(most(&[&[1, 3], &[2]], &over_osds, 4, 3), [0, 4, 4, 4, 4]);
        assert_eq!(most(&[&[1, 3], &[2]], &over_osds, 4, 0), [0, 1, 2, 3, 4]);
        assert_eq!(most(&[&[9]], &over_osds, 3, 1), [0, 3, 3, 3]);
    }

    #[test]
    fn a_domain_has_one_copy_and_a_domain_above_hosts_on_one_of_them() {
        assert_eq!(most(&[&[2, 2, 2]], &[choose(1, 0, true)], 3, 1), [0, 1, 2, 3]);
        assert_eq!(most(&[&[2, 2], &[2]], &[choose(3, 0, true)], 3, 1), [0, 1, 2, 2]);
        assert_eq!(most(&[&[2, 2], &[2]], &[choose(1, 0, true)], 3, 3), [0, 2, 3, 3]);
        assert_eq!(most(&[&[2, 2], &[2]], &[choose(3, 0, true)], 2, 0), [0, 1, 2]);
    }

    #[test]
    fn steps_one_below_the_other_are_counted_through() {
        // Two racks, in each two OSDs, which may be on one host.
        let racks_and_osds = [choose(3, 2, false), choose(0, 2, false)];
        assert_eq!(most(&[&[2, 1], &[2, 2]], &racks_and_osds, 4, 1), [0, 2, 4, 4, 4]);
        // And on two hosts each.
        let racks_and_hosts = [choose(3, 2, false), choose(1, 2, true)];
        assert_eq!(most(&[&[2, 1], &[2, 2]], &racks_and_hosts, 4, 1), [0, 1, 2, 3, 4]);
        assert_eq!(most(&[&[2, 1], &[2, 2]], &racks_and_hosts, 4, 3), [0, 2, 4, 4, 4]);
        // Hosts, and two OSDs of each.
        let hosts_and_osds = [choose(1, 2, false), choose(0, 2, false)];
        assert_eq!(most(&[&[4, 4, 4]], &hosts_and_osds, 4, 1), [0, 2, 4, 4, 4]);
    }

    #[test]
    fn parts_of_a_rule_may_meet_on_a_host() {
        let part = |count| [Step::Take(-1), choose(1, count, true), Step::Emit];
        let steps: Vec<Step> = [part(1), part(-1)].concat();
        assert_eq!(most_on_hosts(&map(&[&[2, 2, 2]]), &steps, 3, 1), [0, 2, 3, 3]);
    }

    #[test]
    fn a_rule_may_begin_at_a_host() {
        let map = map(&[&[3, 2]]);
        let steps = [Step::Take(-3), choose(0, 0, false), Step::Emit];
        assert_eq!(most_on_hosts(&map, &steps, 2, 1), [0, 2, 2]);
        assert_eq!(most_on_hosts(&map, &steps, 4, 3), [0, 3, 3, 3, 3]);
        assert_eq!(most_on_hosts(&map, &steps, 2, 0), [0, 1, 2]);
    }

    #[test]
    fn what_holds_nothing_has_no_copies() {
        let mut map = map(&[&[2, 2]]);
        map.set_weight(0, 0);
        map.set_weight(1, 0);
        map.settle();
        let steps = [Step::Take(-1), choose(0, 0, false), Step::Emit];
        assert_eq!(most_on_hosts(&map, &steps, 4, 1), [0, 2, 2, 2, 2]);
        assert_eq!(most_on_hosts(&Map::default(), &steps, 4, 1), [0; 5]);
    }
}
