//! `pve_ceph_crush_rule`: a placement rule for replicated pools.

pub(super) mod checks;
mod listed;
mod redefinition;

use std::collections::BTreeMap;

use pve_client::api::ceph::crush::{CrushMap, ReplicatedShape};
use pve_client::api::ceph::pool::{Pool, PoolParams};
use pve_client::shell::commands::CephCommands;
use terraform_plugin::{
    Attr, Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Read, Resource, Say, Timeouts, Unwritten,
    Updated, require,
};

use super::crush_bucket;
use super::durability;
use super::placement::{Copies, Member, Rule};
use super::shell_node;
use super::topology::{self, Topology};
use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Sight};
use crate::ground::ledger::Planned;
use crate::ground::named::Named;
use crate::ground::pve::{Pve, patience};
use crate::ground::rights;
use checks::{fits, nameable, unknown_domain};
use redefinition::{SUFFIX, Step, Traces, temporary};

/// A CRUSH rule for replicated pools: over what kind of thing their copies are spread.
///
/// PVE has no call for this, so Ceph's own command is run through PVE's terminal on a node with a monitor, which takes the
/// login of `root@pam`; planning and refreshing do not.
///
/// Changing the definition keeps the rule's name and its pools: a new rule is made beside the old one, the pools are moved
/// to it, the old one is removed and the new one renamed. Ceph then moves the pools' data. A rule that a pool uses is not
/// destroyed.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_crush_rule", area = "Ceph", key(name))]
pub struct CrushRule {
    /// Name.
    #[attr(
        required,
        replace,
        regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$",
        says = "letters, digits, `-`, `_` and `.`, and no `-` at the beginning",
        check = not_temporary
    )]
    pub name: String,
    /// What no two copies may share, as a level of the CRUSH hierarchy: `osd`, `host`, `rack`, ... With `osd` several
    /// copies may lie on one host.
    #[attr(
        required,
        regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$",
        says = "a level of the CRUSH hierarchy, such as `host`"
    )]
    pub failure_domain: String,
    /// The bucket below which OSDs are chosen.
    ///
    /// Left alone when unset (`default`, which holds every OSD).
    #[attr(keep, regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$", says = "the name of a CRUSH bucket, such as `default`")]
    pub root: Option<String>,
    /// Chooses among OSDs of this class only: `hdd`, `ssd`, `nvme`, or one of your own. An OSD must have it already.
    #[attr(optional, regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$", says = "a device class, such as `ssd`")]
    pub device_class: Option<String>,
    /// False while a change of the definition is under way; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "20m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// The root that Ceph makes by itself.
pub(in crate::ceph) const DEFAULT_ROOT: &str = "default";

fn not_temporary(name: &String) -> Result<(), String> {
    if name.ends_with(SUFFIX) {
        return Err(format!("must not end in `{SUFFIX}`: rules are called so while they are being changed"));
    }
    Ok(())
}

impl Resource<Pve> for CrushRule {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &[])]
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if change.is_destroy() {
            return;
        }
        let map = topology::crush_map(&cx.api).await.ok();
        if let (Some(name), Some(map), true) = (change.plan.name.text(), &map, change.is_update())
            && Traces::of(name, map, std::iter::empty()).unfinished()
        {
            // A change was cut off: there is something to do even if the definition is right by now.
            change.plan.ready = Attr::Unknown;
        }
        let Some(rule) = planned(change) else { return };
        let redefined = change.is_update()
            && (change.changed(|p| &p.failure_domain)
                || change.changed(|p| &p.root)
                || change.changed(|p| &p.device_class));
        if change.is_create() || redefined {
            rights::warn_shell(cx, say, "name", "CRUSH rules");
        }
        if let Some(map) = &map
            && !map.types.is_empty()
            && !map.has_type(&rule.failure_domain)
        {
            let found = unknown_domain(&rule.failure_domain, map);
            say.push(terraform_plugin::Diagnostic::error(found.0, found.1).at("failure_domain"));
        }
        if redefined {
            foresee(cx, &rule, say).await;
        }
        cx.ledger.note(rule.name.clone(), rule);
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &CrushRulePlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let Some(want) = settled(want) else { return Ok(()) };
        let map = topology::crush_map(&cx.api).await?;
        if prior.is_none() && definition(&want.name, &map).is_some() {
            found.exists(named(&want.name).existing());
        }
        if let Err(problem) = nameable(&want, &map) {
            // Hosts and classes come with their first OSD, racks with their resource.
            let coming = !cx.ledger.all::<Member>().is_empty() || !cx.ledger.all::<crush_bucket::Coming>().is_empty();
            found.missing(coming, problem);
        }
        Ok(())
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        unwritten.check(only_once(cx, want))?;
        if unwritten.check(left_behind(cx, want).await)? {
            return Ok(unwritten.take_over(want.clone()).made(want.with_shape(&want.shape())));
        }
        unwritten.check(require(cx, want, None).await)?;
        unwritten.check(fits(cx, want).await)?;
        let doing = format!("Cannot create CRUSH rule \"{}\"", want.name);
        let node = unwritten.check(shell_node(cx, &doing).await)?;
        let shell = cx.client.shell(node);
        let request = async {
            let commands = CephCommands::new(&cx.client, &shell);
            commands.create_replicated_rule(&want.name, &want.shape()).await.during(&doing)
        };
        let (answer, written) = unwritten.send(want.clone(), request).await?;
        let looked = evidence::arrived(cx, answer, async { Ok(traces(cx, &want.name).await?.rule) }, Sight::All).await;
        match looked {
            Ok(Ok(Some(shape))) if shape == want.shape() => Ok(written.made(want.with_shape(&shape))),
            // The command leaves a rule that exists as it is: somebody else was faster by a moment.
            Ok(Ok(_)) => written.undo(named(&want.name).existing(), async { Ok::<_, Problem>(()) }).await,
            Ok(Err(problem)) => written.undo(problem, must_be_absent(cx, want)).await,
            Err(problem) => Ok(written.leave(problem)),
        }
    }

    async fn read(cx: &Cx<Pve>, key: &CrushRuleKey, _prior: Option<&Self>) -> Result<Read<Self>, Error> {
        absence::answer(&cx.client, find(cx, &key.name).await).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        let shape = want.shape();
        if traces(cx, &want.name).await?.next(&shape) != Step::Done {
            require(cx, want, Some(prior)).await?;
            fits(cx, want).await?;
            redefine(cx, want).await?;
        }
        Ok(Updated::Done(want.with_shape(&shape)))
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        let traces = traces(cx, &was.name).await?;
        if let Some(problem) = in_use(&was.name, &traces) {
            let going = super::pools_going(cx);
            let all_go = traces.all_users().iter().all(|user| going.contains(*user));
            found.missing(all_go, problem);
        }
        Ok(())
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        let doing = format!("Cannot destroy CRUSH rule \"{}\"", was.name);
        let found = traces(cx, &was.name).await?;
        if let Some(problem) = in_use(&was.name, &found) {
            return Err(problem.into());
        }
        if found.definition().is_none() {
            return Ok(Deleted::Gone);
        }
        let shell = cx.client.shell(shell_node(cx, &doing).await?);
        let commands = CephCommands::new(&cx.client, &shell);
        for (there, name) in
            [(found.temporary.is_some(), temporary(&was.name)), (found.rule.is_some(), was.name.clone())]
        {
            if there {
                commands.remove_rule(&name).await.during(&doing)?;
            }
        }
        match traces(cx, &was.name).await?.definition() {
            Some(_) => Err(Error::new(doing, "Ceph's command succeeded, yet the rule is still there. Apply again.")),
            None => Ok(Deleted::Gone),
        }
    }
}

/// The error if pools place their data by the rule.
fn in_use(name: &str, traces: &Traces) -> Option<Problem> {
    let users = traces.all_users();
    (!users.is_empty()).then(|| {
        Problem::new(
            format!("CRUSH rule \"{name}\" is in use"),
            format!(
                "Pools place their data by it: {}. Nothing was destroyed. Give them another rule, or destroy them first. Where \
                 it is replaced by one of another name, `lifecycle {{ create_before_destroy = true }}` has the pools changed in \
                 between.",
                users.join(", ")
            ),
        )
    })
}

impl CrushRule {
    fn shape(&self) -> ReplicatedShape {
        ReplicatedShape {
            root: self.root.clone().unwrap_or_else(|| DEFAULT_ROOT.to_owned()),
            failure_domain: self.failure_domain.clone(),
            device_class: self.device_class.clone(),
        }
    }

    fn with_shape(&self, shape: &ReplicatedShape) -> Self {
        Self {
            failure_domain: shape.failure_domain.clone(),
            root: Some(shape.root.clone()),
            device_class: shape.device_class.clone(),
            ready: true,
            ..self.clone()
        }
    }

    /// The rule as the map tells it.
    pub fn of(name: &str, map: &CrushMap) -> Result<Option<Self>, Problem> {
        match definition(name, map) {
            None => Ok(None),
            Some(Some(shape)) => {
                let rule = Self { name: name.to_owned(), ..Self::default() };
                Ok(Some(rule.with_shape(&shape)))
            }
            Some(None) => Err(Problem::new(
                format!("CRUSH rule \"{name}\" is not a plain replicated rule"),
                "It is erasure coded or was written by hand, and says more than `pve_ceph_crush_rule` can: take a root, choose \
                 one OSD in each failure domain. Nothing was written.",
            )),
        }
    }
}

/// The rule as it is asked for, once everything that it says is known.
fn settled(want: &CrushRulePlan) -> Option<CrushRule> {
    if want.root.is_unknown() || want.device_class.is_unknown() {
        return None;
    }
    Some(CrushRule {
        name: want.name.text()?.to_owned(),
        failure_domain: want.failure_domain.text()?.to_owned(),
        root: want.root.text().map(str::to_owned),
        device_class: want.device_class.text().map(str::to_owned),
        ..CrushRule::default()
    })
}

/// What the rule is going to be, if that is known.
fn planned(change: &Change<CrushRule>) -> Option<Rule> {
    let plan = &change.plan;
    if plan.device_class.is_unknown() || change.config.root.is_unknown() {
        return None;
    }
    let prior_root = change.prior.as_ref().and_then(|prior| prior.root.as_deref());
    Some(Rule {
        name: plan.name.text()?.to_owned(),
        failure_domain: plan.failure_domain.text()?.to_owned(),
        root: plan.root.text().or(prior_root).unwrap_or(DEFAULT_ROOT).to_owned(),
        device_class: plan.device_class.text().map(str::to_owned),
    })
}

/// Says what another definition does to the pools that use the rule.
async fn foresee(cx: &Cx<Pve>, rule: &Rule, say: &mut Say<CrushRule>) {
    let mut topology = Topology::planned(&cx.api).await;
    topology.rules.insert(rule.name.clone(), rule.clone());
    let Ok(pools) = cx.client.ceph().pools().await else { return };
    for pool in pools.iter().filter(|pool| placed_by(pool, &rule.name)) {
        if let Some(found) = durability::certain_to_fail(&pool.name, &rule.name, copies(pool), &topology) {
            say.error("failure_domain", found.summary, found.detail);
        } else if let Some(found) = durability::risk(&pool.name, &rule.name, copies(pool), &topology) {
            say.warning("failure_domain", durability::RISK, format!("{}. {}", found.summary, found.detail));
        }
    }
}

/// Whether a pool places its data by the rule, be it under the name that it has while it is being changed.
fn placed_by(pool: &Pool, rule: &str) -> bool {
    pool.crush_rule_name.as_deref().is_some_and(|its| its == rule || its == temporary(rule))
}

fn copies(pool: &Pool) -> Copies {
    Copies { size: pool.size as usize, min_size: pool.min_size as usize }
}

/// What there is of the rule, as it stands now.
async fn traces(cx: &Cx<Pve>, name: &str) -> Result<Traces, Problem> {
    let map = topology::crush_map(&cx.api).await?;
    let pools = cx.client.ceph().pools().await.during("Cannot list the pools")?;
    let rules = pools.iter().filter_map(|pool| Some((pool.name.as_str(), pool.crush_rule_name.as_deref()?)));
    Ok(Traces::of(name, &map, rules))
}

/// The rule as it is: under its own name or, where a change was cut off after the old one was gone, under the temporary
/// one. The map alone tells it; who uses it does not matter for that.
async fn find(cx: &Cx<Pve>, name: &str) -> Result<Option<CrushRule>, Problem> {
    let map = topology::crush_map(&cx.api).await?;
    CrushRule::of(name, &map)
}

/// What the map says of the rule, under its own name or the temporary one; within, nothing if it says more than this resource
/// can.
fn definition(name: &str, map: &CrushMap) -> Option<Option<ReplicatedShape>> {
    Traces::of(name, map, std::iter::empty()).definition().cloned()
}

fn named(name: &str) -> Named {
    let (key, what) = (name.to_owned(), format!("CRUSH rule \"{name}\""));
    Named { kind: "pve_ceph_crush_rule".to_owned(), attribute: "name", key, what }
}

/// A rule that this process is about to make, or has made.
#[derive(Clone, Copy, Debug)]
struct Making;

impl Planned for Making {
    type Key = String;
}

/// Ceph leaves a rule that exists as it is and calls that a success: of two resources for one rule both would have made it.
fn only_once(cx: &Cx<Pve>, want: &CrushRule) -> Result<(), Problem> {
    let name = want.name.clone();
    match cx.ledger.with(|making: &mut BTreeMap<String, Making>| making.insert(name, Making)) {
        None => Ok(()),
        Some(_) => Err(Problem::new(
            format!("CRUSH rule \"{}\" is made by another resource already", want.name),
            "Two resources of this configuration name the same rule; nothing was written for this one. Remove one of them.",
        )
        .at("name")),
    }
}

/// Whether the rule is there because a run for this state was cut off while making it; an error if it is there otherwise: Ceph
/// would leave an existing rule as it is and call that a success.
async fn left_behind(cx: &Cx<Pve>, want: &CrushRule) -> Result<bool, Problem> {
    let map = topology::crush_map(&cx.api).await?;
    let agrees = |shape: &Option<ReplicatedShape>| shape.as_ref() == Some(&want.shape());
    Ok(named(&want.name).left_behind(cx, definition(&want.name, &map), agrees).await?.is_some())
}

async fn must_be_absent(cx: &Cx<Pve>, want: &CrushRule) -> Result<(), Problem> {
    let map = topology::crush_map(&cx.api).await?;
    named(&want.name).must_be_absent(definition(&want.name, &map))
}

/// Step by step, each decided on by what is there, until the rule says what is wanted.
async fn redefine(cx: &Cx<Pve>, want: &CrushRule) -> Result<(), Problem> {
    let doing = format!("Cannot change CRUSH rule \"{}\"", want.name);
    let shell = cx.client.shell(shell_node(cx, &doing).await?);
    let commands = CephCommands::new(&cx.client, &shell);
    let mut last = None;
    let done = carry_on(cx, want, &commands, &mut last).await;
    // The rule itself shows nothing of the first steps.
    done.map_err(|problem| if last.is_some() { Error::from(problem).midway().into() } else { problem })
}

async fn carry_on(
    cx: &Cx<Pve>,
    want: &CrushRule,
    commands: &CephCommands<'_>,
    last: &mut Option<Step>,
) -> Result<(), Problem> {
    let (shape, temporary) = (want.shape(), temporary(&want.name));
    let doing = format!("Cannot change CRUSH rule \"{}\"", want.name);
    loop {
        let found = traces(cx, &want.name).await?;
        let step = found.next(&shape);
        tracing::info!(rule = want.name, ?step, "changing a rule's definition");
        if last.as_ref() == Some(&step) {
            let detail = format!("Ceph says that it is done, yet nothing has changed: {step:?}. Apply again.");
            return Err(Problem::new(doing, detail));
        }
        if cx.stop.is_cancelled() {
            return Err(Problem::new(doing, "Interrupted between two steps. The next apply goes on from here."));
        }
        match &step {
            Step::Make => commands.create_replicated_rule(&temporary, &shape).await.during(&doing)?,
            Step::Move(pool) => repoint(cx, pool, &temporary).await?,
            Step::MoveBack(pool) => repoint(cx, pool, &want.name).await?,
            Step::RemoveOld => commands.remove_rule(&want.name).await.during(&doing)?,
            Step::RemoveTemporary => commands.remove_rule(&temporary).await.during(&doing)?,
            Step::Rename => commands.rename_rule(&temporary, &want.name).await.during(&doing)?,
            Step::Done => return Ok(()),
            Step::Vanished => {
                let detail = "Somebody removed it meanwhile. Apply again to make it anew.";
                return Err(Problem::new(format!("CRUSH rule \"{}\" is gone", want.name), detail));
            }
        }
        *last = Some(step);
    }
}

/// Has a pool place its data by another rule.
async fn repoint(cx: &Cx<Pve>, pool: &str, rule: &str) -> Result<(), Problem> {
    let doing = format!("Cannot give pool \"{pool}\" the rule \"{rule}\"");
    let params = PoolParams { crush_rule: Some(rule.to_owned()), ..PoolParams::default() };
    let mut task = cx.client.ceph().update_pool(pool, &params).await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)
}

#[cfg(test)]
mod tests;
