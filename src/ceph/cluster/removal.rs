//! The end of Ceph: what stands against it, and what has to go with it.

use pve_client::api::ceph::DAEMON_AREAS;
use pve_client::api::ceph::pool::PoolRemoval;
use pve_client::api::ceph::services::Daemon as Sort;
use pve_client::shell::commands::CephCommands;
use pve_client::{Area, Error as PveError, Lock};
use terraform_plugin::{Cx, Deleted, Error, Findings, require_removable};

use super::{CephCluster, ID, conf};
use crate::ceph::daemon::Modelled;
use crate::ceph::daemon::metadata_server::CephMetadataServer;
use crate::ceph::daemon::monitor::CephMonitor;
use crate::ceph::osd::Osd;
use crate::ceph::pool::Pool;
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};

const DOING: &str = "Cannot remove Ceph";

/// What changes when Ceph is gone.
const AREAS: &[Area] =
    &[Area::CephOsds, Area::Crush, Area::CephPools, Area::CephStatus, Area::CephMons, Area::CephConfig];

/// Pools that managers make for themselves, now and in older releases.
const OWN_POOLS: [&str; 2] = [".mgr", "device_health_metrics"];

/// What speaks against it, unless it is planned to go along.
pub(super) async fn removable(
    cx: &Cx<Pve>,
    _was: &CephCluster,
    found: &mut Findings<CephCluster>,
) -> Result<(), Error> {
    if conf(cx).await?.is_none() {
        return Ok(());
    }
    let plan = found.is_plan();
    let monitors = cx.client.ceph().monitors().await.during("Cannot list the monitors of Ceph")?;
    if monitors.is_empty() {
        // Nothing was ever stored.
        return Ok(());
    }
    if monitors.len() > 1 {
        let going = if plan { cx.going::<CephMonitor>() } else { Vec::new() };
        let stay = monitors.iter().filter(|monitor| going.iter().all(|other| other.id() != monitor.name)).count();
        let all: Vec<&str> = monitors.iter().map(|monitor| monitor.name.as_str()).collect();
        found.missing(stay == 0, there_are(&format!("{} monitors ({})", all.len(), all.join(", "))));
    }
    let status = match cx.client.ceph().status().await {
        Ok(status) => status,
        Err(error) if error.is_stumble_of_ceph() || matches!(error, PveError::CephUnreachable(_)) => {
            return unanswered(cx, &error, found).await;
        }
        Err(error) => return Err(error).during("Cannot read Ceph's status")?,
    };
    let osds = status.osdmap.num_osds;
    if osds > 0 {
        let going = plan && cx.going::<Osd>().len() >= osds as usize;
        found.missing(going, there_are(&format!("{osds} OSDs")));
    }
    let pools = cx.client.ceph().pools().await.during("Cannot list the pools of Ceph")?;
    let mut pools: Vec<&str> = pools.iter().map(|pool| pool.name.as_str()).collect();
    pools.retain(|name| !OWN_POOLS.contains(name));
    if !pools.is_empty() {
        let going = if plan { cx.going::<Pool>() } else { Vec::new() };
        let all = pools.iter().all(|name| going.iter().any(|pool| pool.name == *name));
        found.missing(all, there_are(&format!("pools ({})", pools.join(", "))));
    }
    let servers = cx.client.ceph().metadata_servers().await.during("Cannot list the metadata servers of Ceph")?;
    if !servers.is_empty() {
        let going = if plan { cx.going::<CephMetadataServer>() } else { Vec::new() };
        let all = servers.iter().all(|server| going.iter().any(|other| other.id() == server.name));
        let names: Vec<&str> = servers.iter().map(|server| server.name.as_str()).collect();
        found.missing(all, there_are(&format!("metadata servers ({})", names.join(", "))));
    }
    Ok(())
}

fn there_are(what: &str) -> Problem {
    Problem::new(
        "Ceph is in use",
        format!(
            "There are {what}. Nothing was written. Remove them first; where this configuration has them, \
             `depends_on` lets Terraform do so in the right order."
        ),
    )
}

/// Ceph does not answer, and PVE would go on without having looked. Only what a run that was cut off had begun is carried on,
/// and only if no disk of any node carries an OSD.
async fn unanswered(cx: &Cx<Pve>, why: &PveError, found: &mut Findings<CephCluster>) -> Result<(), Error> {
    let begun = cx.was_removing::<CephCluster>(ID).await;
    match if begun { disk_with_osd(cx).await? } else { None } {
        None if begun => {}
        carried => {
            let also = carried.map(|disk| format!(" {disk} carries an OSD.")).unwrap_or_default();
            found.mendable(Problem::new(
                "Ceph does not answer, so nobody knows what is in it",
                format!(
                    "PVE: {why}.{also} Nothing was written. Bring its monitors back first. If there is nothing in it and they are \
                     gone for good, `pveceph purge` on each node that had one takes it away, and `terraform state rm` this \
                     resource."
                ),
            ));
        }
    }
    Ok(())
}

/// A disk on which an OSD is, as far as nodes tell; one that does not answer is an error.
async fn disk_with_osd(cx: &Cx<Pve>) -> Result<Option<String>, Problem> {
    let status = cx.client.cluster().status().await.during("Cannot list the cluster's nodes")?;
    for member in &status.members {
        let doing = format!("Cannot list the disks of node {}", member.name);
        let disks = cx.client.disks(&member.name).list().await.during(doing)?;
        if let Some(disk) = disks.iter().find(|disk| !disk.osd_ids.is_empty()) {
            return Ok(Some(format!("{} of {}", disk.devpath, member.name)));
        }
    }
    Ok(None)
}

/// Removes it, if it is there and may go.
pub(super) async fn remove(cx: &Cx<Pve>, was: &CephCluster) -> Result<Deleted<CephCluster>, Error> {
    let _turn = cx.client.begin_write(Lock::CephDaemon, &[]).await.during(DOING)?;
    if conf(cx).await?.is_none() {
        return Ok(Deleted::Gone);
    }
    require_removable(cx, was).await?;
    if !cx.client.has_shell() {
        let detail = "`pveceph purge` runs on a node: in PVE's terminal, which takes the login of root@pam, or by SSH. Nothing was \
                      written.";
        return Err(Error::new(DOING, detail));
    }
    let node = place(cx, was).await?;
    company(cx, &node).await?;
    let shell = cx.client.shell(node.clone());
    let said = CephCommands::new(&cx.client, &shell).purge().await.during(DOING);
    cx.client.changed(AREAS);
    cx.client.changed(DAEMON_AREAS);
    if conf(cx).await?.is_none() {
        return Ok(Deleted::Gone);
    }
    let problem = match said {
        Ok(said) => Problem::new(
            DOING,
            format!("`pveceph purge` on {node} has left its configuration where it is. It said: {said}\nApply again."),
        ),
        Err(problem) => problem,
    };
    Ok(Deleted::unfinished(was.clone(), problem))
}

/// Where PVE purges: on the node of the last monitor, else on any that has the packages.
async fn place(cx: &Cx<Pve>, was: &CephCluster) -> Result<String, Problem> {
    let monitors = cx.client.ceph().monitors().await.during("Cannot list the monitors of Ceph")?;
    if let Some(host) = monitors.first().and_then(|monitor| monitor.host.clone()) {
        return Ok(host);
    }
    let with = cx.client.ceph().installed().await.during("Cannot see where Ceph is installed")?;
    let named = was.node.as_ref().filter(|node| with.contains_key(*node)).cloned();
    named.or_else(|| with.into_keys().next()).ok_or_else(|| super::no_packages(None))
}

/// Takes away what PVE would stumble over, or leave on other nodes, as long as there is a monitor that can be asked.
async fn company(cx: &Cx<Pve>, node: &str) -> Result<(), Problem> {
    let answers = match cx.client.ceph().status().await {
        Ok(_) => true,
        Err(PveError::CephUnreachable(_)) => false,
        Err(error) if error.is_stumble_of_ceph() => false,
        Err(error) => return Err(error).during("Cannot read Ceph's status"),
    };
    if !answers {
        return Ok(());
    }
    let pools = cx.client.ceph().pools().await.during("Cannot list the pools of Ceph")?;
    for pool in pools.iter().filter(|pool| OWN_POOLS.contains(&pool.name.as_str())) {
        let doing = format!("Cannot remove the managers' own pool \"{}\"", pool.name);
        let mut task = cx.client.ceph().delete_pool(&pool.name, PoolRemoval::default()).await.during(&doing)?;
        task.wait(&patience(cx), |_| {}).await.during(&doing)?;
    }
    let managers = cx.client.ceph().managers().await.during("Cannot list the managers of Ceph")?;
    for manager in managers.iter() {
        let Some(host) = manager.host.as_deref().filter(|host| *host != node) else { continue };
        let doing = format!("Cannot remove manager \"{}\" from {host}", manager.name);
        let mut task = cx.client.ceph().delete_daemon(host, Sort::Manager, &manager.name).await.during(&doing)?;
        task.wait(&patience(cx), |_| {}).await.during(&doing)?;
    }
    Ok(())
}
