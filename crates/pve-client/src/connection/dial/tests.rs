//! TLS with real servers on loopback addresses.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::config::{Ca, Config};
use crate::{Client, Error, Request};

/// A CA with the certificate of one server for one name.
pub(super) struct Authority {
    pub(super) pem: String,
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
    pub(super) accepted: Arc<AtomicUsize>,
    /// The requests that came through, heads and all.
    pub(super) heard: Arc<Mutex<Vec<String>>>,
}

impl Authority {
    pub(super) fn new(server: &str) -> Authority {
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

    /// A server whose certificate is its own CA, as `openssl req -x509` makes it.
    fn of_itself(server: &str, change: impl FnOnce(&mut CertificateParams)) -> Authority {
        let key = KeyPair::generate().unwrap();
        let mut own = CertificateParams::new(vec![server.to_owned()]).unwrap();
        own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        change(&mut own);
        let own = own.self_signed(&key).unwrap();
        let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
        let (pem, certificate) = (own.pem(), own.der().clone());
        Authority { pem, certificate, key, accepted: Arc::default(), heard: Arc::default() }
    }

    pub(super) fn fingerprint(&self) -> String {
        let digest: [u8; 32] = Sha256::digest(&self.certificate).into();
        digest.map(|byte| format!("{byte:02X}")).join(":")
    }

    /// A server that answers everything with `{"data": 7}`, for as long as the test runs.
    pub(super) async fn serve(&self) -> SocketAddr {
        // Whether the key is that of the certificate is the client's business.
        let key = aws_lc_rs::sign::any_supported_type(&self.key).unwrap();
        let shown = CertifiedKey::new(vec![self.certificate.clone()], key);
        let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(shown)));
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

pub(super) async fn ask(config: Config) -> Result<u8, Error> {
    let client = Client::new(config).unwrap();
    client.inner.connections.circle().trust_all();
    client.call(Request::get("version")).await
}

/// The fingerprint and the text of a TLS error.
pub(super) fn told(result: Result<u8, Error>) -> (Option<String>, String) {
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

#[tokio::test]
async fn a_certificate_that_is_its_own_ca_is_trusted_when_it_is_given() {
    let own = Authority::of_itself("127.0.0.1", |_| {});
    let address = own.serve().await;
    assert_eq!(ask(config(address).ca(Ca::Pem(own.pem.clone()))).await.unwrap(), 7);
    let other = Authority::of_itself("127.0.0.1", |_| {});
    let both = format!("{}{}", other.pem, own.pem);
    assert_eq!(ask(config(address).ca(Ca::Pem(both))).await.unwrap(), 7);

    // One that is not given is not, and the cause is told in words.
    let (seen, text) = told(ask(config(address).ca(Ca::Pem(other.pem.clone()))).await);
    assert_eq!(seen, Some(own.fingerprint()));
    assert!(text.contains("CA:TRUE") && text.contains("given as CA itself") && !text.contains("OtherError"), "{text}");
    // Nor is one that a CA has issued, whatever it says of itself.
    let issued = Authority::with("127.0.0.1", |server| server.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let (_, text) = told(ask(config(issued.serve().await).ca(Ca::Pem(issued.pem.clone()))).await);
    assert!(text.contains("CA:TRUE"), "{text}");
    assert_eq!(*issued.heard.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn one_that_is_its_own_ca_is_not_trusted_for_everything() {
    let elsewhere = Authority::of_itself("elsewhere.example", |_| {});
    let (_, text) = told(ask(config(elsewhere.serve().await).ca(Ca::Pem(elsewhere.pem.clone()))).await);
    assert!(text.contains("elsewhere.example"), "{text}");
    let expired = Authority::of_itself("127.0.0.1", |own| {
        own.not_before = rcgen::date_time_ymd(2020, 1, 1);
        own.not_after = rcgen::date_time_ymd(2021, 1, 1);
    });
    let (_, text) = told(ask(config(expired.serve().await).ca(Ca::Pem(expired.pem.clone()))).await);
    assert!(text.contains("expired"), "{text}");
    // The same name and another key: somebody who has read the certificate and makes one like it.
    let (own, thief) = (Authority::of_itself("127.0.0.1", |_| {}), Authority::of_itself("127.0.0.1", |_| {}));
    let posing = Authority { certificate: own.certificate.clone(), key: thief.key, ..thief };
    ask(config(posing.serve().await).ca(Ca::Pem(own.pem))).await.unwrap_err();
    assert_eq!(*posing.heard.lock().unwrap(), Vec::<String>::new());
}

#[tokio::test]
async fn an_unknown_issuer_is_told_in_words() {
    let server = Authority::new("127.0.0.1");
    let other = Authority::of_itself("x", |own| own.distinguished_name.push(DnType::CommonName, "another"));
    let namesake = Authority::new("127.0.0.1");
    for (ca, words) in [(other, "issued by nobody who is trusted"), (namesake, "but not with its key")] {
        let (_, text) = told(ask(config(server.serve().await).ca(Ca::Pem(ca.pem))).await);
        assert!(text.contains(words), "{text}");
    }
}

#[tokio::test]
async fn endpoints_that_are_not_trusted_are_told_without_a_request() {
    let servers = [Authority::new("127.0.0.1"), Authority::new("127.0.0.1"), Authority::new("127.0.0.1")];
    let mut config = Config::default().token("u@pve!t=s");
    for (server, node) in servers.iter().zip(["pve1", "pve2", "pve3"]) {
        let pin = if node == "pve2" { "00".repeat(32) } else { server.fingerprint() };
        config = config.endpoint(node, format!("https://{}", server.serve().await)).fingerprint(node, pin);
    }
    // One that is off is not one that is not trusted.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    config = config.endpoint("pve4", format!("https://{gone}"));
    let client = Client::new(config.insecure(true)).unwrap();
    let found = Mutex::new(Vec::new());
    client.untrusted_endpoints(|error| found.lock().unwrap().push(error)).await;
    let found = found.into_inner().unwrap();
    let [Error::Tls { seen, message, .. }] = &found[..] else { panic!("{found:?}") };
    assert_eq!(seen.as_deref(), Some(servers[1].fingerprint().as_str()));
    assert!(message.contains("configured fingerprint 00:00"), "{message}");
    assert!(servers.iter().all(|server| server.heard.lock().unwrap().is_empty()));

    client.inner.connections.circle().trust_all();
    // The connection to the first is there already, and the one that is not trusted is passed over.
    assert_eq!(client.call::<u8>(Request::get("version")).await.unwrap(), 7);
    let accepted = servers.each_ref().map(|server| server.accepted.load(Ordering::SeqCst));
    assert_eq!(accepted, [1, 1, 1]);

    // Of a single endpoint every request will tell.
    let alone = Client::new(self::config(gone)).unwrap();
    alone.untrusted_endpoints(|error| panic!("{error}")).await;
}
