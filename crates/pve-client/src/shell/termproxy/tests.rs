//! PVE's side of the terminal in memory, with a real shell of this machine behind it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex as StdMutex};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::connection::Dial;
use crate::testing::proxy::{Kind, Proxy};
use crate::testing::{Sockets, through};
use crate::{Config, Endpoint, Proxies};

const TICKET: &str = "PVEVNC:6923AB10::c2lnbmVk/+=";

/// What the node does with a terminal.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    Shell,
    RefuseTicket,
    LoginPrompt,
    /// Refuses the upgrade.
    NoWebsocket,
    /// Its clock is ahead: the first ticket is too old by the time the terminal is opened.
    OldTicket,
    /// Upgrades to something, and does not say that it has read the key.
    OtherWebsocket,
}

#[derive(Clone)]
struct Node {
    mode: Mode,
    sockets: Arc<Sockets>,
    terminals: Arc<AtomicUsize>,
    seen: Arc<StdMutex<Vec<String>>>,
}

impl Node {
    fn new(mode: Mode) -> Self {
        Self { mode, sockets: Arc::default(), terminals: Arc::default(), seen: Arc::default() }
    }

    fn client(&self) -> Client {
        let config = Config::default().endpoint("pve1", "https://pve1").login("root@pam", "secret");
        Client::over(config, std::sync::Arc::new(self.clone())).unwrap()
    }

    async fn serve<S>(self, theirs: S)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        let service = service_fn(move |request| self.clone().answer(request));
        let server = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(theirs), service);
        let _ = server.with_upgrades().await;
    }

    /// The same over TLS on a loopback address.
    async fn listen(&self) -> SocketAddr {
        let made = rcgen::generate_simple_self_signed(vec!["pve1.example".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let (acceptor, listener) =
            (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (address, node) = (listener.local_addr().unwrap(), self.clone());
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, node) = (acceptor.clone(), node.clone());
                tokio::spawn(async move {
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        node.serve(tls).await;
                    }
                });
            }
        });
        address
    }

    async fn answer(self, mut request: http::Request<Incoming>) -> Result<http::Response<Full<Bytes>>, Infallible> {
        let path = request.uri().path().to_owned();
        let times = |part: &str| self.seen.lock().unwrap().iter().filter(|line| line.contains(part)).count();
        self.seen.lock().unwrap().push(format!("{} {}", request.method(), request.uri().path_and_query().unwrap()));
        let json = |data: serde_json::Value| {
            let body = serde_json::json!({ "data": data }).to_string();
            Ok(http::Response::builder().header("content-type", "application/json").body(Full::from(body)).unwrap())
        };
        match path.as_str() {
            "/api2/json/access/ticket" => json(serde_json::json!({
                "username": "root@pam", "ticket": format!("PVE:root@pam:{:08X}::sig", jiff::Timestamp::now().as_second()),
                "CSRFPreventionToken": "t"
            })),
            "/api2/json/nodes/pve1/termproxy" => {
                json(serde_json::json!({"user": "root@pam", "ticket": TICKET, "port": "5901", "upid": "UPID:x"}))
            }
            "/api2/json/nodes/pve1/vncwebsocket"
                if self.mode == Mode::NoWebsocket || self.mode == Mode::OldTicket && times("/access/ticket") < 2 =>
            {
                Ok(http::Response::builder().status(401).body(Full::default()).unwrap())
            }
            "/api2/json/nodes/pve1/vncwebsocket" => {
                let headers = request.headers();
                assert_eq!(headers["sec-websocket-protocol"], "binary");
                assert!(headers.contains_key("cookie"), "{headers:?}");
                let key = if self.mode == Mode::OtherWebsocket {
                    b"another"
                } else {
                    headers["sec-websocket-key"].as_bytes()
                };
                let accept = derive_accept_key(key);
                let upgraded = hyper::upgrade::on(&mut request);
                tokio::spawn(async move {
                    let io = TokioIo::new(upgraded.await.unwrap());
                    self.terminal(WebSocketStream::from_raw_socket(io, Role::Server, None).await).await;
                });
                let response = http::Response::builder()
                    .status(101)
                    .header("connection", "upgrade")
                    .header("upgrade", "websocket")
                    .header("sec-websocket-protocol", "binary")
                    .header("sec-websocket-accept", accept);
                Ok(response.body(Full::default()).unwrap())
            }
            other => panic!("{other}"),
        }
    }

    /// As PVE's termproxy: first line, OK, then frames in and bytes out.
    async fn terminal<S>(self, mut socket: WebSocketStream<S>)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        self.terminals.fetch_add(1, Ordering::SeqCst);
        let first = socket.next().await.unwrap().unwrap().into_data();
        assert_eq!(first, format!("root@pam:{TICKET}\n").as_bytes());
        if self.mode == Mode::RefuseTicket {
            return;
        }
        let program = match self.mode {
            Mode::LoginPrompt => "stty raw -echo; printf 'OKpve1 login: '; exec cat",
            _ => "printf OKLinux; exec bash --norc -i",
        };
        let mut child = Command::new("script")
            .args(["-qec", program, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let (mut typed, mut printed) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut bytes = vec![0; 700];
        loop {
            tokio::select! {
                read = printed.read(&mut bytes) => match read.unwrap() {
                    0 => return,
                    n => if socket.send(Message::Binary(Bytes::copy_from_slice(&bytes[..n]))).await.is_err() { return },
                },
                message = socket.next() => match message {
                    Some(Ok(Message::Binary(frame))) => {
                        assert!(frame.len() <= 128 * 1024);
                        if frame[0] == b'0' {
                            let at = 2 + frame[2..].iter().position(|b| *b == b':').unwrap();
                            let length: usize = std::str::from_utf8(&frame[2..at]).unwrap().parse().unwrap();
                            assert_eq!(frame.len(), at + 1 + length);
                            typed.write_all(&frame[at + 1..]).await.unwrap();
                        } else {
                            assert!(&frame[..] == b"1:500:50:" || &frame[..] == b"2");
                        }
                    }
                    _ => return,
                },
            }
        }
    }
}

impl Dial for Node {
    fn way(&self, endpoint: &Endpoint) -> Result<(reqwest::ClientBuilder, &'static str), Error> {
        let node = self.clone();
        let socket = self.sockets.of(&endpoint.host, move |theirs| {
            tokio::spawn(node.clone().serve(theirs));
        });
        Ok(through(socket))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

fn argv(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn commands_run_and_share_the_terminal() {
    let node = Node::new(Mode::Shell);
    let client = node.client();
    let (one, other) = (client.shell("pve1"), client.shell("pve1"));
    let first = argv(&["sh", "-c", "printf one; printf two >&2; exit 3"]);
    let second = argv(&["printf", "%s", "a'b\x03"]);
    let (first, second) = tokio::join!(one.run(&first, PATIENCE), other.run(&second, PATIENCE));
    assert_eq!(first.unwrap(), Output { status: 3, stdout: b"one".to_vec(), stderr: b"two".to_vec() });
    assert_eq!(second.unwrap().stdout, b"a'b\x03");
    assert_eq!(node.terminals.load(Ordering::SeqCst), 1);
    let seen = node.seen.lock().unwrap();
    let upgrade = seen.iter().find(|line| line.contains("vncwebsocket")).unwrap();
    assert!(upgrade.ends_with("port=5901&vncticket=PVEVNC%3A6923AB10%3A%3Ac2lnbmVk%2F%2B%3D"), "{upgrade}");
}

#[tokio::test]
async fn a_command_without_an_answer_may_have_run_and_the_next_gets_a_new_terminal() {
    let node = Node::new(Mode::Shell);
    let shell = node.client().shell("pve1");
    // The way to the shell takes its time, which must not count here.
    assert!(shell.run(&argv(&["true"]), PATIENCE).await.unwrap().success());
    let error = shell.run(&argv(&["sleep", "60"]), Duration::from_secs(2)).await.unwrap_err();
    assert!(error.answer_lost() && !error.refused(), "{error}");
    assert!(error.to_string().contains("'sleep 60' on pve1"), "{error}");
    assert!(shell.run(&argv(&["true"]), PATIENCE).await.unwrap().success());
    assert_eq!(node.terminals.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_fails_before_the_command_was_certainly_not_run() {
    let refused =
        Node::new(Mode::RefuseTicket).client().shell("pve1").run(&argv(&["true"]), PATIENCE).await.unwrap_err();
    assert!(refused.refused() && refused.to_string().contains("no command was run"), "{refused}");

    let client = Node::new(Mode::Shell).client();
    let bad = client.shell("pve1").run(&argv(&["echo", "a\0b"]), PATIENCE).await.unwrap_err();
    assert!(bad.refused(), "{bad}");
    assert!(client.shell("pve1").run(&[], PATIENCE).await.unwrap_err().refused());

    let config = Config::default().endpoint("pve1", "https://pve1").token("root@pam!t=secret");
    let token = Client::over(config, std::sync::Arc::new(Node::new(Mode::Shell))).unwrap();
    let error = token.shell("pve1").run(&argv(&["true"]), PATIENCE).await.unwrap_err();
    assert!(matches!(error, Error::NeedsRootTicket(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_login_prompt_is_told_as_what_it_is() {
    let error = Node::new(Mode::LoginPrompt).client().shell("pve1").run(&argv(&["true"]), PATIENCE).await.unwrap_err();
    assert!(error.refused() && error.to_string().contains("no shell on pve1"), "{error}");
}

#[tokio::test]
async fn the_terminal_goes_the_same_way_as_everything() {
    for kind in [Kind::Http, Kind::Socks] {
        let node = Node::new(Mode::Shell);
        let proxy = Proxy::new(kind, node.listen().await).await;
        let config = Config::default()
            .endpoint("pve1", "https://pve1.example:8006")
            .login("root@pam", "secret")
            .insecure(true)
            .proxies(Proxies::at(&proxy.url()).unwrap());
        let shell = Client::new(config).unwrap().shell("pve1");
        let output = shell.run(&argv(&["printf", "through"]), PATIENCE).await.unwrap();
        assert_eq!(output.stdout, b"through");
        // Its ticket, the invitation, and the terminal itself; each on its own.
        assert_eq!(proxy.asked(), ["pve1.example:8006"; 3], "{kind:?}");
    }
}

#[tokio::test]
async fn a_terminal_that_is_refused_is_told() {
    let node = Node::new(Mode::NoWebsocket);
    let error = node.client().shell("pve1").run(&argv(&["true"]), PATIENCE).await.unwrap_err();
    assert!(error.refused() && error.to_string().contains("the answer was 401"), "{error}");
    let node = Node::new(Mode::OtherWebsocket);
    let error = node.client().shell("pve1").run(&argv(&["true"]), PATIENCE).await.unwrap_err();
    assert!(error.refused() && error.to_string().contains("no websocket"), "{error}");
}

#[tokio::test]
async fn a_ticket_that_is_too_old_for_the_terminal_is_exchanged_for_a_fresh_one() {
    let node = Node::new(Mode::OldTicket);
    assert!(node.client().shell("pve1").run(&argv(&["true"]), PATIENCE).await.unwrap().success());
    let seen = node.seen.lock().unwrap();
    let times = |part: &str| seen.iter().filter(|line| line.contains(part)).count();
    // The invitation is as good as before.
    assert_eq!((times("/access/ticket"), times("/termproxy"), times("/vncwebsocket")), (2, 1, 2), "{seen:?}");
}

/// What the client makes of these bytes behind the handshake.
async fn received(bytes: Vec<u8>) -> Result<Option<Vec<u8>>, Broken> {
    let (ours, mut theirs) = tokio::io::duplex(1 << 16);
    let sending = tokio::spawn(async move {
        // It may be left in the middle.
        let _ = theirs.write_all(&bytes).await;
    });
    let io: BoxedIo = Box::new(ours);
    let mut socket = WebSocketStream::from_raw_socket(io, Role::Client, Some(limits())).await;
    let result = receive(&mut socket).await;
    sending.abort();
    result
}

#[tokio::test]
async fn huge_messages_are_not_taken() {
    let frame = |first: u8, length: u64| [vec![first, 127], length.to_be_bytes().to_vec()].concat();
    let told = |result: Result<_, Broken>| result.map(|_: Option<Vec<u8>>| ()).unwrap_err().to_string();
    // A frame that only says it is huge, one that is, and a message of many frames.
    assert!(told(received(frame(0x82, u64::MAX >> 1)).await).contains("too long"));
    let whole = [frame(0x82, 2 << 20), vec![b'x'; 2 << 20]].concat();
    assert!(told(received(whole).await).contains("too long"));
    let pieces: Vec<u8> =
        (0..64).flat_map(|n| [frame(if n == 0 { 2 } else { 0 }, 1 << 16), vec![b'x'; 1 << 16]].concat()).collect();
    assert!(told(received(pieces).await).contains("too long"));
    assert_eq!(received([frame(0x82, 3), b"abc".to_vec()].concat()).await, Ok(Some(b"abc".to_vec())));
}
