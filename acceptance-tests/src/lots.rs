//! Samples by lot: others every day, and each can be drawn again.

use std::time::{SystemTime, UNIX_EPOCH};

/// What to draw by: the variable's number, or that of the day; told, so that a failure can be repeated.
pub fn seed(variable: &str) -> u64 {
    let today = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    let seed = number(variable).unwrap_or_else(today);
    eprintln!("{variable}={seed} repeats this");
    seed
}

/// The number that an environment variable holds, if any.
pub fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// Takes one out by lot.
pub fn draw<T>(random: &mut fastrand::Rng, from: &mut Vec<T>) -> Option<T> {
    if from.is_empty() {
        return None;
    }
    let chosen = random.usize(..from.len());
    Some(from.swap_remove(chosen))
}

/// Whether a filter of test names speaks of a module: by its name, a part of that, or a name within it. A part of a name
/// within it does not.
pub fn may_name(filter: &str, module: &str) -> bool {
    let head = filter.split("::").next().unwrap_or(filter);
    module.contains(filter) || module.ends_with(head) && filter.contains("::")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_speaks_of_a_module() {
        for filter in ["interrupted", "rupt", "interrupted::", "interrupted::pool: killed", "rupted::pool"] {
            assert!(may_name(filter, "interrupted"), "{filter}");
        }
        for filter in ["ceph_pool", "resource::pve_pool", "killed", "framework::interrupted", "interrupted_not::a"] {
            assert!(!may_name(filter, "interrupted"), "{filter}");
        }
    }

    #[test]
    fn a_sample_can_be_drawn_again_and_nothing_comes_twice() {
        let all = || {
            let (mut random, mut from) = (fastrand::Rng::with_seed(7), (0..20).collect::<Vec<u32>>());
            std::iter::from_fn(|| draw(&mut random, &mut from)).collect::<Vec<_>>()
        };
        let mut drawn = all();
        assert_eq!(drawn, all());
        assert_ne!(drawn, (0..20).collect::<Vec<_>>());
        drawn.sort_unstable();
        assert_eq!(drawn, (0..20).collect::<Vec<_>>());
    }
}
