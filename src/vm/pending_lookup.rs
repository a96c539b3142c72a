//! Data source `pve_pending`: what of a guest's configuration waits for its next start.

use pve_client::Request;
use pve_client::api::cluster::GuestKind;
use pve_client::api::qemu::PendingEntry;
use terraform_plugin::{Cx, DataSource, Error, Model, Need, Nested};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// What of the configuration of a guest, a virtual machine or a container, waits for its next start: changes that it could not
/// take while it runs.
///
/// `pve_vm` shows a guest as it will be, so that changes that wait are no differences there.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "pending", area = "Virtual machines")]
pub struct Pending {
    /// The guest's number.
    #[attr(required)]
    pub vmid: u32,
    /// Whether anything waits.
    #[attr(computed)]
    pub waits: Option<bool>,
    /// What waits, by PVE's name of the setting.
    #[attr(computed)]
    pub changes: Option<Vec<PendingChange>>,
}

/// A change that waits.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct PendingChange {
    /// PVE's name of the setting.
    #[attr(computed)]
    pub key: Option<String>,
    /// What it is now. Null when it is not set.
    #[attr(computed)]
    pub value: Option<String>,
    /// What it will be. Null when it will be taken away.
    #[attr(computed)]
    pub pending: Option<String>,
    /// Whether it will be taken away.
    #[attr(computed)]
    pub delete: Option<bool>,
}

impl DataSource<Pve> for Pending {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/vms/{vmid}", &["VM.Audit"])]
    }

    async fn read(cx: &Cx<Pve>, config: Self) -> Result<Self, Error> {
        let vmid = config.vmid;
        let guest = cx.client.cluster().guest(vmid).await.during(format!("Cannot look for guest {vmid}"))?;
        let Some(guest) = guest else {
            let detail = "Nothing was written. If it does exist, the user or token lacks VM.Audit on it.";
            return Err(Problem::new(format!("There is no guest {vmid}"), detail).at("vmid").into());
        };
        let kind = match guest.kind {
            GuestKind::Qemu => "qemu",
            GuestKind::Lxc => "lxc",
        };
        let request = Request::get(format!("nodes/{}/{kind}/{vmid}/pending", guest.node)).node(&guest.node);
        let entries: Vec<PendingEntry> = cx
            .client
            .call(request)
            .await
            .during(format!("Cannot read what waits for the next start of guest {vmid}"))?;
        let mut changes: Vec<PendingChange> = entries
            .into_iter()
            .filter(PendingEntry::is_pending)
            .map(|entry| PendingChange {
                key: Some(entry.key),
                value: entry.value,
                pending: entry.pending,
                delete: Some(entry.delete),
            })
            .collect();
        // PVE has no order of its own.
        changes.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(Self { vmid, waits: Some(!changes.is_empty()), changes: Some(changes) })
    }
}
