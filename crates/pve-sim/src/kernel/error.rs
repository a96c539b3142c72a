//! How a handler refuses: PVE's status, message and per-parameter texts.

use std::collections::BTreeMap;

use super::clock::Time;
use super::locks::Lock;

/// A refusal in PVE's form, or the wish to wait for a lock.
#[derive(Debug)]
pub struct PveError(Box<Kind>);

#[derive(Debug)]
enum Kind {
    Refusal(Refusal),
    Wait { lock: Lock, until: Time },
}

/// What goes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// The whole message, without the newline at its end; its first line is the status line's reason.
    pub message: String,
    /// Texts by parameter name (status 400).
    pub errors: BTreeMap<String, String>,
}

impl PveError {
    /// A plain error of a handler: status 500 with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self::status(500, message)
    }

    /// An error with a status of its own.
    pub fn status(status: u16, message: impl Into<String>) -> Self {
        // The one that ends the message is put there when it is sent; PVE's own may end in more.
        let message = message.into();
        let message = message.strip_suffix('\n').map(str::to_owned).unwrap_or(message);
        PveError(Box::new(Kind::Refusal(Refusal { status, message, errors: BTreeMap::new() })))
    }

    /// A refused parameter: 400 `Parameter verification failed.` with `text` under `name`.
    pub fn param(name: impl Into<String>, text: impl Into<String>) -> Self {
        Self::params(BTreeMap::from([(name.into(), text.into())]))
    }

    /// Several refused parameters.
    pub fn params(errors: BTreeMap<String, String>) -> Self {
        let message = "Parameter verification failed.".to_owned();
        PveError(Box::new(Kind::Refusal(Refusal { status: 400, message, errors })))
    }

    /// The same with another status and message.
    pub fn renamed(mut self, to: u16, text: &str) -> Self {
        if let Kind::Refusal(Refusal { status, message, .. }) = self.0.as_mut() {
            (*status, *message) = (to, text.to_owned());
        }
        self
    }

    /// A missing permission: 403 `Permission check failed (what)`, without the brackets if `what` is empty.
    pub fn permission(what: &str) -> Self {
        let detail = if what.is_empty() { String::new() } else { format!(" ({what})") };
        Self::status(403, format!("Permission check failed{detail}"))
    }

    pub(crate) fn wait(lock: Lock, until: Time) -> Self {
        PveError(Box::new(Kind::Wait { lock, until }))
    }

    /// Puts `text` before the message, as PVE's `create storage failed: ...` does.
    pub fn prefix(mut self, text: &str) -> Self {
        if let Kind::Refusal(refusal) = self.0.as_mut() {
            refusal.message.insert_str(0, text);
        }
        self
    }

    /// What goes over the wire; the wish to wait has no such form.
    pub(crate) fn into_refusal(self) -> Result<Refusal, (Lock, Time)> {
        match *self.0 {
            Kind::Refusal(refusal) => Ok(refusal),
            Kind::Wait { lock, until } => Err((lock, until)),
        }
    }

    /// The message as a task's error has it; for a wish to wait, the text of its time-out.
    pub fn message(&self) -> String {
        match self.0.as_ref() {
            // What is a status and a map over the wire is text here.
            Kind::Refusal(Refusal { status, message, errors }) if !errors.is_empty() => {
                let lines = errors.iter().map(|(key, text)| format!("\n{key}: {}", text.trim_end()));
                format!("{status} {message}{}", lines.collect::<String>())
            }
            Kind::Refusal(refusal) => refusal.message.clone(),
            Kind::Wait { lock, .. } => lock.timeout_text(),
        }
    }
}
