//! What keeps a guest from being started on another node: whatever of it is on one node only.

use pve_client::api::cluster::Guest;
use pve_client::api::qemu::config::Config;
use pve_client::api::qemu::drive::{Bus, Drive, DriveKey};
use pve_client::api::storage::StorageConfig;
use pve_client::property_string::PropertyString;
use terraform_plugin::Cx;

use super::{moving, nearby};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// What of a guest is on one node only.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Local {
    /// Each thing without which it cannot be started elsewhere.
    pub hindrances: Vec<Hindrance>,
    /// What does not keep HA from starting it, each in a sentence.
    pub harmless: Vec<String>,
}

/// Something without which a guest cannot be started elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub struct Hindrance {
    /// In a sentence.
    pub what: String,
    /// What ends it, if it is more than a change of the guest.
    pub ends: Ends,
}

/// What ends a hindrance.
#[derive(Debug, PartialEq, Eq)]
pub enum Ends {
    /// A change of the guest's configuration.
    WithAChange,
    /// Moving this disk to storage that all nodes have.
    WhenItMoves(DriveKey),
    /// The end of a move that runs.
    ByItself,
}

/// The cluster's storages and nodes, to tell what is everywhere.
pub struct Places {
    storages: Vec<StorageConfig>,
    nodes: Vec<String>,
}

impl Places {
    /// Asks for them, with all nodes of the cluster.
    pub async fn look(pve: &Pve) -> Result<Self, Problem> {
        let nodes = pve.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
        Self::of(pve, nodes.iter().map(|node| node.node.clone()).collect()).await
    }

    /// Asks for the storages, for these nodes alone.
    pub async fn of(pve: &Pve, nodes: Vec<String>) -> Result<Self, Problem> {
        let storages = pve.client.storage().list().await.during("Cannot list the storages")?;
        Ok(Self { storages: storages.to_vec(), nodes })
    }

    /// The nodes that it is about.
    pub fn nodes(&self) -> &[String] {
        &self.nodes
    }

    /// On which of the nodes a storage is not.
    fn lacking(&self, storage: &StorageConfig) -> Vec<&str> {
        self.nodes.iter().map(String::as_str).filter(|node| !storage.is_on(node)).collect()
    }

    /// Why a storage that exists does not show the same content on every node. None also for one that does not exist.
    pub fn why_local(&self, id: &str) -> Option<String> {
        let storage = self.storages.iter().find(|storage| storage.storage == id)?;
        if !storage.shared {
            return Some(format!("storage {id}, which is local to each node"));
        }
        let missing = self.lacking(storage);
        (!missing.is_empty()).then(|| format!("storage {id}, which is not on {}", missing.join(", ")))
    }

    fn not_everywhere(&self, id: &str) -> Option<String> {
        if self.storages.iter().any(|storage| storage.storage == id) {
            return self.why_local(id);
        }
        Some(format!("storage {id}, which does not exist or may not be seen"))
    }

    /// What a guest with this configuration has on one node only.
    pub fn local(&self, config: &Config) -> Local {
        let mut found = Local::default();
        for (key, drive) in &config.drives {
            self.drive(*key, drive, &mut found);
        }
        for (key, value) in &config.other {
            if let Some(what) = device(key, value) {
                found.hindrances.push(Hindrance { what: format!("{key}: {what}"), ends: Ends::WithAChange });
            }
            for file in files(key, value) {
                let Some(why) = file.split_once(':').and_then(|(storage, _)| self.not_everywhere(storage)) else {
                    continue;
                };
                if key == "vmstate" {
                    let what = format!("{key}: the memory of the sleeping guest, {file}, lies on {why}");
                    found.hindrances.push(Hindrance { what, ends: Ends::WithAChange });
                } else {
                    found.harmless.push(format!(
                        "{key}: the file {file} lies on {why}: without one of the same name there, the guest does not start"
                    ));
                }
            }
        }
        found
    }

    fn drive(&self, key: DriveKey, drive: &Drive, found: &mut Local) {
        // An empty CD-ROM drive is nowhere.
        if drive.volume == "none" {
            return;
        }
        // HA makes the cloud-init drive anew where it starts the guest, on the storage of that name.
        if drive.is_cloud_init() {
            let storage = drive.storage().and_then(|id| self.storages.iter().find(|storage| storage.storage == id));
            let missing = storage.map(|storage| self.lacking(storage)).unwrap_or_default();
            if !missing.is_empty() {
                let what = format!(
                    "{key}: the cloud-init drive {} is made anew on a storage that is not on {}",
                    drive.volume,
                    missing.join(", ")
                );
                found.hindrances.push(Hindrance { what, ends: Ends::WithAChange });
            }
            return;
        }
        let why = match drive.storage() {
            Some(storage) => self.not_everywhere(storage).map(|why| format!("lies on {why}")),
            None if drive.volume == "cdrom" => Some("is the node's own drive".to_owned()),
            // Whoever says so in the drive itself vouches for the path on every node.
            None if drive
                .other
                .get("shared")
                .is_some_and(|shared| matches!(shared.as_str(), "1" | "on" | "yes" | "true")) =>
            {
                None
            }
            None => Some("is a path on its node".to_owned()),
        };
        let Some(why) = why else { return };
        if key.bus == Bus::Unused {
            found.harmless.push(format!(
                "{key}: the volume {} {why}. A failover starts the guest without it; a migration drags it along, and is \
                 refused where it cannot be found",
                drive.volume
            ));
            return;
        }
        let (what, ends) = match drive.is_cdrom() {
            true => ("image", Ends::WithAChange),
            false => ("volume", Ends::WhenItMoves(key)),
        };
        found.hindrances.push(Hindrance { what: format!("{key}: the {what} {} {why}", drive.volume), ends });
    }
}

/// What a device that is handed through from the host has to do with it; none for one that every node can offer.
fn device(key: &str, value: &str) -> Option<String> {
    let name = key.trim_end_matches(|c: char| c.is_ascii_digit());
    if name.len() == key.len() {
        return None;
    }
    let of_the_host = match name {
        "hostpci" | "usb" => {
            // What cannot be read is the host's as long as nothing tells otherwise.
            let settings = value.parse::<PropertyString>().unwrap_or_default();
            let host = settings.default_value().or_else(|| settings.get("host"));
            settings.get("mapping").is_none() && host != Some("spice")
        }
        "serial" => value != "socket",
        "parallel" => true,
        _ => false,
    };
    of_the_host.then(|| format!("{value} is a device of its node"))
}

/// The files on storages that a setting names.
fn files<'a>(key: &str, value: &'a str) -> Vec<&'a str> {
    match key {
        "vmstate" | "hookscript" => vec![value],
        "cicustom" => value.split(',').filter_map(|part| Some(part.split_once('=')?.1)).collect(),
        _ => Vec::new(),
    }
}

/// Everything of a guest that is not on all of the nodes.
pub async fn look(cx: &Cx<Pve>, places: &Places, guest: &Guest) -> Result<Local, Problem> {
    let vm = format!("vm:{}", guest.vmid);
    let config = cx.client.qemu(&guest.node, guest.vmid).config().await;
    let config = config.during(format!("Cannot read the configuration of {vm}"))?;
    let mut found = places.local(&config);
    found.hindrances.extend(nearby::look(cx, places.nodes(), &config).await);
    if moving::runs(cx, &guest.node, guest.vmid).await.during(format!("Cannot list the tasks of {vm}"))? {
        let what = "a disk of it is being moved; HA would end up in its error state if it stopped the guest now";
        found.hindrances.push(Hindrance { what: what.to_owned(), ends: Ends::ByItself });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        let storages = serde_json::json!([
            {"storage": "local", "type": "dir", "content": "iso,snippets"},
            {"storage": "local-lvm", "type": "lvmthin", "content": "images"},
            {"storage": "ceph", "type": "rbd", "content": "images", "shared": 1},
            {"storage": "some", "type": "rbd", "content": "images", "shared": 1, "nodes": "pve1"},
        ]);
        Places {
            storages: serde_json::from_value(storages).unwrap(),
            nodes: ["pve1", "pve2"].map(str::to_owned).to_vec(),
        }
    }

    fn local(settings: &[(&str, &str)]) -> Local {
        let settings = settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        places().local(&Config::read(settings))
    }

    #[test]
    fn what_every_node_has_is_no_hindrance() {
        let found = local(&[
            ("scsi0", "ceph:vm-1-disk-0,size=1G"),
            ("scsi1", "/dev/mapper/san,shared=1"),
            ("ide0", "none,media=cdrom"),
            ("ide2", "local-lvm:vm-1-cloudinit,media=cdrom"),
            ("hostpci0", "mapping=gpu,pcie=1"),
            ("usb0", "spice,usb3=1"),
            ("usb1", "host=spice"),
            ("usb2", "mapping=key"),
            ("serial0", "socket"),
            ("scsihw", "virtio-scsi-single"),
            ("hookscript", "ceph:snippets/x.pl"),
            ("net0", "virtio,bridge=vmbr0"),
        ]);
        assert_eq!(found, Local::default());
    }

    #[test]
    fn everything_local_is_seen() {
        for (key, value, why) in [
            (
                "scsi0",
                "local-lvm:vm-1-disk-0,size=1G",
                "scsi0: the volume local-lvm:vm-1-disk-0 lies on storage local-lvm, which is local",
            ),
            ("scsi0", "some:vm-1-disk-0", "which is not on pve2"),
            ("scsi0", "gone:vm-1-disk-0", "which does not exist"),
            ("efidisk0", "local-lvm:vm-1-disk-1,size=4M", "efidisk0: the volume"),
            ("virtio1", "/dev/disk/by-id/ata-X,size=1G", "is a path on its node"),
            (
                "ide2",
                "local:iso/debian.iso,media=cdrom,size=1M",
                "ide2: the image local:iso/debian.iso lies on storage local",
            ),
            ("ide2", "/mnt/debian.iso,media=cdrom", "ide2: the image /mnt/debian.iso is a path"),
            ("ide2", "cdrom,media=cdrom", "is the node's own drive"),
            ("hostpci0", "0000:01:00.0,pcie=1", "hostpci0: 0000:01:00.0,pcie=1 is a device of its node"),
            ("hostpci15", "host=01:00", "hostpci15: host=01:00 is a device"),
            ("usb0", "host=1234:5678", "usb0: host=1234:5678 is a device"),
            ("usb1", "1-4,usb3=1", "usb1: 1-4,usb3=1 is a device"),
            ("serial0", "/dev/ttyS0", "serial0: /dev/ttyS0 is a device"),
            ("parallel0", "/dev/parport0", "parallel0: /dev/parport0 is a device"),
            ("vmstate", "local-lvm:vm-1-state-suspend", "the memory of the sleeping guest"),
        ] {
            let found = local(&[(key, value)]);
            assert!(found.harmless.is_empty() && found.hindrances.len() == 1, "{key}: {found:?}");
            assert!(found.hindrances[0].what.contains(why), "{key}: {found:?}");
        }
    }

    #[test]
    fn what_ha_does_not_stumble_over_is_told_and_no_hindrance() {
        for (key, value, why) in [
            ("unused0", "local-lvm:vm-1-disk-0", "starts the guest without it"),
            ("hookscript", "local:snippets/x.pl", "the guest does not start"),
            ("cicustom", "user=local:snippets/u.yaml,meta=ceph:snippets/m.yaml", "the file local:snippets/u.yaml"),
        ] {
            let found = local(&[(key, value)]);
            assert!(found.hindrances.is_empty() && found.harmless.len() == 1, "{key}: {found:?}");
            assert!(found.harmless[0].contains(why), "{key}: {found:?}");
        }
    }
}
