//! The metadata servers that a file system needs: one that stands by to be made, one that serves it to be of use.

use pve_client::api::ceph::services::{Daemon as Sort, MetadataServer};
use pve_client::shell::commands::CephCommands;
use terraform_plugin::{Cx, Findings};
use tokio::time::Instant;

use super::CephFilesystem;
use crate::ceph::wait::until;
use crate::ceph::{daemon, shell_node};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

async fn all(cx: &Cx<Pve>) -> Result<std::sync::Arc<Vec<MetadataServer>>, Problem> {
    cx.client.ceph().metadata_servers().await.during("Cannot list the metadata servers of Ceph")
}

fn stands_by(servers: &[MetadataServer]) -> bool {
    servers.iter().any(|server| server.state == "up:standby")
}

/// Says so if none stands by, unless one is planned.
pub(super) async fn check(cx: &Cx<Pve>, name: &str, found: &mut Findings<CephFilesystem>) -> Result<(), Problem> {
    let servers = all(cx).await?;
    if !stands_by(&servers) {
        found.missing(daemon::comes(cx, Sort::MetadataServer), none(name, &servers));
    }
    Ok(())
}

fn none(name: &str, servers: &[MetadataServer]) -> Problem {
    let told: Vec<_> = servers.iter().map(|server| format!("{} ({})", server.name, server.state)).collect();
    let told = if told.is_empty() { "There is none.".to_owned() } else { format!("There are: {}.", told.join(", ")) };
    Problem::new(
        format!("No metadata server stands by for file system \"{name}\""),
        format!(
            "{told} PVE makes a file system only where one stands by, besides those that serve others. Nothing was written. Make one \
             (`pve_ceph_metadata_server`) and name it in `depends_on` of the file system."
        ),
    )
}

/// Waits for one that stands by, as long as one is on its way.
pub(super) async fn wait(cx: &Cx<Pve>, name: &str, deadline: Instant) -> Result<(), Problem> {
    let waiting = format!("No metadata server stands by yet for file system \"{name}\"");
    until(cx, deadline, &waiting, async || {
        let servers = all(cx).await?;
        // PVE shows one that was just started as stopped or unknown for a while.
        let starts = |server: &MetadataServer| !server.state.starts_with("up:") && server.state != "stopped";
        if stands_by(&servers) {
            Ok(Ok(()))
        } else if daemon::comes(cx, Sort::MetadataServer) {
            Ok(Err("One is being made.".to_owned()))
        } else if servers.iter().any(starts) {
            Ok(Err("One starts.".to_owned()))
        } else {
            Err(none(name, &servers))
        }
    })
    .await
}

/// Whether one serves it, be it not completely yet.
pub(super) async fn serving(cx: &Cx<Pve>, name: &str) -> Result<bool, Problem> {
    let serves = |server: &MetadataServer| server.state.starts_with("up:") && server.fs_name.as_deref() == Some(name);
    Ok(all(cx).await?.iter().any(serves))
}

/// Waits until one serves it.
pub(super) async fn active(cx: &Cx<Pve>, name: &str, deadline: Instant) -> Result<(), Problem> {
    let waiting = format!("No metadata server serves file system \"{name}\" yet");
    until(cx, deadline, &waiting, async || {
        let servers = all(cx).await?;
        let its = servers.iter().find(|server| server.fs_name.as_deref() == Some(name));
        Ok(match its {
            Some(server) if server.state == "up:active" => Ok(()),
            Some(server) => Err(format!("{} is {}.", server.name, server.state)),
            None if stands_by(&servers) => Err("One stands by.".to_owned()),
            None => Err("None stands by either.".to_owned()),
        })
    })
    .await
}

/// Takes the metadata servers away from it: Ceph removes no file system that is served.
pub(super) async fn take_away(cx: &Cx<Pve>, name: &str) -> Result<(), Problem> {
    let doing = format!("Cannot take the metadata servers away from file system \"{name}\"");
    let shell = cx.client.shell(shell_node(cx, &doing).await?);
    CephCommands::new(&cx.client, &shell).fail_filesystem(name).await.during(&doing)
}

/// Gives them back.
pub(super) async fn let_join(cx: &Cx<Pve>, name: &str) -> Result<(), Problem> {
    let doing = format!("Cannot let metadata servers serve file system \"{name}\" again");
    let shell = cx.client.shell(shell_node(cx, &doing).await?);
    CephCommands::new(&cx.client, &shell).let_join(name).await.during(&doing)
}
