//! `GET /nodes/{node}/disks/lvm`: the volume groups, each with the disks and partitions that it lies on.

use serde_json::{Value, json};

use crate::cluster::volume_groups::Group;
use crate::kernel::{Call, PveError};

// Belief: the shape is the schema's, `lvcount` and full groups are not recorded.
pub(super) fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let group = |Group { name, path, size, free, volumes }: Group| {
        let below = json!({ "name": path, "size": size, "free": free, "leaf": 1 });
        json!({ "name": name, "size": size, "free": free, "lvcount": volumes, "leaf": 0, "children": [below] })
    };
    let groups: Vec<Value> = call.cluster.volume_groups(&call.node).into_iter().map(group).collect();
    Ok(json!({ "leaf": 0, "children": groups }))
}
