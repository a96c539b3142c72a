//! Whether a cluster can do without one of its nodes for a while.

use std::collections::BTreeSet;

use terraform_plugin::Cx;

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// States of placement groups in which there are fewer copies than there should be, or in which Ceph does not know.
const SHORT: [&str; 7] = ["degraded", "undersized", "down", "incomplete", "stale", "peering", "unknown"];

/// Why the cluster cannot do without a node now: the others have no majority, or Ceph is short of copies already. None if it can.
pub async fn cannot_spare(cx: &Cx<Pve>, node: &str) -> Result<Option<String>, Problem> {
    let status = cx.client.cluster().status().await.during("Cannot read the cluster's status")?;
    if !status.quorate {
        return Ok(Some("the cluster has no quorum.".to_owned()));
    }
    let others: BTreeSet<&str> =
        status.members.iter().filter(|member| member.online && member.name != node).map(|m| m.name.as_str()).collect();
    let majority = status.members.len() / 2 + 1;
    if status.members.len() > 1 && others.len() < majority {
        return Ok(Some(format!(
            "without it {} of {} nodes are online, which is no majority: every node with guests under HA would reset itself.",
            others.len(),
            status.members.len()
        )));
    }
    short_of_copies(cx).await
}

/// What of Ceph is short of copies, in a sentence; none where there is no Ceph.
pub async fn short_of_copies(cx: &Cx<Pve>) -> Result<Option<String>, Problem> {
    if cx.client.ceph().monitor_node().await.during("Cannot look for Ceph's monitors")?.is_none() {
        return Ok(None);
    }
    let status = cx.client.ceph().status().await.during("Cannot read Ceph's status")?;
    let short: u32 = status
        .pgmap
        .pgs_by_state
        .iter()
        .filter(|state| state.state_name.split('+').any(|word| SHORT.contains(&word)))
        .map(|state| state.count)
        .sum();
    if short > 0 {
        let all = status.pgmap.num_pgs;
        return Ok(Some(format!("Ceph is short of copies: {short} of {all} placement groups are not whole.")));
    }
    let down = status.osdmap.num_osds.saturating_sub(status.osdmap.num_up_osds);
    Ok((down > 0).then(|| format!("{down} of {} OSDs are down.", status.osdmap.num_osds)))
}

/// What HA is in the middle of, in a sentence.
pub async fn ha_is_busy(cx: &Cx<Pve>) -> Result<Option<String>, Problem> {
    const BUSY: [&str; 5] = ["fence", "recovery", "migrate", "relocate", "deleting"];
    let status = cx.client.ha().status().await.during("Cannot read HA's status")?;
    let busy: Vec<String> = status
        .services
        .iter()
        .filter(|service| BUSY.contains(&service.state.as_str()))
        .map(|service| format!("{} ({})", service.sid, service.state))
        .collect();
    Ok((!busy.is_empty()).then(|| format!("HA is at work: {}.", busy.join(", "))))
}
