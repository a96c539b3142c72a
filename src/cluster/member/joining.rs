//! The way of a node into the cluster.

use std::time::Duration;

use pve_client::api::nodes::TaskFilter;
use pve_client::{Client, Request, Secret, Upid};
use serde::Deserialize;
use terraform_plugin::{Created, Cx, Diagnostic, Error, Failed, Findings, Unwritten, Updated, require};
use tokio::time::{Instant, sleep};

use super::{ClusterMember, ClusterMemberPlan, lost, named, own};
use crate::cluster::found::{AREAS, MEMBERSHIP, leads_elsewhere, with_links};
use crate::ground::error::{During, Problem};
use crate::ground::evidence;
use crate::ground::pve::Pve;

/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How often it is looked for a task whose beginning was not answered.
const LOOKS: u32 = 4;

/// What speaks against it: at the cluster, and at the node.
pub async fn possible(
    cx: &Cx<Pve>,
    want: &ClusterMemberPlan,
    found: &mut Findings<ClusterMember>,
) -> Result<(), Error> {
    let Some(node) = want.node.text() else { return Ok(()) };
    // Before there is a cluster, nothing can be said of it; the plan of a cluster says so itself.
    let status = cx.client.cluster().status().await;
    let status = match status {
        Err(error @ pve_client::Error::NoCluster { .. }) => {
            let problem = Problem::during("There is no cluster to join", error);
            let ahead = found.is_plan();
            found.missing(ahead, problem);
            None
        }
        status => Some(status.during("Cannot read the cluster's status")?),
    };
    if let Some(status) = &status {
        if status.in_cluster(node).is_some() {
            found.exists(named(node).existing());
            return Ok(());
        }
        if status.name.is_none() {
            let detail = "The provider's endpoint is a node by itself. Nothing was written. `pve_cluster` makes a cluster on it.";
            let ahead = found.is_plan();
            found.missing(ahead, Problem::new("There is no cluster to join", detail));
        } else if !status.quorate {
            let detail =
                "PVE takes nobody in without a majority. Nothing was written. Bring the other nodes back first.";
            found.mendable(Problem::new("The cluster has no quorum", detail));
        }
    }
    if want.endpoint.is_unknown() || want.fingerprint.is_unknown() {
        return Ok(());
    }
    let own = own(cx, node, want.endpoint.text(), want.fingerprint.text())?;
    let doing = format!("Cannot ask node \"{node}\" whether it can join");
    let theirs = own.cluster().status().await.during(&doing)?;
    if let Some(problem) = leads_elsewhere(&theirs, node) {
        found.certain(problem);
        return Ok(());
    }
    if let Some(name) = &theirs.name {
        let ours = status.as_ref().and_then(|status| status.name.as_ref()) == Some(name);
        let (summary, detail) = match ours {
            true => (
                format!("Node \"{node}\" was a member of this cluster, and was removed from it"),
                "It still believes to be one. Nothing was written. PVE takes no such node back: install it anew, then apply again.",
            ),
            false => (
                format!("Node \"{node}\" is in cluster \"{name}\" already"),
                "A node is in one cluster. Nothing was written. Remove it from that one and install it anew, or leave it there.",
            ),
        };
        found.mendable(Problem::new(summary, detail).at("node"));
        return Ok(());
    }
    let guests = own.cluster().guests().await.during(&doing)?;
    if !guests.is_empty() {
        let list: Vec<String> = guests.iter().map(|guest| guest.vmid.to_string()).collect();
        let detail = format!(
            "PVE takes no node in that has guests, since their numbers may be taken: {}. Nothing was written. Back them up, remove \
             them, and restore them afterwards.",
            list.join(", ")
        );
        found.mendable(Problem::new(format!("Node \"{node}\" has guests"), detail).at("node"));
    }
    Ok(())
}

/// The member that is asked for admission: its address and fingerprint.
async fn peer(cx: &Cx<Pve>) -> Result<(String, String), Problem> {
    #[derive(Deserialize)]
    struct Info {
        nodelist: Vec<Node>,
        preferred_node: String,
    }
    #[derive(Deserialize)]
    struct Node {
        name: String,
        pve_addr: Option<String>,
        pve_fp: Option<String>,
    }
    let doing = "Cannot ask the cluster how it is joined";
    let info: Info = cx.client.call(Request::get("cluster/config/join")).await.during(doing)?;
    let node = info.nodelist.into_iter().find(|node| node.name == info.preferred_node);
    match node.and_then(|node| Some((node.pve_addr?, node.pve_fp?))) {
        Some(peer) => Ok(peer),
        None => {
            Err(Problem::new(doing, "It tells neither an address nor a certificate of its own. Nothing was written."))
        }
    }
}

async fn join(cx: &Cx<Pve>, own: &Client, want: &ClusterMember) -> Result<Upid, Problem> {
    let doing = format!("Node \"{}\" cannot join", want.node);
    let given = want.password.as_ref().map(|password| Secret::new(password.reveal()));
    let Some(password) = given.as_ref().or(cx.client.root_password()) else {
        let detail = "PVE wants the password of root@pam on the cluster. Nothing was written. Set `password`, or log the provider in \
                      as root@pam.";
        return Err(Problem::new(doing, detail).at("password").unsent());
    };
    let (hostname, fingerprint) = peer(cx).await.map_err(Problem::unsent)?;
    let request = Request::post("cluster/config/join")
        .root()
        .param("hostname", hostname)
        .param("fingerprint", fingerprint)
        .secret("password", password);
    own.call(with_links(request, want.links.as_ref())).await.during(doing)
}

/// How it ended, or that it is a member.
enum End {
    Member,
    /// It failed before anything was changed.
    Never(Problem),
    /// Nobody knows, or it goes on.
    Unknown(Problem),
}

/// The newest task by which the node joins, as it tells itself.
async fn newest(own: &Client, node: &str) -> Option<(Upid, Option<String>)> {
    let filter = TaskFilter { kind: Some("clusterjoin".to_owned()), ..TaskFilter::default() };
    let tasks = own.node(node).tasks(&filter).await.ok()?;
    let newest = tasks.into_iter().max_by_key(|task| task.starttime)?;
    let ended = (!newest.is_running()).then(|| newest.status.clone().unwrap_or_default());
    Some((newest.upid.parse().ok()?, ended))
}

/// Waits until the cluster counts it. The cluster is asked, and not the node, which loses its keys on the way.
async fn awaited(cx: &Cx<Pve>, own: &Client, node: &str, task: Option<Upid>, deadline: Instant) -> End {
    let (mut seen, mut listed) = ("nothing was found yet".to_owned(), false);
    while Instant::now() < deadline && !cx.stop.is_cancelled() {
        cx.client.regroup();
        match cx.client.cluster().status().await {
            Ok(status) => {
                let member = status.in_cluster(node);
                listed |= member.is_some();
                match member {
                    Some(member) if member.online && status.quorate => return End::Member,
                    Some(_) => seen = "it is listed as a member, and is not online".to_owned(),
                    None => seen = "the cluster does not list it".to_owned(),
                }
            }
            Err(error) => seen = error.to_string(),
        }
        if !listed && let Some(upid) = &task {
            match own.node(node).task_status(upid).await {
                Ok(Some(status)) if status != "OK" => return End::Never(refused(own, node, upid, &status).await),
                _ => {}
            }
        }
        sleep(PAUSE).await;
    }
    let detail = match listed {
        true => format!(
            "What was found last: {seen}. From here on PVE waits without end for the members to find each other. Look at the node's \
             console (`journalctl -u corosync -u pve-cluster`): mostly its links do not reach the others (UDP 5405 to 5412 between \
             the addresses in /etc/pve/corosync.conf). Apply again when that is mended."
        ),
        false => format!("What was found last: {seen}. Apply again: what is there is looked at first."),
    };
    End::Unknown(Problem::new(format!("Node \"{node}\" is not a member yet"), detail))
}

/// Why a join has changed nothing, in PVE's words.
async fn refused(own: &Client, node: &str, upid: &Upid, status: &str) -> Problem {
    let log = own.node(node).task_log(upid, 50).await.unwrap_or_default();
    let lines: Vec<&str> = log
        .iter()
        .map(String::as_str)
        .filter(|line| line.starts_with('*') || line.contains("error occurred"))
        .collect();
    let lines = if lines.is_empty() { String::new() } else { format!("\n{}", lines.join("\n")) };
    let cure = match status {
        _ if status.contains("authentication failure") => {
            "The password of root@pam on the cluster is another one: see to `password`."
        }
        _ if status.contains("TFA-enabled") => {
            "root@pam has a second factor on the cluster, with which PVE lets nobody join: remove it for as long as this takes."
        }
        _ if status.contains("not verified") => {
            "The member that was asked shows another certificate than the cluster tells."
        }
        _ => "Apply again when that is mended.",
    };
    let problem = Problem::new(
        format!("Node \"{node}\" cannot join"),
        format!("PVE: {}{lines}\nNothing was changed. {cure}\nTask {upid}", status.trim_end()),
    );
    if status.contains("authentication failure") { problem.at("password") } else { problem }
}

/// The task of a join whose answer was lost: one that was not there before.
async fn begun(own: &Client, node: &str, before: Option<&Upid>) -> Option<Upid> {
    for look in 0..LOOKS {
        if look > 0 {
            sleep(PAUSE).await;
        }
        if let Some((upid, _)) = newest(own, node).await
            && Some(&upid) != before
        {
            return Some(upid);
        }
    }
    None
}

/// Has it join.
pub async fn create(
    cx: &Cx<Pve>,
    want: &ClusterMember,
    unwritten: Unwritten<ClusterMember>,
) -> Result<Created<ClusterMember>, Failed> {
    let (node, doing) = (&want.node, format!("Node \"{}\" cannot join", want.node));
    let _turn = unwritten.check(cx.client.begin_write(MEMBERSHIP, AREAS).await.during(&doing))?;
    let deadline = Instant::now() + cx.timeout;
    let unready = ClusterMember { ready: false, password: None, ..want.clone() };
    let own = unwritten.check(own(cx, node, want.endpoint.as_deref(), want.fingerprint.as_deref()))?;
    let status = unwritten.check(cx.client.cluster().status().await.during("Cannot read the cluster's status"))?;
    if status.in_cluster(node).is_some() && evidence::is_of_former_run(cx, &named(node).what, node).await {
        let written = unwritten.take_over(unready);
        let _quiet = cx.client.quiet().await;
        return Ok(written.settle(async |_| settled(cx, &own, want, None, deadline).await).await);
    }
    let running = newest(&own, node).await;
    let before = running.as_ref().map(|(upid, _)| upid.clone());
    if let Some((upid, None)) = running
        && cx.former(Some(node)).await.is_some()
    {
        // A run that was cut off has begun it.
        let written = unwritten.take_over(unready);
        let _quiet = cx.client.quiet().await;
        return Ok(written.settle(async |_| settled(cx, &own, want, Some(upid), deadline).await).await);
    }
    unwritten.check(require(cx, want, None).await)?;
    unwritten.check(lost::tell(cx, &own, node).await)?;
    let _quiet = cx.client.quiet().await;
    let (sent, written) = unwritten.send(unready, join(cx, &own, want)).await?;
    let task = match sent {
        Ok(upid) => Some(upid),
        Err(problem) => match begun(&own, node, before.as_ref()).await {
            Some(upid) => Some(upid),
            None if own.cluster().status().await.is_ok_and(|status| status.name.is_none()) => {
                return written.undo(problem, async { Ok::<(), Problem>(()) }).await;
            }
            None => None,
        },
    };
    match awaited(cx, &own, node, task.clone(), deadline).await {
        End::Member => Ok(written.made(arrived(cx, want, task, deadline).await)),
        End::Never(problem) => written.undo(problem, async { Ok::<(), Problem>(()) }).await,
        End::Unknown(problem) => Ok(written.leave(problem)),
    }
}

/// Waits until it is a member, with its new certificate.
async fn settled(
    cx: &Cx<Pve>,
    own: &Client,
    want: &ClusterMember,
    task: Option<Upid>,
    deadline: Instant,
) -> Result<ClusterMember, Problem> {
    match awaited(cx, own, &want.node, task.clone(), deadline).await {
        End::Member => Ok(arrived(cx, want, task, deadline).await),
        End::Never(problem) | End::Unknown(problem) => Err(problem),
    }
}

/// What remains to be done for a member.
async fn arrived(cx: &Cx<Pve>, want: &ClusterMember, task: Option<Upid>, deadline: Instant) -> ClusterMember {
    // The certificate follows the membership, and the task ends with it.
    while let Some(upid) = &task
        && Instant::now() < deadline
        && !cx.stop.is_cancelled()
        && !matches!(cx.client.node(&want.node).task_status(upid).await, Ok(Some(_)))
    {
        sleep(PAUSE).await;
    }
    cx.client.regroup();
    tell_fingerprint(cx, &want.node).await;
    ClusterMember { ready: true, ..want.clone() }
}

/// The certificate is another one: whoever has pinned it has to know.
async fn tell_fingerprint(cx: &Cx<Pve>, node: &str) {
    let Ok(nodes) = cx.client.nodes().list().await else { return };
    let print = nodes.iter().find(|known| known.node == node).and_then(|node| node.ssl_fingerprint.clone());
    if let (Some(print), Some(pin)) = (print, cx.client.pin(node))
        && !pin.eq_ignore_ascii_case(&print)
    {
        cx.warn(Diagnostic::warning(
            "A node shows another certificate since it has joined",
            format!(
                "{node} has one of the cluster's now, with the SHA-256 fingerprint {print}, as the cluster itself tells. Set it in \
                 `fingerprints` (PVE_FINGERPRINTS); until then that endpoint is not used."
            ),
        ));
    }
}

/// Carries on with what was begun.
pub async fn resume(
    cx: &Cx<Pve>,
    prior: &ClusterMember,
    want: &ClusterMember,
) -> Result<Updated<ClusterMember>, Error> {
    if prior.ready {
        return Ok(Updated::Done(want.clone()));
    }
    let (node, doing) = (&want.node, format!("Node \"{}\" cannot join", want.node));
    let _turn = cx.client.begin_write(MEMBERSHIP, AREAS).await.during(&doing)?;
    let deadline = Instant::now() + cx.timeout;
    let own = own(cx, node, want.endpoint.as_deref(), want.fingerprint.as_deref())?;
    let status = cx.client.cluster().status().await.during("Cannot read the cluster's status")?;
    let mut task = None;
    let _quiet = cx.client.quiet().await;
    if status.in_cluster(node).is_none() {
        task = match newest(&own, node).await {
            Some((upid, None)) => Some(upid),
            _ => {
                require(cx, want, None).await?;
                Some(join(cx, &own, want).await?)
            }
        };
    }
    Ok(match settled(cx, &own, want, task, deadline).await {
        Ok(made) => Updated::Done(made),
        Err(problem) => Updated::unfinished(ClusterMember { ready: false, ..want.clone() }, problem),
    })
}
