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

    /// `ceph-volume lvm zap --destroy` of a device or of one volume, as whoever purged an OSD by Ceph's own means ends it on the
    /// disk.
    // Belief: the output, as published; other commands of the tool are not simulated.
    pub(crate) fn ceph_volume(&mut self, node: &str, arguments: &[&str]) -> Output {
        let said = |status: i32, stderr: String| Output { status, stdout: String::new(), stderr };
        let none = || said(2, "ceph-volume: only 'lvm zap --destroy DEVICE|VG/LV' is simulated\n".to_owned());
        let ["lvm", "zap", rest @ ..] = arguments else { return none() };
        let target = rest.iter().find(|word| !word.starts_with("--")).filter(|_| rest.contains(&"--destroy"));
        let Some(target) = target else { return none() };
        match target.trim_start_matches("/dev/").split_once('/') {
            Some((vg, lv)) => self.zap_volume(node, vg, lv),
            None => self.zap_device(node, target),
        }
    }

    fn zap_volume(&mut self, node: &str, vg: &str, lv: &str) -> Output {
        let said = |status: i32, stderr: String| Output { status, stdout: String::new(), stderr };
        let here = |v: &super::ceph::SideVolume| v.node == node && v.vg == vg && v.name == lv;
        let Some(at) = self.ceph_now().side_volumes.iter().position(here) else {
            return said(
                2,
                format!("ceph-volume lvm zap: error: Unable to proceed with non-existing device: {vg}/{lv}\n"),
            );
        };
        let runs = |uuid: &str| self.ceph.osds.values().any(|osd| osd.uuid == uuid && osd.running);
        if self.ceph.side_volumes[at].osd.as_ref().is_some_and(|(_, uuid)| runs(uuid)) {
            return said(1, format!("-->  RuntimeError: could not complete wipefs on device: /dev/{vg}/{lv}\n"));
        }
        let volume = self.ceph.side_volumes.remove(at);
        let text = self.settle_group(node, vg, &volume.path, lv);
        said(0, format!("{text}--> Zapping successful for: <LV: /dev/{vg}/{lv}>\n"))
    }

    fn zap_device(&mut self, node: &str, path: &str) -> Output {
        let said = |status: i32, stderr: String| Output { status, stdout: String::new(), stderr };
        let in_map = |osd: &super::ceph::Osd| {
            osd.node == node && osd.running && osd.device.as_ref().is_some_and(|device| device.path == path)
        };
        let runs = self.ceph_now().osds.values().any(in_map);
        let serves = |v: &super::ceph::SideVolume| {
            let of = |uuid: &str| self.ceph.osds.values().any(|osd| osd.uuid == uuid && osd.running);
            v.node == node && v.path == path && v.osd.as_ref().is_some_and(|(_, uuid)| of(uuid))
        };
        if runs || self.ceph.side_volumes.iter().any(serves) {
            return said(1, format!("-->  RuntimeError: could not complete wipefs on device: {path}\n"));
        }
        if self.nodes.get(node).and_then(|node| node.device(path)).is_none() {
            return said(1, format!("-->  ValueError: {path} is not a block device\n"));
        }
        let mut text = format!("--> Zapping: {path}\n");
        self.ceph.side_volumes.retain(|volume| volume.node != node || volume.path != path);
        self.ceph.leftovers.retain(|left| {
            let goes = left.node == node && left.device.path == path;
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
