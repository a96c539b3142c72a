//! `/cluster/nextid`: a free vmid.

use serde_json::Value;

use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/nextid", next_id);
}

/// The number comes as a text.
fn next_id(call: &mut Call<'_>) -> Result<Value, PveError> {
    let taken = |vmid: u32| call.cluster.guests.all.contains_key(&vmid);
    if let Some(vmid) = call.params.number("vmid") {
        if taken(vmid) {
            return Err(PveError::param("vmid", format!("VM {vmid} already exists")));
        }
        return Ok(vmid.to_string().into());
    }
    let mut range = call.cluster.options.next_id_range();
    let (lower, upper) = (range.start, range.end);
    match range.find(|vmid| !taken(*vmid)) {
        Some(vmid) => Ok(vmid.to_string().into()),
        None => Err(PveError::new(format!("unable to get any free VMID in range [{lower}, {upper}]"))),
    }
}
