//! `firewall/options` of the cluster, of nodes and of guests, whether there are such guests or not. Recording 50.

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::{MODIFIED, place};
use crate::cluster::sections::Entry;
use crate::kernel::schema;
use crate::kernel::{Call, PveError, Routes};

const PLACES: [&str; 4] = [
    "/cluster/firewall/options",
    "/nodes/{node}/firewall/options",
    "/nodes/{node}/qemu/{vmid}/firewall/options",
    "/nodes/{node}/lxc/{vmid}/firewall/options",
];

pub(super) fn routes(r: &mut Routes) {
    for place in PLACES {
        r.get(place, read);
        r.put(place, update);
    }
}

fn options(call: &Call<'_>) -> Result<Entry, PveError> {
    Ok(call.cluster.firewall.options.get(&place(call)?).cloned().unwrap_or_default())
}

/// That of nothing where nothing is set.
fn digest(options: &Entry) -> String {
    let text = if options.is_empty() { String::new() } else { json!(options).to_string() };
    Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let options = options(call)?;
    let mut answer: Map<String, Value> = options.clone().into_iter().collect();
    answer.insert("digest".to_owned(), json!(digest(&options)));
    Ok(Value::Object(answer))
}

/// What is set and taken away at once is set.
fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    const OTHERS: [&str; 4] = ["node", "vmid", "delete", "digest"];
    let mut options = options(call)?;
    if call.params.text("digest").is_some_and(|known| known != digest(&options)) {
        return Err(PveError::new(MODIFIED));
    }
    let method = schema::method("PUT", call.path);
    let parameter = |name: &str| method.and_then(|method| method.parameter(name));
    for name in call.params.list("delete") {
        if parameter(&name).is_none() || OTHERS.contains(&name.as_str()) {
            return Err(PveError::param("delete", format!("no such option '{name}'")));
        }
        options.remove(&name);
    }
    for (name, text) in call.params.texts().filter(|(name, _)| !OTHERS.contains(name)) {
        let number =
            text.parse::<i64>().ok().filter(|_| parameter(name).is_some_and(|of| of.kind.as_deref() != Some("string")));
        options.insert(name.to_owned(), number.map_or_else(|| json!(text), |number| json!(number)));
    }
    if call.path == PLACES[0] && options.get("enable").and_then(Value::as_i64).is_some_and(|enable| enable > 1) {
        return Err(call.left_out("switching the firewall on for a minute"));
    }
    let place = place(call)?;
    match options.is_empty() {
        true => drop(call.cluster.firewall.options.remove(&place)),
        false => drop(call.cluster.firewall.options.insert(place, options)),
    }
    Ok(Value::Null)
}
