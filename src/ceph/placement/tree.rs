//! The cluster's CRUSH map as something to place copies in, with OSDs and rules that are only planned.

use std::collections::{BTreeMap, BTreeSet};

use crush::{Map, Step, Tree as _, Tunables, weight_of};
use pve_client::api::ceph::crush::{self as live, CrushMap};
use pve_client::api::ceph::osd::OsdTree;
use terraform_plugin::Error;

/// Where hosts begin of which nothing else is said.
pub const DEFAULT_ROOT: &str = "default";

const TIB: f64 = (1_u64 << 40) as f64;

/// The most steps that a rule may have, and choices in one of them. A map that somebody else has written could go on for ever.
const MOST: usize = 64;

/// And tries for a copy: Ceph makes rules with a hundred.
const TRIES: u32 = 1000;

/// No bucket has this number: nothing can be placed there.
const NOWHERE: i32 = i32::MIN;

/// What copies are placed in.
pub struct Tree {
    /// The tree itself.
    pub map: Map,
    /// How it is searched.
    pub tunables: Tunables,
    /// What in the map is not looked at, though Ceph does.
    pub unheeded: Vec<String>,
    levels: BTreeMap<String, u32>,
    buckets: BTreeMap<String, i32>,
    rules: BTreeMap<String, live::Rule>,
    /// Bytes by OSD.
    sizes: BTreeMap<u32, u64>,
    /// By OSD.
    hosts: BTreeMap<u32, i32>,
}

/// An OSD that does not exist yet.
pub struct Coming<'a> {
    /// Its host.
    pub host: &'a str,
    /// The bucket that the host is put below, if it is not there.
    pub below: &'a str,
    /// Its class.
    pub class: Option<&'a str>,
    /// Bytes.
    pub size: u64,
}

/// The levels of a new map, which are the same in every Ceph.
const LEVELS: [&str; 12] =
    ["osd", "host", "chassis", "rack", "row", "pdu", "pod", "room", "datacenter", "zone", "region", "root"];

impl Default for Tree {
    /// What Ceph begins with: a root, and nothing below it.
    fn default() -> Self {
        let mut map = Map::default();
        map.insert(-1, 11, Vec::new());
        Self {
            map,
            tunables: Tunables::default(),
            unheeded: Vec::new(),
            levels: LEVELS.iter().zip(0..).map(|(name, level)| ((*name).to_owned(), level)).collect(),
            buckets: BTreeMap::from([(DEFAULT_ROOT.to_owned(), -1)]),
            rules: BTreeMap::new(),
            sizes: BTreeMap::new(),
            hosts: BTreeMap::new(),
        }
    }
}

impl Tree {
    /// What exists.
    pub fn of(live: &CrushMap, osds: &OsdTree) -> Self {
        let number = |id: i64| i32::try_from(id).ok();
        let levels: BTreeMap<String, u32> =
            live.types.iter().filter_map(|(level, name)| Some((name.clone(), u32::try_from(*level).ok()?))).collect();
        let buckets: BTreeMap<String, i32> =
            live.buckets.iter().filter_map(|bucket| Some((bucket.name.clone(), number(bucket.id)?))).collect();
        let mut items: BTreeMap<&str, i32> = buckets.iter().map(|(name, id)| (name.as_str(), *id)).collect();
        items.extend(live.devices.iter().filter_map(|osd| Some((osd.name.as_str(), number(osd.id)?))));
        let mut map = Map::default();
        let (mut weights, mut hung) = (BTreeMap::new(), BTreeSet::new());
        for bucket in &live.buckets {
            let (Some(id), Some(level)) = (number(bucket.id), levels.get(&bucket.kind)) else { continue };
            let known = |item: &live::Item| Some((*items.get(item.name.as_str())?, weight_of(item.weight)));
            // A bucket that hangs below several would be gone through once for each way that leads there: the first counts.
            let held: Vec<(i32, u32)> =
                bucket.items.iter().filter_map(known).filter(|(item, _)| *item >= 0 || hung.insert(*item)).collect();
            weights.extend(held.iter().filter_map(|(osd, weight)| Some((u32::try_from(*osd).ok()?, *weight))));
            map.insert(id, *level, held);
            for (class, shadow) in &bucket.shadow_ids {
                if let Some(shadow) = number(*shadow) {
                    map.set_shadow(id, class, shadow);
                }
            }
        }
        for osd in &live.devices {
            if let (Ok(id), Some(class)) = (u32::try_from(osd.id), &osd.class) {
                map.set_class(id, class);
            }
        }
        // The text of the map has rounded them.
        for osd in &osds.osds {
            if let Some(weight) = weights.get_mut(&osd.id) {
                *weight = (osd.crush_weight * f64::from(crush::ONE)).round() as u32;
                map.set_weight(osd.id, *weight);
            }
        }
        // A weight is a size in TiB, unless somebody has changed it. Of an OSD that is out Ceph forgets the size.
        let by_weight = |weight: u32| (f64::from(weight) / f64::from(crush::ONE) * TIB) as u64;
        let mut sizes: BTreeMap<u32, u64> = weights.into_iter().map(|(osd, weight)| (osd, by_weight(weight))).collect();
        for osd in osds.osds.iter().filter(|osd| osd.in_ && osd.total_space > 0) {
            sizes.entry(osd.id).and_modify(|size| *size = osd.total_space);
        }
        let rules = live.rules.iter().map(|rule| (rule.name.clone(), rule.clone())).collect();
        let (tunables, unheeded) = (tunables(live), unheeded(live));
        let mut tree = Self { map, tunables, unheeded, levels, buckets, rules, sizes, hosts: BTreeMap::new() };
        tree.settle();
        tree
    }

    /// Adds OSDs that are planned.
    pub fn grow<'a>(&mut self, coming: impl Iterator<Item = Coming<'a>>) -> Result<(), Error> {
        let free = self.sizes.keys().next_back().map_or(0, |last| last + 1);
        for (next, osd) in (free..).zip(coming) {
            let host = self.host(&osd)?;
            self.map.hang(host, next as i32, weight_of(osd.size as f64 / TIB).max(1));
            if let Some(class) = osd.class {
                self.map.set_class(next, class);
            }
            self.sizes.insert(next, osd.size);
        }
        self.settle();
        Ok(())
    }

    fn host(&mut self, osd: &Coming<'_>) -> Result<i32, Error> {
        if let Some(id) = self.buckets.get(osd.host) {
            return Ok(*id);
        }
        let Some(below) = self.buckets.get(osd.below).copied() else {
            return Err(self.no_bucket(osd.below).at("osds"));
        };
        let id = self.map.free_id();
        self.map.insert(id, self.level("host").unwrap_or(1), Vec::new());
        self.map.hang(below, id, 0);
        self.buckets.insert(osd.host.to_owned(), id);
        Ok(id)
    }

    fn settle(&mut self) {
        self.map.settle();
        self.map.shade();
        let host = |osd: &u32| {
            let parent = self.map.parent(i32::try_from(*osd).ok()?)?;
            (self.map.bucket(parent)?.0 == self.level("host")?).then_some((*osd, parent))
        };
        self.hosts = self.sizes.keys().filter_map(host).collect();
    }

    /// Bytes on an OSD.
    pub fn size(&self, osd: u32) -> u64 {
        self.sizes.get(&osd).copied().unwrap_or(0)
    }

    /// The number of a level; `None`: there is none of that name.
    pub fn level(&self, name: &str) -> Option<u32> {
        self.levels.get(name).copied()
    }

    /// The host of an OSD.
    pub fn host_of(&self, osd: u32) -> Option<i32> {
        self.hosts.get(&osd).copied()
    }

    /// A rule that exists.
    pub fn rule(&self, name: &str) -> Option<&live::Rule> {
        self.rules.get(name)
    }

    /// The names of the rules.
    pub fn rules(&self) -> BTreeSet<&str> {
        self.rules.keys().map(String::as_str).collect()
    }

    /// What a rule says, step by step.
    pub fn steps(&self, rule: &live::Rule) -> Result<Vec<Step>, Error> {
        if rule.steps.len() > MOST {
            return Err(unforeseen(&rule.name, &format!("What its {} steps do", rule.steps.len())));
        }
        rule.steps.iter().map(|step| self.step(step, &rule.name)).collect()
    }

    fn step(&self, step: &live::Step, rule: &str) -> Result<Step, Error> {
        match step {
            live::Step::Take { root, class } => {
                let Some(id) = self.buckets.get(root) else { return Err(self.no_bucket(root)) };
                Ok(Step::Take(match class {
                    None => *id,
                    // A class that no OSD has is no place.
                    Some(class) => self.map.shadow(*id, class).unwrap_or(NOWHERE),
                }))
            }
            live::Step::Choose { leaf, independent, count, kind } => {
                let Some(level) = self.level(kind) else {
                    let levels: Vec<&str> = self.levels.keys().map(String::as_str).collect();
                    let detail = format!("It chooses by \"{kind}\"; there are: {}.", levels.join(", "));
                    return Err(Error::new(
                        format!("CRUSH rule \"{rule}\" knows a level that the map does not"),
                        detail,
                    ));
                };
                let few = i32::try_from(*count).ok().filter(|count| count.unsigned_abs() as usize <= MOST);
                let Some(count) = few else {
                    return Err(unforeseen(rule, &format!("What a choice of {count} does")));
                };
                Ok(Step::Choose { kind: level, count, leaf: *leaf, independent: *independent })
            }
            live::Step::Emit => Ok(Step::Emit),
            live::Step::Other(text) => {
                setting(text).ok_or_else(|| unforeseen(rule, &format!("What its step `{text}` does")))
            }
        }
    }

    fn no_bucket(&self, name: &str) -> Error {
        let known: Vec<&str> = self.buckets.keys().map(String::as_str).collect();
        Error::new(format!("There is no CRUSH bucket \"{name}\""), format!("There are: {}.", known.join(", ")))
    }
}

/// `what` is the beginning of a sentence.
fn unforeseen(rule: &str, what: &str) -> Error {
    let detail = format!(
        "{what} to placements is not computed here, so nothing is told of it. Ceph's own `crushtool --test` tells it."
    );
    Error::new(format!("CRUSH rule \"{rule}\" says more than can be foreseen"), detail)
}

/// `set_choose_tries 100` and its like.
fn setting(text: &str) -> Option<Step> {
    let (what, value) = text.split_once(' ')?;
    let value = value.trim().parse::<u32>().ok().filter(|value| *value <= TRIES)?;
    match what {
        "set_choose_tries" => Some(Step::Tries(value)),
        "set_chooseleaf_tries" => Some(Step::LeafTries(value)),
        "set_chooseleaf_vary_r" => Some(Step::VaryR(value)),
        "set_chooseleaf_stable" => Some(Step::Stable(value > 0)),
        _ => None,
    }
}

/// What is not said in the map's text is what it was before there were tunables.
fn tunables(live: &CrushMap) -> Tunables {
    let said = |name: &str, before: u32| {
        live.tunables.get(name).map_or(before, |value| u32::try_from(*value).unwrap_or(before))
    };
    Tunables {
        total_tries: said("choose_total_tries", 19).min(TRIES),
        descend_once: said("chooseleaf_descend_once", 0) > 0,
        vary_r: said("chooseleaf_vary_r", 0),
        stable: said("chooseleaf_stable", 0) > 0,
    }
}

fn unheeded(live: &CrushMap) -> Vec<String> {
    let mut all = Vec::new();
    let old: BTreeSet<&str> =
        live.buckets.iter().map(|b| b.algorithm.as_str()).filter(|algorithm| *algorithm != "straw2").collect();
    if !old.is_empty() {
        all.push(format!(
            "buckets that choose by {} are taken as if they did by straw2",
            Vec::from_iter(old).join(", ")
        ));
    }
    if ["choose_local_tries", "choose_local_fallback_tries"].iter().any(|name| live.tunables.get(*name) != Some(&0)) {
        all.push("tunables older than the profile `bobtail` (`choose_local_tries`)".to_owned());
    }
    if live.unread.iter().any(|line| line.starts_with("choose_args")) {
        all.push("the balancer's weight sets".to_owned());
    }
    all
}

#[cfg(test)]
mod tests {
    use crush::{ONE, Sample, place};
    use serde_json::Value as Json;

    use super::*;

    /// What real Ceph's tool was asked, and said; first of all the map.
    fn recorded() -> (CrushMap, Vec<(Vec<String>, String)>) {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/crates/pve-sim/truth/ceph/09-crushtool.json");
        let all: Vec<Json> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let words =
            |call: &Json| call["argv"].as_array().unwrap().iter().map(|w| w.as_str().unwrap().to_owned()).collect();
        let said = |call: &Json| call["stdout"].as_str().unwrap().to_owned();
        let map = all.iter().map(said).find(|text| text.starts_with("# begin crush map")).unwrap();
        (CrushMap::parse(&map), all.iter().map(|call| (words(call), said(call))).collect())
    }

    #[test]
    fn a_map_that_is_read_places_as_the_map_itself() {
        let (map, calls) = recorded();
        let tree = Tree::of(&map, &OsdTree::default());
        assert_eq!(tree.unheeded, [""; 0]);
        let (mut placements, mut counts) = (0, 0);
        for (argv, said) in &calls {
            let option = |name: &str| {
                let at = argv.iter().position(|word| word == name)?;
                argv.get(at + 1)?.parse::<i64>().ok()
            };
            let (Some(id), Some(size)) = (option("--rule"), option("--num-rep")) else { continue };
            let Some(rule) = map.rules.iter().find(|rule| rule.id == id) else { continue };
            if argv.iter().any(|word| word == "--weight") {
                continue;
            }
            let (steps, size) = (tree.steps(rule).unwrap(), size as usize);
            let lines = said.lines().filter(|line| line.starts_with("CRUSH rule")).enumerate();
            // A draw that is decided by weights which the text has rounded: given the text, crushtool says as we do.
            for (x, line) in lines.filter(|(x, _)| (id, *x) != (4, 12)) {
                let osds = place(&tree.map, tree.tunables, &steps, x as u32, size, |_| ONE);
                let osds: Vec<String> = osds.iter().flatten().map(u32::to_string).collect();
                assert!(line.ends_with(&format!("[{}]", osds.join(","))), "{line}: {osds:?}");
                placements += 1;
            }
            if said.contains("num_rep") && said.contains("result size ==") {
                let sample = Sample::of(&tree.map, tree.tunables, &steps, size, 1024);
                let whole = format!("result size == {size}:\t{}/1024", 1024 - sample.undersized());
                assert!(said.contains(&whole) || sample.undersized() == 1024, "{said}: {whole}");
                counts += 1;
            }
        }
        assert!(placements > 200 && counts > 10, "{placements} {counts}");
    }

    #[test]
    fn what_is_planned_hangs_where_its_host_does_or_is_to() {
        let (map, _) = recorded();
        let mut tree = Tree::of(&map, &OsdTree::default());
        let coming = |host, below, class| Coming { host, below, class, size: 4 << 40 };
        let all =
            [coming("pve1", "default", Some("ssd")), coming("pve4", "default", None), coming("pve4", "nowhere", None)];
        tree.grow(all.into_iter()).unwrap();
        assert_eq!((tree.size(6), tree.size(0)), (4 << 40, 262 << 24));
        assert_eq!(tree.host_of(6), tree.host_of(0));
        assert_eq!(tree.host_of(7), tree.host_of(8));
        assert_ne!(tree.host_of(7), tree.host_of(0));
        let error = tree.grow([coming("pve5", "nowhere", None)].into_iter()).unwrap_err();
        assert_eq!(error.diagnostics().iter().next().unwrap().summary, "There is no CRUSH bucket \"nowhere\"");
    }

    #[test]
    fn what_a_map_leaves_unsaid_is_old() {
        let text = "tunable choose_total_tries 50\ntype 0 osd\ntype 1 host\nhost a {\n\tid -1\n\talg straw\n}\n";
        let tree = Tree::of(&CrushMap::parse(text), &OsdTree::default());
        assert_eq!(tree.tunables, Tunables { total_tries: 50, descend_once: false, vary_r: 0, stable: false });
        assert_eq!(tree.unheeded.len(), 2, "{:?}", tree.unheeded);
    }
}
