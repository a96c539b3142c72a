//! `/nodes/{node}/ceph/mds`.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

use super::{Need, ceph, ceph_on, secs};
use crate::cluster::ceph::Mds;
use crate::cluster::ceph::config::ConfFile;
use crate::kernel::tasks::{Steps, TaskCx};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/ceph/mds", list);
    r.post("/nodes/{node}/ceph/mds/{name}", create);
    r.delete("/nodes/{node}/ceph/mds/{name}", destroy);
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let ceph = ceph(call, Need::Monitors)?;
    let entry = |mds: &Mds| {
        let daemon = &mds.daemon;
        let mut entry = json!({
            "name": daemon.name, "host": daemon.node, "service": true, "direxists": true, "state": "stopped",
        });
        if let Some(state) = mds.state(ceph.now()) {
            entry["state"] = json!(state);
            entry["addr"] = json!(format!("{}:6851/4061008742", ceph.daemon_ip(&daemon.node)));
            entry["rank"] = json!(if mds.serves.is_some() { 0 } else { -1 });
            entry["standby_replay"] = json!(false);
            entry["ceph_version"] = json!(ceph.release.long());
            entry["ceph_version_short"] = json!(ceph.release.short());
            if let Some((fs, _)) = &mds.serves {
                entry["fs_name"] = json!(fs);
            }
        }
        entry
    };
    Ok(ceph.mdss.iter().map(entry).collect())
}

/// `ceph.conf` as it was when the task read it: written back as a whole, without a lock, so that what somebody else wrote
/// meanwhile is lost.
type Read = Arc<Mutex<Option<ConfFile>>>;

fn keep(read: &Read, conf: Option<ConfFile>) {
    // Nobody panics while they hold it.
    *read.lock().unwrap_or_else(PoisonError::into_inner) = conf;
}

fn kept(read: &Read) -> Option<ConfFile> {
    read.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    ceph(call, Need::Config)?;
    let (id, node) = (call.params.text("name").unwrap_or(&call.node).to_owned(), call.node.clone());
    if id.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(PveError::new("ID of the MDS cannot start with a number!"));
    }
    let dir = format!("/var/lib/ceph/mds/ceph-{id}");
    let read = Read::default();
    let begin = {
        let (id, node, read) = (id.clone(), node.clone(), read.clone());
        move |t: &mut TaskCx<'_>| {
            let ceph = ceph_on(t.cluster, &node, Need::Monitors)?;
            if ceph.conf.as_ref().is_some_and(|conf| conf.contains_key(&format!("mds.{id}"))) {
                return Err(format!("MDS '{id}' already referenced in ceph config, abort!"));
            }
            if ceph.mdss.iter().any(|mds| mds.daemon.name == id && mds.daemon.node == node) {
                return Err(format!("ceph MDS directory '{dir}' already exists"));
            }
            keep(&read, ceph.conf.clone());
            t.log(format!("creating MDS directory '{dir}'\ncreating keys for 'mds.{id}'"));
            t.log("setting ceph as owner for service directory");
            Ok(())
        }
    };
    let steps = Steps::new().run(begin).wait(secs(1)).run({
        let id = id.clone();
        move |t| {
            let now = t.now().seconds();
            t.log(format!("enabling service 'ceph-mds@{id}.service'\nstarting service 'ceph-mds@{id}.service'"));
            let ceph = t.cluster.ceph_now();
            ceph.conf = kept(&read);
            ceph.make_mds(&id, &node, now);
            Ok(())
        }
    });
    Ok(call.task("cephcreatemds", format!("mds.{id}"), steps))
}

/// Nobody asks whether there is one here: on another node it loses its key and its lines in the file all the same.
fn destroy(call: &mut Call<'_>) -> Result<Value, PveError> {
    ceph(call, Need::Config)?;
    let (id, node) = (call.params.need("name").to_owned(), call.node.clone());
    let read = Read::default();
    let begin = {
        let (id, node, read) = (id.clone(), node.clone(), read.clone());
        move |t: &mut TaskCx<'_>| {
            t.log(format!("disabling service 'ceph-mds@{id}.service'\nstopping service 'ceph-mds@{id}.service'"));
            let ceph = ceph_on(t.cluster, &node, Need::Monitors)?;
            keep(&read, ceph.conf.clone());
            Ok(())
        }
    };
    let steps = Steps::new().run(begin).wait(secs(1)).run({
        let id = id.clone();
        move |t| {
            let now = t.now().seconds();
            let dir = format!("/var/lib/ceph/mds/ceph-{id}");
            let ceph = ceph_on(t.cluster, &node, Need::Monitors)?;
            let here = ceph.mdss.iter().any(|mds| mds.daemon.name == id && mds.daemon.node == node);
            ceph.conf = kept(&read);
            if let Some(conf) = ceph.conf.as_mut() {
                conf.remove(&format!("mds.{id}"));
            }
            ceph.remove_mds(&id, now);
            t.log(match here {
                true => format!("removing ceph-mds directory '{dir}'"),
                false => format!("cannot cleanup MDS {id} directory, '{dir}' not found"),
            });
            t.log(format!("removing ceph auth for 'mds.{id}'"));
            Ok(())
        }
    });
    Ok(call.task("cephdestroymds", format!("mds.{id}"), steps))
}
