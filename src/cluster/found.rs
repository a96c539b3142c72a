//! `pve_cluster`: nodes that trust each other, from the first of them.

use std::collections::BTreeMap;
use std::time::Duration;

use pve_client::api::cluster::ClusterStatus;
use pve_client::{Area, Client, Error as PveError, Lock, Request};
use serde::Deserialize;
use terraform_plugin::{
    Change, Created, Cx, Deleted, Diagnostic, Error, Failed, Findings, Model, Need, Nested, Queried, Read, Resource,
    Say, Seen, Timeouts, Unwritten, Updated, require, require_removable,
};
use tokio::time::{Instant, sleep};

use crate::ground::absence;
use crate::ground::error::{During, Problem};
use crate::ground::evidence;
use crate::ground::named::Named;
use crate::ground::pve::{Pve, patience};
use crate::ground::rights;

/// What a change of `corosync.conf` changes.
pub const AREAS: &[Area] = &[Area::Cluster, Area::Nodes, Area::Tasks];

/// The whole way into a cluster or out of it, one at a time. The steps within take [`COROSYNC`] for themselves.
pub const MEMBERSHIP: Lock = Lock::File("members of the cluster");

/// The turn of whoever changes it.
const COROSYNC: Lock = Lock::File("corosync.conf");

/// Why no token is enough.
pub const NOBODY_ELSE: &str = "PVE lets nobody else do it, and no token is enough.";

/// Between two looks at a cluster that is just starting.
const PAUSE: Duration = Duration::from_secs(1);

/// A cluster, made on its first node; the others join it as `pve_cluster_member`.
///
/// The node keeps all that it has: guests, storages, users, tokens, its certificate. As long as no cluster is made, each of the
/// provider's `endpoints` is a node by itself, and nobody speaks for a cluster: let what belongs to the cluster depend on this
/// (`depends_on`), and be made in the same apply.
///
/// PVE knows no way back, and neither a name nor links can be changed by it afterwards. Destroying this is refused as long as there
/// are other members; then the node is left as what it is, a cluster of one, which is told. PVE reserves creating to `root@pam` with
/// its password.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "cluster", area = "Cluster", key(name))]
pub struct Cluster {
    /// Its name, which PVE cannot change afterwards.
    #[attr(
        required,
        replace,
        length = 1..=15,
        regex = "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$",
        says = "letters, digits and hyphens, with neither end a hyphen"
    )]
    pub name: String,
    /// The node that it is made on, by its name in the provider's `endpoints`. Never compared later. Unset: the only endpoint.
    #[attr(local)]
    pub node: Option<String>,
    /// Addresses of that node, one for each network that the members are to talk over, by number from `"0"` to `"7"`. Every member
    /// needs one in each of them. Unset: link 0, with the address that the node's name stands for.
    ///
    /// Said when the cluster is made, and not compared later: PVE changes no links.
    #[attr(local, check = numbered)]
    pub links: Option<BTreeMap<String, Link>>,
    /// False until the cluster is heard of; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// An address in one of the networks.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// An address of the node.
    #[attr(required, length = 1..)]
    pub address: String,
    /// The link with the highest one is used as long as it works. Unset: 0.
    #[attr(optional, range = 0..=255)]
    pub priority: Option<u8>,
}

/// Keys are links' numbers.
pub fn numbered(links: &BTreeMap<String, Link>) -> Result<(), String> {
    match links.keys().find(|key| !matches!(key.as_bytes(), [b'0'..=b'7'])) {
        Some(other) => Err(format!("a link is one of \"0\" to \"7\", and not \"{other}\"")),
        None if links.is_empty() => Err("names no link: leave it out".to_owned()),
        None => Ok(()),
    }
}

/// As PVE takes them.
pub fn with_links(request: Request, links: Option<&BTreeMap<String, Link>>) -> Request {
    links.into_iter().flatten().fold(request, |request, (number, link)| {
        let priority = link.priority.map(|priority| format!(",priority={priority}")).unwrap_or_default();
        request.param(format!("link{number}"), format!("{}{priority}", link.address))
    })
}

/// Links were told once, and are to be others now. To say nothing of them any more is no change.
pub fn other_links() -> Diagnostic {
    Diagnostic::error(
        "PVE does not change the links of a cluster",
        "Nothing was written. Links are changed by hand in /etc/pve/corosync.conf (`config_version` raised by one).",
    )
    .at("links")
}

/// A single node's own view, or the cluster's where there is but one endpoint.
fn host(cx: &Cx<Pve>, node: Option<&str>) -> Result<Client, Problem> {
    let Some(node) = node else { return Ok(cx.client.clone()) };
    let alone = cx.client.alone(node).during("Unusable endpoint")?;
    Ok(alone.unwrap_or_else(|| cx.client.clone()))
}

/// The error that another node answers there than is meant; none if it is that one.
pub fn leads_elsewhere(status: &ClusterStatus, node: &str) -> Option<Problem> {
    let local = status.local().unwrap_or_default();
    let detail = format!("The node that answers there calls itself \"{local}\". Nothing was written.");
    (local != node)
        .then(|| Problem::new(format!("The endpoint leads to another node than \"{node}\""), detail).at("node"))
}

fn named(name: &str) -> Named {
    Named {
        kind: "pve_cluster".to_owned(),
        attribute: "name",
        key: name.to_owned(),
        what: format!("Cluster \"{name}\""),
    }
}

/// The cluster that the node is in, by PVE's configuration: it is there before anybody hears of it.
async fn configured(host: &Client) -> Result<Option<String>, PveError> {
    #[derive(Deserialize)]
    struct Totem {
        cluster_name: String,
    }
    let totem: Option<Totem> = host.call(Request::get("cluster/config/totem")).await?;
    Ok(totem.map(|totem| totem.cluster_name))
}

/// Whether the node is heard of as a cluster's. The cluster's file system is started anew meanwhile: answers may be missing.
async fn heard_of(cx: &Cx<Pve>, host: &Client, name: &str, deadline: Instant) -> Result<(), Problem> {
    let mut found = String::new();
    while Instant::now() < deadline && !cx.stop.is_cancelled() {
        host.regroup();
        match host.cluster().status().await {
            Ok(status) if status.name.as_deref() == Some(name) && status.quorate => return Ok(()),
            Ok(_) => found = "the node tells only of itself".to_owned(),
            Err(error) => found = error.to_string(),
        }
        sleep(PAUSE).await;
    }
    Err(Problem::new(
        format!("Cluster \"{name}\" is not heard of yet"),
        format!(
            "What was found last: {found}. Look at corosync on the node (`systemctl status corosync pve-cluster`)."
        ),
    ))
}

impl Resource<Pve> for Cluster {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &[])]
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if change.is_create() && !change.is_destroy() {
            rights::warn_root(cx, say, "name", "Making a cluster takes the login of root@pam", NOBODY_ELSE);
        }
        let told = change.prior.as_ref().is_some_and(|prior| prior.ready && prior.links.is_some());
        if told && change.is_update() && change.plan.links.known().is_some() && change.changed(|plan| &plan.links) {
            say.push(other_links());
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &ClusterPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if prior.is_some() {
            return Ok(());
        }
        let Some(name) = want.name.text() else { return Ok(()) };
        if want.node.is_unknown() {
            return Ok(());
        }
        let host = host(cx, want.node.text())?;
        let status = match host.cluster().status().await {
            Err(error @ PveError::NoCluster { .. }) => {
                let problem = Problem::during(format!("Cannot tell where cluster \"{name}\" is to be made"), error);
                found.certain(problem.at("node"));
                return Ok(());
            }
            status => status.during("Cannot ask the node whether it is in a cluster")?,
        };
        if let Some(problem) = want.node.text().and_then(|node| leads_elsewhere(&status, node)) {
            found.certain(problem);
        }
        match status.name.as_deref() {
            Some(other) if other == name => found.exists(named(name).existing()),
            Some(other) => {
                let detail = format!(
                    "A node is in one cluster, and PVE renames none. Nothing was written. Bring that one under Terraform's care \
                     (`name = \"{other}\"`), or found this one on another node."
                );
                let node = status.local().unwrap_or_default();
                found.mendable(
                    Problem::new(format!("Node {node} is in cluster \"{other}\" already"), detail).at("name"),
                );
            }
            None => {}
        }
        Ok(())
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        let status = cx.client.cluster().status().await.during("Cannot list the cluster's members")?;
        if status.name.as_deref() != Some(&was.name) || status.members.len() < 2 {
            return Ok(());
        }
        let names: Vec<&str> = status.members.iter().map(|member| member.name.as_str()).collect();
        let going = cx.going::<super::member::ClusterMember>();
        let left = names.iter().filter(|name| !going.iter().any(|member| member.node == **name)).count();
        let problem = Problem::new(
            format!("Cluster \"{}\" has other members", was.name),
            format!(
                "Its nodes: {}. Nothing was written. The others leave it first (`pve_cluster_member`, or `pvecm delnode` by hand); to \
                 leave the cluster as it is, use `terraform state rm`.",
                names.join(", ")
            ),
        );
        found.missing(left < 2, problem);
        Ok(())
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let doing = format!("Cannot create cluster \"{}\"", want.name);
        let _turn = unwritten.check(cx.client.begin_write(MEMBERSHIP, AREAS).await.during(&doing))?;
        let deadline = Instant::now() + cx.timeout;
        let host = unwritten.check(host(cx, want.node.as_deref()))?;
        let begun = Self { ready: false, ..want.clone() };
        if unwritten.check(configured(&host).await.during(&doing))?.as_deref() == Some(&want.name)
            && evidence::is_of_former_run(cx, &named(&want.name).what, &want.name).await
        {
            let written = unwritten.take_over(begun);
            return Ok(written.settle(async |_| settled(cx, &host, want, deadline).await).await);
        }
        unwritten.check(require(cx, want, None).await)?;
        let sent = async { host.write_task(COROSYNC, AREAS, want.request()).await.during(&doing) };
        let (sent, written) = unwritten.send(begun, sent).await?;
        let ended = match sent {
            Ok(mut task) => task.wait(&patience(cx), |_| {}).await.during(&doing),
            Err(lost) => Err(lost),
        };
        match ended {
            Ok(()) => {}
            // What corosync was told is there at once, and was not there before.
            Err(problem) => match configured(&host).await {
                Ok(None) => return written.undo(problem, async { Ok::<(), Problem>(()) }).await,
                Ok(Some(name)) if name == want.name => tracing::debug!(?problem, "the cluster was made all the same"),
                Ok(Some(_)) | Err(_) => return Ok(written.leave(problem)),
            },
        }
        Ok(written.settle(async |_| settled(cx, &host, want, deadline).await).await)
    }

    async fn read(cx: &Cx<Pve>, key: &ClusterKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let known = prior.cloned().unwrap_or_else(|| Self { name: key.name.clone(), ready: true, ..Self::default() });
        let host = host(cx, known.node.as_deref().filter(|_| !known.ready))?;
        match host.cluster().status().await.during("Cannot read the cluster's status") {
            Ok(status) if status.name.as_deref() == Some(&key.name) => {
                Ok(Read::Found(Self { ready: known.ready || status.quorate, ..known }))
            }
            // It may have been begun.
            Ok(_) if !known.ready => Ok(Read::Found(known)),
            Ok(_) => absence::answer(&cx.client, Ok(None)).await,
            Err(problem) => absence::answer(&cx.client, Err(problem)).await,
        }
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        if prior.ready {
            return Ok(Updated::Done(want.clone()));
        }
        let host = host(cx, want.node.as_deref())?;
        let deadline = Instant::now() + cx.timeout;
        if configured(&host).await.during("Cannot look at the node")?.is_none() {
            let doing = format!("Cannot create cluster \"{}\"", want.name);
            host.write_task(COROSYNC, AREAS, want.request())
                .await
                .during(&doing)?
                .wait(&patience(cx), |_| {})
                .await
                .during(&doing)?;
        }
        Ok(match settled(cx, &host, want, deadline).await {
            Ok(made) => Updated::Done(made),
            Err(problem) => Updated::unfinished(Self { ready: false, ..want.clone() }, problem),
        })
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        require_removable(cx, was).await?;
        cx.warn(Diagnostic::warning(
            format!("Cluster \"{}\" stays, with one node", was.name),
            "PVE has no call that takes a cluster apart, so nothing was written: Terraform only forgets it. The node works on as it \
             is, and others may join it. `pvecm` describes how a node is separated by hand, or install it anew.",
        ));
        Ok(Deleted::Gone)
    }
}

impl Cluster {
    fn request(&self) -> Request {
        let request = Request::post("cluster/config").root().param("clustername", &self.name);
        with_links(request, self.links.as_ref())
    }
}

async fn settled(cx: &Cx<Pve>, host: &Client, want: &Cluster, deadline: Instant) -> Result<Cluster, Problem> {
    heard_of(cx, host, &want.name, deadline).await?;
    cx.client.regroup();
    Ok(Cluster { ready: true, ..want.clone() })
}

impl Queried<Pve> for Cluster {
    async fn seek(cx: &Cx<Pve>) -> Result<Vec<Seen<Self>>, Error> {
        let status = cx.client.cluster().status().await.during("Cannot read the cluster's status")?;
        let one = |name: &String| Seen::whole(Self { name: name.clone(), ready: true, ..Self::default() });
        Ok(status.name.iter().map(one).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_numbered_as_pve_numbers_them() {
        let links = |keys: &[&str]| keys.iter().map(|key| ((*key).to_owned(), Link::default())).collect();
        assert_eq!(numbered(&links(&["0", "7"])), Ok(()));
        for wrong in [&["8"][..], &["00"], &["a"], &[]] {
            assert!(numbered(&links(wrong)).is_err(), "{wrong:?}");
        }
        let link = |address: &str, priority| Link { address: address.to_owned(), priority };
        let two =
            BTreeMap::from([("0".to_owned(), link("10.0.0.1", Some(10))), ("1".to_owned(), link("10.1.0.1", None))]);
        let (_, params) = with_links(Request::post("x"), Some(&two)).spelt();
        assert_eq!(
            params,
            [("link0", "10.0.0.1,priority=10"), ("link1", "10.1.0.1")].map(|(k, v)| (k.to_owned(), v.to_owned()))
        );
    }
}
