//! What speaks HTTP only as far as it suits it: no answer crashes the client, keeps it busy for ever, fills its memory, or
//! is taken for the answer to something else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::Instant;

use super::Dial;
use crate::testing::{Reply, Sockets, World, through};
use crate::{Area, Client, Config, Endpoint, Error, Lock, Patience, Request};

/// What is done with a connection once a request has come.
type Script = dyn Fn(usize, Wire) -> BoxFuture<'static, ()> + Send + Sync;

/// Endpoints that answer every connection by a script of bytes.
#[derive(Clone)]
struct Liar {
    script: Arc<Script>,
    sockets: Arc<Sockets>,
    /// Connections so far, and the bytes written to all of them.
    dialled: Arc<AtomicUsize>,
    written: Arc<AtomicUsize>,
    /// The first line of each request, after its endpoint.
    asked: Arc<Mutex<Vec<String>>>,
}

/// The server's side of one connection.
struct Wire {
    io: UnixStream,
    host: String,
    liar: Liar,
}

impl Wire {
    /// Reads a request; false when there is none any more.
    async fn request(&mut self) -> bool {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.io.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(_) => return false,
            }
        }
        let head = String::from_utf8_lossy(&head).into_owned();
        let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1");
        self.liar.asked.lock().unwrap().push(format!("{} {line}", self.host));
        // The forms here are empty.
        true
    }

    /// Writes; false when nobody reads any more.
    async fn say(&mut self, bytes: &[u8]) -> bool {
        let written = self.io.write_all(bytes).await.is_ok();
        if written {
            self.liar.written.fetch_add(bytes.len(), Ordering::SeqCst);
        }
        written
    }

    /// An answer of status 200 with these headers and this body.
    async fn answer(&mut self, headers: &str, body: &[u8]) -> bool {
        let head = format!("HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n", body.len());
        self.say(head.as_bytes()).await && self.say(body).await
    }
}

impl Liar {
    fn new<F, T>(script: F) -> Liar
    where
        F: Fn(usize, Wire) -> T + Send + Sync + 'static,
        T: Future<Output = ()> + Send + 'static,
    {
        let script = move |nth, wire| Box::pin(script(nth, wire)) as BoxFuture<'static, ()>;
        let (dialled, written, asked) = (Arc::default(), Arc::default(), Arc::default());
        Liar { script: Arc::new(script), sockets: Arc::default(), dialled, written, asked }
    }

    /// Answers each request with these bytes.
    fn saying(bytes: impl Into<Vec<u8>>) -> Liar {
        let bytes = bytes.into();
        Liar::new(move |_, mut wire| {
            let bytes = bytes.clone();
            async move { while wire.request().await && wire.say(&bytes).await {} }
        })
    }

    fn client(&self) -> Client {
        let config = Config::default().endpoint("pve1", "a").token("u@pve!t=secret");
        Client::over(config, std::sync::Arc::new(self.clone())).unwrap()
    }

    fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    fn written(&self) -> usize {
        self.written.load(Ordering::SeqCst)
    }
}

impl Dial for Liar {
    fn way(&self, endpoint: &Endpoint) -> Result<(reqwest::ClientBuilder, &'static str), Error> {
        let (liar, host) = (self.clone(), endpoint.host.clone());
        let socket = self.sockets.of(&endpoint.host, move |io| {
            let nth = liar.dialled.fetch_add(1, Ordering::SeqCst);
            tokio::spawn((liar.script)(nth, Wire { io, host: host.clone(), liar: liar.clone() }));
        });
        Ok(through(socket))
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(10)
    }
}

async fn get(client: &Client) -> Result<Value, Error> {
    client.call(Request::get("version")).await
}

async fn post(client: &Client) -> Result<Value, Error> {
    client.call(Request::post("pools")).await
}

#[tokio::test(start_paused = true)]
async fn a_body_without_end_is_left_after_what_an_answer_may_have() {
    let liar = Liar::new(|_, mut wire| async move {
        wire.request().await;
        wire.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n").await;
        let chunk = [b"10000\r\n".to_vec(), vec![b' '; 0x10000], b"\r\n".to_vec()].concat();
        while wire.say(&chunk).await {}
    });
    let error = get(&liar.client()).await.unwrap_err();
    assert!(error.to_string().contains("longer than 32 MiB"), "{error}");
    assert!(liar.written() < 34 << 20, "{}", liar.written());
    assert_eq!(liar.asked().len(), 1, "it is not asked again either");
}

#[tokio::test(start_paused = true)]
async fn a_length_that_lies() {
    // Too long: the answer breaks off.
    let liar = Liar::new(|_, mut wire| async move {
        wire.request().await;
        wire.say(b"HTTP/1.1 200 OK\r\ncontent-length: 18446744073709551615\r\n\r\n{\"data\":1}").await;
    });
    let error = post(&liar.client()).await.unwrap_err();
    assert!(error.answer_lost(), "{error}");
    assert_eq!(liar.asked(), ["a POST /api2/json/pools"]);
    for lie in [
        "content-length: 99999999999999999999999\r\n",
        "content-length: -1\r\n",
        "content-length: 1\r\ncontent-length: 2\r\n",
    ] {
        let liar = Liar::saying(format!("HTTP/1.1 200 OK\r\n{lie}\r\n{{\"data\":1}}"));
        assert!(post(&liar.client()).await.unwrap_err().answer_lost(), "{lie}");
        assert_eq!(liar.asked().len(), 1, "{lie}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_follows_an_answer_is_not_the_next_one() {
    // Too short: the rest is an answer that nobody has asked for yet.
    let forged = "HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"data\":\"forged\"}";
    let liar = Liar::new(move |nth, mut wire| async move {
        while wire.request().await {
            match nth {
                0 => {
                    wire.say(format!("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n{{\"data\":1}}{forged}").as_bytes())
                        .await
                }
                _ => wire.answer("", br#"{"data":"true"}"#).await,
            };
        }
    });
    let client = liar.client();
    assert_eq!(get(&client).await.unwrap(), 1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(get(&client).await.unwrap(), "true");
    assert_eq!(liar.dialled.load(Ordering::SeqCst), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_drip_ends_with_the_requests_time() {
    let body: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n";
    let headers: &[u8] = b"HTTP/1.1 200 OK\r\nx: ";
    for (begin, drop) in [(body, b" "), (headers, b"x"), (b"", b"H")] {
        let liar = Liar::new(move |_, mut wire| async move {
            wire.request().await;
            wire.say(begin).await;
            while wire.say(drop).await {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let client = liar.client();
        let begun = Instant::now();
        let error = post(&client).await.unwrap_err();
        assert!(error.answer_lost(), "{error}");
        assert!(begun.elapsed() <= Duration::from_secs(60), "{:?}", begun.elapsed());
        // A read knocks twice.
        let begun = Instant::now();
        assert!(get(&client).await.unwrap_err().answer_lost());
        assert!(begun.elapsed() <= Duration::from_secs(120), "{:?}", begun.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn headers_without_end() {
    let many = Liar::new(|_, mut wire| async move {
        wire.request().await;
        wire.say(b"HTTP/1.1 200 OK\r\n").await;
        while wire.say(b"x-flood: 0123456789abcdef\r\n").await {}
    });
    let long = Liar::new(|_, mut wire| async move {
        wire.request().await;
        wire.say(b"HTTP/1.1 200 OK\r\nx: ").await;
        while wire.say(&[b'x'; 1000]).await {}
    });
    let hello = Liar::new(|_, mut wire| async move {
        wire.request().await;
        while wire.say(b"HTTP/1.1 100 Continue\r\n\r\n").await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    for liar in [many, long, hello] {
        let error = post(&liar.client()).await.unwrap_err();
        assert!(error.answer_lost(), "{error}");
        assert!(liar.written() < 2 << 20, "{}", liar.written());
        assert_eq!(liar.asked().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_http() {
    for junk in [
        &b"<html>hello</html>\n"[..],
        b"HTTP/9.9 200 OK\r\n\r\n",
        b"\x16\x03\x01\x02\x00",
        b"HTTP/1.1 2 OK\r\n\r\n",
        b"\0\0\0\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
    ] {
        let liar = Liar::new(move |_, mut wire| async move {
            wire.request().await;
            wire.say(junk).await;
        });
        let error = post(&liar.client()).await.unwrap_err();
        assert!(error.answer_lost() && error.to_string().len() < 1000, "{error}");
        assert_eq!(liar.asked().len(), 1);
    }
    // An answer before there was a request.
    let early = Liar::new(|_, mut wire| async move {
        wire.say(b"HTTP/1.1 200 OK\r\ncontent-length: 17\r\n\r\n{\"data\":\"forged\"}").await;
        wire.request().await;
    });
    tokio::time::sleep(Duration::from_millis(1)).await;
    if let Ok(value) = post(&early.client()).await {
        panic!("{value} was taken for an answer");
    }
}

#[tokio::test(start_paused = true)]
async fn redirects_are_told_and_not_followed() {
    for (status, target) in
        [(301, "/api2/json/version"), (302, "https://b:8006/api2/json/version"), (307, "//b/"), (308, "https://b")]
    {
        let liar = Liar::saying(format!("HTTP/1.1 {status} Moved\r\nlocation: {target}\r\ncontent-length: 0\r\n\r\n"));
        for error in [get(&liar.client()).await.unwrap_err(), post(&liar.client()).await.unwrap_err()] {
            assert!(error.to_string().contains(&format!("redirected to {target}")), "{error}");
            assert!(!error.refused(), "nobody knows what was done before it");
        }
        // One request each, and none elsewhere: the token goes to nobody else.
        assert_eq!(liar.asked(), ["a GET /api2/json/version", "a POST /api2/json/pools"]);
    }
    let long =
        Liar::saying(format!("HTTP/1.1 302 Moved\r\nlocation: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(100_000)));
    assert!(get(&long.client()).await.unwrap_err().to_string().len() < 1000);
}

#[tokio::test(start_paused = true)]
async fn the_content_decides_and_not_its_type() {
    let with = |kind: &'static str, body: &'static [u8]| {
        Liar::new(move |_, mut wire| async move { while wire.request().await && wire.answer(kind, body).await {} })
    };
    let json = br#"{"data":7}"#;
    for kind in ["", "content-type: text/html\r\n", "content-type: image/png\r\n", "content-type: \r\n"] {
        assert_eq!(get(&with(kind, json).client()).await.unwrap(), 7, "{kind}");
    }
    for (kind, body) in [
        ("content-type: application/json\r\n", &b"<html><h1>Sign in</h1>"[..]),
        (
            "content-encoding: gzip\r\n",
            b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xcb\x48\xcd\xc9\xc9\x07\x00\x86\xa6\x10\x36",
        ),
        ("content-encoding: gzip\r\n", b""),
        ("", b"{\"data\":1"),
        ("", b"\xff\xfe{\"data\":1}"),
        ("", b"{\"data\":\"\xff\"}"),
    ] {
        let error = get(&with(kind, body).client()).await.unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn answers_of_many_or_deep_values() {
    let nested = |depth: usize| format!("{{\"data\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let deep = nested(100_000);
    let maps = format!("{{\"data\":{}", "{\"a\":".repeat(100_000));
    let many = format!("{{\"data\":[{}{{}}]}}", "{},".repeat(4_000_000));
    for body in [deep.clone(), maps, many.clone()] {
        let body = Arc::new(body);
        let liar = Liar::new(move |_, mut wire| {
            let body = body.clone();
            async move { while wire.request().await && wire.answer("", body.as_bytes()).await {} }
        });
        let error = get(&liar.client()).await.unwrap_err();
        assert!(matches!(error, Error::Protocol { .. }) && error.to_string().len() < 1000, "{error}");
    }
    // Where the content does not matter, nothing is kept of it, however deep.
    let liar = Liar::new(move |_, mut wire| {
        let deep = deep.clone();
        async move { while wire.request().await && wire.answer("", deep.as_bytes()).await {} }
    });
    let _ = liar.client().call::<IgnoredAny>(Request::get("version")).await;
    let _ = liar.client().call::<()>(Request::get("version")).await;
}

#[tokio::test(start_paused = true)]
async fn words_of_an_error_are_short_enough_to_be_read() {
    let long = "word ".repeat(40_000);
    let fields: serde_json::Map<String, Value> = (0..300).map(|n| (format!("field{n}"), json!(long[..2000]))).collect();
    for body in [json!({ "message": long }), json!({ "message": "bad", "errors": fields }), json!(long)] {
        for status in [400, 403, 500, 595] {
            let body = body.to_string();
            let liar = Liar::saying(format!("HTTP/1.1 {status} \r\ncontent-length: {}\r\n\r\n{body}", body.len()));
            let told = post(&liar.client()).await.unwrap_err().to_string();
            assert!(told.len() < 20_000, "{} bytes", told.len());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_ticket_that_cannot_be_read_is_not_quoted() {
    let body =
        r#"{"data":{"ticket":"PVE:root@pam:6B032D7F::hidden","CSRFPreventionToken":["hidden"],"NeedTFA":"hidden"}}"#;
    let liar = Liar::saying(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()));
    let config = Config::default().endpoint("pve1", "a").login("root@pam", "hidden");
    // The form with the password is not taken off the wire here, so the client may see its connection close.
    let error = Client::over(config, std::sync::Arc::new(liar))
        .unwrap()
        .call::<Value>(Request::get("version"))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("POST /access/ticket: unexpected answer"), "{error}");
    assert!(!error.to_string().contains("hidden"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_log_without_end_does_not_keep_a_task_waiting() {
    let mut n = 0;
    let world = World::new(move |call| match call.line.as_str() {
        "POST /x" => Reply::Data(json!("UPID:pve1:1:1:1:qmmove:1:u@pve!t:")),
        line if line.contains("/log?") => {
            let lines = (0..500).map(|i| json!({ "n": n + i + 1, "t": "line" }));
            let lines = Reply::Data(lines.collect());
            n += 500;
            Reply::After(Duration::from_millis(200), Box::new(lines))
        }
        _ => Reply::Data(json!({ "status": "running" })),
    });
    let client = world.client();
    let mut task = client.write_task(Lock::Ha, &[Area::Ha], Request::post("x")).await.unwrap();
    let patience =
        Patience { timeout: Some(Duration::from_secs(10)), stall: Some(Duration::from_secs(5)), ..Patience::default() };
    let (begun, mut told) = (Instant::now(), 0);
    let error = task.wait(&patience, |progress| told = told.max(progress.lines.len())).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. } | Error::Stalled { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert!((1..=20_000).contains(&told), "{told} lines at once");
}
