//! Paths of access control entries: PVE refuses those outside of its tree, and never asks whether there is something at the
//! end of one.

use std::collections::BTreeSet;

use pve_client::Area;
use terraform_plugin::{Cx, Error, Findings};

use super::acl::Acl;
use super::pool_member::{GUESTS, STORAGES};
use super::{group, realm};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::section::{ids, listed};

/// For the plan: tells of a path that PVE is not known to take, and of one at whose end nothing is. No hindrance either way:
/// a newer PVE may have more paths, and what is missing may be made by somebody else.
pub(super) async fn look(cx: &Cx<Pve>, path: &str, found: &mut Findings<Acl>) -> Result<(), Error> {
    if !is_known(path) {
        found.notice(
            Problem::new(
                "A path of an access control entry that PVE is not known to have",
                format!(
                    "{path}: PVE refuses an entry for what is not in its tree. There are `/`, `/vms/ID`, `/storage/ID`, `/pool/ID`, \
                     `/nodes/NAME`, `/access/groups/ID`, `/access/realm/ID`, `/mapping/TYPE/ID` and `/sdn/...`."
                ),
            )
            .at("path"),
        );
        return Ok(());
    }
    if let Some(what) = nothing_at(cx, path).await? {
        found.notice(
            Problem::new(
                "There is nothing at the path of an access control entry",
                format!(
                    "{path}: {what} PVE takes the entry all the same, and it holds for what is made there one day. A reference \
                     (`\"/vms/${{pve_vm.web.vmid}}\"`) has what this configuration makes there made first."
                ),
            )
            .at("path"),
        );
    }
    Ok(())
}

/// What PVE 9.2 takes.
fn is_known(path: &str) -> bool {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        [] | ["access"] => true,
        ["access", "groups" | "realm", rest @ ..] | ["nodes" | "storage", rest @ ..] => rest.len() <= 1,
        ["vms", rest @ ..] => rest.len() <= 1 && rest.iter().all(|id| id.parse().is_ok_and(|id: u32| id >= 100)),
        ["pool", rest @ ..] => rest.len() <= 3,
        ["mapping", rest @ ..] => rest.len() <= 2,
        ["sdn", ..] => true,
        _ => false,
    }
}

/// As a sentence, if what the path is about is neither there nor planned to be made, and we would see it.
async fn nothing_at(cx: &Cx<Pve>, path: &str) -> Result<Option<String>, Error> {
    let comes = |kinds: &[&str], id: &str| kinds.iter().any(|kind| cx.comes(kind, id));
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let seen = |privileges: &'static [&'static str]| async move {
        cx.client.access().on(path).await.is_ok_and(|ours| ours.has_any(privileges))
    };
    Ok(match parts.as_slice() {
        ["vms", id] => {
            let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
            let there = guests.iter().any(|guest| guest.vmid.to_string() == **id) || comes(GUESTS, id);
            (!there && seen(&["VM.Audit"]).await).then(|| format!("There is no guest {id}."))
        }
        ["storage", id] => {
            let storages = ids(cx, "storage", Area::Storage, "storage").await?;
            let there = storages.contains(*id) || comes(STORAGES, id);
            let seen = !there && seen(&["Datastore.Audit", "Datastore.AllocateSpace"]).await;
            seen.then(|| format!("There is no storage \"{id}\"; there are: {}.", listed(&storages)))
        }
        ["pool", rest @ ..] => {
            let (id, pools) = (rest.join("/"), ids(cx, "pools", Area::Access, "poolid").await?);
            let there = pools.contains(&id) || comes(&["pool"], &id);
            let seen = !there && seen(&["Pool.Audit"]).await;
            seen.then(|| format!("There is no pool \"{id}\"; there are: {}.", listed(&pools)))
        }
        ["nodes", name] => {
            let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
            let names: BTreeSet<String> = nodes.iter().map(|node| node.node.clone()).collect();
            (!names.contains(*name)).then(|| format!("There is no node \"{name}\"; there are: {}.", listed(&names)))
        }
        ["access", "groups", id] => {
            let groups = group::missing(cx, id).await?.filter(|_| !comes(&["group"], id));
            groups.map(|groups| format!("There is no group \"{id}\"; there are: {}.", listed(&groups)))
        }
        ["access", "realm", id] => {
            let realms = realm::missing(cx, id).await?;
            realms.map(|realms| format!("There is no realm \"{id}\"; there are: {}.", listed(&realms)))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::is_known;

    #[test]
    fn paths_are_those_of_pve() {
        for path in [
            "/",
            "/vms",
            "/vms/100",
            "/storage/local",
            "/pool/a/b/c",
            "/nodes/pve1",
            "/access",
            "/access/groups/admins",
            "/access/realm/pve",
            "/mapping/notifications",
            "/mapping/pci/gpu",
            "/sdn/zones/localnetwork/vmbr0/7",
        ] {
            assert!(is_known(path), "{path}");
        }
        for path in
            ["/vm/100", "/vms/web", "/vms/99", "/vms/100/x", "/access/users", "/pool/a/b/c/d", "/ha", "/storages/local"]
        {
            assert!(!is_known(path), "{path}");
        }
    }
}
