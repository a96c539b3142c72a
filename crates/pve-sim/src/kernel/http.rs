//! A node's listener, with the habits of PVE's HTTP server.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::abrupt::Abrupt;
use super::faults::Reach;
use super::kill::Ends;
use super::multipart;
use super::pipeline::{self, Body, Outcome, Reply, Request};
use super::world::World;

/// Requests on one connection; the last is answered with `Connection: close`.
const KEEP_ALIVE: u32 = 100;
/// Real seconds that a connection may be idle.
const IDLE: Duration = Duration::from_secs(5);
/// Header fields and their bytes that PVE still reads; of a longer head it never answers.
const MAX_HEADERS: usize = 62;
const MAX_HEADER_BYTES: usize = 8192;
/// Largest body.
const MAX_BODY: usize = 512 * 1024;
/// Largest file. PVE has no limit; here it is held in memory.
const MAX_UPLOAD: usize = 512 << 20;

/// Why a connection closes without an answer.
#[derive(Debug)]
struct Dropped;

impl std::fmt::Display for Dropped {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("dropped")
    }
}

impl std::error::Error for Dropped {}

/// The TLS side of an endpoint.
pub(crate) struct Acceptors {
    /// With its own certificate, as a node by itself.
    pub(crate) own: TlsAcceptor,
    /// With the one that the cluster has given it.
    pub(crate) member: TlsAcceptor,
    /// With somebody else's.
    pub(crate) impostor: TlsAcceptor,
}

/// Serves a node at an address: answers while it can be reached, refuses connections while not. Never returns.
pub(crate) async fn serve(world: World, node: String, listener: TcpListener, tls: Acceptors) {
    let Ok(address) = listener.local_addr() else { return };
    let mut listener = Some(listener);
    loop {
        let reach = world.with(|cluster| cluster.reach(&node));
        if reach == Reach::Refuses {
            // Without a listener the system refuses connections to the port; bound, nobody else is given it meanwhile.
            drop(listener.take());
            let bound = bind(address);
            changed(&world, &node, reach).await;
            listener = bound.and_then(listen);
            continue;
        }
        let Some(open) = listener.take().or_else(|| bind(address).and_then(listen)) else {
            // Somebody else has the port for the moment.
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        // Dropped when the node is reached in another way, and with it every connection.
        let mut connections = JoinSet::new();
        let over = changed(&world, &node, reach);
        tokio::pin!(over);
        loop {
            tokio::select! {
                () = &mut over => break,
                accepted = open.accept() => match (accepted, reach) {
                    (Err(_), _) | (_, Reach::Refuses) => {}
                    (Ok((stream, _)), Reach::Garbage) => drop(connections.spawn(gibberish(stream))),
                    (Ok((stream, peer)), Reach::Well | Reach::Impostor) => {
                        let tls = match reach {
                            Reach::Well if world.with(|cluster| cluster.nodes.get(&node).is_some()) => &tls.member,
                            Reach::Well => &tls.own,
                            _ => &tls.impostor,
                        };
                        let ends = Ends { peer, node: address };
                        connections.spawn(connection(world.clone(), node.clone(), stream, ends, tls.clone()));
                    }
                },
                Some(_) = connections.join_next() => {}
            }
        }
        listener = Some(open);
    }
}

/// Returns when the node's endpoint is not reached in this way any more.
async fn changed(world: &World, node: &str, reach: Reach) {
    loop {
        let changed = world.reach_changed();
        if world.with(|cluster| cluster.reach(node)) != reach {
            return;
        }
        changed.await;
    }
}

/// Answers a TLS greeting in words that are none of TLS.
async fn gibberish(mut stream: TcpStream) {
    let _ = stream.read(&mut [0; 512]).await;
    let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").await;
    let _ = stream.shutdown().await;
}

fn bind(address: SocketAddr) -> Option<TcpSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.ok()?;
    socket.set_reuseaddr(true).ok()?;
    socket.bind(address).ok()?;
    Some(socket)
}

fn listen(socket: TcpSocket) -> Option<TcpListener> {
    socket.listen(1024).ok()
}

async fn connection(world: World, node: String, stream: TcpStream, ends: Ends, tls: TlsAcceptor) {
    // Answers are small; waiting for more to send would cost 40 ms each.
    let _ = stream.set_nodelay(true);
    let Ok(stream) = tls.accept(stream).await else { return };
    let served = Arc::new(AtomicU32::new(0));
    let hung_up = Arc::new(AtomicBool::new(false));
    let stream = Abrupt { stream, hung_up: hung_up.clone() };
    let service = service_fn(move |request| {
        let (world, node, served, hung_up) = (world.clone(), node.clone(), served.clone(), hung_up.clone());
        async move {
            let last = served.fetch_add(1, Ordering::Relaxed) + 1 >= KEEP_ALIVE;
            respond(&world, &node, ends, request, last, &hung_up).await
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(IDLE).title_case_headers(true).max_headers(1024);
    // An error here is a client that went away, or a connection that a fault drops.
    let _ = builder.serve_connection(TokioIo::new(stream), service).with_upgrades().await;
}

async fn respond(
    world: &World,
    node: &str,
    ends: Ends,
    mut request: http::Request<Incoming>,
    last: bool,
    hung_up: &AtomicBool,
) -> Result<Response<Full<Bytes>>, Dropped> {
    let bytes: usize = request.headers().iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if request.headers().len() > MAX_HEADERS || bytes > MAX_HEADER_BYTES {
        tokio::time::sleep(IDLE).await;
        return Err(Dropped);
    }
    let upgrade = hyper::upgrade::on(&mut request);
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY).cloned();
    let outcome = match read(world, ends, request).await {
        Ok(request) => {
            // PVE carries on when the client goes away, and so does what is recorded.
            let (world, node) = (world.clone(), node.to_owned());
            tokio::spawn(async move { pipeline::answer(&world, &node, request).await }).await.unwrap_or(Outcome::Drop)
        }
        Err(reply) => Outcome::Reply(reply),
    };
    match outcome {
        Outcome::Drop => Err(Dropped),
        Outcome::Reply(reply) => Ok(response(reply, last)),
        Outcome::LastReply(reply) => {
            hung_up.store(true, Ordering::Relaxed);
            Ok(response(reply, last))
        }
        Outcome::Upgrade(talk) => {
            let Some(key) = key else {
                let text = "unable to handshake";
                return Ok(response(plain(world, 501, text), true));
            };
            let (world, node) = (world.clone(), node.to_owned());
            tokio::spawn(async move {
                let Ok(stream) = upgrade.await else { return };
                let io = TokioIo::new(stream);
                let socket = tokio_tungstenite::WebSocketStream::from_raw_socket(io, Role::Server, None).await;
                tokio::select! {
                    () = talk(world.clone(), socket) => {}
                    () = changed(&world, &node, Reach::Well) => {}
                }
            });
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
            let headers = response.headers_mut();
            headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static("binary"));
            if let Ok(accept) = HeaderValue::from_str(&derive_accept_key(key.as_bytes())) {
                headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
            }
            Ok(response)
        }
    }
}

/// Reads a request as far as PVE's HTTP server itself judges it.
async fn read(world: &World, ends: Ends, request: http::Request<Incoming>) -> Result<Request, Reply> {
    let (head, body) = request.into_parts();
    let method = head.method.as_str().to_owned();
    let header = |name| head.headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    if !["GET", "POST", "PUT", "DELETE"].contains(&method.as_str()) {
        return Err(plain(world, 501, &format!("method '{method}' not available")));
    }
    if head.headers.contains_key(header::TRANSFER_ENCODING) {
        return Err(plain(world, 501, "chunked transfer encoding not supported"));
    }
    let length: usize = header(header::CONTENT_LENGTH).and_then(|text| text.parse().ok()).unwrap_or(0);
    if length > 0 && (method == "GET" || method == "DELETE") {
        return Err(plain(world, 501, &format!("Unexpected content for method '{method}'")));
    }
    let kind = header(header::CONTENT_TYPE).unwrap_or_default().to_owned();
    let multipart = kind.starts_with("multipart/form-data");
    if length > if multipart { MAX_UPLOAD } else { MAX_BODY } {
        return Err(plain(world, 501, "for data too large"));
    }
    let full_path = percent_encoding::percent_decode_str(head.uri.path()).decode_utf8_lossy().into_owned();
    let parts: Vec<&str> = full_path.split('/').filter(|part| !part.is_empty()).collect();
    let (extjs, path) = match parts.as_slice() {
        ["api2", "json", path @ ..] => (false, path),
        ["api2", "extjs", path @ ..] => (true, path),
        ["api2", _, ..] => return Err(plain(world, 501, &format!("no formatter for uri {full_path}"))),
        _ => return Err(plain(world, 501, "no such uri")),
    };
    if multipart {
        let text = upload(world, &method, path, &kind, body).await?;
        let path = format!("/{}", path.join("/"));
        let query = head.uri.query().unwrap_or_default().to_owned();
        return Ok(Request { ends, method, path, query, extjs, headers: head.headers, body: Body::Form(text) });
    }
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let is_json = kind.eq_ignore_ascii_case("application/json");
    if !(is_json || kind.is_empty() || kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")) {
        return Err(plain(world, 506, "unsupported content type"));
    }
    let Ok(bytes) = Limited::new(body, MAX_BODY).collect().await else {
        return Err(plain(world, 400, "bad request"));
    };
    let bytes = bytes.to_bytes();
    let body = match is_json {
        true => Body::Json(bytes.to_vec()),
        false => Body::Form(String::from_utf8_lossy(&bytes).into_owned()),
    };
    let path = format!("/{}", path.join("/"));
    let query = head.uri.query().unwrap_or_default().to_owned();
    Ok(Request { ends, method, path, query, extjs, headers: head.headers, body })
}

/// Takes a file in: it lies in the node's `/var/tmp` then, and the API is told where.
async fn upload(world: &World, method: &str, path: &[&str], kind: &str, body: Incoming) -> Result<String, Reply> {
    let is_upload = method == "POST" && matches!(path, ["nodes", _, "storage", _, "upload"]);
    let Some(boundary) = multipart::boundary(kind).filter(|_| is_upload) else {
        return Err(plain(world, 506, "unsupported content type"));
    };
    let Ok(bytes) = Limited::new(body, MAX_UPLOAD).collect().await else {
        return Err(plain(world, 400, "bad request"));
    };
    let Some(multipart::Sent { mut fields, file: (name, content) }) = multipart::parse(&bytes.to_bytes(), boundary)
    else {
        // Belief: what PVE's server says of a form that it cannot read.
        return Err(plain(world, 501, "upload failed"));
    };
    let temporary = world.with(|cluster| {
        let temporary = format!("/var/tmp/pveupload-{}", cluster.ids.hex(32));
        cluster.storage.uploads.insert(temporary.clone(), content);
        temporary
    });
    fields.extend([("filename".to_owned(), name), ("tmpfilename".to_owned(), temporary)]);
    let encoded =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    Ok(pairs.join("&"))
}

/// A refusal by the HTTP server itself: the reason as plain text.
fn plain(world: &World, status: u16, reason: &str) -> Reply {
    let date = world.with(|cluster| cluster.now);
    Reply { status, reason: Some(reason.to_owned()), content_type: None, body: reason.to_owned(), date }
}

fn response(reply: Reply, last: bool) -> Response<Full<Bytes>> {
    let Reply { status, reason, content_type, body, date } = reply;
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // A status line cannot carry control characters.
    let reason = reason.map(|text| text.replace(|c: char| c.is_control(), " "));
    if let Some(Ok(reason)) = reason.map(|text| hyper::ext::ReasonPhrase::try_from(text.into_bytes())) {
        response.extensions_mut().insert(reason);
    }
    let headers = response.headers_mut();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    };
    let date = date.http_date();
    set(header::DATE, &date);
    set(header::EXPIRES, &date);
    set(header::CACHE_CONTROL, "max-age=0");
    set(header::PRAGMA, "no-cache");
    set(header::SERVER, "pve-api-daemon/3.0");
    if let Some(kind) = content_type {
        set(header::CONTENT_TYPE, &kind);
    }
    set(header::CONNECTION, if last || status >= 400 { "Close" } else { "Keep-Alive" });
    response
}

/// Serves the control address. Never returns.
pub(crate) async fn serve_control(world: World, listener: TcpListener) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let world = world.clone();
        tokio::spawn(async move {
            let service = service_fn(move |request: http::Request<Incoming>| {
                let world = world.clone();
                async move {
                    let (head, body) = request.into_parts();
                    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
                    let (status, answer) = super::control::answer(&world, head.method.as_str(), head.uri.path(), &body);
                    let mut response = Response::new(Full::new(Bytes::from(answer.to_string())));
                    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                    let json = HeaderValue::from_static("application/json");
                    response.headers_mut().insert(header::CONTENT_TYPE, json);
                    Ok::<_, Infallible>(response)
                }
            });
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
