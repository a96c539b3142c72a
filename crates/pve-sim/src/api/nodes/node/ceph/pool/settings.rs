//! `POST /nodes/{node}/ceph/pool` and `PUT /nodes/{node}/ceph/pool/{name}`.
//!
//! Neither is a transaction: settings are made one after another, each failure is told in the log, and what was made
//! before stays.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::{Need, ceph_on, refused, secs};
use super::erasure::{self, Erasure};
use super::{ready, storages, unknown};
use crate::cluster::ceph::{Ceph, NewPool};
use crate::kernel::params::Params;
use crate::kernel::params::formats::storage_id;
use crate::kernel::tasks::{Steps, TaskCx};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/ceph/pool", create);
    r.put("/nodes/{node}/ceph/pool/{name}", update);
}

/// Ceph's name and value of each setting in a call.
pub(super) type Settings = BTreeMap<&'static str, String>;

const NAMES: [(&str, &str); 8] = [
    ("size", "size"),
    ("min_size", "min_size"),
    ("pg_num", "pg_num"),
    ("pg_num_min", "pg_num_min"),
    ("crush_rule", "crush_rule"),
    ("pg_autoscale_mode", "pg_autoscale_mode"),
    ("target_size_ratio", "target_size_ratio"),
    ("application", "application"),
];

fn settings(params: &Params) -> Settings {
    let given = NAMES.iter().filter_map(|(pve, ceph)| Some((*ceph, params.text(pve)?.to_owned())));
    let mut all: Settings = given.collect();
    if let Some(size) = params.text("target_size") {
        all.insert("target_size_bytes", bytes(size).to_string());
    }
    all
}

/// `1.5G` in bytes; the schema has checked the form.
fn bytes(text: &str) -> u64 {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match &text[number.len()..] {
        "K" => 1,
        "M" => 2,
        "G" => 3,
        "T" => 4,
        _ => 0,
    };
    (number.parse::<f64>().unwrap_or(0.0) * 1024f64.powi(power)) as u64
}

/// What a call does not say of a new pool.
pub(super) fn complete(wanted: &mut Settings) {
    for (key, default) in
        [("size", "3"), ("min_size", "2"), ("pg_num", "128"), ("application", "rbd"), ("pg_autoscale_mode", "warn")]
    {
        wanted.entry(key).or_insert_with(|| default.to_owned());
    }
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    ready(call)?;
    let name = call.params.need("name").to_owned();
    let erasure = Erasure::of(call)?;
    let add_storages = call.params.flag("add_storages").unwrap_or(erasure.is_some());
    if add_storages {
        call.demand("/storage", &["Datastore.Allocate"])?;
        storage_id(&name).map_err(PveError::new)?;
    }
    let mut wanted = settings(&call.params);
    if let Some(erasure) = erasure {
        let steps = erasure::create(call.node.clone(), name.clone(), erasure, wanted, add_storages);
        return Ok(call.task("cephcreatepool", name, steps));
    }
    complete(&mut wanted);
    let node = call.node.clone();
    let steps = Steps::new()
        .wait(secs(1))
        .run({
            let (name, node, pg_num) = (name.clone(), node.clone(), wanted["pg_num"].parse().ok());
            move |t| {
                let now = t.now().seconds();
                let new = NewPool { pg_num, ..NewPool::default() };
                // An existing pool is no error for Ceph, so that its settings are changed next.
                let made = ceph_on(t.cluster, &node, Need::Monitors)?.create_pool(&name, new, now);
                made.map(|_| ()).map_err(|refusal| refused("osd pool create", refusal))
            }
        })
        .wait(secs(1))
        .run({
            let name = name.clone();
            move |t| {
                apply(t, &node, &name, &wanted)?;
                if add_storages { storages::add(t, &name, &name, None) } else { Ok(()) }
            }
        });
    Ok(call.task("cephcreatepool", name, steps))
}

fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    ready(call)?;
    let name = call.params.need("name").to_owned();
    let (wanted, node) = (settings(&call.params), call.node.clone());
    let steps = Steps::new().wait(secs(1)).run({
        let name = name.clone();
        move |t| apply(t, &node, &name, &wanted)
    });
    Ok(call.task("cephsetpool", name, steps))
}

/// Makes the settings, `size` first and the others by name, skipping what the pool had before the call.
pub(super) fn apply(t: &mut TaskCx<'_>, node: &str, pool: &str, wanted: &Settings) -> Result<(), String> {
    let now = t.now().seconds();
    let before = current(ceph_on(t.cluster, node, Need::Monitors)?, pool).ok_or_else(|| unknown(pool))?;
    let mut failed = vec![];
    let first = wanted.get_key_value("size");
    let ceph = ceph_on(t.cluster, node, Need::Monitors)?;
    let coded = ceph.pool_named(pool).is_some_and(|pool| pool.chunks.is_some());
    for (key, value) in first.into_iter().chain(wanted.iter().filter(|(key, _)| **key != "size")) {
        if coded && ["size", "crush_rule"].contains(key) {
            t.log(format!("cannot set '{key}' for erasure coded pool"));
            continue;
        }
        if before.get(key).is_some_and(|had| same(had, value)) {
            t.log(format!("skipping '{key}', did not change"));
            continue;
        }
        t.log(format!("pool {pool}: applying {key} = {value}"));
        let ceph = ceph_on(t.cluster, node, Need::Monitors)?;
        let (command, done) = match *key {
            "application" => ("osd pool application enable", ceph.enable_application(pool, value, false, now)),
            key => ("osd pool set", ceph.set_pool(pool, key, value, false, now)),
        };
        if let Err(refusal) = done {
            t.log(refused(command, refusal));
            failed.push(*key);
        }
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(format!("Could not set: {}", failed.join(", "))),
    }
}

/// The settings of a pool as they are compared; an application is always set anew.
fn current(ceph: &Ceph, pool: &str) -> Option<Settings> {
    let pool = ceph.pool_named(pool)?;
    let mut out = Settings::from([
        ("size", pool.size.to_string()),
        ("min_size", pool.min_size.to_string()),
        ("pg_num", pool.pg_num.to_string()),
        ("pg_autoscale_mode", pool.autoscale.word().to_owned()),
    ]);
    if let Some(rule) = ceph.crush.rule(pool.crush_rule) {
        out.insert("crush_rule", rule.name.clone());
    }
    for key in ["pg_num_min", "target_size_bytes", "target_size_ratio"] {
        if let Some(value) = pool.options.get(key) {
            out.insert(key, value.json().to_string());
        }
    }
    Some(out)
}

fn same(had: &str, wanted: &str) -> bool {
    match (had.parse::<f64>(), wanted.parse::<f64>()) {
        (Ok(had), Ok(wanted)) => had == wanted,
        _ => had == wanted,
    }
}
