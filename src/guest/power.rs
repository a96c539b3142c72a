//! Whether a guest runs. While HA manages it, that is HA's business alone: nothing here starts or stops it then.

use std::time::{Duration, Instant};

use pve_client::api::cluster::{Guest, GuestKind};
use pve_client::api::ha::resource::Sid;
use pve_client::api::qemu::power::Shutdown;
use terraform_plugin::{Choice, Cx, Diagnostic};

use super::machine::{Machine, sid};
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};

/// Whether a guest is rebooted for changes that wait for it.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reboot {
    /// It is not.
    #[default]
    Never,
    /// It is, if there are any.
    IfNeeded,
}

/// How long a guest may take to shut down before it is stopped hard.
const GRACE: Duration = Duration::from_secs(180);

/// How often is looked whether it runs again.
const LOOK: Duration = Duration::from_secs(1);

/// What a guest is called where its number does not matter.
fn noun(kind: GuestKind) -> &'static str {
    match kind {
        GuestKind::Qemu => "VM",
        GuestKind::Lxc => "container",
    }
}

/// What `started` says in the state. Under HA it is what was asked for; else whether the guest runs.
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
    let node = cx.client.node(&guest.node);
    let all = match guest.kind {
        GuestKind::Qemu => node.vms().await,
        GuestKind::Lxc => node.containers().await,
    };
    let all = all.during(format!("Cannot list the {}s of {}", noun(guest.kind), guest.node))?;
    let running = all.iter().find(|one| one.vmid == guest.vmid).map(|one| one.status == "running");
    if let Some(running) = running.filter(|running| expected(*running)) {
        return Ok(running);
    }
    // HA's part is in the lists only once its manager has seen the guest.
    let status = Machine::of(&cx.client, guest).status().await;
    let status = status.during(format!("Cannot look at {}", sid(guest)))?;
    Ok(asked.filter(|_| status.ha.managed).unwrap_or_else(|| status.is_running()))
}

/// Starts or shuts down the guest if it is not as wanted.
pub async fn bring_to(cx: &Cx<Pve>, guest: &Guest, wanted: Option<bool>) -> Result<(), Problem> {
    let Some(wanted) = wanted else { return Ok(()) };
    let (api, sid) = (Machine::of(&cx.client, guest), sid(guest));
    let status = api.status().await.during(format!("Cannot look at {sid}"))?;
    if status.is_running() == wanted {
        return Ok(());
    }
    if status.ha.managed {
        cx.warn(
            Diagnostic::warning(
                format!("HA decides whether a {} runs", noun(guest.kind)),
                format!(
                    "{sid} is {} and `started = {wanted}` was noted, nothing else. The `state` of its `pve_ha_resource` is what \
                     starts and stops it.",
                    status.status
                ),
            )
            .at("started"),
        );
        return Ok(());
    }
    let (task, doing) = if wanted {
        (api.start().await, format!("Cannot start {sid}"))
    } else {
        let how = Shutdown { timeout: Some(GRACE), force_stop: true };
        (api.shutdown(how).await, format!("Cannot shut down {sid}"))
    };
    let ended = match task {
        Ok(mut task) => task.wait(&patience(cx), |_| {}).await,
        Err(error) => Err(error),
    };
    match ended {
        Ok(()) => Ok(()),
        // Somebody else was quicker, or the answer told an older state.
        Err(error) => match api.status().await {
            Ok(now) if now.is_running() == wanted => Ok(()),
            _ => Err(error).during(&doing),
        },
    }
}

/// Stops the guest like pulling the plug, for its destruction.
pub async fn pull_the_plug(cx: &Cx<Pve>, guest: &Guest) -> Result<(), Problem> {
    let (api, doing) = (Machine::of(&cx.client, guest), format!("Cannot stop {} to destroy it", sid(guest)));
    if !api.status().await.during(&doing)?.is_running() {
        return Ok(());
    }
    let mut task = api.stop().await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)
}

/// What a guest has not taken yet, by PVE's names.
async fn waiting(cx: &Cx<Pve>, guest: &Guest, sid: Sid) -> Result<Vec<String>, Problem> {
    let doing = format!("Cannot read what waits for the next start of {sid}");
    let entries = Machine::of(&cx.client, guest).pending().await.during(doing)?;
    Ok(entries.into_iter().filter(|entry| entry.is_pending()).map(|entry| entry.key).collect())
}

/// Tells what a running guest has not taken, or reboots it for that.
pub async fn if_needed(cx: &Cx<Pve>, guest: &Guest, reboot: Reboot) -> Result<(), Problem> {
    let (api, sid) = (Machine::of(&cx.client, guest), sid(guest));
    // Not being able to look is not worth failing for, where nothing is to be done about it.
    let names = match (waiting(cx, guest, sid).await, reboot) {
        (Ok(names), _) => names,
        (Err(_), Reboot::Never) => return Ok(()),
        (Err(problem), Reboot::IfNeeded) => return Err(problem),
    };
    if names.is_empty() {
        return Ok(());
    }
    let all = names.join(", ");
    let running = api.status().await.during(format!("Cannot look at {sid}"))?.is_running();
    match reboot {
        Reboot::IfNeeded if running => {}
        Reboot::IfNeeded => return Ok(()),
        Reboot::Never => {
            tell(cx, guest.kind, &format!("{sid}: {all}"));
            return Ok(());
        }
    }
    let doing = format!("Cannot reboot {sid} for {all}");
    tracing::info!(%sid, ?names, "rebooting for what waits");
    let begun = Instant::now();
    let mut task = api.reboot(Some(GRACE)).await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)?;
    drop(task);
    // A VM's task ends when it is down; a daemon of PVE starts it again, which brings into force what has waited. A container's
    // does all of that itself: what it has not taken by then, it cannot take.
    loop {
        let runs = api.status().await.during(&doing)?.is_running();
        let left: Vec<String> =
            waiting(cx, guest, sid).await?.into_iter().filter(|name| names.contains(name)).collect();
        if runs && left.is_empty() {
            return Ok(());
        }
        let done = runs && guest.kind == GuestKind::Lxc;
        if done || begun.elapsed() > cx.timeout || cx.stop.is_cancelled() {
            let after = match runs {
                true => "It is running.",
                false => "It is stopped. PVE starts it by itself after the shutdown.",
            };
            return Err(Problem::new(
                format!("{sid} was rebooted and has not taken {}", left.join(", ")),
                format!(
                    "{after} What it could not take still waits: `pve_pending` and the log of its last task tell. Apply again to carry \
                     on."
                ),
            ));
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// Tells that something waits.
fn tell(cx: &Cx<Pve>, kind: GuestKind, what: &str) {
    let warning = match kind {
        GuestKind::Qemu => Diagnostic::warning(
            "A VM has to be stopped and started for some changes",
            format!(
                "{what} take effect at its next stop and start; a reboot from inside is not enough. With `reboot = \"if_needed\"` an \
                 apply reboots it."
            ),
        ),
        GuestKind::Lxc => Diagnostic::warning(
            "A container has to be restarted for some changes",
            format!("{what} take effect at its next start. With `reboot = \"if_needed\"` an apply restarts it."),
        ),
    };
    cx.warn(warning);
}
