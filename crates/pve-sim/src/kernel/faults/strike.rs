//! Carrying out a fault.

use std::time::Duration;

use super::effect::{Effect, TaskEnd, Whose};
use super::lasting::Skew;
use super::{Fault, When, garble};
use crate::kernel::error::PveError;
use crate::kernel::faults::{Recipient, Signal};
use crate::kernel::kill::{self, signal_peer};
use crate::kernel::pipeline::{Outcome, Reply, Request, refused};
use crate::kernel::tasks::{TaskEnding, TaskFault};
use crate::kernel::world::World;
use crate::shape::parse_duration;

/// So often it is looked whether a request is still held.
const HELD: Duration = Duration::from_millis(5);

/// What the faults do to the task that the request begins.
pub(crate) fn task_fault(before: &[Fault], after: &[Fault]) -> Option<TaskFault> {
    before.iter().chain(after).find_map(|fault| match &fault.effect {
        Effect::Task { task, message } => {
            let text = |default: &str| message.clone().unwrap_or_else(|| default.to_owned());
            let ending = match task {
                TaskEnd::Fail => TaskEnding::Error(text("task failed")),
                TaskEnd::Midway => TaskEnding::Midway(text("task failed")),
                TaskEnd::Vanish => TaskEnding::Vanish,
                TaskEnd::Warn => TaskEnding::Warning(text("something is not as it should be")),
            };
            Some(TaskFault { ending, after_work: fault.when == When::After })
        }
        _ => None,
    })
}

/// Carries out a fault at a request that `node` has taken; gives what it makes of the request, if it ends here.
pub(crate) async fn strike(world: &World, node: &str, request: &Request, fault: &Fault) -> Option<Outcome> {
    let date = world.with(|cluster| cluster.clock_of(node));
    match &fault.effect {
        Effect::Status { status, message } => {
            // A node that forwards a request to another tells of its failure in the status line alone.
            if (595..=599).contains(status) {
                let reason = Some(message.clone());
                let reply = Reply { status: *status, reason, content_type: None, body: String::new(), date };
                return Some(Outcome::Reply(reply));
            }
            let refusal = PveError::status(*status, message.clone()).into_refusal().ok()?;
            Some(Outcome::Reply(refused(refusal, date)))
        }
        Effect::Body { body, content_type } => {
            let (content_type, body) = (Some(content_type.clone()), body.clone());
            Some(Outcome::Reply(Reply { status: 200, reason: None, content_type, body, date }))
        }
        Effect::Drop { .. } => Some(Outcome::Drop),
        Effect::Hold { .. } => {
            world.with(|cluster| cluster.faults.holds(fault));
            while world.with(|cluster| cluster.faults.is_in_force(fault)) {
                tokio::time::sleep(HELD).await;
            }
            Some(Outcome::Drop)
        }
        Effect::Delay { delay } => {
            let until = world.with(|cluster| cluster.now) + span(delay);
            world.sleep_until(until).await;
            None
        }
        Effect::Task { .. } | Effect::Cut { .. } | Effect::Types { .. } | Effect::Hangup { .. } => None,
        Effect::Ticket { .. } => {
            world.with(|cluster| cluster.access.expire_tickets(&mut cluster.ids));
            None
        }
        Effect::Outage { outage, span: length, of, delay } => {
            let (kind, length) = (*outage, span(length));
            world.with(|cluster| {
                let nodes = match of {
                    Whose::Node => vec![node.to_owned()],
                    Whose::All => cluster.nodes.names(),
                };
                match delay {
                    None => cluster.begin_outage(nodes, kind, length),
                    Some(delay) => {
                        cluster.after(span(delay), move |cluster| cluster.begin_outage(nodes, kind, length));
                    }
                }
            });
            delay.is_none().then_some(Outcome::Drop)
        }
        Effect::Power { delay, .. } => {
            world.with(|cluster| {
                let named = request.path.strip_prefix("/nodes/").and_then(|rest| rest.split('/').next());
                let node = named.filter(|name| cluster.knows(name)).unwrap_or(node).to_owned();
                match delay {
                    None => cluster.set_power(&node, false),
                    Some(delay) => cluster.after(span(delay), move |cluster| cluster.set_power(&node, false)),
                }
            });
            None
        }
        Effect::Skew { skew } => {
            if let Ok(skew) = Skew::parse(skew) {
                world.with(|cluster| cluster.lasting.skew(node, skew));
            }
            None
        }
        Effect::Kill { kill: pid } => {
            kill::kill(*pid);
            Some(Outcome::Drop)
        }
        Effect::Signal { signal, to } => {
            if let Err(error) = signal_peer(request.ends, *signal, *to).await {
                eprintln!("pve-sim: no signal was sent to whoever is behind {}: {error}", request.ends.peer);
                world.with(|cluster| cluster.faults.miss(fault, error.to_string()));
            }
            // The dead ask for nothing; an orphan does.
            (*signal == Signal::Kill && *to != Recipient::Parent).then_some(Outcome::Drop)
        }
    }
}

/// PVE's own answer, after the faults that change something about it.
pub(crate) fn alter(outcome: Outcome, faults: &[Fault]) -> Outcome {
    faults.iter().fold(outcome, |outcome, fault| match (outcome, &fault.effect) {
        (Outcome::Reply(reply), Effect::Cut { .. }) => {
            Outcome::Reply(Reply { body: garble::cut(&reply.body), ..reply })
        }
        (Outcome::Reply(reply), Effect::Types { .. }) => {
            Outcome::Reply(Reply { body: garble::wrong_types(&reply.body), ..reply })
        }
        (Outcome::Reply(reply), Effect::Hangup { .. }) => Outcome::LastReply(reply),
        (outcome, _) => outcome,
    })
}

/// Checked when the fault was put in force.
fn span(text: &str) -> Duration {
    parse_duration(text).unwrap_or_default()
}
