//! Whether a pool's copies find a place, looked at with what is planned and again with what is there.

use terraform_plugin::{Attr, Cx, Diagnostic, Error, Findings};

use super::{Pool, PoolPlan, USUAL};
use crate::ceph::crush_rule::CrushRule;
use crate::ceph::departure::amount;
use crate::ceph::durability::{self, DEFAULT_RULE};
use crate::ceph::placement::{Copies, Rule};
use crate::ceph::topology::Topology;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// The most copies that PVE sets (`POST /nodes/{node}/ceph/pool`: size and min_size up to 7).
const MOST: u32 = 7;

/// What the attributes are called in the model of which the pool is a part.
pub(in crate::ceph) type Names = fn(&'static str) -> &'static str;

/// An unknown rule, copies that find no place, and what is left when a host dies: for a new pool, and where one of these is
/// to change.
pub(in crate::ceph) async fn check<M>(
    cx: &Cx<Pve>,
    name: &str,
    want: &PoolPlan,
    prior: Option<&Pool>,
    called: Names,
    found: &mut Findings<M>,
) -> Result<(), Problem> {
    let (size, min_size) = (want.size.get(), want.min_size.get());
    let same = |prior: &Pool| {
        let rule = want.crush_rule.text().is_none_or(|rule| prior.crush_rule.as_deref() == Some(rule));
        size.is_none_or(|size| prior.size == Some(size)) && min_size.is_none_or(|n| prior.min_size == Some(n)) && rule
    };
    if prior.is_some_and(same) || want.crush_rule.is_unknown() || want.size.is_unknown() || want.min_size.is_unknown() {
        return Ok(());
    }
    for (attribute, value, was) in
        [("size", size, prior.and_then(|p| p.size)), ("min_size", min_size, prior.and_then(|p| p.min_size))]
    {
        if let Some(value) = value.filter(|value| *value > MOST && Some(*value) != was) {
            let detail = format!("It sets at most {MOST}. Nothing was written.");
            let problem = Problem::new(format!("PVE does not set {attribute} {value}"), detail);
            found.certain(problem.at(called(attribute)));
        }
    }
    let size = size.or(prior.and_then(|p| p.size)).map_or(USUAL.size, |n| n as usize);
    let min_size = min_size.or(prior.and_then(|p| p.min_size)).map_or(USUAL.min_size, |n| n as usize);
    // More needed than kept has been said.
    let copies = Copies { size, min_size: min_size.min(size) };
    let rule = want.crush_rule.text().or(prior.and_then(|p| p.crush_rule.as_deref())).unwrap_or(DEFAULT_RULE);
    rule_exists(cx, name, rule, called, found).await?;

    let at = called(if want.size.get().is_some() { "size" } else { "crush_rule" });
    let topology = if found.is_plan() { Topology::planned(&cx.api).await } else { Topology::existing(&cx.api).await? };
    let told = |finding: durability::Finding| {
        Error::new(finding.summary, format!("{}\nNothing was written.", finding.detail)).at(at)
    };
    // A rule that this state holds may be about to become another one.
    let may_change =
        cx.held::<CrushRule>().iter().any(|held| held.name == rule) && !cx.ledger.knows::<Rule>(&rule.to_owned());
    if let Some(finding) = durability::certain_to_fail(name, rule, copies, &topology).filter(|_| !may_change) {
        found.certain(told(finding));
    } else if let Some(finding) = durability::unplaceable(name, rule, copies, &topology) {
        found.mendable(told(finding));
    } else if let Some(finding) = durability::risk(name, rule, copies, &topology) {
        let detail = format!("{}. {}", finding.summary, finding.detail);
        found.notice(Error::new(durability::RISK, detail).at(called("size")));
    }
    if size > 1 && (min_size == 1 || 2 * min_size < size) {
        found.notice(few_needed(name, copies).at(called("min_size")));
    }
    let had = prior.and_then(|prior| prior.size).map(|had| had as usize);
    if found.is_plan()
        && let Some(had) = had.filter(|had| *had < size)
    {
        let problem = more_copies(cx, name, had, size).await?;
        problem.into_iter().for_each(|problem| found.notice(problem.at(called("size"))));
    }
    Ok(())
}

/// More copies needed than kept, where both are configured.
pub(in crate::ceph) fn more_than_kept(config: &PoolPlan, called: Names) -> Option<Diagnostic> {
    let (size, min_size) = (config.size.get()?, config.min_size.get()?);
    let (size_is, least_is) = (called("size"), called("min_size"));
    (min_size > size).then(|| {
        let detail =
            format!("I/O would wait for copies that are never made. At most {size}; {} is usual.", size / 2 + 1);
        Diagnostic::error(format!("{least_is} {min_size} is more than {size_is} {size}"), detail).at(least_is)
    })
}

/// One copy of everything, without a word that this is meant. A pool that has one is adopted. `loses`: what the death of one disk
/// takes along.
pub(in crate::ceph) fn single_copy(want: &PoolPlan, prior: Option<&Pool>, called: Names, loses: &str) -> Option<Error> {
    let has_one = prior.is_some_and(|prior| prior.size == Some(1));
    let unsaid = matches!(want.allow_single_copy, Attr::Null | Attr::Known(false));
    (want.size.is(&1) && !has_one && unsaid).then(|| {
        let detail = format!(
            "With size 1 the death of one disk loses {loses}. Nothing was written. If that is what you want, say \
             `allow_single_copy = true`."
        );
        Error::new("A single copy is refused", detail).at(called("size"))
    })
}

/// More copies needed than kept, where one of the two is left to what there is. Where both are configured, validation has
/// said so.
pub(in crate::ceph) fn contradiction(want: &PoolPlan, prior: Option<&Pool>, called: Names) -> Option<Error> {
    if want.size.is_unknown() || want.min_size.is_unknown() {
        return None;
    }
    let had_size = prior.and_then(|prior| prior.size);
    let had_least = prior.and_then(|prior| prior.min_size);
    let size = want.size.get().or(had_size).map_or(USUAL.size, |n| n as usize);
    let least = want.min_size.get().or(had_least).map_or(USUAL.min_size, |n| n as usize);
    if least <= size {
        return None;
    }
    let (size_is, least_is) = (called("size"), called("min_size"));
    // What the configuration leaves open is null, or planned as it was.
    let size_is_left = want.size.get().is_none() || want.size.get() == had_size;
    let (at, left, kept) = if size_is_left { (least_is, size_is, size) } else { (size_is, least_is, least) };
    let kept = match prior {
        None => format!("{left} is not set, and PVE makes pools with {kept}."),
        Some(_) => format!("{left} is not set, so it stays {kept}."),
    };
    let detail = format!(
        "{kept} I/O would wait for copies that are never made: set both, {least_is} at most as {size_is}. Nothing was written."
    );
    Some(Error::new(format!("{least_is} {least} is more than {size_is} {size}"), detail).at(at))
}

async fn rule_exists<M>(
    cx: &Cx<Pve>,
    name: &str,
    rule: &str,
    called: Names,
    found: &mut Findings<M>,
) -> Result<(), Problem> {
    let rules = cx.client.ceph().rules().await.during("Cannot list the CRUSH rules")?;
    if !rules.iter().any(|known| known == rule) {
        let detail = format!(
            "Pool \"{name}\" cannot use it; nothing was written. There are: {}. `pve_ceph_crush_rule` makes more.",
            rules.join(", ")
        );
        let problem = Problem::new(format!("CRUSH rule \"{rule}\" does not exist"), detail);
        found.missing(cx.comes("ceph_crush_rule", rule), problem.at(called("crush_rule")));
    }
    Ok(())
}

/// How much data further copies make.
async fn more_copies(cx: &Cx<Pve>, name: &str, had: usize, size: usize) -> Result<Option<Error>, Problem> {
    let status = cx.client.ceph().pool_status_shared(name).await.during(format!("Cannot read pool \"{name}\""))?;
    let Some(stored) = status.statistics.as_ref().map(|statistics| statistics.stored) else { return Ok(None) };
    let more = stored.saturating_mul((size - had) as u64);
    let detail = format!(
        "Pool \"{name}\" stores {}; {size} copies instead of {had} are {} more, which Ceph writes in the background. Until \
         then its placement groups are undersized.",
        amount(stored),
        amount(more)
    );
    Ok(Some(Error::new("More copies make data", detail)))
}

/// A single copy, or fewer than half of them, suffice for I/O.
fn few_needed(name: &str, copies: Copies) -> Error {
    let Copies { size, min_size } = copies;
    let better = (size / 2 + 1).min(size);
    let (left, those) =
        if min_size == 1 { ("a single copy is", "that one's disk dies") } else { ("that few are", "their disks die") };
    Error::new(
        "A pool takes writes with few copies left",
        format!(
            "Pool \"{name}\" keeps {size} copies and goes on with {min_size}: while {left} left, what is written lies nowhere else, \
             and if {those} before the others are back, it is lost. min_size = {better} is safer."
        ),
    )
}
