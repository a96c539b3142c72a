//! VMs.

pub mod agent;
pub mod boot;
pub mod cloud_init;
pub mod config;
pub mod drive;
pub mod made;
pub mod net;
pub mod power;
pub mod roots;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use crate::api::params::Params;
use crate::size::Size;
use crate::{Area, Client, Error, Lock, Request, Task, wire};
use config::Config;
use drive::DriveKey;

/// `/nodes/{node}/qemu/{vmid}`.
///
/// PVE knows a VM only on the node that owns it now ([`crate::api::cluster::Cluster::guest`] says which); any other
/// answers that its configuration file does not exist.
#[derive(Clone, Copy)]
pub struct Qemu<'a> {
    client: &'a Client,
    node: &'a str,
    vmid: u32,
}

/// A line of `GET pending`: a setting, its value now, and what it will be after the next stop and start.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PendingEntry {
    /// The setting.
    pub key: String,
    /// Now.
    #[serde(default, deserialize_with = "wire::opt_text")]
    pub value: Option<String>,
    /// After the next stop and start.
    #[serde(default, deserialize_with = "wire::opt_text")]
    pub pending: Option<String>,
    /// Goes away at the next stop and start.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub delete: bool,
}

impl PendingEntry {
    /// Whether something is still to be applied.
    pub fn is_pending(&self) -> bool {
        self.delete || self.pending.is_some()
    }
}

/// How to destroy a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VmRemoval {
    /// Takes it out of HA, backup and replication jobs too. Without, PVE refuses while it is in HA.
    pub purge: bool,
    /// Also destroys volumes with its number that its configuration does not name.
    pub destroy_unreferenced_disks: bool,
}

/// Where a disk shall go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DiskMove {
    /// Target storage.
    pub storage: String,
    /// `raw`, `qcow2`, `vmdk`; the storage's default if not given or not possible.
    pub format: Option<String>,
    /// Frees the source afterwards. If not, it stays as `unusedN`. PVE's task is `OK` even if freeing failed.
    pub delete_source: bool,
    /// KiB/s; 0 is unlimited.
    pub bandwidth_limit: Option<u64>,
    /// Refuses the move if the configuration has changed.
    pub digest: Option<String>,
}

impl<'a> Qemu<'a> {
    pub(super) fn new(client: &'a Client, node: &'a str, vmid: u32) -> Self {
        Self { client, node, vmid }
    }

    fn request(&self, make: fn(String) -> Request, rest: &str) -> Request {
        let separator = if rest.is_empty() { "" } else { "/" };
        make(format!("nodes/{}/qemu/{}{separator}{rest}", self.node, self.vmid)).node(self.node)
    }

    fn lock(&self) -> Lock {
        Lock::Vm(self.vmid)
    }

    /// The configuration as it will be after the next stop and start (pending changes applied). `GET config`
    pub async fn config(&self) -> Result<Arc<Config>, Error> {
        self.client.shared(Area::GuestConfig(self.vmid), self.request(Request::get, "config")).await
    }

    /// The configuration the running VM has. `GET config?current=1`
    pub async fn current_config(&self) -> Result<Arc<Config>, Error> {
        self.client
            .shared(Area::GuestConfig(self.vmid), self.request(Request::get, "config").flag("current", true))
            .await
    }

    /// Settings with what is still to be applied. `GET pending`
    pub async fn pending(&self) -> Result<Vec<PendingEntry>, Error> {
        self.client.call(self.request(Request::get, "pending")).await
    }

    /// Makes the VM on this node. While the task runs its configuration exists with `lock: create`; if the task
    /// fails it is gone again. `POST /nodes/{node}/qemu`
    pub async fn create(&self, params: &Params) -> Result<Task, Error> {
        let request = Request::post(format!("nodes/{}/qemu", self.node)).node(self.node).param("vmid", self.vmid);
        let areas = [Area::Guests, Area::GuestConfig(self.vmid), Area::Content, Area::Ha];
        let request = if roots::roots(params, &BTreeMap::new()).is_empty() { request } else { request.root() };
        self.client.write_task(self.lock(), &areas, params.onto(request)).await
    }

    /// Changes settings, allocating disks and hot-plugging as needed. What a running VM cannot take at once stays
    /// pending. `POST config`
    pub async fn update(&self, params: &Params) -> Result<Task, Error> {
        self.update_from(params, &BTreeMap::new()).await
    }

    /// The same, of a VM that has these settings: what root@pam alone may change or take away is sent as root@pam.
    pub async fn update_from(&self, params: &Params, live: &BTreeMap<String, String>) -> Result<Task, Error> {
        let request = params.onto(self.request(Request::post, "config"));
        let request = if roots::roots(params, live).is_empty() { request } else { request.root() };
        let areas = [Area::GuestConfig(self.vmid), Area::Guests, Area::Content];
        self.client.write_task(self.lock(), &areas, request).await
    }

    /// Destroys the VM with all disks that its configuration names. It has to be stopped. `DELETE`
    pub async fn delete(&self, how: VmRemoval) -> Result<Task, Error> {
        let request = self
            .request(Request::delete, "")
            .flag("purge", how.purge)
            .flag("destroy-unreferenced-disks", how.destroy_unreferenced_disks);
        let areas = [Area::Guests, Area::GuestConfig(self.vmid), Area::Content, Area::Ha];
        self.client.write_task(self.lock(), &areas, request).await
    }

    /// Moves a disk to another storage, live if the VM runs. The new volume gets a new name. PVE keeps an exclusive lock
    /// on the VM all the time. `POST move_disk`
    pub async fn move_disk(&self, disk: DriveKey, to: &DiskMove) -> Result<Task, Error> {
        let request = self
            .request(Request::post, "move_disk")
            .param("disk", disk)
            .param("storage", &to.storage)
            .opt("format", to.format.as_deref())
            .flag("delete", to.delete_source)
            .opt("bwlimit", to.bandwidth_limit)
            .opt("digest", to.digest.as_deref());
        let areas = [Area::GuestConfig(self.vmid), Area::Content];
        self.client.write_task(self.lock(), &areas, request).await
    }

    /// Grows a disk to a size. PVE cannot shrink one; an equal size is fine. `PUT resize`
    pub async fn resize(&self, disk: DriveKey, size: Size) -> Result<Task, Error> {
        // Without unit PVE takes the number as bytes, which is exact for every size.
        let request = self.request(Request::put, "resize").param("disk", disk).param("size", size.bytes());
        let areas = [Area::GuestConfig(self.vmid), Area::Content];
        self.client.write_task(self.lock(), &areas, request).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_recorded_pending_changes() {
        let answer = r#"[{"value":1,"key":"cores"},{"key":"memory","value":"64","pending":"96"},{"key":"tags","value":"a","delete":1},{"key":"boot","value":" "}]"#;
        let entries: Vec<PendingEntry> = serde_json::from_str(answer).unwrap();
        assert_eq!(entries.iter().map(PendingEntry::is_pending).collect::<Vec<_>>(), [false, true, true, false]);
        assert_eq!((entries[0].value.as_deref(), entries[1].pending.as_deref()), (Some("1"), Some("96")));
    }
}
