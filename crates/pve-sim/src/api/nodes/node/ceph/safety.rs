//! `GET /nodes/{node}/ceph/cmd-safety`.

use serde_json::{Value, json};

use super::{Need, ceph};
use crate::cluster::ceph::Refusal;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/ceph/cmd-safety", safety);
}

fn safety(call: &mut Call<'_>) -> Result<Value, PveError> {
    let text = |call: &Call<'_>, name: &str| call.params.need(name).to_owned();
    let (service, id, action) = (text(call, "service"), text(call, "id"), text(call, "action"));
    let ceph = ceph(call, Need::Monitors)?;
    let osd = || id.parse::<u32>().ok();
    let verdict: Result<String, Refusal> = match (service.as_str(), action.as_str()) {
        ("osd", "stop") => match osd() {
            // When it is safe, Ceph's status text is empty, and PVE leaves it out.
            Some(id) => ceph.ok_to_stop(&[id]).refusal().map_or(Ok(String::new()), Err),
            None => return Err(invalid(&id)),
        },
        ("osd", _) => match osd() {
            Some(id) => ceph.safe_to_destroy(&[id]).verdict(),
            None => return Err(invalid(&id)),
        },
        ("mon", "stop") => ceph.mon_ok_to_stop(&[&id]),
        ("mon", _) => ceph.mon_ok_to_rm(&id),
        ("mds", "stop") => ceph.mds_ok_to_stop(&id),
        (service, action) => {
            let text = format!("Service does not support this action: {service}: {action}");
            return Err(PveError::new(text));
        }
    };
    let (safe, status) = match verdict {
        Ok(text) => (true, text),
        Err(refusal) => (false, refusal.text),
    };
    let mut out = json!({ "safe": safe });
    if !status.is_empty() {
        out["status"] = json!(status);
    }
    Ok(out)
}

fn invalid(id: &str) -> PveError {
    // Belief: Ceph's own words for an id that is no number.
    PveError::new(format!("invalid osd id '{id}'"))
}
