//! `/cluster/ceph`.

mod flags;
mod metadata;

use serde_json::{Value, json};

use crate::api::nodes::node::ceph as node;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/ceph", index);
    r.get("/cluster/ceph/status", node::status);
    flags::routes(r);
    metadata::routes(r);
}

fn index(_: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(json!([{ "name": "metadata" }, { "name": "status" }, { "name": "flags" }]))
}
