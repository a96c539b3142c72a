//! `/nodes/{node}/ceph/pool`.

mod destroy;
mod erasure;
mod settings;
mod storages;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Need, ceph};
use crate::cluster::ceph::{Ceph, POOL_FLAGS, Pool};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/ceph/pool", list);
    r.get("/nodes/{node}/ceph/pool/{name}", index);
    r.get("/nodes/{node}/ceph/pool/{name}/status", status);
    settings::routes(r);
    destroy::routes(r);
}

/// The manager needs a moment before it has figures of a new pool.
const FIGURES_AFTER: f64 = 2.0;

fn figures(ceph: &Ceph, pool: &Pool) -> Option<Value> {
    let df = ceph.df_json();
    let row = df["pools"].as_array()?.iter().find(|row| row["id"] == pool.id)?;
    (ceph.now() - pool.created >= FIGURES_AFTER).then(|| row["stats"].clone())
}

/// An option that is set, else null.
fn option(pool: &Pool, name: &str) -> Value {
    pool.options.get(name).map_or(Value::Null, |value| value.json())
}

/// What the autoscaler thinks, by pool; nothing while there is no manager to ask.
fn advice(ceph: &Ceph) -> BTreeMap<u32, Value> {
    if !ceph.manager_answers() {
        return BTreeMap::new();
    }
    ceph.autoscale_status().iter().map(|a| (a.pool_id(), a.json())).collect()
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let ceph = ceph(call, Need::Monitors)?;
    let (mut advice, df) = (advice(ceph), ceph.df_json());
    let entry = |pool: &Pool| {
        let mut entry = json!({
            "pool": pool.id, "pool_name": pool.name, "type": pool.kind(), "size": pool.size, "min_size": pool.min_size,
            "pg_num": pool.pg_num, "pg_autoscale_mode": pool.autoscale.word(), "crush_rule": pool.crush_rule,
            "crush_rule_name": ceph.crush.rule(pool.crush_rule).map(|r| r.name.clone()),
            "application_metadata": pool.applications_json(),
        });
        // PVE reads these from the autoscaler's answer: without one they are missing, whether set or not.
        if let Some(scale) = advice.remove(&pool.id) {
            entry["pg_num_min"] = option(pool, "pg_num_min");
            entry["target_size"] = option(pool, "target_size_bytes");
            entry["target_size_ratio"] = option(pool, "target_size_ratio");
            entry["pg_num_final"] = scale["pg_num_final"].clone();
            entry["autoscale_status"] = scale;
        }
        let stats = df["pools"].as_array().into_iter().flatten().find(|row| row["id"] == pool.id);
        if let Some(stats) = stats.filter(|_| ceph.now() - pool.created >= FIGURES_AFTER) {
            entry["bytes_used"] = stats["stats"]["bytes_used"].clone();
            entry["percent_used"] = stats["stats"]["percent_used"].clone();
        }
        entry
    };
    Ok(ceph.pools.values().map(entry).collect())
}

fn index(_: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(json!([{ "name": "status" }]))
}

fn status(call: &mut Call<'_>) -> Result<Value, PveError> {
    let name = call.params.need("name").to_owned();
    let verbose = call.params.flag("verbose").unwrap_or(false);
    let ceph = ceph(call, Need::Monitors)?;
    let Some(pool) = ceph.pool_named(&name) else { return Err(PveError::new(unknown(&name))) };
    let mut out = json!({
        "id": pool.id, "name": name, "size": pool.size, "min_size": pool.min_size, "pg_num": pool.pg_num,
        "pgp_num": pool.pgp_num, "pg_num_min": option(pool, "pg_num_min"),
        "crush_rule": ceph.crush.rule(pool.crush_rule).map(|r| r.name.clone()),
        "pg_autoscale_mode": pool.autoscale.word(), "target_size": option(pool, "target_size_bytes"),
        "target_size_ratio": option(pool, "target_size_ratio"), "use_gmt_hitset": pool.use_gmt_hitset,
        "fast_read": pool.fast_read,
    });
    for flag in POOL_FLAGS {
        out[flag] = json!(pool.flag(flag));
    }
    if verbose {
        out["application_list"] = pool.applications.keys().cloned().collect();
        if let Some(scale) = advice(ceph).remove(&pool.id) {
            out["autoscale_status"] = scale;
        }
        if let Some(stats) = figures(ceph, pool) {
            out["statistics"] = stats;
        }
    }
    Ok(out)
}

fn unknown(pool: &str) -> String {
    format!("error with 'osd pool get': mon_cmd failed - unrecognized pool '{pool}'")
}

/// What creating, changing and destroying pools demand at once.
fn ready(call: &mut Call<'_>) -> Result<(), PveError> {
    call.need_quorum()?;
    if !ceph(call, Need::Config)?.keyring {
        let text = "ceph not fully configured - missing '/etc/pve/priv/ceph.client.admin.keyring'";
        return Err(PveError::new(text));
    }
    Ok(())
}
