//! `pve_guest_migrate`: a guest goes to another node. Under HA it is HA that is asked.

use pve_client::api::cluster::GuestKind;
use terraform_plugin::{Action, Cx, Error, Model, Need, Progress};

use super::{guest, subject};
use crate::ct;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::guest::machine::sid;
use crate::guest::migrating::{self, Wanders};
use crate::guest::node::must_be_online;

/// Brings a virtual machine or a container to another node, with its local volumes where it has some. A machine that runs is moved
/// live; a container that runs is ended, and started on the other node. One that is there already is left alone.
///
/// Under HA it is HA that is asked, and waited for; the guest stays under HA and in its rules, which may bring it back. HA's
/// partners that have to be on the same node come along.
///
/// Interrupted, the action ends at once; what PVE or HA has begun goes on, and the message says what that is.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "guest_migrate", area = "Virtual machines")]
pub struct GuestMigrate {
    /// The guest's number.
    #[attr(required, range = 100..=999_999_999)]
    pub vmid: u32,
    /// The node to go to.
    #[attr(required, check = texts::one_word)]
    pub node: String,
    /// Where a machine's local disks go to on that node; each to the storage of the same name if unset. Under HA, and for a
    /// container, it has to be unset.
    #[attr(optional, check = texts::one_word)]
    pub storage: Option<String>,
}

impl Action<Pve> for GuestMigrate {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/vms/{vmid}", &["VM.Audit"]), Need::to_apply("/vms/{vmid}", &["VM.Migrate"])]
    }

    async fn invoke(cx: &Cx<Pve>, config: Self, progress: &Progress) -> Result<(), Error> {
        let vmid = config.vmid;
        let guest = cx.client.cluster().guest(vmid).await.during(format!("Cannot look for guest {vmid}"))?;
        match guest.ok_or_else(|| subject::missing(vmid))?.kind {
            GuestKind::Qemu => Ok(config.bring(cx, guest::must_exist(cx, vmid).await?, progress).await?),
            GuestKind::Lxc => Ok(config.bring(cx, ct::guest::must_exist(cx, vmid).await?, progress).await?),
        }
    }
}

impl GuestMigrate {
    async fn bring<F: Wanders>(&self, cx: &Cx<Pve>, found: F, progress: &Progress) -> Result<(), Problem> {
        let sid = sid(found.guest());
        let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
        must_be_online(&nodes, &self.node)?;
        if found.guest().node == self.node && found.lock() != Some("migrate") {
            progress.say(format!("{sid} is on {} already", self.node));
            return Ok(());
        }
        let managed = found.guest().hastate.as_deref().is_some_and(|state| state != "ignored");
        let nowhere_else = match (managed, sid.kind) {
            (true, _) => Some("is under HA"),
            (false, GuestKind::Lxc) => Some("is a container"),
            (false, GuestKind::Qemu) => None,
        };
        if let Some(why) = nowhere_else.filter(|_| self.storage.is_some()) {
            let detail = "Local volumes go to the storage of the same name then, and to no other. Nothing was done. Leave it out.";
            return Err(Problem::new(format!("{sid} {why}"), detail).at("storage"));
        }
        let say = |line: String| progress.say(line);
        let now = migrating::to_node(cx, found, &self.node, self.storage.as_deref(), &say).await??;
        progress.say(format!("{sid} is on {}", now.guest().node));
        Ok(())
    }
}
