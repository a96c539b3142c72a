//! `/nodes/{node}/qemu/{vmid}/migrate`.

use serde_json::Value;

use super::{guest, root_only, vmid};
use crate::cluster::guests::migrate::Order;
use crate::cluster::ha::{Ha, Sid};
use crate::kernel::params::split_list;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/qemu/{vmid}/migrate", outlook);
    r.post("/nodes/{node}/qemu/{vmid}/migrate", migrate);
}

fn outlook(call: &mut Call<'_>) -> Result<Value, PveError> {
    call.need_quorum()?;
    if let Some(lock) = guest(call)?.config.lock() {
        return Err(PveError::new(format!("VM is locked ({lock})")));
    }
    Ok(call.cluster.migration_outlook(vmid(call), &call.node))
}

fn migrate(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let target = call.params.need("target").to_owned();
    root_only(call, &["force", "migration_type", "migration_network"])?;
    if call.cluster.nodes.get(&target).is_none() {
        return Err(PveError::new(format!("no such cluster node '{target}'")));
    }
    if target == call.node {
        return Err(PveError::param("target", "target is local node."));
    }
    call.need_quorum()?;
    let guest = guest(call)?;
    if let Some(lock) = guest.config.lock() {
        return Err(PveError::new(format!("VM is locked ({lock})")));
    }
    if guest.is_running() && call.params.flag("online") != Some(true) {
        return Err(PveError::new("can't migrate running VM without --online"));
    }
    let mut order = Order {
        vmid,
        target: target.clone(),
        with_local_disks: call.params.flag("with-local-disks") == Some(true),
        ..Order::default()
    };
    for pair in call.params.text("targetstorage").into_iter().flat_map(split_list).filter(|pair| *pair != "1") {
        let (from, to) = pair.split_once(':').unwrap_or(("", pair));
        order.storages.insert(from.to_owned(), to.to_owned());
    }
    order.check(call.cluster).map_err(PveError::new)?;
    if call.cluster.ha.manages(Sid::vm(vmid)) {
        return Ok(call.task("hamigrate", vmid.to_string(), Ha::migrate_request(vmid, target)));
    }
    Ok(call.task("qmigrate", vmid.to_string(), order.steps()))
}
