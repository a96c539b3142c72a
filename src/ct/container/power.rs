//! Whether a container runs. While HA manages it, that is HA's business alone.

use std::time::Duration;

use pve_client::api::cluster::Guest;
use pve_client::api::qemu::power::Shutdown;
use terraform_plugin::{Cx, Diagnostic};

use super::Container;
use crate::ct::guest::Found;
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};
use crate::vm::vm::Reboot;

/// How long a system may take to end before it is stopped hard.
const GRACE: Duration = Duration::from_secs(180);

/// What `started` says in the state. Under HA it is what was asked for; else whether it runs.
pub async fn seen(cx: &Cx<Pve>, guest: &Guest, asked: Option<bool>) -> Result<bool, Problem> {
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
    // The cluster's list is up to 15 seconds behind, the node's is not.
    let all = cx.client.node(&guest.node).containers().await;
    let all = all.during(format!("Cannot list the containers of {}", guest.node))?;
    let running = all.iter().find(|ct| ct.vmid == guest.vmid).map(|ct| ct.status == "running");
    if let Some(running) = running.filter(|running| expected(*running)) {
        return Ok(running);
    }
    let status = cx.client.lxc(&guest.node, guest.vmid).status().await;
    let status = status.during(format!("Cannot look at ct:{}", guest.vmid))?;
    Ok(asked.filter(|_| status.ha.managed).unwrap_or_else(|| status.is_running()))
}

/// Starts or ends the container if it is not as wanted.
pub async fn bring_to(cx: &Cx<Pve>, found: &Found, wanted: Option<bool>) -> Result<(), Problem> {
    let Some(wanted) = wanted else { return Ok(()) };
    let vmid = found.guest.vmid;
    let status = found.api(cx).status().await.during(format!("Cannot look at ct:{vmid}"))?;
    if status.is_running() == wanted {
        return Ok(());
    }
    if status.ha.managed {
        cx.warn(
            Diagnostic::warning(
                "HA decides whether a container runs",
                format!(
                    "ct:{vmid} is {} and `started = {wanted}` was noted, nothing else. The `state` of its `pve_ha_resource` is \
                     what starts and stops it.",
                    status.status
                ),
            )
            .at("started"),
        );
        return Ok(());
    }
    let (task, doing) = if wanted {
        (found.api(cx).start().await, format!("Cannot start ct:{vmid}"))
    } else {
        let how = Shutdown { timeout: Some(GRACE), force_stop: true };
        (found.api(cx).shutdown(how).await, format!("Cannot shut down ct:{vmid}"))
    };
    let ended = match task {
        Ok(mut task) => task.wait(&patience(cx), |_| {}).await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => Ok(()),
        // Somebody else was quicker, or the answer told an older state.
        Err(error) => match found.api(cx).status().await {
            Ok(now) if now.is_running() == wanted => Ok(()),
            _ => Err(error).during(&doing),
        },
    }
}

/// Stops the container like pulling the plug, for its destruction.
pub async fn pull_the_plug(cx: &Cx<Pve>, found: &Found) -> Result<(), Problem> {
    let doing = format!("Cannot stop ct:{} to destroy it", found.guest.vmid);
    if !found.api(cx).status().await.during(&doing)?.is_running() {
        return Ok(());
    }
    let mut task = found.api(cx).stop().await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)
}

/// Tells what a running container has not taken, or restarts it for that.
pub async fn if_needed(cx: &Cx<Pve>, found: &Found, want: &Container) -> Result<(), Problem> {
    let vmid = found.guest.vmid;
    let doing = format!("Cannot read what waits for the next start of ct:{vmid}");
    let waiting = async || -> Result<Vec<String>, Problem> {
        let entries = found.api(cx).pending().await.during(&doing)?;
        Ok(entries.into_iter().filter(|entry| entry.is_pending()).map(|entry| entry.key).collect())
    };
    let names = match (waiting().await, want.reboot) {
        (Ok(names), _) => names,
        // Not being able to look is not worth failing for, where nothing is to be done about it.
        (Err(_), Reboot::Never) => return Ok(()),
        (Err(problem), Reboot::IfNeeded) => return Err(problem),
    };
    if names.is_empty() {
        return Ok(());
    }
    let all = names.join(", ");
    let running = found.api(cx).status().await.during(format!("Cannot look at ct:{vmid}"))?.is_running();
    if !running {
        return Ok(());
    }
    if want.reboot == Reboot::Never {
        cx.warn(Diagnostic::warning(
            "A container has to be restarted for some changes",
            format!(
                "ct:{vmid}: {all} take effect at its next start. With `reboot = \"if_needed\"` an apply restarts it."
            ),
        ));
        return Ok(());
    }
    let doing = format!("Cannot restart ct:{vmid} for {all}");
    let mut task = found.api(cx).reboot(Some(GRACE)).await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)?;
    drop(task);
    let left: Vec<String> = waiting().await?.into_iter().filter(|name| names.contains(name)).collect();
    if left.is_empty() {
        return Ok(());
    }
    Err(Problem::new(
        format!("ct:{vmid} was restarted and has not taken {}", left.join(", ")),
        "PVE could not apply it, and it still waits: `pve_pending` and the log of the task `vzreboot` tell.",
    ))
}
