//! What status answers show of a container.

use serde_json::{Value, json};

use super::{power, volumes};
use crate::cluster::guests::{Guest, size};
use crate::kernel::clock::Time;

/// Seconds after which a container has its addresses by DHCP.
const LEASE: u64 = 5;

impl Guest {
    /// The figures of the list of a node's containers. Who has no limit of cores has those of the node.
    pub(in crate::cluster) fn container_figures(&self, vmid: u32, now: Time) -> Value {
        let number = |key: &str| self.config.get(key).and_then(|text| text.parse::<u64>().ok());
        let root = volumes::of(&self.config).find(|(key, _)| key == "rootfs");
        let root = root.and_then(|(_, mount)| size::parse(mount.options.get("size")?)).unwrap_or_default();
        let mut figures = json!({
            "vmid": vmid,
            "type": "lxc",
            "name": self.name(vmid),
            "status": if self.is_running() { "running" } else { "stopped" },
            "cpu": 0, "mem": 0, "swap": 0, "disk": 0, "netin": 0, "netout": 0, "diskread": 0, "diskwrite": 0, "uptime": 0,
            "maxdisk": root,
            "maxmem": number("memory").unwrap_or(512) << 20,
            "maxswap": number("swap").unwrap_or(0) << 20,
        });
        if let Some(cores) = number("cores") {
            figures["cpus"] = json!(cores);
        }
        if let Some(process) = &self.running {
            figures["pid"] = json!(process.pid);
            figures["uptime"] = json!(now.since(process.since).as_secs());
            figures["mem"] = json!(process.memory / 4);
            figures["disk"] = json!(root / 10);
        }
        for key in ["lock", "tags"] {
            if let Some(text) = self.config.get(key) {
                figures[key] = json!(text);
            }
        }
        if self.config.get("template") == Some("1") {
            figures["template"] = json!(1);
        }
        figures
    }

    /// What `interfaces` answers: nothing for one that does not run, addresses by DHCP after some seconds.
    pub fn interfaces(&self, vmid: u32, now: Time) -> Value {
        let Some(process) = &self.running else { return Value::Null };
        let leased = now.since(process.since).as_secs() >= LEASE;
        let address = |kind: &str, text: &str| {
            let (address, prefix) = text.split_once('/').unwrap_or((text, "128"));
            json!({ "ip-address-type": kind, "ip-address": address, "prefix": prefix.parse::<u32>().unwrap_or(128) })
        };
        let one = |name: &str, mac: &str, addresses: Vec<Value>| {
            let mut entry = json!({
                "name": name, "hardware-address": mac, "hwaddr": mac, "ip-addresses": addresses,
            });
            for address in &addresses {
                let kind = address["ip-address-type"].as_str().unwrap_or_default();
                entry[kind] =
                    json!(format!("{}/{}", address["ip-address"].as_str().unwrap_or_default(), address["prefix"]));
            }
            entry
        };
        let lo = one("lo", "00:00:00:00:00:00", vec![address("inet", "127.0.0.1/8"), address("inet6", "::1/128")]);
        let nets = power::nets(&self.config).enumerate().map(|(n, (_, net))| {
            let mut addresses = Vec::new();
            match net.get("ip").map(String::as_str) {
                Some("dhcp") if leased => {
                    addresses
                        .push(address("inet", &format!("198.51.100.{}/24", (u64::from(vmid) + n as u64) % 250 + 2)));
                }
                Some("dhcp" | "manual") | None => {}
                Some(text) => addresses.push(address("inet", text)),
            }
            match net.get("ip6").map(String::as_str) {
                Some("dhcp" | "auto" | "manual") | None => {}
                Some(text) => addresses.push(address("inet6", text)),
            }
            let mac = net.get("hwaddr").map(|mac| mac.to_lowercase()).unwrap_or_default();
            one(net.get("name").map_or("eth0", String::as_str), &mac, addresses)
        });
        std::iter::once(lo).chain(nets).collect()
    }
}
