use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{CrushMap, ONE, Weights};

/// Hosts with so many OSDs each, all of the same size.
fn map(hosts: &[usize]) -> CrushMap {
    let mut map = CrushMap::default();
    let mut id = 0;
    for (host, osds) in hosts.iter().enumerate() {
        for _ in 0..*osds {
            map.set_class(id, "ssd");
            map.add_osd(id, ONE, &format!("h{host}"));
            id += 1;
        }
    }
    map.create_rule("osds", "default", "osd", None).unwrap();
    map.create_rule("ssds", "default", "host", Some("ssd")).unwrap();
    map
}

proptest! {
    /// Against a count by hand: copies lie in distinct failure domains that have an OSD left, never more of them than
    /// there are, and all of them wherever there is a choice.
    #[test]
    fn copies_lie_in_distinct_domains_and_all_of_them_if_there_is_room(
        hosts in prop::collection::vec(1usize..4, 1..6),
        out in prop::collection::btree_set(0u32..15, 0..6),
        copies in 1usize..6,
        rule in 0u32..3,
        x in any::<u32>(),
    ) {
        let map = map(&hosts);
        let total: usize = hosts.iter().sum();
        let weights: Weights = (0..total as u32).map(|id| (id, if out.contains(&id) { 0 } else { ONE })).collect();
        let placed = map.place(rule, x, copies, &weights);
        let domain = |id: u32| if rule == 1 { id.to_string() } else { map.host_of(id).unwrap() };
        let used: BTreeSet<String> = placed.iter().map(|id| domain(*id)).collect();
        let possible: BTreeSet<String> = weights.iter().filter(|(_, w)| **w > 0).map(|(id, _)| domain(*id)).collect();
        prop_assert_eq!(used.len(), placed.len());
        prop_assert!(placed.iter().all(|id| weights[id] > 0));
        prop_assert!(placed.len() <= copies.min(possible.len()));
        // CRUSH gives up after 51 tries, so that the very last domain may be missed, and a host most of whose OSDs are
        // out is missed more often; where nothing is out and there is a choice it never was seen to.
        if out.is_empty() && copies < possible.len() {
            prop_assert_eq!(placed.len(), copies);
        }
        if !possible.is_empty() {
            prop_assert!(!placed.is_empty());
        }
    }
}

#[test]
fn ids_are_handed_out_as_ceph_does_it() {
    let mut map = map(&[1, 1]);
    assert_eq!(map.bucket_named("default~ssd").unwrap().id, -2);
    assert_eq!((map.bucket_named("h0").unwrap().id, map.bucket_named("h1~ssd").unwrap().id), (-3, -6));
    let id = map.rule_named("osds").unwrap().id;
    map.remove_rule(id);
    map.create_rule("again", "default", "host", None).unwrap();
    assert_eq!(map.rule_named("again").unwrap().id, id);
    assert!(map.remove_class("ssd").is_err());
}

#[test]
fn a_rule_chooses_among_what_is_below_its_root_and_never_the_root_itself() {
    let mut map = map(&[2, 2, 2]);
    map.create_rule("roots", "default", "root", None).unwrap();
    let rule = map.rule_named("roots").unwrap().id;
    let weights: Weights = (0..6).map(|id| (id, ONE)).collect();
    assert!((0..100).all(|x| map.place(rule, x, 3, &weights).is_empty()));
}

/// `crushtool -c`, then `--test --show-mappings` of a real Ceph 16.2 on this map: three hosts with two OSDs each, rules for
/// chunks by host (3 of them, once with OSD 4 gone) and by OSD (5 of them).
const CHUNKS: [&str; 36] = [
    "[3, 1, 4]",
    "[5, 1, 3]",
    "[4, 1, 2]",
    "[0, 2, 4]",
    "[2, 4, 1]",
    "[0, 5, 2]",
    "[5, 1, 3]",
    "[2, 4, 0]",
    "[5, 3, 0]",
    "[2, 4, 1]",
    "[4, 2, 0]",
    "[5, 3, 1]",
    "[3, 1, 5]",
    "[5, 1, 3]",
    "[5, 1, 2]",
    "[0, 2, 5]",
    "[2, 5, 1]",
    "[0, 5, 2]",
    "[5, 1, 3]",
    "[2, 1, 5]",
    "[5, 3, 0]",
    "[2, 5, 1]",
    "[5, 2, 0]",
    "[5, 3, 1]",
    "[0, 5, 3, 4, 1]",
    "[3, 5, 2, 0, 1]",
    "[1, 3, 2, 0, 4]",
    "[4, 0, 2, 1, 5]",
    "[5, 2, 1, 4, 3]",
    "[0, 4, 2, 5, 1]",
    "[2, 0, 3, 4, 1]",
    "[2, 1, 0, 4, 5]",
    "[2, 5, 3, 1, 4]",
    "[1, 0, 3, 5, 2]",
    "[2, 5, 1, 3, 4]",
    "[5, 2, 4, 3, 0]",
];

#[test]
fn chunks_are_placed_as_crushtool_says() {
    let mut map = map(&[2, 2, 2]);
    map.create_rule_for("by_host", "default", "host", None, Some(3)).unwrap();
    map.create_rule_for("by_osd", "default", "osd", Some("ssd"), Some(5)).unwrap();
    let all: Weights = (0..6).map(|id| (id, ONE)).collect();
    let without: Weights = all.iter().map(|(id, weight)| (*id, if *id == 4 { 0 } else { *weight })).collect();
    let mut told = Vec::new();
    for (rule, copies, weights) in [(3, 3, &all), (3, 3, &without), (4, 5, &all)] {
        for x in 0..12 {
            told.push(format!("{:?}", map.place(rule, x, copies, weights)));
        }
    }
    assert_eq!(told, CHUNKS);
}
