//! When the process ends.
//!
//! Terraform ends a plugin by `Shutdown` and kills it two seconds later. Ctrl-C reaches the whole process group, but is
//! Terraform's to deal with: a provider that died of it would orphan what it is creating. A Terraform that was killed
//! says nothing at all; that its connections are gone is the only sign.

use std::future::pending;
use std::io;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use super::Mode;
use super::incoming::{Count, until};
use crate::stop::{StopReason, StopToken};

/// Why the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Terraform is done.
    Shutdown,
    /// SIGTERM, or Ctrl-C in debug mode.
    Signal,
    /// Terraform is gone.
    Abandoned,
    /// The listener is.
    Closed,
}

/// How long to wait for Terraform.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For its first connection. It waits a minute itself.
    pub(super) first: Duration,
    /// For its return, when its connections are gone.
    pub(super) back: Duration,
    /// For what still runs to notice that it should stop.
    pub(super) finish: Duration,
    /// For it to hang up after `Shutdown`: it does so when it has the reply.
    pub(super) goodbye: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(70),
            back: Duration::from_millis(500),
            finish: Duration::from_secs(5),
            goodbye: Duration::from_millis(100),
        }
    }
}

/// The signals that are caught, from the moment this exists.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for a signal that ends the process. Ctrl-C does so in debug mode only.
    async fn ending(&mut self, mode: Mode) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => match mode {
                    Mode::Debug => return,
                    Mode::Plugin => tracing::debug!("Ctrl-C is left to Terraform"),
                },
            }
        }
    }
}

/// Waits for the end, and stops running operations before it, if they have to.
pub(super) async fn end(
    mode: Mode,
    mut signals: Signals,
    shutdown: &Notify,
    mut connections: watch::Receiver<Count>,
    stop: &StopToken,
    patience: Patience,
) -> Ending {
    let abandoned = async {
        match mode {
            Mode::Plugin => abandoned(connections.clone(), stop, patience).await,
            Mode::Debug => pending().await,
        }
    };
    tokio::select! {
        () = shutdown.notified() => {}
        () = signals.ending(mode) => return Ending::Signal,
        () = abandoned => return Ending::Abandoned,
    }
    let _ = timeout(patience.goodbye, until(&mut connections, |count| count.open == 0)).await;
    Ending::Shutdown
}

/// Waits until Terraform is gone: it has never come, or has gone and not come back. What still runs is told, and has
/// a moment to end.
async fn abandoned(mut connections: watch::Receiver<Count>, stop: &StopToken, patience: Patience) {
    if timeout(patience.first, until(&mut connections, |count| count.ever > 0)).await.is_err() {
        stop.stop(StopReason::Abandoned);
        return;
    }
    loop {
        until(&mut connections, |count| count.open == 0).await;
        if timeout(patience.back, until(&mut connections, |count| count.open > 0)).await.is_err() {
            break;
        }
    }
    tracing::warn!("Terraform is gone; nothing more is written");
    stop.stop(StopReason::Abandoned);
    tokio::time::sleep(patience.finish).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(20);
    const LONG: Duration = Duration::from_secs(3600);

    fn count(open: usize, ever: usize) -> Count {
        Count { open, ever }
    }

    #[tokio::test]
    async fn leaves_when_terraform_has_gone_and_stops_what_runs() {
        let (connections, seen) = watch::channel(count(1, 1));
        let stop = StopToken::new();
        let patience = Patience { first: LONG, back: SHORT, finish: SHORT, goodbye: SHORT };
        let leaving = tokio::spawn({
            let stop = stop.clone();
            async move { abandoned(seen, &stop, patience).await }
        });
        connections.send_replace(count(0, 1));
        leaving.await.unwrap();
        assert_eq!(stop.reason(), Some(StopReason::Abandoned));
    }

    #[tokio::test]
    async fn stays_while_terraform_is_there_or_comes_back() {
        let (connections, seen) = watch::channel(count(0, 0));
        let stop = StopToken::new();
        let patience = Patience { first: LONG, back: LONG, finish: LONG, goodbye: SHORT };
        let mut leaving = Box::pin(abandoned(seen, &stop, patience));
        for state in [count(1, 1), count(0, 1), count(1, 2), count(2, 3), count(1, 3)] {
            connections.send_replace(state);
            assert!(timeout(SHORT, &mut leaving).await.is_err(), "{state:?}");
        }
        assert!(!stop.is_cancelled());
    }

    #[tokio::test]
    async fn leaves_when_terraform_never_comes() {
        let (_connections, seen) = watch::channel(count(0, 0));
        let stop = StopToken::new();
        let patience = Patience { first: SHORT, back: LONG, finish: LONG, goodbye: SHORT };
        abandoned(seen, &stop, patience).await;
        assert!(stop.is_cancelled());
    }

    #[tokio::test]
    async fn shutdown_waits_for_the_reply_to_be_fetched() {
        let (connections, seen) = watch::channel(count(1, 1));
        let (shutdown, stop) = (Notify::new(), StopToken::new());
        let patience = Patience { first: LONG, back: LONG, finish: LONG, goodbye: LONG };
        let signals = Signals::install().unwrap();
        let mut ending = Box::pin(end(Mode::Plugin, signals, &shutdown, seen, &stop, patience));
        shutdown.notify_one();
        assert!(timeout(SHORT, &mut ending).await.is_err());
        connections.send_replace(count(0, 1));
        assert_eq!(ending.await, Ending::Shutdown);
    }
}
