//! `pve_guest_migrate`: a virtual machine goes to another node. Under HA it is HA that is asked.

use terraform_plugin::{Action, Cx, Error, Model, Need, Progress};

use super::{guest, migrating, vm};
use crate::ground::error::During;
use crate::ground::pve::Pve;
use crate::ground::texts;

/// Brings a virtual machine to another node: live if it runs, with its local disks where it has some. One that is there already
/// is left alone.
///
/// Under HA it is HA that is asked, and waited for; the machine stays under HA and in its rules, which may bring it back. HA's
/// partners that have to be on the same node come along.
///
/// Interrupted, the action ends at once; what PVE or HA has begun goes on, and the message says what that is.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "guest_migrate", area = "Virtual machines")]
pub struct GuestMigrate {
    /// The machine's number.
    #[attr(required, range = 100..=999_999_999)]
    pub vmid: u32,
    /// The node to go to.
    #[attr(required, check = texts::one_word)]
    pub node: String,
    /// Where local disks go to on that node; each to the storage of the same name if unset. Under HA it has to be unset.
    #[attr(optional, check = texts::one_word)]
    pub storage: Option<String>,
}

impl Action<Pve> for GuestMigrate {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/vms/{vmid}", &["VM.Audit"]), Need::to_apply("/vms/{vmid}", &["VM.Migrate"])]
    }

    async fn invoke(cx: &Cx<Pve>, config: Self, progress: &Progress) -> Result<(), Error> {
        let found = guest::must_exist(cx, config.vmid).await?;
        let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
        vm::must_be_online(&nodes, &config.node)?;
        if found.guest.node == config.node && found.config.lock.as_deref() != Some("migrate") {
            progress.say(format!("vm:{} is on {} already", config.vmid, config.node));
            return Ok(());
        }
        let managed = found.guest.hastate.as_deref().is_some_and(|state| state != "ignored");
        if managed && config.storage.is_some() {
            let detail = "HA moves local disks to the storage of the same name, and knows no other. Nothing was done. Leave it out.";
            return Err(Error::new(format!("vm:{} is under HA", config.vmid), detail).at("storage"));
        }
        let say = |line: String| progress.say(line);
        let now = migrating::to_node(cx, found, &config.node, config.storage.as_deref(), &say).await??;
        progress.say(format!("vm:{} is on {}", config.vmid, now.guest.node));
        Ok(())
    }
}
