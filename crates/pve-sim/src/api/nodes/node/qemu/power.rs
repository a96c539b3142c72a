//! `/nodes/{node}/qemu/{vmid}/status`: how it is, starting and ending it.

use serde_json::{Value, json};

use super::{guest, root_only, vmid};
use crate::cluster::guests::power;
use crate::cluster::ha::{Ha, STOP_TIMEOUT, Sid};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/qemu/{vmid}/status", index);
    r.get("/nodes/{node}/qemu/{vmid}/status/current", current);
    r.post("/nodes/{node}/qemu/{vmid}/status/start", start);
    r.post("/nodes/{node}/qemu/{vmid}/status/stop", stop);
    r.post("/nodes/{node}/qemu/{vmid}/status/shutdown", shutdown);
    r.post("/nodes/{node}/qemu/{vmid}/status/reboot", reboot);
    r.post("/nodes/{node}/qemu/{vmid}/status/reset", reset);
    r.post("/nodes/{node}/qemu/{vmid}/status/suspend", suspend);
    r.post("/nodes/{node}/qemu/{vmid}/status/resume", resume);
}

fn index(call: &mut Call<'_>) -> Result<Value, PveError> {
    guest(call)?;
    Ok(["current", "start", "stop", "reset", "shutdown", "suspend", "reboot"]
        .iter()
        .map(|name| json!({ "subdir": name }))
        .collect())
}

fn current(call: &mut Call<'_>) -> Result<Value, PveError> {
    let mut figures = guest(call)?.current(vmid(call), call.now());
    figures["ha"] = call.cluster.ha.of_guest(vmid(call));
    Ok(figures)
}

fn skiplock(call: &Call<'_>) -> Result<bool, PveError> {
    root_only(call, &["skiplock"])?;
    Ok(call.params.flag("skiplock") == Some(true))
}

fn timeout(call: &Call<'_>) -> Option<u64> {
    call.params.int("timeout").and_then(|timeout| u64::try_from(timeout).ok())
}

fn start(call: &mut Call<'_>) -> Result<Value, PveError> {
    root_only(
        call,
        &["stateuri", "migratedfrom", "migration_type", "migration_network", "targetstorage", "force-cpu"],
    )?;
    let (vmid, skiplock) = (vmid(call), skiplock(call)?);
    call.need_quorum()?;
    guest(call)?;
    if call.cluster.ha.manages(Sid::vm(vmid)) {
        return Ok(call.task("hastart", vmid.to_string(), Ha::start_request(Sid::vm(vmid))));
    }
    Ok(call.task("qmstart", vmid.to_string(), power::start(vmid, false, skiplock)))
}

fn stop(call: &mut Call<'_>) -> Result<Value, PveError> {
    root_only(call, &["migratedfrom", "keepActive"])?;
    let (vmid, skiplock) = (vmid(call), skiplock(call)?);
    guest(call)?;
    if call.cluster.ha.manages(Sid::vm(vmid)) {
        if call.params.flag("overrule-shutdown") == Some(true) {
            return Err(PveError::param("overrule-shutdown", "Not applicable for HA resources."));
        }
        return Ok(call.task("hastop", vmid.to_string(), Ha::stop_request(Sid::vm(vmid), 0)));
    }
    Ok(call.task("qmstop", vmid.to_string(), power::stop(vmid, false, skiplock)))
}

fn shutdown(call: &mut Call<'_>) -> Result<Value, PveError> {
    root_only(call, &["keepActive"])?;
    let (vmid, skiplock) = (vmid(call), skiplock(call)?);
    let force = call.params.flag("forceStop") == Some(true);
    let paused = guest(call)?.running.as_ref().is_some_and(|process| process.paused);
    if paused && !force {
        return Err(PveError::new("VM is paused - cannot shutdown"));
    }
    if call.cluster.ha.manages(Sid::vm(vmid)) {
        let timeout = timeout(call).and_then(|timeout| u32::try_from(timeout).ok()).unwrap_or(STOP_TIMEOUT);
        return Ok(call.task("hastop", vmid.to_string(), Ha::stop_request(Sid::vm(vmid), timeout)));
    }
    let steps = power::shutdown(vmid, false, skiplock, timeout(call), force);
    Ok(call.task("qmshutdown", vmid.to_string(), steps))
}

fn reboot(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    running(call)?;
    Ok(call.task("qmreboot", vmid.to_string(), power::reboot(vmid, timeout(call))))
}

fn reset(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (vmid, skiplock) = (vmid(call), skiplock(call)?);
    running(call)?;
    Ok(call.task("qmreset", vmid.to_string(), power::nudge(vmid, skiplock, None)))
}

fn suspend(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (vmid, skiplock) = (vmid(call), skiplock(call)?);
    if call.params.flag("todisk") == Some(true) {
        return Err(call.left_out("POST /nodes/{node}/qemu/{vmid}/status/suspend with todisk"));
    }
    running(call)?;
    Ok(call.task("qmpause", vmid.to_string(), power::nudge(vmid, skiplock, Some(true))))
}

fn resume(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (vmid, skiplock) = (vmid(call), skiplock(call)?);
    running(call)?;
    Ok(call.task("qmresume", vmid.to_string(), power::nudge(vmid, skiplock, Some(false))))
}

fn running(call: &Call<'_>) -> Result<(), PveError> {
    match guest(call)?.is_running() {
        true => Ok(()),
        false => Err(PveError::new(format!("VM {} not running", vmid(call)))),
    }
}
