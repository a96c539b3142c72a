//! Which changes a running guest takes at once.

use std::collections::BTreeMap;

use super::Config;
use super::drive::DriveKey;

/// Options that a running guest takes at once, whatever is in them.
const LIVE: [&str; 24] = [
    "name",
    "description",
    "onboot",
    "startup",
    "protection",
    "tags",
    "shares",
    "hookscript",
    "lock",
    "migrate_downtime",
    "migrate_speed",
    "vmstatestorage",
    "ciuser",
    "cipassword",
    "citype",
    "cicustom",
    "ciupgrade",
    "nameserver",
    "searchdomain",
    "sshkeys",
    "template",
    "autostart",
    "cpulimit",
    "cpuunits",
];

/// What is plugged in and out when nothing is said.
const USUAL: [&str; 3] = ["network", "disk", "usb"];

impl Config {
    /// Whether setting `key` to `value`, or taking it away, takes effect on a running guest.
    // Belief: all but disks and cards, which were recorded, from qemu-server's rules (pve-behaviour 3, 1.3 and 1.8).
    pub fn takes_live(&self, key: &str, value: Option<&str>) -> bool {
        let is = self.get(key);
        let list = self.get("hotplug").unwrap_or("1");
        let plugs = |what: &str| match list {
            "1" => USUAL.contains(&what),
            list => list.split([',', ';', ' ']).any(|feature| feature == what),
        };
        let numbered = |prefix: &str| key.strip_prefix(prefix).is_some_and(|n| n.parse::<u32>().is_ok());
        if LIVE.contains(&key) || numbered("ipconfig") || numbered("unused") {
            return true;
        }
        if let Some(drive) = DriveKey::parse(key) {
            return drive.hot_plugs() && plugs("disk");
        }
        match key {
            _ if numbered("net") => {
                let by_the_way = ["bridge", "tag", "trunks", "firewall", "rate", "link_down"];
                let rewired = value.zip(is).is_some_and(|(new, old)| {
                    let (new, old) = (parts(new), parts(old));
                    // A bridge that comes or goes is another card.
                    new.contains_key("bridge") == old.contains_key("bridge") && differ_only_in(&new, &old, &by_the_way)
                });
                rewired || plugs("network")
            }
            _ if numbered("usb") => plugs("usb"),
            "tablet" => plugs("usb"),
            "vcpus" => plugs("cpu"),
            "memory" => plugs("memory") && self.get("numa") == Some("1"),
            "balloon" => (value == Some("0")) == (is == Some("0")),
            "hotplug" => ![value, is].into_iter().flatten().any(|list| list.contains("memory") || list.contains("cpu")),
            "agent" => value
                .zip(is)
                .is_some_and(|(new, old)| differ_only_in(&parts(new), &parts(old), &["fstrim_cloned_disks"])),
            _ => false,
        }
    }
}

fn parts(text: &str) -> BTreeMap<&str, &str> {
    text.split(',').map(|part| part.split_once('=').unwrap_or(("", part))).collect()
}

fn differ_only_in(a: &BTreeMap<&str, &str>, b: &BTreeMap<&str, &str>, keys: &[&str]) -> bool {
    a.keys().chain(b.keys()).all(|key| keys.contains(key) || a.get(key) == b.get(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(values: &[(&str, &str)]) -> Config {
        let values = values.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Config { values, ..Config::default() }
    }

    #[test]
    fn hot_plugging_follows_the_bus_and_the_setting() {
        let c = config(&[]);
        assert!(c.takes_live("scsi1", None) && c.takes_live("net0", None) && !c.takes_live("ide0", None));
        assert!(!c.takes_live("cores", Some("2")) && c.takes_live("cpulimit", Some("1")));
        let none = config(&[("hotplug", "0"), ("net0", "virtio=A,bridge=x")]);
        assert!(!none.takes_live("scsi1", None) && !none.takes_live("net1", None));
        assert!(none.takes_live("net0", Some("virtio=A,bridge=y,tag=5")));
        assert!(!none.takes_live("net0", Some("e1000=A,bridge=x")) && !none.takes_live("net0", Some("virtio=A")));
    }

    #[test]
    fn memory_takes_numa_and_a_balloon_is_there_from_the_start() {
        assert!(!config(&[("hotplug", "memory")]).takes_live("memory", Some("2048")));
        assert!(config(&[("hotplug", "memory"), ("numa", "1")]).takes_live("memory", Some("2048")));
        assert!(config(&[]).takes_live("balloon", Some("512")) && !config(&[]).takes_live("balloon", Some("0")));
        let agent = config(&[("agent", "1")]);
        assert!(agent.takes_live("agent", Some("1,fstrim_cloned_disks=1")) && !agent.takes_live("agent", Some("0")));
    }
}
