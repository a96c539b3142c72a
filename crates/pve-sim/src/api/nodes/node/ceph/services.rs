//! `POST /nodes/{node}/ceph/{start,stop,restart}`.

use serde_json::Value;

use super::{Need, ceph, ceph_on, secs};
use crate::cluster::ceph::Ceph;
use crate::kernel::tasks::{Steps, TaskCx};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/ceph/start", |call| control(call, "start"));
    r.post("/nodes/{node}/ceph/stop", |call| control(call, "stop"));
    r.post("/nodes/{node}/ceph/restart", |call| control(call, "restart"));
}

fn control(call: &mut Call<'_>, verb: &'static str) -> Result<Value, PveError> {
    ceph(call, Need::Config)?;
    let node = call.node.clone();
    let service = call.params.text("service").unwrap_or("ceph").trim_end_matches(".target").to_owned();
    let job = {
        let service = service.clone();
        let run = move |t: &mut TaskCx<'_>, on: bool| {
            let now = t.now().seconds();
            let ceph = ceph_on(t.cluster, &node, Need::Config)?;
            if set_running(ceph, &node, &service, on, now) {
                let asked = service.strip_prefix("osd.").and_then(|id| id.parse().ok());
                let lame = asked.filter(|id| on && ceph.osds.get(id).is_some_and(|osd| !osd.running));
                return match lame {
                    // Belief: what systemd says of a unit that ends while it starts, as without its disk.
                    Some(id) => Err(format!("command '/bin/systemctl {verb} ceph-osd@{id}' failed: exit code 1")),
                    None => Ok(()),
                };
            }
            // Belief: what systemd says about an instance that was never set up on the node.
            let unit = service.replacen('.', "@", 1);
            Err(format!("command '/bin/systemctl {verb} ceph-{unit}' failed: exit code 5"))
        };
        let again = run.clone();
        let steps = Steps::new().wait(secs(1));
        match verb {
            "start" => steps.run(move |t| run(t, true)),
            "stop" => steps.run(move |t| run(t, false)),
            _ => steps.run(move |t| run(t, false)).wait(secs(1)).run(move |t| again(t, true)),
        }
    };
    Ok(call.task(&format!("srv{verb}"), service, job))
}

/// Starts or stops what a service's name means on a node; false if that is nothing there.
fn set_running(ceph: &mut Ceph, node: &str, service: &str, on: bool, now: f64) -> bool {
    let (kind, id) = service.split_once('.').map_or((service, None), |(kind, id)| (kind, Some(id)));
    let wanted = |k: &str, name: &str| (kind == "ceph" || kind == k) && id.is_none_or(|id| id == name);
    let osds: Vec<u32> =
        ceph.osds.iter().filter(|(n, o)| o.node == node && wanted("osd", &n.to_string())).map(|(n, _)| *n).collect();
    let mons = ceph.mons.iter().filter(|m| m.node == node && wanted("mon", &m.name)).map(|m| ("mon", m.name.clone()));
    let mgrs = ceph.mgrs.iter().filter(|m| m.node == node && wanted("mgr", &m.name)).map(|m| ("mgr", m.name.clone()));
    let mdss = ceph.mdss.iter().map(|m| &m.daemon).filter(|m| m.node == node && wanted("mds", &m.name));
    let mdss = mdss.map(|m| ("mds", m.name.clone()));
    let others: Vec<(&str, String)> = mons.chain(mgrs).chain(mdss).collect();
    let found = !osds.is_empty() || !others.is_empty() || id.is_none();
    for osd in osds {
        if on { ceph.start_osd(osd, now) } else { ceph.stop_osd(osd, now) }
    }
    for (kind, name) in others {
        ceph.run_service(kind, &name, on, now);
    }
    found
}
