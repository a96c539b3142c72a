//! Disks that die, disks that are put in, and what is left on a disk whose OSD was purged.

use super::Cluster;
use super::ceph::{Output, lv_name};
use super::nodes::partition_path;
use crate::shape::DiskShape;

impl Cluster {
    /// A disk of a node dies: the kernel shows it no more, and the OSDs on it go down for good. Which OSDs those are.
    ///
    /// # Errors
    /// A node or a serial that is not there, a serial that two disks share, the node's own system.
    pub fn kill_disk(&mut self, node: &str, serial: &str) -> Result<Vec<u32>, String> {
        let names = self.nodes.names().join(", ");
        let known = self.nodes.get_mut(node).ok_or_else(|| format!("no node '{node}': there are {names}"))?;
        let has = |disk: &DiskShape| disk.serial.as_deref() == Some(serial);
        let mut found = known.disks.iter().filter(|disk| has(disk));
        let disk = match (found.next(), found.next()) {
            (Some(disk), None) => disk.clone(),
            (Some(_), Some(_)) => return Err(format!("two disks of {node} have the serial '{serial}'")),
            (None, _) => {
                let serials: Vec<&str> = known.disks.iter().filter_map(|disk| disk.serial.as_deref()).collect();
                return Err(format!("{node} has no disk with the serial '{serial}': there are {}", serials.join(", ")));
            }
        };
        if disk.used.as_deref() == Some("mounted") || disk.partitions.iter().any(|part| part.mounted) {
            return Err(format!("'{serial}' holds the system of {node}: switch the node off instead"));
        }
        known.disks.retain(|disk| !has(disk));
        let now = self.now.seconds();
        let parts = disk.partitions.iter().map(|part| partition_path(&disk.path, part.number));
        let paths: Vec<String> = std::iter::once(disk.path.clone()).chain(parts).collect();
        let ceph = self.ceph_now();
        Ok(paths.iter().flat_map(|path| ceph.lose_disk(node, path, now)).collect())
    }

    /// A disk is put into a node.
    ///
    /// # Errors
    /// A node that is not there, a path or a serial that is taken, no serial at all.
    pub fn add_disk(&mut self, node: &str, mut disk: DiskShape) -> Result<(), String> {
        let names = self.nodes.names().join(", ");
        let known = self.nodes.get_mut(node).ok_or_else(|| format!("no node '{node}': there are {names}"))?;
        let Some(serial) = &disk.serial else { return Err("a new disk needs a serial".to_owned()) };
        for (what, taken) in [
            (&disk.path, known.disks.iter().any(|other| other.path == disk.path)),
            (serial, known.disks.iter().any(|other| other.serial.as_ref() == Some(serial))),
        ] {
            if taken {
                return Err(format!("{node} has a disk '{what}' already"));
            }
        }
        super::partitions::lay_out(node, &mut disk);
        known.disks.push(disk);
        known.disks.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(())
    }

    /// `ceph-volume lvm zap --destroy DEVICE`, as whoever purged an OSD by Ceph's own means ends it on the disk.
    // Belief: the output, as published; other commands of the tool are not simulated.
    pub(crate) fn ceph_volume(&mut self, node: &str, arguments: &[&str]) -> Output {
        let said = |status: i32, stderr: String| Output { status, stdout: String::new(), stderr };
        let ["lvm", "zap", rest @ ..] = arguments else {
            return said(2, "ceph-volume: only 'lvm zap --destroy DEVICE' is simulated\n".to_owned());
        };
        let Some(path) = rest.iter().find(|word| word.starts_with("/dev/")).filter(|_| rest.contains(&"--destroy"))
        else {
            return said(2, "ceph-volume: only 'lvm zap --destroy DEVICE' is simulated\n".to_owned());
        };
        let in_map = |osd: &super::ceph::Osd| {
            osd.node == node && osd.running && osd.device.as_ref().is_some_and(|device| device.path == *path)
        };
        if self.ceph_now().osds.values().any(in_map) {
            return said(1, format!("-->  RuntimeError: could not complete wipefs on device: {path}\n"));
        }
        if self.nodes.get(node).and_then(|node| node.device(path)).is_none() {
            return said(1, format!("-->  ValueError: {path} is not a block device\n"));
        }
        let mut text = format!("--> Zapping: {path}\n");
        self.ceph.leftovers.retain(|left| {
            let goes = left.node == node && left.device.path == *path;
            if goes {
                let (vg, lv) = (&left.device.vg, lv_name(&left.uuid));
                text += &format!("--> Zapping lvm member {path}. lv_path is /dev/{vg}/{lv}\n");
                text += &format!("Running command: vgremove -v -f {vg}\n");
            }
            !goes
        });
        if let Some(node) = self.nodes.get_mut(node) {
            // A partition keeps its type, which PVE shows as LVM.
            let partition = node.device(path).is_some_and(|device| device.partition.is_some());
            node.set_used(path, partition.then_some("LVM"));
        }
        said(0, format!("{text}--> Zapping successful for: {path}\n"))
    }
}
