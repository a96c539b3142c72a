//! The node that a new VM is made on.

use std::collections::BTreeSet;

use pve_client::api::storage::StorageConfig;
use terraform_plugin::Cx;

use super::{Vm, bridges, firmware, named};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::guest::node::must_be_online;
use crate::vm::planned::{self, Place};

/// The node asked for, or the online one that has all storages and bridges and carries the fewest guests, those that this
/// process is about to make among them; of several the first by name.
pub async fn choose<'a>(cx: &'a Cx<Pve>, want: &Vm) -> Result<(String, Place<'a>), Problem> {
    let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
    let there = |vmid: u32| guests.iter().any(|guest| guest.vmid == vmid);
    let none = || {
        Problem::new(
            "No node can take the VM",
            "None is online, or the user or token may not see them. Nothing was written.",
        )
        .at("node")
    };
    if let Some(wanted) = &want.node {
        must_be_online(&nodes, wanted)?;
        return planned::place(&cx.ledger, there, |_| Some(wanted.clone())).ok_or_else(none);
    }
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    let choose = |coming: &dyn Fn(&str) -> usize, but: &BTreeSet<String>| {
        let online = nodes.iter().filter(|node| node.is_online() && !but.contains(&node.node)).map(|node| {
            let load = guests.iter().filter(|guest| guest.node == node.node).count() + coming(&node.node);
            (node.node.as_str(), load)
        });
        best(online.collect(), &needed(want).into_iter().chain(named::storages(want)).collect(), &storages)
    };
    // Bridges and volumes are asked for one node after the other: most nodes have all of them.
    let mut without = BTreeSet::new();
    while let Some((node, place)) = planned::place(&cx.ledger, there, |coming| choose(coming, &without)) {
        if bridges::has_all(cx, want, &node).await && named::has_all(cx, want, &node).await {
            return Ok((node, place));
        }
        without.insert(node);
    }
    // None has: the check that follows says so of the best.
    planned::place(&cx.ledger, there, |coming| choose(coming, &BTreeSet::new())).ok_or_else(none)
}

/// The storages that are written to.
pub fn needed(want: &Vm) -> BTreeSet<&str> {
    let disks = want.disks.iter().flatten().filter_map(|(_, disk)| disk.first_storage());
    let cloud_init = want.cloud_init.as_ref().and_then(|ci| ci.storage.as_deref());
    let restored = want.origin.restore.as_ref().and_then(|restore| restore.storage.as_deref());
    let firmware = firmware::storages(want).into_iter().map(|(_, storage)| storage.as_str());
    disks.chain(cloud_init).chain(restored).chain(firmware).collect()
}

/// A storage that is nowhere, or that we may not see, rules no node out: the check that follows says so.
fn best(mut online: Vec<(&str, usize)>, needed: &BTreeSet<&str>, storages: &[StorageConfig]) -> Option<String> {
    online.sort_by_key(|(name, load)| (*load, *name));
    let has_all = |node: &str| {
        needed.iter().all(|id| storages.iter().find(|s| s.storage == **id).is_none_or(|storage| storage.is_on(node)))
    };
    let (name, _) = online.iter().find(|(node, _)| has_all(node)).or(online.first())?;
    Some((*name).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::vm::firmware::{EfiDisk, TpmState};

    #[test]
    fn the_emptiest_node_that_has_the_storages() {
        let storages: Vec<StorageConfig> =
            serde_json::from_str(r#"[{"storage":"ssd","type":"lvmthin","nodes":"pve2,pve3"}]"#).unwrap();
        let online = vec![("pve3", 1), ("pve1", 0), ("pve2", 1)];
        assert_eq!(best(online.clone(), &BTreeSet::new(), &storages).as_deref(), Some("pve1"));
        assert_eq!(best(online.clone(), &BTreeSet::from(["ssd"]), &storages).as_deref(), Some("pve2"));
        // The firmware's disks lie somewhere as well, and what is named.
        let firmware = Vm {
            efi_disk: Some(EfiDisk { storage: Some("efi".to_owned()), ..EfiDisk::default() }),
            tpm_state: Some(TpmState { storage: Some("tpm".to_owned()), ..TpmState::default() }),
            ..Vm::default()
        };
        assert_eq!(needed(&firmware), BTreeSet::from(["efi", "tpm"]));
        assert_eq!(best(online, &BTreeSet::from(["unknown"]), &storages).as_deref(), Some("pve1"));
        assert_eq!(best(Vec::new(), &BTreeSet::new(), &storages), None);
    }
}
