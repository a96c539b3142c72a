//! `/version`.

use serde_json::{Value, json};

use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/version", version);
    r.get("/nodes/{node}/version", version);
}

fn version(call: &mut Call<'_>) -> Result<Value, PveError> {
    let profile = &call.cluster.profile;
    let (version, release, repoid) = (&profile.pve, profile.pve_release(), &profile.repoid);
    Ok(json!({ "version": version, "release": release, "repoid": repoid }))
}
