//! `POST /nodes/{node}/qemu` and `DELETE /nodes/{node}/qemu/{vmid}`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{config, guest, rights, root_only, vmid};
use crate::cluster::Cluster;
use crate::cluster::guests::drive::{Drive, DriveKey};
use crate::cluster::guests::restore::Order as Restore;
use crate::cluster::guests::{Change, Config, Guest, defaults};
use crate::cluster::ha::{Resource, Sid};
use crate::cluster::storage::owner;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::{Steps, TaskCx};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/qemu", create);
    r.delete("/nodes/{node}/qemu/{vmid}", delete);
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let pool = call.params.text("pool").map(str::to_owned);
    // A pool that is not there is refused as if it were one that may not be used, to root as well.
    if let Some(pool) = pool.as_ref().filter(|pool| !call.cluster.pools.all.contains_key(*pool)) {
        return Err(PveError::permission(&format!("pool '{pool}' does not exist")));
    }
    let on = rights::On { vmid, pool: pool.as_deref() };
    if on.demand(call, &["VM.Allocate"]).is_err() {
        return Err(PveError::permission(""));
    }
    if let Some(option) = ["force", "live-restore"].into_iter().find(|option| call.params.flag(option) == Some(true)) {
        return Err(call.left_out(&format!("POST /nodes/{{node}}/qemu with {option}")));
    }
    let starts = call.params.flag("start") == Some(true);
    if starts {
        on.demand(call, &["VM.PowerMgmt"])?;
    }
    let managed = call.params.flag("ha-managed") == Some(true);
    if managed {
        call.demand("/", &["Sys.Console"])?;
    }
    let given = config::given(call);
    for (key, value) in &given {
        rights::check(call, on, key, Some(value))?;
    }
    call.need_quorum()?;
    if let Some(archive) = call.params.text("archive").map(str::to_owned) {
        return restore(call, vmid, archive, &given, pool);
    }
    let failed = format!("unable to create VM {vmid} - ");
    let begun = failed.clone();
    if let Some(other) = call.cluster.guests.get(vmid) {
        return Err(PveError::new(format!("{failed}VM {vmid} already exists on node '{}'", other.node)));
    }
    let mut change = config::normal(call, &given)?;
    if let Some(storage) = call.params.text("storage") {
        add_storage(&mut change, storage);
    }
    config::check_drives(call, vmid, &change.set)?;
    let (node, stopped) = (call.node.clone(), format!("{failed}interrupted by signal"));
    let wanted = Config { values: change.set.clone(), ..Config::default() };
    let storages: Vec<String> = wanted.drives().filter_map(|(_, drive)| drive.storage().map(str::to_owned)).collect();
    let steps = Steps::new()
        .lock(Lock::Vm(vmid))
        .run(move |t| {
            storages.iter().for_each(|storage| t.works_on(storage));
            begin(t, vmid).map_err(|text| format!("{begun}{text}"))
        })
        .wait(Duration::from_millis(500))
        .run(move |t| {
            make(t, &node, vmid, change).map_err(|text| {
                t.cluster.guests.all.remove(&vmid);
                format!("{failed}{text}")
            })
        })
        .on_stop(move |t| {
            let unfinished = t.cluster.guests.get(vmid).is_some_and(|guest| guest.config.lock() == Some("create"));
            if unfinished {
                t.cluster.guests.all.remove(&vmid);
            }
            stopped
        })
        .run(move |t| {
            if let Some(pool) = pool {
                t.cluster.pools.add_vm(&pool, vmid);
            }
            match managed {
                true => manage(t, vmid, starts),
                false if starts => start_after(t, vmid),
                false => {}
            }
            Ok(())
        });
    Ok(call.task("qmcreate", vmid.to_string(), steps))
}

/// A creation from a backup, with all that was given in place of what the backup says.
fn restore(
    call: &mut Call<'_>,
    vmid: u32,
    archive: String,
    given: &BTreeMap<String, String>,
    pool: Option<String>,
) -> Result<Value, PveError> {
    if let Some(key) = given.keys().find(|key| DriveKey::parse(key).is_some()) {
        return Err(PveError::param(key, "option conflicts with option 'archive'"));
    }
    if archive.contains(':') && call.cluster.volume(&call.node, &archive).is_none() {
        return Err(PveError::new(format!("volume '{archive}' does not exist")));
    }
    if let Some(other) = call.cluster.guests.get(vmid) {
        let text = format!("unable to restore VM {vmid} - VM {vmid} already exists on node '{}'", other.node);
        return Err(PveError::new(text));
    }
    let change = config::normal(call, given)?;
    let storage = call.params.text("storage").map(str::to_owned);
    if let Some(storage) = storage.as_ref().filter(|_| !call.user.is_root()) {
        call.demand(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    let unique = call.params.flag("unique") == Some(true);
    let starts = call.params.flag("start") == Some(true);
    let steps = Restore { vmid, archive, storage, unique, change }.steps().run(move |t| {
        if let Some(pool) = pool {
            t.cluster.pools.add_vm(&pool, vmid);
        }
        if starts {
            start_after(t, vmid);
        }
        Ok(())
    });
    Ok(call.task("qmrestore", vmid.to_string(), steps))
}

/// Sizes that name no storage mean the one of the call.
fn add_storage(change: &mut Change, storage: &str) {
    for (key, text) in &mut change.set {
        let drive = DriveKey::parse(key).and_then(|_| Drive::parse(text));
        if let Some(mut drive) = drive.filter(|drive| drive.volume.parse::<f64>().is_ok()) {
            drive.volume = format!("{storage}:{}", drive.volume);
            *text = drive.to_string();
        }
    }
}

/// The number is taken from now on: a configuration is there that holds nothing but its lock.
fn begin(t: &mut TaskCx<'_>, vmid: u32) -> Result<(), String> {
    if let Some(other) = t.cluster.guests.get(vmid) {
        return Err(format!("VM {vmid} already exists on node '{}'", other.node));
    }
    let mut config = Config::default();
    config.values.insert("lock".to_owned(), "create".to_owned());
    let guest = Guest::new(&t.node(), config, t.now());
    t.cluster.guests.all.insert(vmid, guest);
    Ok(())
}

fn make(t: &mut TaskCx<'_>, node: &str, vmid: u32, change: Change) -> Result<(), String> {
    let now = t.now();
    let mut config = Config { values: change.set, ..Config::default() };
    let drives: Vec<_> = config.drives().collect();
    let mut made: Vec<Drive> = Vec::new();
    for (key, wanted) in drives {
        let new = wanted.allocation().is_some() || wanted.name() == Some("cloudinit");
        match t.cluster.make_drive(node, vmid, &key, wanted) {
            Ok((drive, log)) => {
                log.iter().for_each(|line| t.log(line));
                config.values.insert(key.to_string(), drive.to_string());
                if new {
                    made.push(drive);
                }
            }
            Err(text) => {
                for drive in made {
                    // Made a moment ago, so that it can be freed.
                    let _ = t.cluster.free(node, &drive.volume);
                }
                return Err(text);
            }
        }
    }
    defaults(&mut config, &mut t.cluster.ids, now);
    t.cluster.guests.all.insert(vmid, Guest::new(node, config, now));
    Ok(())
}

/// Puts a new guest under HA, which starts it if that was asked for.
// Belief: that HA does the start; only a creation without one was recorded.
fn manage(t: &mut TaskCx<'_>, vmid: u32, starts: bool) {
    t.log("Add as HA resource");
    let state = if starts { "started" } else { "stopped" };
    let resource = Resource { state: Some(state.to_owned()), ..Resource::new(Sid::vm(vmid)) };
    if let Err(text) = t.cluster.ha.add(resource) {
        t.warn(text);
    }
}

/// A start that fails does not fail the creation.
fn start_after(t: &mut TaskCx<'_>, vmid: u32) {
    match t.cluster.power_on(vmid) {
        Ok(log) => log.iter().for_each(|line| t.log(line)),
        Err(text) => t.warn(text),
    }
}

fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    root_only(call, &["skiplock"])?;
    let skiplock = call.params.flag("skiplock") == Some(true);
    let purge = call.params.flag("purge") == Some(true);
    let unreferenced = call.params.flag("destroy-unreferenced-disks") == Some(true);
    guest(call)?;
    check_gone(call.cluster, vmid, skiplock, purge).map_err(PveError::new)?;
    let node = call.node.clone();
    let steps = Steps::new().lock(Lock::Vm(vmid)).wait(Duration::from_millis(200)).run(move |t| {
        t.cluster.guests.on(vmid, &node)?;
        check_gone(t.cluster, vmid, skiplock, purge)?;
        if let Some(base) = t.cluster.cloned_base(vmid) {
            return Err(format!("base volume '{base}' is still in use by linked cloned"));
        }
        for line in destroy(t.cluster, &node, vmid, unreferenced)? {
            t.log(line);
        }
        if purge {
            t.log(format!("purging VM {vmid} from related configurations.."));
            if t.cluster.ha.remove(vmid, true) {
                t.log(format!("NOTE: removed VM {vmid} from HA resource configuration."));
            }
        }
        Ok(())
    });
    Ok(call.task("qmdestroy", vmid.to_string(), steps))
}

fn check_gone(cluster: &Cluster, vmid: u32, skiplock: bool, purge: bool) -> Result<(), String> {
    let Some(guest) = cluster.guests.get(vmid) else { return Ok(()) };
    match guest.config.lock().filter(|_| !skiplock) {
        Some(lock) => Err(format!("VM is locked ({lock})")),
        None if guest.config.get("protection") == Some("1") => {
            Err(format!("can't remove VM {vmid} - protection mode enabled"))
        }
        None if !purge && cluster.ha.is_configured(vmid) => {
            Err(format!("unable to remove VM {vmid} - used in HA resources and purge parameter not set."))
        }
        None if guest.is_running() => Err(format!("VM {vmid} is running - destroy failed")),
        None => Ok(()),
    }
}

/// Frees what is the guest's own and takes its configuration away. What the tools say.
fn destroy(cluster: &mut Cluster, node: &str, vmid: u32, unreferenced: bool) -> Result<Vec<String>, String> {
    let mut volumes: Vec<String> = Vec::new();
    if let Some(guest) = cluster.guests.get(vmid) {
        let pending = guest.config.pending.values().filter_map(|text| Drive::parse(text));
        volumes.extend(guest.config.drives().map(|(_, drive)| drive).chain(pending).map(|drive| drive.volume));
        volumes.extend(guest.config.snapshots.values().flat_map(|snapshot| snapshot.volumes()));
    }
    if unreferenced {
        for storage in cluster.storage.all.values().filter(|storage| storage.enabled() && storage.on(node)) {
            let names = cluster.volumes(storage, node).into_iter().map(|(name, _)| format!("{}:{name}", storage.id));
            volumes.extend(names);
        }
    }
    // In the order of their keys, each once.
    let mut seen = std::collections::BTreeSet::new();
    volumes.retain(|volid| seen.insert(volid.clone()));
    let own = |volid: &String| volid.split_once(':').and_then(|(_, name)| owner(name)) == Some(vmid);
    volumes.retain(own);
    cluster.must_carry_nothing(node, &volumes, vmid)?;
    let mut log = Vec::new();
    for volid in &volumes {
        // A volume that cannot be freed is told and stays.
        let said = cluster.free(node, volid).unwrap_or_else(|text| text);
        log.extend(Some(said).filter(|line| !line.is_empty()));
    }
    cluster.guests.all.remove(&vmid);
    cluster.pools.forget_vm(vmid);
    cluster.firewall.forget_guest(vmid);
    Ok(log)
}
