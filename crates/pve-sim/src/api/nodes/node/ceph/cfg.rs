//! `/nodes/{node}/ceph/cfg`.

use serde_json::{Value, json};

use super::{Need, ceph};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/ceph/cfg", index);
    r.get("/nodes/{node}/ceph/cfg/raw", raw);
    r.get("/nodes/{node}/ceph/cfg/db", db);
    r.get("/nodes/{node}/ceph/cfg/value", value);
}

fn index(_: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(json!([{ "name": "raw" }, { "name": "db" }, { "name": "value" }]))
}

/// The file: `[global]`, `[client]` and its kin, then the daemons.
fn raw(call: &mut Call<'_>) -> Result<Value, PveError> {
    let ceph = ceph(call, Need::Config)?;
    let mut sections: Vec<_> = ceph.conf.iter().flatten().collect();
    sections.sort_by_key(|(name, _)| (*name != "global", name.to_string()));
    let text = sections.into_iter().map(|(name, keys)| {
        let lines: String = keys.iter().map(|(key, value)| format!("\t{key} = {value}\n")).collect();
        format!("[{name}]\n{lines}\n")
    });
    Ok(text.collect::<String>().into())
}

fn db(call: &mut Call<'_>) -> Result<Value, PveError> {
    let rows = ceph(call, Need::Monitors)?.config.dump();
    let row = |row: Value| {
        let runtime = u8::from(row["can_update_at_runtime"] == Value::Bool(true));
        json!({ "section": row["section"], "name": row["name"], "value": row["value"], "level": row["level"],
            "mask": row["mask"], "can_update_at_runtime": runtime })
    };
    Ok(rows.into_iter().map(row).collect())
}

/// Values of `section:key` pairs: the file's, else the database's; what is not set is absent.
fn value(call: &mut Call<'_>) -> Result<Value, PveError> {
    let wanted = call.params.need("config-keys").to_owned();
    let ceph = ceph(call, Need::Config)?;
    let stored = ceph.config.dump();
    let mut out = json!({});
    for pair in wanted.split([';', ',', ' ']).filter(|p| !p.is_empty()) {
        let Some((section, key)) = pair.split_once(':') else { continue };
        let key = key.replace('-', "_");
        let in_file = ceph.conf.as_ref().and_then(|c| c.get(section)?.get(&key)).map(|v| json!(v));
        let fits = |row: &&Value| row["section"] == *section && row["name"] == *key && row["mask"] == *"";
        let in_db = || stored.iter().find(fits).map(|row| row["value"].clone());
        if let Some(value) = in_file.or_else(in_db) {
            out[section][key.replace('_', "-")] = value;
        }
    }
    Ok(out)
}
