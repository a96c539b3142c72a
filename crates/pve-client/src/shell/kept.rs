//! What is open to a node for its commands: shared by all shells of a client, used by one command at a time, and closed when
//! nobody has needed it for a while.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex};
use std::time::Duration;

use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep};

use super::quote;
use crate::Error;
use crate::error::Refusal;

/// It is kept for the next command for so long, then closed: a root shell is not left lying about.
const KEPT: Duration = Duration::from_secs(10);

/// The way to a shell must be open by then, with login, profile scripts and preparation.
pub(super) const LOGIN: Duration = Duration::from_secs(45);

/// What is open, by node.
pub(crate) struct PerNode<T>(StdMutex<HashMap<String, Kept<T>>>);

/// What is open to a node, while there is something.
pub(super) struct Kept<T>(Arc<Mutex<Option<Open<T>>>>);

struct Open<T> {
    what: T,
    used: Instant,
}

/// The turn of one command; others wait for theirs.
pub(super) struct Turn<'a, T> {
    of: &'a Kept<T>,
    open: MutexGuard<'a, Option<Open<T>>>,
}

impl<T> Default for PerNode<T> {
    fn default() -> Self {
        Self(StdMutex::default())
    }
}

impl<T> PerNode<T> {
    pub(super) fn of(&self, node: &str) -> Kept<T> {
        let mut all = self.0.lock().unwrap_or_else(|broken| broken.into_inner());
        all.entry(node.to_owned()).or_insert_with(|| Kept(Arc::default())).clone()
    }
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Send + 'static> Kept<T> {
    pub(super) async fn turn(&self) -> Turn<'_, T> {
        Turn { of: self, open: self.0.lock().await }
    }
}

impl<T: Send + 'static> Turn<'_, T> {
    /// What was kept. It is out of its place while it is in use: whatever ends the command, what is broken is not used again.
    pub(super) fn take(&mut self) -> Option<T> {
        self.open.take().filter(|open| open.used.elapsed() < KEPT).map(|open| open.what)
    }

    /// Keeps it for the next command, and closes it if there is none.
    pub(super) fn keep(mut self, what: T) {
        let used = Instant::now();
        *self.open = Some(Open { what, used });
        let open = Arc::downgrade(&self.of.0);
        tokio::spawn(async move {
            sleep(KEPT).await;
            let Some(open) = open.upgrade() else { return };
            let mut open = open.lock().await;
            if open.as_ref().is_some_and(|open| open.used == used) {
                *open = None;
            }
        });
    }
}

/// Why this is no command that any node could run, if that is so.
pub(super) fn no_command(argv: &[String]) -> Option<&'static str> {
    (argv.is_empty() || argv.iter().any(|argument| argument.contains('\0')))
        .then_some("a command needs a program, and no argument can hold a NUL")
}

/// The shell could not be had by this request. No command was started.
pub(super) fn no_shell(node: &str, request: String, why: &str) -> Error {
    let message = format!("no shell on {node}: {why}; no command was run");
    Error::Other { refusal: Refusal { request, status: 0, message }, definite: true }
}

/// A command, as errors name it.
pub(super) fn named(argv: &[String], node: &str) -> String {
    format!("'{}' on {node}", quote::join(argv))
}
