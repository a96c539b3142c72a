//! How much a pool can hold.

use crate::choose::Step;
use crate::sample::Sample;
use crate::share::shares;
use crate::tree::Tree;

/// How much can be written before the first OSD is full, every copy counted once, if nothing else lies there: in the unit in
/// which `full` tells how much an OSD takes. 0 where nothing can be placed.
///
/// Computed for so many placement groups that chance does not matter (a balancer gets near that). Where the sample says otherwise
/// than chance could, because CRUSH gives up before it has found the last place, say, the sample itself is taken.
pub fn room<T: Tree>(tree: &T, steps: &[Step], size: usize, sample: &Sample, full: impl Fn(u32) -> f64) -> f64 {
    let tried = sample.shares();
    let shares = shares(tree, steps, size).filter(|expected| sample.agrees(expected)).unwrap_or(tried);
    let least = shares.iter().filter(|(_, share)| **share > 0.0).map(|(osd, share)| full(*osd) / share);
    least.min_by(f64::total_cmp).unwrap_or(0.0)
}

/// The values that a sample has to have for [`room`] to be within a few per cent where it has to be taken itself.
pub const ENOUGH: u32 = 8192;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::choose::{ONE, Tunables};
    use crate::tree::Map;

    /// Hosts of one OSD each, with these weights.
    fn hosts(weights: &[u32]) -> Map {
        let mut map = Map::default();
        map.insert(-1, 11, vec![]);
        for (n, weight) in weights.iter().enumerate() {
            let id = -2 - n as i32;
            map.insert(id, 1, vec![(n as i32, *weight)]);
            map.hang(-1, id, *weight);
        }
        map.settle();
        map
    }

    fn of(weights: &[u32], size: usize) -> f64 {
        let map = hosts(weights);
        let choose = Step::Choose { kind: 1, count: 0, leaf: true, independent: false };
        let steps = [Step::Take(-1), choose, Step::Emit];
        let sample = Sample::of(&map, Tunables::default(), &steps, size, 4096);
        room(&map, &steps, size, &sample, |osd| f64::from(weights[osd as usize]) / f64::from(ONE))
    }

    #[test]
    fn the_smallest_host_decides_where_each_has_a_copy() {
        assert_eq!(of(&[ONE, 2 * ONE, 4 * ONE], 3), 1.0);
        assert!((of(&[ONE; 4], 3) - 4.0 / 3.0).abs() < 1e-6);
        // Of four unequal ones the large ones have nearly everything, and are full first: 4 + 4 are no 8 here.
        let uneven = of(&[ONE, ONE, 4 * ONE, 4 * ONE], 2);
        assert!(uneven > 4.0 && uneven < 5.0, "{uneven}");
        assert_eq!(of(&[], 3), 0.0);
    }

    #[test]
    fn what_crush_gives_up_on_is_not_counted_as_placed() {
        // 51 tries find a hundredth in two of five cases; so it is full only when 2.5 times as much is written.
        let uneven = of(&[ONE, 100 * ONE], 2);
        assert!(uneven > 2.0 && uneven < 3.0, "{uneven}");
    }
}
