//! Waiting for the guest agent of a VM that was just made.

use std::time::Duration;

use terraform_plugin::{Cx, Diagnostic};
use tokio::time::{Instant, sleep, timeout};

use super::Vm;
use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::vm::guest::Found;

/// Pause between two tries.
const PAUSE: Duration = Duration::from_secs(2);
/// How long one try may take: PVE itself waits for three seconds.
const TRY: Duration = Duration::from_secs(8);

/// Waits for the agent, if that is wanted.
pub async fn wait(cx: &Cx<Pve>, found: &Found, want: &Vm) -> Result<(), Problem> {
    let Some(limit) = want.origin.wait_for_agent.as_ref().filter(|_| want.started == Some(true)) else { return Ok(()) };
    let (begun, vmid) = (Instant::now(), found.guest.vmid);
    if !crate::vm::agent::is_on(&found.config) {
        let detail = format!("It is not switched on for vm:{vmid} in PVE (`agent`), so nobody would answer.");
        cx.warn(Diagnostic::warning("The guest agent is not waited for", detail).at("wait_for_agent"));
        return Ok(());
    }
    let mut last = "it did not answer in time".to_owned();
    loop {
        match timeout(TRY, found.api(cx).interfaces()).await {
            // Whatever it says, it is there.
            Ok(Ok(_)) => return Ok(()),
            Ok(Err(error)) => last = error.to_string(),
            Err(_) => {}
        }
        let over = begun.elapsed() >= limit.get();
        if over || cx.stop.is_cancelled() {
            let why = if over { format!("`wait_for_agent` ({limit}) is over") } else { "Interrupted".to_owned() };
            let detail = format!(
                "{why}; PVE says: {last}. The VM runs, and its agent may still come: it has to be installed in the guest and switched \
                 on in PVE (`agent`). Apply again to wait once more, or take `wait_for_agent` out."
            );
            return Err(
                Problem::new(format!("The guest agent of vm:{vmid} does not answer yet"), detail).at("wait_for_agent")
            );
        }
        tokio::select! {
            () = cx.stop.cancelled() => {}
            () = sleep(PAUSE) => {}
        }
    }
}
