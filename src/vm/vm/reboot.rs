//! Changes that wait for a VM's next start: told, or brought into force by a reboot, as `reboot` says.

use std::time::{Duration, Instant};

use terraform_plugin::{Cx, Diagnostic};

use super::{Reboot, Vm};
use crate::ground::error::{During, Problem};
use crate::ground::pve::{Pve, patience};
use crate::vm::guest::Found;

/// How long a guest may take to shut down for a reboot.
const GRACE: Duration = Duration::from_secs(180);

/// How often is looked whether it runs again.
const LOOK: Duration = Duration::from_secs(2);

/// What a running VM has not taken yet, by PVE's names.
async fn waiting(cx: &Cx<Pve>, found: &Found) -> Result<Vec<String>, Problem> {
    let doing = format!("Cannot read what waits for the next start of vm:{}", found.guest.vmid);
    let entries = found.api(cx).pending().await.during(doing)?;
    Ok(entries.into_iter().filter(|entry| entry.is_pending()).map(|entry| entry.key).collect())
}

/// Tells what a running VM has not taken, or reboots it for that.
pub async fn if_needed(cx: &Cx<Pve>, found: &Found, want: &Vm) -> Result<(), Problem> {
    // Not being able to look is not worth failing for, where nothing is to be done about it.
    let names = match (waiting(cx, found).await, want.reboot) {
        (Ok(names), _) => names,
        (Err(_), Reboot::Never) => return Ok(()),
        (Err(problem), Reboot::IfNeeded) => return Err(problem),
    };
    if names.is_empty() {
        return Ok(());
    }
    let (vmid, all) = (found.guest.vmid, names.join(", "));
    let status = found.api(cx).status().await.during(format!("Cannot look at vm:{vmid}"))?;
    match want.reboot {
        Reboot::IfNeeded if status.is_running() => {}
        Reboot::IfNeeded => return Ok(()),
        Reboot::Never => {
            cx.warn(Diagnostic::warning(
                "A VM has to be stopped and started for some changes",
                format!(
                    "vm:{vmid}: {all} take effect at its next stop and start; a reboot from inside is not enough. With \
                     `reboot = \"if_needed\"` an apply reboots it."
                ),
            ));
            return Ok(());
        }
    }
    let doing = format!("Cannot reboot vm:{vmid} for {all}");
    tracing::info!(vmid, ?names, "rebooting for what waits");
    let begun = Instant::now();
    let mut task = found.api(cx).reboot(Some(GRACE)).await.during(&doing)?;
    task.wait(&patience(cx), |_| {}).await.during(&doing)?;
    drop(task);
    // The task ends when the guest is down; a daemon of PVE starts it again, which brings into force what has waited.
    loop {
        let runs = found.api(cx).status().await.during(&doing)?.is_running();
        if runs && waiting(cx, found).await?.iter().all(|name| !names.contains(name)) {
            return Ok(());
        }
        if begun.elapsed() > cx.timeout || cx.stop.is_cancelled() {
            return Err(Problem::new(
                format!("vm:{vmid} was rebooted and has not taken {all}"),
                format!(
                    "It is {}. PVE starts it by itself after the shutdown. What it could not take still waits: `pve_pending` tells. \
                     Apply again to carry on.",
                    if runs { "running" } else { "stopped" }
                ),
            ));
        }
        tokio::time::sleep(LOOK).await;
    }
}
