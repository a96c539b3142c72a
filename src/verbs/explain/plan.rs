//! What a plan holds, out of the JSON of `terraform show`.

use serde_json::Value as Json;

use super::Gate;
use crate::ground::privileges::{self, Needed};

/// A plan.
pub struct Plan<'a> {
    pub entries: Vec<Entry<'a>>,
    pub acts: Vec<Act<'a>>,
    /// What the job that applies it needs.
    pub needed: Needed,
    /// All resources of ours, before and after.
    pub before: Vec<(&'a str, &'a Json)>,
    pub after: Vec<(&'a str, &'a Json)>,
}

/// An action that is invoked.
pub struct Act<'a> {
    pub address: &'a str,
    pub kind: &'a str,
    pub config: &'a Json,
}

/// What is done to one object.
pub struct Entry<'a> {
    pub address: &'a str,
    /// Where it stood in the configuration, if it was moved.
    pub from: Option<&'a str>,
    pub kind: &'a str,
    pub action: Action,
    /// It is taken over.
    pub imported: bool,
    pub before: &'a Json,
    pub after: &'a Json,
    /// Attributes that are known after the apply only.
    pub unknown: &'a Json,
    /// What is not shown.
    pub hidden: [&'a Json; 2],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    Nothing,
    Create,
    Update,
    Replace,
    Destroy,
    Forget,
}

impl<'a> Plan<'a> {
    /// Only what is of this provider: other providers' resources are theirs to explain.
    pub fn read(plan: &'a Json, docs: &Json) -> Self {
        let changes = plan["resource_changes"].as_array().into_iter().flatten();
        let ours =
            changes.filter(|change| change["mode"] == "managed" && docs["resources"].get(kind(change)).is_some());
        let entries: Vec<Entry<'_>> = ours.filter_map(Entry::read).collect();
        let done = |entry: &&Entry<'_>| !matches!(entry.action, Action::Nothing | Action::Forget);
        let invoked = plan["action_invocations"].as_array().into_iter().flatten();
        let acts: Vec<Act<'_>> =
            invoked.filter_map(Act::read).filter(|act| docs["actions"].get(act.kind).is_some()).collect();
        let needed =
            entries.iter().filter(done).map(|entry| ("resources", entry.kind, vec![entry.after, entry.before]));
        let needed = needed.chain(acts.iter().map(|act| ("actions", act.kind, vec![act.config])));
        Self {
            needed: privileges::to_apply(docs, needed),
            before: resources(&plan["prior_state"]["values"]["root_module"]),
            after: resources(&plan["planned_values"]["root_module"]),
            entries,
            acts,
        }
    }

    /// What trips a gate: addresses, or what needs the login of root@pam.
    pub fn trips(&self, gate: Gate) -> Vec<&str> {
        if gate == Gate::Root {
            return self.needed.root.iter().map(String::as_str).collect();
        }
        let trips = |entry: &&Entry<'_>| match gate {
            Gate::Destroy => matches!(entry.action, Action::Destroy | Action::Replace),
            Gate::Replace => entry.action == Action::Replace,
            Gate::Erase => entry.erases(),
            Gate::Move => entry.moves_data(),
            Gate::Root => false,
        };
        let acts = self.acts.iter().filter(|act| gate == Gate::Erase && act.erases()).map(|act| act.address);
        self.entries.iter().filter(trips).map(|entry| entry.address).chain(acts).collect()
    }
}

impl<'a> Act<'a> {
    fn read(invoked: &'a Json) -> Option<Self> {
        let (address, kind) = (invoked["address"].as_str()?, invoked["type"].as_str()?);
        Some(Self { address, kind, config: &invoked["config_values"] })
    }

    pub fn erases(&self) -> bool {
        self.kind == "pve_disk_wipe"
    }
}

impl<'a> Entry<'a> {
    fn read(change: &'a Json) -> Option<Self> {
        let what = &change["change"];
        let actions: Vec<&str> = what["actions"].as_array()?.iter().filter_map(Json::as_str).collect();
        let action = match actions.as_slice() {
            ["create"] => Action::Create,
            ["update"] => Action::Update,
            ["delete"] => Action::Destroy,
            ["delete", "create"] | ["create", "delete"] => Action::Replace,
            ["forget"] => Action::Forget,
            // A new one is made, and the old one left to itself.
            ["create", "forget"] | ["forget", "create"] => Action::Create,
            _ => Action::Nothing,
        };
        Some(Self {
            address: change["address"].as_str()?,
            from: change["previous_address"].as_str(),
            kind: kind(change),
            action,
            imported: what["importing"].is_object(),
            before: &what["before"],
            after: &what["after"],
            unknown: &what["after_unknown"],
            hidden: [&what["before_sensitive"], &what["after_sensitive"]],
        })
    }

    /// A text or number of it, as it will be or else as it was.
    pub fn text(&self, name: &str) -> Option<String> {
        if self.is_hidden(name) {
            return Some("(not shown)".to_owned());
        }
        text(&self.after[name]).or_else(|| text(&self.before[name]))
    }

    /// Whether somebody has marked it, or part of it, as sensitive.
    pub fn is_hidden(&self, name: &str) -> bool {
        self.hidden.iter().any(|hidden| **hidden == true || marks(&hidden[name]))
    }

    /// Whether something of it is gone from the disks afterwards, or may be.
    pub fn erases(&self) -> bool {
        let ends = matches!(self.action, Action::Destroy | Action::Replace);
        let begins = matches!(self.action, Action::Create | Action::Replace);
        let holds_data = matches!(
            self.kind,
            "pve_ceph_osd"
                | "pve_ceph_pool"
                | "pve_ceph_erasure_pool"
                | "pve_ceph_filesystem"
                | "pve_vm"
                | "pve_disk_partition"
        );
        let may_erase =
            self.after["wipe_if"].as_array().is_some_and(|may| !may.is_empty()) || self.is_unknown("wipe_if");
        ends && holds_data || begins && self.kind == "pve_ceph_osd" && may_erase
    }

    /// Whether an attribute is known after the apply only, or part of it.
    pub fn is_unknown(&self, name: &str) -> bool {
        marks(&self.unknown[name])
    }

    /// Whether a disk is copied from one storage to another.
    pub fn moves_data(&self) -> bool {
        match self.kind {
            "pve_vm_disk_move" => {
                let another = self.before["storage"] != self.after["storage"];
                self.action == Action::Create
                    || self.action == Action::Replace
                    || self.action == Action::Update && another
            }
            "pve_vm" => self.action == Action::Update && !self.moved_disks().is_empty(),
            _ => false,
        }
    }

    /// Disks of a machine whose storage changes: interface, from, to. Of one that is not known yet nobody can say that it stays.
    pub fn moved_disks(&self) -> Vec<(&'a str, &'a str, &'a str)> {
        let unknown = &self.unknown["disks"];
        let before = self.before["disks"].as_object().into_iter().flatten();
        let moved = before.filter_map(|(disk, was)| {
            let from = was["storage"].as_str()?;
            let to = match self.after["disks"][disk]["storage"].as_str() {
                Some(to) => to,
                None if *unknown == true || marks(&unknown[disk]["storage"]) => {
                    "a storage that is known after the apply"
                }
                None => return None,
            };
            (from != to).then_some((disk.as_str(), from, to))
        });
        moved.collect()
    }
}

/// `true`, or an object or list that has one in it: how Terraform marks what is unknown, and what is not shown.
pub fn marks(mark: &Json) -> bool {
    match mark {
        Json::Bool(marked) => *marked,
        Json::Array(parts) => parts.iter().any(marks),
        Json::Object(parts) => parts.values().any(marks),
        _ => false,
    }
}

/// A scalar as text, in one line.
pub fn text(value: &Json) -> Option<String> {
    match value {
        // A note must not look like lines of ours.
        Json::String(text) => Some(text.replace(char::is_control, " ")),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        _ => None,
    }
}

/// What a configuration calls a disk.
pub fn device_name(device: &Json) -> Option<&str> {
    ["serial", "by_id", "path"].iter().find_map(|by| device[*by].as_str())
}

fn kind(change: &Json) -> &str {
    change["type"].as_str().unwrap_or_default()
}

/// Type and values of the resources of a module and those below it.
fn resources(module: &Json) -> Vec<(&str, &Json)> {
    privileges::of_module(module, "managed").into_iter().map(|object| (kind(object), &object["values"])).collect()
}
