//! Who speaks for the cluster, where several endpoints are given.
//!
//! Before a cluster exists, and while nodes join it or have left it, an endpoint may be a single node: it answers for itself, and
//! what it says of users, storages or guests is not what the cluster says. So nobody is asked for the cluster before it is known
//! who is a member. Where all endpoints show certificates of one and the same cluster's own authority, that is known without a
//! word; else one of them is asked for `cluster/status`, and the others too if that one is alone or without quorum.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use tokio::time::Instant;

use crate::api::cluster::ClusterStatus;
use crate::config::EndpointConfig;
use crate::{Area, Client, Config, Error, Request};

/// For how long an answer counts that time will change: no cluster yet, or one without quorum.
const FOR_NOW: Duration = Duration::from_secs(2);

/// What is known of the endpoints.
pub(crate) struct Circle {
    state: Mutex<State>,
    /// Held by whoever finds out.
    turn: tokio::sync::Mutex<()>,
}

struct State {
    voices: Vec<Voice>,
    known: Known,
    /// The cluster's name and members, where it was asked for them.
    cluster: Option<Arc<ClusterStatus>>,
    alone: HashMap<usize, Client>,
}

/// What an endpoint is to the cluster.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Voice {
    /// Not known: it is asked when no other is left.
    Unasked,
    /// It is a member.
    Ours,
    /// It is a node by itself, or another cluster's.
    Other,
}

enum Known {
    Nothing,
    All,
    Until(Instant),
    Not(Error, Instant),
}

impl Circle {
    pub(crate) fn new(endpoints: usize) -> Circle {
        let known = if endpoints == 1 { Known::All } else { Known::Nothing };
        let voice = if endpoints == 1 { Voice::Ours } else { Voice::Unasked };
        let state = State { voices: vec![voice; endpoints], known, cluster: None, alone: HashMap::new() };
        Circle { state: Mutex::new(state), turn: tokio::sync::Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    /// Whether this endpoint may be asked for the cluster. As long as nothing is known, each is: the question is then who they
    /// are.
    pub(crate) fn may_speak(&self, index: usize) -> bool {
        let state = self.state();
        match state.known {
            Known::All | Known::Until(_) => state.voices[index] == Voice::Ours,
            Known::Nothing | Known::Not(..) => true,
        }
    }

    /// What is known, and still counts.
    fn known(&self) -> Option<Result<(), Error>> {
        match &self.state().known {
            Known::All => Some(Ok(())),
            Known::Until(end) if Instant::now() < *end => Some(Ok(())),
            Known::Not(error, end) if Instant::now() < *end => Some(Err(error.clone())),
            Known::Nothing | Known::Until(_) | Known::Not(..) => None,
        }
    }

    /// All of them are members, or who is cannot be told.
    pub(crate) fn trust_all(&self) {
        let mut state = self.state();
        state.voices.fill(Voice::Ours);
        (state.known, state.cluster) = (Known::All, None);
    }

    fn settled(&self, voices: Vec<Voice>, status: Arc<ClusterStatus>) {
        let mut state = self.state();
        state.known = if status.quorate { Known::All } else { Known::Until(Instant::now() + FOR_NOW) };
        (state.voices, state.cluster) = (voices, Some(status));
    }

    fn scattered(&self, error: &Error) {
        let mut state = self.state();
        state.known = Known::Not(error.clone(), Instant::now() + FOR_NOW);
        state.cluster = None;
    }

    fn forget(&self) {
        let mut state = self.state();
        let count = state.voices.len();
        state.alone.clear();
        if count > 1 {
            state.voices.fill(Voice::Unasked);
            (state.known, state.cluster) = (Known::Nothing, None);
        }
    }

    fn unasked(&self) -> Vec<usize> {
        let state = self.state();
        match state.known {
            Known::All | Known::Until(_) => {
                (0..state.voices.len()).filter(|index| state.voices[*index] == Voice::Unasked).collect()
            }
            Known::Nothing | Known::Not(..) => Vec::new(),
        }
    }
}

/// What one endpoint says of itself.
struct Heard {
    index: usize,
    told: Result<Arc<ClusterStatus>, Error>,
}

/// What comes of all that they say.
enum Verdict {
    /// One cluster; the endpoint that told of it.
    Cluster(Arc<ClusterStatus>, usize),
    /// Several addresses of one node.
    OneNode(Arc<ClusterStatus>),
    /// No cluster that is meant.
    Nobody(Error),
}

/// Whether two answers are of the same cluster.
fn same(one: &ClusterStatus, other: &ClusterStatus) -> bool {
    let lists = |status: &ClusterStatus, node: Option<&str>| node.is_some_and(|node| status.member(node).is_some());
    one.name == other.name && lists(one, other.local()) && lists(other, one.local())
}

fn judge(heard: &[Heard]) -> Verdict {
    let told = || heard.iter().filter_map(|one| Some((one.index, one.told.as_ref().ok()?)));
    let silent = heard.iter().any(|one| one.told.is_err());
    let in_cluster = |quorate: bool| told().filter(move |(_, s)| s.name.is_some() && s.quorate == quorate);
    if let Some((index, first)) = in_cluster(true).next() {
        let others: BTreeSet<&str> =
            in_cluster(true).filter(|(_, s)| !same(first, s)).filter_map(|(_, s)| s.local()).collect();
        if others.is_empty() {
            return Verdict::Cluster(first.clone(), index);
        }
        let name = |status: &ClusterStatus| status.name.clone().unwrap_or_default();
        let clusters = in_cluster(true).filter_map(|(_, s)| Some((s.local()?.to_owned(), name(s)))).collect();
        return Verdict::Nobody(Error::NoCluster { single: Vec::new(), clusters, silent: Vec::new() });
    }
    if let Some((index, first)) = in_cluster(false).next() {
        return Verdict::Cluster(first.clone(), index);
    }
    let names: BTreeSet<&str> = told().filter_map(|(_, status)| status.local()).collect();
    match (told().next(), heard.iter().find_map(|one| one.told.as_ref().err())) {
        (Some((_, status)), _) if names.len() == 1 && !silent => Verdict::OneNode(status.clone()),
        (None, Some(error)) => Verdict::Nobody(error.clone()),
        _ => {
            let single = names.into_iter().map(str::to_owned).collect();
            Verdict::Nobody(Error::NoCluster { single, clusters: Vec::new(), silent: Vec::new() })
        }
    }
}

impl Client {
    /// Finds out who speaks for the cluster, unless that is known. An error, if nobody does.
    pub(crate) async fn settle(&self) -> Result<(), Error> {
        let circle = self.inner.connections.circle();
        if let Some(known) = circle.known() {
            return known;
        }
        let _turn = circle.turn.lock().await;
        if let Some(known) = circle.known() {
            return known;
        }
        if self.inner.connections.of_one_authority() {
            circle.trust_all();
            return Ok(());
        }
        let first = match self.first_status().await {
            Ok(status) => {
                let index = status.local().and_then(|node| self.inner.connections.endpoint_of(node));
                let index = index.unwrap_or_else(|| self.inner.connections.current());
                if status.name.is_some() && status.quorate {
                    self.inner.connections.circle().settled(self.voices(&status, index), status);
                    return Ok(());
                }
                Some(Heard { index, told: Ok(status) })
            }
            // Who may not ask has to take it as it comes.
            Err(Error::Permission(_)) => {
                circle.trust_all();
                return Ok(());
            }
            // These credentials may be the cluster's, and the endpoint a node by itself.
            Err(Error::Unauthenticated(_)) => None,
            Err(error) => return Err(error),
        };
        // What it said of itself is not what the cluster says.
        self.inner.shared.bump(&[Area::Nodes]);
        let asked = first.as_ref().map(|heard| heard.index);
        let others = (0..self.inner.connections.count()).filter(|index| Some(*index) != asked);
        let mut heard = self.hear(others.collect()).await;
        heard.extend(first);
        heard.sort_by_key(|one| one.index);
        match judge(&heard) {
            Verdict::Cluster(status, index) => circle.settled(self.voices(&status, index), status),
            Verdict::OneNode(status) => circle.settled(vec![Voice::Ours; heard.len()], status),
            Verdict::Nobody(error) => {
                let error = self.with_silent(error, &heard);
                circle.scattered(&error);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Names the endpoints that did not answer, where that is what leaves it open.
    fn with_silent(&self, error: Error, heard: &[Heard]) -> Error {
        match error {
            Error::NoCluster { single, clusters, .. } => {
                let silent = heard.iter().filter(|one| one.told.is_err());
                let silent = silent.map(|one| self.inner.connections.name_of(one.index)).collect();
                Error::NoCluster { single, clusters, silent }
            }
            error => error,
        }
    }

    /// Boxed, since reading this asks who may be read from.
    fn first_status(&self) -> BoxFuture<'_, Result<Arc<ClusterStatus>, Error>> {
        self.shared(Area::Nodes, Request::get("cluster/status").of_anyone()).boxed()
    }

    /// What these endpoints say of themselves.
    fn hear(&self, indices: Vec<usize>) -> BoxFuture<'_, Vec<Heard>> {
        let one = async move |index| {
            let told = match self.alone_at(index) {
                Ok(alone) => alone.cluster().status().await,
                Err(error) => Err(error),
            };
            Heard { index, told }
        };
        async move { join_all(indices.into_iter().map(one)).await }.boxed()
    }

    /// The endpoints that are members of this cluster, by their names; of the others nothing is known yet.
    fn voices(&self, status: &ClusterStatus, told_by: usize) -> Vec<Voice> {
        let voice = |index: usize| {
            let named = self.inner.connections.node_of(index).is_some_and(|node| status.member(node).is_some());
            if named || index == told_by { Voice::Ours } else { Voice::Unasked }
        };
        (0..self.inner.connections.count()).map(voice).collect()
    }

    /// Asks the endpoints that nothing is known of: whether there is a member among them.
    pub(crate) fn ask_the_others(&self) -> BoxFuture<'_, bool> {
        async move {
            let circle = self.inner.connections.circle();
            let unasked = circle.unasked();
            if unasked.is_empty() {
                return false;
            }
            let heard = self.hear(unasked).await;
            let mut state = circle.state();
            let cluster = state.cluster.clone();
            let mut found = false;
            for Heard { index, told } in heard {
                let Ok(status) = told else { continue };
                let ours = status.quorate
                    && status.name.is_some()
                    && cluster.as_ref().is_none_or(|ours| {
                        ours.name == status.name && status.local().is_some_and(|node| ours.member(node).is_some())
                    });
                state.voices[index] = if ours { Voice::Ours } else { Voice::Other };
                found |= ours;
            }
            found
        }
        .boxed()
    }

    /// Whom a request for this node goes to, if that is not the cluster: the node itself, which is no member.
    pub(crate) async fn apart(&self, node: &str) -> Result<Option<Client>, Error> {
        let own = self.inner.connections.endpoint_of(node);
        match (self.settle().await, own) {
            (Ok(()), own) => {
                let member = self.inner.connections.circle().state().cluster.as_ref().map(|c| c.member(node).is_some());
                match (member, own) {
                    (Some(false), Some(index)) => self.alone_at(index).map(Some),
                    _ => Ok(None),
                }
            }
            (Err(Error::NoCluster { .. }), Some(index)) => self.alone_at(index).map(Some),
            (Err(error), _) => Err(error),
        }
    }

    fn alone_at(&self, index: usize) -> Result<Client, Error> {
        let circle = self.inner.connections.circle();
        if let Some(known) = circle.state().alone.get(&index) {
            return Ok(known.with_stop(self.stop.clone()));
        }
        let (endpoint, pin) = self.inner.connections.config_of(index);
        let alone = self.beside(endpoint, pin)?;
        circle.state().alone.insert(index, alone.clone());
        Ok(alone)
    }

    /// The endpoint that is configured for this node, asked for itself alone: what it says is not taken for the cluster's, and it
    /// is logged in to by itself.
    ///
    /// # Errors
    /// Only what [`Client::new`] finds wrong.
    pub fn alone(&self, node: &str) -> Result<Option<Client>, Error> {
        self.inner.connections.endpoint_of(node).map(|index| self.alone_at(index)).transpose()
    }

    /// The fingerprint that the endpoint of a node is held to, if it is.
    pub fn pin(&self, node: &str) -> Option<String> {
        let index = self.inner.connections.endpoint_of(node)?;
        self.inner.connections.config_of(index).1
    }

    /// A node at an address of its own, with our login (or else our token) and what else we trust. A fingerprint takes the place
    /// of that.
    ///
    /// # Errors
    /// What [`Client::new`] finds wrong with the address.
    pub fn beside(&self, endpoint: EndpointConfig, fingerprint: Option<String>) -> Result<Client, Error> {
        let own = self.inner.config.clone();
        let name = endpoint.node.clone().unwrap_or_else(|| endpoint.url.clone());
        let config = Config {
            fingerprints: fingerprint.map(|fingerprint| (name, fingerprint)).into_iter().collect(),
            endpoints: vec![endpoint],
            // A token is the cluster's; the password of root@pam is that of each machine.
            token: own.token.clone().filter(|_| own.login.is_none()),
            ..own
        };
        Ok(Client::over(config, self.inner.dial.clone())?.with_stop(self.stop.clone()))
    }

    /// Forgets who is a member, and everything that was read: a node has joined or left.
    pub fn regroup(&self) {
        self.inner.connections.circle().forget();
        self.inner.shared.forget();
    }
}

#[cfg(test)]
mod tests;
