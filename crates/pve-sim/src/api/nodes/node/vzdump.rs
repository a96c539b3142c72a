//! `/nodes/{node}/vzdump`: backups now, and what is in one.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::guests::vzdump::{Dump, Order};
use crate::kernel::params::Param;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/vzdump", dump);
    r.get("/nodes/{node}/vzdump/extractconfig", extract);
}

fn numbers(list: &[String]) -> Vec<u32> {
    list.iter().filter_map(|number| number.parse().ok()).collect()
}

fn dump(call: &mut Call<'_>) -> Result<Value, PveError> {
    let text = |name: &str| call.params.text(name).map(str::to_owned);
    let (vmids, but) = (numbers(&call.params.list("vmid")), numbers(&call.params.list("exclude")));
    let (all, pool) = (call.params.flag("all") == Some(true), text("pool"));
    if let Some(id) = call.params.text("storage").filter(|id| call.cluster.storage.get(id).is_some()) {
        call.demand(&format!("/storage/{id}"), &["Datastore.AllocateSpace"])?;
        if call.params.has("prune-backups") {
            call.demand(&format!("/storage/{id}"), &["Datastore.Allocate"])?;
        }
    }
    if ["bwlimit", "ionice", "performance"].iter().any(|option| call.params.has(option)) {
        call.demand("/", &["Sys.Modify"])?;
    }
    if vmids.is_empty() && !all && pool.is_none() {
        return Err(PveError::param("vmid", "property is missing"));
    }
    let mut meant = call.cluster.to_dump(&call.node, &vmids, all, pool.as_deref(), &but);
    let may = |vmid: &u32| call.may(&format!("/vms/{vmid}"), &["VM.Backup"]);
    match all || pool.is_some() {
        true => meant.retain(may),
        false => {
            for vmid in &meant {
                call.demand(&format!("/vms/{vmid}"), &["VM.Backup"])?;
            }
        }
    }
    if meant.is_empty() {
        return Ok(json!("OK"));
    }
    let order = Order {
        command: command(call, &vmids),
        storage: text("storage"),
        dumpdir: text("dumpdir"),
        mode: text("mode").unwrap_or_else(|| "snapshot".to_owned()),
        compress: text("compress").unwrap_or_else(|| "0".to_owned()),
        notes: text("notes-template"),
        protected: call.params.flag("protected") == Some(true),
        prune: text("prune-backups"),
        remove: call.params.flag("remove") != Some(false),
        lockwait: Duration::from_secs(60 * u64::from(call.params.number("lockwait").unwrap_or(180))),
        vmids: meant.clone(),
    };
    let id = match meant.as_slice() {
        [one] => one.to_string(),
        _ => String::new(),
    };
    Ok(call.task("vzdump", id, Dump::new(order)))
}

/// The command as its log tells it. PVE puts the options in no order of its own.
fn command(call: &Call<'_>, vmids: &[u32]) -> String {
    let mut words = vec!["vzdump".to_owned()];
    words.extend(vmids.iter().map(u32::to_string));
    for (name, value) in call.params.iter().filter(|(name, _)| !matches!(*name, "vmid" | "node")) {
        let text = match value {
            Param::Text(text) => text.clone(),
            Param::List(list) => list.join(" "),
            Param::Null => String::new(),
        };
        let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || "-_.,/".contains(c));
        words.push(format!("--{name} {}", if plain { text } else { format!("'{text}'") }));
    }
    words.push(format!("--node {}", call.node));
    words.join(" ")
}

fn extract(call: &mut Call<'_>) -> Result<Value, PveError> {
    let volid = call.params.need("volume").to_owned();
    let backup = call.cluster.backup(&call.node, &volid);
    let backup = backup.ok_or_else(|| PveError::new(format!("volume '{volid}' does not exist")))?;
    let (id, _) = volid.split_once(':').unwrap_or((&volid, ""));
    let by_guest = call.may(&format!("/vms/{}", backup.vmid), &["VM.Backup"]);
    if !(by_guest && call.may(&format!("/storage/{id}"), &["Datastore.AllocateSpace"])) {
        call.demand(&format!("/storage/{id}"), &["Datastore.Allocate"])?;
    }
    let lines: String = backup.config.iter().map(|(key, value)| format!("{key}: {value}\n")).collect();
    Ok(lines.into())
}
