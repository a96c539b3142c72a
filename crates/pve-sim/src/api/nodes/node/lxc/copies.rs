//! `/nodes/{node}/lxc/{vmid}/clone`, `template`, `migrate`, `feature`.

use serde_json::{Value, json};

use super::{free, guest, known_pool, vmid, writable};
use crate::cluster::containers::{copy, migrate};
use crate::cluster::guests::{Config, Guest};
use crate::cluster::ha::{Command, Sid};
use crate::kernel::locks::Lock;
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/lxc/{vmid}/clone", clone);
    r.post("/nodes/{node}/lxc/{vmid}/template", template);
    r.post("/nodes/{node}/lxc/{vmid}/migrate", migrate);
    r.get("/nodes/{node}/lxc/{vmid}/feature", feature);
}

fn clone(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let newid = call.params.number("newid").unwrap_or_default();
    let pool = known_pool(call)?;
    let source = guest(call)?;
    let is_template = source.config.get("template") == Some("1");
    let target = call.params.text("target").unwrap_or(&call.node).to_owned();
    if call.cluster.nodes.get(&target).is_none() {
        return Err(PveError::new(format!("no such cluster node '{target}'")));
    }
    let text = |name: &str| call.params.text(name).map(str::to_owned);
    let mut set = Vec::new();
    set.extend(text("hostname").map(|name| ("hostname".to_owned(), name)));
    set.extend(text("description").map(|text| ("description".to_owned(), text)));
    if call.params.has("snapname") {
        return Err(call.left_out("clones of snapshots of containers"));
    }
    let full = call.params.flag("full").unwrap_or(!is_template);
    let order = copy::Order { vmid, newid, target: target.clone(), full, storage: text("storage"), set, pool };
    if let Some(id) = order.storage.as_ref().filter(|_| !call.user.is_root()) {
        call.demand(&format!("/storage/{id}"), &["Datastore.AllocateSpace"])?;
    }
    call.need_quorum()?;
    let taken = free(call, newid);
    match copy::check(call.cluster, source, &order) {
        // Recorded: what of the source cannot be cloned is told before a number that is taken.
        Err(text) if text.starts_with("unable to clone mountpoint") => return Err(PveError::new(text)),
        other => {
            taken?;
            other.map_err(PveError::new)?;
        }
    }
    call.lock(Lock::Ct(vmid))?;
    call.cluster.lock_container(vmid, Some("disk"));
    let mut stub = Config::default();
    stub.values.insert("lock".to_owned(), "create".to_owned());
    let stub = Guest::container(&target, stub, call.now());
    call.cluster.guests.all.insert(newid, stub);
    Ok(call.task("vzclone", vmid.to_string(), copy::clone(order)))
}

/// The answer is nothing; the task is there all the same.
fn template(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let source = guest(call)?;
    if source.config.get("template") == Some("1") {
        return Err(PveError::new("you can't convert a template to a template"));
    }
    if source.is_running() {
        return Err(PveError::new("you can't convert a CT to template if the CT is running"));
    }
    writable(call, vmid)?;
    call.lock(Lock::Ct(vmid))?;
    let node = call.node.clone();
    call.task_on(&node, "vztemplate", vmid.to_string(), copy::template(vmid));
    Ok(Value::Null)
}

fn migrate(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let target = call.params.need("target").to_owned();
    if target == call.node {
        return Err(PveError::param("target", "target is local node."));
    }
    if call.cluster.nodes.get(&target).is_none() {
        return Err(PveError::new(format!("no such cluster node '{target}'")));
    }
    let flag = |name: &str| call.params.flag(name) == Some(true);
    let (restart, online) = (flag("restart"), flag("online"));
    if call.params.has("target-storage") {
        return Err(call.left_out("migration of containers to other storages"));
    }
    call.need_quorum()?;
    if guest(call)?.is_running() && !restart && !online {
        return Err(PveError::new("can't migrate running container without --online or --restart"));
    }
    if call.cluster.ha.manages(Sid::ct(vmid)) {
        let to = target.clone();
        let steps = Steps::new().lock(Lock::domain("ha")).run(move |t| {
            t.log(format!("Requesting HA migration for CT {vmid} to node {to}"));
            t.cluster.ha.must_not_be_in_error(Sid::ct(vmid), None)?;
            t.cluster.ha.crm.commands.push_back(Command::Migrate(Sid::ct(vmid), to));
            Ok(())
        });
        return Ok(call.task("hamigrate", vmid.to_string(), steps));
    }
    let patience = call.params.int("timeout").and_then(|timeout| u64::try_from(timeout).ok()).unwrap_or(180);
    let steps = migrate::steps(vmid, target, restart.then_some(patience));
    Ok(call.task("vzmigrate", vmid.to_string(), steps))
}

/// Neither snapshots nor linked clones on what keeps raw files.
fn feature(call: &mut Call<'_>) -> Result<Value, PveError> {
    let guest = guest(call)?;
    let wanted = call.params.need("feature");
    let on = |kinds: &[&str]| {
        crate::cluster::containers::mounted_volumes(guest).all(|mount| {
            let storage = mount.storage().and_then(|id| call.cluster.storage.get(id));
            storage.is_some_and(|storage| kinds.contains(&storage.kind.name))
        })
    };
    let base = crate::cluster::containers::mounted_volumes(guest).all(|mount| mount.volume.contains("base-"));
    let has = match wanted {
        "snapshot" => on(&["lvmthin", "rbd", "zfspool", "btrfs"]),
        "clone" => base && on(&["lvmthin", "rbd", "zfspool"]),
        _ => true,
    };
    Ok(json!({ "hasFeature": u8::from(has) }))
}
