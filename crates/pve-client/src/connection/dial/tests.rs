//! TLS with real servers on loopback addresses.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::config::{Ca, Config};
use crate::{Client, Error, Request};

/// A CA with the certificate of one server for one name.
struct Authority {
    pem: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    accepted: Arc<AtomicUsize>,
    /// The requests that came through, heads and all.
    heard: Arc<Mutex<Vec<String>>>,
}

impl Authority {
    fn new(server: &str) -> Authority {
        Authority::with(server, |_| {})
    }

    /// One whose server's certificate is not as it should be.
    fn with(server: &str, change: impl FnOnce(&mut CertificateParams)) -> Authority {
        let (ca_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut ca = CertificateParams::new(Vec::<String>::new()).unwrap();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = ca.self_signed(&ca_key).unwrap().pem();
        let mut certificate = CertificateParams::new(vec![server.to_owned()]).unwrap();
        change(&mut certificate);
        let certificate = certificate.signed_by(&key, &Issuer::new(ca, ca_key)).unwrap().der().clone();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        Authority { pem, certificate, key, accepted: Arc::default(), heard: Arc::default() }
    }

    fn fingerprint(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(&self.certificate).into();
        digest.map(|byte| format!("{byte:02X}")).join(":")
    }

    /// A server that answers everything with `{"data": 7}`, for as long as the test runs.
    async fn serve(&self) -> SocketAddr {
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], self.key.clone_key())
            .unwrap();
        let (acceptor, listener) =
            (TlsAcceptor::from(Arc::new(config)), TcpListener::bind("127.0.0.1:0").await.unwrap());
        let (address, accepted) = (listener.local_addr().unwrap(), self.accepted.clone());
        let heard = self.heard.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                let (acceptor, heard) = (acceptor.clone(), heard.clone());
                tokio::spawn(async move {
                    let Ok(tls) = acceptor.accept(tcp).await else { return };
                    let answer = service_fn(move |request: http::Request<hyper::body::Incoming>| {
                        heard.lock().unwrap().push(format!("{} {:?}", request.uri(), request.headers()));
                        let answer = http::Response::new(Full::<bytes::Bytes>::from(r#"{"data":7}"#));
                        std::future::ready(Ok::<_, std::io::Error>(answer))
                    });
                    let _ =
                        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tls), answer).await;
                });
            }
        });
        address
    }
}

fn config(address: SocketAddr) -> Config {
    Config::default().endpoint("pve1", format!("https://{address}")).token("u@pve!t=s")
}

async fn ask(config: Config) -> Result<u8, Error> {
    Client::new(config).unwrap().call(Request::get("version")).await
}

/// The fingerprint and the text of a TLS error.
fn told(result: Result<u8, Error>) -> (Option<String>, String) {
    match result {
        Err(error @ Error::Tls { .. }) => {
            let text = error.to_string();
            let Error::Tls { seen, .. } = error else { unreachable!() };
            (seen, text)
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_pinned_certificate_is_trusted_whatever_its_name() {
    let authority = Authority::new("elsewhere.example");
    let address = authority.serve().await;
    assert_eq!(ask(config(address).fingerprint("pve1", authority.fingerprint())).await.unwrap(), 7);
    let plain = authority.fingerprint().replace(':', "").to_lowercase();
    let pinned = config(address).fingerprint(format!("https://{address}"), plain);
    // What is not needed is not even looked at.
    assert_eq!(ask(pinned.ca(Ca::File("/nonexistent".into()))).await.unwrap(), 7);
}

#[tokio::test]
async fn another_certificate_than_the_pinned_one_is_told() {
    let authority = Authority::new("127.0.0.1");
    let wrong = "00".repeat(32);
    // Not even a CA or `insecure` overrules a pin.
    let config =
        config(authority.serve().await).fingerprint("pve1", wrong).ca(Ca::Pem(authority.pem.clone())).insecure(true);
    let (seen, text) = told(ask(config).await);
    assert_eq!(seen.as_deref(), Some(authority.fingerprint().as_str()));
    assert!(text.contains("configured fingerprint 00:00") && text.contains(&authority.fingerprint()), "{text}");
}

#[tokio::test]
async fn a_ca_is_trusted_for_its_own() {
    let (authority, other) = (Authority::new("127.0.0.1"), Authority::new("127.0.0.1"));
    let address = authority.serve().await;
    assert_eq!(ask(config(address).ca(Ca::Pem(authority.pem.clone()))).await.unwrap(), 7);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &authority.pem).unwrap();
    assert_eq!(ask(config(address).ca(Ca::File(file.path().to_owned()))).await.unwrap(), 7);

    let (seen, _) = told(ask(config(address).ca(Ca::Pem(other.pem))).await);
    assert_eq!(seen, Some(authority.fingerprint()));
}

#[tokio::test]
async fn a_certificate_for_another_name_is_told() {
    let authority = Authority::new("elsewhere.example");
    let (_, text) = told(ask(config(authority.serve().await).ca(Ca::Pem(authority.pem.clone()))).await);
    assert!(text.contains("elsewhere.example"), "{text}");
}

#[tokio::test]
async fn unknown_certificates_need_insecure() {
    let authority = Authority::new("127.0.0.1");
    let address = authority.serve().await;
    assert_eq!(ask(config(address).insecure(true)).await.unwrap(), 7);
    match ask(config(address)).await {
        // On a machine without any roots even that is not found out.
        Err(Error::Config(text)) => assert!(text.contains("trusted certificates"), "{text}"),
        other => assert_eq!(told(other).0, Some(authority.fingerprint())),
    }
}

#[tokio::test]
async fn an_endpoint_with_a_wrong_certificate_is_passed_over() {
    let (wrong, right) = (Authority::new("127.0.0.1"), Authority::new("127.0.0.1"));
    let config = config(wrong.serve().await).endpoint("pve2", format!("https://{}", right.serve().await));
    assert_eq!(ask(config.ca(Ca::Pem(right.pem.clone()))).await.unwrap(), 7);
}

#[tokio::test]
async fn what_is_not_there_or_no_tls_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        while let Ok((mut tcp, _)) = listener.accept().await {
            let _ = tcp.write_all(b"HTTP/1.1 301 Moved\r\ncontent-length: 0\r\n\r\n").await;
        }
    });
    let error = ask(config(address).insecure(true)).await.unwrap_err();
    assert!(matches!(error, Error::Tls { seen: None, .. }), "{error}");
    server.abort();
    let _ = server.await;
    let error = ask(config(address).insecure(true)).await.unwrap_err();
    assert!(matches!(&error, Error::Connect { .. }) && error.refused(), "{error}");
    assert!(error.to_string().contains(&address.to_string()) && error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_hundred_requests_share_four_connections() {
    let authority = Authority::new("127.0.0.1");
    let client = Client::new(config(authority.serve().await).insecure(true)).unwrap();
    let results = futures_util::future::join_all((0..100).map(|_| client.call::<u8>(Request::get("version")))).await;
    assert!(results.into_iter().all(|result| matches!(result, Ok(7))));
    assert_eq!(authority.accepted.load(Ordering::SeqCst), 4);
}

#[tokio::test]
async fn a_certificate_out_of_its_time_is_told() {
    let expired = Authority::with("127.0.0.1", |certificate| {
        certificate.not_before = rcgen::date_time_ymd(2020, 1, 1);
        certificate.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let future = Authority::with("127.0.0.1", |certificate| certificate.not_before = rcgen::date_time_ymd(2200, 1, 1));
    for (authority, word) in [(expired, "expired"), (future, "not valid yet")] {
        let address = authority.serve().await;
        let (seen, text) = told(ask(config(address).ca(Ca::Pem(authority.pem.clone()))).await);
        assert_eq!(seen, Some(authority.fingerprint()));
        assert!(text.contains(word), "{text}");
        // Whoever names the very certificate means it.
        assert_eq!(ask(config(address).fingerprint("pve1", authority.fingerprint())).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_server_that_is_refused() {
    let authority = Authority::new("127.0.0.1");
    let stranger = Authority::new("127.0.0.1");
    let elsewhere = Authority::new("elsewhere.example");
    let expired = Authority::with("127.0.0.1", |certificate| {
        certificate.not_after = rcgen::date_time_ymd(2021, 1, 1);
        certificate.not_before = rcgen::date_time_ymd(2020, 1, 1);
    });
    let login = |config: Config| config.login("root@pam", "hidden");
    for (server, config) in [
        (&stranger, config(stranger.serve().await).ca(Ca::Pem(authority.pem.clone()))),
        (&authority, config(authority.serve().await).fingerprint("pve1", "00".repeat(32))),
        (&elsewhere, config(elsewhere.serve().await).ca(Ca::Pem(elsewhere.pem.clone()))),
        (&expired, config(expired.serve().await).ca(Ca::Pem(expired.pem.clone()))),
    ] {
        let client = Client::new(login(config.clone())).unwrap();
        for request in [Request::get("version"), Request::post("pools"), Request::post("x").root()] {
            let error = client.call::<u8>(request).await.unwrap_err();
            assert!(matches!(error, Error::Tls { .. }) && error.refused(), "{error}");
        }
        assert!(server.accepted.load(Ordering::SeqCst) > 0);
        assert_eq!(*server.heard.lock().unwrap(), Vec::<String>::new());
    }
    // It would have been heard.
    ask(config(stranger.serve().await).insecure(true)).await.unwrap();
    assert!(stranger.heard.lock().unwrap()[0].contains("/version"));
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_says_a_word_is_left() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = ask(config(listener.local_addr().unwrap()).insecure(true)).await.unwrap_err();
    assert!(error.refused() && error.to_string().contains("no connection within 10 s"), "{error}");
}
