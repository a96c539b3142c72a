//! All containers, as the cluster's list tells of them.

use pve_client::api::cluster::{Guest, GuestKind};
use terraform_plugin::value::Value;
use terraform_plugin::{Cx, Error, Queried, Seen};

use super::{Container, ContainerKey};
use crate::ground::error::During;
use crate::ground::pve::Pve;
use crate::section::sees_all;

impl Queried<Pve> for Container {
    /// Who is in a pool is the pool's business, and no state knows it.
    const TELLS: &'static [&'static str] = &["pool"];

    async fn seek(cx: &Cx<Pve>) -> Result<Vec<Seen<Self>>, Error> {
        sees_all(cx, "/vms/{vmid}", &["VM.Audit"], "pve_container").await?;
        let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
        let one = |guest: &Guest| {
            let seen = Seen::there(ContainerKey { vmid: guest.vmid })
                .knowing("node", guest.node.as_str())
                .knowing("pool", guest.pool.as_deref().map_or(Value::Null, Into::into))
                .knowing("tags", Value::list(guest.tags.iter().map(String::as_str)));
            match &guest.name {
                Some(name) => seen.titled(format!("{name} ({})", guest.vmid)).knowing("hostname", name.as_str()),
                None => seen,
            }
        };
        Ok(guests.iter().filter(|guest| guest.kind == GuestKind::Lxc).map(one).collect())
    }
}
