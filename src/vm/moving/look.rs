//! What there is to do for a move, and what speaks against it.

use pve_client::Upid;
use pve_client::api::qemu::drive::{Bus, Drive};
use terraform_plugin::Cx;

use super::{Order, Ready, ends, running};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ha::local::Places;
use crate::ha::planned;
use crate::vm::disk_storage::must_hold_images;
use crate::vm::guest::{self, Found};
use crate::vm::identity;
use crate::vm::progress::Head;
use crate::vm::turns::Turns;

impl Order {
    /// Looks at the disk, and waits until no other disk of the VM is being moved: PVE moves one at a time.
    pub async fn prepare(&self, cx: &Cx<Pve>) -> Result<Ready, Problem> {
        let turns = Turns::begin();
        let mut first: Option<Found> = None;
        loop {
            // A change of the disk that waits for the next stop may name the volume of before an earlier move.
            let found = guest::in_force(cx, self.vmid).await?;
            if let Some(first) = &first {
                identity::must_be_still_the_same(first, &found)?;
            }
            let drive = self.movable(&found)?;
            let there = drive.storage() == Some(self.to.storage.as_str());
            let (upid, head) = match running(cx, &found).await? {
                Some((upid, Some(head))) if head.disk == self.disk && head.goes_to(&self.to.storage) => {
                    return Ok(Ready::Moving { found, upid, source: head.source });
                }
                _ if there => return Ok(Ready::There(found)),
                Some(other) => other,
                None => {
                    guest::must_be_unlocked(&found)?;
                    must_hold_images(cx, &self.to.storage, &found.guest.node, self.storage_at.clone()).await?;
                    self.tpm_needs_stop(cx, &found).await?;
                    self.ha_must_start_it(cx, &found).await?;
                    return Ok(Ready::Free(found));
                }
            };
            first = Some(found);
            self.wait_for_other(cx, upid, head, &turns).await?;
        }
    }

    /// The disk, if it is one that can be moved.
    pub fn movable<'a>(&self, found: &'a Found) -> Result<&'a Drive, Problem> {
        let refuse = |why: String| Problem::new(self.doing(), why).at(self.disk_at.clone());
        let Some(drive) = found.config.drives.get(&self.disk) else {
            let there: Vec<String> =
                found.config.disks().map(|(key, drive)| format!("{key} ({})", drive.volume)).collect();
            let there = if there.is_empty() { "no disks".to_owned() } else { there.join(", ") };
            return Err(refuse(format!("The VM has no disk at {}. Nothing was written. It has: {there}.", self.disk)));
        };
        if drive.is_cloud_init() {
            return Err(refuse(
                "It is the cloud-init drive, which holds no data: PVE writes it anew at each start, and HA makes it anew where \
                 it starts the guest. It need not be moved. Nothing was written."
                    .to_owned(),
            ));
        }
        if drive.is_cdrom() {
            return Err(refuse(format!(
                "It is a CD-ROM drive with {}, which PVE cannot move. Nothing was written. Empty it instead.",
                drive.volume
            )));
        }
        if self.disk.bus == Bus::Unused {
            return Err(refuse("The VM does not use that volume. Nothing was written. Attach it first.".to_owned()));
        }
        Ok(drive)
    }

    /// An error if it is the TPM's state and the VM runs.
    pub async fn tpm_needs_stop(&self, cx: &Cx<Pve>, found: &Found) -> Result<(), Problem> {
        if self.disk.bus != Bus::TpmState || !found.api(cx).status().await.during(self.doing())?.is_running() {
            return Ok(());
        }
        Err(Problem::new(
            self.doing(),
            "PVE cannot move the TPM's state while the VM runs. Nothing was written. Stop it first.",
        )
        .at(self.disk_at.clone()))
    }

    /// An error if HA is to start the VM on every node and could not do so any more.
    async fn ha_must_start_it(&self, cx: &Cx<Pve>, found: &Found) -> Result<(), Problem> {
        match is_under_ha(found) {
            true => self.takes_from_ha(cx, found).await?.map_or(Ok(()), Err),
            false => Ok(()),
        }
    }

    /// What speaks against the move if the VM is to be under HA: a disk that every node has by now would
    /// be on one node only, and the configuration does not insist on that.
    pub async fn takes_from_ha(&self, cx: &Cx<Pve>, found: &Found) -> Result<Option<Problem>, Problem> {
        let places = Places::look(&cx.api).await?;
        let Some(why) = places.why_local(&self.to.storage) else { return Ok(None) };
        let is = found.config.drives.get(&self.disk).and_then(Drive::storage);
        let sid = format!("vm:{}", self.vmid);
        if is.is_some_and(|is| places.why_local(is).is_some()) || planned::may_be_local(cx, &sid) {
            return Ok(None);
        }
        let problem = Problem::new(
            self.doing(),
            format!(
                "{sid} is under HA, and {} would lie on {why}: HA would have nothing to start when its node dies. Nothing was \
                 written. Choose a storage that all nodes share, or take it out of HA first; or insist with `allow_local = true` \
                 in its `pve_ha_resource`, and let the move depend on that.",
                self.disk
            ),
        );
        Ok(Some(problem.at(self.storage_at.clone())))
    }

    /// PVE would fail a second move of the same VM after ten seconds.
    pub(super) async fn wait_for_other(
        &self,
        cx: &Cx<Pve>,
        upid: Upid,
        head: Option<Head>,
        turns: &Turns,
    ) -> Result<(), Problem> {
        let other = head.map_or_else(|| "a disk".to_owned(), |head| head.disk.to_string());
        tracing::info!(vmid = self.vmid, other, %upid, "waiting: another move of this VM runs");
        ends(cx, self.vmid, upid, turns.left(cx), |_, upid| {
            Problem::new(
                self.doing(),
                format!(
                    "{other} of vm:{} is being moved, and PVE moves one disk of a VM at a time. Nothing was written for {}. \
                     Apply again when that is done. Task {upid}",
                    self.vmid, self.disk
                ),
            )
            .at(self.disk_at.clone())
        })
        .await
    }
}

/// Whether HA has the VM and is to keep it running somewhere.
pub fn is_under_ha(found: &Found) -> bool {
    found.guest.hastate.as_deref().is_some_and(|state| state != "ignored")
}
