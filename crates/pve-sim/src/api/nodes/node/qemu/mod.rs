//! `/nodes/{node}/qemu`: virtual machines.

mod agent;
mod clone;
mod config;
mod create;
mod disks;
#[cfg(test)]
mod kept_tests;
#[cfg(test)]
mod made_tests;
mod migrate;
mod power;
mod rights;
mod snapshots;
#[cfg(test)]
mod tests;

use serde_json::{Value, json};

use crate::cluster::guests::Guest;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/qemu", list);
    r.get("/nodes/{node}/qemu/{vmid}", index);
    agent::routes(r);
    clone::routes(r);
    create::routes(r);
    config::routes(r);
    disks::routes(r);
    migrate::routes(r);
    power::routes(r);
    snapshots::routes(r);
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let here = call
        .cluster
        .guests
        .all
        .iter()
        .filter(|(_, guest)| !guest.is_container())
        .filter(|(vmid, guest)| guest.node == call.node && call.may(&format!("/vms/{vmid}"), &["VM.Audit"]));
    Ok(here.map(|(vmid, guest)| guest.figures(*vmid, call.now())).collect())
}

fn index(call: &mut Call<'_>) -> Result<Value, PveError> {
    guest(call)?;
    const FOLDERS: [&str; 20] = [
        "config",
        "cloudinit",
        "pending",
        "status",
        "unlink",
        "vncproxy",
        "termproxy",
        "migrate",
        "resize",
        "move",
        "rrd",
        "rrddata",
        "monitor",
        "agent",
        "snapshot",
        "spiceproxy",
        "sendkey",
        "firewall",
        "mtunnel",
        "remote_migrate",
    ];
    Ok(FOLDERS.iter().map(|folder| json!({ "subdir": folder })).collect())
}

fn vmid(call: &Call<'_>) -> u32 {
    // The parameter check has seen that it is a vmid.
    call.params.number("vmid").unwrap_or_default()
}

/// The guest of the path, whose configuration must lie on the node of the path.
fn guest<'a>(call: &'a Call<'_>) -> Result<&'a Guest, PveError> {
    call.cluster.guests.on(vmid(call), &call.node).map_err(PveError::new)
}

/// Options that only root may use.
fn root_only(call: &Call<'_>, options: &[&str]) -> Result<(), PveError> {
    let used = options.iter().find(|option| call.params.has(option));
    match used.filter(|_| !call.user.is_root()) {
        Some(option) => Err(PveError::param(*option, "Only root may use this option.")),
        None => Ok(()),
    }
}
