//! Scripted PVE endpoints behind sockets of this process, so that tests run on paused time and without a network.

mod clock;
pub(crate) mod proxy;

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
pub(crate) use clock::moving;
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::AbortHandle;
use tower::{BoxError, Layer, Service};

use crate::connection::Dial;
use crate::{Client, Config, Endpoint, Error};

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
    sockets: Sockets,
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
            sockets: Sockets::default(),
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

    /// One that takes all of its endpoints for members.
    pub(crate) fn client_of(&self, config: Config) -> Client {
        let client = self.stranger(config);
        client.inner.connections.circle().trust_all();
        client
    }

    /// One that has to find out who its endpoints are.
    pub(crate) fn stranger(&self, config: Config) -> Client {
        Client::over(config, Arc::new(self.clone())).unwrap()
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
            let _waiting = clock::waiting();
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
            Reply::Hang => {
                let _waiting = clock::waiting();
                std::future::pending().await
            }
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
    fn way(&self, endpoint: &Endpoint) -> Result<(reqwest::ClientBuilder, &'static str), Error> {
        let (world, host) = (self.clone(), endpoint.host.clone());
        let socket = self.0.sockets.of(&host.clone(), move |theirs| world.connected(host.clone(), theirs));
        let door = Door { world: self.clone(), host: endpoint.host.clone() };
        let (builder, scheme) = through(socket);
        Ok((builder.connector_layer(door), scheme))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

impl World {
    fn connected(&self, host: String, theirs: UnixStream) {
        let (world, served) = (self.clone(), AtomicUsize::new(0));
        let service = service_fn(move |request| {
            let nth = served.fetch_add(1, Ordering::SeqCst) + 1;
            world.clone().serve(host.clone(), request, nth)
        });
        let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service);
        let task = tokio::spawn(async move {
            // Dropped connections end in an error; that is what they are for.
            let _ = connection.await;
        });
        self.0.opened.fetch_add(1, Ordering::SeqCst);
        self.0.open.lock().unwrap().push(task.abort_handle());
    }
}

/// Where a connection to an endpoint is counted, and refused while it is down.
#[derive(Clone)]
struct Door {
    world: World,
    host: String,
}

impl<S> Layer<S> for Door {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { door: self.clone(), inner }
    }
}

#[derive(Clone)]
struct Guarded<S> {
    door: Door,
    inner: S,
}

impl<S, R> Service<R> for Guarded<S>
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
        let Door { world, host } = &self.door;
        world.0.dialled.lock().unwrap().push(host.clone());
        if world.0.down.lock().unwrap().contains(host) {
            return Box::pin(async { Err("Connection refused".into()) });
        }
        Box::pin(self.inner.call(to))
    }
}

/// The way to a socket.
pub(crate) fn through(socket: PathBuf) -> (reqwest::ClientBuilder, &'static str) {
    // Unused, but without one it looks for a provider of the process.
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    (reqwest::Client::builder().tls_backend_preconfigured(tls).unix_socket(socket), "http")
}

/// Sockets in a folder of their own, by name. They are made when they are first asked for, within the test's runtime.
#[derive(Default)]
pub(crate) struct Sockets(Mutex<Option<TempDir>>);

impl Sockets {
    /// The socket of this name, whose connections are given to `connected`.
    pub(crate) fn of(&self, name: &str, connected: impl Fn(UnixStream) + Send + 'static) -> PathBuf {
        let mut folder = self.0.lock().unwrap();
        let folder = folder.get_or_insert_with(|| {
            clock::keep();
            TempDir::new().unwrap()
        });
        let path = folder.path().join(name);
        if !path.exists() {
            let listener = UnixListener::bind(&path).unwrap();
            tokio::spawn(async move {
                while let Ok((theirs, _)) = listener.accept().await {
                    connected(theirs);
                }
            });
        }
        path
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
