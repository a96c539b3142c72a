//! `/nodes/{node}/ceph`. DB and WAL devices, and what a file system does to storages are not simulated.

mod cfg;
mod fs;
mod init;
mod mds;
mod mgr;
mod mon;
mod osd;
mod pool;
mod safety;
mod services;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::cluster::ceph::{Ceph, Refusal};
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/ceph", index);
    r.get("/nodes/{node}/ceph/status", status);
    r.get("/nodes/{node}/ceph/rules", rules);
    r.get("/nodes/{node}/ceph/crush", crush);
    r.get("/nodes/{node}/ceph/releases", releases);
    cfg::routes(r);
    fs::routes(r);
    init::routes(r);
    mds::routes(r);
    mgr::routes(r);
    mon::routes(r);
    osd::routes(r);
    pool::routes(r);
    safety::routes(r);
    services::routes(r);
}

/// How far Ceph must have got for a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// `/etc/pve/ceph.conf` is there.
    Config,
    /// Monitors answer.
    Monitors,
}

/// Ceph at this moment, if it has got that far on this node; else PVE's text.
pub(crate) fn ceph<'a>(call: &'a mut Call<'_>, need: Need) -> Result<&'a mut Ceph, PveError> {
    let node = call.node.clone();
    ceph_on(call.cluster, &node, need).map_err(PveError::new)
}

/// The same for a task.
pub(crate) fn ceph_on<'a>(cluster: &'a mut Cluster, node: &str, need: Need) -> Result<&'a mut Ceph, String> {
    let ceph = cluster.ceph_now();
    if !ceph.installed(node) {
        return Err("binary not installed: /usr/bin/ceph-mon".into());
    }
    if ceph.conf.is_none() {
        let parts = "missing '/etc/pve/ceph.conf', missing '/etc/pve/ceph'";
        return Err(format!("pveceph configuration not initialized - {parts}"));
    }
    if need == Need::Monitors && !ceph.has_quorum() {
        // Belief: the beginning is what PVE's own interface looks for; what follows is the errno's text.
        let why = if ceph.mons.is_empty() { "No such file or directory" } else { "Connection timed out" };
        return Err(format!("rados_connect failed - {why}"));
    }
    Ok(ceph)
}

/// A refusal of Ceph as PVE passes it on. What stands before Ceph's own text is not to be relied upon.
pub(super) fn refused(prefix: &str, refusal: Refusal) -> String {
    format!("error with '{prefix}': mon_cmd failed - {}", refusal.text)
}

/// Something that is left out is asked for: 501, and it is listed with the calls that are not simulated.
pub(super) fn left_out(call: &mut Call<'_>, what: &str) -> PveError {
    call.left_out(what)
}

pub(super) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

fn index(_: &mut Call<'_>) -> Result<Value, PveError> {
    let names = [
        "cmd-safety",
        "cfg",
        "crush",
        "fs",
        "init",
        "log",
        "mds",
        "mgr",
        "mon",
        "osd",
        "pool",
        "releases",
        "restart",
        "restart-bulk",
        "rules",
        "start",
        "status",
        "stop",
    ];
    Ok(names.iter().map(|name| json!({ "name": name })).collect())
}

pub(crate) fn status(call: &mut Call<'_>) -> Result<Value, PveError> {
    Ok(ceph(call, Need::Monitors)?.full_status_json())
}

fn rules(call: &mut Call<'_>) -> Result<Value, PveError> {
    let ceph = ceph(call, Need::Monitors)?;
    Ok(ceph.crush.rules().map(|rule| json!({ "name": rule.name })).collect())
}

fn crush(call: &mut Call<'_>) -> Result<Value, PveError> {
    let ceph = ceph(call, Need::Monitors)?;
    Ok(ceph.crush.decompile(&ceph.release).into())
}

fn releases(_: &mut Call<'_>) -> Result<Value, PveError> {
    // Belief: the releases that PVE 9 offers; the call came with 9.2.7 and was never recorded.
    let release = |name: &str, version: &str, default: u8| json!({ "release": name, "version": version, "available": 1, "is-default": default, "unsupported": 0 });
    Ok(json!([release("squid", "19.2", 0), release("tentacle", "20.2", 1)]))
}
