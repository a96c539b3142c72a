//! Faults of the connection, the answer, the node and its clock, as a client meets them.

use super::tests::{Rig, send};
use super::*;
use reqwest::Method;

async fn fault(rig: &Rig, fault: Value) {
    assert_eq!(rig.control(Method::POST, "/faults", fault).await.status, 200);
}

/// Asks until the answer is as expected: an outage is put in force by the endpoint's own loop.
async fn until(rig: &Rig, node: &str, expected: impl Fn(Result<u16, String>) -> bool) {
    for _ in 0..500 {
        let answer = rig.request(node, Method::GET, "/access/domains").send().await;
        let told = |error: reqwest::Error| format!("{} {error:?}", if error.is_connect() { "connect" } else { "" });
        if expected(answer.map(|answer| answer.status().as_u16()).map_err(told)) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{node} never answers as it should");
}

#[tokio::test]
async fn an_answer_is_cut_or_of_the_wrong_types() {
    let rig = Rig::start().await;
    fault(&rig, json!({ "match": { "path": "/version" }, "effect": { "cut": true } })).await;
    let text = rig.as_token(Method::GET, "/version").send().await.unwrap().text().await.unwrap();
    assert!(text.starts_with("{\"data\":{") && serde_json::from_str::<Value>(&text).is_err(), "{text}");
    fault(&rig, json!({ "match": { "method": "PUT" }, "effect": { "types": "wrong" } })).await;
    let write = send(rig.as_token(Method::PUT, "/cluster/options").form(&[("keyboard", "fr")])).await;
    assert_eq!(write.body, json!({ "data": [4711] }));
    // PVE has carried it out all the same.
    assert_eq!(send(rig.as_token(Method::GET, "/cluster/options")).await.body["data"]["keyboard"], "fr");
}

#[tokio::test]
async fn a_signal_that_reaches_nobody_is_told() {
    let rig = Rig::start().await;
    // Whoever asks here is in the simulator's own process, which spares itself.
    fault(&rig, json!({ "match": { "path": "/version" }, "effect": { "signal": "INT", "to": "group" } })).await;
    rig.as_token(Method::GET, "/version").send().await.unwrap();
    let faults = rig.control(Method::GET, "/faults", Value::Null).await.body;
    let missed = faults[0]["missed"].as_str().unwrap_or_default();
    assert!(missed.contains("own process group"), "{faults}");
}

#[tokio::test]
async fn a_connection_closes_after_an_answer_that_promises_to_keep_it() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let rig = Rig::start().await;
    let stay = "GET /api2/json/access/domains HTTP/1.1\r\nHost: x\r\n\r\n";
    fault(&rig, json!({ "nth": 2, "effect": { "hangup": true } })).await;
    let address = rig.running.endpoint("pve1").unwrap().strip_prefix("https://").unwrap().to_owned();
    let tcp = tokio::net::TcpStream::connect(&address).await.unwrap();
    let mut stream = trusting().connect("localhost".try_into().unwrap(), tcp).await.unwrap();
    let mut answers = Vec::new();
    for _ in 0..2 {
        stream.write_all(stay.as_bytes()).await.unwrap();
        let mut text = String::new();
        while !text.contains("}]}") {
            text.push(char::from(stream.read_u8().await.unwrap()));
        }
        answers.push(text);
    }
    assert!(answers.iter().all(|answer| answer.contains("Connection: Keep-Alive")), "{answers:?}");
    assert!(stream.read_u8().await.is_err(), "the connection is still open");
}

/// A TLS client that takes any certificate.
fn trusting() -> tokio_rustls::TlsConnector {
    #[derive(Debug)]
    struct Any;
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    type Valid = Result<HandshakeSignatureValid, rustls::Error>;
    impl ServerCertVerifier for Any {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, rustls::Error> {
            Ok(ServerCertVerified::assertion())
        }
        fn verify_tls12_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &rustls::DigitallySignedStruct) -> Valid {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn verify_tls13_signature(&self, _: &[u8], _: &CertificateDer<'_>, _: &rustls::DigitallySignedStruct) -> Valid {
            Ok(HandshakeSignatureValid::assertion())
        }
        fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
            rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
        }
    }
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.dangerous().with_custom_certificate_verifier(std::sync::Arc::new(Any)).with_no_client_auth();
    std::sync::Arc::new(config).into()
}

#[tokio::test]
async fn endpoints_are_out_of_reach_for_a_while() {
    let rig = Rig::start().await;
    for (kind, of) in [("refused", "all"), ("garbage", "node")] {
        let effect = json!({ "outage": kind, "for": "60s", "of": of });
        fault(&rig, json!({ "match": { "path": "/version" }, "effect": effect })).await;
        assert!(rig.as_token(Method::GET, "/version").send().await.is_err(), "{kind}");
        until(&rig, "pve1", |answer| answer.is_err_and(|error| error.starts_with("connect"))).await;
        until(&rig, "pve2", |answer| answer.is_err() == (of == "all")).await;
        rig.control(Method::POST, "/clock/advance", json!({ "seconds": 61 })).await;
        until(&rig, "pve1", |answer| answer == Ok(200)).await;
        until(&rig, "pve2", |answer| answer == Ok(200)).await;
        rig.control(Method::DELETE, "/faults", Value::Null).await;
    }
}

#[tokio::test]
async fn an_endpoint_shows_another_certificate_after_a_while_until_the_faults_are_taken_back() {
    let rig = Rig::start().await;
    let der = rig.certificate("pve1").await;
    assert_eq!(der, rig.certificate("pve1").await);
    fault(&rig, json!({ "effect": { "outage": "certificate", "for": "1h", "in": "10s" } })).await;
    assert_eq!(send(rig.as_token(Method::GET, "/version")).await.status, 200);
    rig.control(Method::POST, "/clock/advance", json!({ "seconds": 11 })).await;
    let mut other = der.clone();
    for _ in 0..500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        other = rig.certificate("pve1").await;
        if other != der {
            break;
        }
    }
    assert_ne!(other, der);
    rig.control(Method::DELETE, "/faults", Value::Null).await;
    for _ in 0..500 {
        if rig.certificate("pve1").await == der {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("its own certificate does not come back");
}

impl Rig {
    /// The certificate that an endpoint shows.
    async fn certificate(&self, node: &str) -> Vec<u8> {
        let address = self.running.endpoint(node).unwrap().strip_prefix("https://").unwrap().to_owned();
        for _ in 0..500 {
            if let Ok(tcp) = tokio::net::TcpStream::connect(&address).await
                && let Ok(stream) = trusting().connect("localhost".try_into().unwrap(), tcp).await
            {
                return stream.get_ref().1.peer_certificates().unwrap()[0].to_vec();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("no handshake with {node}");
    }
}

#[tokio::test]
async fn a_request_is_held_until_the_faults_are_taken_back_before_or_after_pve_has_acted() {
    let rig = Rig::start().await;
    let world = &rig.running.world;
    for (when, keyboard) in [("before", "de"), ("after", "fr")] {
        let hold = json!({ "match": { "method": "PUT" }, "when": when, "effect": { "hold": true } });
        world.control("POST", "/faults", &hold).unwrap();
        let write = rig.as_token(Method::PUT, "/cluster/options").form(&[("keyboard", keyboard)]).send();
        let free = async {
            while world.control("GET", "/faults", &Value::Null).unwrap()[0]["held"] != true {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let options = send(rig.as_token(Method::GET, "/cluster/options")).await.body;
            assert_eq!(options["data"]["keyboard"] == keyboard, when == "after");
            world.control("DELETE", "/faults", &Value::Null).unwrap();
        };
        assert!(tokio::join!(write, free).0.is_err(), "it is answered");
    }
    assert!(world.control("GET", "/nowhere", &Value::Null).unwrap_err().contains("/nowhere"));
}

#[tokio::test]
async fn the_node_in_the_path_goes_off_at_once_or_later() {
    let rig = Rig::start().await;
    let online = async || {
        let status = send(rig.as_token(Method::GET, "/cluster/status")).await.body["data"].clone();
        (1..=3).map(|n| status[n]["online"] == 1).collect::<Vec<_>>()
    };
    fault(&rig, json!({ "match": { "path": "/nodes/pve2/*" }, "effect": { "power": "off", "in": "5s" } })).await;
    assert_eq!(send(rig.as_token(Method::GET, "/nodes/pve2/status")).await.status, 200);
    assert_eq!(online().await, [true, true, true]);
    rig.control(Method::POST, "/clock/advance", json!({ "seconds": 6 })).await;
    assert_eq!(online().await, [true, false, true]);
    rig.control(Method::POST, "/nodes/pve2/power", json!({ "on": true })).await;
    fault(&rig, json!({ "match": { "path": "/nodes/pve3/*" }, "when": "after", "effect": { "power": "off" } })).await;
    assert_eq!(send(rig.as_token(Method::GET, "/nodes/pve3/status")).await.status, 200);
    assert_eq!(online().await, [true, true, false]);
}

#[tokio::test]
async fn a_node_whose_clock_is_wrong_dates_by_it_and_its_tickets_are_refused_elsewhere() {
    let rig = Rig::start().await;
    let date = async |node: &str| {
        let text = rig.request(node, Method::GET, "/access/domains").send().await.unwrap().headers()["date"].clone();
        jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text.to_str().unwrap()).unwrap().as_second()
    };
    fault(&rig, json!({ "match": { "path": "/version" }, "effect": { "skew": "1h" } })).await;
    assert_eq!(send(rig.as_token(Method::GET, "/version")).await.status, 200);
    assert_eq!(date("pve1").await - date("pve2").await, 3600);
    let login = rig.login("root@pam", &rig.running.password).await;
    let cookie = format!("PVEAuthCookie={}", login.body["data"]["ticket"].as_str().unwrap());
    let asked = async |node: &str| {
        send(rig.request(node, Method::GET, "/nodes").header("Cookie", &cookie)).await.status.as_u16()
    };
    assert_eq!((asked("pve1").await, asked("pve2").await), (200, 401));
    rig.control(Method::DELETE, "/faults", Value::Null).await;
    assert_eq!(date("pve1").await, date("pve2").await);
}

#[tokio::test]
async fn what_a_forwarding_node_says_of_another_stands_in_the_status_line_alone() {
    let rig = Rig::start().await;
    fault(&rig, json!({ "effect": { "status": 596, "message": "Connection timed out" } })).await;
    let response = rig.as_token(Method::GET, "/version").send().await.unwrap();
    assert_eq!((response.status().as_u16(), response.text().await.unwrap()), (596, String::new()));
}
