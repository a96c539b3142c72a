//! Where one object names another: a reference says more than what it stands for, and has Terraform know the order.

use std::collections::BTreeSet;

use terraform_plugin::Item;
use terraform_plugin::value::Value;

use super::{Found, short};

/// How an attribute names another object.
struct Names {
    /// The types that have the attribute, by the beginning of their names; all if it is empty.
    of: &'static str,
    /// The attribute, at whichever depth.
    attribute: &'static str,
    /// What stands before the other's value.
    before: &'static str,
    /// The types of the others, by the beginning of their names, and their attribute.
    to: (&'static str, &'static str),
}

const fn names(of: &'static str, attribute: &'static str, to: (&'static str, &'static str)) -> Names {
    Names { of, attribute, before: "", to }
}

const fn after(
    of: &'static str,
    attribute: &'static str,
    before: &'static str,
    to: (&'static str, &'static str),
) -> Names {
    Names { of, attribute, before, to }
}

/// All ways. Of several that fit the first holds.
const ALL: &[Names] = &[
    names("storage_rbd", "pool", ("ceph_pool", "name")),
    names("storage_rbd", "pool", ("ceph_erasure_pool", "metadata_pool")),
    names("storage_rbd", "data_pool", ("ceph_erasure_pool", "data_pool")),
    names("storage_cephfs", "fs_name", ("ceph_filesystem", "name")),
    names("ceph_", "crush_rule", ("ceph_crush_rule", "name")),
    names("ceph_", "data_crush_rule", ("ceph_crush_rule", "name")),
    names("ceph_", "metadata_crush_rule", ("ceph_crush_rule", "name")),
    names("ceph_crush_bucket", "parent", ("ceph_crush_bucket", "name")),
    after("ha_resource", "sid", "vm:", ("vm", "vmid")),
    names("snapshot", "vmid", ("vm", "vmid")),
    names("template", "vmid", ("vm", "vmid")),
    names("ha_rule_", "resources", ("ha_resource", "sid")),
    names("pool_member", "poolid", ("pool", "poolid")),
    names("pool_member", "member", ("vm", "vmid")),
    names("pool_member", "member", ("storage_", "storage")),
    names("acl", "roleid", ("role", "roleid")),
    names("acl", "who", ("token", "full_tokenid")),
    names("acl", "who", ("user", "userid")),
    after("acl", "who", "@", ("group", "groupid")),
    after("acl", "path", "/vms/", ("vm", "vmid")),
    after("acl", "path", "/pool/", ("pool", "poolid")),
    after("acl", "path", "/storage/", ("storage_", "storage")),
    names("user", "groups", ("group", "groupid")),
    names("token", "userid", ("user", "userid")),
    names("realm_sync_job", "realm", ("realm_", "realm")),
    names("notification_matcher", "target", ("notification_gotify", "name")),
    names("notification_matcher", "target", ("notification_sendmail", "name")),
    names("notification_matcher", "target", ("notification_smtp", "name")),
    names("notification_matcher", "target", ("notification_webhook", "name")),
    after("firewall_", "place", "vm/", ("vm", "vmid")),
    names("backup_job", "pool", ("pool", "poolid")),
    names("backup_job", "vmid", ("vm", "vmid")),
    names("", "storage", ("storage_", "storage")),
    names("", "node", ("cluster_member", "node")),
];

/// What an attribute's value is written as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reference {
    before: &'static str,
    /// `pve_vm.web.vmid`.
    to: String,
}

impl Reference {
    /// As HCL.
    pub(super) fn written(&self) -> String {
        match self.before {
            "" => self.to.clone(),
            before => format!("\"{before}${{{}}}\"", self.to),
        }
    }
}

/// All objects by what they are called, and who refers to whom.
pub(super) struct References<'a> {
    items: Vec<(&'a Item, &'a str)>,
    /// Who refers to whom, by position.
    edges: BTreeSet<(usize, usize)>,
}

impl<'a> References<'a> {
    /// Among these, each with its name.
    pub(super) fn among(items: impl Iterator<Item = (&'a Item, &'a str)>) -> Self {
        Self { items: items.collect(), edges: BTreeSet::new() }
    }

    /// What stands for the value of an attribute of the object at `from`, if that is another object's. Nobody refers to what
    /// refers back to him.
    pub(super) fn find(&mut self, from: usize, attribute: &str, value: &Value) -> Option<Reference> {
        let of = short(self.items[from].0);
        let text = plain(value)?;
        for way in ALL.iter().filter(|way| way.attribute == attribute && is_of(of, way.of)) {
            let Some(named) = text.strip_prefix(way.before) else { continue };
            // Whatever names itself by it is called so.
            if is_of(of, way.to.0) && attribute == way.to.1 {
                continue;
            }
            let is = |item: &Item| {
                is_of(short(item), way.to.0)
                    && item.state.get(way.to.1).and_then(plain).is_some_and(|value| value == named)
            };
            let Some(to) = self.items.iter().position(|(item, _)| is(item)).filter(|to| *to != from) else { continue };
            if self.reaches(to, from) {
                continue;
            }
            self.edges.insert((from, to));
            let (item, label) = self.items[to];
            return Some(Reference { before: way.before, to: format!("{}.{label}.{}", item.type_name, way.to.1) });
        }
        None
    }

    fn reaches(&self, from: usize, to: usize) -> bool {
        let mut open = vec![from];
        let mut seen = BTreeSet::new();
        while let Some(here) = open.pop() {
            if here == to {
                return true;
            }
            if seen.insert(here) {
                open.extend(self.edges.range((here, 0)..=(here, usize::MAX)).map(|(_, next)| *next));
            }
        }
        false
    }
}

/// Whether a type is meant: by its whole name, or by its beginning where that ends with `_`.
fn is_of(name: &str, meant: &str) -> bool {
    meant.is_empty() || name == meant || (meant.ends_with('_') && name.starts_with(meant))
}

/// A text or a number as a text.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.to_string()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Leaves out the pools that a file system or an erasure coded pool consists of: they are managed by that.
pub(super) fn drop_parts(all: &mut Found) {
    let wholes = all.iter().filter(|(_, item)| ["ceph_filesystem", "ceph_erasure_pool"].contains(&short(item)));
    let parts: BTreeSet<String> = wholes
        .flat_map(|(_, item)| ["data_pool", "metadata_pool"].map(|part| item.state.get(part).and_then(plain)))
        .flatten()
        .collect();
    all.retain(|(_, item)| short(item) != "ceph_pool" || !parts.contains(&item.id));
}

#[cfg(test)]
mod tests {
    use super::super::names::{item, labels};
    use super::*;

    fn found(items: &[Item], from: usize, attribute: &str, value: Value) -> Option<String> {
        let labels = labels(items.iter());
        let mut all = References::among(items.iter().zip(labels.iter().map(String::as_str)));
        all.find(from, attribute, &value).map(|reference| reference.written())
    }

    #[test]
    fn what_names_another_refers_to_it() {
        let items = [
            item("pve_vm", "101", &[("vmid", 101.into()), ("name", "web".into())]),
            item("pve_ha_resource", "vm:101", &[("sid", "vm:101".into())]),
            item("pve_storage_nfs", "iso", &[("storage", "iso".into())]),
            item("pve_pool_member", "a/101", &[("poolid", "a".into()), ("member", "101".into())]),
        ];
        assert_eq!(found(&items, 1, "sid", "vm:101".into()).unwrap(), "\"vm:${pve_vm.web.vmid}\"");
        assert_eq!(found(&items, 3, "member", "101".into()).unwrap(), "pve_vm.web.vmid");
        assert_eq!(found(&items, 0, "storage", "iso".into()).unwrap(), "pve_storage_nfs.iso.storage");
        assert_eq!(found(&items, 2, "storage", "iso".into()), None, "that is its own name");
        assert_eq!(found(&items, 1, "sid", "vm:102".into()), None);
        assert_eq!(found(&items, 3, "poolid", "a".into()), None, "there is no such pool");
    }

    #[test]
    fn nobody_refers_in_circles() {
        let items = [
            item("pve_ceph_crush_bucket", "a", &[("name", "a".into()), ("parent", "b".into())]),
            item("pve_ceph_crush_bucket", "b", &[("name", "b".into()), ("parent", "a".into())]),
        ];
        let mut all = References::among(items.iter().zip(["a", "b"]));
        assert!(all.find(0, "parent", &"b".into()).is_some());
        assert_eq!(all.find(1, "parent", &"a".into()), None);
    }
}
