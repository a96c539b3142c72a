//! `/cluster/ceph/flags`.

use serde_json::{Value, json};

use super::node::{Need, ceph, ceph_on};
use crate::cluster::ceph::FLAGS;
use crate::kernel::tasks::Steps;
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/cluster/ceph/flags", list);
    r.put("/cluster/ceph/flags", set_many);
    r.get("/cluster/ceph/flags/{flag}", get);
    r.put("/cluster/ceph/flags/{flag}", set);
}

fn description(flag: &str) -> &'static str {
    match flag {
        "nobackfill" => "Backfilling of PGs is suspended.",
        "nodeep-scrub" => "Deep Scrubbing is disabled.",
        "nodown" => "OSD failure reports are being ignored, such that the monitors will not mark OSDs down.",
        "noin" => "OSDs that were previously marked out will not be marked back in when they start.",
        "noout" => "OSDs will not automatically be marked out after the configured interval.",
        "norebalance" => "Rebalancing of PGs is suspended.",
        "norecover" => "Recovery of PGs is suspended.",
        "noscrub" => "Scrubbing is disabled.",
        "notieragent" => "Cache tiering activity is suspended.",
        "noup" => "OSDs are not allowed to start.",
        _ => "Pauses read and writes.",
    }
}

fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let ceph = ceph(call, Need::Monitors)?;
    let entry = |flag: &&str| {
        let value = u8::from(ceph.has_flag(flag));
        json!({ "name": flag, "description": description(flag), "value": value })
    };
    Ok(FLAGS.iter().map(entry).collect())
}

fn get(call: &mut Call<'_>) -> Result<Value, PveError> {
    let flag = call.params.need("flag").to_owned();
    Ok(json!(u8::from(ceph(call, Need::Monitors)?.has_flag(&flag))))
}

fn set(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (flag, on) = (call.params.need("flag").to_owned(), call.params.flag("value").unwrap_or(false));
    ceph(call, Need::Monitors)?.set_flag(&flag, on);
    Ok(Value::Null)
}

fn set_many(call: &mut Call<'_>) -> Result<Value, PveError> {
    ceph(call, Need::Monitors)?;
    let node = call.node.clone();
    let wanted: Vec<(&str, bool)> = FLAGS.iter().filter_map(|f| Some((*f, call.params.flag(f)?))).collect();
    let steps = Steps::new().run(move |t| {
        for (flag, on) in wanted {
            let ceph = ceph_on(t.cluster, &node, Need::Monitors)?;
            if ceph.has_flag(flag) != on {
                ceph.set_flag(flag, on);
                t.log(format!("{} {flag}", if on { "set" } else { "unset" }));
            }
        }
        Ok(())
    });
    Ok(call.task("cephsetflags", "", steps))
}
