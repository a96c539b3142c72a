//! `/version`.

use serde_json::{Value, json};

use crate::cluster::release_of;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/version", version);
    r.get("/nodes/{node}/version", version);
}

fn version(call: &mut Call<'_>) -> Result<Value, PveError> {
    let profile = &call.cluster.profile;
    let own = call.cluster.nodes.get(&call.node).and_then(|node| node.pve.as_deref());
    let version = own.unwrap_or(&profile.pve);
    Ok(json!({ "version": version, "release": release_of(version), "repoid": profile.repoid }))
}
