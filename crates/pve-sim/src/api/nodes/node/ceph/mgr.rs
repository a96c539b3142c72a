//! `/nodes/{node}/ceph/mgr`.

use serde_json::{Value, json};

use super::{Need, ceph, ceph_on, secs};
use crate::cluster::ceph::Mgr;
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/ceph/mgr", list);
    r.post("/nodes/{node}/ceph/mgr/{id}", create);
    r.delete("/nodes/{node}/ceph/mgr/{id}", destroy);
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let ceph = ceph(call, Need::Monitors)?;
    let active = ceph.active_mgr().map(|m| m.name.clone());
    let entry = |mgr: &Mgr| {
        let mut entry =
            json!({ "name": mgr.name, "host": mgr.node, "service": true, "direxists": true, "state": "stopped" });
        if mgr.seen {
            entry["addr"] = json!(ceph.daemon_ip(&mgr.node));
            entry["state"] = json!(if active.as_ref() == Some(&mgr.name) { "active" } else { "standby" });
            entry["ceph_version"] = json!(ceph.release.long());
            entry["ceph_version_short"] = json!(ceph.release.short());
        }
        entry
    };
    Ok(ceph.mgrs.iter().map(entry).collect())
}

/// The task that makes a manager.
pub(super) fn make(id: &str, node: &str) -> Steps {
    let (id, node) = (id.to_owned(), node.to_owned());
    let dir = format!("/var/lib/ceph/mgr/ceph-{id}");
    let begin = {
        let (id, node, dir) = (id.clone(), node.clone(), dir.clone());
        move |t: &mut crate::kernel::tasks::TaskCx<'_>| {
            // Whoever came first has made the directory already.
            let tasks = t.cluster.tasks.iter().filter(|task| task.end.is_none() && task.upid.node == node);
            let own = format!("mgr.{id}");
            let of_it: Vec<String> = tasks
                .filter(|task| task.upid.kind == "cephcreatemgr" && task.upid.id == own)
                .map(|task| task.upid.to_string())
                .collect();
            if of_it.first().is_some_and(|first| *first != t.upid()) {
                return Err(format!("ceph manager directory '{dir}' already exists"));
            }
            let ceph = ceph_on(t.cluster, &node, Need::Monitors)?;
            if ceph.mgrs.iter().any(|m| m.name == id && m.node == node) {
                return Err(format!("ceph manager directory '{dir}' already exists"));
            }
            t.log(format!(
                "creating manager directory '{dir}'\ncreating keys for 'mgr.{id}'\nsetting owner for directory"
            ));
            Ok(())
        }
    };
    Steps::new().run(begin).wait(secs(1)).run(move |t| {
        let now = t.now().seconds();
        t.log(format!("enabling service 'ceph-mgr@{id}.service'\nstarting service 'ceph-mgr@{id}.service'"));
        t.cluster.ceph_now().add_mgr(&id, &node, now);
        Ok(())
    })
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    ceph(call, Need::Config)?;
    let id = call.params.text("id").unwrap_or(&call.node).to_owned();
    let job = make(&id, &call.node);
    Ok(call.task("cephcreatemgr", format!("mgr.{id}"), job))
}

fn destroy(call: &mut Call<'_>) -> Result<Value, PveError> {
    ceph(call, Need::Config)?;
    let (id, node) = (call.params.need("id").to_owned(), call.node.clone());
    let steps = Steps::new().wait(secs(1)).run({
        let id = id.clone();
        move |t| {
            let now = t.now().seconds();
            let ceph = ceph_on(t.cluster, &node, Need::Config)?;
            let dir = format!("/var/lib/ceph/mgr/ceph-{id}");
            if !ceph.mgrs.iter().any(|m| m.name == id && m.node == node) {
                return Err(format!("ceph manager directory '{dir}' not found"));
            }
            ceph.remove_mgr(&id, now);
            t.log(format!("disabling service 'ceph-mgr@{id}.service'\nstopping service 'ceph-mgr@{id}.service'"));
            t.log(format!("removing manager directory '{dir}'\nremoving authkeys for mgr.{id}"));
            Ok(())
        }
    });
    Ok(call.task("cephdestroymgr", format!("mgr.{id}"), steps))
}
