//! `pve_ha_resource`: a guest under HA.

use std::collections::BTreeSet;

use pve_client::api::cluster::{Guest, GuestKind};
use pve_client::api::ha::resource::{HaResource as Live, Sid};
use pve_client::api::params::Params;
use terraform_plugin::{
    Change, Choice, Created, Cx, Deleted, Error, Failed, Findings, Listed, Model, Need, Path, Read, Resource, Say,
    Timeouts, Unwritten, Updated, Written, require,
};

use super::containers;
use super::movable::{self, Bounds};
use super::moving;
use super::planned;
use super::wait::{self, Waited};
use super::watchdogs;
use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::evidence::{self, Sight};
use crate::ground::named::Named;
use crate::ground::pve::Pve;
use crate::ground::rights;
use crate::ground::texts;

/// A guest under high availability: HA keeps it in the state asked for, and starts it elsewhere when its node dies.
///
/// While a guest is here, HA alone decides whether it runs. Where it runs at the moment is told by `pve_ha_status`, not
/// by this resource: a failover plans nothing.
///
/// Before anything is written, every node on which HA could start the guest is looked at: all disks must lie on storage that these
/// nodes share (`pve_vm_disk_move` moves them there), CD-ROM drives hold no local image, the bridges of its network cards are there,
/// and devices of the host are handed through by a mapping that has one for each of these nodes. The cloud-init drive may lie on
/// storage that is local, as long as each node has one of that name; an unused disk (`unusedN`) is warned of only: a failover starts
/// the guest without it. These nodes are all of the cluster, or those that strict rules leave to it (`candidates` says so before the
/// rule is there).
///
/// Destroying the resource takes the guest out of HA and leaves it running or stopped as it is; rules that name it are left alone.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ha_resource", area = "HA", key(sid))]
pub struct HaResource {
    /// The guest: `vm:101`.
    #[attr(required, replace, check = sid)]
    pub sid: String,
    /// What HA keeps it in: `started`, `stopped` (and recovered, stopped, when its node dies), `disabled` (stopped, and left
    /// on its node whatever happens; the way out of HA's error state), or `ignored` (as if it were not under HA).
    ///
    /// Left alone when unset (PVE: `started`).
    #[attr(keep)]
    pub state: Option<HaState>,
    /// Attempts to start it again on the same node.
    #[attr(keep, usual = 1_u32)]
    pub max_restart: Option<u32>,
    /// Other nodes to try after that.
    #[attr(keep, usual = 1_u32)]
    pub max_relocate: Option<u32>,
    /// Whether it goes back when a better node returns.
    #[attr(keep, usual = true)]
    pub failback: Option<bool>,
    /// The group of nodes on which it runs: `pve_ha_group`. PVE 8 only: PVE 9 has rules (`pve_ha_rule_node_affinity`).
    ///
    /// Left alone when unset.
    #[attr(keep, regex = texts::CONFIGURATION_ID, says = texts::CONFIGURATION_ID_SAYS)]
    pub group: Option<String>,
    /// A note.
    #[attr(optional, length = ..=4096, check = one_line, check = texts::not_blank, same = texts::same_but_ends)]
    pub comment: Option<String>,
    /// Puts the guest under HA although something of it is local to its node. When that node dies, the guest stays down.
    #[attr(local, default = false)]
    pub allow_local: bool,
    /// The nodes on which HA is to be able to start it, where a rule that is made after it leaves it no others
    /// (`pve_ha_rule_node_affinity` with `strict`): the check looks at these alone. Unset: those that the present rules leave to it.
    #[attr(local)]
    pub candidates: Option<BTreeSet<String>>,
    /// Whether a guest whose disks are still being moved is taken into HA later: the apply that finds the move under way ends well,
    /// with `ready = false` and nothing in HA, and the one that finds it done carries on. Without it such an apply fails. A rule that
    /// names the guest cannot be made before.
    #[attr(local, default = false)]
    pub wait_for_disks: bool,
    /// False until HA has brought the guest to its state once; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "10m", update = "10m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// What HA keeps a guest in.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum HaState {
    /// Running, wherever it can.
    Started,
    /// Stopped, and recovered (stopped) when its node dies.
    Stopped,
    /// Stopped, and left on its node whatever happens. Also the way out of HA's error state.
    Disabled,
    /// As if it were not under HA.
    Ignored,
}

fn sid(text: &String) -> Result<(), String> {
    match text.parse::<Sid>() {
        Ok(_) => Ok(()),
        Err(_) if text.parse::<u32>().is_ok() => {
            Err(format!("must name the kind of guest too: did you mean `vm:{text}`?"))
        }
        Err(_) => Err("must be vm:ID or ct:ID, such as vm:101".to_owned()),
    }
}

fn one_line(text: &String) -> Result<(), String> {
    if text.contains('\n') { Err("must be one line: PVE refuses line feeds here".to_owned()) } else { Ok(()) }
}

impl Resource<Pve> for HaResource {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &["Sys.Console"])]
    }

    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[("type", "`sid` says it")]
    }

    /// HA takes its time to do what it is told.
    const UPDATES_SETTLE: bool = true;

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        rights::warn(cx, change, say, "/", "Sys.Console").await;
        let prior = change.prior.as_ref().map(|prior| prior.sid.clone());
        if let Some(sid) = change.plan.sid.text().map(str::to_owned).or(prior) {
            match change.is_destroy() || change.plan.state.is(&HaState::Ignored) {
                true => planned::forget(&cx.ledger, &sid),
                false => planned::note(&cx.ledger, &sid, !change.plan.allow_local.is(&false)),
            }
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &HaResourcePlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let Some(sid) = want.sid.text() else { return Ok(()) };
        let sid = parse(sid)?;
        if prior.is_none() && find(cx, sid).await?.is_some() {
            found.exists(named(sid).existing());
        }
        if prior.is_none() && !want.state.is(&HaState::Ignored) {
            watchdogs::tell(cx, sid, found).await?;
        }
        if let Some(group) = want.group.text()
            && prior.is_none_or(|prior| prior.group.as_deref() != Some(group))
        {
            group_is_there(cx, group, found).await?;
        }
        let guest = match guest(cx, sid).await? {
            Ok(guest) => guest,
            Err(missing) => {
                let kind = if sid.kind == GuestKind::Lxc { "container" } else { "vm" };
                found.missing(cx.comes(kind, &sid.vmid.to_string()), missing);
                return Ok(());
            }
        };
        let starts = match prior {
            // Nothing was looked at when it was promised.
            Some(_) if cx.is_promised() => !want.state.is(&HaState::Ignored),
            Some(prior) => prior.wanted() != "started" && want.state.is(&HaState::Started),
            None => !want.state.is(&HaState::Ignored),
        };
        if starts && want.allow_local.is(&false) && guest.kind == GuestKind::Lxc {
            containers::look(cx, sid, &guest, found).await?;
        } else if starts && want.allow_local.is(&false) {
            let known = want.candidates.known();
            let candidates =
                known.map(|nodes| nodes.iter().filter_map(|node| node.text().map(str::to_owned)).collect());
            let waits = want.wait_for_disks.is(&true);
            movable::look(cx, sid, &guest, Bounds { candidates, waits }, found).await?;
        }
        Ok(())
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let sid = unwritten.check(parse(&want.sid))?;
        if let Some(live) = unwritten.check(left_behind(cx, want, sid).await)? {
            return settle(cx, sid, live, unwritten.take_over(want.clone())).await;
        }
        if let Some(why) = unwritten.check(want.waits_for(cx, sid).await)? {
            return Ok(unwritten.promise(want.promised(), why));
        }
        unwritten.check(require(cx, want, None).await)?;
        unwritten.check(movable::warn(cx, want, sid).await)?;
        let (answer, written) = unwritten.send(want.clone(), put_under_ha(cx, want, sid)).await?;
        let live = match evidence::arrived(cx, answer, find(cx, sid), Sight::All).await {
            Ok(Ok(live)) => live,
            Ok(Err(problem)) => return written.undo(problem, must_be_absent(cx, sid)).await,
            Err(problem) => return Ok(written.leave(problem)),
        };
        settle(cx, sid, live, written).await
    }

    async fn read(cx: &Cx<Pve>, key: &HaResourceKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let sid = parse(&key.sid)?;
        let settled = prior.is_none_or(|prior| prior.ready);
        let mut found = find(cx, sid).await;
        if let Ok(Some(live)) = &mut found
            && !settled
        {
            live.ready = is_settled(cx, sid, live.wanted()).await;
        }
        absence::answer(&cx.client, found).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        let sid = parse(&want.sid)?;
        if cx.is_promised() && find(cx, sid).await?.is_none() {
            return keep_promise(cx, prior, want, sid).await;
        }
        require(cx, want, Some(prior)).await?;
        if want.wanted() == "started" && prior.wanted() != "started" {
            movable::warn(cx, want, sid).await?;
        }
        // First: it changes what is there.
        leave_error(cx, sid, want).await?;
        let live = find(cx, sid).await?.ok_or_else(|| {
            Problem::new(
                format!("{sid} is not under HA any more"),
                "Somebody took it out meanwhile; it was not put back. Apply again for that.",
            )
            .at("sid")
        })?;
        let params = want.params(Some(&live));
        if !params.is_empty() {
            let answer = cx.client.ha().update(sid, &params).await.during(format!("Cannot change {sid} in HA"));
            answer.map_err(|problem| problem.with_attributes(attribute))?;
        }
        let live = find(cx, sid).await?.unwrap_or(live);
        match wait::settled(cx, sid, want.wanted()).await? {
            Waited::Settled => Ok(Updated::Done(live)),
            Waited::Unfinished(why) => Ok(Updated::unfinished(live, still_settling(sid, &why))),
            Waited::Error(words) => Err(Error::new(
                format!("HA has given up on {sid}"),
                format!(
                    "{words}\nMend the cause, then change the resource (or apply with -replace): it is disabled and \
                         started again."
                ),
            )),
        }
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        take_out(cx, parse(&was.sid)?).await?;
        Ok(Deleted::Gone)
    }
}

impl Listed<Pve> for HaResource {
    const PLURAL: &'static str = "ha_resources";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        let all = cx.client.ha().resources().await.during("Cannot list what is under HA")?;
        Ok(all.iter().map(Self::from_live).collect())
    }
}

impl HaResource {
    pub fn from_live(live: &Live) -> Self {
        let state = match live.state.as_deref() {
            None | Some("started" | "enabled") => HaState::Started,
            Some("stopped") => HaState::Stopped,
            Some("disabled") => HaState::Disabled,
            Some(_) => HaState::Ignored,
        };
        Self {
            sid: live.sid.to_string(),
            state: Some(state),
            max_restart: Some(live.max_restart.unwrap_or(1)),
            max_relocate: Some(live.max_relocate.unwrap_or(1)),
            failback: Some(live.failback.unwrap_or(true)),
            group: live.group.clone(),
            comment: live.comment.clone().filter(|comment| !comment.trim().is_empty()),
            ready: true,
            ..Self::default()
        }
    }

    /// As it stands in the state while nothing is in HA.
    fn promised(&self) -> Self {
        Self { ready: false, ..self.clone() }
    }

    /// What it waits for before it is put under HA.
    async fn waits_for(&self, cx: &Cx<Pve>, sid: Sid) -> Result<Option<Error>, Problem> {
        if !self.wait_for_disks || sid.kind != GuestKind::Qemu {
            return Ok(None);
        }
        let moving = moving::look(cx, sid.vmid).await?;
        Ok(moving.map(|what| {
            let detail =
                format!("{what} Nothing was written to HA. The apply that finds the disks moved puts {sid} there.");
            Error::new(format!("{sid} is put under HA when its disks have moved"), detail)
        }))
    }

    fn wanted(&self) -> &'static str {
        self.state.unwrap_or(HaState::Started).as_str()
    }

    /// What PVE is to be told: everything that is set, or what differs from `live`.
    fn params(&self, live: Option<&Self>) -> Params {
        let differs = |same: bool| live.is_none() || !same;
        let mut params = Params::new();
        if let Some(state) = self.state.filter(|s| differs(live.is_some_and(|l| l.state == Some(*s)))) {
            params = params.set("state", state);
        }
        if let Some(n) = self.max_restart.filter(|n| differs(live.is_some_and(|l| l.max_restart == Some(*n)))) {
            params = params.set("max_restart", n);
        }
        if let Some(n) = self.max_relocate.filter(|n| differs(live.is_some_and(|l| l.max_relocate == Some(*n)))) {
            params = params.set("max_relocate", n);
        }
        if let Some(on) = self.failback.filter(|on| differs(live.is_some_and(|l| l.failback == Some(*on)))) {
            params = params.flag("failback", on);
        }
        if let Some(group) = self.group.as_ref().filter(|g| differs(live.is_some_and(|l| l.group.as_ref() == Some(*g))))
        {
            params = params.set("group", group);
        }
        match (&self.comment, live.map(|l| &l.comment)) {
            (comment, Some(before)) if comment == before => params,
            (Some(comment), _) => params.set("comment", comment),
            (None, Some(_)) => params.remove("comment"),
            (None, None) => params,
        }
    }
}

/// The attributes are named as PVE's parameters are.
fn attribute(parameter: &str) -> Option<Path> {
    ["sid", "state", "max_restart", "max_relocate", "failback", "group", "comment"]
        .contains(&parameter)
        .then(|| Path::attr(parameter))
}

fn parse(text: &str) -> Result<Sid, Problem> {
    text.parse()
        .map_err(|_| Problem::new(format!("\"{text}\" is no HA resource"), "Write vm:ID, such as vm:101.").at("sid"))
}

fn still_settling(sid: Sid, why: &str) -> Error {
    Error::new(format!("HA has not brought {sid} to its state yet"), format!("{why} Apply again to watch it."))
}

async fn find(cx: &Cx<Pve>, sid: Sid) -> Result<Option<HaResource>, Problem> {
    let live = cx.client.ha().resource(sid).await.during(format!("Cannot read {sid} in HA"))?;
    Ok(live.as_ref().map(HaResource::from_live))
}

async fn is_settled(cx: &Cx<Pve>, sid: Sid, wanted: &str) -> bool {
    let status = cx.client.ha().status().await;
    status.is_ok_and(|status| status.service(sid).is_some_and(|service| service.state == wanted))
}

async fn put_under_ha(cx: &Cx<Pve>, want: &HaResource, sid: Sid) -> Result<(), Problem> {
    let answer = cx.client.ha().create(sid, &want.params(None)).await.during(format!("Cannot put {sid} under HA"));
    answer.map_err(|problem| problem.with_attributes(attribute))
}

/// What was promised is done, if nothing stands in the way any more.
async fn keep_promise(
    cx: &Cx<Pve>,
    prior: &HaResource,
    want: &HaResource,
    sid: Sid,
) -> Result<Updated<HaResource>, Error> {
    if let Some(why) = want.waits_for(cx, sid).await? {
        return Ok(Updated::promised(want.promised(), why));
    }
    require(cx, want, Some(prior)).await?;
    movable::warn(cx, want, sid).await?;
    let answer = put_under_ha(cx, want, sid).await;
    let answer = match answer {
        Err(problem) if problem.is_refused() => return Err(problem.into()),
        answer => answer,
    };
    let live = evidence::arrived(cx, answer, find(cx, sid), Sight::All).await??;
    match wait::settled(cx, sid, live.wanted()).await {
        Ok(Waited::Settled) => Ok(Updated::Done(live)),
        Ok(Waited::Unfinished(why)) => Ok(Updated::unfinished(live, still_settling(sid, &why))),
        Ok(Waited::Error(words)) => {
            take_out(cx, sid).await?;
            Err(could_not_start(sid, &words).into())
        }
        Err(problem) => Ok(Updated::unfinished(live, problem)),
    }
}

fn could_not_start(sid: Sid, words: &str) -> Problem {
    Problem::new(
        format!("HA could not start {sid}"),
        format!("It was taken out of HA again; the guest is left as it is.\n{words}"),
    )
}

/// Waits until HA has done what it is told.
async fn settle(
    cx: &Cx<Pve>,
    sid: Sid,
    live: HaResource,
    written: Written<HaResource>,
) -> Result<Created<HaResource>, Failed> {
    written.note(live.clone());
    match wait::settled(cx, sid, live.wanted()).await {
        Ok(Waited::Settled) => Ok(written.made(live)),
        Ok(Waited::Unfinished(why)) => Ok(written.unfinished(live, still_settling(sid, &why))),
        Ok(Waited::Error(words)) => written.undo(could_not_start(sid, &words), take_out(cx, sid)).await,
        Err(problem) => Ok(written.leave(problem)),
    }
}

fn named(sid: Sid) -> Named {
    Named {
        kind: "pve_ha_resource".to_owned(),
        attribute: "sid",
        key: sid.to_string(),
        what: format!("HA resource {sid}"),
    }
}

/// What is there because a run for this state was cut off while making it; an error if it is there otherwise.
async fn left_behind(cx: &Cx<Pve>, want: &HaResource, sid: Sid) -> Result<Option<HaResource>, Problem> {
    named(sid).left_behind(cx, find(cx, sid).await?, |live| want.params(Some(live)).is_empty()).await
}

async fn must_be_absent(cx: &Cx<Pve>, sid: Sid) -> Result<(), Problem> {
    named(sid).must_be_absent(find(cx, sid).await?)
}

/// The guest; within, why there is none.
async fn guest(cx: &Cx<Pve>, sid: Sid) -> Result<Result<Guest, Problem>, Problem> {
    let guest = cx.client.cluster().guest(sid.vmid).await.during(format!("Cannot look for {sid}"))?;
    let problem = match guest {
        Some(guest) if guest.kind == sid.kind => return Ok(Ok(guest)),
        Some(_) => Problem::new(
            format!("Guest {} is of another kind than {sid}", sid.vmid),
            "`vm:` names virtual machines, `ct:` containers. Nothing was written.",
        ),
        None => Problem::new(
            format!("Guest {sid} does not exist"),
            "HA can only manage a guest that is there; nothing was written. If it does exist, the user or token lacks VM.Audit \
             on it.",
        ),
    };
    Ok(Err(problem.at("sid")))
}

/// Only PVE 8 has groups, and the one that is named has to be there.
async fn group_is_there(cx: &Cx<Pve>, group: &str, found: &mut Findings<HaResource>) -> Result<(), Error> {
    let Some(groups) = cx.client.ha().groups().await.during("Cannot list HA's groups")? else {
        let detail = "PVE 9 has rules in place of them: leave `group` out, and name the guest in a `pve_ha_rule_node_affinity`. Nothing \
                      was written.";
        found.certain(Problem::new("This cluster has no groups of HA", detail).at("group"));
        return Ok(());
    };
    if !groups.iter().any(|known| known.group == group) {
        let there = groups.iter().map(|known| known.group.clone()).collect();
        let detail =
            format!("Nothing was written. There are: {}. `pve_ha_group` makes more.", crate::section::listed(&there));
        let problem = Problem::new(format!("HA group \"{group}\" does not exist"), detail).at("group");
        found.missing(cx.comes("ha_group", group), problem);
    }
    Ok(())
}

/// HA's error state is left through `disabled` only, one round of the manager before anything else.
async fn leave_error(cx: &Cx<Pve>, sid: Sid, want: &HaResource) -> Result<(), Problem> {
    let status = cx.client.ha().status().await.during("Cannot read HA's status")?;
    if !status.service(sid).is_some_and(|service| service.is_error()) || want.wanted() == "disabled" {
        return Ok(());
    }
    let params = Params::new().set("state", "disabled");
    cx.client.ha().update(sid, &params).await.during(format!("Cannot disable {sid} in HA to clear its error"))?;
    match wait::settled(cx, sid, "disabled").await? {
        Waited::Settled => Ok(()),
        Waited::Error(why) | Waited::Unfinished(why) => {
            Err(Problem::new(format!("HA has not cleared the error of {sid}"), format!("{why} Apply again.")))
        }
    }
}

/// Takes the guest out of HA and touches neither it nor the rules that name it.
async fn take_out(cx: &Cx<Pve>, sid: Sid) -> Result<(), Problem> {
    if find(cx, sid).await?.is_none() {
        return Ok(());
    }
    cx.client.ha().delete(sid, false).await.during(format!("Cannot take {sid} out of HA"))?;
    wait::released(cx, sid).await
}
