//! Waiting for what Ceph does by itself.

use std::time::Duration;

use pve_client::Patience;
use terraform_plugin::Cx;
use tokio::time::{Instant, sleep};

use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// How often the log tells that something is still waited for.
const TELL: Duration = Duration::from_secs(30);

/// Until `deadline`, or Ctrl-C.
pub fn patience_until(cx: &Cx<Pve>, deadline: Instant) -> Patience {
    let left = deadline.saturating_duration_since(Instant::now());
    Patience { timeout: Some(left), stop: cx.stop.token(), ..Patience::default() }
}

/// Looks again and again until `done` finds what it waits for. The error tells what was found last; `waiting` is what the
/// log and the error say that is waited for.
pub async fn until<T, F>(
    cx: &Cx<Pve>,
    deadline: Instant,
    waiting: &str,
    mut done: impl FnMut() -> F,
) -> Result<T, Problem>
where
    F: Future<Output = Result<Result<T, String>, Problem>>,
{
    let mut told: Option<Instant> = None;
    loop {
        let found = match done().await? {
            Ok(done) => return Ok(done),
            Err(found) => found,
        };
        // At once, and then again and again: who waits for hours knows from the beginning what for.
        if told.is_none_or(|told| told.elapsed() >= TELL) {
            told = Some(Instant::now());
            tracing::info!(found, "waiting: {waiting}");
        }
        let end = if Instant::now() >= deadline {
            Some("The time allowed is over.")
        } else {
            tokio::select! {
                () = cx.stop.cancelled() => Some("Interrupted."),
                () = sleep(PAUSE) => None,
            }
        };
        if let Some(end) = end {
            return Err(Problem::new(waiting.to_owned(), format!("{end} What was found last: {found}")));
        }
    }
}
