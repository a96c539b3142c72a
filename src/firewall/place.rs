//! The places that have a firewall.

use pve_client::api::cluster::GuestKind;
use pve_client::{Area, segment};
use terraform_plugin::model::Model;
use terraform_plugin::{Cx, Error, Findings, Keyed, Need, Seen};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::section::{OwnRight, ids, offline, sees_all};

/// The form of a place that has rules.
pub const WITH_RULES: &str = r"^(cluster|node/[A-Za-z0-9-]+|(vm|ct)/[1-9][0-9]{2,8}|group/[a-z][a-z0-9_-]{1,17})$";

/// The form of a place that has options.
pub const WITH_OPTIONS: &str = r"^(cluster|node/[A-Za-z0-9-]+|(vm|ct)/[1-9][0-9]{2,8})$";

/// How much is logged.
pub const LEVELS: [&str; 9] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug", "nolog"];

/// What it is, and its own name.
fn parts(place: &str) -> (&str, &str) {
    place.split_once('/').unwrap_or((place, ""))
}

/// Where the rules of a place are read and written; none if there is no such place that we may see.
pub async fn rules(cx: &Cx<Pve>, place: &str) -> Result<Option<String>, Problem> {
    let rules = |firewall| if parts(place).0 == "group" { firewall } else { format!("{firewall}/rules") };
    Ok(firewall(cx, place).await?.map(rules))
}

/// Where the firewall of a place is; of a group its rules. None if there is no such place that we may see: PVE itself would take
/// rules for guests that do not exist.
pub async fn firewall(cx: &Cx<Pve>, place: &str) -> Result<Option<String>, Problem> {
    let (kind, name) = parts(place);
    Ok(match kind {
        "cluster" => Some("cluster/firewall".to_owned()),
        "node" => {
            let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
            let known = nodes.iter().any(|node| node.node == name);
            known.then(|| format!("nodes/{}/firewall", segment(name)))
        }
        "group" => {
            let groups = ids(cx, "cluster/firewall/groups", Area::File("firewall"), "group").await?;
            groups.contains(name).then(|| format!("cluster/firewall/groups/{}", segment(name)))
        }
        _ => {
            let (wanted, calls) = if kind == "vm" { (GuestKind::Qemu, "qemu") } else { (GuestKind::Lxc, "lxc") };
            let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
            let guest = guests.iter().find(|guest| guest.kind == wanted && guest.vmid.to_string() == name);
            guest.map(|guest| format!("nodes/{}/{calls}/{name}/firewall", segment(&guest.node)))
        }
    })
}

/// Tells of a place that is not there, and does not come with the same plan.
pub async fn must_exist<M: Model>(
    cx: &Cx<Pve>,
    place: &str,
    what: &str,
    found: &mut Findings<M>,
) -> Result<(), Problem> {
    if firewall(cx, place).await?.is_none() {
        let coming = made_by(place).is_some_and(|(kind, name)| cx.comes(kind, name));
        found.missing(coming, nowhere(place, what));
    }
    Ok(())
}

/// The error of a place that is not there.
pub fn nowhere(place: &str, what: &str) -> Problem {
    Problem::new(
        format!("There is no {place} for {what}"),
        "It does not exist, or the user or token may not see it. Nothing was written.",
    )
    .at("place")
    .unsent()
}

/// What making the place is called, and its name: to see whether it is coming.
fn made_by(place: &str) -> Option<(&'static str, &str)> {
    match parts(place) {
        ("vm", vmid) => Some(("vm", vmid)),
        ("ct", vmid) => Some(("container", vmid)),
        ("group", name) => Some(("firewall_group", name)),
        _ => None,
    }
}

/// What planning and applying takes, by place.
pub fn needs() -> Vec<Need> {
    const SYS: (&[&str], &[&str]) = (&["Sys.Audit"], &["Sys.Modify"]);
    const VM: (&[&str], &[&str]) = (&["VM.Audit"], &["VM.Config.Network"]);
    let places = [
        ("/", SYS, "cluster"),
        ("/nodes/{place}", SYS, "node/"),
        ("/vms/{place}", VM, "vm/"),
        ("/vms/{place}", VM, "ct/"),
    ];
    let of = |(path, (audit, modify), begins)| {
        [Need::to_plan(path, audit).only("place", begins), Need::to_apply(path, modify).only("place", begins)]
    };
    places.into_iter().flat_map(of).collect()
}

/// What changing anything there takes.
pub fn write(place: &str) -> OwnRight {
    match parts(place) {
        ("node", name) => OwnRight { path: format!("/nodes/{name}"), any: &["Sys.Modify"] },
        ("vm" | "ct", vmid) => OwnRight { path: format!("/vms/{vmid}"), any: &["VM.Config.Network"] },
        _ => OwnRight { path: "/".to_owned(), any: &["Sys.Modify"] },
    }
}

/// What seeing it takes.
pub fn sight(place: &str) -> OwnRight {
    match parts(place) {
        ("node", name) => OwnRight { path: format!("/nodes/{name}"), any: &["Sys.Audit"] },
        ("vm" | "ct", vmid) => OwnRight { path: format!("/vms/{vmid}"), any: &["VM.Audit"] },
        _ => OwnRight { path: "/".to_owned(), any: &["Sys.Audit"] },
    }
}

/// All places of these kinds. Nodes that do not answer are told of in `missed`.
pub async fn all<R: Keyed>(
    cx: &Cx<Pve>,
    kinds: &[&str],
    of: &str,
    missed: &mut Vec<Seen<R>>,
) -> Result<Vec<String>, Error> {
    sees_all(cx, "/vms/{place}", &["VM.Audit"], of).await?;
    let mut places = vec!["cluster".to_owned()];
    for node in cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?.iter() {
        match node.is_online() {
            true => places.push(format!("node/{}", node.node)),
            false => missed.push(Seen::Missed(offline(&node.node))),
        }
    }
    for guest in cx.client.cluster().guests().await.during("Cannot list the guests")?.iter() {
        let kind = if guest.kind == GuestKind::Qemu { "vm" } else { "ct" };
        places.push(format!("{kind}/{}", guest.vmid));
    }
    if kinds.contains(&"group") {
        let groups = ids(cx, "cluster/firewall/groups", Area::File("firewall"), "group").await?;
        places.extend(groups.iter().map(|group| format!("group/{group}")));
    }
    places.retain(|place| kinds.contains(&parts(place).0));
    Ok(places)
}
