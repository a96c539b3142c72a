//! The plan in words, by what a reviewer looks for first.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use terraform_plugin::Size;

use super::copies::Layout;
use super::plan::{Action, Entry, Plan, device_name, text};
use crate::ground::meter;
use crate::vm::disk_move::kib_per_second;

/// What a disk is copied with if nothing is told: a slow line between homes, and a local network.
const RATES: [(&str, u64); 2] = [("5 MiB/s", 5 << 20), ("100 MiB/s", 100 << 20)];

/// One heading, and a line for each thing.
pub struct Section {
    pub title: &'static str,
    pub lines: Vec<String>,
}

impl Section {
    pub fn as_text(&self) -> String {
        let lines: String = self.lines.iter().map(|line| format!("  {line}\n")).collect();
        format!("{}\n{lines}", self.title)
    }

    pub fn as_markdown(&self) -> String {
        // What stands for nothing else in Markdown than itself: names are no emphasis and no HTML.
        let plain = |line: &str| {
            let special = |c: char| matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#');
            line.chars().flat_map(|c| special(c).then_some('\\').into_iter().chain([c])).collect::<String>()
        };
        let lines: String = self.lines.iter().map(|line| format!("- {}\n", plain(line))).collect();
        format!("### {}\n\n{lines}", self.title)
    }
}

/// Everything that is told; what there is nothing of has no heading.
pub fn sections(plan: &Plan<'_>) -> Vec<Section> {
    let sections = [
        Section { title: "Plan", lines: vec![counted(plan)] },
        Section { title: "Destroyed", lines: destroyed(plan) },
        Section { title: "Erased or taken on disks", lines: disks(plan) },
        Section { title: "Moved data", lines: moved(plan) },
        Section { title: "Replaced", lines: by_action(plan, Action::Replace) },
        Section { title: "Changed", lines: by_action(plan, Action::Update) },
        Section { title: "Made", lines: made(plan) },
        Section { title: "Actions", lines: acted(plan) },
        Section { title: "Taken over", lines: taken_over(plan) },
        Section { title: "Hosts that may die, as far as this configuration tells", lines: hosts(plan) },
        Section { title: "Privileges of the job that applies it", lines: privileges(plan) },
    ];
    sections.into_iter().filter(|section| !section.lines.is_empty()).collect()
}

fn counted(plan: &Plan<'_>) -> String {
    let count = |is: &dyn Fn(&Entry<'_>) -> bool| plan.entries.iter().filter(|entry| is(entry)).count();
    let of = |action: Action| count(&|entry| entry.action == action);
    let parts = [
        (of(Action::Create), "to make"),
        (of(Action::Update), "to change"),
        (of(Action::Replace), "to replace"),
        (of(Action::Destroy), "to destroy"),
        (of(Action::Forget), "to forget"),
        (count(&|entry| entry.imported), "to take over"),
        (count(&|entry| entry.from.is_some()), "moved in the configuration"),
    ];
    let told: Vec<String> = parts.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if told.is_empty() && !plan.acts.is_empty() {
        return "Nothing changes but by actions.".to_owned();
    }
    if told.is_empty() { "Nothing changes.".to_owned() } else { format!("{}.", told.join(", ")) }
}

/// What goes, and what goes with it.
fn destroyed(plan: &Plan<'_>) -> Vec<String> {
    let gone = plan.entries.iter().filter(|entry| entry.action == Action::Destroy);
    let mut lines: Vec<String> = gone.map(|entry| format!("{}{}", entry.address, loss(entry))).collect();
    let forgotten = plan.entries.iter().filter(|entry| entry.action == Action::Forget);
    lines.extend(forgotten.map(|entry| format!("{}: forgotten by Terraform, left as it is", entry.address)));
    lines
}

/// What an object's end means.
fn loss(entry: &Entry<'_>) -> String {
    let of = |name: &str| {
        let shown = text(&entry.before[name]).filter(|_| !entry.is_hidden(name));
        shown.unwrap_or_else(|| "(not shown)".to_owned())
    };
    match entry.kind {
        "pve_ceph_osd" if entry.before["force"] == true => {
            format!(": the OSD on {} goes at once (force), without waiting for its data to be elsewhere", of("node"))
        }
        "pve_ceph_osd" => format!(": Ceph moves its data elsewhere first, then the OSD on {} goes", of("node")),
        "pve_ceph_pool" | "pve_ceph_erasure_pool" => format!(": the pool {} and everything in it", of("name")),
        "pve_ceph_filesystem" => format!(": the file system {} and everything in it", of("name")),
        "pve_vm" => {
            let disks = entry.before["disks"].as_object().map_or(0, serde_json::Map::len);
            format!(": vm:{} and its {disks} disks", entry.text("vmid").unwrap_or_default())
        }
        "pve_disk_partition" => format!(": the partition {} of the disk {} of {}", of("label"), of("disk"), of("node")),
        "pve_vm_disk_move" => ": the disk stays where it is".to_owned(),
        "pve_acme_account" => format!(": the account {} is deactivated at its authority, for good", of("name")),
        "pve_cluster_member" => {
            format!(": {} leaves the cluster, and has to be installed anew before it joins another", of("node"))
        }
        kind if kind.starts_with("pve_storage_") => ": PVE knows the storage no more; what lies on it stays".to_owned(),
        _ => String::new(),
    }
}

/// Disks that become something else.
fn disks(plan: &Plan<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in &plan.entries {
        let begins = matches!(entry.action, Action::Create | Action::Replace);
        let node = entry.text("node").unwrap_or_else(|| "?".to_owned());
        match entry.kind {
            "pve_ceph_osd" if begins => {
                let may: BTreeSet<&str> =
                    entry.after["wipe_if"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
                let erased = if entry.is_unknown("wipe_if") {
                    "what of it may be ERASED is known after the apply".to_owned()
                } else if may.is_empty() {
                    "nothing on it is erased: whatever it holds stops the apply".to_owned()
                } else {
                    let may = may.into_iter().collect::<Vec<_>>().join(", ");
                    format!("what it holds is ERASED if PVE calls it {may}; anything else stops the apply")
                };
                lines.push(format!(
                    "{}: {} of {node} becomes an OSD; {erased}",
                    entry.address,
                    disk(&entry.after["device"])
                ));
                for (name, holds) in [("db_device", "its database"), ("wal_device", "its log")] {
                    if entry.after[name].is_object() {
                        lines.push(format!("{}: {} of {node} takes {holds}", entry.address, disk(&entry.after[name])));
                    }
                }
            }
            "pve_disk_partition" if begins => {
                let (label, size) = (entry.text("label").unwrap_or_default(), entry.text("size").unwrap_or_default());
                let on = entry.text("disk").unwrap_or_else(|| "?".to_owned());
                lines.push(format!(
                    "{}: a partition {label} of {size} in free space of the disk {on} of {node}",
                    entry.address
                ));
            }
            "pve_ceph_osd" if entry.action == Action::Destroy => {
                lines.push(format!(
                    "{}: {} of {node} is ERASED after it",
                    entry.address,
                    disk(&entry.before["device"])
                ));
            }
            _ => {}
        }
    }
    for act in plan.acts.iter().filter(|act| act.erases()) {
        let of = |name: &str| text(&act.config[name]).unwrap_or_else(|| "(known after the apply)".to_owned());
        let part = text(&act.config["partition"]).map_or_else(String::new, |part| format!("partition {part} of "));
        lines.push(format!("{}: {part}the disk {} of {} is ERASED", act.address, of("serial"), of("node")));
    }
    lines
}

/// A device as its configuration names it.
fn disk(device: &Json) -> String {
    let named = device_name(device);
    let part = device["partition"].as_u64().map_or_else(String::new, |part| format!("partition {part} of "));
    format!("{part}the disk {}", named.unwrap_or("that is known after the apply"))
}

/// Disks of machines that are copied from one storage to another.
fn moved(plan: &Plan<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    for entry in plan.entries.iter().filter(|entry| entry.moves_data()) {
        let vm = entry.text("vmid").unwrap_or_else(|| "?".to_owned());
        if entry.kind == "pve_vm" {
            for (name, from, to) in entry.moved_disks() {
                let took = time(size_of(plan, &vm, name), None);
                lines.push(format!("{}: {name} of vm:{vm} goes from {from} to {to}{took}", entry.address));
            }
            continue;
        }
        let (name, to) = (entry.text("disk").unwrap_or_default(), entry.text("storage"));
        let to = to.unwrap_or_else(|| "a storage that is known after the apply".to_owned());
        let took = time(size_of(plan, &vm, &name), entry.after["bandwidth_limit"].as_str());
        let source =
            if entry.after["delete_source"] == true { "the source goes" } else { "the source stays as unusedN" };
        lines.push(format!("{}: {name} of vm:{vm} goes to {to}{took}; {source}", entry.address));
    }
    lines
}

/// The size of a machine's disk, where this configuration has the machine.
fn size_of(plan: &Plan<'_>, vm: &str, disk: &str) -> Option<Size> {
    let machines = plan.after.iter().chain(&plan.before).filter(|(kind, _)| *kind == "pve_vm");
    let mut sizes = machines.filter(|(_, values)| text(&values["vmid"]).as_deref() == Some(vm));
    sizes.find_map(|(_, values)| values["disks"][disk]["size"].as_str()?.parse().ok())
}

/// How much it is, and about how long that takes.
fn time(size: Option<Size>, limit: Option<&str>) -> String {
    let Some(size) = size else { return String::new() };
    let takes = |rate: u64| meter::left(size.bytes() as f64 / rate as f64);
    match limit.map(|limit| (limit, kib_per_second(limit))) {
        Some((limit, Ok(kib))) => format!(" ({size}: at least {} at {limit})", takes(kib * 1024)),
        _ => {
            let told: Vec<String> = RATES.iter().map(|(name, rate)| format!("{} at {name}", takes(*rate))).collect();
            format!(" ({size}: {})", told.join(", "))
        }
    }
}

/// Objects that change, with the names of what changes in them and, where that may be shown, from what to what.
fn by_action(plan: &Plan<'_>, action: Action) -> Vec<String> {
    let concerned = plan.entries.iter().filter(|entry| entry.action == action);
    let told = concerned.map(|entry| {
        let changes = changes(entry);
        let changes = if changes.is_empty() { "its state alone".to_owned() } else { changes.join(", ") };
        let loss = if action == Action::Replace { loss(entry) } else { String::new() };
        format!("{}: {changes}{loss}", entry.address)
    });
    told.collect()
}

fn changes(entry: &Entry<'_>) -> Vec<String> {
    let (Some(before), Some(after)) = (entry.before.as_object(), entry.after.as_object()) else { return Vec::new() };
    let names: BTreeSet<&String> =
        before.keys().chain(after.keys()).chain(entry.unknown.as_object().into_iter().flat_map(|o| o.keys())).collect();
    let changed = names.into_iter().filter_map(|name| {
        if entry.is_unknown(name) {
            // Computed ones are of no interest to whoever reviews.
            return (!before.contains_key(name) || before[name].is_null())
                .then(|| format!("{name} (known after the apply)"));
        }
        let (was, is) = (&entry.before[name], &entry.after[name]);
        if was == is {
            return None;
        }
        if entry.is_hidden(name) {
            return Some(format!("{name} (not shown)"));
        }
        let scalar = |value: &Json| if value.is_null() { Some("unset".to_owned()) } else { text(value) };
        match (scalar(was), scalar(is)) {
            (Some(was), Some(is)) if was.len() + is.len() < 80 => Some(format!("{name} {was} -> {is}")),
            _ => Some(name.clone()),
        }
    });
    changed.collect()
}

/// New objects, those of a kind together.
fn made(plan: &Plan<'_>) -> Vec<String> {
    let made: Vec<&Entry<'_>> = plan.entries.iter().filter(|entry| entry.action == Action::Create).collect();
    let kinds: BTreeSet<&str> = made.iter().map(|entry| entry.kind).collect();
    let told = kinds.into_iter().map(|kind| {
        let of: Vec<&str> = made.iter().filter(|entry| entry.kind == kind).map(|entry| entry.address).collect();
        format!("{} {kind}: {}", of.len(), of.join(", "))
    });
    told.collect()
}

fn acted(plan: &Plan<'_>) -> Vec<String> {
    plan.acts.iter().map(|act| format!("{} ({})", act.address, act.kind)).collect()
}

fn taken_over(plan: &Plan<'_>) -> Vec<String> {
    let told = plan.entries.iter().filter_map(|entry| match (entry.imported, entry.from) {
        (true, _) => Some(format!("{}: what exists becomes part of the state", entry.address)),
        (false, Some(from)) => Some(format!("{}: was {from}", entry.address)),
        (false, None) => None,
    });
    told.collect()
}

/// What each pool bears, before and after.
fn hosts(plan: &Plan<'_>) -> Vec<String> {
    let (before, after) = (Layout::of(&plan.before), Layout::of(&plan.after));
    let names: BTreeSet<&str> = before.pools.iter().chain(&after.pools).map(|pool| pool.name.as_str()).collect();
    let tell = |layout: &Layout, name: &str| match layout.pools.iter().find(|pool| pool.name == name) {
        None => "not there".to_owned(),
        Some(pool) => layout.bears(pool).map_or_else(
            || "not told by this configuration".to_owned(),
            |bears| format!("{bears} ({}/{})", pool.size, pool.min_size),
        ),
    };
    let told = names.into_iter().map(|name| {
        let (was, is) = (tell(&before, name), tell(&after, name));
        if was == is {
            format!("pool {name}, as before: {is}")
        } else {
            format!("pool {name}: before: {was}; after: {is}")
        }
    });
    told.collect()
}

fn privileges(plan: &Plan<'_>) -> Vec<String> {
    let paths = plan.needed.by_path.iter();
    let mut lines: Vec<String> = paths
        .map(|(path, all)| format!("{path}: {}", all.iter().map(String::as_str).collect::<Vec<_>>().join(", ")))
        .collect();
    if !plan.needed.root.is_empty() {
        let kinds = plan.needed.root.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        lines.push(format!("root@pam with its password, or ssh, for {kinds}: no token is enough"));
    }
    lines
}
