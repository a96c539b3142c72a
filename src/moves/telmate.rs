//! From `Telmate/proxmox`, by its published documentation of 3.0.

use serde_json::Value as Json;
use terraform_plugin::{Move, Stored};

use super::{number, said, same, text, with};

pub(super) const MOVES: &[Move] = &[
    Move { provider: "Telmate/proxmox", from: &["proxmox_vm_qemu"], to: "vm", becomes: machine },
    Move { provider: "Telmate/proxmox", from: &["proxmox_lxc"], to: "container", becomes: machine },
    Move { provider: "Telmate/proxmox", from: &["proxmox_pool"], to: "pool", becomes: same!("poolid" = "poolid") },
];

/// What PVE does not tell of it, where it was made, and its number; what else it is like is read. The number that was asked for may
/// be 0: the next free one. The id tells which one that was: `NODE/qemu/NUMBER`, `NODE/lxc/NUMBER`.
fn machine(other: &Stored) -> Stored {
    let id = text(other, "id").and_then(|id| id.rsplit('/').next()?.parse::<u64>().ok());
    with([
        ("vmid", id.map(Json::from).or_else(|| number(other, "vmid").filter(|number| *number != 0))),
        ("node", said(other, "target_node").cloned()),
        ("pool", said(other, "pool").cloned()),
    ])
}
