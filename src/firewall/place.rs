//! The places that have a list of rules.

use pve_client::api::cluster::GuestKind;
use pve_client::{Area, segment};
use terraform_plugin::Cx;

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::section::{OwnRight, ids};

/// The form of a place.
pub const FORM: &str = r"^(cluster|node/[A-Za-z0-9-]+|(vm|ct)/[1-9][0-9]{2,8}|group/[a-z][a-z0-9_-]{1,17})$";

/// What it is, and its own name.
fn parts(place: &str) -> (&str, &str) {
    place.split_once('/').unwrap_or((place, ""))
}

/// Where the rules of a place are read and written; none if there is no such place that we may see. PVE itself would take rules
/// for guests that do not exist.
pub async fn path(cx: &Cx<Pve>, place: &str) -> Result<Option<String>, Problem> {
    let (kind, name) = parts(place);
    Ok(match kind {
        "cluster" => Some("cluster/firewall/rules".to_owned()),
        "node" => {
            let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
            let known = nodes.iter().any(|node| node.node == name);
            known.then(|| format!("nodes/{}/firewall/rules", segment(name)))
        }
        "group" => {
            let groups = ids(cx, "cluster/firewall/groups", Area::File("firewall"), "group").await?;
            groups.contains(name).then(|| format!("cluster/firewall/groups/{}", segment(name)))
        }
        _ => {
            let (wanted, calls) = if kind == "vm" { (GuestKind::Qemu, "qemu") } else { (GuestKind::Lxc, "lxc") };
            let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
            let guest = guests.iter().find(|guest| guest.kind == wanted && guest.vmid.to_string() == name);
            guest.map(|guest| format!("nodes/{}/{calls}/{name}/firewall/rules", segment(&guest.node)))
        }
    })
}

/// What making the place is called, and its name: to see whether it is coming.
pub fn made_by(place: &str) -> Option<(&'static str, &str)> {
    match parts(place) {
        ("vm", vmid) => Some(("vm", vmid)),
        ("ct", vmid) => Some(("container", vmid)),
        ("group", name) => Some(("firewall_group", name)),
        _ => None,
    }
}

/// What changing the rules there takes.
pub fn write(place: &str) -> OwnRight {
    match parts(place) {
        ("node", name) => OwnRight { path: format!("/nodes/{name}"), any: &["Sys.Modify"] },
        ("vm" | "ct", vmid) => OwnRight { path: format!("/vms/{vmid}"), any: &["VM.Config.Network"] },
        _ => OwnRight { path: "/".to_owned(), any: &["Sys.Modify"] },
    }
}

/// What seeing them takes.
pub fn sight(place: &str) -> OwnRight {
    match parts(place) {
        ("node", name) => OwnRight { path: format!("/nodes/{name}"), any: &["Sys.Audit"] },
        ("vm" | "ct", vmid) => OwnRight { path: format!("/vms/{vmid}"), any: &["VM.Audit"] },
        _ => OwnRight { path: "/".to_owned(), any: &["Sys.Audit"] },
    }
}
