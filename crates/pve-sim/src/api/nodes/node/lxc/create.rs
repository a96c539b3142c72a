//! `POST /nodes/{node}/lxc` and `DELETE /nodes/{node}/lxc/{vmid}`.

use std::time::Duration;

use serde_json::Value;

use super::{config, free, guest, known_pool, rights, vmid};
use crate::cluster::Cluster;
use crate::cluster::containers::{create, locked, power};
use crate::cluster::guests::{Config, Guest};
use crate::cluster::ha::{Resource, Sid};
use crate::cluster::storage::owner;
use crate::kernel::locks::Lock;
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/lxc", create);
    r.delete("/nodes/{node}/lxc/{vmid}", delete);
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let pool = known_pool(call)?;
    let flag = |name: &str| call.params.flag(name) == Some(true);
    let (restore, force, starts, managed) = (flag("restore"), flag("force"), flag("start"), flag("ha-managed"));
    let unprivileged = call.params.flag("unprivileged").unwrap_or(call.cluster.profile.unprivileged());
    let on = rights::On { vmid, pool: pool.as_deref(), unprivileged };
    if on.demand(call, &["VM.Allocate"]).is_err() {
        return Err(PveError::permission(""));
    }
    if starts {
        on.demand(call, &["VM.PowerMgmt"])?;
    }
    if managed {
        call.demand("/", &["Sys.Console"])?;
    }
    // PVE 8 asks nothing more of whoever makes a privileged one.
    if !unprivileged && !restore && !call.user.is_root() && !call.cluster.profile.is_8() {
        call.demand("/", &["Sys.Modify"])?;
    }
    let given = config::given(call);
    for (key, value) in given.iter().filter(|(key, _)| *key != "unprivileged") {
        rights::check(call, on, key, Some(value), &Default::default())?;
    }
    call.need_quorum()?;
    let replaces = restore && force && call.cluster.guests.get(vmid).is_some_and(Guest::is_container);
    if !replaces {
        free(call, vmid)?;
    } else if call.cluster.guests.ct_on(vmid, &call.node).is_ok_and(Guest::is_running) {
        return Err(PveError::new(format!("unable to restore CT {vmid} - container is running")));
    }
    let archive = call.params.need("ostemplate").to_owned();
    if restore
        && let Some(volume) = call.cluster.volume(&call.node, &archive).filter(|volume| volume.content != "backup")
    {
        let _ = volume;
        let text = format!("unable to use volume {archive} - content type needs to be 'backup'");
        return Err(PveError::new(text));
    }
    may_read(call, &archive)?;
    let storage = call.params.text("storage").unwrap_or("local").to_owned();
    let change = config::normal(call, &given)?;
    let mut set = change.set;
    if set.keys().any(|key| key.starts_with("mp")) && !set.contains_key("rootfs") && !restore {
        return Err(PveError::new("mount points configured, but 'rootfs' not set - aborting"));
    }
    if !restore && unprivileged {
        set.insert("unprivileged".to_owned(), "1".to_owned());
    }
    config::check_mounts(call, vmid, &set)?;
    may_hold(call, &storage, set.contains_key("rootfs"))?;
    let given = Config { values: set, ..Config::default() };
    let order = create::Order {
        vmid,
        archive,
        restore,
        given,
        storage,
        unique: call.params.flag("unique") == Some(true),
        pool,
        force: replaces,
    };
    if !replaces {
        // The number is taken when the call answers.
        let stub = create::stub(&call.node, call.now());
        call.cluster.guests.all.insert(vmid, stub);
    }
    let node = call.node.clone();
    let user = call.user.full();
    let steps = create::steps(order).run(move |t| {
        if managed {
            t.log("Add as HA resource");
            let state = if starts { "started" } else { "stopped" };
            let resource = Resource { state: Some(state.to_owned()), ..Resource::new(Sid::ct(vmid)) };
            if let Err(text) = t.cluster.ha.add(resource) {
                t.warn(text);
            }
        } else if starts {
            // A task of its own, for which nobody waits.
            t.cluster.start_task(&node, &user, "vzstart", vmid.to_string(), power::start(vmid, false, false));
        }
        Ok(())
    });
    Ok(call.task(if restore { "vzrestore" } else { "vzcreate" }, vmid.to_string(), steps))
}

/// Who makes a container from an archive may see the archive's storage.
fn may_read(call: &Call<'_>, archive: &str) -> Result<(), PveError> {
    match archive.split_once(':').filter(|_| !call.user.is_root()) {
        Some((id, _)) => call.demand_any(&format!("/storage/{id}"), &["Datastore.AllocateSpace", "Datastore.Audit"]),
        None => Ok(()),
    }
}

/// The storage of what names none, if anything names none.
fn may_hold(call: &Call<'_>, id: &str, own_root: bool) -> Result<(), PveError> {
    if own_root {
        return Ok(());
    }
    let storage = call.cluster.storage.usable(id, &call.node).map_err(PveError::new)?;
    if !storage.contents().contains("rootdir") {
        let text = format!("storage '{id}' does not support container directories");
        return Err(PveError::param("storage", text));
    }
    if call.user.is_root() { Ok(()) } else { call.demand(&format!("/storage/{id}"), &["Datastore.AllocateSpace"]) }
}

fn delete(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let flag = |name: &str| call.params.flag(name) == Some(true);
    let (purge, force, unreferenced) = (flag("purge"), flag("force"), flag("destroy-unreferenced-disks"));
    guest(call)?;
    check_gone(call.cluster, vmid, purge, force).map_err(PveError::new)?;
    let node = call.node.clone();
    let steps = Steps::new().lock(Lock::Ct(vmid)).wait(Duration::from_millis(200)).run(move |t| {
        t.cluster.guests.ct_on(vmid, &node)?;
        check_gone(t.cluster, vmid, purge, force)?;
        t.cluster.stop_container(vmid);
        for line in t.cluster.free_container(&node, vmid) {
            t.log(line);
        }
        if unreferenced {
            free_rest(t.cluster, &node, vmid);
        }
        t.cluster.guests.all.remove(&vmid);
        t.cluster.pools.forget_vm(vmid);
        t.cluster.firewall.forget_guest(vmid);
        if purge {
            t.log(format!("purging CT {vmid} from related configurations.."));
            if t.cluster.ha.remove(vmid, true) {
                t.log(format!("NOTE: removed CT {vmid} from HA resource configuration."));
            }
        }
        Ok(())
    });
    Ok(call.task("vzdestroy", vmid.to_string(), steps))
}

/// Volumes that carry the number and that no configuration named.
fn free_rest(cluster: &mut Cluster, node: &str, vmid: u32) {
    let mut volumes = Vec::new();
    for storage in cluster.storage.all.values().filter(|storage| storage.enabled() && storage.on(node)) {
        let names = cluster.volumes(storage, node).into_iter().map(|(name, _)| name);
        volumes.extend(names.filter(|name| owner(name) == Some(vmid)).map(|name| format!("{}:{name}", storage.id)));
    }
    for volid in volumes {
        // A volume that cannot be freed stays.
        let _ = cluster.free(node, &volid);
    }
}

fn check_gone(cluster: &Cluster, vmid: u32, purge: bool, force: bool) -> Result<(), String> {
    let Some(guest) = cluster.guests.get(vmid) else { return Ok(()) };
    locked(guest, &["create", "destroyed"])?;
    match () {
        () if guest.config.get("protection") == Some("1") => {
            Err(format!("can't remove CT {vmid} - protection mode enabled"))
        }
        () if !purge && cluster.ha.is_configured(vmid) => {
            Err(format!("unable to remove CT {vmid} - used in HA resources and purge parameter not set."))
        }
        () if guest.is_running() && !force => Err(format!("unable to destroy CT {vmid} - container is running")),
        () => Ok(()),
    }
}
