//! Whether the chunks find a place, and what is left of them when a host dies.

use pve_client::api::ceph::pool::Pool as LivePool;
use terraform_plugin::{Cx, Error, Findings, Say};

use super::{ErasurePool, ErasurePoolPlan};
use crate::ceph::crush_bucket;
use crate::ceph::crush_rule::checks::nameable;
use crate::ceph::crush_rule::{CrushRule, DEFAULT_ROOT};
use crate::ceph::durability::RISK;
use crate::ceph::placement::{Copies, Member, Placement, Rule};
use crate::ceph::topology::{self, Topology};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// The most that PVE sets (`PUT /nodes/{node}/ceph/pool/{name}`: min_size up to 7).
const MOST: u32 = 7;

/// What PVE has chunks kept apart by where nothing is said.
pub(super) const USUAL_DOMAIN: &str = "host";

/// What Ceph makes of `min_size`: a chunk to spare, where there is more than one of parity.
fn usual_least(k: u32, m: u32) -> u32 {
    k.saturating_add(u32::from(m > 1))
}

pub(super) fn validate(config: &ErasurePoolPlan, say: &mut Say<ErasurePool>) {
    let (Some(k), Some(m), Some(least)) = (config.k.get(), config.m.get(), config.data_min_size.get()) else { return };
    let size = k.saturating_add(m);
    if least < k {
        let detail = format!("Fewer than k chunks cannot be read. At least {k}; {} is usual.", usual_least(k, m));
        say.error("data_min_size", format!("data_min_size {least} is fewer than k {k}"), detail);
    } else if least > size {
        let detail =
            format!("I/O would wait for chunks that are never made. At most {size}; {} is usual.", usual_least(k, m));
        say.error("data_min_size", format!("data_min_size {least} is more than k + m {size}"), detail);
    }
}

/// A new pool, and one of which more or fewer chunks are to be needed.
pub(super) async fn check(
    cx: &Cx<Pve>,
    name: &str,
    want: &ErasurePoolPlan,
    prior: Option<&ErasurePool>,
    found: &mut Findings<ErasurePool>,
) -> Result<(), Error> {
    let (Some(k), Some(m)) = (want.k.get(), want.m.get()) else { return Ok(()) };
    let had = prior.and_then(|prior| prior.data_min_size);
    let least = want.data_min_size.get().or(had);
    if want.failure_domain.is_unknown()
        || want.device_class.is_unknown()
        || want.data_min_size.is_unknown()
        || (prior.is_some() && least == had)
    {
        return Ok(());
    }
    if let Some(least) = want.data_min_size.get().filter(|least| *least > MOST && had != Some(*least)) {
        let detail = format!(
            "It sets at most {MOST}. Nothing was written. Leave it out: Ceph itself sets {}.",
            usual_least(k, m)
        );
        let problem = Problem::new(format!("PVE does not set data_min_size {least}"), detail);
        found.certain(problem.at("data_min_size"));
    }
    let domain = want.failure_domain.text().unwrap_or(USUAL_DOMAIN);
    let rule = Rule {
        name: name.to_owned(),
        failure_domain: domain.to_owned(),
        root: DEFAULT_ROOT.to_owned(),
        device_class: want.device_class.text().map(str::to_owned),
    };
    if prior.is_none() {
        nameable_in_map(cx, &rule, found).await?;
    }
    let topology = if found.is_plan() { Topology::planned(&cx.api).await } else { Topology::existing(&cx.api).await? };
    let (k, m) = (k as usize, m as usize);
    let least = least.map_or(usual_least(k as u32, m as u32) as usize, |least| least as usize);
    let chunks = Chunks {
        k,
        m,
        least,
        placement: Placement::of(&rule, &topology.members, Copies { size: k + m, min_size: least }),
    };
    let hosts = topology.hosts.len();
    if domain == "host" && hosts > 0 && k + m > hosts {
        found.certain(chunks.infeasible(name, hosts));
    } else if !chunks.placement.feasible() {
        found.mendable(chunks.infeasible(name, chunks.placement.domains));
    } else if let Some(error) = chunks.risk(name) {
        found.notice(error);
    }
    if least <= k {
        found.notice(none_to_spare(name, k, m));
    }
    Ok(())
}

/// What the rule of the data is made of has to be there: Ceph refuses the pool, and PVE leaves a profile behind.
async fn nameable_in_map(cx: &Cx<Pve>, rule: &Rule, found: &mut Findings<ErasurePool>) -> Result<(), Problem> {
    let map = topology::crush_map(&cx.api).await?;
    let rule = CrushRule {
        name: rule.name.clone(),
        failure_domain: rule.failure_domain.clone(),
        device_class: rule.device_class.clone(),
        ..CrushRule::default()
    };
    if let Err(problem) = nameable(&rule, &map) {
        let coming = !cx.ledger.all::<Member>().is_empty() || !cx.ledger.all::<crush_bucket::Coming>().is_empty();
        found.missing(coming, problem);
    }
    Ok(())
}

/// The chunks of a pool, and where they would lie.
struct Chunks {
    k: usize,
    m: usize,
    least: usize,
    placement: Placement,
}

impl Chunks {
    fn infeasible(&self, pool: &str, there: usize) -> Error {
        let (k, m, domain) = (self.k, self.m, &self.placement.failure_domain);
        let cure = match domain.as_str() {
            "osd" => String::new(),
            _ => ", or failure_domain = \"osd\", which lets several chunks lie on one host".to_owned(),
        };
        let what = if domain == "osd" { "an OSD".to_owned() } else { format!("a {domain}") };
        Error::new(
            format!("Erasure coded pool \"{pool}\" of k = {k} and m = {m} cannot be placed"),
            format!(
                "Each of its {} chunks wants {what} of its own, and there are {there}: every placement group would stay \
                 undersized. Nothing was written. Choose k and m that are at most {there} together{cure}, or add what is missing.",
                k + m
            ),
        )
        .at("k")
    }

    fn risk(&self, pool: &str) -> Option<Error> {
        let (placement, k) = (&self.placement, self.k);
        if placement.per_host.is_empty() || placement.survives_host_loss() {
            return None;
        }
        let (most, left) = (placement.most_on_one_host(), placement.left_after_host_loss());
        let host = placement.per_host.first().map_or("", |(host, _)| host.as_str());
        let then = match left < k {
            true => format!(
                "fewer than the {k} that it takes to read: nobody has the data until it is back, and with its disks it is lost"
            ),
            false => format!("fewer than data_min_size {}: I/O stops until it is back", self.least),
        };
        let detail = format!(
            "Up to {most} of the {} chunks of erasure coded pool \"{pool}\" can lie on one host (such as {host}). When that host dies \
             {left} are left, {then}. More hosts and failure_domain = \"host\", or more chunks of parity, would survive it.",
            k + self.m
        );
        Some(Error::new(RISK, detail).at("m"))
    }
}

/// As many chunks as it takes to read suffice for writing.
fn none_to_spare(pool: &str, k: usize, m: usize) -> Error {
    let cure = match m {
        1 => "m = 2 leaves one to spare.".to_owned(),
        _ => format!("data_min_size = {} leaves one to spare.", k + 1),
    };
    let detail = format!(
        "Erasure coded pool \"{pool}\" goes on with {k} chunks, which are just enough to read: what is written while others are away \
         is lost if one more disk dies before they are back. {cure}"
    );
    Error::new("A pool takes writes with no chunk to spare", detail).at(if m == 1 { "m" } else { "data_min_size" })
}

/// The error that nothing tells how a pool is cut up.
pub(super) fn untold(live: &LivePool) -> Problem {
    Problem::new(
        format!("Nobody tells how pool \"{}\" is cut up", live.name),
        format!(
            "It has {} chunks; how many of them are data is told by the autoscaler of Ceph's manager alone, which does not answer. \
             Nothing was written. Try again when there is a manager.",
            live.size
        ),
    )
}
