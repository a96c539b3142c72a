//! `pve_node_service`: whether a unit of a node's systemd runs and starts at boot.

use std::collections::BTreeMap;

use pve_client::shell::commands::CommandError;
use pve_client::shell::units::{Unit, Units};
use serde::{Deserialize, Serialize};
use terraform_plugin::{
    Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Read, Resource, Say, Timeouts, Unwritten,
    Updated, require,
};
use tokio::time::{Duration, Instant, sleep};

use super::remote;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Whether a unit of systemd runs on a node, and whether it starts with it.
///
/// PVE's own calls know a handful of services, so this goes by SSH (the provider's `ssh`), never through PVE's terminal; planning
/// and refreshing take it as well. The unit has to be there: a package brings it, or `pve_node_file` writes it to
/// `/etc/systemd/system`, of which systemd is told before the unit is started.
///
/// Creating this takes over what is there. Destroying it puts the unit back to what it was then: what was found stopped is
/// stopped again, what was found enabled is enabled again. How it was found is remembered with the state, and until that is
/// written in the journal in Terraform's data folder; where both are lost, and after an import, it is left as it is.
///
/// A start waits until the unit runs. One that fails is told with the last lines of its journal.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "node_service", area = "Node", key(node, unit))]
pub struct NodeService {
    /// The node.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// The unit, with its kind: `chrony.service`, `wg-quick@wg0.service`, `fstrim.timer`.
    #[attr(
        required,
        replace,
        length = ..=255,
        regex = r"^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*\.(service|socket|timer|path|mount|target)$",
        says = "the name of a unit with its kind, such as `chrony.service`"
    )]
    pub unit: String,
    /// Whether it starts with the node.
    ///
    /// Left alone when unset. Null for a unit that can be neither enabled nor disabled, since others pull it in.
    #[attr(keep)]
    pub enabled: Option<bool>,
    /// Whether it runs. One that ends by itself after it has done its work, and stays active, counts as running.
    ///
    /// Left alone when unset.
    #[attr(keep)]
    pub running: Option<bool>,
    /// Whatever the unit reads at its start: when a value here changes, a unit that runs is started anew. Files are named by
    /// their content or by its version: `{ config = pve_node_file.wg.content_wo_version }`.
    #[attr(optional)]
    pub restarted_by: Option<BTreeMap<String, String>>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// Without these nobody reaches the node, or it fences itself.
const VITAL: [&str; 11] = [
    "corosync.service",
    "networking.service",
    "pve-cluster.service",
    "pve-ha-crm.service",
    "pve-ha-lrm.service",
    "pvedaemon.service",
    "pveproxy.service",
    "pvestatd.service",
    "ssh.service",
    "sshd.service",
    "watchdog-mux.service",
];

/// How it was found at creation, to be put back.
const FOUND: &str = "found";

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Was {
    enabled: Option<bool>,
    running: bool,
}

/// Pause between two looks at a unit that is on its way.
const PAUSE: Duration = Duration::from_millis(500);

async fn look(cx: &Cx<Pve>, node: &str, unit: &str) -> Result<Unit, Problem> {
    let doing = format!("Cannot look at {unit} on {node}");
    let shell = remote::shell(cx, node, &doing)?;
    Units::new(&shell).show(unit).await.during(doing)
}

/// The error that systemd does not have the unit, or does not take it.
fn unusable(node: &str, unit: &str, live: &Unit) -> Option<Problem> {
    let told = match live.load.as_str() {
        "loaded" => return None,
        "not-found" => "There is no such unit. A package brings it, or `pve_node_file` in /etc/systemd/system.",
        "masked" => "It is masked: somebody has had it never start. `systemctl unmask` on the node takes that back.",
        _ => "systemd cannot read it: `systemctl status` on the node says why.",
    };
    let summary = format!("{unit} on {node} cannot be used ({})", live.load);
    Some(Problem::new(summary, format!("{told} Nothing was written.")).at("unit"))
}

impl NodeService {
    fn of(node: &str, unit: &str, live: &Unit, prior: Option<&Self>) -> Self {
        Self {
            node: node.to_owned(),
            unit: unit.to_owned(),
            enabled: live.enabled(),
            running: Some(live.is_active()),
            ..prior.cloned().unwrap_or_default()
        }
    }

    fn doing(&self, what: &str) -> String {
        format!("Cannot {what} {} on {}", self.unit, self.node)
    }

    /// Brings the unit to what is wanted; `anew`: one that runs is started once more.
    async fn bring(&self, cx: &Cx<Pve>, anew: bool, deadline: Instant) -> Result<Self, Problem> {
        let doing = self.doing("change");
        let shell = remote::shell(cx, &self.node, &doing)?;
        let (units, unit) = (Units::new(&shell), self.unit.as_str());
        let mut live = units.show(unit).await.during(&doing)?;
        if let Some(problem) = unusable(&self.node, unit, &live) {
            return Err(problem);
        }
        if live.stale {
            units.reload().await.during(&doing)?;
        }
        let left = || deadline.saturating_duration_since(Instant::now());
        if let Some(on) = self.enabled.filter(|on| live.enabled() != Some(*on)) {
            units.enable(unit, on).await.during(self.doing(if on { "enable" } else { "disable" }))?;
        }
        match self.running {
            Some(true) if !live.is_active() => self.started(units.start(unit, left()).await, &units).await?,
            Some(false) if live.is_active() || live.is_on_its_way() => {
                units.stop(unit, left()).await.during(self.doing("stop"))?;
            }
            _ if anew && live.is_active() => self.started(units.restart(unit, left()).await, &units).await?,
            _ => {}
        }
        loop {
            live = units.show(unit).await.during(&doing)?;
            if !live.is_on_its_way() {
                break;
            }
            if cx.stop.is_cancelled() || left().is_zero() {
                let detail = format!("It is {} ({}) still. The next apply looks again.", live.active, live.sub);
                return Err(Problem::new(self.doing("wait for"), detail));
            }
            sleep(PAUSE).await;
        }
        if self.running == Some(true) && !live.is_active() {
            return Err(self.failed(&units, &format!("It is {} ({}).", live.active, live.sub)).await);
        }
        Ok(Self::of(&self.node, unit, &live, Some(self)))
    }

    /// Puts the unit back to how it was found.
    async fn put_back(&self, cx: &Cx<Pve>, found: Was) -> Result<(), Problem> {
        let vital = VITAL.contains(&self.unit.as_str());
        let back = Self {
            enabled: found.enabled.filter(|on| *on || !vital),
            running: Some(found.running).filter(|on| *on || !vital),
            ..self.clone()
        };
        back.bring(cx, false, Instant::now() + cx.timeout).await.map(drop)
    }

    /// What came of a start.
    async fn started(&self, end: Result<(), CommandError>, units: &Units<'_>) -> Result<(), Problem> {
        let Err(error) = end else { return Ok(()) };
        match &error {
            CommandError::Refused { message, .. } => Err(self.failed(units, message).await),
            _ => Err(error).during(self.doing("start")),
        }
    }

    /// The error that it does not run, with what its journal says last.
    async fn failed(&self, units: &Units<'_>, said: &str) -> Problem {
        let journal = match units.journal(&self.unit).await {
            Ok(lines) if !lines.is_empty() => format!("\nThe last lines of its journal:\n{lines}"),
            _ => String::new(),
        };
        Problem::new(self.doing("start"), format!("{}{journal}\nSee to that, and apply again.", said.trim()))
    }
}

impl Resource<Pve> for NodeService {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"])]
    }

    fn validate(config: &NodeServicePlan, say: &mut Say<Self>) {
        let Some(unit) = config.unit.text().filter(|unit| VITAL.contains(unit)) else { return };
        for (name, value) in [("enabled", &config.enabled), ("running", &config.running)] {
            if value.is(&false) {
                let detail = "Without it nobody reaches the node, or the node fences itself. Leave it as it is.";
                say.error(name, format!("{unit} has to run"), detail);
            }
        }
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if !change.is_no_op() {
            remote::warn(cx, say, "Services of nodes");
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &NodeServicePlan,
        _prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let (Some(node), Some(unit)) = (want.node.text(), want.unit.text()) else { return Ok(()) };
        if cx.client.ssh(node).is_none() && found.is_plan() {
            // Warned of already.
            return Ok(());
        }
        let live = look(cx, node, unit).await?;
        if let Some(problem) = unusable(node, unit, &live) {
            let file = format!("{node}//etc/systemd/system/{unit}");
            match live.is_known() {
                true => found.mendable(problem),
                false => found.missing(cx.comes("node_file", &file), problem),
            }
        } else if live.enabled().is_none() && !want.enabled.is_null() && !want.enabled.is_unknown() {
            let detail = format!(
                "systemd calls it \"{}\": others pull it in, and nothing in it says with what it would start. Nothing was written. \
                 Leave `enabled` out.",
                live.file
            );
            found.mendable(
                Problem::new(format!("{unit} on {node} can be neither enabled nor disabled"), detail).at("enabled"),
            );
        }
        Ok(())
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let deadline = Instant::now() + cx.timeout;
        let _turn = unwritten.check(remote::turn(cx, &want.node, &want.doing("change")).await)?;
        unwritten.check(require(cx, want, None).await)?;
        let live = unwritten.check(look(cx, &want.node, &want.unit).await)?;
        // A run that was cut off has changed it already: what it was before is in the journal.
        let former = cx.former(Some(&format!("{}/{}", want.node, want.unit))).await.and_then(|former| former.note);
        let was = former.and_then(|note| serde_json::from_str::<Was>(&note).ok());
        let was = was.unwrap_or(Was { enabled: live.enabled(), running: live.is_active() });
        cx.private.set(FOUND, was);
        cx.jot(serde_json::to_string(&was).unwrap_or_default());
        let (answer, written) = unwritten.send(want.clone(), want.bring(cx, false, deadline)).await?;
        match answer {
            Ok(done) => Ok(written.made(done)),
            Err(problem) if problem.pve().is_some() => Ok(written.leave(problem)),
            Err(problem) => written.undo(problem, want.put_back(cx, was)).await,
        }
    }

    async fn read(cx: &Cx<Pve>, key: &NodeServiceKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let live = look(cx, &key.node, &key.unit).await;
        let found = live.map(|live| live.is_known().then(|| Self::of(&key.node, &key.unit, &live, prior)));
        remote::answer(cx, &key.node, found).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        let deadline = Instant::now() + cx.timeout;
        let _turn = remote::turn(cx, &want.node, &want.doing("change")).await?;
        require(cx, want, Some(prior)).await?;
        let anew = want.restarted_by != prior.restarted_by;
        Ok(Updated::Done(want.bring(cx, anew, deadline).await?))
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        let _turn = remote::turn(cx, &was.node, &was.doing("put back")).await?;
        let live = look(cx, &was.node, &was.unit).await?;
        let Some(found) = cx.private.get::<Was>(FOUND).filter(|_| live.is_known()) else { return Ok(Deleted::Gone) };
        was.put_back(cx, found).await?;
        Ok(Deleted::Gone)
    }
}
