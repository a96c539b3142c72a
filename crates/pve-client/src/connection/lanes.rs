//! The few connections to one endpoint, kept alive and used in turn.

use std::sync::Mutex;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::ext::ReasonPhrase;
use hyper_util::rt::TokioIo;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::Endpoint;
use super::dial::{Dial, DialError};

/// PVE's workers handle one call at a time; more in flight would only queue there.
const LANES: usize = 4;

/// PVE closes a connection that was idle for 5 s; one about to be closed must not get a request.
const IDLE: Duration = Duration::from_secs(4);
/// The same for what must not be repeated: PVE counts from when it has sent an answer, we from when we have read it, and a
/// busy machine may be more than a second late with that. Lost, such a request costs more than a new connection.
const IDLE_BEFORE_WRITE: Duration = Duration::from_secs(2);

/// The largest answer that is read: a storage with 100,000 volumes is listed in 20 MiB.
const ANSWER_LIMIT: usize = 32 << 20;

type Sender = SendRequest<Full<Bytes>>;

/// The connections of one endpoint: at most [`LANES`], each with one request at a time.
pub(crate) struct Lanes {
    permits: Semaphore,
    idle: Mutex<Vec<(Sender, Instant)>>,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) reason: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum SendError {
    /// No connection, so nothing was sent.
    Dial(DialError),
    /// Sent, at least in part, and no answer.
    Lost(String),
    /// An answer that cannot be used.
    Unusable(String),
    /// While it waited for its turn it was found out that nobody can answer it; nothing was sent.
    Void,
}

impl Lanes {
    pub(crate) fn new() -> Lanes {
        Lanes { permits: Semaphore::new(LANES), idle: Mutex::new(Vec::new()) }
    }

    /// Opens a connection and keeps it for the request that comes next.
    pub(crate) async fn prepare(&self, endpoint: &Endpoint, dial: &dyn Dial) -> Result<(), DialError> {
        let Ok(_permit) = self.permits.acquire().await else { return Ok(()) };
        match open(endpoint, dial).await {
            Ok(sender) => {
                self.idle.lock().unwrap_or_else(|broken| broken.into_inner()).push((sender, Instant::now()));
                Ok(())
            }
            Err(SendError::Dial(error)) => Err(error),
            Err(_) => Ok(()),
        }
    }

    /// Sends one request and reads its answer. `repeatable` requests are repeated on a fresh connection when a kept
    /// one turns out to be closed; others only if provably nothing of them was sent. `void` says, when its turn has come,
    /// that it is not to be sent any more.
    pub(crate) async fn exchange(
        &self,
        endpoint: &Endpoint,
        dial: &dyn Dial,
        request: &http::Request<Full<Bytes>>,
        repeatable: bool,
        timeout: Duration,
        void: impl Fn() -> bool,
    ) -> Result<Answer, SendError> {
        // The semaphore is never closed.
        let _permit = self.permits.acquire().await.map_err(|_| SendError::Unusable("the client is gone".to_owned()))?;
        if void() {
            return Err(SendError::Void);
        }
        loop {
            let kept = self.take(if repeatable { IDLE } else { IDLE_BEFORE_WRITE }).await;
            let reused = kept.is_some();
            let sender = match kept {
                Some(sender) => sender,
                None => open(endpoint, dial).await?,
            };
            let attempt = tokio::time::timeout(timeout, self.attempt(sender, request.clone())).await;
            match attempt {
                Ok(Ok(answer)) => return Ok(answer),
                // Kept connections may be dead; there are few of them, and in the end a fresh one is opened.
                Ok(Err(Failed::Unsent(_))) if reused => {}
                Ok(Err(Failed::Sent(_))) if reused && repeatable => {}
                Ok(Err(Failed::Unsent(message))) => return Err(SendError::Dial(DialError::Connect(message))),
                Ok(Err(Failed::Sent(message))) => return Err(SendError::Lost(message)),
                Ok(Err(Failed::Unusable(message))) => return Err(SendError::Unusable(message)),
                Err(_) => return Err(SendError::Lost(format!("no answer within {} s", timeout.as_secs()))),
            }
        }
    }

    /// The most recently used of the kept connections that lives and was not idle for longer. Those passed over are
    /// dropped: a new one is to come in their place, not beside them.
    async fn take(&self, longest: Duration) -> Option<Sender> {
        loop {
            let (mut sender, since) = self.idle.lock().unwrap_or_else(|broken| broken.into_inner()).pop()?;
            if since.elapsed() < longest && sender.ready().await.is_ok() {
                return Some(sender);
            }
        }
    }

    async fn attempt(&self, mut sender: Sender, request: http::Request<Full<Bytes>>) -> Result<Answer, Failed> {
        let response = match sender.try_send_request(request).await {
            Ok(response) => response,
            Err(mut error) => {
                let unsent = error.take_message().is_some();
                let message = told(&error.into_error());
                return Err(if unsent { Failed::Unsent(message) } else { Failed::Sent(message) });
            }
        };
        let answer = read(response).await?;
        // PVE closes the connection after each answer of 400 and more.
        if answer.status < 400 {
            self.idle.lock().unwrap_or_else(|broken| broken.into_inner()).push((sender, Instant::now()));
        }
        Ok(answer)
    }
}

enum Failed {
    Unsent(String),
    Sent(String),
    Unusable(String),
}

async fn open(endpoint: &Endpoint, dial: &dyn Dial) -> Result<Sender, SendError> {
    let io = dial.dial(endpoint).await.map_err(SendError::Dial)?;
    let (sender, connection) =
        handshake(TokioIo::new(io)).await.map_err(|error| SendError::Dial(DialError::Connect(told(&error))))?;
    tokio::spawn(async move {
        // The request that suffers from it reports the error.
        if let Err(error) = connection.await {
            tracing::trace!(%error, "connection ended");
        }
    });
    Ok(sender)
}

async fn read(response: http::Response<Incoming>) -> Result<Answer, Failed> {
    let (head, body) = response.into_parts();
    let reason = match head.extensions.get::<ReasonPhrase>() {
        Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
        None => head.status.canonical_reason().unwrap_or_default().to_owned(),
    };
    let body =
        Limited::new(body, ANSWER_LIMIT).collect().await.map_err(|error| match error.is::<LengthLimitError>() {
            true => Failed::Unusable(format!("the answer is longer than {} MiB", ANSWER_LIMIT >> 20)),
            false => Failed::Sent(format!("in the middle of the answer: {error}")),
        })?;
    Ok(Answer { status: head.status.as_u16(), reason, headers: head.headers, body: body.to_bytes() })
}

/// An error with its causes; hyper's own text is only the outermost.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        // The TLS library tells at length how it has noticed.
        if inner.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::UnexpectedEof) {
            return "the connection was closed".to_owned();
        }
        text = format!("{text}: {inner}");
        source = inner.source();
    }
    text
}
