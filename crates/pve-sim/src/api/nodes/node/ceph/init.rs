//! `POST /nodes/{node}/ceph/init`.

use serde_json::Value;

use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/ceph/init", init);
}

fn init(call: &mut Call<'_>) -> Result<Value, PveError> {
    let node = call.node.clone();
    if !call.cluster.ceph_now().installed(&node) {
        return Err(PveError::new("Ceph Nautilus required - please run 'pveceph install'"));
    }
    call.need_quorum()?;
    let network = call.params.text("network").map(str::to_owned);
    let cluster_network = call.params.text("cluster-network").map(str::to_owned);
    let (size, min_size) = (call.params.int("size"), call.params.int("min_size"));
    let fsid = call.cluster.ids.uuid();
    let ceph = call.cluster.ceph_now();
    // A second call keeps what there is, but for the networks.
    ceph.initialise(&fsid, network.as_deref(), cluster_network.as_deref(), size, min_size);
    Ok(Value::Null)
}
