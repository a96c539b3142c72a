//! `/nodes/{node}/ceph/mon`.

use serde_json::{Value, json};

use super::{Need, ceph, ceph_on, mgr, secs};
use crate::cluster::ceph::{Ceph, Mon};
use crate::kernel::locks::Lock;
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/ceph/mon", list);
    r.post("/nodes/{node}/ceph/mon/{monid}", create);
    r.delete("/nodes/{node}/ceph/mon/{monid}", destroy);
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let ceph = ceph(call, Need::Config)?;
    let quorate = ceph.has_quorum();
    let entry = |(rank, mon): (usize, &Mon)| {
        let inside = quorate && mon.in_quorum;
        // What a monitor told once is remembered while it is away.
        let told = quorate && (mon.in_quorum || !mon.running);
        let version = |text: &str| if told { json!(text) } else { Value::Null };
        let mut entry = json!({
            "name": mon.name, "host": mon.node, "addr": format!("{}:6789/0", mon.ip), "rank": rank,
            "state": match (quorate, inside) { (false, _) => "unknown", (_, true) => "running", _ => "stopped" },
            "service": true, "direxists": true,
            "ceph_version": version(&ceph.release.long()), "ceph_version_short": version(ceph.release.short()),
        });
        if inside {
            entry["quorum"] = json!(1);
        }
        entry
    };
    Ok(ceph.mons_by_rank().into_iter().enumerate().map(entry).collect())
}

fn create(call: &mut Call<'_>) -> Result<Value, PveError> {
    let id = call.params.need("monid").to_owned();
    let node = call.node.clone();
    let own = call.cluster.nodes.get(&node).map(|n| n.ip.clone()).unwrap_or_default();
    let wanted = call.params.list("mon-address").into_iter().next();
    let ceph = ceph(call, Need::Config)?;
    if !ceph.mons.is_empty() && !ceph.has_quorum() {
        return Err(PveError::new("Could not connect to ceph cluster despite configured monitors"));
    }
    let ip = wanted.unwrap_or_else(|| own.clone());
    if ip != own {
        return Err(PveError::new(format!("Specified monitor IP '{ip}' not configured or up on {node}!")));
    }
    if ceph.mons.iter().any(|m| m.ip == ip) {
        return Err(PveError::new(format!("monitor address '{ip}' already in use")));
    }
    if ceph.mons.iter().any(|m| m.name == id) {
        return Err(PveError::new(format!("monitor '{id}' already exists")));
    }
    let steps = Steps::new().lock(Lock::file("ceph.conf")).wait(secs(3)).run({
        let id = id.clone();
        move |t| {
            let (now, user) = (t.now().seconds(), t.user());
            let ceph = ceph_on(t.cluster, &node, Need::Config)?;
            let first = ceph.mons.is_empty();
            let fetched = ceph.monmap_json()["epoch"].take();
            ceph.make_mon(&id, &node, &ip, now);
            let log = monmap(ceph, &fetched);
            if first {
                let generated = t.cluster.ids.uuid();
                let log = log.replace(t.cluster.ceph.fsid(), &generated);
                t.log(first_monmap(&log, &generated));
                t.log(
                    "created the first monitor, assume it's safe to disable insecure global ID reclaim for new setup",
                );
                t.log("Configuring keyring for ceph-crash.service");
            } else {
                t.log(log);
            }
            t.log(format!(
                "Created symlink '/etc/systemd/system/ceph-mon.target.wants/ceph-mon@{id}.service' -> \
                 '/usr/lib/systemd/system/ceph-mon@.service'."
            ));
            if first {
                let with = mgr::make(&node, &node);
                t.cluster.start_task(&node, &user, "cephcreatemgr", format!("mgr.{node}"), with);
            }
            Ok(())
        }
    });
    Ok(call.task("cephcreatemon", format!("mon.{id}"), steps))
}

/// What monmaptool prints when it adds the monitor to the map it fetched.
fn monmap(ceph: &Ceph, epoch: &Value) -> String {
    let map = ceph.monmap_json();
    let text = |key: &str| map[key].as_str().unwrap_or_default().replace('Z', "+0000");
    let mons = ceph.mons_by_rank();
    let mut out = format!(
        "monmaptool: monmap file /tmp/monmap\nepoch {0}\nfsid {1}\nlast_changed {2}\ncreated {3}\n\
         min_mon_release {4} ({5})\nelection_strategy: 1\n",
        epoch,
        ceph.fsid(),
        text("modified"),
        text("created"),
        ceph.release.major(),
        ceph.release.name(),
    );
    for (rank, mon) in mons.iter().enumerate() {
        out += &format!("{rank}: [v2:{0}:3300/0,v1:{0}:6789/0] mon.{1}\n", mon.ip, mon.name);
    }
    out + &format!("monmaptool: writing epoch {epoch} to /tmp/monmap ({} monitors)", mons.len())
}

/// The same for the first monitor, whose map the tool makes up, with an id and a release of its own.
fn first_monmap(map: &str, fsid: &str) -> String {
    let (opening, rest) = map.split_once('\n').unwrap_or((map, ""));
    let rest: Vec<&str> = rest.lines().collect();
    let rest =
        rest.iter().map(|line| if line.starts_with("min_mon_release") { "min_mon_release 16 (pacific)" } else { line });
    let rest: Vec<&str> = rest.collect();
    format!(
        "creating new monitor keyring\ncreating /etc/pve/priv/ceph.mon.keyring\n\
         importing contents of /etc/pve/priv/ceph.client.admin.keyring into /etc/pve/priv/ceph.mon.keyring\n\
         {opening}\nmonmaptool: generated fsid {fsid}\nsetting min_mon_release = pacific\n{}",
        rest.join("\n")
    )
}

fn destroy(call: &mut Call<'_>) -> Result<Value, PveError> {
    let id = call.params.need("monid").to_owned();
    let node = call.node.clone();
    let ceph = ceph(call, Need::Monitors)?;
    if !ceph.mons.iter().any(|m| m.name == id && m.node == node) {
        let dir = format!("/var/lib/ceph/mon/ceph-{id}");
        return Err(PveError::new(format!("monitor filesystem '{dir}' does not exist on this node")));
    }
    if ceph.mons.len() == 1 {
        return Err(PveError::new("can't remove last monitor"));
    }
    let steps = Steps::new().lock(Lock::file("ceph.conf")).wait(secs(2)).run({
        let id = id.clone();
        move |t| {
            let now = t.now().seconds();
            let ceph = ceph_on(t.cluster, &node, Need::Monitors)?;
            ceph.remove_mon(&id, now);
            if let Some(conf) = ceph.conf.as_mut() {
                conf.remove(&format!("mon.{id}"));
            }
            ceph.write_mon_host();
            Ok(())
        }
    });
    Ok(call.task("cephdestroymon", format!("mon.{id}"), steps))
}
