//! `DELETE /nodes/{node}/ceph/pool/{name}`.

use serde_json::Value;

use super::super::{Need, ceph_on, refused, secs};
use super::{ready, storages, unknown};
use crate::kernel::tasks::{Steps, TaskCx};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.delete("/nodes/{node}/ceph/pool/{name}", destroy);
}

fn destroy(call: &mut Call<'_>) -> Result<Value, PveError> {
    ready(call)?;
    let (name, node) = (call.params.need("name").to_owned(), call.node.clone());
    let force = call.params.flag("force").unwrap_or(false);
    let remove_profile = call.params.flag("remove_ecprofile").unwrap_or(true);
    let remove_storages = call.params.flag("remove_storages").unwrap_or(false);
    if remove_storages {
        call.demand("/storage", &["Datastore.Allocate"])?;
    }
    let steps = Steps::new().wait(secs(1)).run({
        let name = name.clone();
        move |t| {
            let now = t.now().seconds();
            if !force {
                storages::check_unused(t, &name)?;
            }
            let ceph = ceph_on(t.cluster, &node, Need::Monitors)?;
            let profile = ceph.pool_named(&name).and_then(|pool| pool.profile()).map(str::to_owned);
            let rule = ceph.pool_named(&name).map(|pool| pool.crush_rule);
            match ceph.delete_pool(&name, now) {
                Ok(true) => {}
                // PVE asks for the pool's settings first.
                Ok(false) => return Err(unknown(&name)),
                Err(refusal) => return Err(refused("osd pool delete", refusal)),
            }
            if let Some(profile) = profile {
                t.log(format!("found erasure coded profile '{profile}', destroying its CRUSH rule"));
                leave_nothing(t, &node, rule, remove_profile.then_some(&profile))?;
            }
            if remove_storages {
                storages::remove(t, &name);
            }
            Ok(())
        }
    });
    Ok(call.task("cephdestroypool", name, steps))
}

/// Removes the rule of an erasure coded pool that is gone, and its profile. What others use stays, with a warning.
fn leave_nothing(t: &mut TaskCx<'_>, node: &str, rule: Option<u32>, profile: Option<&String>) -> Result<(), String> {
    let ceph = ceph_on(t.cluster, node, Need::Monitors)?;
    if let Some(rule) = rule.filter(|rule| ceph.pools.values().all(|pool| pool.crush_rule != *rule)) {
        ceph.crush.remove_rule(rule);
    }
    let Some(profile) = profile else { return Ok(()) };
    let removed = ceph.remove_profile(profile);
    t.log(format!("destroying erasure coded profile '{profile}'"));
    if let Err(refusal) = removed {
        t.log(refused("osd erasure-code-profile rm", refusal));
    }
    Ok(())
}
