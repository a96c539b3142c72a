//! Maps at random: as text for `crushtool`, and as what this crate goes down in.

use std::fmt::Write as _;

use crush::{Map, Step, Tunables, weight_of};
use fastrand::Rng;

const LEVELS: [(u32, &str); 5] = [(0, "osd"), (1, "host"), (3, "rack"), (8, "datacenter"), (11, "root")];
const CLASSES: [&str; 3] = ["hdd", "nvme", "ssd"];

/// A rule, and for how many copies it is tried.
pub struct Rule {
    pub steps: Vec<Step>,
    pub size: usize,
    text: Vec<String>,
}

/// A map, twice.
pub struct Made {
    pub text: String,
    pub map: Map,
    pub tunables: Tunables,
    pub rules: Vec<Rule>,
    /// By OSD: the weight in the map, and the share that it takes.
    pub osds: Vec<(f64, f64)>,
}

struct Bucket {
    id: i32,
    level: usize,
    name: String,
    items: Vec<(String, i32, String)>,
}

/// Makes one.
pub fn made(rng: &mut Rng) -> Made {
    let hosts = rng.usize(1..=9);
    let classes = &CLASSES[..rng.usize(0..=3)];
    // Buckets and shadows have any numbers.
    let mut ids: Vec<i32> = (1..200).map(|n: i32| -n).collect();
    rng.shuffle(&mut ids);
    let mut next_id = || ids.pop().unwrap();
    let sizes: &[f64] = rng.choice([&[1.0][..], &[0.5, 1.0, 2.0], &[0.909_72, 1.819_4, 3.638_8, 7.277_6]]).unwrap();
    let mut osds = Vec::new();
    let mut class_of = Vec::new();
    let mut level: Vec<Bucket> = Vec::new();
    for n in 0..hosts {
        let mut items = Vec::new();
        for _ in 0..rng.usize(1..=4) {
            let size = sizes[rng.usize(..sizes.len())] * if rng.u8(..) < 16 { 1.0 + rng.f64() } else { 1.0 };
            let text = format!("{size:.5}");
            let osd = osds.len();
            items.push((format!("osd.{osd}"), osd as i32, text.clone()));
            osds.push((text.parse().unwrap(), 1.0));
            class_of.push((!classes.is_empty() && rng.u8(..) > 10).then(|| classes[rng.usize(..classes.len())]));
        }
        level.push(Bucket { id: next_id(), level: 1, name: format!("host{n}"), items });
    }
    let mut buckets: Vec<Bucket> = Vec::new();
    for (above, (_, kind)) in LEVELS.iter().enumerate().skip(2) {
        if above < 4 && rng.bool() {
            continue;
        }
        let many = if above == 4 { 1 } else { rng.usize(1..=level.len()) };
        let mut parents: Vec<Bucket> = (0..many)
            .map(|n| Bucket { id: next_id(), level: above, name: format!("{kind}{n}"), items: vec![] })
            .collect();
        for (n, child) in level.drain(..).enumerate() {
            let at = if n < many { n } else { rng.usize(..many) };
            let weight: f64 = child.items.iter().map(|(_, _, weight)| weight.parse::<f64>().unwrap()).sum();
            parents[at].items.push((child.name.clone(), child.id, format!("{weight:.5}")));
            buckets.push(child);
        }
        level = parents;
    }
    buckets.append(&mut level);
    let mut tunables = Tunables::default();
    match rng.u8(..8) {
        0 => tunables.stable = false,
        1 => tunables = Tunables { stable: false, vary_r: 0, ..tunables },
        2 => tunables = Tunables { stable: false, vary_r: 0, descend_once: false, ..tunables },
        3 => tunables.vary_r = rng.u32(2..5),
        4 => tunables.total_tries = rng.u32(5..100),
        _ => {}
    }
    let mut map = Map::default();
    let mut text = format!(
        "tunable choose_local_tries 0\ntunable choose_local_fallback_tries 0\ntunable choose_total_tries {}\n\
         tunable chooseleaf_descend_once {}\ntunable chooseleaf_vary_r {}\ntunable chooseleaf_stable {}\n\
         tunable straw_calc_version 1\ntunable allowed_bucket_algs 54\n",
        tunables.total_tries,
        u8::from(tunables.descend_once),
        tunables.vary_r,
        u8::from(tunables.stable)
    );
    for (osd, class) in class_of.iter().enumerate() {
        let named = class.map(|class| format!(" class {class}")).unwrap_or_default();
        writeln!(text, "device {osd} osd.{osd}{named}").unwrap();
        if let Some(class) = class {
            map.set_class(osd as u32, class);
        }
    }
    for (number, name) in LEVELS {
        writeln!(text, "type {number} {name}").unwrap();
    }
    let used: Vec<&str> = classes.iter().copied().filter(|class| class_of.contains(&Some(class))).collect();
    for bucket in &buckets {
        writeln!(text, "{} {} {{\n\tid {}", LEVELS[bucket.level].1, bucket.name, bucket.id).unwrap();
        for class in &used {
            let id = next_id();
            writeln!(text, "\tid {id} class {class}").unwrap();
            map.set_shadow(bucket.id, class, id);
        }
        text.push_str("\talg straw2\n\thash 0\n");
        for (name, _, weight) in &bucket.items {
            writeln!(text, "\titem {name} weight {weight}").unwrap();
        }
        text.push_str("}\n");
        let items = bucket.items.iter().map(|(_, id, weight)| (*id, weight_of(weight.parse().unwrap())));
        map.insert(bucket.id, LEVELS[bucket.level].0, items.collect());
    }
    map.shade();
    let rules: Vec<Rule> = (0..4).map(|_| rule(rng, &buckets, &used, &map)).collect();
    for (n, rule) in rules.iter().enumerate() {
        let kind = if rule.text.iter().any(|step| step.contains("indep")) { "erasure" } else { "replicated" };
        let steps: String = rule.text.iter().map(|step| format!("\tstep {step}\n")).collect();
        writeln!(text, "rule r{n} {{\n\tid {n}\n\ttype {kind}\n\tmin_size 1\n\tmax_size 20\n{steps}}}").unwrap();
    }
    if rng.u8(..4) == 0 {
        for (_, share) in &mut osds {
            *share = rng.choice([1.0, 1.0, 1.0, 0.75, 0.0]).unwrap();
        }
    }
    // With nothing at all in, crushtool says nothing.
    if osds.iter().all(|(_, share)| *share == 0.0) {
        osds[0].1 = 1.0;
    }
    Made { text, map, tunables, rules, osds }
}

fn rule(rng: &mut Rng, buckets: &[Bucket], classes: &[&str], map: &Map) -> Rule {
    let mut rule = Rule { steps: vec![], size: rng.usize(1..=7), text: vec![] };
    let independent = rng.u8(..3) == 0;
    if rng.u8(..6) == 0 || independent && rng.bool() {
        let tries = rng.u32(1..100);
        rule.steps.push(Step::Tries(tries));
        rule.text.push(format!("set_choose_tries {tries}"));
        let tries = rng.u32(1..8);
        rule.steps.push(Step::LeafTries(tries));
        rule.text.push(format!("set_chooseleaf_tries {tries}"));
    }
    let top = buckets.last().unwrap();
    let parts = if rng.u8(..10) == 0 { 2 } else { 1 };
    for part in 0..parts {
        // Mostly all of it, sometimes a rack or a host.
        let from = if rng.u8(..8) == 0 { &buckets[rng.usize(..buckets.len())] } else { top };
        let class = (!classes.is_empty() && rng.bool()).then(|| classes[rng.usize(..classes.len())]);
        let shadow = class.and_then(|class| map.shadow(from.id, class));
        rule.steps.push(Step::Take(shadow.unwrap_or(from.id)));
        let class = class.map(|class| format!(" class {class}")).unwrap_or_default();
        rule.text.push(format!("take {}{class}", from.name));
        let below: Vec<usize> =
            (0..from.level).filter(|level| buckets.iter().any(|b| b.level == *level) || *level == 0).collect();
        let mut choose = |level: usize, count: i32, leaf: bool| {
            rule.steps.push(Step::Choose { kind: LEVELS[level].0, count, leaf, independent });
            let (verb, mode) =
                (if leaf { "chooseleaf" } else { "choose" }, if independent { "indep" } else { "firstn" });
            rule.text.push(format!("{verb} {mode} {count} type {}", LEVELS[level].1));
        };
        let first = below[rng.usize(..below.len())];
        let all = match (parts, part) {
            (1, _) => 0,
            (_, 0) => 1,
            _ => -1,
        };
        if first > 0 && rng.u8(..4) == 0 {
            // So many racks, and in each so many hosts or OSDs.
            choose(first, rng.i32(1..4), false);
            let second = below[rng.usize(..below.iter().position(|level| *level == first).unwrap())];
            choose(second, rng.i32(1..4), second > 0 || rng.bool());
        } else {
            choose(first, all, first > 0 || rng.bool());
        }
        rule.steps.push(Step::Emit);
        rule.text.push("emit".to_owned());
    }
    rule
}
