//! `pve_node_maintenance`: guests leave a node and come back.

use std::time::Duration;

use pve_client::shell::NodeShell as _;
use pve_client::shell::commands::CephCommands;
use pve_client::{Area, Lock};
use terraform_plugin::{Action, Choice, Cx, Diagnostic, Error, Model, Need, Progress, Say};
use tokio::time::Instant;

use crate::ceph::wait::until;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::node::sound;

/// How long `ha-manager` may take: it writes a line.
const PATIENCE: Duration = Duration::from_secs(60);

/// Begin or end.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaintenanceOperation {
    /// Guests leave.
    Begin,
    /// They come back.
    End,
}

/// Takes a node into maintenance, or back: HA moves its guests elsewhere, live where they can, and brings them home afterwards; Ceph
/// leaves the node's OSDs in meanwhile (`noout`, of this node alone), so that nothing is copied because of a reboot.
///
/// Begun only if the cluster can do without the node: the other nodes are a majority, and Ceph has all its copies. The action waits
/// until the guests have left, or are back, and tells how far that is. Guests that are not under HA stay where they are, and are
/// named. The node itself is left running: `pve_node_power` reboots it.
///
/// PVE has no call for it: the commands run on the node, in PVE's terminal (with the login of `root@pam`) or by SSH. The same from
/// a shell: `terraform-provider-pve maintenance NODE`, and `--end`.
///
/// Interrupted, the action ends at once. The maintenance stands, and HA carries on: `end` ends it.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "node_maintenance", area = "HA")]
pub struct NodeMaintenance {
    /// The node.
    #[attr(required)]
    pub node: String,
    /// `begin` or `end`. What is so already is left alone.
    #[attr(required)]
    pub operation: MaintenanceOperation,
    /// Whether the node's OSDs are kept from being marked out, and at the end no longer are. It is a flag of the node, not the one
    /// of the whole cluster, which is left as it is (`pve_ceph_flags`).
    #[attr(default = true)]
    pub noout: bool,
}

impl Action<Pve> for NodeMaintenance {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/", &[])]
    }

    async fn plan(cx: &Cx<Pve>, _config: &NodeMaintenancePlan, say: &mut Say<Self>) {
        crate::ground::rights::warn_shell(cx, say, "node", "Maintenance of nodes");
    }

    async fn invoke(cx: &Cx<Pve>, config: Self, progress: &Progress) -> Result<(), Error> {
        let doing = format!("Cannot take {} into maintenance or back", config.node);
        let nodes = cx.client.nodes().list().await.during(&doing)?;
        let Some(node) = nodes.iter().find(|node| node.node == config.node) else {
            let all = nodes.iter().map(|node| node.node.as_str()).collect::<Vec<_>>().join(", ");
            let detail = format!("There are: {all}. Nothing was done.");
            return Err(Error::new(format!("The cluster has no node \"{}\"", config.node), detail).at("node"));
        };
        if !cx.client.has_shell() {
            let detail = "PVE has no call for it; the command runs on the node. Set `username = \"root@pam\"` and `password` on the \
                          provider (PVE_USERNAME, PVE_PASSWORD), or `ssh`. Nothing was done.";
            return Err(Error::new(doing, detail));
        }
        if !node.is_online() {
            let detail = "The cluster sees it offline. Nothing was done.";
            return Err(Error::new(format!("Node {} is not online", config.node), detail).at("node"));
        }
        match config.operation {
            MaintenanceOperation::Begin => Ok(config.begin(cx, progress).await?),
            MaintenanceOperation::End => Ok(config.end(cx, progress).await?),
        }
    }
}

impl NodeMaintenance {
    async fn begin(&self, cx: &Cx<Pve>, progress: &Progress) -> Result<(), Problem> {
        let node = &self.node;
        let begun = self.is_begun(cx).await?;
        if !begun && let Some(why) = sound::cannot_spare(cx, node).await? {
            return Err(Problem::new(
                format!("The cluster cannot do without {node} now"),
                format!("{} Nothing was done.", capital(&why)),
            )
            .at("node"));
        }
        self.keep_in(cx, true, progress).await?;
        self.name_who_stays(cx).await?;
        if !self.has_ha(cx).await? {
            progress.say(format!("{node}: nothing is under HA"));
            return Ok(());
        }
        match begun {
            true => progress.say(format!("{node} is in maintenance already")),
            false => {
                self.command(cx, "enable").await?;
                progress.say(format!("{node}: HA is asked to take its guests elsewhere"));
            }
        }
        let waiting = format!("Guests have not all left {node} yet");
        let gone = until(cx, Instant::now() + cx.timeout, &waiting, async || {
            cx.client.changed(&[Area::Ha]);
            let left = self.still_there(cx).await?;
            let now = left.join(", ");
            Ok(match self.is_begun(cx).await? && left.is_empty() {
                true => Ok(()),
                false => Err(if now.is_empty() { "HA has not taken it up yet.".to_owned() } else { format!("{now}.") }),
            })
        });
        gone.await.map_err(|problem| stands(problem, node))?;
        progress.say(format!("{node} is in maintenance: all guests under HA have left"));
        Ok(())
    }

    async fn end(&self, cx: &Cx<Pve>, progress: &Progress) -> Result<(), Problem> {
        let node = &self.node;
        let begun = self.is_begun(cx).await?;
        if begun {
            self.command(cx, "disable").await?;
            progress.say(format!("{node}: HA is asked to bring its guests back"));
        } else {
            progress.say(format!("{node} is not in maintenance of HA"));
        }
        self.keep_in(cx, false, progress).await?;
        let waiting = format!("Guests are not all back on {node} yet");
        let back = until(cx, Instant::now() + cx.timeout, &waiting, async || {
            cx.client.changed(&[Area::Ha]);
            let away = self.still_away(cx).await?;
            Ok(match !self.is_begun(cx).await? && away.is_empty() {
                true => Ok(()),
                false => Err(if away.is_empty() {
                    "HA has not taken it up yet.".to_owned()
                } else {
                    format!("{}.", away.join(", "))
                }),
            })
        });
        back.await.map_err(|problem| problem.noting(Some("HA carries on by itself.".to_owned())))?;
        progress.say(format!("{node} is back: its guests are where they were"));
        Ok(())
    }

    /// Whether HA has it in maintenance.
    async fn is_begun(&self, cx: &Cx<Pve>) -> Result<bool, Problem> {
        let status = cx.client.ha().manager_status().await.during("Cannot read HA's status")?;
        Ok(status.node_status.get(&self.node).is_some_and(|status| status == "maintenance"))
    }

    async fn has_ha(&self, cx: &Cx<Pve>) -> Result<bool, Problem> {
        Ok(!cx.client.ha().resources().await.during("Cannot list what is under HA")?.is_empty())
    }

    /// Guests that HA keeps running there, with what it says of each.
    async fn still_there(&self, cx: &Cx<Pve>) -> Result<Vec<String>, Problem> {
        const AT_REST: [&str; 5] = ["stopped", "disabled", "ignored", "error", "freeze"];
        let status = cx.client.ha().status().await.during("Cannot read HA's status")?;
        let here = status.services.iter().filter(|service| service.node.as_deref() == Some(&*self.node));
        Ok(here
            .filter(|service| !AT_REST.contains(&service.state.as_str()))
            .map(|service| format!("{} ({})", service.sid, service.state))
            .collect())
    }

    /// Guests that are to come back, and are not there.
    async fn still_away(&self, cx: &Cx<Pve>) -> Result<Vec<String>, Problem> {
        let status = cx.client.ha().manager_status().await.during("Cannot read HA's status")?;
        let away =
            status.service_status.iter().filter(|(_, note)| note.maintenance_node.as_deref() == Some(&*self.node));
        Ok(away.map(|(sid, note)| format!("{sid} ({}, on {})", note.state, note.node)).collect())
    }

    /// Whoever is not under HA stays, running.
    async fn name_who_stays(&self, cx: &Cx<Pve>) -> Result<(), Problem> {
        let managed = cx.client.ha().resources().await.during("Cannot list what is under HA")?;
        let guests = cx.client.cluster().guests().await.during("Cannot list the guests")?;
        let stays: Vec<String> = guests
            .iter()
            .filter(|guest| guest.node == self.node && guest.status == "running")
            .filter(|guest| !managed.iter().any(|resource| resource.sid.vmid == guest.vmid))
            .map(|guest| guest.vmid.to_string())
            .collect();
        if !stays.is_empty() {
            let detail = format!("They run on {} and are not under HA: {}.", self.node, stays.join(", "));
            cx.warn(Diagnostic::warning("Guests stay on a node in maintenance", detail));
        }
        Ok(())
    }

    async fn command(&self, cx: &Cx<Pve>, way: &str) -> Result<(), Problem> {
        let doing = format!("Cannot {way} the maintenance of {}", self.node);
        let argv = ["ha-manager", "crm-command", "node-maintenance", way, &self.node].map(str::to_owned);
        let _turn = cx.client.begin_write(Lock::Ha, &[Area::Ha, Area::Guests]).await.during(&doing)?;
        let said = cx.client.shell(self.node.clone()).run(&argv, PATIENCE).await.during(&doing)?;
        match said.success() {
            true => Ok(()),
            false => Err(Problem::new(doing, format!("`{}` said: {}", argv.join(" "), said.stderr_text()))),
        }
    }

    /// Keeps the node's OSDs from being marked out, or no longer.
    async fn keep_in(&self, cx: &Cx<Pve>, on: bool, progress: &Progress) -> Result<(), Problem> {
        let doing = "Cannot keep Ceph from marking OSDs out";
        let Some(monitor) = cx.client.ceph().monitor_node().await.during(doing)?.filter(|_| self.noout) else {
            return Ok(());
        };
        let tree = cx.client.ceph().osds().await.during(doing)?;
        if !tree.osds.iter().any(|osd| osd.host.as_deref() == Some(&*self.node)) {
            return Ok(());
        }
        let shell = cx.client.shell(monitor);
        let commands = CephCommands::new(&cx.client, &shell);
        if commands.has_host_noout(&self.node).await.during(doing)? != on {
            commands.set_host_noout(&self.node, on).await.during(doing)?;
            let what = if on { "are kept in (noout)" } else { "may be marked out again" };
            progress.say(format!("{}: its OSDs {what}", self.node));
        }
        Ok(())
    }
}

fn stands(problem: Problem, node: &str) -> Problem {
    problem.noting(Some(format!(
        "The maintenance stands and HA carries on; `terraform-provider-pve maintenance {node} --end` ends it."
    )))
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
