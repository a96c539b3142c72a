//! `pve_ceph_monitor`: a monitor of Ceph.

use pve_client::Error as PveError;
use pve_client::api::ceph::services::{Daemon as Sort, Risk};
use pve_client::api::cluster::Member;
use terraform_plugin::{Cx, Error, Findings, Model, Timeouts};
use tokio::time::Instant;

use super::{Daemon, Kind, Seen, addresses, daemon};
use crate::ceph::cluster::CephCluster;
use crate::ceph::osd::Osd;
use crate::ceph::wait::until;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// A monitor of Ceph: the monitors know what the cluster is like, and agree on it by majority. Three survive the death of one.
///
/// Monitors are made one after the other, whatever the configuration says, and each is waited for until it is part of the
/// quorum. The first one brings a manager on its node, which `pve_ceph_manager` takes over.
///
/// One whose removal would leave no majority is not removed. The last one goes only with the whole of Ceph: if the monitors
/// say that they depend on a `pve_ceph_cluster`, it is left where it is until that is destroyed, else its removal is refused. One
/// on a node that is offline cannot be removed by PVE; the error says how it is done by hand.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ceph_monitor", area = "Ceph", key(name))]
pub struct CephMonitor {
    /// The node it is on.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// Its id. Unset: the name of its node.
    #[attr(keep, replace, length = ..=200, regex = "^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?$", says = "letters, digits and hyphens")]
    pub name: Option<String>,
    /// The address on which it listens, for a node that has several in Ceph's public network.
    ///
    /// Left alone when unset (the one that the node has there). One that PVE does not list for the node fails the plan where
    /// another monitor would have to go for it first.
    #[attr(keep, replace, check = address)]
    pub address: Option<String>,
    /// False until it has been part of the quorum once; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take.
    #[attr(timeouts(create = "10m", update = "10m", delete = "10m"))]
    pub timeouts: Timeouts,
}

fn address(text: &String) -> Result<(), String> {
    match text.parse::<std::net::IpAddr>() {
        Ok(parsed) if parsed.to_string() == *text => Ok(()),
        Ok(parsed) => Err(format!("must be written `{parsed}`, as PVE tells it")),
        Err(_) => Err("must be an IP address".to_owned()),
    }
}

/// `10.0.0.1` of `10.0.0.1:6789/0`, `2001:db8::1` of `[2001:db8::1]:6789/0`.
fn without_port(addr: &str) -> &str {
    match addr.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => addr.rsplit_once(':').map_or(addr, |(address, _)| address),
    }
}

/// How many have to agree.
fn majority(of: usize) -> usize {
    of / 2 + 1
}

/// Where it is remembered that this state holds Ceph's cluster as well, as far as was seen.
const CLUSTER: &str = "cluster";

/// Of the last one: it goes with the whole of Ceph, if this state has that, and if nothing is lost.
async fn last(cx: &Cx<Pve>, id: &str, all: usize, found: &mut Findings<CephMonitor>) -> Result<(), Error> {
    let summary = format!("Monitor \"{id}\" is the last one");
    let there_are = match all {
        1 => "There is one monitor".to_owned(),
        n => format!("There are {n} monitors, and all of them are to go"),
    };
    if !has_cluster(cx) {
        found.mendable(Problem::new(
            summary,
            format!(
                "{there_are}, and without any Ceph knows nothing of itself: PVE removes the last one only with the whole of Ceph \
                 (`pveceph purge`). Nothing was written. Let a `pve_ceph_cluster` hold it, on which the monitors say that they depend \
                 (`depends_on`): its removal takes the last monitor along."
            ),
        ));
        return Ok(());
    }
    let osds = cx.client.ceph().status().await.during("Cannot read Ceph's status")?.osdmap.num_osds;
    if osds > 0 {
        let going = found.is_plan() && cx.going::<Osd>().len() >= osds as usize;
        let detail = format!(
            "{there_are}, and {osds} OSDs hold what only monitors find again. Nothing was written. Remove the OSDs first; \
             `depends_on` lets Terraform do so in the right order."
        );
        found.missing(going, Problem::new(summary, detail));
    }
    if cx.going::<CephCluster>().is_empty() {
        found.notice(Problem::new(
            "The last monitor stays until Ceph goes",
            "PVE removes it only with the whole of Ceph: it is left where it is, and goes when `pve_ceph_cluster` is destroyed.",
        ));
    }
    Ok(())
}

fn has_cluster(cx: &Cx<Pve>) -> bool {
    cx.private.get(CLUSTER).unwrap_or(false)
}

impl Daemon for CephMonitor {
    const KIND: Kind = Kind {
        sort: Sort::Monitor,
        what: "Monitor",
        creates: "cephcreatemon",
        destroys: "cephdestroymon",
        works: "part of the quorum",
    };

    fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    fn addressed(self, seen: &Seen) -> Self {
        Self { address: seen.address.clone().or(self.address), ..self }
    }

    async fn fits(
        cx: &Cx<Pve>,
        want: &CephMonitorPlan,
        on: &Member,
        gone: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        match want.address.text().filter(|_| found.is_plan()) {
            // It has the address now.
            Some(address) if gone.is_some_and(|was| was.node == on.name && was.address.as_deref() == Some(address)) => {
                Ok(())
            }
            Some(address) => addresses::look(cx, address, on, gone.is_some(), found).await,
            None => Ok(()),
        }
    }

    async fn all(cx: &Cx<Pve>) -> Result<Vec<Seen>, Problem> {
        let monitors = cx.client.ceph().monitors().await.during("Cannot list the monitors of Ceph")?;
        let seen = |monitor: &pve_client::api::ceph::services::Monitor| Seen {
            name: monitor.name.clone(),
            host: monitor.host.clone(),
            address: monitor.addr.as_deref().map(|addr| without_port(addr).to_owned()),
            works: monitor.quorum,
            state: monitor.state.clone(),
        };
        Ok(monitors.iter().map(seen).collect())
    }

    async fn losable(
        cx: &Cx<Pve>,
        seen: &Seen,
        all: &[Seen],
        going: &[String],
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let id = &seen.name;
        let stay = all.iter().filter(|one| one.name != *id && !going.contains(&one.name)).count();
        if stay == 0 {
            return last(cx, id, all.len(), found).await;
        }
        let (agree, left) = (all.iter().filter(|one| one.works && one.name != *id).count(), all.len() - 1);
        if agree < majority(left) {
            found.mendable(Problem::new(
                format!("Without monitor \"{id}\" there would be no quorum"),
                format!(
                    "There are {} monitors, of which {} agree. Without this one {left} are left, of which {} have to agree, and {agree} \
                     do. Nothing was written. Bring the others back first.",
                    all.len(),
                    all.iter().filter(|one| one.works).count(),
                    majority(left)
                ),
            ));
            return Ok(());
        }
        if stay < 3 {
            found.notice(Problem::new(
                "Ceph would be left with fewer than three monitors",
                format!("{stay} would be left: none of them may die, or all of Ceph stands still. Three survive the death of one."),
            ));
        }
        // What is safe in Ceph's own eyes is asked right before.
        if !found.is_plan() {
            let doing = format!("Cannot ask whether monitor \"{id}\" can be removed");
            let safety = cx.client.ceph().is_safe(Risk::Destroy, "mon", id).await.during(doing)?;
            if !safety.safe {
                let detail = format!("Ceph says: {}. Nothing was written.", safety.status.trim().trim_end_matches('.'));
                found.mendable(Problem::new(format!("Ceph does not let monitor \"{id}\" go"), detail));
            }
        }
        Ok(())
    }

    /// Terraform has looked at what it depends on by then.
    fn remember(cx: &Cx<Pve>) {
        cx.private.set(CLUSTER, !cx.held::<CephCluster>().is_empty());
    }

    fn is_left(cx: &Cx<Pve>, all: &[Seen]) -> bool {
        all.len() == 1 && has_cluster(cx)
    }

    /// The first one brings a manager, by a task that goes on when that of the monitor is over. Without it Ceph has no figures,
    /// and who makes a manager on that node would collide with it.
    async fn followed(cx: &Cx<Pve>, first: bool, deadline: Instant) -> Result<(), Problem> {
        if !first {
            return Ok(());
        }
        until(cx, deadline, "The first monitor's manager is not there yet", async || {
            Ok(match cx.client.ceph().managers().await {
                Ok(managers) if managers.iter().any(|manager| manager.state == "active") => Ok(()),
                Ok(managers) => Err(format!("There are {} managers, and none is active.", managers.len())),
                Err(error @ PveError::CephUnreachable(_)) => Err(error.to_string()),
                Err(error) if error.is_stumble_of_ceph() => Err(error.to_string()),
                Err(error) => return Err(error).during("Cannot list the managers of Ceph"),
            })
        })
        .await
    }
}

daemon!(CephMonitor, "ceph_monitors");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_no_part_of_an_address() {
        for (addr, address) in
            [("10.0.0.1:6789/0", "10.0.0.1"), ("[2001:db8::1]:6789/0", "2001:db8::1"), ("10.0.0.1", "10.0.0.1")]
        {
            assert_eq!(without_port(addr), address);
        }
    }

    #[test]
    fn more_than_half_have_to_agree() {
        assert_eq!([1, 2, 3, 4, 5].map(majority), [1, 2, 2, 3, 3]);
    }
}
