//! Virtual machines and their disks.

mod agent;
pub mod disk_move;
pub mod disk_storage;
pub mod guest;
mod guest_migrate;
mod guest_power;
pub mod identity;
pub mod lookup;
pub mod migrating;
pub mod moving;
pub mod pending;
mod pending_lookup;
pub mod planned;
pub mod progress;
mod rollback;
pub mod snapshot;
mod storage_turns;
pub mod subject;
pub mod template;
pub mod turns;
// An area's folder and its object's folder have the same name in PVE too.
#[allow(clippy::module_inception)]
pub mod vm;

use terraform_plugin::Registry;

use crate::ground::pve::Pve;

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry
        .resource::<disk_move::VmDiskMove>()
        .data::<lookup::VmLookup>()
        .data::<pending_lookup::Pending>()
        .resource::<vm::Vm>()
        .query::<vm::Vm>()
        .listed::<snapshot::Snapshot>()
        .resource::<template::Template>()
        .query::<template::Template>()
        .action::<guest_migrate::GuestMigrate>()
        .action::<guest_power::GuestPower>()
        .action::<rollback::GuestSnapshotRollback>()
}
