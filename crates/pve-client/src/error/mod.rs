//! Everything that can go wrong, sorted by what one can do about it.

mod classify;

use std::collections::BTreeMap;
use std::time::Duration;

pub(crate) use classify::{Refused, classify, lock_contention};

use crate::Upid;

/// Why a call, or the wait for its task, has no result.
///
/// PVE answers nearly every semantic error with status 500 and a sentence, so the sorting goes by PVE's texts. The
/// message always keeps PVE's full text.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client was given something it cannot work with: no endpoint, a bad URL, an unreadable CA file.
    #[error("{0}")]
    Config(String),
    /// Parameters were refused before anything was done.
    #[error("{0}")]
    Parameter(ParameterError),
    /// A right is missing.
    #[error("{}", .0.message)]
    Permission(PermissionError),
    /// PVE reserves this to the ticket of root@pam; a token of root@pam is not enough.
    #[error("{}", .0.message)]
    NeedsRootTicket(Refusal),
    /// PVE does not accept who we say we are.
    #[error("{0}")]
    Unauthenticated(AuthError),
    /// What the request names does not exist: the object itself, or something that it refers to.
    #[error("{}", .0.message)]
    Absent(Refusal),
    /// What was to be created exists already.
    #[error("{}", .0.message)]
    Exists(Refusal),
    /// Somebody else holds the lock. Without `by` it is contention, which passes; with it, the guest is locked by a
    /// longer operation (`backup`, `migrate`, ...).
    #[error("{}", .refusal.message)]
    Locked {
        /// PVE's answer.
        refusal: Refusal,
        /// The guest's config lock, where that is the reason.
        by: Option<String>,
    },
    /// The configuration was changed by somebody else since it was read (the digest differs).
    #[error("{}", .0.message)]
    Modified(Refusal),
    /// The cluster has no majority; `/etc/pve` is read-only.
    #[error("{}", .0.message)]
    NoQuorum(Refusal),
    /// The cluster has no node of that name (or cannot resolve it).
    #[error("{}", .refusal.message)]
    UnknownNode {
        /// PVE's answer.
        refusal: Refusal,
        /// The name.
        node: String,
    },
    /// The node that has to answer does not.
    #[error("node {node} is unreachable: {message}")]
    NodeUnreachable {
        /// The node.
        node: String,
        /// What was seen.
        message: String,
        /// Whether the request may have reached the node.
        sent: bool,
    },
    /// Ceph's packages are not installed on the node.
    #[error("{}", .0.message)]
    NotInstalled(Refusal),
    /// Ceph has no configuration yet.
    #[error("{}", .0.message)]
    NotInitialised(Refusal),
    /// Ceph is configured, but no monitor answers.
    #[error("{}", .0.message)]
    CephUnreachable(Refusal),
    /// PVE has no such call: a wrong path, or a PVE that is too old.
    #[error("{}", .0.message)]
    NotImplemented(Refusal),
    /// The task ended in an error.
    #[error("{}", .0.status)]
    TaskFailed(TaskFailure),
    /// The task was killed, or PVE no longer knows it; whether it succeeded has to be seen from its results.
    #[error("PVE lost task {upid}: {message}")]
    TaskLost {
        /// The task.
        upid: Upid,
        /// PVE's words.
        message: String,
    },
    /// The task made no progress for the time given; it goes on in PVE.
    #[error("task {upid} has made no progress for {}", seconds(.after))]
    Stalled {
        /// The task.
        upid: Upid,
        /// The time without progress.
        after: Duration,
    },
    /// We were told to stop. With a task: it goes on in PVE; without: nothing was sent.
    #[error("stopped{}", .upid.as_ref().map(|upid| format!(" while task {upid} goes on")).unwrap_or_default())]
    Stopped {
        /// The task that was waited for.
        upid: Option<Upid>,
    },
    /// The patience with the task is over; it goes on in PVE.
    #[error("task {upid} is not done after {}", seconds(.after))]
    Timeout {
        /// The task.
        upid: Upid,
        /// How long was waited.
        after: Duration,
    },
    /// No endpoint could be talked to because of TLS.
    #[error("TLS with {endpoint}: {message}{}", .seen.as_ref().map(|seen| format!("; its certificate's SHA-256 fingerprint is {seen}")).unwrap_or_default())]
    Tls {
        /// The endpoint's URL.
        endpoint: String,
        /// Fingerprint of the certificate that the server showed, `AA:BB:...`.
        seen: Option<String>,
        /// What is wrong with it.
        message: String,
    },
    /// Several endpoints were given, and they do not lead to one cluster: whose answer is meant cannot be told. Nothing was sent.
    #[error("{}", no_cluster(.single, .clusters, .silent))]
    NoCluster {
        /// Nodes that are in no cluster.
        single: Vec<String>,
        /// Nodes of different clusters, with the cluster's name.
        clusters: Vec<(String, String)>,
        /// Endpoints that do not answer, by node name or URL.
        silent: Vec<String>,
    },
    /// No endpoint accepted a connection; nothing was sent.
    #[error("no endpoint answers: {}", list(.tried))]
    Connect {
        /// Each endpoint's URL with what happened there.
        tried: Vec<(String, String)>,
    },
    /// The request was sent and its answer never came; it may or may not have been carried out.
    #[error("{request}: the answer was lost: {message}")]
    AnswerLost {
        /// Method and path.
        request: String,
        /// What happened.
        message: String,
    },
    /// An answer came that is not PVE's: HTML, bad JSON, a redirect, too much of it.
    #[error("{request}: {message}")]
    Protocol {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        message: String,
    },
    /// PVE refused or failed in words that are not in this list.
    #[error("{}", .refusal.message)]
    Other {
        /// PVE's answer.
        refusal: Refusal,
        /// Whether the text says for certain that nothing was done.
        definite: bool,
    },
}

/// PVE's answer to a request that it did not carry out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Method and path.
    pub request: String,
    /// HTTP status; 0 when the client itself refused.
    pub status: u16,
    /// PVE's full text, without the line end.
    pub message: String,
}

/// Refused parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterError {
    /// Method and path.
    pub request: String,
    /// PVE's sentence, usually `Parameter verification failed.`.
    pub message: String,
    /// What is wrong with each parameter, by its name in PVE.
    pub fields: BTreeMap<String, String>,
}

impl std::fmt::Display for ParameterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        for (index, (field, text)) in self.fields.iter().enumerate() {
            write!(f, "{} {field}: {}", if index == 0 { "" } else { ";" }, text.trim_end())?;
        }
        Ok(())
    }
}

/// A missing right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PermissionError {
    /// Method and path.
    pub request: String,
    /// PVE's text.
    pub message: String,
    /// The object in PVE's permission tree (`/vms/100`); PVE does not always name it.
    pub path: Option<String>,
    /// Any one of these privileges on `path` is enough.
    pub privileges: Vec<String>,
}

/// Failed authentication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthError {
    /// Which kind.
    pub reason: AuthReason,
    /// PVE's text, or ours where PVE was not asked.
    pub message: String,
}

impl std::fmt::Display for AuthError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

/// The kinds of failed authentication.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthReason {
    /// No token and no login were given.
    NoCredentials,
    /// User name, realm or password are wrong, or the user is disabled.
    WrongLogin,
    /// The token is unknown, expired, wrong, or its user is disabled.
    WrongToken,
    /// A fresh ticket was refused: the user was disabled, or the nodes' clocks are far apart.
    TicketRefused,
    /// The user has a second factor, which a program cannot give.
    SecondFactor,
    /// So has root@pam, whose password is all that PVE takes for this call.
    SecondFactorOfRoot,
}

/// A task that ended in an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskFailure {
    /// The task.
    pub upid: Upid,
    /// Its exit status, the error's text.
    pub status: String,
    /// The last lines of its log, 20 at most; empty if the log could not be read.
    pub log: Vec<String>,
}

impl Error {
    /// Something that a list or a lookup did not show, in the words of an absent object.
    pub fn absent(message: impl Into<String>) -> Error {
        Error::Absent(Refusal { request: String::new(), status: 0, message: message.into() })
    }

    /// Whether the request certainly had no effect.
    pub fn refused(&self) -> bool {
        match self {
            Error::Config(_)
            | Error::Parameter(_)
            | Error::Permission(_)
            | Error::NeedsRootTicket(_)
            | Error::Unauthenticated(_)
            | Error::Absent(_)
            | Error::Exists(_)
            | Error::Locked { .. }
            | Error::Modified(_)
            | Error::NoQuorum(_)
            | Error::UnknownNode { .. }
            | Error::NotInstalled(_)
            | Error::NotInitialised(_)
            | Error::NotImplemented(_)
            | Error::Tls { .. }
            | Error::NoCluster { .. }
            | Error::Connect { .. } => true,
            Error::NodeUnreachable { sent, .. } => !sent,
            Error::Stopped { upid } => upid.is_none(),
            Error::Other { definite, .. } => *definite,
            Error::CephUnreachable(_)
            | Error::TaskFailed(_)
            | Error::TaskLost { .. }
            | Error::Stalled { .. }
            | Error::Timeout { .. }
            | Error::AnswerLost { .. }
            | Error::Protocol { .. } => false,
        }
    }

    /// Whether a write may have been carried out without our hearing of it: look before doing it again.
    pub fn answer_lost(&self) -> bool {
        match self {
            Error::AnswerLost { .. } | Error::Protocol { .. } | Error::TaskLost { .. } => true,
            Error::NodeUnreachable { sent, .. } => *sent,
            _ => false,
        }
    }

    /// Whether it is plain competition for a lock, which passes.
    pub fn is_contention(&self) -> bool {
        match self {
            Error::Locked { by, .. } => by.is_none(),
            Error::TaskFailed(failure) => lock_contention(&failure.status),
            _ => false,
        }
    }

    /// Whether it is one of the sentences in which Ceph's monitors or manager fail at a request that is fine.
    pub fn is_stumble_of_ceph(&self) -> bool {
        match self {
            Error::CephUnreachable(_) => true,
            Error::Other { refusal, .. } => {
                refusal.status == 500
                    && refusal.request.split(['/', ' ', '?']).any(|part| part == "ceph")
                    && ["mon_command failed", "got timeout", "rados_connect failed"]
                        .iter()
                        .any(|words| refusal.message.contains(words))
            }
            _ => false,
        }
    }

    /// Whether what was asked for does not exist.
    pub fn is_absent(&self) -> bool {
        matches!(self, Error::Absent(_))
    }

    /// Whether it is about reaching PVE rather than about the request: the state of things is unknown.
    pub fn is_unreachable(&self) -> bool {
        matches!(
            self,
            Error::NodeUnreachable { .. }
                | Error::Connect { .. }
                | Error::NoCluster { .. }
                | Error::AnswerLost { .. }
                | Error::CephUnreachable(_)
        )
    }
}

fn seconds(time: &Duration) -> String {
    let whole = time.as_secs();
    match (whole / 60, whole % 60) {
        (0, seconds) => format!("{seconds} s"),
        (minutes, 0) => format!("{minutes} min"),
        (minutes, seconds) => format!("{minutes} min {seconds} s"),
    }
}

fn list(tried: &[(String, String)]) -> String {
    tried.iter().map(|(endpoint, what)| format!("{endpoint} ({what})")).collect::<Vec<_>>().join(", ")
}

fn no_cluster(single: &[String], clusters: &[(String, String)], silent: &[String]) -> String {
    let silent = match silent {
        [] => String::new(),
        [one] => format!("; {one} does not answer"),
        several => format!("; {} do not answer", several.join(", ")),
    };
    if !clusters.is_empty() {
        let list: Vec<String> = clusters.iter().map(|(node, cluster)| format!("{node} ({cluster})")).collect();
        return format!("the endpoints lead to different clusters: {}", list.join(", "));
    }
    match single {
        [one] => format!("of the endpoints only {one} answers, which is in no cluster{silent}"),
        several => format!("the endpoints are nodes of which none is in a cluster: {}{silent}", several.join(", ")),
    }
}

#[cfg(test)]
mod tests;
