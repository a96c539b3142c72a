//! `/cluster/ha/groups`: what a cluster answers whose groups have become rules, as those of every fresh one have. One of PVE 8
//! has none.

use serde_json::{Value, json};

use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/ha/groups", |call: &mut Call<'_>| match call.cluster.profile.is_8() {
        true => Ok(json!([])),
        false => migrated("index groups"),
    });
    r.post("/cluster/ha/groups", |_| migrated("create group"));
    r.get("/cluster/ha/groups/{group}", |_| migrated("read group"));
    r.put("/cluster/ha/groups/{group}", |_| migrated("update group"));
    r.delete("/cluster/ha/groups/{group}", |_: &mut Call<'_>| migrated("delete group"));
}

fn migrated(doing: &str) -> Result<Value, PveError> {
    Err(PveError::new(format!("cannot {doing}: ha groups have been migrated to rules")))
}
