//! `/nodes/{node}/lxc/{vmid}/status`: how it is, starting and ending it.

use serde_json::{Value, json};

use super::{figures, guest, vmid};
use crate::cluster::containers::power;
use crate::cluster::ha::{Ha, STOP_TIMEOUT, Sid};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/lxc/{vmid}/status", index);
    r.get("/nodes/{node}/lxc/{vmid}/status/current", current);
    r.post("/nodes/{node}/lxc/{vmid}/status/start", start);
    r.post("/nodes/{node}/lxc/{vmid}/status/stop", stop);
    r.post("/nodes/{node}/lxc/{vmid}/status/shutdown", shutdown);
    r.post("/nodes/{node}/lxc/{vmid}/status/reboot", reboot);
    r.post("/nodes/{node}/lxc/{vmid}/status/suspend", suspend);
}

fn index(call: &mut Call<'_>) -> Result<Value, PveError> {
    guest(call)?;
    let names = ["current", "start", "stop", "shutdown", "reboot", "migrate"];
    Ok(names.iter().map(|name| json!({ "subdir": name })).collect())
}

fn current(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    let mut figures = figures(call, vmid, guest(call)?);
    figures["ha"] = call.cluster.ha.of_guest(vmid);
    Ok(figures)
}

fn skiplock(call: &Call<'_>) -> Result<bool, PveError> {
    let skips = call.params.flag("skiplock") == Some(true);
    match skips && !call.user.is_root() {
        true => Err(PveError::param("skiplock", "Only root may use this option.")),
        false => Ok(skips),
    }
}

/// Whether it runs, which the calls look at before their task; one that is not there is told of in the task.
fn runs(call: &Call<'_>) -> bool {
    guest(call).is_ok_and(|guest| guest.is_running())
}

fn start(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (vmid, skiplock) = (vmid(call), skiplock(call)?);
    if runs(call) {
        return Err(PveError::new(format!("CT {vmid} already running")));
    }
    call.need_quorum()?;
    if call.cluster.ha.manages(Sid::ct(vmid)) {
        return Ok(call.task("hastart", vmid.to_string(), Ha::start_request(Sid::ct(vmid))));
    }
    Ok(call.task("vzstart", vmid.to_string(), power::start(vmid, false, skiplock)))
}

fn must_run(call: &Call<'_>, word: &str) -> Result<(), PveError> {
    guest(call)?;
    match runs(call) {
        true => Ok(()),
        false => Err(PveError::new(format!("{word} {} not running", vmid(call)))),
    }
}

fn stop(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (vmid, skiplock) = (vmid(call), skiplock(call)?);
    must_run(call, "CT")?;
    if call.cluster.ha.manages(Sid::ct(vmid)) {
        if call.params.flag("overrule-shutdown") == Some(true) {
            return Err(PveError::param("overrule-shutdown", "Not applicable for HA resources."));
        }
        return Ok(call.task("hastop", vmid.to_string(), Ha::stop_request(Sid::ct(vmid), 0)));
    }
    Ok(call.task("vzstop", vmid.to_string(), power::stop(vmid, false, skiplock)))
}

fn shutdown(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    must_run(call, "CT")?;
    let timeout = call.params.int("timeout").and_then(|timeout| u64::try_from(timeout).ok());
    if call.cluster.ha.manages(Sid::ct(vmid)) {
        let timeout = timeout.and_then(|timeout| u32::try_from(timeout).ok()).unwrap_or(STOP_TIMEOUT);
        return Ok(call.task("hastop", vmid.to_string(), Ha::stop_request(Sid::ct(vmid), timeout)));
    }
    let force = call.params.flag("forceStop") == Some(true);
    Ok(call.task("vzshutdown", vmid.to_string(), power::shutdown(vmid, false, timeout, force)))
}

/// PVE calls it a VM here.
fn reboot(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    must_run(call, "VM")?;
    let timeout = call.params.int("timeout").and_then(|timeout| u64::try_from(timeout).ok());
    Ok(call.task("vzreboot", vmid.to_string(), power::reboot(vmid, timeout)))
}

fn suspend(call: &mut Call<'_>) -> Result<Value, PveError> {
    must_run(call, "CT")?;
    Err(call.left_out("suspended containers"))
}
