//! `/cluster/ha`.

mod groups;
mod resources;
mod rules;
mod sid;
mod status;

use serde_json::{Value, json};

use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/ha", index);
    groups::routes(r);
    resources::routes(r);
    rules::routes(r);
    status::routes(r);
}

/// This one has an order of its own.
fn index(_: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(["status", "resources", "groups", "rules"].iter().map(|id| json!({ "id": id })).collect())
}
