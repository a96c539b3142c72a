//! `pve_ceph_crush_bucket`: a rack, a room, a site in Ceph's hierarchy.

mod checks;
mod listed;
mod steps;

use std::collections::{BTreeMap, BTreeSet};

use pve_client::api::ceph::crush::CrushMap;
use pve_client::shell::commands::CephCommands;
use terraform_plugin::{
    Attr, Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Read, Resource, Say, Timeouts, Unwritten,
    Updated, require, require_removable,
};

use super::shell_node;
use super::topology::{self, Place};
use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::ledger::Planned;
use crate::ground::named::Named;
use crate::ground::pve::Pve;
use crate::ground::rights;
use steps::{DEFAULT_ROOT, Step, Wanted};

/// A bucket in Ceph's CRUSH hierarchy, such as a rack, a room or a datacenter, with the hosts in it: what a rule
/// (`pve_ceph_crush_rule`) can keep copies apart by.
///
/// PVE has no call for this, so Ceph's own commands are run through PVE's terminal on a node with a monitor, which takes the
/// login of `root@pam`; planning and refreshing do not.
///
/// A host that has no OSD yet is put there all the same: its OSDs then begin in the right place, and no data has to move. One that
/// has some moves with them, and Ceph moves data. A host that is taken out of the list goes up, below the bucket's `parent`, and so
/// do all hosts when the bucket is destroyed. It is not destroyed while other buckets are below it or rules begin at it, and no host
/// moves where a pool would be left without a place for its copies.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_crush_bucket", area = "Ceph", key(name))]
pub struct CrushBucket {
    /// Name.
    #[attr(
        required,
        replace,
        regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$",
        says = "letters, digits, `-`, `_` and `.`, and no `-` at the beginning"
    )]
    pub name: String,
    /// Its level: `chassis`, `rack`, `row`, `pdu`, `pod`, `room`, `datacenter`, `zone`, `region` or `root`, each below the next
    /// ones.
    #[attr(
        required,
        replace,
        regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$",
        says = "a level of the CRUSH hierarchy, such as `rack`",
        check = not_a_host
    )]
    pub r#type: String,
    /// The bucket that it is below.
    ///
    /// Left alone when unset (`default` for a new one that is no root, and for one below nothing that gets hosts).
    #[attr(keep, regex = r"^[A-Za-z0-9_.][A-Za-z0-9_.-]*$", says = "the name of a CRUSH bucket, such as `default`")]
    pub parent: Option<String>,
    /// The hosts directly in it, by the names of their nodes.
    ///
    /// Left alone when unset.
    #[attr(keep, each = a_host)]
    pub hosts: Option<BTreeSet<String>>,
    /// False while hosts are being moved; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

fn not_a_host(kind: &String) -> Result<(), String> {
    match kind.as_str() {
        "osd" | "host" => Err("must be above the hosts, which come with their OSDs".to_owned()),
        _ => Ok(()),
    }
}

fn a_host(name: &String) -> Result<(), String> {
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    match !name.is_empty() && !name.starts_with('-') && name.chars().all(good) {
        true => Ok(()),
        false => Err("must be the name of a node".to_owned()),
    }
}

/// The hosts that are planned, once they are all known.
fn named_hosts(plan: &CrushBucketPlan) -> Option<BTreeSet<String>> {
    plan.hosts.known()?.iter().map(|host| host.text().map(str::to_owned)).collect()
}

/// Whether hosts are to be put there that are not.
fn hosts_come(plan: &CrushBucketPlan, prior: &CrushBucket) -> bool {
    let there = prior.hosts.as_ref();
    named_hosts(plan).is_some_and(|hosts| hosts.iter().any(|host| there.is_none_or(|there| !there.contains(host))))
}

/// A bucket that is planned, by its name: rules that are planned may keep copies apart by its level.
#[derive(Clone, Debug)]
pub struct Coming;

impl Planned for Coming {
    type Key = String;
}

/// A bucket that this process is about to make, or has made.
#[derive(Clone, Copy, Debug)]
struct Making;

impl Planned for Making {
    type Key = String;
}

impl Resource<Pve> for CrushBucket {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &[])]
    }

    fn validate(config: &CrushBucketPlan, say: &mut Say<Self>) {
        if let (Some("root"), Some(parent)) = (config.r#type.text(), config.parent.text()) {
            say.error(
                "parent",
                format!("A root is below nothing, and not below \"{parent}\""),
                "Leave `parent` out, or choose another `type`.",
            );
        }
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if change.is_destroy() {
            return;
        }
        let root = change.plan.r#type.is(&"root".to_owned());
        // One that is below nothing is where no rule looks for its hosts; a creation that was cut off leaves it there.
        let placed =
            change.prior.as_ref().is_none_or(|prior| prior.parent.is_none() && hosts_come(&change.plan, prior));
        if placed && change.config.parent.is_null() && !change.plan.r#type.is_unknown() {
            change.plan.parent = if root { Attr::Null } else { Attr::Known(DEFAULT_ROOT.to_owned()) };
        }
        let changed = change.is_create() || change.changed(|p| &p.parent) || change.changed(|p| &p.hosts);
        if changed {
            rights::warn_shell(cx, say, "name", "CRUSH buckets");
        }
        let (Some(name), Some(kind)) = (change.plan.name.text(), change.plan.r#type.text()) else { return };
        cx.ledger.note(name.to_owned(), Coming);
        for host in named_hosts(&change.config).into_iter().flatten() {
            let place = || Place { kind: kind.to_owned(), bucket: name.to_owned() };
            // Who comes second tells.
            cx.ledger.with(|all: &mut BTreeMap<String, Place>| {
                all.entry(host).or_insert_with(place);
            });
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &CrushBucketPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let (Some(name), Some(kind)) = (want.name.text(), want.r#type.text()) else { return Ok(()) };
        let map = topology::crush_map(&cx.api).await?;
        if prior.is_none() && map.bucket(name).is_some() {
            found.exists(named(name).existing());
        }
        let wanted = Self {
            name: name.to_owned(),
            r#type: kind.to_owned(),
            parent: want.parent.text().map(str::to_owned),
            hosts: named_hosts(want),
            ..Self::default()
        };
        let wanted = wanted.wanted(prior);
        checks::names(cx, &wanted, &map, found).await?;
        Ok(checks::moves(cx, &wanted, &map, found).await?)
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        let map = topology::crush_map(&cx.api).await?;
        checks::users(cx, &was.name, &map, found);
        Ok(checks::moves(cx, &Self::emptied(&was.name, &map), &map, found).await?)
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        unwritten.check(only_once(cx, &want.name))?;
        let map = unwritten.check(topology::crush_map(&cx.api).await)?;
        let there = map.bucket(&want.name).map(|bucket| bucket.kind.clone());
        let ours = unwritten.check(named(&want.name).left_behind(cx, there, |kind| *kind == want.r#type).await)?;
        if ours.is_some() {
            return Ok(unwritten.take_over(want.clone()).settle(async |_| bring(cx, want, None).await).await);
        }
        unwritten.check(require(cx, want, None).await)?;
        let doing = format!("Cannot create CRUSH bucket \"{}\"", want.name);
        let shell = cx.client.shell(unwritten.check(shell_node(cx, &doing).await)?);
        let commands = CephCommands::new(&cx.client, &shell);
        let request = async { commands.add_bucket(&want.name, &want.r#type).await.during(&doing) };
        let (answer, written) = unwritten.send(want.clone(), request).await?;
        if let Err(problem) = answer {
            match topology::crush_map(&cx.api).await {
                Ok(map) if map.bucket(&want.name).is_none() => {
                    return written.undo(problem, async { Ok::<_, Problem>(()) }).await;
                }
                Ok(_) => {}
                Err(_) => return Ok(written.leave(problem)),
            }
        }
        Ok(written.settle(async |_| bring(cx, want, None).await).await)
    }

    async fn read(cx: &Cx<Pve>, key: &CrushBucketKey, _prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let map = topology::crush_map(&cx.api).await;
        absence::answer(&cx.client, map.map(|map| Self::of(&key.name, &map))).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        require(cx, want, Some(prior)).await?;
        Ok(Updated::Done(bring(cx, want, Some(prior)).await?))
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        let map = topology::crush_map(&cx.api).await?;
        if map.bucket(&was.name).is_none() {
            return Ok(Deleted::Gone);
        }
        require_removable(cx, was).await?;
        carry_on(cx, &Self::emptied(&was.name, &map)).await?;
        let doing = format!("Cannot destroy CRUSH bucket \"{}\"", was.name);
        let shell = cx.client.shell(shell_node(cx, &doing).await?);
        CephCommands::new(&cx.client, &shell).remove_bucket(&was.name).await.during(&doing)?;
        match topology::crush_map(&cx.api).await?.bucket(&was.name) {
            Some(_) => Err(Error::new(doing, "Ceph's command succeeded, yet the bucket is still there. Apply again.")),
            None => Ok(Deleted::Gone),
        }
    }
}

impl CrushBucket {
    /// The bucket as the map tells it.
    pub fn of(name: &str, map: &CrushMap) -> Option<Self> {
        let bucket = map.bucket(name)?;
        Some(Self {
            name: bucket.name.clone(),
            r#type: bucket.kind.clone(),
            parent: steps::parent(map, name).map(|parent| parent.name.clone()),
            hosts: Some(steps::hosts(map, bucket)),
            ready: true,
            ..Self::default()
        })
    }

    /// What has to become of it: hosts that it had by the state and that are named no more leave.
    fn wanted(&self, prior: Option<&Self>) -> Wanted {
        let hosts = self.hosts.clone().unwrap_or_default();
        let had = prior.and_then(|prior| prior.hosts.clone()).filter(|_| self.hosts.is_some()).unwrap_or_default();
        Wanted {
            name: self.name.clone(),
            kind: self.r#type.clone(),
            parent: self.parent.clone(),
            leaving: had.difference(&hosts).cloned().collect(),
            hosts,
        }
    }

    /// The same with no host in it.
    fn emptied(name: &str, map: &CrushMap) -> Wanted {
        let bucket = map.bucket(name);
        Wanted {
            name: name.to_owned(),
            kind: bucket.map(|bucket| bucket.kind.clone()).unwrap_or_default(),
            leaving: bucket.map(|bucket| steps::hosts(map, bucket)).unwrap_or_default(),
            ..Wanted::default()
        }
    }
}

fn named(name: &str) -> Named {
    let (key, what) = (name.to_owned(), format!("CRUSH bucket \"{name}\""));
    Named { kind: "pve_ceph_crush_bucket".to_owned(), attribute: "name", key, what }
}

/// Ceph leaves a bucket that exists as it is and calls that a success: of two resources for one both would have made it.
fn only_once(cx: &Cx<Pve>, name: &str) -> Result<(), Problem> {
    let taken = cx.ledger.with(|making: &mut BTreeMap<String, Making>| making.insert(name.to_owned(), Making));
    taken.map_or(Ok(()), |Making| {
        Err(Problem::new(
            format!("CRUSH bucket \"{name}\" is made by another resource already"),
            "Two resources of this configuration name the same one; nothing was written for this one. Remove one of them.",
        )
        .at("name"))
    })
}

/// Step by step, until it is what is wanted.
async fn bring(cx: &Cx<Pve>, want: &CrushBucket, prior: Option<&CrushBucket>) -> Result<CrushBucket, Problem> {
    carry_on(cx, &want.wanted(prior)).await?;
    let map = topology::crush_map(&cx.api).await?;
    CrushBucket::of(&want.name, &map).ok_or_else(|| {
        Problem::new(
            format!("CRUSH bucket \"{}\" is gone", want.name),
            "Somebody removed it meanwhile. Apply again to make it anew.",
        )
    })
}

async fn carry_on(cx: &Cx<Pve>, want: &Wanted) -> Result<(), Problem> {
    let doing = format!("Cannot change CRUSH bucket \"{}\"", want.name);
    let mut last = None;
    loop {
        let map = topology::crush_map(&cx.api).await?;
        let step = steps::next(&map, want);
        if step == Step::Done {
            return Ok(());
        }
        tracing::info!(bucket = want.name, ?step, "changing the CRUSH hierarchy");
        if last.as_ref() == Some(&step) {
            let detail = format!("Ceph says that it is done, yet nothing has changed: {step:?}. Apply again.");
            return Err(Problem::new(doing, detail));
        }
        if cx.stop.is_cancelled() {
            return Err(Problem::new(doing, "Interrupted between two steps. The next apply goes on from here."));
        }
        let shell = cx.client.shell(shell_node(cx, &doing).await?);
        let commands = CephCommands::new(&cx.client, &shell);
        match &step {
            Step::Make => commands.add_bucket(&want.name, &want.kind).await.during(&doing)?,
            Step::MakeHost(host) => commands.add_bucket(host, "host").await.during(&doing)?,
            Step::Move { item, kind, to } => commands.move_bucket(item, kind, to).await.during(&doing)?,
            Step::Done => return Ok(()),
        }
        last = Some(step);
    }
}
