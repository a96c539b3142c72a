//! `/nodes/{node}/lxc`: containers.

mod config;
mod copies;
mod create;
mod power;
mod rights;
#[cfg(test)]
mod tests;
mod volumes;

use serde_json::{Value, json};

use crate::cluster::guests::Guest;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/lxc", list);
    r.get("/nodes/{node}/lxc/{vmid}", index);
    r.get("/nodes/{node}/lxc/{vmid}/interfaces", interfaces);
    create::routes(r);
    config::routes(r);
    copies::routes(r);
    power::routes(r);
    volumes::routes(r);
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let here = call.cluster.guests.all.iter().filter(|(vmid, guest)| {
        guest.is_container() && guest.node == call.node && call.may(&format!("/vms/{vmid}"), &["VM.Audit"])
    });
    Ok(here.map(|(vmid, guest)| figures(call, *vmid, guest)).collect())
}

/// Who has no limit of cores is shown with those of the node.
fn figures(call: &Call<'_>, vmid: u32, guest: &Guest) -> Value {
    let mut figures = guest.figures(vmid, call.now());
    if figures.get("cpus").is_none() {
        figures["cpus"] = json!(call.cluster.nodes.get(&guest.node).map_or(1, |node| node.cpus));
    }
    figures
}

fn index(call: &mut Call<'_>) -> Result<Value, PveError> {
    guest(call)?;
    const FOLDERS: [&str; 15] = [
        "config",
        "pending",
        "status",
        "vncproxy",
        "termproxy",
        "vncwebsocket",
        "spiceproxy",
        "migrate",
        "clone",
        "rrd",
        "rrddata",
        "firewall",
        "snapshot",
        "resize",
        "interfaces",
    ];
    Ok(FOLDERS.iter().map(|folder| json!({ "subdir": folder })).collect())
}

fn interfaces(call: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(guest(call)?.interfaces(vmid(call), call.now()))
}

fn vmid(call: &Call<'_>) -> u32 {
    // The parameter check has seen that it is a vmid.
    call.params.number("vmid").unwrap_or_default()
}

/// The container of the path, whose configuration must lie on the node of the path.
fn guest<'a>(call: &'a Call<'_>) -> Result<&'a Guest, PveError> {
    call.cluster.guests.ct_on(vmid(call), &call.node).map_err(PveError::new)
}

/// A pool that is not there is refused as if it were one that may not be used, to root as well.
fn known_pool(call: &Call<'_>) -> Result<Option<String>, PveError> {
    let pool = call.params.text("pool").map(str::to_owned);
    match pool.as_ref().filter(|pool| !call.cluster.pools.all.contains_key(*pool)) {
        Some(pool) => Err(PveError::permission(&format!("pool '{pool}' does not exist"))),
        None => Ok(pool),
    }
}

/// A number that nobody has.
fn free(call: &Call<'_>, vmid: u32) -> Result<(), PveError> {
    match call.cluster.guests.get(vmid) {
        Some(other) => {
            let (word, node) = (other.kind.word(), &other.node);
            Err(PveError::new(format!("{word} {vmid} already exists on node '{node}'")))
        }
        None => Ok(()),
    }
}

/// Without quorum the file cannot be written.
fn writable(call: &Call<'_>, vmid: u32) -> Result<(), PveError> {
    match call.cluster.nodes.quorate(&call.node) {
        true => Ok(()),
        false => {
            let file = format!("/etc/pve/nodes/{}/lxc/{vmid}.conf.tmp.{}", call.node, 2000 + vmid);
            Err(PveError::new(format!("unable to open file '{file}' - Permission denied")))
        }
    }
}

const MODIFIED: &str = "detected modified configuration - file changed by other user? Try again.";

/// The configuration is what the caller thinks it is.
fn unchanged(call: &Call<'_>, guest: &Guest) -> Result<(), PveError> {
    match call.params.text("digest").is_some_and(|digest| digest != guest.config.digest()) {
        true => Err(PveError::new(MODIFIED)),
        false => Ok(()),
    }
}
