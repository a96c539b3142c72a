//! Scripted PVE endpoints in memory, so that tests run on paused time and without a network.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use crate::connection::{Dial, DialError, Dialled};
use crate::{Client, Config, Endpoint};

/// A request as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// The endpoint's host.
    pub(crate) host: String,
    /// Method and path with query, below `/api2/json`: `GET /version`.
    pub(crate) line: String,
    pub(crate) form: String,
    pub(crate) headers: http::HeaderMap,
}

impl Call {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// What an endpoint does with a request.
pub(crate) enum Reply {
    /// Status 200 with this `data`.
    Data(Value),
    /// An error in PVE's form.
    Error(u16, &'static str),
    /// Anything else.
    Raw(http::Response<Bytes>),
    /// Closes the connection without an answer.
    Drop,
    /// Never answers.
    Hang,
    /// Answers later.
    After(Duration, Box<Reply>),
}

type Handler = Box<dyn FnMut(&Call) -> Reply + Send>;

/// All endpoints together; clones are the same world.
#[derive(Clone)]
pub(crate) struct World(Arc<Inner>);

struct Inner {
    handler: Mutex<Handler>,
    calls: Mutex<Vec<Call>>,
    down: Mutex<HashSet<String>>,
    open: Mutex<Vec<AbortHandle>>,
    dialled: Mutex<Vec<String>>,
    opened: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
}

impl World {
    pub(crate) fn new(handler: impl FnMut(&Call) -> Reply + Send + 'static) -> World {
        World(Arc::new(Inner {
            handler: Mutex::new(Box::new(handler)),
            calls: Mutex::default(),
            down: Mutex::default(),
            open: Mutex::default(),
            dialled: Mutex::default(),
            opened: AtomicUsize::new(0),
            in_flight: AtomicUsize::new(0),
            most_in_flight: AtomicUsize::new(0),
        }))
    }

    /// A client with a token and the endpoints `a` and `b`, which are the nodes `pve1` and `pve2`.
    pub(crate) fn client(&self) -> Client {
        self.client_of(two_nodes().token("u@pve!t=secret"))
    }

    pub(crate) fn client_of(&self, config: Config) -> Client {
        Client::over(config, Box::new(self.clone())).unwrap()
    }

    /// `HOST METHOD PATH` of each request so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.calls().iter().map(|call| format!("{} {}", call.host, call.line)).collect()
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.0.calls.lock().unwrap().clone()
    }

    /// From now on the endpoint refuses connections, or no longer.
    pub(crate) fn power(&self, host: &str, on: bool) {
        let mut down = self.0.down.lock().unwrap();
        if on {
            down.remove(host)
        } else {
            down.insert(host.to_owned())
        };
    }

    /// Closes all connections, as a worker that is replaced does.
    pub(crate) async fn cut(&self) {
        self.0.open.lock().unwrap().drain(..).for_each(|connection| connection.abort());
        settle().await;
    }

    /// How often it was tried to connect to an endpoint.
    pub(crate) fn dialled(&self, host: &str) -> usize {
        self.0.dialled.lock().unwrap().iter().filter(|dialled| *dialled == host).count()
    }

    pub(crate) fn opened(&self) -> usize {
        self.0.opened.load(Ordering::SeqCst)
    }

    pub(crate) fn most_in_flight(&self) -> usize {
        self.0.most_in_flight.load(Ordering::SeqCst)
    }

    async fn serve(
        self,
        host: String,
        request: http::Request<Incoming>,
        nth: usize,
    ) -> Result<http::Response<Full<Bytes>>, Dropped> {
        let (head, body) = request.into_parts();
        let form = body.collect().await.map_err(|_| Dropped)?.to_bytes();
        let path = head.uri.path_and_query().unwrap().as_str();
        let path = path.strip_prefix("/api2/json").expect("all calls are below /api2/json");
        let form = String::from_utf8(form.to_vec()).unwrap();
        let call = Call { host, line: format!("{} {path}", head.method), form, headers: head.headers };
        self.0.calls.lock().unwrap().push(call.clone());
        let now = self.0.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most_in_flight.fetch_max(now, Ordering::SeqCst);
        let mut reply = (self.0.handler.lock().unwrap())(&call);
        while let Reply::After(delay, next) = reply {
            tokio::time::sleep(delay).await;
            reply = *next;
        }
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
        let mut response = match reply {
            Reply::Data(data) => http::Response::new(Bytes::from(json!({ "data": data }).to_string())),
            Reply::Error(status, text) => {
                let body = json!({ "data": null, "message": format!("{text}\n") }).to_string();
                http::Response::builder().status(status).body(Bytes::from(body)).unwrap()
            }
            Reply::Raw(response) => response,
            Reply::Drop => return Err(Dropped),
            Reply::Hang => std::future::pending().await,
            Reply::After(..) => unreachable!("unfolded above"),
        };
        // As PVE does it. After an error it closes too; the client must not need to be told so.
        if nth == 100 {
            response.headers_mut().insert(http::header::CONNECTION, http::HeaderValue::from_static("close"));
        }
        Ok(response.map(Full::new))
    }
}

/// The connection is closed instead of answering.
#[derive(Debug, thiserror::Error)]
#[error("dropped")]
struct Dropped;

impl Dial for World {
    fn dial<'a>(&'a self, endpoint: &'a Endpoint) -> Dialled<'a> {
        Box::pin(async move {
            self.0.dialled.lock().unwrap().push(endpoint.host.clone());
            if self.0.down.lock().unwrap().contains(&endpoint.host) {
                return Err(DialError::Connect("Connection refused".to_owned()));
            }
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            let (world, host) = (self.clone(), endpoint.host.clone());
            let served = AtomicUsize::new(0);
            let service = service_fn(move |request| {
                let nth = served.fetch_add(1, Ordering::SeqCst) + 1;
                world.clone().serve(host.clone(), request, nth)
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service);
            let task = tokio::spawn(async move {
                // Dropped connections end in an error; that is what they are for.
                let _ = connection.await;
                Ok::<(), Infallible>(())
            });
            self.0.opened.fetch_add(1, Ordering::SeqCst);
            self.0.open.lock().unwrap().push(task.abort_handle());
            Ok(Box::new(ours) as crate::BoxedIo)
        })
    }
}

/// Endpoints `a` and `b`, which are the nodes `pve1` and `pve2`.
pub(crate) fn two_nodes() -> Config {
    Config::default().endpoint("pve1", "a").endpoint("pve2", "b")
}

/// Lets everything run that can run without time passing.
pub(crate) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}
