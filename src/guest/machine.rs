//! A guest by its power: what a VM and a container have in common, whichever it is.

use std::time::Duration;

use pve_client::api::cluster::{Guest, GuestKind};
use pve_client::api::ha::resource::Sid;
use pve_client::api::lxc::Lxc;
use pve_client::api::qemu::made::Migration;
use pve_client::api::qemu::power::{Shutdown, VmStatus};
use pve_client::api::qemu::{PendingEntry, Qemu};
use pve_client::{Client, Error, Task};

/// The calls for a guest.
#[derive(Clone, Copy)]
pub enum Machine<'a> {
    /// Those of a VM.
    Vm(Qemu<'a>),
    /// Those of a container.
    Ct(Lxc<'a>),
}

/// How PVE names the guest: `vm:101`.
pub fn sid(guest: &Guest) -> Sid {
    Sid { kind: guest.kind, vmid: guest.vmid }
}

impl<'a> Machine<'a> {
    /// Those of this guest.
    pub fn of(client: &'a Client, guest: &'a Guest) -> Self {
        match guest.kind {
            GuestKind::Qemu => Self::Vm(client.qemu(&guest.node, guest.vmid)),
            GuestKind::Lxc => Self::Ct(client.lxc(&guest.node, guest.vmid)),
        }
    }

    /// How it is.
    pub async fn status(&self) -> Result<VmStatus, Error> {
        match self {
            Self::Vm(vm) => vm.status().await,
            Self::Ct(ct) => ct.status().await,
        }
    }

    /// Brings it to another node. A container that runs is ended here and started there.
    pub async fn migrate(&self, how: &Migration) -> Result<Task, Error> {
        match self {
            Self::Vm(vm) => vm.migrate(how).await,
            Self::Ct(ct) => ct.migrate(&how.target).await,
        }
    }

    /// Its settings with what is still to be applied.
    pub async fn pending(&self) -> Result<Vec<PendingEntry>, Error> {
        match self {
            Self::Vm(vm) => vm.pending().await,
            Self::Ct(ct) => ct.pending().await,
        }
    }

    /// Starts it.
    pub async fn start(&self) -> Result<Task, Error> {
        match self {
            Self::Vm(vm) => vm.start().await,
            Self::Ct(ct) => ct.start().await,
        }
    }

    /// Stops it like pulling the plug.
    pub async fn stop(&self) -> Result<Task, Error> {
        match self {
            Self::Vm(vm) => vm.stop().await,
            Self::Ct(ct) => ct.stop().await,
        }
    }

    /// Asks it to shut down.
    pub async fn shutdown(&self, how: Shutdown) -> Result<Task, Error> {
        match self {
            Self::Vm(vm) => vm.shutdown(how).await,
            Self::Ct(ct) => ct.shutdown(how).await,
        }
    }

    /// Has it shut down and started again.
    pub async fn reboot(&self, timeout: Option<Duration>) -> Result<Task, Error> {
        match self {
            Self::Vm(vm) => vm.reboot(timeout).await,
            Self::Ct(ct) => ct.reboot(timeout).await,
        }
    }
}
