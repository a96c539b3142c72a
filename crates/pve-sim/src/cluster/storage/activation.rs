//! What keeps a storage from being used on a node: who does not answer, what is not there.

use std::net::Ipv4Addr;

use super::{Storage, Storages, first_part};
use crate::cluster::Cluster;

const NOT_MOUNTED: &str = "mount error: Job failed. See \"journalctl -xe\" for details.";

impl Cluster {
    /// What keeps an entry from being activated on a node.
    ///
    /// # Errors
    /// PVE's text.
    pub fn activate(&self, storage: &Storage) -> Result<(), String> {
        let own = storage.kind.name == "cephfs" && storage.get("monhost").is_none();
        if own && !self.ceph.serves_fs(storage.get("fs-name")) {
            return Err(NOT_MOUNTED.to_owned());
        }
        self.storage.activate(storage)
    }
}

impl Storages {
    /// The same, of all that Ceph has no part in.
    fn activate(&self, storage: &Storage) -> Result<(), String> {
        let (id, option) = (&storage.id, |name: &str| storage.get(name).unwrap_or_default());
        let offline = || Err(format!("storage '{id}' is not online"));
        match storage.kind.name {
            "dir" => self.directory(storage),
            // Belief: the file system that lies there is told by the path.
            "btrfs" if !storage.path().contains("btrfs") => {
                Err(format!("'{}' is not a btrfs file system", storage.path()))
            }
            "btrfs" => self.directory(storage),
            "nfs" | "cifs" | "esxi" if !self.answers(option("server")) => offline(),
            "iscsi" if !self.answers(option("portal")) => offline(),
            // Belief: whoever answers elsewhere has the file system that is asked for.
            "cephfs" if storage.get("monhost").is_some_and(|hosts| !self.answers(hosts)) => Err(NOT_MOUNTED.to_owned()),
            "pbs" if !self.answers(option("server")) => {
                let (server, port) = (option("server"), storage.get("port").unwrap_or("8007"));
                let lost = format!("500 Can't connect to {server}:{port} (No route to host)");
                Err(format!("{id}: error fetching datastores - {lost}"))
            }
            // Where it was recorded there was no ZFS at all.
            "zfspool" if !self.zpools.contains(first_part(option("pool"))) => {
                let command = format!("zpool import -d /dev/disk/by-id/ -o cachefile=none {}", option("pool"));
                Err(format!(
                    "could not activate storage '{id}', zfs error: open3: exec of {command} failed: No such file or directory at \
                     /usr/share/perl5/PVE/Cmd.pm line 174.\n\n"
                ))
            }
            "lvm" | "lvmthin" if !self.groups.contains(option("vgname")) => {
                Err(format!("no such volume group '{}'", option("vgname")))
            }
            _ => Ok(()),
        }
    }

    fn directory(&self, storage: &Storage) -> Result<(), String> {
        let makes = storage.get("mkdir") != Some("0") && storage.get("create-base-path") != Some("0");
        let path = storage.path();
        if makes || self.directories.contains(&path) {
            return Ok(());
        }
        let id = &storage.id;
        Err(format!("unable to activate storage '{id}' - directory '{path}' does not exist or is unreachable"))
    }

    /// Every server answers, except in the network that is reserved for documentation, and beside the nodes, in whose
    /// network nobody else lives.
    pub(crate) fn answers(&self, server: &str) -> bool {
        let host = server.split([':', ' ', ',', ';']).next().unwrap_or_default();
        let Ok(address) = host.parse::<Ipv4Addr>() else { return true };
        let net = |address: &Ipv4Addr| address.octets()[..3].to_vec();
        let beside = |node: &Ipv4Addr| !node.is_loopback() && net(node) == net(&address);
        self.lan.contains(&address) || (net(&address) != [192, 0, 2] && !self.lan.iter().any(beside))
    }
}
