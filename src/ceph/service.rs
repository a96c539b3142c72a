//! `pve_ceph_service`: a daemon of Ceph is started, stopped or restarted, if Ceph says that it may.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use pve_client::api::ceph::services::{Risk, ServiceAction};
use terraform_plugin::{Action, Choice, Cx, Diagnostic, Error, Model, Need, Progress};
use tokio::time::Instant;

use super::wait::until;
use crate::ground::error::{During, Problem};
use crate::ground::following::follow;
use crate::ground::pve::Pve;

/// By then Ceph has noticed that a monitor or an OSD went; whatever is up is the one that came.
const NOTICES: Duration = Duration::from_secs(10);

/// What is done.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceOperation {
    /// It runs afterwards.
    Start,
    /// It does not.
    Stop,
    /// It is stopped and started.
    Restart,
}

/// Starts, stops or restarts a daemon of Ceph on its node.
///
/// Before one is stopped or restarted Ceph is asked whether that can be: with an OSD, whether every placement group goes on;
/// with a monitor, whether the others are a majority; with a metadata server, whether another takes over. For managers, which
/// Ceph does not judge, another one has to stand by. Otherwise nothing is done, and the error quotes Ceph; `force` passes over it.
///
/// After a start the action waits until Ceph sees the daemon; after a restart until Ceph has seen it go and come, or sees it
/// still after ten seconds. Interrupted, it ends at once; what systemd has begun
/// goes on.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "ceph_service", area = "Ceph")]
pub struct CephService {
    /// The daemon: `osd.3`, `mon.pve1`, `mgr.pve1` or `mds.pve1`. Its node is found by itself.
    #[attr(
        required,
        regex = r"^(osd\.\d+|(mon|mgr|mds)\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)$",
        says = "`osd.NUMBER`, `mon.NAME`, `mgr.NAME` or `mds.NAME`"
    )]
    pub service: String,
    /// `start`, `stop` or `restart`.
    #[attr(required)]
    pub operation: ServiceOperation,
    /// Stops or restarts it though Ceph advises against it.
    #[attr(default = false)]
    pub force: bool,
}

/// A daemon as Ceph lists it.
struct Seen {
    node: Option<String>,
    /// Whether it is of use.
    up: bool,
    state: String,
}

impl Action<Pve> for CephService {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &["Sys.Modify"])]
    }

    async fn invoke(cx: &Cx<Pve>, config: Self, progress: &Progress) -> Result<(), Error> {
        let service = config.service.as_str();
        let (kind, id) = service.split_once('.').unwrap_or((service, ""));
        // One at a time, from the question whether Ceph can do without it until it is back: two at once are asked of a cluster
        // that has both.
        let areas = [pve_client::Area::CephMons, pve_client::Area::CephOsds];
        let turn = cx.client.begin_write(pve_client::Lock::CephDaemon, &areas).await;
        let _turn = turn.during(format!("Cannot look at {service}"))?;
        let seen = find(cx, kind, id).await?.ok_or_else(|| {
            let detail = "Ceph lists no such daemon. Nothing was done.";
            Problem::new(format!("There is no {service}"), detail).at("service")
        })?;
        let node = seen.node.clone().ok_or_else(|| {
            let detail = "Nobody tells on which node it runs, since it never ran there. Nothing was done.";
            Problem::new(format!("The node of {service} is not known"), detail).at("service")
        })?;
        if config.operation != ServiceOperation::Start {
            config.may_stop(cx, kind, id, progress).await?;
        }
        let (action, what) = match config.operation {
            ServiceOperation::Start => (ServiceAction::Start, format!("Starting {service}")),
            ServiceOperation::Stop => (ServiceAction::Stop, format!("Stopping {service}")),
            ServiceOperation::Restart => (ServiceAction::Restart, format!("Restarting {service}")),
        };
        follow(cx, &what, cx.client.ceph().service(&node, action, service).await, progress).await?;
        if config.operation == ServiceOperation::Stop {
            progress.say(format!("{service} of {node} is stopped"));
            return Ok(());
        }
        let waiting = format!("{service} of {node} was started, and Ceph does not see it yet");
        // Ceph may not have noticed yet that the old one went, and call it up that was.
        let (began, went) = (Instant::now(), AtomicBool::new(config.operation == ServiceOperation::Start));
        let up = until(cx, began + cx.timeout, &waiting, async || {
            cx.client.changed(&areas);
            let found = match find(cx, kind, id).await? {
                Some(seen) if seen.up && (went.load(Relaxed) || began.elapsed() >= NOTICES) => return Ok(Ok(())),
                Some(seen) if seen.up => return Ok(Err("it is up, as it was before.".to_owned())),
                Some(seen) => format!("it is {}.", seen.state),
                None => "it is not listed.".to_owned(),
            };
            went.store(true, Relaxed);
            Ok(Err(found))
        });
        up.await?;
        progress.say(format!("{service} of {node} is up"));
        Ok(())
    }
}

impl CephService {
    /// Whether it may be stopped; an error if not, unless it is forced.
    async fn may_stop(&self, cx: &Cx<Pve>, kind: &str, id: &str, progress: &Progress) -> Result<(), Problem> {
        let service = &self.service;
        let doing = format!("Cannot ask Ceph whether {service} may be stopped");
        let against = match kind {
            "mgr" => {
                let managers = cx.client.ceph().managers().await.during(&doing)?;
                let others =
                    managers.iter().any(|one| one.name != id && matches!(one.state.as_str(), "active" | "standby"));
                (!others).then(|| "No other manager stands by.".to_owned())
            }
            _ => {
                let safety = cx.client.ceph().is_safe(Risk::Stop, kind, id).await.during(&doing)?;
                (!safety.safe).then(|| format!("Ceph says: {}", safety.status.trim()))
            }
        };
        match against {
            None => {
                progress.say(format!("{service}: Ceph can do without it"));
                Ok(())
            }
            Some(why) if self.force => {
                let summary = format!("{service} was stopped although Ceph advises against it");
                cx.warn(Diagnostic::warning(summary, format!("{why} `force` was set.")));
                Ok(())
            }
            Some(why) => Err(Problem::new(
                format!("{service} must not be stopped now"),
                format!(
                    "{why}\nNothing was done. Try again when Ceph is healthy; `force = true` stops it all the same."
                ),
            )
            .at("operation")),
        }
    }
}

/// The daemon, if Ceph lists it.
async fn find(cx: &Cx<Pve>, kind: &str, id: &str) -> Result<Option<Seen>, Problem> {
    let ceph = cx.client.ceph();
    let doing = format!("Cannot look for {kind}.{id}");
    Ok(match kind {
        "osd" => {
            let tree = ceph.osds().await.during(&doing)?;
            let Some(osd) = id.parse().ok().and_then(|id| tree.osd(id)) else { return Ok(None) };
            // Where it ran last, wherever it hangs in CRUSH.
            let hosts = ceph.osd_hosts().await.during(&doing)?;
            let node = hosts.get(&osd.id).or(osd.host.as_ref()).cloned();
            Some(Seen { node, up: osd.up, state: if osd.up { "up" } else { "down" }.to_owned() })
        }
        "mon" => ceph.monitors().await.during(&doing)?.iter().find(|one| one.name == id).map(|one| Seen {
            node: one.host.clone(),
            up: one.quorum,
            state: one.state.clone(),
        }),
        "mgr" => ceph.managers().await.during(&doing)?.iter().find(|one| one.name == id).map(|one| Seen {
            node: one.host.clone(),
            up: matches!(one.state.as_str(), "active" | "standby"),
            state: one.state.clone(),
        }),
        _ => ceph.metadata_servers().await.during(&doing)?.iter().find(|one| one.name == id).map(|one| Seen {
            node: one.host.clone(),
            up: one.state.starts_with("up:"),
            state: one.state.clone(),
        }),
    })
}
