//! What is left to do when a move has ended.

use pve_client::api::params::Params;
use pve_client::api::qemu::drive::{Bus, DriveKey};
use terraform_plugin::Cx;

use super::Order;
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};
use crate::vm::guest::{self, Found};
use crate::vm::turns::Turns;
use crate::vm::{identity, pending};

impl Order {
    /// Looks where the disk is now; its volume, if it is where it should be. A source that was to be deleted and still
    /// stands in the configuration as `unusedN` is freed: that one only.
    pub async fn finish(&self, cx: &Cx<Pve>, source: Option<&str>) -> Result<String, Problem> {
        let found = guest::in_force(cx, self.vmid).await?;
        let volume = self.arrived(&found)?;
        pending::renew(cx, self.vmid, self.disk).await?;
        if let Some(source) = source.filter(|source| self.to.delete_source && *source != volume) {
            self.free(cx, found, source).await?;
        }
        Ok(volume)
    }

    /// The disk's volume, if it is where it should be.
    fn arrived(&self, found: &Found) -> Result<String, Problem> {
        let drive = self.movable(found)?;
        if drive.storage() == Some(self.to.storage.as_str()) {
            return Ok(drive.volume.clone());
        }
        Err(Problem::new(
            self.doing(),
            format!(
                "The move has ended, and {} is still {}: the copy was given up, or somebody moved the disk elsewhere since. Its \
                 data are whole where it is. The VM's last task of type qmmove tells why; apply again to move it.",
                self.disk, drive.volume
            ),
        )
        .at(self.storage_at.clone()))
    }

    /// Frees the source, if it is among the VM's unused volumes. Their numbers are given anew, so the one that is named must
    /// still be what was read; if not, it is read again.
    async fn free(&self, cx: &Cx<Pve>, found: Found, source: &str) -> Result<(), Problem> {
        let doing =
            format!("{} is on storage \"{}\", but its source {source} cannot be freed", self.what(), self.to.storage);
        let mut turns = Turns::begin();
        loop {
            let now = guest::must_exist(cx, self.vmid).await?;
            identity::must_be_still_the_same(&found, &now)?;
            let Some(unused) = left_over(&now, source) else { return Ok(()) };
            let params = Params::new().remove(unused.to_string()).digest(now.config.digest.as_deref());
            let freed = async {
                let mut task = now.api(cx).update(&params).await?;
                task.wait(&patience(cx), |_| {}).await
            };
            match freed.await.during(&doing) {
                Err(problem) => turns.again_after_moves(cx, &now, problem).await?,
                done => return done,
            }
        }
    }
}

/// The `unusedN` that holds this volume, if there is one.
pub fn left_over(found: &Found, volume: &str) -> Option<DriveKey> {
    found.config.key_of(volume).filter(|key| key.bus == Bus::Unused)
}
