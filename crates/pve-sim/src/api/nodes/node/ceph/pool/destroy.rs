//! `DELETE /nodes/{node}/ceph/pool/{name}`.

use serde_json::Value;

use super::super::{Need, ceph_on, refused, secs};
use super::{ready, storages, unknown};
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.delete("/nodes/{node}/ceph/pool/{name}", destroy);
}

fn destroy(call: &mut Call<'_>) -> Result<Value, PveError> {
    ready(call)?;
    let (name, node) = (call.params.need("name").to_owned(), call.node.clone());
    let force = call.params.flag("force").unwrap_or(false);
    let remove_storages = call.params.flag("remove_storages").unwrap_or(false);
    if remove_storages {
        call.demand("/storage", &["Datastore.Allocate"])?;
    }
    let steps = Steps::new().wait(secs(1)).run({
        let name = name.clone();
        move |t| {
            let now = t.now().seconds();
            if !force {
                storages::check_unused(t, &name)?;
            }
            let ceph = ceph_on(t.cluster, &node, Need::Monitors)?;
            match ceph.delete_pool(&name, now) {
                Ok(true) => {}
                // PVE asks for the pool's settings first.
                Ok(false) => return Err(unknown(&name)),
                Err(refusal) => return Err(refused("osd pool delete", refusal)),
            }
            if remove_storages {
                storages::remove(t, &name);
            }
            Ok(())
        }
    });
    Ok(call.task("cephdestroypool", name, steps))
}
