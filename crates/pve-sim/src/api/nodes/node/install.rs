//! `pveceph install` in a terminal: what it prints and asks, and what it leaves on the node.
//!
//! Belief throughout: from PVE's sources, and apt as Debian knows it; it was never recorded. Installations of a release with a
//! question of its own, and upgrades, are not simulated.

use std::time::Duration;

use super::terminal::{Frames, next, send};
use crate::cluster::Cluster;
use crate::cluster::apt::standard;
use crate::cluster::ceph::Release;
use crate::cluster::terminals::Installation;
use crate::kernel::call::Socket;
use crate::kernel::world::World;

/// How long apt works.
const WORK: Duration = Duration::from_secs(60);

/// How apt ended.
enum Apt {
    /// The packages are there.
    Done,
    /// The raw status with which it failed.
    Failed(u32),
    /// The client is gone, and the program is killed.
    Cut,
}

/// Runs it for its one client, to the end.
pub(super) async fn serve(world: &World, node: &str, wanted: &Installation, mut typed: Typed<'_>) {
    let note = match wanted.repository.as_str() {
        "enterprise" => "WARN: Enterprise repository selected, but no active subscription!",
        "no-subscription" => "HINT: The no-subscription repository is not the best choice for production setups.",
        "test" => "WARN: The test repository should only be used for test setups!",
        _ => "NOTE: A manually configured repository is used.",
    };
    let Some(release) = Release::named(&wanted.release) else {
        typed.print(&format!("400 Parameter verification failed.\nversion: value '{}' does not have a value in the enumeration 'squid, tentacle'\n", wanted.release)).await;
        return;
    };
    let called = release.called();
    world.with(|cluster| configure(cluster, node, wanted));
    if !typed.print(&format!("{note}\nupdate available package list\nstart installation\n")).await {
        return;
    }
    // The mark stays when the program is killed.
    let (there, other) = world.with(|cluster| {
        let mark = cluster.ceph.nodes.entry(node.to_owned()).or_default();
        mark.installing = true;
        let there = mark.installed;
        let some = cluster.ceph.nodes.values().any(|node| node.installed);
        (there, some && cluster.ceph.release != release)
    });
    let end = match (there, other) {
        (_, true) => {
            world.with(|cluster| {
                *cluster.unmodelled.entry("pveceph install of another release".to_owned()).or_default() += 1;
            });
            Apt::Failed(25600)
        }
        (true, _) => {
            typed.print("0 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n").await;
            Apt::Done
        }
        (false, _) => apt(world, node, &release, &mut typed).await,
    };
    if matches!(end, Apt::Cut) {
        return;
    }
    world.with(|cluster| cluster.ceph.nodes.entry(node.to_owned()).or_default().installing = false);
    let last = match end {
        Apt::Done => {
            format!("\ninstalled Ceph {called} successfully!\n\nreloading API to load new Ceph RADOS library...\n")
        }
        Apt::Failed(status) => format!("\napt failed during ceph installation ({status})\n"),
        Apt::Cut => String::new(),
    };
    typed.print(&last).await;
}

/// Writes the file of Ceph's repository anew.
fn configure(cluster: &mut Cluster, node: &str, wanted: &Installation) {
    let handle = format!("ceph-{}-{}", wanted.release, wanted.repository);
    let entry = standard().into_iter().find(|standard| standard.handle == handle);
    if let (Some(entry), Some(node)) = (entry, cluster.nodes.get_mut(node)) {
        node.apt.set(&entry);
    }
}

async fn apt(world: &World, node: &str, release: &Release, typed: &mut Typed<'_>) -> Apt {
    let asks = "Reading package lists...\nBuilding dependency tree...\nThe following NEW packages will be installed:\n  ceph ceph-common \
                ceph-fuse ceph-mds ceph-volume gdisk nvme-cli\n0 upgraded, 62 newly installed, 0 to remove and 0 not upgraded.\n\
                Do you want to continue? [Y/n] ";
    if !typed.print(asks).await {
        return Apt::Cut;
    }
    match typed.line().await {
        None => return Apt::Cut,
        Some(line) if !["", "y", "Y"].contains(&line.as_str()) => {
            typed.print("Abort.\n").await;
            return Apt::Failed(256);
        }
        Some(_) => {}
    }
    let until = world.with(|cluster| cluster.now) + WORK;
    tokio::select! {
        () = world.sleep_until(until) => {}
        () = typed.gone() => return Apt::Cut,
    }
    let online = world.with(|cluster| {
        let online = cluster.nodes.online(node);
        if online {
            cluster.ceph.release = release.clone();
            cluster.ceph.install(node);
        }
        online
    });
    if !online {
        return Apt::Cut;
    }
    typed.print(&format!("Setting up ceph ({}) ...\n", release.short())).await;
    Apt::Done
}

/// The client at its terminal.
pub(super) struct Typed<'a> {
    socket: &'a mut Socket,
    frames: Frames,
    bytes: Vec<u8>,
}

impl<'a> Typed<'a> {
    pub(super) fn new(socket: &'a mut Socket, frames: Frames, bytes: Vec<u8>) -> Self {
        Self { socket, frames, bytes }
    }

    /// False when nobody is there.
    async fn print(&mut self, text: &str) -> bool {
        send(self.socket, text.replace('\n', "\r\n").into_bytes()).await
    }

    /// The next line that is typed.
    async fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.bytes.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
                let line = String::from_utf8_lossy(&self.bytes[..end]).trim().to_owned();
                self.bytes.drain(..=end);
                self.print(&format!("{line}\n")).await;
                return Some(line);
            }
            let more = next(self.socket).await?;
            self.bytes.extend(self.frames.take(&more));
        }
    }

    /// Returns when nobody is there any more.
    async fn gone(&mut self) {
        while next(self.socket).await.is_some() {}
    }
}
