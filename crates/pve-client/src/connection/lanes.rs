//! The few connections to one endpoint, kept alive and used in turn.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::ext::ReasonPhrase;
use tokio::sync::Semaphore;

use super::attempt::{Attempt, Looked};
use super::dial::{self, Dial, DialError, Keep, Way};
use super::failure::{self, Failed};
use super::{BoxedIo, Endpoint};
use crate::upload::Form;

/// PVE's workers handle one call at a time; more in flight would only queue there.
const LANES: usize = 4;

/// The largest answer that is read: a storage with 100,000 volumes is listed in 20 MiB.
const ANSWER_LIMIT: usize = 32 << 20;

/// The connections of one endpoint: at most [`LANES`], each with one request at a time.
///
/// Only reads are sent over kept ones. A server may be closing one in the very moment in which a request is written to it:
/// a read is then sent again, and of a write nobody knows whether it was carried out. That costs more than a new connection.
pub(crate) struct Lanes {
    permits: Semaphore,
    idle: Mutex<Vec<Way>>,
}

/// A request as it goes to one endpoint.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) method: http::Method,
    /// Path and query.
    pub(super) uri: String,
    pub(super) headers: http::HeaderMap,
    pub(super) body: Bytes,
    /// In place of that: a form with a file, which is read while it is sent.
    pub(super) file: Option<Form>,
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

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Way>> {
        self.idle.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    /// Connects, to see who is there, and says nothing. The connection may be kept for the request that comes next.
    pub(crate) async fn look(&self, endpoint: &Endpoint, dial: &dyn Dial, keep: bool) -> Result<(), DialError> {
        let Ok(_permit) = self.permits.acquire().await else { return Ok(()) };
        let way = dial::client(dial, endpoint, if keep { Keep::One } else { Keep::Nothing })?;
        let attempt = Attempt::to_look();
        let nothing = Outgoing {
            method: http::Method::GET,
            uri: "/".to_owned(),
            headers: http::HeaderMap::new(),
            body: Bytes::new(),
            file: None,
        };
        let request = outgoing(&way, &nothing)?;
        match attempt.within(way.patience, way.client.execute(request)).await {
            Some(Err(error)) if failure::causes(&error).any(|cause| cause.is::<Looked>()) => {
                if keep {
                    self.idle().push(way);
                }
                Ok(())
            }
            Some(Err(error)) => match failure::of(&error, &attempt, endpoint, &way) {
                Failed::Unsent(error) => Err(error),
                Failed::Sent(text) | Failed::Unusable(text) => Err(DialError::Connect(text)),
            },
            Some(Ok(_)) => Ok(()),
            None => Err(DialError::Connect(failure::no_connection(way.patience))),
        }
    }

    /// Sends one request and reads its answer. `repeatable` requests are repeated on a fresh connection when a kept one turns
    /// out to be closed; others have one of their own. `void` says, when its turn has come, that it is not to be sent any
    /// more.
    pub(super) async fn exchange(
        &self,
        endpoint: &Endpoint,
        dial: &dyn Dial,
        request: &Outgoing,
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
            let kept = if repeatable { self.idle().pop() } else { None };
            let (was_kept, way) = match kept {
                Some(way) => (true, way),
                None => {
                    let keep = if repeatable { Keep::One } else { Keep::Nothing };
                    (false, dial::client(dial, endpoint, keep).map_err(SendError::Dial)?)
                }
            };
            let attempt = Attempt::to_send();
            let mut sending = outgoing(&way, request).map_err(SendError::Dial)?;
            if let Some(form) = &request.file {
                let moving = attempt.clone();
                *sending.body_mut() = Some(reqwest::Body::wrap(form.body(Arc::new(move || moving.moved()))));
            }
            let answer = attempt.within(timeout, send(sending, &attempt, endpoint, &way)).await;
            // Kept connections may be dead; there are few of them, and in the end a fresh one is opened.
            let stale = was_kept && !attempt.has_dialled();
            match answer {
                Some(Ok(answer)) => {
                    // PVE closes the connection after each answer of 400 and more.
                    if repeatable && answer.status < 400 {
                        // The connection is about to notice that it is free again.
                        tokio::task::yield_now().await;
                        self.idle().push(way);
                    }
                    return Ok(answer);
                }
                Some(Err(Failed::Unsent(DialError::Connect(_)) | Failed::Sent(_))) if stale => {}
                Some(Err(Failed::Unsent(error))) => return Err(SendError::Dial(error)),
                Some(Err(Failed::Sent(message))) => return Err(SendError::Lost(message)),
                Some(Err(Failed::Unusable(message))) => return Err(SendError::Unusable(message)),
                None => return Err(SendError::Lost(format!("no answer within {} s", timeout.as_secs()))),
            }
        }
    }
}

/// Asks for a connection to become something else than HTTP, over one that is nothing else's: it may live for long, and
/// takes no lane.
pub(super) async fn upgrade(
    endpoint: &Endpoint,
    dial: &dyn Dial,
    request: &Outgoing,
    timeout: Duration,
) -> Result<Result<(http::HeaderMap, BoxedIo), http::StatusCode>, SendError> {
    let way = dial::client(dial, endpoint, Keep::Nothing).map_err(SendError::Dial)?;
    let attempt = Attempt::to_send();
    let sending = outgoing(&way, request).map_err(SendError::Dial)?;
    let changing = async {
        let response = match way.client.execute(sending).await {
            Ok(response) => response,
            Err(error) => return Err(failure::of(&error, &attempt, endpoint, &way)),
        };
        if response.status() != http::StatusCode::SWITCHING_PROTOCOLS {
            return Ok(Err(response.status()));
        }
        let headers = response.headers().clone();
        match response.upgrade().await {
            Ok(io) => Ok(Ok((headers, Box::new(io) as BoxedIo))),
            Err(error) => Err(Failed::Sent(failure::told(&error))),
        }
    };
    match attempt.within(timeout, changing).await {
        Some(Ok(changed)) => Ok(changed),
        Some(Err(Failed::Unsent(error))) => Err(SendError::Dial(error)),
        Some(Err(Failed::Sent(text))) => Err(SendError::Lost(text)),
        Some(Err(Failed::Unusable(text))) => Err(SendError::Unusable(text)),
        None => Err(SendError::Lost(format!("no answer within {} s", timeout.as_secs()))),
    }
}

fn outgoing(way: &Way, request: &Outgoing) -> Result<reqwest::Request, DialError> {
    let url = format!("{}{}", way.base, request.uri);
    let url = reqwest::Url::parse(&url).map_err(|error| DialError::Connect(format!("{}: {error}", way.base)))?;
    // A URL knows of steps up and walks them: the request would be another one.
    let path = request.uri.split('?').next().unwrap_or_default();
    if url.path() != path {
        let message = format!("no URL can hold the path {path}: it would lead to {}", url.path());
        return Err(DialError::Config(crate::Error::Config(message)));
    }
    let mut outgoing = reqwest::Request::new(request.method.clone(), url);
    *outgoing.headers_mut() = request.headers.clone();
    if !request.body.is_empty() {
        *outgoing.body_mut() = Some(request.body.clone().into());
    }
    Ok(outgoing)
}

async fn send(
    request: reqwest::Request,
    attempt: &Arc<Attempt>,
    endpoint: &Endpoint,
    way: &Way,
) -> Result<Answer, Failed> {
    match way.client.execute(request).await {
        Ok(response) => read(response.into()).await,
        Err(error) => Err(failure::of(&error, attempt, endpoint, way)),
    }
}

async fn read(response: http::Response<reqwest::Body>) -> Result<Answer, Failed> {
    let (head, body) = response.into_parts();
    let reason = match head.extensions.get::<ReasonPhrase>() {
        Some(phrase) => String::from_utf8_lossy(phrase.as_bytes()).into_owned(),
        None => head.status.canonical_reason().unwrap_or_default().to_owned(),
    };
    let body =
        Limited::new(body, ANSWER_LIMIT).collect().await.map_err(|error| match error.is::<LengthLimitError>() {
            true => Failed::Unusable(format!("the answer is longer than {} MiB", ANSWER_LIMIT >> 20)),
            false => Failed::Sent(format!("in the middle of the answer: {}", failure::told(&*error))),
        })?;
    Ok(Answer { status: head.status.as_u16(), reason, headers: head.headers, body: body.to_bytes() })
}
