//! From PVE's answer to our taxonomy.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::{AuthError, AuthReason, Error, ParameterError, PermissionError, Refusal};
use crate::Request;

/// An answer of status 400 or more, taken apart.
pub(crate) struct Refused {
    pub(crate) status: u16,
    /// The body's `message`, else the status line's reason, else the start of the body.
    pub(crate) message: String,
    pub(crate) fields: BTreeMap<String, String>,
}

/// A text in which PVE gave up waiting for a lock before it did anything: also the exit status of tasks.
pub(crate) fn lock_contention(text: &str) -> bool {
    static CONTENTION: LazyLock<Regex> = LazyLock::new(|| pattern(r"^can't lock file '[^']*' - got timeout$"));
    CONTENTION.is_match(text.trim_end())
}

// The patterns are constants, tried by the tests of this module.
fn pattern(text: &str) -> Regex {
    Regex::new(text).unwrap_or_else(|error| unreachable!("constant pattern {text}: {error}"))
}

pub(crate) fn classify(refused: Refused, request: &Request) -> Error {
    let Refused { status, message, fields } = refused;
    let message = message.trim_end().to_owned();
    let described = request.describe();
    let refusal = Refusal { request: described.clone(), status, message: message.clone() };
    match status {
        401 => Error::Unauthenticated(AuthError { reason: AuthReason::TicketRefused, message }),
        403 => forbidden(refusal),
        400 => parameters(refusal, fields),
        404 => Error::Absent(refusal),
        501 => Error::NotImplemented(refusal),
        // The proxying node could not connect to the one that has to answer: nothing was sent there.
        595 => unreachable_node(request, message, false),
        596..=599 if request.is_read() => unreachable_node(request, message, true),
        596..=599 => Error::AnswerLost { request: described, message },
        500..=599 => by_text(refusal),
        // Only what says that the request is at fault says that nothing was done.
        _ => Error::Other { refusal, definite: (400..500).contains(&status) },
    }
}

fn unreachable_node(request: &Request, message: String, sent: bool) -> Error {
    let node = request.target().unwrap_or("behind the endpoint").to_owned();
    let message = match message.starts_with("status ") {
        // Not even a reason, nothing but the number.
        true => format!("the node that was asked cannot connect to it ({message})"),
        false => message,
    };
    Error::NodeUnreachable { node, message, sent }
}

fn forbidden(refusal: Refusal) -> Error {
    static CHECK: LazyLock<Regex> = LazyLock::new(|| pattern(r"\((/[^,()]*), ([A-Za-z.|]+)\)"));
    if refusal.message.contains("(user != root@pam)") || refusal.message.contains("not available with API token") {
        return Error::NeedsRootTicket(refusal);
    }
    let (path, privileges) = match CHECK.captures(&refusal.message) {
        Some(found) => (Some(found[1].to_owned()), found[2].split('|').map(str::to_owned).collect()),
        None => (None, Vec::new()),
    };
    Error::Permission(PermissionError { request: refusal.request, message: refusal.message, path, privileges })
}

fn parameters(refusal: Refusal, fields: BTreeMap<String, String>) -> Error {
    // What is written in Rust (notifications) has statuses of its own.
    if fields.is_empty() && refusal.message.contains("detected modified configuration") {
        return Error::Modified(refusal);
    }
    if fields.is_empty() && refusal.message.ends_with("already exists") {
        return Error::Exists(refusal);
    }
    // A handful of calls reports the fate of the object itself as a parameter error.
    if let [text] = fields.values().collect::<Vec<_>>()[..] {
        let text = text.trim_end();
        let told = || Refusal { message: text.to_owned(), ..refusal.clone() };
        if text.starts_with("No such ") || text.starts_with("no such ") {
            return Error::Absent(told());
        }
        if text.ends_with("already exists.") {
            return Error::Exists(told());
        }
        if text.starts_with("Only root may use this option") {
            return Error::NeedsRootTicket(told());
        }
    }
    Error::Parameter(ParameterError { request: refusal.request, message: refusal.message, fields })
}

/// Status 500: the text decides. The order matters where texts contain each other.
fn by_text(refusal: Refusal) -> Error {
    static NODE: LazyLock<Regex> = LazyLock::new(|| {
        pattern(r"^(?:hostname lookup '([^']*)' failed|no such cluster node '([^']*)'|unknown node '([^']*)')")
    });
    static GUEST_LOCK: LazyLock<Regex> = LazyLock::new(|| pattern(r"(?:VM|CT) is locked \(([^)]*)\)"));
    static FILE_LOCK: LazyLock<Regex> =
        LazyLock::new(|| pattern(r"can't lock file '[^']*' - got timeout|got lock request timeout"));
    static NO_QUORUM: LazyLock<Regex> = LazyLock::new(|| {
        pattern(
            r"no quorum[?!]|unable to open file '/etc/pve/[^']*' - Permission denied|^failed to remove config file: Permission denied",
        )
    });

    let text = refusal.message.as_str();
    if let Some(found) = NODE.captures(text) {
        let node = found.iter().skip(1).flatten().next().map(|name| name.as_str().to_owned()).unwrap_or_default();
        return Error::UnknownNode { refusal, node };
    }
    if let Some(found) = GUEST_LOCK.captures(text) {
        let by = Some(found[1].to_owned());
        return Error::Locked { refusal, by };
    }
    if FILE_LOCK.is_match(text) {
        return Error::Locked { refusal, by: None };
    }
    if NO_QUORUM.is_match(text) {
        return Error::NoQuorum(refusal);
    }
    if text.contains("binary not installed") {
        return Error::NotInstalled(refusal);
    }
    if text.contains("pveceph configuration not initialized") {
        return Error::NotInitialised(refusal);
    }
    if text.starts_with("rados_connect failed") {
        return Error::CephUnreachable(refusal);
    }
    if text.contains("(file change by other user?)") || text.contains("detected modified configuration") {
        return Error::Modified(refusal);
    }
    if text.starts_with("only root can ") || text.starts_with("Only root can ") {
        return Error::NeedsRootTicket(refusal);
    }
    if text.contains("already exist") || text.contains("already defined") {
        return Error::Exists(refusal);
    }
    if absent(text) {
        return Error::Absent(refusal);
    }
    let definite = definite(text);
    Error::Other { refusal, definite }
}

fn absent(text: &str) -> bool {
    // A directory or an option that is missing is not the object that was asked for.
    if text.contains("or is unreachable") || text.contains("no such option") {
        return false;
    }
    // As the plugins of ACME, mappings and metric servers have it.
    let named = |kind: &str, missing: &str| text.starts_with(kind) && text.trim_end().ends_with(missing);
    named("ACME plugin '", "' not defined")
        || named("mapping '", "' not found")
        || text.starts_with("cannot lookup undefined type!")
        || [
            "does not exist",
            "no such ",
            "unrecognized pool",
            "not HA managed",
            "not found in 'ceph-volume",
            "not found for OSD",
        ]
        .iter()
        .any(|words| text.contains(words))
}

/// Sentences that PVE only says before it has begun.
fn definite(text: &str) -> bool {
    const BEFORE: &[&str] = &[
        "missing replicate feature on volume",
        "No replicatable volumes found",
        "Source and target must not be identical",
        "couldn't create carbon socket",
        "Connection test failed: ",
        "protection mode enabled",
        "is running - destroy failed",
        "purge parameter not set",
        "no options specified",
        "no such option",
        "unable to delete required option",
        "unexpected property",
        "missing value for required option",
        "got undefined value for option",
        "property contains a line feed",
        "unknown section type",
        "types does not match",
        "cannot use ",
        " is invalid.",
        "ha groups have been migrated to rules",
        "not a valid block device",
        "unable to get device info",
        "got unusual device path",
        "does not belong to node",
        "osd is in use (in == 1)",
        "osd is still running (up == 1)",
        "you can't move to the same storage",
        "does not support content type",
        "is not empty (contains",
        "can't remove last monitor",
        "cannot be modified",
        "cannot be deleted",
        "invalid VMID",
        "is not a container",
        "is not a VM",
        "monitor address '",
        "not configured or up on",
        // A storage is activated before it is written down.
        "create storage failed: unable to activate storage",
        "create storage failed: could not activate storage",
        "create storage failed: mount error",
        "create storage failed: missing password",
        "error fetching datastores",
        "Cannot find datastore",
        "connection check for storage",
        "is not a btrfs file system",
        "is used as base of another storage",
        "is not online",
    ];
    let device_taken = text.starts_with("device '") && text.contains("' is already in use");
    device_taken || BEFORE.iter().any(|words| text.contains(words))
}
