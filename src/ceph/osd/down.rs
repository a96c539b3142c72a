//! An OSD that is down, seen by a refresh: whether its node is dead, or its disk. Nothing is planned because of either, and
//! nobody else may tell.

use pve_client::api::ceph::osd::Osd as Live;
use terraform_plugin::{Cx, Diagnostic};

use super::side::{ROLES, Role};
use super::{Osd, look, side};
use crate::ground::absence;
use crate::ground::pve::Pve;

/// Tells why the OSD is down, if that is because its node or its disk is gone.
pub async fn tell(cx: &Cx<Pve>, live: &Live, node: Option<&str>, prior: Option<&Osd>) {
    if node_is_dead(cx, live, node).await {
        return;
    }
    let Some(node) = node.or(live.host.as_deref()) else { return };
    match look::fsid(cx, node, live.id).await {
        Ok(Some(_)) => {
            for role in ROLES.into_iter().filter(|role| prior.is_some_and(|osd| osd.side(*role).is_some())) {
                let Ok(list) = look::disks(cx, node).await else { return };
                if let Ok(None) = side::lies(cx, node, live.id, role, &list).await {
                    cx.warn(Diagnostic::warning("OSDs have lost the device of a part", part_lost(live.id, node, role)));
                }
            }
        }
        Ok(None) => cx.warn(Diagnostic::warning("OSDs have lost their disks", lost(live.id, node))),
        // Whoever needs that node is told.
        Err(problem) => tracing::debug!(?problem, osd = live.id, "its node does not tell whether it has a volume"),
    }
}

fn part_lost(id: u32, node: &str, role: Role) -> String {
    format!(
        "osd.{id} is down, and {node} knows no volume for its {}, which lay on a device of its own: that has died or was taken out. \
         Nothing is planned because of that. Without it the OSD never runs again, nor does any other with a part there: each has to be \
         destroyed, and made anew.",
        role.word()
    )
}

fn lost(id: u32, node: &str) -> String {
    format!(
        "osd.{id} is down, and {node} knows no volume of it (`ceph-volume lvm list`): its disk has died or was taken out, or LVM \
         does not see it. Nothing is planned because of that. If the disk is not to come back, name another one in its configuration, \
         with `allow_destroy = true`: one apply takes this OSD out of Ceph and makes a new one there. Or take it out of the configuration \
         once `allow_destroy = true` was applied."
    )
}

/// Tells with its neighbours that the OSD's node is dead, if it is.
async fn node_is_dead(cx: &Cx<Pve>, osd: &Live, node: Option<&str>) -> bool {
    let host = osd.host.as_deref();
    let Ok(tree) = cx.client.ceph().osds().await else { return false };
    let down: Vec<String> = tree
        .osds
        .iter()
        .filter(|other| {
            !other.up && (other.id == osd.id || host.is_some_and(|host| other.host.as_deref() == Some(host)))
        })
        .map(|down| format!("osd.{}", down.id))
        .collect();
    let sign = match &down[..] {
        [one] => format!("{one} is down"),
        [most @ .., last] => format!("{} and {last} are down", most.join(", ")),
        [] => return false,
    };
    let nodes: Vec<&str> = host.into_iter().chain(node).collect();
    absence::tell_if_dead(cx, &nodes, &sign).await
}
