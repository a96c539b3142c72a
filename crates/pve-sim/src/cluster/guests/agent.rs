//! What the guest agent says: whoever lives in a guest, as far as it has booted.
//!
//! Belief: no guest with an agent was recorded. When it answers and with what is from pve-behaviour-3 5.

use serde_json::{Value, json};

use super::Guest;
use crate::kernel::clock::Time;
use crate::shape::AgentShape;

/// The agent of a guest, if one is there to answer.
///
/// # Errors
/// PVE's texts, in the order in which it looks.
pub fn answering(guest: &Guest, vmid: u32, shape: &AgentShape, now: Time) -> Result<(), String> {
    let Some(agent) = guest.config.get("agent") else { return Err("No QEMU guest agent configured".to_owned()) };
    let Some(process) = &guest.running else { return Err(format!("VM {vmid} is not running")) };
    let enabled = agent.split(',').any(|part| matches!(part, "1" | "enabled=1" | "on" | "enabled=on"));
    let booted = now.since(process.since).as_secs() >= shape.boot;
    match enabled && shape.installed && booted && !process.paused {
        true => Ok(()),
        false => Err("QEMU guest agent is not running".to_owned()),
    }
}

/// An answer as PVE wraps it; a guest that does not know the command says so in it.
pub fn wrapped(shape: &AgentShape, answer: Value) -> Value {
    match &shape.error {
        Some(text) => json!({ "result": { "error": { "class": "GenericError", "desc": text } } }),
        None => json!({ "result": answer }),
    }
}

/// The guest's interfaces: its loopback and one for each of its network cards, which has the address that cloud-init was
/// given, or one from DHCP.
pub fn interfaces(guest: &Guest, vmid: u32) -> Value {
    let address = |ip: &str, prefix: u64| {
        let kind = if ip.contains(':') { "ipv6" } else { "ipv4" };
        json!({ "ip-address": ip, "ip-address-type": kind, "prefix": prefix })
    };
    let mut all = vec![json!({
        "name": "lo", "hardware-address": "00:00:00:00:00:00",
        "ip-addresses": [address("127.0.0.1", 8), address("::1", 128)],
    })];
    for number in 0..32 {
        let Some(card) = guest.config.get(&format!("net{number}")) else { continue };
        let mac = card.split(',').next().and_then(|part| part.split_once('=')).map(|(_, mac)| mac.to_lowercase());
        let mut addresses = Vec::new();
        let asked = guest.config.get(&format!("ipconfig{number}")).unwrap_or("ip=dhcp");
        for part in asked.split(',') {
            match part.split_once('=') {
                Some(("ip", "dhcp")) => addresses.push(address(&format!("10.9.{number}.{}", vmid % 250 + 1), 24)),
                Some(("ip" | "ip6", cidr)) => {
                    if let Some((ip, prefix)) = cidr.split_once('/') {
                        addresses.push(address(ip, prefix.parse().unwrap_or_default()));
                    }
                }
                _ => {}
            }
        }
        addresses.push(address(&format!("fe80::{:x}:{vmid:x}", number + 1), 64));
        let linked = !card.contains("link_down=1");
        let mut entry = json!({ "name": format!("eth{number}"), "hardware-address": mac.unwrap_or_default() });
        if linked {
            entry["ip-addresses"] = json!(addresses);
        }
        all.push(entry);
    }
    Value::Array(all)
}
