//! Held to Ceph's own `crushtool`, on maps made at random.

mod maps;
mod tool;

use std::collections::BTreeMap;
use std::time::SystemTime;

use crush::{ENOUGH, ONE, Sample, most_on_hosts, place, room};
use fastrand::Rng;

use maps::Made;
use tool::Tool;

/// Values for which every placement is compared.
const VALUES: u32 = 1024;
/// Values from which the room is told: so many that chance is within the five per cent.
const MANY: u32 = 1 << 17;
/// Maps in each run of the tests, and of how many of them the room is compared, which takes the longest.
const MAPS: u64 = 6;
const ROOMS: u64 = 2;

#[derive(Default)]
struct Compared {
    placements: usize,
    tried: usize,
    undersized: usize,
    rooms: usize,
    farthest: f64,
}

#[test]
fn everything_is_where_crushtool_puts_it() {
    if !tool::is_there() {
        let why = "crushtool (Debian: ceph-base) is not installed";
        assert!(std::env::var("ACCEPTANCE_MUST_NOT_SKIP").is_err(), "SKIPPED: {why}");
        eprintln!("SKIPPED: {why}");
        return;
    }
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let of_the_day = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
    let seed = number("CRUSH_SEED").unwrap_or_else(of_the_day);
    let maps = number("CRUSH_MAPS").unwrap_or(MAPS);
    let mut compared = Compared::default();
    for n in 0..maps {
        let seed = seed.wrapping_add(n);
        let mut rng = Rng::with_seed(seed);
        let made = maps::made(&mut rng);
        placements(&made, seed, &mut compared);
        if n < ROOMS || maps > MAPS {
            figures(&made, rng.usize(..made.rules.len()), seed, &mut compared);
        }
    }
    let Compared { placements, tried, undersized, rooms, farthest } = compared;
    eprintln!(
        "{maps} maps from CRUSH_SEED={seed}: {placements} placements equal; {undersized} of {tried} undersized, as crushtool has \
         them; {rooms} rooms, the farthest {:.1} % off",
        farthest * 100.0
    );
    assert!(placements > 0 && rooms > 0);
}

fn placements(made: &Made, seed: u64, compared: &mut Compared) {
    let tool = Tool::of(&made.text);
    let shares: Vec<f64> = made.osds.iter().map(|(_, share)| *share).collect();
    for (n, rule) in made.rules.iter().enumerate() {
        let theirs = tool.mappings(n, rule.size, VALUES, &shares);
        assert_eq!(theirs.len(), VALUES as usize, "CRUSH_SEED={seed} CRUSH_MAPS=1: rule {n}\n{}", made.text);
        let weight = |osd: u32| (shares[osd as usize] * f64::from(ONE)) as u32;
        for (x, theirs) in theirs.iter().enumerate() {
            let ours = place(&made.map, made.tunables, &rule.steps, x as u32, rule.size, weight);
            assert_eq!(&ours, theirs, "CRUSH_SEED={seed} CRUSH_MAPS=1: rule {n} x {x}\n{}", made.text);
        }
        compared.placements += theirs.len();
        // An OSD that is out may be handed out twice, where Ceph finds no other.
        if shares.iter().all(|share| *share == 1.0) {
            no_worse_than_told(made, n, &theirs, seed);
        }
    }
}

/// That none of crushtool's placements has more copies on any number of hosts than can be by the rule alone.
fn no_worse_than_told(made: &Made, n: usize, theirs: &[Vec<Option<u32>>], seed: u64) {
    let rule = &made.rules[n];
    let told = most_on_hosts(&made.map, &rule.steps, rule.size, 1);
    for (x, osds) in theirs.iter().enumerate() {
        let mut on_hosts: BTreeMap<i32, usize> = BTreeMap::new();
        for osd in osds.iter().flatten() {
            *on_hosts.entry(made.map.parent(*osd as i32).unwrap()).or_default() += 1;
        }
        let mut fullest: Vec<usize> = on_hosts.into_values().collect();
        fullest.sort_unstable_by(|a, b| b.cmp(a));
        for hosts in 0..=fullest.len() {
            let copies: usize = fullest[..hosts].iter().sum();
            assert!(
                copies <= told[hosts],
                "CRUSH_SEED={seed} CRUSH_MAPS=1: rule {n} x {x}: {osds:?}, {told:?}\n{}",
                made.text
            );
        }
    }
}

/// What comes of the placements of one of its rules.
fn figures(made: &Made, chosen: usize, seed: u64, compared: &mut Compared) {
    let (tool, rule) = (Tool::of(&made.text), &made.rules[chosen]);
    let sample = Sample::of(&made.map, made.tunables, &rule.steps, rule.size, ENOUGH);
    let bad = tool.bad(chosen, rule.size, ENOUGH);
    assert_eq!(sample.undersized(), bad, "CRUSH_SEED={seed} CRUSH_MAPS=1: rule {chosen}\n{}", made.text);
    compared.tried += ENOUGH as usize;
    compared.undersized += bad;

    let ours = room(&made.map, &rule.steps, rule.size, &sample, |osd| made.osds[osd as usize].0);
    let full = |(osd, stored): (u32, u64)| made.osds[osd as usize].0 * f64::from(MANY) / stored as f64;
    let stored = tool.stored(chosen, rule.size, MANY).into_iter().filter(|(_, stored)| *stored > 0);
    let theirs = stored.map(full).min_by(f64::total_cmp).unwrap_or(0.0);
    let off = if theirs > 0.0 { (ours / theirs - 1.0).abs() } else { ours };
    assert!(
        off < 0.05,
        "CRUSH_SEED={seed} CRUSH_MAPS=1: {ours}, and {theirs} by crushtool\n{:?}\n{}",
        rule.steps,
        made.text
    );
    compared.rooms += 1;
    compared.farthest = compared.farthest.max(off);
}
