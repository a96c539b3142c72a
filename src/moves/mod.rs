//! What other providers made and `moved` blocks hand over: which object it is, read out of the other provider's state. All
//! else is read from the cluster, so that what differs from the configuration is what truly differs.

mod bpg;
mod telmate;

use std::sync::LazyLock;

use serde_json::Value as Json;
use terraform_plugin::{Move, Stored};

/// All ways, from each of the other providers.
pub(crate) fn all() -> &'static [Move] {
    static ALL: LazyLock<Vec<Move>> = LazyLock::new(|| [bpg::MOVES, telmate::MOVES].concat());
    &ALL
}

/// The attribute of the other state, if it says something.
fn said<'a>(other: &'a Stored, name: &str) -> Option<&'a Json> {
    other.get(name).filter(|value| !value.is_null() && *value != "")
}

/// A text of the other state; a number as text.
fn text(other: &Stored, name: &str) -> Option<String> {
    match said(other, name)? {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number of the other state; one that is written as text too.
fn number(other: &Stored, name: &str) -> Option<Json> {
    text(other, name)?.parse::<u64>().ok().map(Json::from)
}

/// What the type here has: those that are told.
fn with<const N: usize>(attributes: [(&str, Option<Json>); N]) -> Stored {
    attributes.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// One attribute here that is one there.
macro_rules! same {
    ($here:literal = $there:literal) => {
        |other| $crate::moves::with([($here, $crate::moves::said(other, $there).cloned())])
    };
}
use same;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// What becomes of a state of another provider's type.
    fn becomes(ty: &str, other: &Json) -> Json {
        let way = all().iter().find(|way| way.from.contains(&ty)).unwrap_or_else(|| panic!("{ty}"));
        let other: Stored = serde_json::from_value(other.clone()).unwrap();
        serde_json::to_value((way.becomes)(&other)).unwrap()
    }

    #[test]
    fn nothing_is_named_twice() {
        for (at, way) in all().iter().enumerate() {
            let before = all()[..at].iter().filter(|before| before.provider == way.provider && before.to == way.to);
            let twice: Vec<_> = before.flat_map(|before| before.from).filter(|from| way.from.contains(from)).collect();
            assert!(twice.is_empty(), "{twice:?} becomes {} twice", way.to);
        }
    }

    #[test]
    fn rights_are_those_of_a_user_a_token_or_a_group() {
        let of = |who: &str, name: &str| becomes("proxmox_acl", &json!({ "path": "/vms", "role_id": "r", who: name }));
        assert_eq!(of("group_id", "ops"), json!({ "path": "/vms", "roleid": "r", "who": "@ops" }));
        assert_eq!(of("user_id", "a@pve")["who"], "a@pve");
        assert_eq!(of("token_id", "a@pve!ci")["who"], "a@pve!ci");
    }

    #[test]
    fn the_secret_of_a_token_is_brought_along() {
        let other = json!({ "user_id": "a@pve", "token_name": "ci", "value": "a@pve!ci=x=y" });
        let token = json!({ "userid": "a@pve", "tokenid": "ci", "value": "x=y" });
        assert_eq!(becomes("proxmox_user_token", &other), token);
    }

    #[test]
    fn firewalls_are_those_of_a_place() {
        let rules = |other| becomes("proxmox_virtual_environment_firewall_rules", &other)["place"].clone();
        assert_eq!(rules(json!({ "node_name": "pve1", "vm_id": 101, "container_id": null })), "vm/101");
        assert_eq!(rules(json!({ "node_name": "pve1", "container_id": 102 })), "ct/102");
        assert_eq!(rules(json!({ "node_name": "pve1" })), "node/pve1");
        assert_eq!(rules(json!({ "node_name": "" })), "cluster");
        assert_eq!(becomes("proxmox_virtual_environment_cluster_firewall", &json!({}))["place"], "cluster");
    }

    #[test]
    fn machines_have_their_number_as_text_or_in_the_id() {
        assert_eq!(
            becomes("proxmox_virtual_environment_vm", &json!({ "vm_id": 101, "id": "101" })),
            json!({ "vmid": 101 })
        );
        assert_eq!(becomes("proxmox_vm", &json!({ "id": "101" })), json!({ "vmid": 101 }));
        assert_eq!(
            becomes("proxmox_virtual_environment_vm", &json!({ "vm_id": 101, "node_name": "pve2", "pool_id": "lab" })),
            json!({ "vmid": 101, "node": "pve2", "pool": "lab" })
        );
        assert_eq!(
            becomes("proxmox_vm_qemu", &json!({ "id": "pve1/qemu/101", "target_node": "pve1", "pool": "" })),
            json!({ "vmid": 101, "node": "pve1" })
        );
        assert_eq!(becomes("proxmox_vm_qemu", &json!({ "vmid": 101, "id": "pve1/qemu/101" })), json!({ "vmid": 101 }));
        assert_eq!(becomes("proxmox_lxc", &json!({ "vmid": 0, "id": "pve1/lxc/101" })), json!({ "vmid": 101 }));
        assert_eq!(
            becomes("proxmox_virtual_environment_container", &json!({ "vm_id": 7001 })),
            json!({ "vmid": 7001 })
        );
        assert_eq!(becomes("proxmox_vm_qemu", &json!({ "vmid": 0, "id": "pve1/qemu/101" })), json!({ "vmid": 101 }));
    }

    #[test]
    fn what_does_not_tell_becomes_nothing() {
        assert_eq!(becomes("proxmox_vm", &json!({ "id": "new" })), json!({}));
        assert_eq!(becomes("proxmox_ceph_pool", &json!({ "name": null })), json!({}));
    }
}
