//! Monitors, managers and metadata servers: what their lives have in common.
//!
//! PVE makes each by a task that ends when the daemon was started, and rewrites `ceph.conf` as a whole in it, for metadata
//! servers without its lock. So one at a time: looked at, made, and waited for until Ceph itself counts it.

mod addresses;
mod creation;
pub mod manager;
pub mod metadata_server;
pub mod monitor;
mod removal;

use std::collections::BTreeMap;

use pve_client::Error as PveError;
use pve_client::api::ceph::services::Daemon as Sort;
use pve_client::api::cluster::Member;
use terraform_plugin::{
    Attr, Change, Created, Cx, Deleted, Error, Failed, Findings, Need, Read, Resource, Say, Unwritten, Updated,
};

use crate::ceph::cluster;
use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::ledger::Planned;
use crate::ground::named::Named;
use crate::ground::pve::Pve;
use crate::ground::rights;

/// What is called how.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// For PVE's calls.
    pub sort: Sort,
    /// In a sentence: `Monitor`.
    pub what: &'static str,
    /// The type of the task that makes one.
    pub creates: &'static str,
    /// The type of the task that takes one away.
    pub destroys: &'static str,
    /// What it is once it is all that it should be: `part of the quorum`.
    pub works: &'static str,
}

/// A daemon as Ceph and PVE see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Its id.
    pub name: String,
    /// The node.
    pub host: Option<String>,
    /// Its address; only told of monitors.
    pub address: Option<String>,
    /// Whether Ceph counts it.
    pub works: bool,
    /// In PVE's or Ceph's words.
    pub state: String,
}

/// What the models of all three have; [`daemon!`] writes it.
pub trait Modelled: Resource<Pve> + Default + std::fmt::Debug + PartialEq {
    /// Its id: what is configured, else its node's name.
    fn id(&self) -> &str;

    /// The node it is on, or is to be on.
    fn node(&self) -> &str;

    /// As it is. `prior`: the state.
    fn of(seen: &Seen, prior: Option<&Self>) -> Self;

    /// Whether it was all that it should be once.
    fn is_ready(&self) -> bool;

    /// The same, with work left.
    fn unready(self) -> Self;

    /// The node and id of what is planned, as far as they are known.
    fn planned(plan: &Self::Plan) -> (&Attr<String>, &Attr<String>);

    /// The id of what is planned, to be completed.
    fn planned_id(plan: &mut Self::Plan) -> &mut Attr<String>;
}

/// What differs between the three.
pub trait Daemon: Modelled {
    /// What is called how.
    const KIND: Kind;

    /// As [`Resource::left_out`].
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[];

    /// The address that it is to have, if that is said.
    fn address(&self) -> Option<&str> {
        None
    }

    /// As [`Resource::validate`].
    fn check(config: &Self::Plan, say: &mut Say<Self>) {
        let _ = (config, say);
    }

    /// What else speaks against making it on a node that is there. `gone`: the one that goes for it, and is gone by the time
    /// that PVE looks.
    fn fits(
        cx: &Cx<Pve>,
        want: &Self::Plan,
        on: &Member,
        gone: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (cx, want, on, gone, found);
        async { Ok(()) }
    }

    /// With the address that it has, if that is told.
    fn addressed(self, seen: &Seen) -> Self {
        let _ = seen;
        self
    }

    /// All there are.
    fn all(cx: &Cx<Pve>) -> impl Future<Output = Result<Vec<Seen>, Problem>> + Send;

    /// What follows if it goes. `all`: those that there are, it among them; `going`: ids of those that are planned to go along.
    fn losable(
        cx: &Cx<Pve>,
        seen: &Seen,
        all: &[Seen],
        going: &[String],
        found: &mut Findings<Self>,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Whether Ceph or PVE made it by itself, so that nobody could have imported it in time.
    fn came_along(cx: &Cx<Pve>, seen: &Seen) -> impl Future<Output = Result<bool, Problem>> + Send {
        let _ = (cx, seen);
        async { Ok(false) }
    }

    /// What else has to be waited for, once it works: `first` tells that there was none before.
    fn followed(
        cx: &Cx<Pve>,
        first: bool,
        deadline: tokio::time::Instant,
    ) -> impl Future<Output = Result<(), Problem>> + Send {
        let _ = (cx, first, deadline);
        async { Ok(()) }
    }

    /// Remembers what its removal has to know and cannot find out then. Called whenever it is looked at or made.
    fn remember(cx: &Cx<Pve>) {
        let _ = cx;
    }

    /// Whether it stays where it is when it is removed from the configuration, since it goes with something else. `all`: those
    /// that there are.
    fn is_left(cx: &Cx<Pve>, all: &[Seen]) -> bool {
        let _ = (cx, all);
        false
    }

    /// A node from which it is taken away although its own is dead; none if PVE has no way.
    fn other_node(cx: &Cx<Pve>) -> impl Future<Output = Result<Option<String>, Problem>> + Send {
        let _ = cx;
        async { Ok(None) }
    }
}

/// `mon.pve1`: what tasks are about.
fn task_id<D: Daemon>(id: &str) -> String {
    format!("{}.{id}", D::KIND.sort.name())
}

/// As messages call it.
fn called<D: Daemon>(id: &str) -> String {
    format!("{} \"{id}\"", D::KIND.what)
}

fn lower<D: Daemon>(id: &str) -> String {
    format!("{} \"{id}\"", D::KIND.what.to_lowercase())
}

fn named<D: Daemon>(id: &str) -> Named {
    Named { kind: format!("pve_{}", D::NAME), attribute: "name", key: id.to_owned(), what: called::<D>(id) }
}

async fn find<D: Daemon>(cx: &Cx<Pve>, id: &str) -> Result<Option<Seen>, Problem> {
    Ok(D::all(cx).await?.into_iter().find(|seen| seen.name == id))
}

/// What it takes to plan and to apply one.
pub fn needs<D: Daemon>() -> Vec<Need> {
    vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &["Sys.Modify"])]
}

/// All that PVE's calls take is offered, or says why not.
pub fn left_out<D: Daemon>() -> &'static [(&'static str, &'static str)] {
    D::LEFT_OUT
}

/// Looks at the configuration alone.
pub fn validate<D: Daemon>(config: &D::Plan, say: &mut Say<D>) {
    D::check(config, say);
}

/// A daemon that is planned, or being made by this process, by its sort and its id.
#[derive(Clone, Copy, Debug)]
struct Coming;

impl Planned for Coming {
    type Key = (&'static str, String);
}

/// Whether one of this sort is planned, or being made by this process.
pub fn comes(cx: &Cx<Pve>, sort: Sort) -> bool {
    cx.ledger.with(|all: &mut BTreeMap<_, Coming>| all.keys().any(|(its, _): &(&str, String)| *its == sort.name()))
}

/// The node's name is the usual id.
pub async fn plan<D: Daemon>(cx: &Cx<Pve>, change: &mut Change<D>, say: &mut Say<D>) {
    rights::warn(cx, change, say, "/", "Sys.Modify").await;
    if change.is_create() && !change.is_destroy() {
        let unset = D::planned(&change.config).1.is_null();
        let node = D::planned(&change.plan).0.clone();
        if unset {
            *D::planned_id(&mut change.plan) = node;
        }
        let id = D::planned(&change.plan).1.text().unwrap_or_default().to_owned();
        cx.ledger.note((D::KIND.sort.name(), id), Coming);
    }
}

/// Whether it is there already, and whether its node is.
pub async fn possible<D: Daemon>(
    cx: &Cx<Pve>,
    want: &D::Plan,
    prior: Option<&D>,
    found: &mut Findings<D>,
) -> Result<(), Error> {
    // It exists, or a creation was begun that tells by itself what became of it.
    if prior.is_some() {
        return Ok(());
    }
    let (node, id) = D::planned(want);
    if let Some(node) = node.text() {
        let status = cx.client.cluster().status().await.during("Cannot list the cluster's nodes")?;
        match status.member(node) {
            None => {
                let names: Vec<&str> = status.members.iter().map(|member| member.name.as_str()).collect();
                let detail = format!("Its nodes: {}. Nothing was written.", names.join(", "));
                let problem = Problem::new(format!("The cluster has no node \"{node}\""), detail);
                found.mendable(problem.at("node"));
            }
            Some(member) if !member.online => {
                let detail = "Daemons are made on their own node. Nothing was written. Apply again when it is back.";
                found.mendable(Problem::new(format!("Node {node} is offline"), detail).at("node"));
            }
            Some(member) => {
                let going = cx.going::<D>();
                let gone = going.iter().find(|going| going.id() == id.text().unwrap_or(node));
                D::fits(cx, want, member, gone, found).await?;
            }
        }
    }
    if let Some(id) = id.text().or(node.text()) {
        match find::<D>(cx, id).await {
            Ok(Some(seen)) if !D::came_along(cx, &seen).await? => found.exists(named::<D>(id).existing()),
            Ok(_) => {}
            Err(problem) if is_without_ceph(&problem) => found.missing(cx.comes("ceph_cluster", cluster::ID), problem),
            Err(problem) => return Err(problem.into()),
        }
    }
    Ok(())
}

/// Whether there is no Ceph that could have any.
fn is_without_ceph(problem: &Problem) -> bool {
    problem.pve().is_some_and(cluster::is_missing)
}

/// The same of all there are, of those that are in the state: where Ceph's configuration is gone, so are they.
fn of_no_ceph<T: Default>(found: Result<T, Problem>) -> Result<T, Problem> {
    match found {
        Err(problem) if matches!(problem.pve(), Some(PveError::NotInitialised(_))) => Ok(T::default()),
        found => found,
    }
}

/// What speaks against taking it away.
pub async fn removable<D: Daemon>(cx: &Cx<Pve>, was: &D, found: &mut Findings<D>) -> Result<(), Error> {
    let all = of_no_ceph(D::all(cx).await)?;
    let Some(seen) = all.iter().find(|seen| seen.name == was.id()) else { return Ok(()) };
    let going: Vec<String> = match found.is_plan() {
        true => cx.going::<D>().iter().map(|other| other.id().to_owned()).collect(),
        false => Vec::new(),
    };
    if !D::is_left(cx, &all) {
        found.check(removal::place::<D>(cx, was, seen).await);
    }
    D::losable(cx, seen, &all, &going, found).await
}

/// Looks at it. A dead node and what was begun are no reasons to call it gone.
pub async fn read<D: Daemon>(cx: &Cx<Pve>, key: &D::Key, prior: Option<&D>) -> Result<Read<D>, Error> {
    D::remember(cx);
    let id = &key.to_string();
    let found = of_no_ceph(find::<D>(cx, id).await).map(|seen| seen.map(|seen| D::of(&seen, prior)));
    if let (Ok(None), Some(prior)) = (&found, prior)
        && absence::tell_if_dead(cx, &[prior.node()], &format!("{} tells nothing of itself", lower::<D>(id))).await
    {
        // What a dead node told is forgotten after some minutes.
        return Ok(Read::Found(D::of(&silent(prior), Some(prior))));
    }
    match (found, prior) {
        // It may be in the making: what was begun is carried on, or taken away, by the next apply.
        (Ok(None), Some(prior)) if !prior.is_ready() => Ok(Read::Found(prior.clone())),
        (found, _) => absence::answer(&cx.client, found).await,
    }
}

/// As the state has it, of one that nobody sees.
fn silent<D: Daemon>(prior: &D) -> Seen {
    Seen {
        name: prior.id().to_owned(),
        host: Some(prior.node().to_owned()),
        address: prior.address().map(str::to_owned),
        works: false,
        state: String::new(),
    }
}

/// Makes it. Who needs one waits as long as it is under way.
pub async fn create<D: Daemon>(cx: &Cx<Pve>, want: &D, unwritten: Unwritten<D>) -> Result<Created<D>, Failed> {
    let key = (D::KIND.sort.name(), want.id().to_owned());
    cx.ledger.note(key.clone(), Coming);
    let made = creation::create(cx, want, unwritten).await;
    cx.ledger.forget::<Coming>(&key);
    made
}

/// Nothing can be changed: what was begun is carried on.
pub async fn update<D: Daemon>(cx: &Cx<Pve>, prior: &D, want: &D) -> Result<Updated<D>, Error> {
    creation::resume(cx, prior, want).await
}

/// Takes it away, if it is there and may go.
pub async fn delete<D: Daemon>(cx: &Cx<Pve>, was: &D) -> Result<Deleted<D>, Error> {
    removal::remove(cx, was).await
}

/// All there are.
pub async fn list<D: Daemon>(cx: &Cx<Pve>) -> Result<Vec<D>, Error> {
    Ok(D::all(cx).await?.iter().map(|seen| D::of(seen, None)).collect())
}

/// Makes a daemon's model a resource that can be listed.
macro_rules! daemon {
    ($object:ty, $plural:literal) => {
        impl crate::ceph::daemon::Modelled for $object {
            fn id(&self) -> &str {
                self.name.as_deref().unwrap_or(&self.node)
            }

            fn node(&self) -> &str {
                &self.node
            }

            fn of(seen: &crate::ceph::daemon::Seen, prior: Option<&Self>) -> Self {
                let known = prior.cloned().unwrap_or_default();
                let found = Self {
                    node: seen.host.clone().unwrap_or_else(|| known.node.clone()),
                    name: Some(seen.name.clone()),
                    ready: known.ready || seen.works || prior.is_none(),
                    ..known
                };
                <Self as crate::ceph::daemon::Daemon>::addressed(found, seen)
            }

            fn is_ready(&self) -> bool {
                self.ready
            }

            fn unready(self) -> Self {
                Self { ready: false, ..self }
            }

            fn planned(
                plan: &<Self as terraform_plugin::Object>::Plan,
            ) -> (&terraform_plugin::Attr<String>, &terraform_plugin::Attr<String>) {
                (&plan.node, &plan.name)
            }

            fn planned_id(plan: &mut <Self as terraform_plugin::Object>::Plan) -> &mut terraform_plugin::Attr<String> {
                &mut plan.name
            }
        }

        crate::ground::lives::lived!($object, by crate::ceph::daemon, plain = false, plural = $plural);
    };
}
use daemon;
