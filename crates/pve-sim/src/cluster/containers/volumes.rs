//! A container's volumes: made with it, mounted, taken off, freed.

use crate::cluster::Cluster;
use crate::cluster::guests::Config;
use crate::cluster::guests::drive::Drive;
use crate::cluster::guests::size;
use crate::cluster::storage::{Storage, owner};

const MIB: u64 = 1 << 20;

/// What a mount point mounts, told by its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mounts {
    /// A volume of a storage, made or to be made.
    Volume,
    /// A device of the node.
    Device,
    /// A folder of the node.
    Bind,
}

/// What is mounted.
pub fn mounts(mount: &Drive) -> Mounts {
    match mount.volume.as_str() {
        device if device.starts_with("/dev/") => Mounts::Device,
        path if path.starts_with('/') => Mounts::Bind,
        _ => Mounts::Volume,
    }
}

/// The root file system and the mount points in force, by name.
pub fn of(config: &Config) -> impl Iterator<Item = (String, Drive)> + '_ {
    let mounts = config.values.iter().filter(|(key, _)| super::config::is_mount(key));
    mounts.filter_map(|(key, text)| Some((key.clone(), Drive::parse(text)?)))
}

/// What mke2fs says of a new file system.
pub fn file_system(bytes: u64, uuid: &str) -> Vec<String> {
    let (block, first, ratio) = if bytes < 512 * MIB { (1024_u64, 1_u64, 4096_u64) } else { (4096, 0, 16384) };
    let (blocks, per_group) = (bytes / block, block * 8);
    let groups = (blocks - first.min(blocks)).div_ceil(per_group).max(1);
    let in_block = block / 256;
    let inodes = (bytes / ratio).div_ceil(groups).div_ceil(in_block) * in_block / 8 * 8 * groups;
    let sparse = |group: u64| {
        [3_u64, 5, 7].iter().any(|base| {
            let mut power = *base;
            while power < group {
                power *= base;
            }
            power == group
        })
    };
    let copies = (1..groups).filter(|group| *group == 1 || sparse(*group));
    let copies: Vec<String> = copies.map(|group| (group * per_group + first).to_string()).collect();
    let mut lines = vec![
        format!("Creating filesystem with {blocks} {}k blocks and {inodes} inodes", block / 1024),
        format!("Filesystem UUID: {uuid}"),
    ];
    if !copies.is_empty() {
        lines.push("Superblock backups stored on blocks: ".to_owned());
        lines.push(format!("\t{}", copies.join(", ")));
    }
    lines
}

/// What is said where no container may lie.
pub fn takes_containers(storage: &Storage) -> bool {
    storage.contents().contains("rootdir")
}

impl Cluster {
    /// Makes what a mount point asks for: a new volume, an existing one with its true size, or a path as it is. The
    /// mount point as it is stored, and what there is to log.
    ///
    /// # Errors
    /// PVE's text; nothing was made then.
    pub fn make_mount(&mut self, node: &str, vmid: u32, mut mount: Drive) -> Result<(Drive, Vec<String>), String> {
        if let Some((id, gib)) = mount.allocation().map(|(id, gib)| (id.to_owned(), gib.to_owned())) {
            let storage = self.storage.usable(&id, node)?;
            if !takes_containers(storage) {
                return Err(format!("storage '{id}' does not allow content type 'rootdir' (Container)"));
            }
            let bytes = gib.parse::<f64>().map_err(|_| format!("unable to parse size '{gib}'"))? * 1024.0;
            let (volume, bytes, log) = self.make_file_system(node, vmid, &id, bytes as u64 * MIB)?;
            mount.volume = volume;
            // Belief: a folder without a limit; that its size is printed so was recorded.
            let text = if bytes == 0 { "0T".to_owned() } else { size::print(bytes) };
            mount.options.insert("size".to_owned(), text);
            return Ok((mount, log));
        }
        if mounts(&mount) == Mounts::Volume {
            let id = mount.storage().unwrap_or_default().to_owned();
            self.storage.usable(&id, node)?;
            let volume = self.volume(node, &mount.volume);
            let volume = volume.ok_or_else(|| format!("volume '{}' does not exist", mount.volume))?;
            mount.options.insert("size".to_owned(), size::print(volume.size));
        }
        Ok((mount, Vec::new()))
    }

    /// Makes a volume with a file system: its id, its size, and what there is to log.
    ///
    /// # Errors
    /// PVE's text.
    pub fn make_file_system(
        &mut self,
        node: &str,
        vmid: u32,
        id: &str,
        bytes: u64,
    ) -> Result<(String, u64, Vec<String>), String> {
        let storage = self.storage.usable(id, node)?;
        let (files, kind) = (storage.kind.has_files(), storage.kind.name);
        if (bytes == 0 && files) || kind == "zfspool" {
            let name = self.free_subvolume(node, id, vmid, files);
            let made = self.allocate(node, id, vmid, Some(&name), "subvol", bytes)?;
            return Ok((made.volid, bytes, Vec::new()));
        }
        let made = self.allocate(node, id, vmid, None, "raw", bytes)?;
        let uuid = self.ids.uuid();
        let said = Some(made.log).filter(|line| !line.is_empty());
        let log = said.into_iter().chain(file_system(made.size, &uuid)).collect();
        self.change_volume(node, &made.volid, |volume| volume.used = volume.size / 40);
        Ok((made.volid, made.size, log))
    }

    fn free_subvolume(&self, node: &str, id: &str, vmid: u32, files: bool) -> String {
        let name = |n: u32| match files {
            true => format!("{vmid}/subvol-{vmid}-disk-{n}.subvol"),
            false => format!("subvol-{vmid}-disk-{n}"),
        };
        let free = (0..).find(|n| self.volume(node, &format!("{id}:{}", name(*n))).is_none());
        name(free.unwrap_or_default())
    }

    /// What becomes of a mount point that left `config`: a volume of the container's own stays as `unusedN`.
    pub(super) fn take_off(config: &mut Config, vmid: u32, mount: &Drive) {
        let owned = mount.name().and_then(owner) == Some(vmid);
        let named = of(config).any(|(_, other)| other.volume == mount.volume);
        if owned && !named && mounts(mount) == Mounts::Volume {
            config.add_unused(&mount.volume);
        }
    }

    /// Frees all of a container's own volumes that its configuration names. What the tools say.
    pub fn free_container(&mut self, node: &str, vmid: u32) -> Vec<String> {
        let Some(guest) = self.guests.get(vmid) else { return Vec::new() };
        let unused = guest.config.drives().map(|(_, drive)| drive.volume);
        let mut volumes: Vec<String> = of(&guest.config).map(|(_, mount)| mount.volume).chain(unused).collect();
        volumes.sort();
        volumes.dedup();
        let mut log = Vec::new();
        for volid in volumes.iter().filter(|volid| volid.contains(':') && !volid.starts_with('/')) {
            let name = volid.split_once(':').map_or("", |(_, name)| name);
            match owner(name) == Some(vmid) {
                true => log.push(self.free(node, volid).unwrap_or_else(|text| text)),
                false => log.push(format!("ignore deletion of '{volid}', CT {vmid} isn't the owner!")),
            }
        }
        log.retain(|line| !line.is_empty());
        log
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_laid_out_as_recorded() {
        let said = |bytes| {
            let lines = file_system(bytes, "u");
            (lines[0].clone(), lines.last().cloned().unwrap_or_default())
        };
        for (bytes, first, last) in [
            (
                4_294_967_296,
                "Creating filesystem with 1048576 4k blocks and 262144 inodes",
                "\t32768, 98304, 163840, 229376, 294912, 819200, 884736",
            ),
            (
                213_909_504,
                "Creating filesystem with 208896 1k blocks and 52208 inodes",
                "\t8193, 24577, 40961, 57345, 73729, 204801",
            ),
            (
                266_338_304,
                "Creating filesystem with 260096 1k blocks and 65024 inodes",
                "\t8193, 24577, 40961, 57345, 73729, 204801, 221185",
            ),
            (
                106_954_752,
                "Creating filesystem with 104448 1k blocks and 26104 inodes",
                "\t8193, 24577, 40961, 57345, 73729",
            ),
        ] {
            assert_eq!(said(bytes), (first.to_owned(), last.to_owned()), "{bytes}");
        }
    }
}
