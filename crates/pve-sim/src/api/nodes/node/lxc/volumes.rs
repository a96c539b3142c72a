//! `/nodes/{node}/lxc/{vmid}/resize` and `move_volume`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{guest, unchanged, vmid, writable};
use crate::cluster::containers::{locked, moving};
use crate::cluster::guests::drive::Drive;
use crate::cluster::storage::owner;
use crate::kernel::locks::Lock;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.put("/nodes/{node}/lxc/{vmid}/resize", resize);
    r.post("/nodes/{node}/lxc/{vmid}/move_volume", move_volume);
}

/// The mount point of that name. One that is not there is read as an empty text, and refused as such.
fn mount(call: &Call<'_>, key: &str) -> Result<Drive, PveError> {
    let there = guest(call)?.config.get(key).and_then(Drive::parse);
    there.ok_or_else(|| {
        let missing = "property is missing and it is not optional".to_owned();
        let keys: &[&str] = if key == "rootfs" { &["volume"] } else { &["mp", "volume"] };
        let errors: BTreeMap<_, _> = keys.iter().map(|key| ((*key).to_owned(), missing.clone())).collect();
        PveError::params(errors).renamed(500, "format error")
    })
}

fn resize(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let (key, size) = (call.params.need("disk").to_owned(), call.params.need("size").to_owned());
    let found = guest(call)?;
    locked(found, &[]).map_err(PveError::new)?;
    unchanged(call, found)?;
    let mount = mount(call, &key)?;
    if mount.name().and_then(owner).is_some_and(|other| other != vmid) {
        return Err(PveError::new(format!("can't resize mount point '{key}' owned by another container")));
    }
    let volume = call.cluster.volume(&call.node, &mount.volume);
    let there = volume.ok_or_else(|| PveError::new(format!("volume '{}' does not exist", mount.volume)))?.size;
    moving::wanted_size(there, &size).map_err(PveError::new)?;
    writable(call, vmid)?;
    Ok(call.task("resize", vmid.to_string(), moving::resize(vmid, key, size)))
}

fn move_volume(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let key = call.params.need("volume").to_owned();
    if call.params.has("target-vmid") {
        guest(call)?;
        if guest(call)?.config.get(&key).is_none() {
            return Err(PveError::new(format!("volume '{key}' for container '{vmid}' does not exist")));
        }
        return Err(call.left_out("volumes of containers given to others"));
    }
    let Some(storage) = call.params.text("storage").map(str::to_owned) else {
        return Err(PveError::new("must be either 'storage' or 'target-vmid'"));
    };
    if !call.user.is_root() {
        call.demand(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    let found = guest(call)?;
    unchanged(call, found)?;
    moving::check(found).map_err(PveError::new)?;
    let mount = mount(call, &key)?;
    if mount.volume.starts_with('/') {
        return Err(PveError::new(format!("cannot move volume '{key}': it is no volume of a storage")));
    }
    writable(call, vmid)?;
    call.lock(Lock::Ct(vmid))?;
    call.cluster.lock_container(vmid, Some("disk"));
    let delete = call.params.flag("delete") == Some(true);
    let order = moving::Order { vmid, key, storage, delete };
    Ok(call.task("move_volume", vmid.to_string(), moving::move_volume(order)))
}
