//! What status answers show of a guest.

use serde_json::{Value, json};

use super::drive::DriveKey;
use super::{Config, Guest, size};
use crate::kernel::clock::Time;

/// Memory of a guest that does not say how much.
const MEMORY_MIB: u64 = 512;

impl Config {
    /// Bytes of memory. PVE writes `2048` or `current=2048`.
    pub fn memory(&self) -> u64 {
        let text = self.get("memory").unwrap_or_default();
        let mib = text.split(',').find_map(|part| part.trim_start_matches("current=").parse::<u64>().ok());
        mib.unwrap_or(MEMORY_MIB) << 20
    }

    /// Bytes of the first disk in the boot order.
    pub fn boot_disk(&self) -> u64 {
        let boot = self.get("boot").unwrap_or_default();
        let order = boot.split(',').find_map(|part| part.trim().strip_prefix("order=")).unwrap_or_default();
        let disks = order.split(';').filter_map(|device| self.drive(&DriveKey::parse(device)?));
        let disk = disks.filter(|drive| !drive.is_cdrom()).find_map(|drive| size::parse(drive.options.get("size")?));
        disk.unwrap_or_default()
    }
}

/// The processors of a guest.
pub fn cpus(config: &Config) -> u64 {
    let number = |key: &str| config.get(key).and_then(|text| text.parse::<u64>().ok());
    // More virtual ones than there can be are shown all the same.
    number("vcpus").unwrap_or_else(|| number("sockets").unwrap_or(1) * number("cores").unwrap_or(1))
}

impl Guest {
    /// The figures of the list of a node's guests.
    pub fn figures(&self, vmid: u32, now: Time) -> Value {
        if self.is_container() {
            return self.container_figures(vmid, now);
        }
        let config = &self.config;
        let mut figures = json!({
            "vmid": vmid,
            "name": self.name(vmid),
            "status": if self.is_running() { "running" } else { "stopped" },
            "cpu": 0, "mem": 0, "memhost": 0, "disk": 0, "netin": 0, "netout": 0, "uptime": 0,
            "cpus": cpus(config),
            "maxdisk": config.boot_disk(),
            "maxmem": self.running.as_ref().map_or_else(|| config.memory(), |process| process.memory),
        });
        if let Some(process) = &self.running {
            figures["pid"] = json!(process.pid);
            figures["uptime"] = json!(now.since(process.since).as_secs());
            figures["mem"] = json!(process.memory / 4);
            figures["memhost"] = json!(process.memory / 4);
            for what in ["cpu", "io", "memory"] {
                figures[format!("pressure{what}some")] = json!(0);
                figures[format!("pressure{what}full")] = json!(0);
            }
        }
        for key in ["lock", "tags"] {
            if let Some(text) = config.get(key) {
                figures[key] = json!(text);
            }
        }
        if config.get("serial0").is_some() {
            figures["serial"] = json!(1);
        }
        if config.get("template") == Some("1") {
            figures["template"] = json!(1);
        }
        figures
    }

    /// The figures of the guest's own status.
    pub fn current(&self, vmid: u32, now: Time) -> Value {
        let mut figures = self.figures(vmid, now);
        if let Some(vga) = self.config.get("vga") {
            figures["clipboard"] = Value::Null;
            let kind = vga.split(',').next().unwrap_or_default();
            if kind.trim_start_matches("type=").starts_with("qxl") || kind.trim_start_matches("type=") == "virtio" {
                figures["spice"] = json!(1);
            }
        }
        if self.is_running() {
            let card = |key: &String| {
                let number: u32 = key.strip_prefix("net")?.parse().ok()?;
                Some((format!("tap{vmid}i{number}"), json!({ "netin": 0, "netout": 0 })))
            };
            let cards: serde_json::Map<String, Value> = self.config.values.keys().filter_map(card).collect();
            if !cards.is_empty() {
                figures["nics"] = Value::Object(cards);
            }
        }
        figures["qmpstatus"] = json!(match &self.running {
            None => "stopped",
            Some(process) if process.paused => "paused",
            Some(_) => "running",
        });
        let agent = self.config.get("agent").unwrap_or_default();
        if agent.split(',').any(|part| matches!(part, "1" | "enabled=1")) {
            figures["agent"] = json!(1);
        }
        figures
    }
}
