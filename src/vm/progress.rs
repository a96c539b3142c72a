//! What a disk's move tells of itself in the first lines of its log.

use std::sync::LazyLock;

use pve_client::api::qemu::drive::DriveKey;
use regex::Regex;

/// What a move's first lines tell: the task's name has only the VM's number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The disk.
    pub disk: DriveKey,
    /// The volume that is copied.
    pub source: String,
    /// Where it goes to; not told by every version.
    pub target: Option<String>,
}

impl Head {
    /// Whether it goes to this storage, as far as is told.
    pub fn goes_to(&self, storage: &str) -> bool {
        self.target.as_ref().is_none_or(|target| target == storage)
    }

    /// From the first lines; none as long as the move waits for its lock.
    pub fn read(lines: &[String]) -> Option<Self> {
        static CLONE: LazyLock<Option<Regex>> =
            LazyLock::new(|| Regex::new(r"^create full clone of drive (\w+) \((.+)\)$").ok());
        static TARGET: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r" to target storage '([^']+)'").ok());
        let clone = lines.iter().find_map(|line| CLONE.as_ref()?.captures(line))?;
        let target = lines.iter().find_map(|line| Some(TARGET.as_ref()?.captures(line)?[1].to_owned()));
        Some(Self { disk: clone[1].parse().ok()?, source: clone[2].to_owned(), target })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(all: &[&str]) -> Vec<String> {
        all.iter().map(|line| (*line).to_owned()).collect()
    }

    #[test]
    fn the_log_names_the_disk() {
        let log = lines(&[
            "copying volume 'local-lvm:vm-100-disk-0' from current storage 'local-lvm' to target storage 'ceph'",
            "create full clone of drive scsi0 (local-lvm:vm-100-disk-0)",
        ]);
        let head = Head::read(&log).unwrap();
        assert_eq!(
            (head.disk.to_string().as_str(), head.source.as_str(), head.target.as_deref()),
            ("scsi0", "local-lvm:vm-100-disk-0", Some("ceph"))
        );
        assert_eq!(Head::read(&lines(&["trying to acquire lock..."])), None);
    }
}
