//! `pve_cluster_member`: a node that joins a cluster.

mod joining;
mod leaving;
mod lost;
mod switching_off;

use std::collections::BTreeMap;

use pve_client::Client;
use pve_client::config::EndpointConfig;
use terraform_plugin::{
    Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Queried, Read, Resource, Say, Secret, Seen,
    Timeouts, Unwritten, Updated,
};

use super::found::{self, Link, numbered};
use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::named::Named;
use crate::ground::pve::Pve;
use crate::ground::rights;

/// A node that joins the cluster. (The first one makes it: `pve_cluster`.)
///
/// **What the node has in `/etc/pve` is lost by joining**: storages, users, tokens, jobs, its own settings and certificate. The plan
/// tells what is there, if the node answers; else the apply does. What lies outside stays: network, disks, packages. So join first,
/// and configure afterwards. A node with guests does not join, nor one that is in a cluster.
///
/// Nodes join one after the other, whatever the configuration says, and as long as one does, other writes of this provider wait: the
/// cluster may be without quorum until the new member is there. The node is asked at its own address, with the provider's login as
/// `root@pam`; its certificate is another one afterwards, and a fingerprint in the provider's block has to be changed, which the
/// apply tells.
///
/// A member is destroyed only while it is switched off (PVE would take the vote of one that is on), which `shut_down` sees to, and with
/// nothing on it: no guests, no OSDs, no daemons of Ceph, and nothing that names it in rules of HA, replication jobs and storages. **It
/// has to be installed anew before it joins a cluster again.** A guide tells the whole way in and out: *A cluster from single nodes*.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "cluster_member", area = "Cluster", key(node))]
pub struct ClusterMember {
    /// The node's name.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// Where it answers before it is a member: `https://192.0.2.12:8006`. Unset: as the provider's `endpoints` say.
    #[attr(local)]
    pub endpoint: Option<String>,
    /// SHA-256 of the certificate that it shows there, as `pvenode cert info` tells on it. It changes by joining. Unset: as the
    /// provider's `fingerprints` say, unless `endpoint` is set.
    #[attr(local)]
    pub fingerprint: Option<String>,
    /// The password of `root@pam` on the cluster, which the node asks it with. Unset: the provider's.
    #[attr(optional, sensitive, write_only, length = 1..=128)]
    pub password: Option<Secret<String>>,
    /// Addresses of the node, one for each link of the cluster, by its number from `"0"` to `"7"`. Unset: link 0, with the address
    /// that the node's name stands for. Said when it joins, and not compared later: PVE changes no links.
    #[attr(local, check = numbered)]
    pub links: Option<BTreeMap<String, Link>>,
    /// The node is dead and does not come back. With it, destroying this does not wait for its guests, OSDs and daemons of Ceph to
    /// leave a node that nobody can reach: what is left of them is told, with what takes it away. Must be applied before.
    #[attr(local, default = false)]
    pub gone: bool,
    /// Destroying this switches the node off first, once nothing is on it any more. Without it, that is refused while the node is on.
    /// Where the votes of the others are exactly half of all then, as with the last but one, a majority is counted without the node's
    /// (`pvecm expected`). Must be applied before.
    #[attr(local, default = false)]
    pub shut_down: bool,
    /// False until it has been an online member once; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "10m", update = "10m", delete = "10m"))]
    pub timeouts: Timeouts,
}

fn named(node: &str) -> Named {
    Named {
        kind: "pve_cluster_member".to_owned(),
        attribute: "node",
        key: node.to_owned(),
        what: format!("Member \"{node}\""),
    }
}

/// The node at its own address.
fn own(cx: &Cx<Pve>, node: &str, endpoint: Option<&str>, fingerprint: Option<&str>) -> Result<Client, Problem> {
    if let Some(url) = endpoint {
        let endpoint = EndpointConfig { node: Some(node.to_owned()), url: url.to_owned() };
        let own = cx.client.beside(endpoint, fingerprint.map(str::to_owned));
        return own.during("Unusable endpoint").map_err(|problem| problem.at("endpoint"));
    }
    match cx.client.alone(node).during("Unusable endpoint")? {
        Some(own) => Ok(own),
        None => Err(Problem::new(
            format!("Where does node \"{node}\" answer?"),
            "A node joins by a call on itself. Nothing was written. Set `endpoint`, or name the node in the provider's `endpoints`.",
        )
        .at("endpoint")),
    }
}

impl Resource<Pve> for ClusterMember {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &[])]
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        let told = change.prior.as_ref().is_some_and(|prior| prior.ready && prior.links.is_some());
        if told && change.is_update() && change.plan.links.known().is_some() && change.changed(|plan| &plan.links) {
            say.push(found::other_links());
        }
        if change.is_create() || change.is_destroy() {
            let summary = "Joining and leaving a cluster takes the login of root@pam";
            rights::warn_root(cx, say, "node", summary, found::NOBODY_ELSE);
        }
        if change.is_create() && !change.is_destroy() {
            lost::foretell(cx, &change.plan, say).await;
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &ClusterMemberPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if prior.is_some() { Ok(()) } else { joining::possible(cx, want, found).await }
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        leaving::removable(cx, was, found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        joining::create(cx, want, unwritten).await
    }

    async fn read(cx: &Cx<Pve>, key: &ClusterMemberKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let known = prior.cloned().unwrap_or_else(|| Self { node: key.node.clone(), ready: true, ..Self::default() });
        match cx.client.cluster().status().await.during("Cannot list the cluster's members") {
            Ok(status) => match status.in_cluster(&key.node) {
                Some(member) => Ok(Read::Found(Self { ready: known.ready || member.online, ..known })),
                // It may be on its way.
                None if !known.ready => Ok(Read::Found(known)),
                None => absence::answer(&cx.client, Ok(None)).await,
            },
            Err(problem) => absence::answer(&cx.client, Err(problem)).await,
        }
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        joining::resume(cx, prior, want).await
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        leaving::leave(cx, was).await
    }
}

/// The number that corosync gives to the node that a cluster is made on.
const FOUNDER: u32 = 1;

/// The node that the cluster was made on has never joined: it is `pve_cluster`.
impl Queried<Pve> for ClusterMember {
    async fn seek(cx: &Cx<Pve>) -> Result<Vec<Seen<Self>>, Error> {
        let status = cx.client.cluster().status().await.during("Cannot list the cluster's members")?;
        let joined = status.members.iter().filter(|member| status.name.is_some() && member.nodeid != FOUNDER);
        let one = |node: String| Seen::whole(Self { node, ready: true, ..Self::default() });
        Ok(joined.map(|member| one(member.name.clone())).collect())
    }
}
