//! `pve_node_power`: nodes are rebooted or shut down, one after the other.

use std::sync::atomic::{AtomicBool, Ordering};

use pve_client::{Area, Lock, Request};
use terraform_plugin::{Action, Choice, Cx, Error, Model, Need, Progress, Say};
use tokio::time::Instant;

use super::sound;
use crate::ceph::wait::until;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// What is done.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeOperation {
    /// It is back afterwards.
    Reboot,
    /// It is off afterwards.
    Shutdown,
}

/// Reboots nodes or shuts them down, one after the other.
///
/// Before each, the cluster is looked at: the other nodes must be a majority, Ceph must have all its copies (it is waited for, after a
/// node came back), and HA must be at rest. After a reboot the node is waited for until it answers again.
///
/// What becomes of its guests is a matter of HA's shutdown policy (`ha.shutdown_policy` of `pve_cluster_options`); with
/// `pve_node_maintenance` before it they leave live. Guests that are not under HA are shut down, and start again where they are set
/// to start with their node.
///
/// Interrupted, the action ends before the next node; what a node has begun goes on, and the message says which.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "node_power", area = "Node")]
pub struct NodePower {
    /// The nodes, in this order.
    #[attr(required, length = 1..)]
    pub nodes: Vec<String>,
    /// `reboot` or `shutdown`.
    #[attr(required)]
    pub operation: NodeOperation,
}

impl NodeOperation {
    fn word(self) -> &'static str {
        match self {
            Self::Reboot => "reboot",
            Self::Shutdown => "shutdown",
        }
    }
}

impl Action<Pve> for NodePower {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"]), Need::to_apply("/nodes/{node}", &["Sys.PowerMgmt"])]
    }

    fn validate(config: &NodePowerPlan, say: &mut Say<Self>) {
        let Some(nodes) = config.nodes.known() else { return };
        for (at, node) in nodes.iter().enumerate() {
            if node.text().is_some() && nodes[..at].iter().any(|before| before.text() == node.text()) {
                say.error("nodes", "A node is named twice", "Name each node once.");
            }
        }
    }

    async fn invoke(cx: &Cx<Pve>, config: Self, progress: &Progress) -> Result<(), Error> {
        let all = cx.client.nodes().list().await.during("Cannot list the nodes")?;
        for node in &config.nodes {
            let found = all.iter().find(|entry| entry.node == *node);
            let Some(found) = found else {
                let detail = "Nothing was done.";
                return Err(Error::new(format!("The cluster has no node \"{node}\""), detail).at("nodes"));
            };
            if !found.is_online() && config.operation == NodeOperation::Reboot {
                let detail = "What is off cannot be rebooted. Nothing was done.";
                return Err(Error::new(format!("Node {node} is not online"), detail).at("nodes"));
            }
        }
        for (at, node) in config.nodes.iter().enumerate() {
            config.one(cx, node, progress).await.map_err(|problem| {
                let done = match at {
                    0 => "Nothing was done before it.".to_owned(),
                    _ => format!("Done before it: {}.", config.nodes[..at].join(", ")),
                };
                problem.noting(Some(done))
            })?;
        }
        Ok(())
    }
}

impl NodePower {
    async fn one(&self, cx: &Cx<Pve>, node: &str, progress: &Progress) -> Result<(), Problem> {
        let word = self.operation.word();
        let (was_on, before) = seen(cx, node).await?;
        if !was_on {
            progress.say(format!("{node} is off already"));
            return Ok(());
        }
        let deadline = Instant::now() + cx.timeout;
        // What an earlier one has left behind passes; what is wrong from the beginning does not.
        let waiting = format!("The cluster cannot do without {node} now");
        until(cx, deadline, &waiting, async || {
            cx.client.changed(&[Area::Ha, Area::CephStatus, Area::Nodes, Area::Cluster]);
            Ok(match sound::ha_is_busy(cx).await? {
                Some(busy) => Err(busy),
                None => match sound::cannot_spare(cx, node).await? {
                    Some(why) => Err(why),
                    None => Ok(()),
                },
            })
        })
        .await?;
        let doing = format!("Cannot {word} {node}");
        let request = Request::post(format!("nodes/{node}/status")).node(node).param("command", word);
        let sent = cx.client.write::<()>(Lock::Node(node.to_owned()), &[Area::Nodes, Area::Guests], request).await;
        // A node that goes down may take its answer along; what it does is seen.
        if let Err(error) = sent
            && !error.answer_lost()
        {
            return Err(Problem::during(doing, error));
        }
        progress.say(format!("{node}: {word}"));
        let deadline = Instant::now() + cx.timeout;
        match self.operation {
            NodeOperation::Shutdown => {
                until(cx, deadline, &format!("{node} is not off yet"), async || {
                    Ok(if seen(cx, node).await?.0 { Err("it is online.".to_owned()) } else { Ok(()) })
                })
                .await?;
                progress.say(format!("{node} is off"));
            }
            NodeOperation::Reboot => {
                let gone = AtomicBool::new(false);
                until(cx, deadline, &format!("{node} is not back yet"), async || {
                    let (on, uptime) = seen(cx, node).await?;
                    gone.fetch_or(!on, Ordering::Relaxed);
                    let anew =
                        gone.load(Ordering::Relaxed) || uptime.zip(before).is_some_and(|(now, before)| now < before);
                    Ok(match (on, anew) {
                        (true, true) => Ok(()),
                        (true, false) => Err("it has not gone down yet.".to_owned()),
                        (false, _) => Err("it is down.".to_owned()),
                    })
                })
                .await?;
                progress.say(format!("{node} is back"));
            }
        }
        Ok(())
    }
}

/// Whether a node is online, and for how many seconds.
async fn seen(cx: &Cx<Pve>, node: &str) -> Result<(bool, Option<u64>), Problem> {
    cx.client.changed(&[Area::Nodes]);
    let found = cx.client.nodes().find(node).await.during(format!("Cannot look at {node}"))?;
    Ok(found.map_or((false, None), |found| (found.is_online(), found.uptime)))
}
