//! What PVE does again and again: backups and copies of guests; and backups now.

pub mod backup;
mod backup_now;
mod backups;
pub mod replication;
pub mod schedule;

use terraform_plugin::Registry;

use crate::ground::pve::Pve;

/// What this area offers.
pub fn offer(registry: Registry<Pve>) -> Registry<Pve> {
    registry
        .listed::<backup::BackupJob>()
        .listed::<replication::Replication>()
        .data::<backups::Backups>()
        .action::<backup_now::BackupNow>()
}
