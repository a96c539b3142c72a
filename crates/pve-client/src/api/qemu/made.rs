//! VMs made from others, and VMs on their way to another node.

use super::Qemu;
use crate::api::params::Params;
use crate::{Area, Error, Request, Task};

/// How a VM goes to another node.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Migration {
    /// The node to go to.
    pub target: String,
    /// While it runs. PVE refuses to move a running VM without.
    pub online: bool,
    /// Where volumes on storages that are not shared go to: a storage's name; the one of the same name if not given.
    pub target_storage: Option<String>,
}

impl Qemu<'_> {
    /// Makes a VM after the likeness of this one; `params` is what PVE calls `name`, `full`, `storage`, `target` ... The
    /// task's id is this VM's number, and the new number is taken within the task only: who loses a race for it gets the
    /// task's error. While it runs the new VM has `lock: clone`. `POST clone`
    pub async fn clone_to(&self, newid: u32, params: &Params) -> Result<Task, Error> {
        let request = params.onto(self.request(Request::post, "clone").param("newid", newid));
        let areas = [Area::Guests, Area::GuestConfig(newid), Area::Content];
        // Clones of one VM go on side by side, so its lock is not waited for here; the new VM's is.
        self.client.write_task(crate::Lock::Vm(newid), &areas, request).await
    }

    /// Brings it to another node, local disks included. Of a VM in HA the task only hands in the request, of which nothing but
    /// the target counts. The task stays on the node that the VM leaves. `POST migrate`
    pub async fn migrate(&self, how: &Migration) -> Result<Task, Error> {
        let request = self
            .request(Request::post, "migrate")
            .param("target", &how.target)
            .flag("online", how.online)
            .opt("targetstorage", how.target_storage.as_deref());
        let request = if how.online { request.flag("with-local-disks", true) } else { request };
        let areas = [Area::Guests, Area::GuestConfig(self.vmid), Area::Content, Area::Ha];
        self.client.write_task(self.lock(), &areas, request).await
    }
}
