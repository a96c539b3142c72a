//! What happens to one request on its way: whether it got a connection of its own, since when, and what the server showed.
//!
//! The library that connects says nothing of that. Connections are made within the request's own future, so what is made on
//! the way is noted here by whoever makes it.

use std::any::Any;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::{Instant, sleep_until};
use tower::{BoxError, Layer, Service};

use super::tls::Fingerprint;

tokio::task_local! {
    static CURRENT: Arc<Attempt>;
}

/// One request under way, or a look at who is there.
pub(super) struct Attempt {
    /// Connect, and say nothing.
    look: bool,
    state: Mutex<State>,
}

struct State {
    /// When there was a connection, or the last of a file moved; before that, when it began.
    begun: Instant,
    connecting: bool,
    dialled: bool,
    certificate: Option<Fingerprint>,
}

impl Attempt {
    pub(super) fn to_send() -> Arc<Attempt> {
        Attempt::new(false)
    }

    /// One that ends with [`Looked`] instead of a request.
    pub(super) fn to_look() -> Arc<Attempt> {
        Attempt::new(true)
    }

    fn new(look: bool) -> Arc<Attempt> {
        let state = State { begun: Instant::now(), connecting: false, dialled: false, certificate: None };
        Arc::new(Attempt { look, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    /// Whether it was tried to open a connection for it; otherwise it went over one that was there.
    pub(super) fn has_dialled(&self) -> bool {
        self.state().dialled
    }

    /// Something of it has gone on its way: what is waited for begins anew.
    pub(super) fn moved(&self) {
        self.state().begun = Instant::now();
    }

    /// The fingerprint of the certificate that was shown, if a handshake has got that far.
    pub(super) fn certificate(&self) -> Option<Fingerprint> {
        self.state().certificate
    }

    /// Does the work; nothing, if it takes longer than this. Connecting has a time of its own and does not count.
    pub(super) async fn within<T>(self: &Arc<Self>, time: Duration, work: impl Future<Output = T>) -> Option<T> {
        #[cfg(test)]
        let _moving = crate::testing::moving();
        let mut work = pin!(CURRENT.scope(self.clone(), work));
        let mut begun = self.state().begun;
        loop {
            tokio::select! {
                biased;
                done = &mut work => return Some(done),
                () = sleep_until(begun + time) => {}
            }
            begun = match &*self.state() {
                State { connecting: true, .. } => Instant::now(),
                State { begun: now, .. } if *now > begun => *now,
                _ => return None,
            };
        }
    }
}

/// Notes which certificate a server shows to the request under way.
pub(super) fn shown(certificate: Fingerprint) {
    // Where nobody asks there is nothing to be noted.
    let _ = CURRENT.try_with(|attempt| attempt.state().certificate = Some(certificate));
}

/// There is somebody whom we trust, and nothing was said.
#[derive(Debug, thiserror::Error)]
#[error("only looked")]
pub(super) struct Looked;

/// Around what opens the connections of a client: notes what happens, and keeps the connection of a look for the request
/// that comes next, for as long.
#[derive(Clone)]
pub(super) struct Watch(pub(super) Duration);

impl<S> Layer<S> for Watch {
    type Service = Watched<S>;

    fn layer(&self, inner: S) -> Watched<S> {
        Watched { inner, longest: self.0, kept: Kept::default() }
    }
}

/// A connection whose type has no name.
type Kept = Arc<Mutex<Option<(Box<dyn Any + Send>, Instant)>>>;

#[derive(Clone)]
pub(super) struct Watched<S> {
    inner: S,
    longest: Duration,
    kept: Kept,
}

impl<S, R> Service<R> for Watched<S>
where
    S: Service<R, Error = BoxError>,
    S::Response: Send + 'static,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, to: R) -> Self::Future {
        let kept = self.kept.lock().unwrap_or_else(|broken| broken.into_inner()).take();
        if let Some((connection, since)) = kept
            && since.elapsed() < self.longest
            && let Ok(connection) = connection.downcast::<S::Response>()
        {
            return Box::pin(async move { Ok(*connection) });
        }
        let attempt = CURRENT.try_with(Arc::clone).unwrap_or_else(|_| Attempt::to_send());
        let (connecting, kept) = (self.inner.call(to), self.kept.clone());
        {
            let mut state = attempt.state();
            (state.connecting, state.dialled) = (true, true);
        }
        Box::pin(async move {
            let connected = connecting.await;
            {
                let mut state = attempt.state();
                (state.connecting, state.begun) = (false, Instant::now());
            }
            match connected {
                Ok(connection) if attempt.look => {
                    let connection: Box<dyn Any + Send> = Box::new(connection);
                    *kept.lock().unwrap_or_else(|broken| broken.into_inner()) = Some((connection, Instant::now()));
                    Err(Looked.into())
                }
                connected => connected,
            }
        })
    }
}
