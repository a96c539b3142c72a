//! What objects are called in a configuration.

#[cfg(test)]
use std::collections::BTreeMap;
use std::collections::BTreeSet;

use terraform_plugin::Item;
use terraform_plugin::value::Value;

use super::short;

/// A name for each, unique among those of its type.
pub(super) fn labels<'a>(items: impl Iterator<Item = &'a Item>) -> Vec<String> {
    let mut taken = BTreeSet::new();
    items
        .map(|item| {
            let plain = label(item);
            // The id is unique; whatever was made alike of it is counted. Variables have no `-`, and are to be unique too.
            let counted = (2..).map(|times| format!("{plain}_{times}"));
            let mut names = std::iter::once(plain.clone()).chain(counted);
            let free = names.find(|name| taken.insert((item.type_name.clone(), name.replace('-', "_"))));
            free.unwrap_or(plain)
        })
        .collect()
}

/// The name of a machine, or else the id, in letters that Terraform takes.
fn label(item: &Item) -> String {
    let name = item.state.get("name").and_then(Value::as_str).filter(|_| item.type_name == "pve_vm");
    let text = name.unwrap_or(&item.id).trim_matches('/');
    let plain: String = text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let plain = plain.trim_matches('_');
    match plain.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => plain.to_owned(),
        // What begins with a digit is no name; the word says what it is the number of.
        Some(_) => format!("{}_{plain}", short(item).rsplit('_').next().unwrap_or_default()),
        None => "root".to_owned(),
    }
}

#[cfg(test)]
pub(super) fn item(type_name: &str, id: &str, state: &[(&str, Value)]) -> Item {
    let state: BTreeMap<String, Value> =
        state.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Item {
        type_name: type_name.to_owned(),
        id: id.to_owned(),
        title: id.to_owned(),
        config: state.clone().into_iter().collect(),
        state,
        untold: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_such_as_terraform_takes_and_unique() {
        let items = [
            item("pve_vm", "101", &[("name", "web.example".into())]),
            item("pve_vm", "102", &[("name", "web-example".into())]),
            item("pve_vm", "103", &[("name", "web_example".into())]),
            item("pve_vm", "104", &[]),
            item("pve_ceph_osd", "3", &[]),
            item("pve_acl", "//Administrator/@admins", &[]),
            item("pve_ceph_pool", ".mgr", &[]),
            item("pve_acl", "/", &[]),
        ];
        let expected = [
            "web_example",
            "web-example_2",
            "web_example_3",
            "vm_104",
            "osd_3",
            "Administrator__admins",
            "mgr",
            "root",
        ];
        assert_eq!(labels(items.iter()), expected);
    }
}
