//! `pve_ceph_placement`: what a pool's copies would be worth, before there is the pool.

use std::collections::BTreeMap;

use crush::{ENOUGH, Sample, Step, most_on_hosts, room, shares};
use pve_client::Error as PveError;
use pve_client::api::ceph::crush as live;
use terraform_plugin::{Cx, DataSource, Diagnostic, Error, Model, Need, Nested, Say, Size};

use super::Rule;
use super::tree::{Coming, DEFAULT_ROOT, Tree};
use crate::ceph::durability::DEFAULT_RULE;
use crate::ceph::topology;
use crate::ground::error::During;
use crate::ground::pve::Pve;

/// What a pool's copies would be worth with a rule, `size` and `min_size`: whether each finds a place, how many hosts and OSDs may
/// die, how often copies share a host, and how much there is room for. For what exists, and for what is only planned: a rule, further
/// OSDs, or all of it where there is no Ceph yet.
///
/// It computes what Ceph would do, by Ceph's own algorithm, and asks for nothing but the CRUSH map and the OSDs' sizes. Every OSD
/// counts, up or down, in or out, at its full share. How many may die is told for the worst case: that the hosts or OSDs with the
/// most copies die at the same moment, before Ceph has made any of them anew, in whatever placement group; where the sample has some
/// with fewer copies, of one with as few. What is *sampled* is told for `pg_num` placement groups; those of a real pool lie elsewhere,
/// but as often.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_placement", area = "Ceph", conflicts(crush_rule, rule))]
pub struct CephPlacement {
    /// The name of a CRUSH rule that exists, or that a `pve_ceph_crush_rule` of the same configuration is about to make or change.
    /// Without it and `rule`: `replicated_rule`, which pools have when nothing is said.
    #[attr(optional, length = 1..)]
    pub crush_rule: Option<String>,
    /// A rule that need not exist.
    #[attr(optional)]
    pub rule: Option<PlannedRule>,
    /// Copies of every object. With an erasure-coded pool: all of its chunks, k + m.
    #[attr(required, range = 1..=32)]
    pub size: u32,
    /// Copies (chunks) below which I/O stops.
    #[attr(required, range = 1..=32)]
    pub min_size: u32,
    /// With an erasure-coded pool, and only then: how many chunks suffice to read what was written.
    #[attr(optional, range = 1..=32)]
    pub k: Option<u32>,
    /// OSDs that count beside those that exist.
    #[attr(optional)]
    pub osds: Option<Vec<PlannedOsd>>,
    /// How many placement groups are tried. Unset: 1024.
    #[attr(optional, range = 1..=16384)]
    pub pg_num: Option<u32>,
    /// Whether all copies of every placement group that was tried find a place. Sampled.
    #[attr(computed)]
    pub placeable: Option<bool>,
    /// Of `pg_num` placement groups: how many have fewer than `size` copies. Sampled.
    #[attr(computed)]
    pub undersized_pgs: Option<u32>,
    /// How many hosts may die, whichever, and I/O goes on in every placement group. Null if it does not go on even with all of
    /// them. Worst case.
    #[attr(computed)]
    pub hosts_may_fail_with_io: Option<u32>,
    /// How many hosts may die for good, whichever, and nothing is lost. Null if there is nothing that could be. Worst case.
    #[attr(computed)]
    pub hosts_may_fail_without_loss: Option<u32>,
    /// How many OSDs may die, whichever, and I/O goes on in every placement group. Null if it does not go on even with all of
    /// them. Worst case.
    #[attr(computed)]
    pub osds_may_fail_with_io: Option<u32>,
    /// How many OSDs may die for good, whichever, and nothing is lost. Null if there is nothing that could be. Worst case.
    #[attr(computed)]
    pub osds_may_fail_without_loss: Option<u32>,
    /// The most copies of one object that can lie on one host. Worst case.
    #[attr(computed)]
    pub copies_on_one_host: Option<u32>,
    /// How often copies share a host: of `pg_num` placement groups, how many have 1, 2, ... copies on the host that has most
    /// of theirs, by that number. Sampled.
    #[attr(computed)]
    pub pgs_by_copies_on_one_host: Option<BTreeMap<String, u32>>,
    /// Of `pg_num` placement groups: how many stand still when a single host dies, the one whose death stops the most. Those that
    /// stand still with all hosts alive are among them. Sampled.
    #[attr(computed)]
    pub pgs_stopped_by_one_host: Option<u32>,
    /// Bytes that can be written to the pool, each counted once, until the first OSD is full, if the OSDs were empty, and placement
    /// groups as many as it takes to spread evenly (Ceph's balancer gets near that). Ceph warns at 85 % of it and takes no more at
    /// 95 %.
    #[attr(computed)]
    pub usable_bytes: Option<u64>,
    /// Bytes on all OSDs that the rule can choose.
    #[attr(computed)]
    pub raw_bytes: Option<u64>,
}

/// A rule that need not exist.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct PlannedRule {
    /// What no two copies may share, as a level of the CRUSH hierarchy: `osd`, `host`, `rack`, ...
    #[attr(required, length = 1..)]
    pub failure_domain: String,
    /// The bucket below which OSDs are chosen. Unset: `default`, which holds every OSD.
    #[attr(optional, length = 1..)]
    pub root: Option<String>,
    /// Chooses among OSDs of this class only.
    #[attr(optional, length = 1..)]
    pub device_class: Option<String>,
    /// `replicated`, or `erasure` for the chunks of an erasure-coded pool. Unset: `replicated`.
    #[attr(optional, one_of = ["replicated", "erasure"])]
    pub r#type: Option<String>,
    /// How many failure domains it chooses: 0, as many as there are copies; below 0, so many fewer. Unset: 0.
    #[attr(optional, range = -32..=32)]
    pub num: Option<i32>,
}

/// An OSD that need not exist.
#[derive(Nested, Clone, Debug, PartialEq)]
pub struct PlannedOsd {
    /// Its host: the name of a node.
    #[attr(required, length = 1..)]
    pub host: String,
    /// Its size.
    #[attr(required, check = more_than_nothing)]
    pub size: Size,
    /// Its device class. Unset: it is in none, and rules with a class do not choose it.
    #[attr(optional, length = 1..)]
    pub device_class: Option<String>,
    /// The bucket that its host is put below, if it is in none. Unset: `default`.
    #[attr(optional, length = 1..)]
    pub parent: Option<String>,
}

fn more_than_nothing(size: &Size) -> Result<(), String> {
    if size.bytes() == 0 { Err("must be more than nothing".to_owned()) } else { Ok(()) }
}

/// Placement groups, when nothing is said.
const TRIED: u32 = 1024;

impl DataSource<Pve> for CephPlacement {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"])]
    }

    fn validate(config: &CephPlacementPlan, say: &mut Say<Self>) {
        let (size, min_size, k) = (config.size.get(), config.min_size.get(), config.k.get());
        if let (Some(size), Some(min_size)) = (size, min_size)
            && min_size > size
        {
            let detail = format!("At most {size}: more copies are never there.");
            say.error("min_size", format!("min_size {min_size} is more than size {size}"), detail);
        }
        if let (Some(min_size), Some(k)) = (min_size, k)
            && k > min_size
        {
            let detail =
                format!("With fewer than {k} chunks nothing can be read; Ceph wants a min_size of at least k.");
            say.error("min_size", format!("min_size {min_size} is less than k {k}"), detail);
        }
    }

    async fn read(cx: &Cx<Pve>, config: Self) -> Result<Self, Error> {
        let mut tree = existing(cx).await?;
        tree.grow(config.osds.iter().flatten().map(PlannedOsd::coming))?;
        let rule = config.rule_in(cx, &tree)?;
        let at = if config.rule.is_some() { "rule" } else { "crush_rule" };
        let steps = tree.steps(&rule).map_err(|error| error.at(at))?;
        config.fits(&steps, &rule.name)?;
        if !tree.unheeded.is_empty() {
            let detail = format!(
                "In the CRUSH map there is what is not looked at here: {}. What is told may differ from what Ceph does.",
                tree.unheeded.join("; ")
            );
            cx.warn(Diagnostic::warning("Placements are told in part", detail));
        }
        Ok(config.told(&tree, &steps))
    }
}

/// The largest map that is gone through: seconds.
const MOST: usize = 5000;

/// What is there; nothing where Ceph is not.
async fn existing(cx: &Cx<Pve>) -> Result<Tree, Error> {
    let map = match topology::crush_map(&cx.api).await {
        Ok(map) => map,
        Err(problem) => match problem.pve() {
            Some(PveError::NotInstalled(_) | PveError::NotInitialised(_)) => return Ok(Tree::default()),
            _ => return Err(problem.into()),
        },
    };
    let items: usize = map.buckets.iter().map(|bucket| bucket.items.len()).sum();
    if items > MOST {
        let detail = format!(
            "{items} buckets and OSDs hang in it, and at most {MOST} are gone through for each placement group."
        );
        return Err(Error::new("The CRUSH map is too large to tell placements of", detail));
    }
    let osds = cx.client.ceph().osds().await.during("Cannot list the OSDs")?;
    Ok(Tree::of(&map, &osds))
}

impl PlannedOsd {
    fn coming(&self) -> Coming<'_> {
        Coming {
            host: &self.host,
            below: self.parent.as_deref().unwrap_or(DEFAULT_ROOT),
            class: self.device_class.as_deref(),
            size: self.size.bytes(),
        }
    }
}

impl PlannedRule {
    fn over(failure_domain: &str) -> Self {
        Self { failure_domain: failure_domain.to_owned(), ..Self::default() }
    }

    /// As Ceph makes one.
    fn rule(&self, name: &str) -> live::Rule {
        let independent = self.r#type.as_deref() == Some("erasure");
        let mut steps = Vec::new();
        if independent {
            let tries = ["set_chooseleaf_tries 5", "set_choose_tries 100"];
            steps.extend(tries.map(|text| live::Step::Other(text.to_owned())));
        }
        steps.push(live::Step::Take {
            root: self.root.as_deref().unwrap_or(DEFAULT_ROOT).to_owned(),
            class: self.device_class.clone(),
        });
        steps.push(live::Step::Choose {
            leaf: self.failure_domain != "osd",
            independent,
            count: self.num.unwrap_or(0).into(),
            kind: self.failure_domain.clone(),
        });
        steps.push(live::Step::Emit);
        live::Rule { name: name.to_owned(), steps, ..live::Rule::default() }
    }
}

impl CephPlacement {
    /// The rule that is meant. What this run is about to make of one goes before what it is.
    fn rule_in(&self, cx: &Cx<Pve>, tree: &Tree) -> Result<live::Rule, Error> {
        if let Some(planned) = &self.rule {
            return Ok(planned.rule("planned"));
        }
        let name = self.crush_rule.as_deref().unwrap_or(DEFAULT_RULE);
        let noted = cx.ledger.all::<Rule>().into_iter().find(|rule| rule.name == name);
        if let Some(Rule { failure_domain, root, device_class, .. }) = noted {
            let planned = PlannedRule { failure_domain, root: Some(root), device_class, ..PlannedRule::default() };
            return Ok(planned.rule(name));
        }
        match tree.rule(name) {
            Some(rule) => Ok(rule.clone()),
            None if name == DEFAULT_RULE && tree.rules().is_empty() => Ok(PlannedRule::over("host").rule(name)),
            None => {
                let known = Vec::from_iter(tree.rules()).join(", ");
                let detail = format!("There are: {known}. One that does not exist yet is described in `rule`.");
                Err(Error::new(format!("CRUSH rule \"{name}\" does not exist"), detail).at("crush_rule"))
            }
        }
    }

    /// Whether copies or chunks are meant has to be the same in all that is said.
    fn fits(&self, steps: &[Step], rule: &str) -> Result<(), Error> {
        let chunks = steps.iter().any(|step| matches!(step, Step::Choose { independent: true, .. }));
        match (chunks, self.k) {
            (true, None) => {
                let detail = "With `k` it is told how many of the chunks suffice to read what was written.";
                Err(Error::new(format!("Rule \"{rule}\" places the chunks of erasure-coded pools"), detail).at("k"))
            }
            (false, Some(_)) => {
                let detail = "Leave `k` out, or take a rule for erasure-coded pools.";
                Err(Error::new(format!("Rule \"{rule}\" places whole copies"), detail).at("k"))
            }
            _ => Ok(()),
        }
    }

    fn told(self, tree: &Tree, steps: &[Step]) -> Self {
        let (size, min_size) = (self.size as usize, self.min_size as usize);
        let needed = self.k.unwrap_or(1) as usize;
        let pg_num = self.pg_num.unwrap_or(TRIED);
        let sample = Sample::of(&tree.map, tree.tunables, steps, size, pg_num);
        let host_level = tree.level("host").unwrap_or(1);
        let (on_hosts, on_osds) =
            (most_on_hosts(&tree.map, steps, size, host_level), most_on_hosts(&tree.map, steps, size, 0));
        let fewest = sample.fewest();
        let may_fail = |most: &[usize], enough: usize| {
            let left = most.iter().map(|gone| fewest.saturating_sub(*gone));
            u32::try_from(left.take_while(|left| *left >= enough).count()).ok()?.checked_sub(1)
        };
        let by_host = sample.together(|osd| tree.host_of(osd));
        let mut by_most = BTreeMap::new();
        for counts in &by_host {
            *by_most.entry(counts.first().copied().unwrap_or(0).to_string()).or_default() += 1;
        }
        // Of how full OSDs become, few placement groups tell little.
        let many = Sample::of(&tree.map, tree.tunables, steps, size, pg_num.max(ENOUGH));
        let room = room(&tree.map, steps, size, &many, |osd| tree.size(osd) as f64);
        let eligible = shares(&tree.map, steps, size).unwrap_or_else(|| many.shares());
        Self {
            placeable: Some(sample.undersized() == 0),
            undersized_pgs: u32::try_from(sample.undersized()).ok(),
            hosts_may_fail_with_io: may_fail(&on_hosts, min_size),
            hosts_may_fail_without_loss: may_fail(&on_hosts, needed),
            osds_may_fail_with_io: may_fail(&on_osds, min_size),
            osds_may_fail_without_loss: may_fail(&on_osds, needed),
            copies_on_one_host: on_hosts.get(1).and_then(|most| u32::try_from(*most).ok()),
            pgs_by_copies_on_one_host: Some(by_most),
            pgs_stopped_by_one_host: Some(stopped_by_one(&sample, tree, min_size)),
            usable_bytes: Some((room * needed as f64) as u64),
            raw_bytes: Some(eligible.keys().map(|osd| tree.size(*osd)).sum()),
            ..self
        }
    }
}

/// How many stand still when the worst host dies.
fn stopped_by_one(sample: &Sample, tree: &Tree, min_size: usize) -> u32 {
    let (mut anyway, mut by_host): (u32, BTreeMap<i32, u32>) = (0, BTreeMap::new());
    for osds in sample.placed() {
        if osds.len() < min_size {
            anyway += 1;
            continue;
        }
        let mut counts: BTreeMap<i32, usize> = BTreeMap::new();
        for host in osds.iter().filter_map(|osd| tree.host_of(*osd)) {
            *counts.entry(host).or_default() += 1;
        }
        for (host, _) in counts.into_iter().filter(|(_, copies)| osds.len() - copies < min_size) {
            *by_host.entry(host).or_default() += 1;
        }
    }
    anyway + by_host.into_values().max().unwrap_or(0)
}
