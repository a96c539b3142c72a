//! What can happen to a request.

use serde::{Deserialize, Serialize};

use super::lasting::Skew;
use crate::shape::parse_duration;

/// What happens.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Effect {
    /// An error in PVE's form.
    Status {
        /// HTTP status.
        status: u16,
        /// Message.
        #[serde(default)]
        message: String,
    },
    /// An answer that is none of PVE's.
    Body {
        /// The body.
        body: String,
        /// Its type.
        #[serde(default = "html")]
        content_type: String,
    },
    /// The connection closes without an answer.
    Drop {
        /// Always true.
        drop: bool,
    },
    /// The request stays on its way as long as the fault is in force; then the connection closes without an answer.
    Hold {
        /// Always true.
        hold: bool,
    },
    /// The answer comes later (simulated time).
    Delay {
        /// As `30s`.
        delay: String,
    },
    /// The task that the request begins comes to an end of its own.
    Task {
        /// `fail`, `midway`, `vanish` or `warn`.
        task: TaskEnd,
        /// The error of one that fails, the warning of one that warns.
        #[serde(default)]
        message: Option<String>,
    },
    /// Tickets issued so far are worthless.
    Ticket {
        /// Always `expire`.
        ticket: TicketEnd,
    },
    /// A process gets SIGKILL.
    Kill {
        /// Its id.
        kill: u32,
    },
    /// PVE's own answer, cut off in the middle.
    Cut {
        /// Always true.
        cut: bool,
    },
    /// PVE's own answer, with every value a list.
    Types {
        /// Always `wrong`.
        types: Types,
    },
    /// PVE's own answer promises that the connection stays, and then it closes.
    Hangup {
        /// Always true.
        hangup: bool,
    },
    /// An endpoint cannot be reached for a while; its connections break, that of the request too.
    Outage {
        /// How.
        outage: OutageKind,
        /// For how long (simulated time), as `60s`.
        #[serde(rename = "for")]
        span: String,
        /// Whose endpoint.
        #[serde(default)]
        of: Whose,
        /// How much later (simulated time) it begins; the request is then answered.
        #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
        delay: Option<String>,
    },
    /// A node goes off: the one that the path names, or the one that takes the request.
    Power {
        /// Always `off`.
        power: PowerEnd,
        /// How much later (simulated time); the request is then answered.
        #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
        delay: Option<String>,
    },
    /// From now on the clock of the node that takes the request is wrong by this much.
    Skew {
        /// As `1h` (ahead) or `-1h` (behind).
        skew: String,
    },
    /// Whoever has sent the request gets a signal.
    Signal {
        /// Which.
        signal: Signal,
        /// Who gets it.
        to: Recipient,
    },
}

impl Effect {
    /// What is wrong with it, in words.
    pub(super) fn check(&self) -> Result<(), String> {
        match self {
            Effect::Delay { delay } => parse_duration(delay).map(drop),
            Effect::Drop { drop: false } => Err("drop must be true".to_owned()),
            Effect::Hold { hold: false } => Err("hold must be true".to_owned()),
            Effect::Cut { cut: false } => Err("cut must be true".to_owned()),
            Effect::Hangup { hangup: false } => Err("hangup must be true".to_owned()),
            Effect::Status { status, .. } if !(100..=999).contains(status) => {
                Err(format!("{status} is not an HTTP status"))
            }
            Effect::Outage { span, delay, .. } => {
                parse_duration(span)?;
                delay.as_deref().map_or(Ok(()), |delay| parse_duration(delay).map(drop))
            }
            Effect::Power { delay: Some(delay), .. } => parse_duration(delay).map(drop),
            Effect::Skew { skew } => Skew::parse(skew).map(drop),
            // Process 0 would be our own group, 1 the system.
            Effect::Kill { kill: 0 | 1 } => Err("kill needs the id of a process".to_owned()),
            _ => Ok(()),
        }
    }
}

/// A signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Signal {
    /// The process ends at once.
    Kill,
    /// Ctrl-C.
    Int,
}

/// Who gets a signal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Recipient {
    /// The process at the other end of the connection.
    Peer,
    /// The process that has started it.
    Parent,
    /// Its process group: with a terminal's Ctrl-C, whoever has started it too.
    Group,
}

/// How a task ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskEnd {
    /// With an error.
    Fail,
    /// With an error, with all of its work done but the last piece.
    Midway,
    /// Without a final line.
    Vanish,
    /// With its work done, and a warning.
    Warn,
}

/// How an answer's types are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Types {
    /// Other than PVE's.
    Wrong,
}

/// How an endpoint cannot be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OutageKind {
    /// Its port refuses connections.
    Refused,
    /// It shows the certificate of somebody else.
    Certificate,
    /// What listens there does not speak TLS.
    Garbage,
}

/// Whose endpoint.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    /// That of the node which takes the request.
    #[default]
    Node,
    /// Those of all nodes.
    All,
}

/// What happens to a node's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PowerEnd {
    /// As if its plug were pulled.
    Off,
}

/// What happens to tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TicketEnd {
    /// They are no longer good.
    Expire,
}

fn html() -> String {
    "text/html".to_owned()
}
