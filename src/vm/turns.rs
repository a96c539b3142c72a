//! Taking turns with others at the same VM. Each write carries the digest of what was read and compared; who is refused because
//! somebody else was quicker, or has the VM's lock, reads and compares anew before it writes again.

use std::time::{Duration, Instant};

use terraform_plugin::Cx;

use super::guest::Found;
use super::moving;
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// How often a configuration is read anew because of somebody who is not to be seen.
const READINGS: u32 = 5;

/// The pause before something is tried again whose lock somebody else has. PVE itself waits for it, some seconds.
const PAUSE: Duration = Duration::from_secs(1);

/// What there is of patience, for the whole of an operation.
#[derive(Debug)]
pub struct Turns {
    begun: Instant,
    readings: u32,
}

impl Turns {
    /// The first reading has been made, or is about to be.
    pub fn begin() -> Self {
        Self { begun: Instant::now(), readings: 1 }
    }

    /// What is left of the operation's time.
    pub fn left(&self, cx: &Cx<Pve>) -> Duration {
        cx.timeout.saturating_sub(self.begun.elapsed())
    }

    /// After a refusal: returns when it is time to read and compare again. The refusal itself, if it is not one that passes, or
    /// if there is no patience left.
    pub async fn again(&mut self, cx: &Cx<Pve>, refused: Problem) -> Result<(), Problem> {
        let passes = refused.is_contention() || (refused.is_modified() && self.readings < READINGS);
        if !passes || self.left(cx).is_zero() || cx.stop.is_cancelled() {
            return Err(refused);
        }
        tracing::info!(?refused, "somebody else is at this VM: reading it again");
        if refused.is_contention() {
            tokio::time::sleep(PAUSE).await;
        } else {
            self.readings += 1;
        }
        Ok(())
    }

    /// The same for whoever does not look for moves when it reads again: the one that has the lock of what was `found` is
    /// waited for. For a lock of which nothing is to be seen there is not more patience than for changes.
    pub async fn again_after_moves(&mut self, cx: &Cx<Pve>, found: &Found, refused: Problem) -> Result<(), Problem> {
        if refused.is_contention() {
            if self.for_a_move(cx, found).await? {
                return Ok(());
            }
            if self.readings >= READINGS {
                return Err(refused);
            }
            self.readings += 1;
        }
        self.again(cx, refused).await
    }

    /// Waits for the disk move that keeps others from the VM's lock, and tells whether there was one: PVE holds it for the
    /// whole of a move, which may be hours.
    pub async fn for_a_move(&self, cx: &Cx<Pve>, found: &Found) -> Result<bool, Problem> {
        let vmid = found.guest.vmid;
        let Some((upid, _)) = moving::running(cx, found).await? else { return Ok(false) };
        tracing::info!(vmid, %upid, "waiting: a disk of this VM is being moved, and PVE lets nobody else at it");
        moving::ends(cx, vmid, upid, self.left(cx), |error, upid| {
            Problem::new(
                format!("vm:{vmid} cannot be changed while one of its disks moves"),
                format!(
                    "PVE lets nobody else at a VM meanwhile, and the wait is over ({error}). What was not changed yet is left \
                     for the next apply: apply again when the move is done. Task {upid}"
                ),
            )
            .at("vmid")
        })
        .await?;
        Ok(true)
    }
}
