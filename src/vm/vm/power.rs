//! Whether a VM runs. While HA manages it, that is HA's business alone: nothing here starts or stops it then.

use std::time::Duration;

use pve_client::api::cluster::Guest;
use pve_client::api::qemu::power::Shutdown;
use terraform_plugin::{Cx, Diagnostic};

use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};
use crate::vm::guest::Found;

/// How long a guest may take to shut down before it is stopped hard.
const GRACE: Duration = Duration::from_secs(180);

/// What `started` says in the state. Under HA it is what was asked for; else whether the VM runs.
pub async fn seen(cx: &Cx<Pve>, guest: &Guest, asked: Option<bool>) -> Result<bool, Problem> {
    // `unknown`: its node has told nothing of it for a while, or nothing yet.
    let listed = match guest.status.as_str() {
        "running" => Some(true),
        "stopped" => Some(false),
        _ => None,
    };
    let under_ha = guest.hastate.as_deref().is_some_and(|state| state != "ignored");
    if let Some(known) = asked.or(listed).filter(|_| under_ha) {
        return Ok(known);
    }
    let expected = |running: bool| asked.is_none_or(|asked| asked == running);
    if let Some(listed) = listed.filter(|listed| expected(*listed)) {
        return Ok(listed);
    }
    // The cluster's list is up to 15 seconds behind, the node's is not; so much is asked only where it matters.
    let vms = cx.client.node(&guest.node).vms().await.during(format!("Cannot list the VMs of {}", guest.node))?;
    let running = vms.iter().find(|vm| vm.vmid == guest.vmid).map(|vm| vm.status == "running");
    if let Some(running) = running.filter(|running| expected(*running)) {
        return Ok(running);
    }
    // HA's part is in the lists only once its manager has seen the guest.
    let status = cx.client.qemu(&guest.node, guest.vmid).status().await;
    let status = status.during(format!("Cannot look at vm:{}", guest.vmid))?;
    Ok(asked.filter(|_| status.ha.managed).unwrap_or_else(|| status.is_running()))
}

/// Starts or shuts down the VM if it is not as wanted.
pub async fn bring_to(cx: &Cx<Pve>, found: &Found, wanted: Option<bool>) -> Result<(), Problem> {
    let Some(wanted) = wanted else { return Ok(()) };
    let vmid = found.guest.vmid;
    let status = found.api(cx).status().await.during(format!("Cannot look at vm:{vmid}"))?;
    if status.is_running() == wanted {
        return Ok(());
    }
    if status.ha.managed {
        cx.warn(
            Diagnostic::warning(
                "HA decides whether a VM runs",
                format!(
                    "vm:{vmid} is {} and `started = {wanted}` was noted, nothing else. The `state` of its `pve_ha_resource` is what \
                     starts and stops it.",
                    status.status
                ),
            )
            .at("started"),
        );
        return Ok(());
    }
    let (task, doing) = if wanted {
        (found.api(cx).start().await, format!("Cannot start vm:{vmid}"))
    } else {
        let how = Shutdown { timeout: Some(GRACE), force_stop: true };
        (found.api(cx).shutdown(how).await, format!("Cannot shut down vm:{vmid}"))
    };
    let mut task = task.during(&doing)?;
    match task.wait(&patience(cx), |_| {}).await {
        Ok(()) => Ok(()),
        // Somebody else was quicker, or the answer told an older state.
        Err(error) => match found.api(cx).status().await {
            Ok(now) if now.is_running() == wanted => Ok(()),
            _ => Err(error).during(&doing),
        },
    }
}

/// Stops the VM like pulling the plug, for its destruction.
pub async fn pull_the_plug(cx: &Cx<Pve>, found: &Found) -> Result<(), Problem> {
    let vmid = found.guest.vmid;
    let doing = format!("Cannot stop vm:{vmid} to destroy it");
    if !found.api(cx).status().await.during(&doing)?.is_running() {
        return Ok(());
    }
    let mut task = found.api(cx).stop().await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)
}
