//! `DELETE /nodes/{node}/ceph/pool/{name}`.

use serde_json::Value;

use super::super::{Need, ceph_on, left_out, refused, secs};
use super::{ready, unknown};
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.delete("/nodes/{node}/ceph/pool/{name}", destroy);
}

fn destroy(call: &mut Call<'_>) -> Result<Value, PveError> {
    ready(call)?;
    let (name, node) = (call.params.need("name").to_owned(), call.node.clone());
    if call.params.flag("remove_storages").unwrap_or(false) {
        return Err(left_out(call, "DELETE /nodes/{node}/ceph/pool/{name} with remove_storages"));
    }
    let steps = Steps::new().wait(secs(1)).run({
        let name = name.clone();
        move |t| {
            let now = t.now().seconds();
            let ceph = ceph_on(t.cluster, &node, Need::Monitors)?;
            match ceph.delete_pool(&name, now) {
                Ok(true) => Ok(()),
                // PVE asks for the pool's settings first.
                Ok(false) => Err(unknown(&name)),
                Err(refusal) => Err(refused("osd pool delete", refusal)),
            }
        }
    });
    Ok(call.task("cephdestroypool", name, steps))
}
