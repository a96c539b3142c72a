//! `/nodes/{node}/qemu/{vmid}/agent`: what is asked of the guest agent, as far as its guest only tells.

use serde_json::{Value, json};

use super::{guest, vmid};
use crate::cluster::guests::{Guest, agent};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/qemu/{vmid}/agent/ping", |call| ask(call, |_, _| json!({})));
    r.get("/nodes/{node}/qemu/{vmid}/agent/info", |call| {
        ask(call, |_, _| json!({ "version": "9.2.0", "supported_commands": [] }))
    });
    r.get("/nodes/{node}/qemu/{vmid}/agent/get-host-name", |call| {
        ask(call, |guest, vmid| json!({ "host-name": guest.name(vmid) }))
    });
    r.get("/nodes/{node}/qemu/{vmid}/agent/get-osinfo", |call| {
        ask(call, |_, _| json!({ "id": "debian", "name": "Debian GNU/Linux", "version-id": "13" }))
    });
    r.get("/nodes/{node}/qemu/{vmid}/agent/network-get-interfaces", |call| ask(call, agent::interfaces));
}

fn ask(call: &mut Call<'_>, answer: fn(&Guest, u32) -> Value) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let (shape, now) = (call.cluster.agents.clone(), call.now());
    let guest = guest(call)?;
    agent::answering(guest, vmid, &shape, now).map_err(PveError::new)?;
    Ok(agent::wrapped(&shape, answer(guest, vmid)))
}
