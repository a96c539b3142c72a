//! `/nodes/{node}/apt`. Recording 52.

use serde_json::{Value, json};

use crate::cluster::apt::{Apt, standard};
use crate::kernel::{Call, PveError, Routes};

const MODIFIED: &str = "detected modified configuration - file changed by other user? Try again.";

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/apt", index);
    r.get("/nodes/{node}/apt/repositories", list);
    r.put("/nodes/{node}/apt/repositories", add);
    r.post("/nodes/{node}/apt/repositories", change);
}

fn index(_: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(["changelog", "repositories", "update", "versions"].iter().map(|id| json!({ "id": id })).collect())
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(apt(call)?.json())
}

/// The files of the node that carries the call out, if they are still as whoever calls has read them.
fn apt<'a>(call: &'a mut Call<'_>) -> Result<&'a mut Apt, PveError> {
    let node = call.node.clone();
    let known = call.params.text("digest").map(str::to_owned);
    // The call was routed to a node that there is.
    let apt = &mut call.cluster.nodes.get_mut(&node).ok_or_else(|| PveError::new("no such node"))?.apt;
    match known {
        Some(known) if known != apt.digest() => Err(PveError::new(MODIFIED)),
        _ => Ok(apt),
    }
}

fn add(call: &mut Call<'_>) -> Result<Value, PveError> {
    let handle = call.params.need("handle").to_owned();
    let all = standard();
    let Some(wanted) = all.iter().find(|standard| standard.handle == handle) else {
        let known: Vec<String> = all.iter().map(|standard| format!("`{}`", standard.handle)).collect();
        return Err(PveError::new(format!("error: unknown variant `{handle}`, expected one of {}", known.join(", "))));
    };
    apt(call)?.add(wanted);
    Ok(Value::Null)
}

fn change(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (path, index) = (call.params.need("path").to_owned(), call.params.int("index").unwrap_or_default());
    let enabled = call.params.flag("enabled");
    let entry = apt(call)?.entry(&path, index).map_err(PveError::new)?;
    if let Some(enabled) = enabled {
        entry.enabled = Some(enabled);
    }
    Ok(Value::Null)
}
