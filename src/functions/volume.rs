//! `volume`: the id of a volume, taken apart.

use std::sync::LazyLock;

use regex::Regex;
use terraform_plugin::{Function, FunctionError, Nested};

/// Takes the id of a volume apart: `local-lvm:vm-100-disk-0`, `nas:100/vm-100-disk-0.qcow2`, `local:iso/debian.iso`.
///
/// It goes by the name alone, as PVE does. Whether there is such a volume is not asked.
#[derive(Nested, Clone)]
pub struct VolumeParts {
    /// The id.
    #[attr(required)]
    pub id: String,
}

/// What the name tells.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Parts {
    /// The storage.
    #[attr(computed)]
    pub storage: String,
    /// What stands behind the storage's colon.
    #[attr(computed)]
    pub name: String,
    /// `disk` (a guest's disk), `base` (a template's disk), `cloud_init`, `state` (the memory of a guest that sleeps or was
    /// snapshotted), `iso`, `container_template`, `snippet`, `backup`, `import`, or `other`.
    #[attr(computed)]
    pub kind: String,
    /// How it is stored: `raw`, `qcow2`, `vmdk` or `subvol` for what is a guest's; for files what their names end with, such as
    /// `iso`, `tar.zst` or `vma.zst`; `pbs-vm` or `pbs-ct` for backups on a Proxmox Backup Server. Null where the name does not
    /// tell.
    #[attr(computed)]
    pub format: Option<String>,
    /// The number of the guest that it belongs to. Null if it is no guest's.
    #[attr(computed)]
    pub vmid: Option<u32>,
    /// The number of the disk. Null if it has none.
    #[attr(computed)]
    pub disk: Option<u32>,
    /// The id of the template's disk that it is a linked clone of. Null if it is none.
    #[attr(computed)]
    pub parent: Option<String>,
}

/// A guest's volume: `vm-100-disk-0`, `base-100-disk-0.qcow2`, `subvol-100-disk-0`, `vm-100-cloudinit`, `vm-100-state-before`.
static OWNED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"^(vm|base|subvol|basevol)-(\d+)-(?:(cloudinit)|(state)-.+?|disk-(\d+)|.+?)(?:\.(raw|qcow2|vmdk|subvol))?$",
    )
    .ok()
});

/// The guest in a backup's name: `vzdump-qemu-100-2026_11_29-10_00_00.vma.zst`, `vm/100/2026-11-29T10:00:00Z`.
static BACKUP: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"^(?:vzdump-(?:qemu|lxc|openvz)-(\d+)-|(vm|ct)/(\d+)/)").ok());

impl Function for VolumeParts {
    const NAME: &'static str = "volume";
    type Returns = Parts;

    fn call(self) -> Result<Parts, FunctionError> {
        let wrong = |what: &str| {
            let text =
                format!("id must read STORAGE:NAME, such as local-lvm:vm-100-disk-0, not \"{}\": {what}.", self.id);
            FunctionError::new(text).at("id")
        };
        if self.id.starts_with('/') {
            return Err(wrong("it is a path on a node"));
        }
        let (storage, name) = self.id.split_once(':').ok_or_else(|| wrong("no storage is named"))?;
        if storage.is_empty() || name.is_empty() || self.id.contains(|c: char| c.is_whitespace() || c == ',') {
            return Err(wrong("it is incomplete, or more than an id"));
        }
        let parts = Parts { storage: storage.to_owned(), name: name.to_owned(), ..Parts::default() };
        Ok(match name.split_once('/') {
            Some((folder @ ("iso" | "vztmpl" | "snippets" | "import" | "backup"), file)) => {
                of_folder(parts, folder, file)
            }
            _ => of_guest(parts),
        })
    }
}

/// A file in a folder that holds one kind of thing.
fn of_folder(parts: Parts, folder: &str, file: &str) -> Parts {
    let kind = match folder {
        "vztmpl" => "container_template",
        "snippets" => "snippet",
        other => other,
    };
    let guest = BACKUP.as_ref().filter(|_| folder == "backup").and_then(|form| form.captures(file));
    let number = guest.as_ref().and_then(|found| found.get(1).or_else(|| found.get(3)));
    let server = guest.as_ref().and_then(|found| found.get(2)).map(|kind| format!("pbs-{}", kind.as_str()));
    Parts {
        kind: kind.to_owned(),
        format: server.or_else(|| ending(file)),
        vmid: number.and_then(|number| number.as_str().parse().ok()),
        ..parts
    }
}

/// What a file's name ends with, with what it was before it was compressed.
fn ending(file: &str) -> Option<String> {
    let (rest, last) = file.rsplit_once('.')?;
    match (last, rest.rsplit_once('.')) {
        ("zst" | "gz" | "xz" | "lzo" | "bz2", Some((_, inner @ ("tar" | "vma")))) => Some(format!("{inner}.{last}")),
        _ => Some(last.to_owned()),
    }
}

/// A guest's volume, perhaps below its number or below the volume that it is a clone of.
fn of_guest(parts: Parts) -> Parts {
    let (above, own) = parts.name.rsplit_once('/').unwrap_or(("", &parts.name));
    let Some(found) = OWNED.as_ref().and_then(|form| form.captures(own)) else {
        return Parts { kind: "other".to_owned(), ..parts };
    };
    let number = |place: usize| found.get(place).and_then(|number| number.as_str().parse().ok());
    let kind = match (&found[1], found.get(3), found.get(4)) {
        (_, Some(_), _) => "cloud_init",
        (_, _, Some(_)) => "state",
        ("base" | "basevol", ..) => "base",
        _ => "disk",
    };
    let format = match (found.get(6), &found[1]) {
        (Some(ending), _) => ending.as_str(),
        (None, "subvol" | "basevol") => "subvol",
        (None, _) => "raw",
    };
    // On file storages each of the two has a folder of its own: `9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2`.
    let folders: Vec<&str> = above.split('/').collect();
    let base = folders.iter().position(|name| name.starts_with("base-") || name.starts_with("basevol-"));
    let parent = base.map(|place| format!("{}:{}", parts.storage, folders[..=place].join("/")));
    Parts { kind: kind.to_owned(), format: Some(format.to_owned()), vmid: number(2), disk: number(5), parent, ..parts }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(id: &str) -> Parts {
        VolumeParts { id: id.to_owned() }.call().unwrap()
    }

    #[test]
    fn whatever_pve_calls_volumes() {
        for (id, kind, format, vmid, disk) in [
            ("local-lvm:vm-100-disk-0", "disk", "raw", Some(100), Some(0)),
            ("local:140/vm-140-disk-1.qcow2", "disk", "qcow2", Some(140), Some(1)),
            ("zfs:subvol-101-disk-2", "disk", "subvol", Some(101), Some(2)),
            ("ceph:base-9000-disk-0", "base", "raw", Some(9000), Some(0)),
            ("ceph:vm-100-cloudinit", "cloud_init", "raw", Some(100), None),
            ("d:100/vm-100-cloudinit.qcow2", "cloud_init", "qcow2", Some(100), None),
            ("ceph:vm-100-state-before_update", "state", "raw", Some(100), None),
            ("ceph:vm-100-mine", "disk", "raw", Some(100), None),
            ("local:iso/debian-13.1.0-amd64-netinst.iso", "iso", "iso", None, None),
            ("local:vztmpl/debian-13-standard_13.1-1_amd64.tar.zst", "container_template", "tar.zst", None, None),
            ("local:snippets/user.yaml", "snippet", "yaml", None, None),
            ("local:import/appliance.ova", "import", "ova", None, None),
            ("local:backup/vzdump-lxc-157-2026_11_29-20_33_30.tar", "backup", "tar", Some(157), None),
            ("nas:backup/vzdump-qemu-100-2026_11_29-10_00_00.vma.zst", "backup", "vma.zst", Some(100), None),
            ("pbs:backup/vm/100/2026-11-29T10:00:00Z", "backup", "pbs-vm", Some(100), None),
        ] {
            let found = parts(id);
            let told = (found.kind.as_str(), found.format.as_deref(), found.vmid, found.disk);
            assert_eq!(told, (kind, Some(format), vmid, disk), "{id}");
            assert_eq!(format!("{}:{}", found.storage, found.name), id);
            assert_eq!(found.parent, None, "{id}");
        }
        let other = parts("lun:0.0.1.scsi-360000");
        assert_eq!((other.kind.as_str(), other.format, other.vmid), ("other", None, None));
    }

    #[test]
    fn a_linked_clone_names_its_parent() {
        let found = parts("ceph:base-9000-disk-0/vm-100-disk-0");
        assert_eq!((found.vmid, found.parent.as_deref()), (Some(100), Some("ceph:base-9000-disk-0")));
        let found = parts("nas:9000/base-9000-disk-0.qcow2/100/vm-100-disk-0.qcow2");
        assert_eq!((found.vmid, found.format.as_deref()), (Some(100), Some("qcow2")));
        assert_eq!(found.parent.as_deref(), Some("nas:9000/base-9000-disk-0.qcow2"));
    }

    #[test]
    fn what_is_no_id_names_the_argument() {
        for id in ["", "vm-100-disk-0", ":vm-100-disk-0", "ceph:", "/dev/sdb:1", "ceph:vm-100-disk-0,size=1G"] {
            let error = VolumeParts { id: id.to_owned() }.call().unwrap_err();
            assert_eq!(error.path().to_string(), "id", "{id}");
        }
    }
}
