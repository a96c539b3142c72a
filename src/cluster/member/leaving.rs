//! The way of a node out of the cluster. PVE looks at nothing: whatever names the node afterwards cannot be removed normally.

use pve_client::{Error as PveError, Request, segment};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use terraform_plugin::{Cx, Deleted, Diagnostic, Error, Findings, require_removable};
use tokio::time::Instant;

use super::ClusterMember;
use super::switching_off::{self, is_half};
use crate::cluster::found::{AREAS, MEMBERSHIP};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// What is in the node's way, in words.
#[derive(Default)]
struct Left {
    /// On the node itself: nobody can take it away there once the node is dead.
    on_it: Vec<String>,
    /// Anywhere else.
    of_it: Vec<String>,
}

/// A list that an older PVE may not have.
async fn list<T: DeserializeOwned>(cx: &Cx<Pve>, path: &str, node: &str) -> Result<Vec<T>, Problem> {
    match cx.client.call(Request::get(path)).await {
        Err(PveError::NotImplemented(_)) => Ok(Vec::new()),
        list => list.during(format!("Cannot look at what names node \"{node}\"")),
    }
}

fn some(what: &str, mut names: Vec<String>) -> Option<String> {
    names.sort();
    (!names.is_empty()).then(|| format!("{what} {}", names.join(", ")))
}

async fn left(cx: &Cx<Pve>, node: &str) -> Result<Left, Problem> {
    #[derive(Deserialize)]
    struct Rule {
        rule: String,
        #[serde(default)]
        nodes: String,
    }
    #[derive(Deserialize)]
    struct Replication {
        id: String,
        #[serde(default)]
        target: String,
        #[serde(default)]
        source: String,
    }
    let doing = format!("Cannot look at what is on node \"{node}\"");
    let guests = cx.client.cluster().guests().await.during(&doing)?;
    let guests = guests.iter().filter(|guest| guest.node == node).map(|guest| guest.vmid.to_string()).collect();
    let rules: Vec<Rule> = list(cx, "cluster/ha/rules", node).await?;
    let named = |rule: &&Rule| rule.nodes.split(',').any(|one| one.split(':').next() == Some(node));
    let rules = rules.iter().filter(named).map(|rule| rule.rule.clone()).collect();
    let jobs: Vec<Replication> = list(cx, "cluster/replication", node).await?;
    let jobs = jobs.iter().filter(|job| job.target == node || job.source == node).map(|job| job.id.clone()).collect();
    let storages = cx.client.storage().list().await.during(&doing)?;
    let only = |nodes: &std::collections::BTreeSet<String>| nodes.len() == 1 && nodes.contains(node);
    let storages = storages.iter().filter(|storage| storage.nodes.as_ref().is_some_and(only));
    let storages = storages.map(|storage| storage.storage.clone()).collect();
    let (osds, daemons) = of_ceph(cx, node).await?;
    Ok(Left {
        on_it: [some("guests", guests), some("OSDs", osds), some("daemons of Ceph", daemons)]
            .into_iter()
            .flatten()
            .collect(),
        of_it: [
            some("rules of HA", rules),
            some("replication jobs", jobs),
            some("storages that are on it alone", storages),
        ]
        .into_iter()
        .flatten()
        .collect(),
    })
}

/// Its OSDs and daemons. Where there is no Ceph there are none.
async fn of_ceph(cx: &Cx<Pve>, node: &str) -> Result<(Vec<String>, Vec<String>), Problem> {
    let ceph = cx.client.ceph();
    let none = |error: &PveError| matches!(error, PveError::NotInstalled(_) | PveError::NotInitialised(_));
    let doing = format!("Cannot ask Ceph what is on node \"{node}\"");
    let monitors = match ceph.monitors().await {
        Err(error) if none(&error) => return Ok((Vec::new(), Vec::new())),
        monitors => monitors.during(&doing)?,
    };
    if monitors.is_empty() {
        return Ok((Vec::new(), Vec::new()));
    }
    let here = |host: &Option<String>| host.as_deref() == Some(node);
    let mut daemons: Vec<String> =
        monitors.iter().filter(|mon| here(&mon.host)).map(|mon| format!("mon.{}", mon.name)).collect();
    let managers = ceph.managers().await.during(&doing)?;
    daemons.extend(managers.iter().filter(|mgr| here(&mgr.host)).map(|mgr| format!("mgr.{}", mgr.name)));
    let servers = ceph.metadata_servers().await.during(&doing)?;
    daemons.extend(servers.iter().filter(|mds| here(&mds.host)).map(|mds| format!("mds.{}", mds.name)));
    let tree = ceph.osds().await.during(&doing)?;
    // Where it ran, wherever it hangs in CRUSH; and one that never ran.
    let ran = ceph.osd_hosts().await.during(&doing)?;
    let osds = tree.osds.iter().filter(|osd| ran.get(&osd.id).or(osd.host.as_ref()).is_some_and(|host| host == node));
    Ok((osds.map(|osd| format!("osd.{}", osd.id)).collect(), daemons))
}

/// What speaks against it.
pub async fn removable(cx: &Cx<Pve>, was: &ClusterMember, found: &mut Findings<ClusterMember>) -> Result<(), Error> {
    let node = &was.node;
    let status = cx.client.cluster().status().await.during("Cannot read the cluster's status")?;
    let Some(member) = status.in_cluster(node) else { return Ok(()) };
    let half = !member.online && is_half(&status, node);
    let counted_anew = was.shut_down && half;
    if !(status.quorate || counted_anew) {
        let all = status.members.len();
        let way = match half {
            true => format!(
                "Without \"{node}\" there is no majority of {all} votes. `pvecm expected {}` in the shell of another member makes \
                 do with fewer until this one has left. (`shut_down = true`, applied while there is a majority, sees to both.)",
                all - 1
            ),
            false => "Bring the other nodes back first.".to_owned(),
        };
        let detail = format!("Members leave with the consent of a majority. Nothing was written. {way}");
        found.mendable(Problem::new("The cluster has no quorum", detail));
    }
    if member.online && !was.shut_down {
        found.mendable(Problem::new(
            format!("Node \"{node}\" is on"),
            "PVE would take its vote while it runs on as if nothing had happened. Nothing was written. Switch it off first, and leave \
             it off until it is installed anew; or apply `shut_down = true` first.",
        ));
    }
    if member.online && was.shut_down {
        let others = status.members.iter().filter(|member| member.online && member.name != *node);
        let mut doors = others.map(|member| cx.client.alone(&member.name).is_ok_and(|alone| alone.is_some()));
        if member.local && !doors.any(|door| door) {
            found.certain(Problem::new(
                format!("Node \"{node}\" is the way to the cluster"),
                "None of the provider's `endpoints` is another member, so that nothing could be asked once it is off. Nothing was \
                 written. Name another one there.",
            ));
        } else {
            let detail =
                format!("{node}: it leaves the cluster then, and has to be installed anew before it joins one again.");
            found.notice(Problem::new("A node is switched off for good", detail));
        }
    }
    let left = left(cx, node).await?;
    let mut hinders = left.of_it;
    if !was.gone {
        hinders.extend(left.on_it.iter().cloned());
    }
    if !hinders.is_empty() {
        let way = match left.on_it.is_empty() || was.gone {
            true => "",
            false => {
                " If the node is dead and does not come back, `gone = true`, applied first, lets it go with what is on it."
            }
        };
        found.mendable(Problem::new(
            format!("Node \"{node}\" is still in use"),
            format!(
                "What names a node that is no member any more cannot be removed normally. There are: {}. Nothing was written. Move \
                 or remove them first.{way}",
                hinders.join("; ")
            ),
        ));
    } else if !left.on_it.is_empty() {
        found.notice(Problem::new("A dead node goes with what was on it", lost(node, &left.on_it)));
    }
    Ok(())
}

fn lost(node: &str, on_it: &[String]) -> String {
    format!(
        "Node {node} had: {}. Guests stay listed on it until `rm -r /etc/pve/nodes/{node}` on a member (their configuration is there \
         until then); OSDs go by `ceph osd purge`, monitors by `ceph mon remove`, the keys of others by `ceph auth del`.",
        on_it.join("; ")
    )
}

/// Removes it, if it is there and may go.
pub async fn leave(cx: &Cx<Pve>, was: &ClusterMember) -> Result<Deleted<ClusterMember>, Error> {
    let (node, doing) = (&was.node, format!("Cannot remove member \"{}\"", was.node));
    let _turn = cx.client.begin_write(MEMBERSHIP, AREAS).await.during(&doing)?;
    let listed = async || -> Result<bool, Problem> {
        cx.client.regroup();
        let status = cx.client.cluster().status().await.during("Cannot list the cluster's members")?;
        Ok(status.in_cluster(node).is_some())
    };
    if !listed().await? {
        return Ok(Deleted::Gone);
    }
    require_removable(cx, was).await?;
    let on_it = left(cx, node).await?.on_it;
    let deadline = Instant::now() + cx.timeout;
    let status = cx.client.cluster().status().await.during("Cannot list the cluster's members")?;
    // A majority may be missing until it has left: other writes wait, if there is a way past them.
    let door = switching_off::door(cx, &status, node).await?;
    let quiet = if door.is_some() { Some(cx.client.quiet().await) } else { None };
    let door = door.as_ref().unwrap_or(&cx.client);
    if was.shut_down {
        switching_off::switch_off(cx, door, node, deadline).await?;
        switching_off::count_without(cx, door, node, deadline).await?;
    }
    let request = Request::delete(format!("cluster/config/nodes/{}", segment(node))).root();
    let sent: Result<(), Problem> = door.call(request).await.during(&doing);
    drop(quiet);
    if let Err(problem) = sent {
        match listed().await {
            Ok(false) => {}
            Ok(true) => return Err(problem.into()),
            Err(_) => return Ok(Deleted::unfinished(ClusterMember { ready: false, ..was.clone() }, problem)),
        }
    }
    cx.client.regroup();
    let left = if on_it.is_empty() { String::new() } else { format!("\n{}", lost(node, &on_it)) };
    cx.warn(Diagnostic::warning(
        format!("Node {node} has to be installed anew before it joins a cluster again"),
        format!(
            "It is no member any more, and does not know that: switched on as it is, it would work on as if it were one. Leave it \
             off until then.{left}"
        ),
    ));
    Ok(Deleted::Gone)
}
