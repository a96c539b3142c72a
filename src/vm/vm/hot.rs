//! Which changes a running VM takes at once, and which wait for its next start.

use std::collections::BTreeMap;

use pve_client::api::params::Params;
use pve_client::api::qemu::config::Config;
use pve_client::api::qemu::drive::{Bus, Drive, DriveKey};
use pve_client::property_string::PropertyString;
use pve_client::wire::split_list;

/// What PVE never keeps waiting.
const AT_ONCE: [&str; 24] = [
    "cicustom",
    "cipassword",
    "citype",
    "ciupgrade",
    "ciuser",
    "cpulimit",
    "cpuunits",
    "description",
    "digest",
    "force",
    "hookscript",
    "migrate_downtime",
    "migrate_speed",
    "name",
    "nameserver",
    "onboot",
    "protection",
    "revert",
    "searchdomain",
    "shares",
    "sshkeys",
    "startup",
    "tags",
    "vmstatestorage",
];

/// What a running process keeps of a disk until its end.
const COLD: [&str; 9] = ["aio", "cache", "discard", "iothread", "product", "queues", "ro", "ssd", "vendor"];

/// What of a network card is changed without plugging.
const OF_CARDS: [&str; 6] = ["bridge", "firewall", "link_down", "rate", "tag", "trunks"];

/// The names of the parameters that a running VM keeps waiting.
pub fn waiting(params: &Params, live: &Config) -> Vec<String> {
    params.names().filter(|name| waits(name, params.get(name), live)).map(str::to_owned).collect()
}

fn waits(name: &str, value: Option<&str>, live: &Config) -> bool {
    let is = live.settings.get(name).map(String::as_str);
    if AT_ONCE.contains(&name) || numbered(name, "ipconfig") || numbered(name, "unused") {
        return false;
    }
    let plugs = |what: &str| match live.settings.get("hotplug").map(String::as_str) {
        None | Some("1") => ["network", "disk", "usb"].contains(&what),
        Some(list) => split_list(list).iter().any(|plug| plug == what),
    };
    if let Ok(key) = name.parse::<DriveKey>() {
        return drive_waits(key, value, is, plugs("disk"));
    }
    if numbered(name, "net") {
        let plugless = match (value, is) {
            (Some(value), Some(is)) => differing(value, is).iter().all(|part| OF_CARDS.contains(&part.as_str())),
            _ => false,
        };
        return !plugless && !plugs("network");
    }
    match name {
        "tablet" => !plugs("usb"),
        "vcpus" => !plugs("cpu"),
        "memory" => !plugs("memory") || live.settings.get("numa").is_none_or(|numa| numa != "1"),
        // A balloon is there or not from the start on.
        "balloon" => (value == Some("0")) != (is == Some("0")),
        "hotplug" => [value, is].into_iter().flatten().any(|list| list.contains("memory") || list.contains("cpu")),
        "agent" => match (value, is) {
            (Some(value), Some(is)) => differing(value, is).iter().any(|part| part != "fstrim_cloned_disks"),
            _ => true,
        },
        _ if numbered(name, "usb") => !plugs("usb"),
        _ => true,
    }
}

fn drive_waits(key: DriveKey, value: Option<&str>, is: Option<&str>, plugs: bool) -> bool {
    let hot = plugs && matches!(key.bus, Bus::Scsi | Bus::Virtio);
    let (Some(value), Some(is)) = (value, is) else { return !hot };
    match (value.parse::<Drive>(), is.parse::<Drive>()) {
        (Ok(value), Ok(is)) if value.is_cdrom() && is.is_cdrom() => false,
        (Ok(new), Ok(old)) if new.volume == old.volume => {
            differing(value, is).iter().any(|part| COLD.contains(&part.as_str()))
        }
        _ => !hot,
    }
}

fn numbered(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix).is_some_and(|number| number.parse::<u16>().is_ok())
}

/// The parts in which two property strings differ; that without a name is called by nothing.
fn differing(a: &str, b: &str) -> Vec<String> {
    let parts = |text: &str| -> BTreeMap<String, String> {
        let Ok(mut string) = text.parse::<PropertyString>() else {
            return BTreeMap::from([(text.to_owned(), String::new())]);
        };
        let bare = string.take_default();
        let mut parts = string.into_items();
        parts.extend(bare.map(|bare| (String::new(), bare)));
        parts
    };
    let (a, b) = (parts(a), parts(b));
    let keys: std::collections::BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    keys.into_iter().filter(|key| a.get(*key) != b.get(*key)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(params: Params, live: &[(&str, &str)]) -> Vec<String> {
        waiting(&params, &Config::read(live.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()))
    }

    #[test]
    fn what_waits_is_what_pve_keeps_waiting() {
        let params =
            || Params::new().set("memory", 2048).set("tags", "a").set("cores", 2).set("cpulimit", 1).remove("vga");
        assert_eq!(kept(params(), &[]), ["cores", "memory", "vga"]);
        assert_eq!(kept(params(), &[("hotplug", "memory"), ("numa", "1")]), ["cores", "vga"]);
        assert_eq!(kept(Params::new().set("scsi1", "a:1").set("sata1", "a:1"), &[]), ["sata1"]);
        assert_eq!(kept(Params::new().set("scsi1", "a:1"), &[("hotplug", "0")]), ["scsi1"]);
        let live =
            [("scsi0", "a:x,size=1G"), ("ide2", "none,media=cdrom"), ("net0", "virtio=AA,bridge=a"), ("hotplug", "0")];
        let live_changes = Params::new().set("scsi0", "a:x,backup=0,size=1G").set("ide2", "b:iso/x,media=cdrom");
        assert_eq!(kept(live_changes.set("net0", "virtio=AA,bridge=b,tag=4"), &live), [""; 0]);
        let cold = Params::new().set("scsi0", "a:x,cache=none,size=1G").set("net0", "e1000=AA,bridge=a").remove("ide2");
        assert_eq!(kept(cold, &live), ["ide2", "net0", "scsi0"]);
        assert_eq!(kept(Params::new().set("balloon", 0), &[]), ["balloon"]);
        assert_eq!(
            kept(Params::new().set("balloon", 512).set("agent", "1,fstrim_cloned_disks=1"), &[("agent", "1")]),
            [""; 0]
        );
    }
}
