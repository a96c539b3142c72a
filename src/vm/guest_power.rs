//! `pve_guest_power`: a virtual machine or a container is started, shut down, stopped or rebooted. Under HA it is HA that is asked.

use pve_client::api::ha::resource::Sid;
use pve_client::api::params::Params;
use pve_client::api::qemu::power::Shutdown;
use terraform_plugin::{Action, Choice, Cx, Diagnostic, Duration, Error, Model, Need, Progress, Say};
use tokio::time::Instant;

use super::guest;
use crate::ceph::wait::until;
use crate::ground::error::{During, Problem};
use crate::ground::following::{follow, follow_for};
use crate::ground::pve::Pve;
use crate::guest::machine::Machine;
use crate::ha::wait::{Waited, settled};

/// What is done.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerOperation {
    /// It runs afterwards.
    Start,
    /// The guest is asked to end.
    Shutdown,
    /// As if the plug were pulled.
    Stop,
    /// Shut down and started again, so that changes of its configuration that wait for it come into force.
    Reboot,
}

/// Starts, shuts down, stops or reboots a virtual machine or a container, wherever it is. What is so already is left alone.
///
/// Under HA the machine is never started or stopped behind HA's back: the state that HA is to keep is set (`started`,
/// `stopped`), and HA is waited for. A `pve_ha_resource` with another `state` sets that again when it is applied next. HA
/// shuts machines down, and stops them hard when they take too long; it knows no other way. A reboot is two such steps. To ask
/// HA takes `Sys.Console` on `/` in place of `VM.PowerMgmt`.
///
/// Interrupted, the action ends at once; what PVE or HA has begun goes on, and the message says what that is.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "guest_power", area = "Virtual machines")]
pub struct GuestPower {
    /// The guest's number.
    #[attr(required, range = 100..=999_999_999)]
    pub vmid: u32,
    /// `start`, `shutdown` (the guest is asked to end), `stop` (as if the plug were pulled) or `reboot` (shut down and started
    /// again, whereby changes of its configuration that wait for that come into force).
    #[attr(required)]
    pub operation: PowerOperation,
    /// How long the guest may take to shut down, for `shutdown` and `reboot` of a machine that is not under HA. Unset: one
    /// minute, unless the machine's start-up order says otherwise.
    #[attr(optional)]
    pub timeout: Option<Duration>,
    /// Whether `shutdown` stops the machine hard when the time is over.
    #[attr(default = false)]
    pub force: bool,
}

impl Action<Pve> for GuestPower {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/vms/{vmid}", &["VM.Audit"]), Need::to_apply("/vms/{vmid}", &["VM.PowerMgmt"])]
    }

    fn validate(config: &GuestPowerPlan, say: &mut Say<Self>) {
        let Some(operation) = config.operation.get() else { return };
        let waits = matches!(operation, PowerOperation::Shutdown | PowerOperation::Reboot);
        if config.timeout.is_known() && !waits {
            let cure = "It is for `shutdown` and `reboot`: nobody is asked to hurry otherwise. Leave it out.";
            say.error("timeout", "A timeout for nothing", cure);
        }
        if config.force.is(&true) && operation != PowerOperation::Shutdown {
            say.error(
                "force",
                "Force for nothing",
                "It is for `shutdown`; `stop` is forced in any case. Leave it out.",
            );
        }
    }

    async fn invoke(cx: &Cx<Pve>, config: Self, progress: &Progress) -> Result<(), Error> {
        let guest =
            cx.client.cluster().guest(config.vmid).await.during(format!("Cannot look for guest {}", config.vmid))?;
        let guest = guest.ok_or_else(|| guest::missing(config.vmid))?;
        let sid = Sid { kind: guest.kind, vmid: guest.vmid };
        let found = Machine::of(&cx.client, &guest);
        let status = found.status().await.during(format!("Cannot look at {sid}"))?;
        if status.template {
            let detail = "Templates never run. Nothing was done.";
            return Err(Error::new(format!("{sid} is a template"), detail).at("vmid"));
        }
        let running = status.is_running();
        // `ignored` is as good as not there.
        let managed = status.ha.managed && status.ha.state.as_deref() != Some("ignored");
        match (managed, config.operation, running) {
            (_, PowerOperation::Reboot, false) => Err(Error::new(
                format!("{sid} does not run"),
                "What does not run cannot be rebooted. Nothing was done; `start` starts it.",
            )
            .at("operation")),
            (true, PowerOperation::Reboot, _) => {
                // Whatever becomes of the first half, the machine is not to stay off: HA starts it when it has stopped it.
                let stopped = config.by_ha(cx, sid, "stopped", progress).await;
                if stopped.is_err() {
                    config.ask_ha(cx, sid, "started").await?;
                }
                stopped?;
                Ok(config.by_ha(cx, sid, "started", progress).await?)
            }
            (true, PowerOperation::Start, _) => Ok(config.by_ha(cx, sid, "started", progress).await?),
            (true, ..) => Ok(config.by_ha(cx, sid, "stopped", progress).await?),
            (false, PowerOperation::Start, true) => {
                progress.say(format!("{sid} runs already"));
                Ok(())
            }
            (false, PowerOperation::Shutdown | PowerOperation::Stop, false) => {
                progress.say(format!("{sid} is stopped already"));
                Ok(())
            }
            (false, ..) => Ok(config.by_pve(cx, sid, found, progress).await?),
        }
    }
}

impl GuestPower {
    /// Not under HA: PVE's own calls.
    async fn by_pve(&self, cx: &Cx<Pve>, sid: Sid, api: Machine<'_>, progress: &Progress) -> Result<(), Problem> {
        let timeout = self.timeout.as_ref().map(terraform_plugin::Duration::get);
        // What the guest may take is not taken from the time for PVE's own work.
        let limit = cx.timeout + timeout.unwrap_or_default();
        match self.operation {
            PowerOperation::Start => follow(cx, &format!("Starting {sid}"), api.start().await, progress).await,
            PowerOperation::Stop => follow(cx, &format!("Stopping {sid}"), api.stop().await, progress).await,
            PowerOperation::Shutdown => {
                let how = Shutdown { timeout, force_stop: self.force };
                follow_for(cx, limit, &format!("Shutting down {sid}"), api.shutdown(how).await, progress).await
            }
            PowerOperation::Reboot => {
                follow_for(cx, limit, &format!("Rebooting {sid}"), api.reboot(timeout).await, progress).await?;
                // The task ends when the guest is down; a daemon of PVE starts it again.
                let waiting = format!("{sid} was shut down and has not been started again");
                let runs = until(cx, Instant::now() + cx.timeout, &waiting, async || {
                    let status = api.status().await.during(format!("Cannot look at {sid}"))?;
                    Ok(if status.is_running() { Ok(()) } else { Err(format!("it is {}.", status.status)) })
                });
                runs.await.map_err(|problem| {
                    problem.noting(Some("PVE starts it by itself; if it does not, `start` does.".to_owned()))
                })
            }
        }
    }

    /// Under HA: its state is set. Whoever does not only pass through it is told.
    async fn ask_ha(&self, cx: &Cx<Pve>, sid: Sid, wanted: &str) -> Result<(), Problem> {
        let doing = format!("Cannot ask HA to have {sid} {wanted}");
        let resource = cx.client.ha().resource(sid).await.during(&doing)?;
        let before = resource.and_then(|resource| resource.state).unwrap_or_else(|| "started".to_owned());
        if before != wanted && !(before == "enabled" && wanted == "started") {
            cx.client.ha().update(sid, &Params::new().set("state", wanted)).await.during(&doing)?;
            if self.operation == PowerOperation::Reboot {
                return Ok(());
            }
            cx.warn(Diagnostic::warning(
                format!("HA is to have {sid} {wanted} from now on"),
                format!("It was `{before}`. A `pve_ha_resource` whose `state` says so sets that again when it is applied next."),
            ));
        }
        Ok(())
    }

    /// Under HA: its state is set, and waited for.
    async fn by_ha(&self, cx: &Cx<Pve>, sid: Sid, wanted: &str, progress: &Progress) -> Result<(), Problem> {
        self.ask_ha(cx, sid, wanted).await?;
        progress.say(format!("{sid}: HA is asked for `{wanted}`"));
        match settled(cx, sid, wanted).await? {
            Waited::Settled => {
                progress.say(format!("{sid}: HA says `{wanted}`"));
                Ok(())
            }
            Waited::Error(words) => {
                let cure = "It stays in HA's error state until its state is set to `disabled`, and then to `started`.";
                Err(Problem::new(format!("HA could not bring {sid} to `{wanted}`"), format!("{words}\n{cure}")))
            }
            Waited::Unfinished(why) => {
                let goes_on = format!("{why} The state `{wanted}` stands: HA carries on with it by itself.");
                Err(Problem::new(format!("{sid} is not {wanted} yet"), goes_on))
            }
        }
    }
}
