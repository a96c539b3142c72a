//! `/cluster/ha/status`: what HA does, for people and raw; laying it to rest and waking it.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use crate::cluster::ha::{Command, Disarm, Ha, Mode, Seconds, Service, Sid};
use crate::kernel::clock::Time;
use crate::kernel::locks::Lock;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/cluster/ha/status/current", current);
    r.get("/cluster/ha/status/manager_status", manager_status);
    r.post("/cluster/ha/status/disarm-ha", disarm);
    r.post("/cluster/ha/status/arm-ha", arm);
}

/// Perl's `localtime`.
fn date(timestamp: Seconds) -> String {
    Time::from_unix(timestamp as u64).format("%a %b %e %H:%M:%S %Y")
}

fn current(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (cluster, now) = (&*call.cluster, call.now().seconds());
    let ha = &cluster.ha;
    let mut list = vec![quorum(call)];
    list.extend(master(ha, now));
    list.push(fencing(call, now));
    for node in ha.crm.nodes.keys() {
        let Some(lrm) = ha.lrm.get(node) else { continue };
        let (state, watchdog) = ha.lrm_status(node, lrm, now);
        list.push(json!({
            "id": format!("lrm:{node}"),
            "type": "lrm",
            "node": node,
            "timestamp": lrm.timestamp as u64,
            "status": format!("{node} ({state}, watchdog {watchdog}, {})", date(lrm.timestamp)),
        }));
    }
    let mut sids: Vec<Sid> = ha.resources.iter().map(|r| r.sid).chain(ha.crm.services.keys().copied()).collect();
    sids.sort_by_key(Sid::to_string);
    sids.dedup();
    // What was taken out of the configuration and is still in the manager comes last.
    let (configured, leaving): (Vec<Sid>, Vec<Sid>) = sids.into_iter().partition(|sid| ha.resource(*sid).is_some());
    list.extend(configured.into_iter().chain(leaving).map(|sid| service(call, sid)));
    Ok(list.into())
}

fn quorum(call: &Call<'_>) -> Value {
    let quorate = call.cluster.nodes.quorate(&call.node);
    let status = if quorate { "OK".to_owned() } else { format!("No quorum on node '{}'!", call.node) };
    json!({ "id": "quorum", "type": "quorum", "node": call.node, "status": status, "quorate": u8::from(quorate) })
}

/// The master, once there was one.
fn master(ha: &Ha, now: Seconds) -> Option<Value> {
    let (node, timestamp) = (ha.crm.master.as_ref()?, ha.crm.timestamp);
    let armed = ha.armed(now);
    let suffix =
        armed.mode().map(|mode| format!(" - {}, resource mode: {}", armed.name(), mode.name())).unwrap_or_default();
    Some(json!({
        "id": "master",
        "type": "master",
        "node": node,
        "timestamp": timestamp as u64,
        "status": format!("{node} ({}, {}){suffix}", ha.master_status(now), date(timestamp)),
    }))
}

fn fencing(call: &Call<'_>, now: Seconds) -> Value {
    let ha = &call.cluster.ha;
    let armed = ha.armed(now);
    let mode = armed.mode().map(Disarm::name);
    let watchdog = match armed.name() {
        "standby" => "standby",
        // Belief: the word that local managers use; it was only seen while they were letting go.
        "disarmed" => "released",
        _ => "active",
    };
    let mode_text = mode.map(|mode| format!(", resource mode: {mode}")).unwrap_or_default();
    let mut entry = json!({
        "id": "fencing",
        "type": "fencing",
        "node": ha.crm.master.as_ref().unwrap_or(&call.node),
        "armed-state": armed.name(),
        "status": format!("{}{mode_text} (CRM watchdog {watchdog})", armed.name()),
    });
    if let Some(mode) = mode {
        entry["resource_mode"] = json!(mode);
    }
    entry
}

fn service(call: &Call<'_>, sid: Sid) -> Value {
    let ha = &call.cluster.ha;
    let guest = call.cluster.guests.all.get(&sid.0).map(|guest| guest.node.as_str());
    let known = ha.crm.services.get(&sid);
    let node = known.map(|service| service.node.as_str()).or(guest).unwrap_or("---");
    let state = ha.verbose_state(sid, guest);
    let mut entry = json!({
        "id": format!("service:{sid}"),
        "type": "service",
        "sid": sid.to_string(),
        "node": node,
        "state": state,
        "status": format!("{sid} ({node}, {state})"),
    });
    if let Some(service) = known {
        entry["crm_state"] = json!(service.state.name());
    }
    if let Some(resource) = ha.resource(sid) {
        entry["request_state"] = json!(resource.state());
        entry["max_restart"] = json!(resource.max_restart());
        entry["max_relocate"] = json!(resource.max_relocate());
        entry["failback"] = json!(u8::from(resource.failback.unwrap_or(true)));
        if let Some(comment) = &resource.comment {
            entry["comment"] = json!(comment);
        }
    }
    entry
}

/// The manager's own notes, and those of the local managers.
fn manager_status(call: &mut Call<'_>) -> Result<Value, PveError> {
    let ha = &call.cluster.ha;
    let quorate = u8::from(call.cluster.nodes.quorate(&call.node)).to_string();
    let nodes: Map<String, Value> = ha.crm.nodes.iter().map(|(n, state)| (n.clone(), state.name().into())).collect();
    let mut answer = json!({
        "manager_status": { "node_status": nodes },
        "quorum": { "node": call.node, "quorate": quorate },
    });
    let Some(master) = &ha.crm.master else { return Ok(answer) };
    let services = ha.crm.services.iter().map(|(sid, service)| (sid.to_string(), note(service)));
    let status = &mut answer["manager_status"];
    status["master_node"] = json!(master);
    status["timestamp"] = json!(ha.crm.timestamp as u64);
    status["service_status"] = Value::Object(services.collect());
    if let Some(mode) = ha.crm.disarm {
        // Belief: names after the answer of `current`; a disarmed manager's raw status was not recorded.
        let state = if ha.crm.disarmed { "disarmed" } else { "disarming" };
        status["disarm"] = json!({ "mode": mode.name(), "state": state });
    }
    let lrms = ha.lrm.iter().filter(|(node, _)| ha.crm.nodes.contains_key(*node)).map(|(node, lrm)| {
        let results = lrm.results.iter().map(|(uid, outcome)| {
            let result = json!({
                "sid": outcome.sid.to_string(),
                "state": outcome.state.name(),
                "exit_code": outcome.exit as u8,
            });
            (written(*uid), result)
        });
        let (state, mode) = match lrm.shown {
            Mode::Active => ("active", "active"),
            Mode::Waiting => ("wait_for_agent_lock", "active"),
            Mode::Disarmed => ("wait_for_agent_lock", "disarm"),
        };
        let status = json!({
            "state": state,
            "mode": mode,
            "timestamp": lrm.timestamp as u64,
            "results": results.collect::<Map<_, _>>(),
        });
        (node.clone(), status)
    });
    answer["lrm_status"] = Value::Object(lrms.collect());
    Ok(answer)
}

fn note(service: &Service) -> Value {
    let mut note = json!({ "state": service.state.name(), "node": service.node, "uid": written(service.uid) });
    if service.running {
        note["running"] = json!(1);
    }
    if let Some(target) = &service.target {
        note["target"] = json!(target);
    }
    if let Some(home) = &service.maintenance_node {
        note["maintenance_node"] = json!(home);
    }
    if !service.failed_nodes.is_empty() {
        note["failed_nodes"] = json!(service.failed_nodes);
    }
    note
}

/// An order's id in PVE's form: 22 characters of base64.
fn written(uid: u64) -> String {
    BASE64_STANDARD_NO_PAD.encode(&Sha1::digest(uid.to_be_bytes())[..16])
}

fn disarm(call: &mut Call<'_>) -> Result<Value, PveError> {
    let how = match call.params.need("resource-mode") {
        "ignore" => Disarm::Ignore,
        _ => Disarm::Freeze,
    };
    queue(call, Command::Disarm(how))
}

fn arm(call: &mut Call<'_>) -> Result<Value, PveError> {
    queue(call, Command::Arm)
}

fn queue(call: &mut Call<'_>, command: Command) -> Result<Value, PveError> {
    call.lock(Lock::domain("ha"))?;
    call.cluster.ha.crm.commands.push_back(command);
    Ok(Value::Null)
}
