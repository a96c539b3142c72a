//! The way of an OSD out of the cluster: emptied, stopped, destroyed, and its disk free again. One OSD at a time: what is
//! safe for one is not safe for two.

use pve_client::api::ceph::osd::Osd as Live;
use pve_client::api::ceph::services::{Risk, ServiceAction};
use pve_client::{Error as PveError, Lock};
use terraform_plugin::{Cx, Deleted, Diagnostic, Error, Findings, WriteError, require_removable};
use tokio::time::Instant;

use super::contents::carrier;
use super::identity::{must_be_ours_to_ceph, must_be_the_one, without_volume};
use super::{Osd, dead, leftover, look, patience_until, place, purge, side};
use crate::ceph::departure::{self, Consequence, Leaving};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// How an OSD can leave.
#[derive(Debug)]
enum Way {
    /// By PVE on its node, which frees this device, a partition but for its type.
    ByNode { node: String, device: Option<String> },
    /// By PVE on its node, which knows no volume of it: what it lay on is dead.
    WithoutDisk { node: String },
    /// By Ceph's own command on another node: its own does not answer.
    WithoutNode { node: String },
}

impl Way {
    /// The devices that are free when the OSD is gone.
    async fn devices(&self, cx: &Cx<Pve>, was: &Osd, live: &Live) -> Result<Vec<String>, Problem> {
        let (node, own) = match self {
            Self::ByNode { node, device } => (node, device.clone()),
            Self::WithoutDisk { node } => (node, None),
            Self::WithoutNode { .. } => return Ok(Vec::new()),
        };
        let sides = side::paths(cx, was, live, node).await?;
        Ok(own.into_iter().chain(sides).collect())
    }
}

/// What speaks against taking the OSD out of the cluster, beside `allow_destroy`.
pub async fn removable(cx: &Cx<Pve>, was: &Osd, found: &mut Findings<Osd>) -> Result<(), Error> {
    let was = &dead::allowed(cx, was);
    // That has been said: what is left would only distract from it.
    if !was.allow_destroy {
        return Ok(());
    }
    let mut first = None;
    let mut is_dead = false;
    for (id, member) in was.members() {
        let Some(live) = look::osd(cx, id).await? else { continue };
        is_dead = matches!(found.check(way(cx, &member, &live).await), Some(Way::WithoutDisk { .. }));
        first = first.or(Some(id));
    }
    let Some(id) = first else { return Ok(()) };
    if is_dead
        && !was.force
        && let Some(missed) = dead::missed(cx, id).await?
    {
        found.mendable(missed);
    }
    if let Some(consequence) = Consequence::of(cx, id).await? {
        if is_dead {
            // What is left for the copies is so by now, whether it goes or not.
            found.notice(consequence.lost(id));
        } else if consequence.is_short() && !was.force {
            found.mendable(consequence.hindrance(id));
        } else {
            found.notice(consequence.notice(id, was.force));
        }
    }
    Ok(())
}

/// Why an OSD without `allow_destroy` stays. `reason`: why it would be destroyed, as a sentence.
pub fn protected(was: &Osd, reason: &str) -> (String, String) {
    let what = was.called();
    let detail = format!(
        "{reason}{what} would be destroyed, with what lies on it. If that is what you want, set `allow_destroy = true`, apply \
         that, and then come back to this. Nothing was written."
    );
    ("OSDs are protected".to_owned(), detail)
}

/// Takes an OSD out of the cluster, or all that share a device, each if it is still the one that was made.
pub async fn remove(cx: &Cx<Pve>, was: &Osd) -> Result<Deleted<Osd>, Error> {
    if !dead::allowed(cx, was).allow_destroy {
        let (summary, detail) = protected(was, "");
        return Err(Error::new(summary, detail).at("allow_destroy"));
    }
    let members = was.members();
    // Those that wait for their turn count, too.
    for (id, _) in &members {
        cx.ledger.note(*id, Leaving);
    }
    for (nth, (id, member)) in members.iter().enumerate() {
        let (left, why) = match remove_in_turn(cx, member, *id).await {
            Ok(Deleted::Gone) => continue,
            Ok(Deleted::Unfinished(left, why)) => (left, why),
            Err(error) => {
                // It stays, and so do those after it.
                for (id, _) in &members[nth..] {
                    cx.ledger.forget::<Leaving>(id);
                }
                if nth == 0 {
                    return Err(error);
                }
                (was.clone(), error)
            }
        };
        return Ok(Deleted::unfinished(Osd { ready: false, r#in: left.r#in, ..was.clone() }, why));
    }
    Ok(Deleted::Gone)
}

pub(super) async fn remove_in_turn(cx: &Cx<Pve>, was: &Osd, id: u32) -> Result<Deleted<Osd>, Error> {
    let doing = format!("Cannot destroy osd.{id}");
    let _one_at_a_time = cx.client.begin_write(Lock::OsdRemoval, &[]).await.during(&doing)?;
    let deadline = Instant::now() + cx.timeout;
    let Some(live) = look::osd(cx, id).await? else {
        if !was.ready && look::lies_on(cx, &was.node, id).await? {
            return Ok(unlisted(was, id));
        }
        let left = leftover::of(cx, was).await?;
        return Ok(freed(cx, was, id, (&was.node, &left), deadline).await);
    };
    // Before anything is changed: this also finds out whether the node can be asked at all.
    let granted = dead::still_allowed(cx, was, &live).await?;
    require_removable(cx, &granted).await?;
    let way = way(cx, &granted, &live).await?;
    if !matches!(way, Way::ByNode { .. }) {
        must_be_ours_to_ceph(cx, was, id).await?;
    }
    let devices = way.devices(cx, was, &live).await?;
    if live.in_ {
        match cx.client.ceph().osd_out(id).await.during(&doing) {
            Err(problem) if problem.refused() => return Err(problem.into()),
            Err(problem) => return Ok(left(was, problem)),
            Ok(()) => {}
        }
    }
    match (taken_out(cx, &granted, &live, &way, deadline).await, &way) {
        (Err(problem), _) => Ok(left(was, problem)),
        (Ok(()), Way::ByNode { node, .. } | Way::WithoutDisk { node }) => {
            Ok(freed(cx, was, id, (node, &devices), deadline).await)
        }
        (Ok(()), Way::WithoutNode { .. }) => Ok(gone(cx, id)),
    }
}

/// The end of a removal: what PVE has left on partitions, the first of them the OSD's own.
async fn freed(
    cx: &Cx<Pve>,
    was: &Osd,
    id: u32,
    (node, devices): (&str, &[String]),
    deadline: Instant,
) -> Deleted<Osd> {
    for device in devices {
        if let Err(problem) = leftover::free_side(cx, node, device, deadline).await {
            let hint = format!(
                "osd.{id} is destroyed, and {device} of {node} is not known to be free yet. Destroy again to go on from here; if \
                 the resource is still configured, the next apply does so and makes a new OSD there."
            );
            return unfinished(was, problem, &hint);
        }
    }
    gone(cx, id)
}

fn gone(cx: &Cx<Pve>, id: u32) -> Deleted<Osd> {
    cx.ledger.forget::<Leaving>(&id);
    Deleted::Gone
}

/// Ceph does not list it, and it lies on its disk all the same.
fn unlisted(was: &Osd, id: u32) -> Deleted<Osd> {
    let detail = format!(
        "Its volume is on {}. If it was made a moment ago, its daemon is about to register: destroy again in a minute. If a removal \
         came no further, `ceph-volume lvm zap --destroy --osd-id {id}` on that node clears the disk.",
        was.node
    );
    let problem = Problem::new(format!("Ceph does not list osd.{id}, which lies on a disk"), detail);
    Deleted::unfinished(Osd { ready: false, ..was.clone() }, problem)
}

fn unfinished(was: &Osd, problem: Problem, hint: &str) -> Deleted<Osd> {
    Deleted::unfinished(Osd { ready: false, ..was.clone() }, Error::from(problem).noting(hint))
}

/// It is out, and still there as far as is known.
fn left(was: &Osd, problem: Problem) -> Deleted<Osd> {
    let hint = format!(
        "{} is on its way out of the cluster: it is given no data any more, and Ceph goes on moving what it holds. Destroy \
         again to go on from here; if the resource is still configured, the next apply brings the OSD back instead.",
        was.called()
    );
    unfinished(was, problem, &hint)
}

async fn way(cx: &Cx<Pve>, was: &Osd, live: &Live) -> Result<Way, Problem> {
    let id = live.id;
    let node = place::node_of(cx, live).await?.unwrap_or_else(|| was.node.clone());
    let way = match look::fsid(cx, &node, id).await {
        Ok(Some(found)) => {
            must_be_the_one(cx, was, id, &found, &node).await?;
            let list = look::disks(cx, &node).await?;
            let device = carrier(&list, id).filter(|disk| disk.is_partition()).map(|disk| disk.devpath.clone());
            Way::ByNode { node, device }
        }
        // What is down and has no volume anywhere has lost it; what runs has one that nobody sees.
        Ok(None) if was.force => Way::WithoutDisk { node },
        Ok(None) if !live.up => match dead::elsewhere(cx, &node, id).await? {
            None => Way::WithoutDisk { node },
            Some(other) => return Err(carried_away(id, &node, &other)),
        },
        Ok(None) => return Err(without_volume(id, &node)),
        Err(problem) if is_dead(&problem) => return without_node(was, live, node, problem),
        Err(problem) => return Err(problem),
    };
    match (&way, &live.host) {
        (Way::ByNode { node, .. } | Way::WithoutDisk { node }, Some(host)) if host != node => {
            Err(elsewhere_in_crush(id, node, host))
        }
        _ => Ok(way),
    }
}

/// The disk is alive, and on another node than the OSD was.
fn carried_away(id: u32, home: &str, other: &str) -> Problem {
    Problem::new(
        format!("osd.{id} is down, and its disk is on {other}"),
        format!(
            "It ran on {home} last. Its data are not lost: `ceph-volume lvm activate --all` on {other} starts it there. Nothing was \
             written. If it is to go without its data being moved, apply `force = true` first."
        ),
    )
}

/// Whether the node itself is what fails.
pub fn is_dead(problem: &Problem) -> bool {
    matches!(problem.pve(), Some(PveError::NodeUnreachable { .. } | PveError::UnknownNode { .. }))
}

/// The node does not answer, or is no member of the cluster any more.
fn without_node(was: &Osd, live: &Live, node: String, problem: Problem) -> Result<Way, Problem> {
    let id = live.id;
    if !was.force {
        let cure = "If the node is not to come back, apply `force = true` and then destroy the OSD: it is taken out of Ceph through \
                    another node, by Ceph's own command, if Ceph's records say that it is the one in the state.";
        return Err(Error::from(problem).noting(cure).into());
    }
    if live.up {
        return Err(Problem::new(
            format!("osd.{id} runs, though {node} does not answer"),
            "Ceph says that it is up, and destroys none that is. Nothing was written. See to the node (its pveproxy, or the \
             network between the nodes); or stop the daemon there, and destroy again.",
        ));
    }
    Ok(Way::WithoutNode { node })
}

fn elsewhere_in_crush(id: u32, node: &str, host: &str) -> Problem {
    Problem::new(
        format!("PVE does not destroy osd.{id} where it hangs in CRUSH"),
        format!(
            "It runs on {node} and hangs below \"{host}\"; PVE destroys only OSDs that hang below their node. Nothing was \
             written. Move it there first (`ceph osd crush move osd.{id} host={node}` on a node), then destroy it again."
        ),
    )
}

async fn taken_out(cx: &Cx<Pve>, was: &Osd, live: &Live, way: &Way, deadline: Instant) -> Result<(), Problem> {
    let id = live.id;
    // From a dead disk nothing is moved anywhere.
    let full = matches!(way, Way::ByNode { .. });
    if full && !was.force && !departure::tenants(cx).await?.is_empty() {
        drained(cx, id, deadline).await?;
    }
    match way {
        Way::WithoutNode { node } => purge::purge(cx, id, node).await,
        Way::ByNode { node, .. } | Way::WithoutDisk { node } => {
            stop(cx, live, node, deadline).await?;
            destroy(cx, id, node, deadline).await
        }
    }
}

async fn destroy(cx: &Cx<Pve>, id: u32, node: &str, deadline: Instant) -> Result<(), Problem> {
    let doing = format!("Cannot destroy osd.{id}");
    let mut task = cx.client.ceph().delete_osd(node, id, true).await.during(&doing)?;
    task.wait(&patience_until(cx, deadline), |_| {}).await.during(&doing)?;
    if !task.warnings().is_empty() {
        cx.warn(Diagnostic::warning(
            format!("osd.{id} is destroyed, with warnings"),
            format!("PVE's task on {node} says:\n  {}", task.warnings().join("\n  ")),
        ));
    }
    Ok(())
}

/// Waits until Ceph itself says that nothing is lost with the OSD.
async fn drained(cx: &Cx<Pve>, id: u32, deadline: Instant) -> Result<(), Problem> {
    let waiting = format!("osd.{id} is not safe to destroy yet");
    let looked = look::until(cx, deadline, &waiting, async || {
        let doing = format!("Cannot ask whether osd.{id} can be destroyed");
        let safety = cx.client.ceph().is_safe(Risk::Destroy, "osd", &id.to_string()).await.during(doing)?;
        Ok(if safety.safe { Ok(()) } else { Err(format!("Ceph says: {}", safety.status.trim())) })
    })
    .await;
    looked.map_err(|problem| {
        let hint = "If what lies on it has nowhere to go, the pools' copies need more OSDs or hosts, or a smaller size; \
                    `force = true`, applied, destroys the OSD without waiting.";
        Error::from(problem).noting(hint).into()
    })
}

/// Stops the daemon and waits until the monitors have seen it.
async fn stop(cx: &Cx<Pve>, live: &Live, node: &str, deadline: Instant) -> Result<(), Problem> {
    let (id, doing) = (live.id, format!("Cannot stop osd.{}", live.id));
    let service = format!("osd.{id}");
    let mut task = cx.client.ceph().service(node, ServiceAction::Stop, &service).await.during(&doing)?;
    task.wait(&patience_until(cx, deadline), |_| {}).await.during(&doing)?;
    look::until(cx, deadline, &format!("osd.{id} is still up"), async || {
        let up = look::osd(cx, id).await?.is_some_and(|osd| osd.up);
        Ok(if up { Err("Its daemon was stopped, and the monitors still see it.".to_owned()) } else { Ok(()) })
    })
    .await
}
