//! What PVE refuses, told in our voice: what failed, what was found, and what to do.

use std::fmt::Display;

use pve_client::Error as Pve;
use pve_client::error::{AuthReason, ParameterError, TaskFailure};
use pve_client::shell::commands::CommandError;
use terraform_plugin::{Diagnostic, Error, Path, WriteError};

/// What an operation ran into: PVE's answer with what we were doing, or a message of our own.
#[derive(Debug)]
pub struct Problem(Box<Inner>);

#[derive(Debug)]
enum Inner {
    Pve {
        doing: String,
        source: Pve,
        attributes: fn(&str) -> Option<Path>,
    },
    Command {
        doing: String,
        source: CommandError,
    },
    Ours(Error),
    /// The same, where the write that it is about was certainly not sent.
    Unsent(Error),
}

impl Problem {
    /// A message of our own: one line on what failed, and what was found, (not) written and to be done.
    pub fn new(summary: impl Into<String>, detail: impl Into<String>) -> Self {
        Self(Box::new(Inner::Ours(Error::new(summary, detail))))
    }

    /// An error of the client, met while `doing` something.
    pub fn during(doing: impl Display, source: Pve) -> Self {
        Self(Box::new(Inner::Pve { doing: doing.to_string(), source, attributes: |_| None }))
    }

    /// The same, about an attribute.
    #[must_use]
    pub fn at(self, path: impl Into<Path>) -> Self {
        Self(Box::new(Inner::Ours(Error::from(self).at(path))))
    }

    /// The same, of a write that was certainly not sent, or refused each time.
    #[must_use]
    pub fn unsent(self) -> Self {
        Self(Box::new(Inner::Unsent(Error::from(self))))
    }

    /// The same, of a write that others of the same work came before: that it was refused does not say that nothing was written.
    #[must_use]
    pub fn halfway(self) -> Self {
        Self(Box::new(Inner::Ours(Error::from(self))))
    }

    /// An unknown node is a mistake in `node`; anything else stays what it is.
    #[must_use]
    pub fn node_at_fault(self) -> Self {
        if matches!(self.pve(), Some(Pve::UnknownNode { .. })) { self.at("node") } else { self }
    }

    /// What was being done, in the words of the summary.
    pub fn doing(&self) -> &str {
        match &*self.0 {
            Inner::Pve { doing, .. } | Inner::Command { doing, .. } => doing,
            Inner::Ours(error) | Inner::Unsent(error) => {
                error.diagnostics().iter().next().map_or("", |first| first.summary.as_str())
            }
        }
    }

    /// PVE's answer, if that is what it was.
    pub fn pve(&self) -> Option<&Pve> {
        match &*self.0 {
            Inner::Pve { source, .. } | Inner::Command { source: CommandError::Shell(source), .. } => Some(source),
            Inner::Command { .. } | Inner::Ours(_) | Inner::Unsent(_) => None,
        }
    }

    /// Whether PVE said that what was asked for does not exist.
    pub fn is_absent(&self) -> bool {
        self.pve().is_some_and(Pve::is_absent)
    }

    /// Whether nobody could be asked: the state of things is unknown.
    pub fn is_unreachable(&self) -> bool {
        self.pve().is_some_and(Pve::is_unreachable)
    }

    /// Whether a task ended in an error: what it was to do is done in part or not at all.
    pub fn is_failed_task(&self) -> bool {
        matches!(self.pve(), Some(Pve::TaskFailed(_)))
    }

    /// Whether somebody else has PVE's lock, which passes: nothing was done.
    pub fn is_contention(&self) -> bool {
        self.pve().is_some_and(Pve::is_contention)
    }

    /// Whether what was to be changed was not as it had been read: nothing was done. PVE compares before it takes the lock,
    /// and once more when it has it.
    pub fn is_modified(&self) -> bool {
        match self.pve() {
            Some(Pve::Modified(_)) => true,
            Some(Pve::TaskFailed(failure)) => ["(file change by other user?)", "detected modified configuration"]
                .iter()
                .any(|words| failure.status.contains(words)),
            _ => false,
        }
    }

    /// Whether the request certainly had no effect.
    pub fn is_refused(&self) -> bool {
        match &*self.0 {
            Inner::Pve { source, .. } => source.refused(),
            Inner::Command { source, .. } => source.refused(),
            Inner::Ours(_) => false,
            Inner::Unsent(_) => true,
        }
    }

    /// The same, with a further sentence, if there is one.
    #[must_use]
    pub fn noting(self, sentence: Option<String>) -> Self {
        match sentence {
            Some(sentence) => Error::from(self).noting(&sentence).into(),
            None => self,
        }
    }

    /// Says which attribute a parameter of PVE belongs to, so that its error points there.
    #[must_use]
    pub fn with_attributes(mut self, of: fn(&str) -> Option<Path>) -> Self {
        if let Inner::Pve { attributes, .. } = &mut *self.0 {
            *attributes = of;
        }
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(Box::new(Inner::Ours(error)))
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        match *problem.0 {
            Inner::Ours(error) | Inner::Unsent(error) => error,
            Inner::Pve { doing, source: Pve::Parameter(refused), attributes } => {
                parameters(&doing, &refused, attributes)
            }
            Inner::Pve { doing, source, .. } | Inner::Command { doing, source: CommandError::Shell(source) } => {
                let error = Self::new(doing, explain(&source));
                match &source {
                    source if lasts(source) => error.lasting(),
                    Pve::NoCluster { clusters, .. } if clusters.is_empty() => error.everywhere(),
                    Pve::NotInstalled(_) | Pve::NotInitialised(_) => error.everywhere(),
                    _ => error,
                }
            }
            Inner::Command { doing, source } => Self::new(doing, explain_command(&source)),
        }
    }
}

impl WriteError for Problem {
    fn refused(&self) -> bool {
        self.is_refused()
    }
}

/// Adds what we were doing to an error of the client.
pub trait During<T> {
    /// `doing` becomes the summary: `Cannot create pool "vm"`.
    fn during(self, doing: impl Display) -> Result<T, Problem>;
}

impl<T> During<T> for Result<T, Pve> {
    fn during(self, doing: impl Display) -> Result<T, Problem> {
        self.map_err(|source| Problem::during(doing, source))
    }
}

impl<T> During<T> for Result<T, CommandError> {
    fn during(self, doing: impl Display) -> Result<T, Problem> {
        self.map_err(|source| Problem(Box::new(Inner::Command { doing: doing.to_string(), source })))
    }
}

/// What a command on a node said.
fn explain_command(error: &CommandError) -> String {
    let written = if error.refused() { "Nothing was changed by it." } else { "It may have changed something." };
    format!("{}\n{written}", sentence(&error.to_string()))
}

/// The error for an object that is to be created and exists: what to write so that Terraform takes it over.
pub fn exists(kind: &str, what: &str, id: &str) -> Problem {
    let cure = format!(
        "It was not made by this configuration, so it is not taken over silently; nothing was written. To bring it under \
         Terraform's care, add this and put your resource's name in place of \"this\":\n\n\
         import {{\n  to = {kind}.this\n  id = \"{id}\"\n}}"
    );
    Error::new(format!("{what} exists already"), cure).taken().into()
}

/// A diagnostic for each parameter that has an attribute; the others in the detail of one.
fn parameters(doing: &str, refused: &ParameterError, attributes: fn(&str) -> Option<Path>) -> Error {
    let mut error: Option<Error> = None;
    let mut others = Vec::new();
    for (parameter, text) in &refused.fields {
        match attributes(parameter) {
            Some(path) => {
                let one = Error::from(
                    Diagnostic::error(
                        doing,
                        format!("PVE refuses this value: {}\nThe call that carries it wrote nothing.", sentence(text)),
                    )
                    .at(path),
                );
                error = Some(match error {
                    Some(so_far) => so_far.and(one),
                    None => one,
                });
            }
            None => others.push(format!("{parameter}: {}", text.trim())),
        }
    }
    if error.is_none() || !others.is_empty() {
        let list = if others.is_empty() { refused.message.clone() } else { others.join("\n") };
        let rest = Error::new(doing, format!("PVE refuses the parameters; nothing was written.\n{list}"));
        error = Some(match error {
            Some(so_far) => so_far.and(rest),
            None => rest,
        });
    }
    // One of the two branches above has set it.
    error.unwrap_or_else(|| Error::new(doing, refused.message.clone()))
}

/// Whether nothing in a plan, nor time, mends it: nobody gets in with these credentials, or nobody at the other end is the one
/// that was named. (Where it is root's login for one single call, the rest goes on.)
fn lasts(error: &Pve) -> bool {
    match error {
        Pve::Unauthenticated(auth) => auth.reason != AuthReason::SecondFactorOfRoot,
        Pve::Tls { .. } => true,
        _ => false,
    }
}

/// Somebody else's words as a sentence: with an end, and with one only.
fn sentence(words: &str) -> String {
    let words = words.trim();
    if words.is_empty() || words.ends_with(['.', '?', '!', ':', '\u{2026}']) {
        words.to_owned()
    } else {
        format!("{words}.")
    }
}

/// What PVE said, and what to do about it.
fn explain(error: &Pve) -> String {
    match error {
        Pve::Permission(missing) => {
            let privilege =
                if missing.privileges.is_empty() { "a privilege".to_owned() } else { missing.privileges.join(" or ") };
            let path = missing.path.as_deref().unwrap_or("the object");
            format!(
                "The user or token lacks {privilege} on {path}; nothing was written. PVE: {}\nGive it a role with that \
                 privilege (Datacenter, Permissions). A token with privilege separation needs an entry of its own.",
                sentence(&missing.message)
            )
        }
        Pve::NeedsRootTicket(refusal) => format!(
            "PVE reserves this to root@pam logged in with its password; no token is enough. Nothing was written. PVE: \
             {}\nSet `username = \"root@pam\"` and `password` on the provider (PVE_USERNAME, PVE_PASSWORD), beside the \
             token if you like: the password is then used for nothing else. Or set `ssh`: what holds no secret goes to the node \
             as a command of root's.",
            sentence(&refusal.message)
        ),
        Pve::Unauthenticated(auth) => {
            let cure = match auth.reason {
                AuthReason::NoCredentials => {
                    "Set `api_token`, or `username` and `password`, on the provider (PVE_API_TOKEN, PVE_USERNAME, \
                     PVE_PASSWORD)."
                }
                AuthReason::WrongLogin => {
                    "User name (with its realm, as in root@pam) or password is wrong, or the user is disabled or expired: see to \
                     `username` and `password` on the provider (PVE_USERNAME, PVE_PASSWORD)."
                }
                AuthReason::WrongToken => {
                    "The token is wrong, expired or deleted, or its user is disabled: see to `api_token` on the provider \
                     (PVE_API_TOKEN). Its form is USER@REALM!NAME=SECRET."
                }
                AuthReason::TicketRefused => {
                    "A fresh login was not accepted: the user was disabled meanwhile, or the nodes' clocks are far apart."
                }
                AuthReason::SecondFactor => {
                    "An API token needs no second factor (Datacenter, Permissions, API Tokens): set `api_token` \
                     (PVE_API_TOKEN), or use another user."
                }
                AuthReason::SecondFactorOfRoot => {
                    "No token and no other user is enough for this. With `ssh` on the provider it goes to the node as a command, \
                     which asks for no second factor. Else remove the second factor of root@pam for as long \
                     as this apply takes (Datacenter, Permissions, Two Factor), or do this one step in the node's own shell \
                     (`pveceph osd create`, `pveceph osd destroy`, `ceph osd crush rule create-replicated`) and apply again: \
                     what exists already is told with its `import` block. All else works with an API token."
                }
            };
            format!(
                "PVE does not accept the credentials; nothing was written. PVE: {}\n{cure}",
                sentence(&auth.message)
            )
        }
        Pve::NoQuorum(refusal) => format!(
            "The cluster has no quorum, so PVE writes nothing. PVE: {}\nBring enough nodes back, then apply again.",
            sentence(&refusal.message)
        ),
        Pve::UnknownNode { node, refusal } => {
            format!("The cluster has no node \"{node}\". PVE: {}\n`pve_nodes` lists them.", sentence(&refusal.message))
        }
        Pve::NodeUnreachable { node, message, sent } => {
            let written = if *sent { "The request may have reached it." } else { "Nothing was written." };
            format!("Node {node} does not answer: {} {written}\nApply again when it is back.", sentence(message))
        }
        Pve::NotInstalled(refusal) => format!(
            "Ceph is not installed on the node. PVE: {}\nInstall it there first (`pve_ceph_install`, or the node's Ceph \
             page).",
            sentence(&refusal.message)
        ),
        Pve::NotInitialised(refusal) => format!(
            "Ceph is not initialised. PVE: {}\nInitialise it and make a monitor first (`pve_ceph_cluster` and \
             `pve_ceph_monitor`, or the node's Ceph page).",
            sentence(&refusal.message)
        ),
        Pve::CephUnreachable(refusal) => {
            format!(
                "No Ceph monitor answers. PVE: {}\nLook at the monitors (`ceph -s` on a node).",
                sentence(&refusal.message)
            )
        }
        Pve::Locked { refusal, by: Some(lock) } => format!(
            "The guest is locked by a running or interrupted operation ({lock}). PVE: {}\nWait until it is done; if none \
             is running, `qm unlock` on its node removes the lock.",
            sentence(&refusal.message)
        ),
        Pve::Locked { refusal, by: None } => {
            format!("Somebody else held the lock all the time. PVE: {}\nApply again.", sentence(&refusal.message))
        }
        Pve::TaskFailed(failure) => failed_task(failure),
        Pve::Connect { tried } => {
            let list: Vec<String> = tried.iter().map(|(endpoint, why)| format!("  {endpoint}: {why}")).collect();
            // As it is written without a port, and as nobody with a node of PVE means it.
            let usual = match tried.iter().find_map(|(endpoint, _)| endpoint.strip_suffix(":443")) {
                Some(host) => format!(" `{host}` means port 443; PVE itself listens on 8006: `{host}:8006`."),
                None => String::new(),
            };
            format!(
                "No endpoint accepted a connection; nothing was written.\n{}\nCheck `endpoints` on the provider \
                 (PVE_ENDPOINTS).{usual}",
                list.join("\n")
            )
        }
        Pve::NoCluster { clusters, .. } => {
            let cure = match clusters.is_empty() {
                true => {
                    "Whose answer is meant cannot be told: a node by itself does not speak for a cluster. `pve_cluster` makes the \
                     first of them one, and what belongs to the cluster depends on it (`depends_on`); nodes that are members \
                     already have to answer."
                }
                false => "Give each cluster a `provider` block of its own, with an `alias`.",
            };
            format!("{} Nothing was written.\n{cure}", sentence(&error.to_string()))
        }
        Pve::Tls { endpoint, seen, message } => {
            let seen = seen.as_ref().map_or_else(String::new, |seen| {
                format!(
                    "\nThe certificate shown has the SHA-256 fingerprint {seen}. If that is your node's (`pvenode cert \
                     info` there), set it in `fingerprints` (PVE_FINGERPRINTS)."
                )
            });
            let seen = if seen.is_empty() {
                "\nCheck that `endpoints` (PVE_ENDPOINTS) leads to PVE's own port, usually 8006.".to_owned()
            } else {
                seen
            };
            format!("The certificate of {endpoint} is not trusted: {} Nothing was written.{seen}", sentence(message))
        }
        Pve::AnswerLost { request, message } => format!(
            "The answer was lost: {message} ({request}). {}\nApply again: what is there is looked at first.",
            may_be_done(request)
        ),
        Pve::Protocol { request, message } => format!(
            "What came as an answer to {request} is not PVE's: {} {}\nCheck that `endpoints` (PVE_ENDPOINTS) leads \
             to PVE itself, not to something between that answers in its place; then apply again.",
            sentence(message),
            may_be_done(request)
        ),
        Pve::TaskLost { upid, message } => format!(
            "PVE lost the task: {} It may have done its work or part of it.\nApply again: what is there is looked \
             at first.\nTask {upid}",
            sentence(message)
        ),
        Pve::Other { refusal, definite } => format!(
            "PVE: {} ({}, status {}).{}\nLook at the node's log (`journalctl -u pvedaemon`) if that does not say enough, \
             then apply again.",
            refusal.message.trim_end_matches('.'),
            refusal.request,
            refusal.status,
            if *definite { " Nothing was written." } else { "" }
        ),
        other => other.to_string(),
    }
}

/// What a request without an answer may have done.
fn may_be_done(request: &str) -> &'static str {
    if request.starts_with("GET ") { "Nothing was written by it." } else { "PVE may have done what was asked." }
}

fn failed_task(failure: &TaskFailure) -> String {
    let log = if failure.log.is_empty() {
        "Its log could not be read.".to_owned()
    } else {
        format!("The last lines of its log:\n  {}", failure.log.join("\n  "))
    };
    format!(
        "The task ended with: {}\n{log}\nTask {}\nWhen what it complains about is mended, apply again.",
        sentence(&failure.status),
        failure.upid
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_connection_says_which_port_was_asked_and_which_is_usual() {
        let refused =
            |url: &str| explain(&Pve::Connect { tried: vec![(url.to_owned(), "Connection refused".to_owned())] });
        let text = refused("https://pve.example.com:443");
        assert!(text.contains("https://pve.example.com:443: Connection refused"), "{text}");
        assert!(text.contains("PVE itself listens on 8006: `https://pve.example.com:8006`"), "{text}");
        let text = refused("https://pve1:8006");
        assert!(text.contains("https://pve1:8006: Connection refused") && !text.contains("443"), "{text}");
    }

    /// One error of each kind in which somebody else's words are passed on.
    fn with_words(words: &str) -> Vec<Pve> {
        let refusal =
            || pve_client::error::Refusal { request: "GET /x".to_owned(), status: 500, message: words.to_owned() };
        let message = || words.to_owned();
        let auth = |reason| pve_client::error::AuthError { reason, message: words.to_owned() };
        let upid: pve_client::Upid =
            "UPID:pve1:0000291F:00070B01:6B032D7F:cephcreatepool:vm:root@pam:".parse().unwrap();
        let missing = pve_client::error::PermissionError {
            request: "GET /x".to_owned(),
            message: message(),
            path: None,
            privileges: Vec::new(),
        };
        vec![
            Pve::Permission(missing),
            Pve::NeedsRootTicket(refusal()),
            Pve::Unauthenticated(auth(AuthReason::WrongToken)),
            Pve::Unauthenticated(auth(AuthReason::WrongLogin)),
            Pve::NoQuorum(refusal()),
            Pve::UnknownNode { node: "a".to_owned(), refusal: refusal() },
            Pve::NodeUnreachable { node: "a".to_owned(), message: message(), sent: false },
            Pve::NotInstalled(refusal()),
            Pve::NotInitialised(refusal()),
            Pve::CephUnreachable(refusal()),
            Pve::Locked { refusal: refusal(), by: Some("backup".to_owned()) },
            Pve::Locked { refusal: refusal(), by: None },
            Pve::TaskFailed(TaskFailure { upid: upid.clone(), status: message(), log: Vec::new() }),
            Pve::Tls { endpoint: "https://a".to_owned(), seen: None, message: message() },
            Pve::AnswerLost { request: "GET /x".to_owned(), message: message() },
            Pve::Protocol { request: "GET /x".to_owned(), message: message() },
            Pve::TaskLost { upid, message: message() },
            Pve::Other { refusal: refusal(), definite: true },
        ]
    }

    #[test]
    fn somebody_elses_words_end_once() {
        for words in ["no such thing", "no such thing.", "no such thing?", "no such thing!\n"] {
            for error in with_words(words) {
                let text = explain(&error);
                let doubled = ["..", "?.", "!.", ".,", "?)", ".:", " .", "\n."].iter().find(|two| text.contains(**two));
                assert!(doubled.is_none() && text.contains("no such thing"), "{error:?}: {text}");
            }
        }
    }

    #[test]
    fn what_no_plan_mends_names_the_attribute() {
        for (error, attribute) in [
            (AuthReason::WrongToken, "`api_token`"),
            (AuthReason::WrongLogin, "`username` and `password`"),
            (AuthReason::NoCredentials, "`api_token`"),
        ]
        .map(|(reason, attribute)| {
            (Pve::Unauthenticated(pve_client::error::AuthError { reason, message: "no".to_owned() }), attribute)
        }) {
            assert!(lasts(&error) && explain(&error).contains(attribute), "{error:?}");
        }
        let of_root = pve_client::error::AuthError { reason: AuthReason::SecondFactorOfRoot, message: "no".to_owned() };
        assert!(!lasts(&Pve::Unauthenticated(of_root)));
        assert!(with_words("x").iter().filter(|error| lasts(error)).count() == 3, "credentials and certificates");
    }

    #[test]
    fn a_second_factor_has_a_cure_that_helps() {
        let told = |reason| {
            let message = "root@pam has a second factor, which only a person can give".to_owned();
            explain(&Pve::Unauthenticated(pve_client::error::AuthError { reason, message }))
        };
        assert!(told(AuthReason::SecondFactor).contains("PVE_API_TOKEN"));
        let root = told(AuthReason::SecondFactorOfRoot);
        assert!(root.contains("No token and no other user is enough") && root.contains("pveceph osd create"), "{root}");
        assert!(root.contains("With `ssh` on the provider"), "{root}");
        assert!(!root.contains("PVE_API_TOKEN"), "{root}");
    }
}
