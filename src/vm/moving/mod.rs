//! Moving a disk to another storage: found running or begun, followed, and finished. `pve_vm` and `pve_vm_disk_move` share
//! it.

mod begin;
mod finish;
mod look;
mod others;
mod watch;

use std::time::Duration;

use pve_client::api::qemu::DiskMove;
use pve_client::api::qemu::drive::DriveKey;
use pve_client::{Area, Upid};
use terraform_plugin::{Cx, Path};

use super::guest::Found;
use crate::ground::error::Problem;
use crate::ground::pve::Pve;
pub use finish::left_over;
pub use look::is_under_ha;
pub use others::{ends, running};

/// What a move changes.
pub fn areas(vmid: u32) -> [Area; 2] {
    [Area::GuestConfig(vmid), Area::Content]
}

/// Which disk goes where.
#[derive(Clone, Debug)]
pub struct Order {
    /// The VM.
    pub vmid: u32,
    /// The disk.
    pub disk: DriveKey,
    /// Where it goes, and how.
    pub to: DiskMove,
    /// The attribute that names the disk.
    pub disk_at: Path,
    /// The attribute that names the storage.
    pub storage_at: Path,
}

/// When watching a move ends before the move does.
#[derive(Clone, Debug)]
pub struct Limits {
    /// After this time it is left alone, if that is wished.
    pub detach_after: Option<terraform_plugin::Duration>,
    /// After this time without progress.
    pub stall: Duration,
}

/// What there is to do.
#[derive(Debug)]
pub enum Ready {
    /// The disk is there already.
    There(Found),
    /// It is on its way.
    Moving {
        /// The VM.
        found: Found,
        /// The task.
        upid: Upid,
        /// The volume that is copied.
        source: String,
    },
    /// The move can begin.
    Free(Found),
}

/// Why a move is not watched to a good end.
#[derive(Debug)]
pub enum Halt {
    /// It goes on in PVE, or what is left of it is for the next apply.
    GoesOn(Problem),
    /// It could not begin, or it failed.
    Failed(Problem),
}

impl From<Problem> for Halt {
    fn from(problem: Problem) -> Self {
        Self::Failed(problem)
    }
}

impl Order {
    /// `vm:101 scsi0`
    pub fn what(&self) -> String {
        format!("vm:{} {}", self.vmid, self.disk)
    }

    fn doing(&self) -> String {
        format!("Cannot move {} to storage \"{}\"", self.what(), self.to.storage)
    }

    /// All of it, where a failure is an error: what an update does. `source` is what is remembered of an earlier move;
    /// `remember` is told of the source of this one before anything is sent.
    pub async fn carry_out(
        &self,
        cx: &Cx<Pve>,
        limits: &Limits,
        source: Option<String>,
        remember: impl Fn(&str),
    ) -> Result<String, Halt> {
        let (source, found, task) = match self.prepare(cx).await? {
            Ready::There(_) => return Ok(self.finish(cx, source.as_deref()).await?),
            Ready::Moving { found, upid, source } => {
                remember(&source);
                (source, found, self.attach(cx, upid).await?)
            }
            Ready::Free(found) => {
                let source = self.movable(&found)?.volume.clone();
                remember(&source);
                let before = self.before(cx).await?;
                let sent = match self.send(cx, &found).await {
                    Err(problem) if problem.is_refused() => return Err(problem.into()),
                    sent => sent,
                };
                let task = self.settle(cx, &before, sent).await.map_err(Halt::GoesOn)?;
                (source, found, task?)
            }
        };
        self.see_through(cx, &found, task, limits).await?;
        // It has arrived; what is left to do can be done by the next apply.
        self.finish(cx, Some(&source)).await.map_err(Halt::GoesOn)
    }
}
