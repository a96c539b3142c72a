//! Through proxies on loopback, to servers whose names nobody could look up.

use tokio::net::TcpListener;

use super::tests::{Authority, ask, told};
use crate::testing::proxy::{Kind, Proxy};
use crate::{Client, Config, Error, Proxies, Request};

const KINDS: [Kind; 4] = [Kind::Http, Kind::Socks, Kind::HttpWithPassword, Kind::SocksWithPassword];

/// A server that is known by its fingerprint, and can only be reached through a proxy.
fn behind(authority: &Authority, proxies: Proxies) -> Config {
    Config::default()
        .endpoint("pve1", "https://pve1.example:8006")
        .fingerprint("pve1", authority.fingerprint())
        .token("u@pve!t=s")
        .proxies(proxies)
}

fn environment(variables: &[(&str, &str)]) -> Proxies {
    Proxies::of_environment(|name| variables.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
}

#[tokio::test]
async fn requests_go_through_a_proxy_and_keep_their_connection() {
    for kind in KINDS {
        let authority = Authority::new("pve1.example");
        let proxy = Proxy::new(kind, authority.serve().await).await;
        for proxies in [Proxies::at(&proxy.url()).unwrap(), environment(&[("ALL_PROXY", &proxy.url())])] {
            let before = proxy.asked().len();
            let client = Client::new(behind(&authority, proxies)).unwrap();
            for _ in 0..3 {
                assert_eq!(client.call::<u8>(Request::get("version")).await.unwrap(), 7, "{kind:?}");
            }
            client.call::<u8>(Request::post("pools")).await.unwrap();
            // One for the reads and one for the write.
            assert_eq!(proxy.asked()[before..], ["pve1.example:8006"; 2], "{kind:?}");
        }
        // What is said within is for the server alone.
        let heard = authority.heard.lock().unwrap();
        assert!(heard.len() == 8 && heard.iter().all(|head| !head.contains("proxy")), "{heard:?}");
    }
}

#[tokio::test]
async fn the_servers_certificate_is_checked_as_ever() {
    let authority = Authority::new("pve1.example");
    let server = authority.serve().await;
    for kind in KINDS {
        let proxy = Proxy::new(kind, server).await;
        let pinned = behind(&authority, Proxies::at(&proxy.url()).unwrap());
        let (seen, text) = told(ask(pinned.clone().fingerprint("pve1", "00".repeat(32))).await);
        assert_eq!(seen, Some(authority.fingerprint()));
        assert!(text.contains("configured fingerprint 00:00") && text.contains(&proxy.shown()), "{text}");
        let mut named = pinned;
        named.fingerprints.clear();
        assert_eq!(
            ask(named.clone().ca(crate::config::Ca::Pem(authority.pem.clone()))).await.unwrap(),
            7,
            "by its name"
        );
        named.endpoints[0].url = "https://pve2.example:8006".into();
        let (_, text) = told(ask(named.ca(crate::config::Ca::Pem(authority.pem.clone()))).await);
        assert!(text.contains("pve1.example"), "{text}");
    }
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_and_nothing_was_sent() {
    let authority = Authority::new("pve1.example");
    let server = authority.serve().await;
    for (kind, word) in [
        (Kind::Refusing(403), "refused to connect there"),
        (Kind::Refusing(407), "authorization required"),
        (Kind::Refusing(502), "refused to connect there"),
        (Kind::SocksRefusing, "not allowed"),
    ] {
        let proxy = Proxy::new(kind, server).await;
        let client = Client::new(behind(&authority, Proxies::at(&proxy.url()).unwrap())).unwrap();
        let error = client.call::<u8>(Request::post("pools")).await.unwrap_err();
        assert!(matches!(error, Error::Connect { .. }) && error.refused(), "{kind:?}: {error}");
        let text = error.to_string().to_lowercase();
        let named = format!("https://pve1.example:8006 through the proxy {}", proxy.shown());
        assert!(text.contains(&named) && text.contains(word), "{kind:?}: {text}");
    }
    assert_eq!(authority.accepted.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_without_its_password() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let authority = Authority::new("pve1.example");
    for (scheme, word) in [("http", "refused"), ("socks5h", "the proxy cannot be connected to")] {
        let proxies = environment(&[("https_proxy", &format!("{scheme}://user:hidden@{gone}"))]);
        let error = ask(behind(&authority, proxies)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(&format!("through the proxy {scheme}://{gone} (")) && text.contains(word), "{text}");
        assert!(error.refused() && !text.contains("hidden"), "{text}");
    }
}

#[tokio::test]
async fn a_proxy_that_says_nothing_is_left_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    tokio::time::pause();
    let proxies = Proxies::at(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
    let error = ask(behind(&Authority::new("pve1.example"), proxies)).await.unwrap_err();
    assert!(error.refused() && error.to_string().contains("no connection within 10 s"), "{error}");
}

#[tokio::test]
async fn loopback_and_what_is_named_are_reached_directly() {
    let authority = Authority::new("pve1.example");
    let server = authority.serve().await;
    let proxy = Proxy::new(Kind::Http, server).await;
    let mut config = behind(&authority, Proxies::at(&proxy.url()).unwrap());
    for host in ["127.0.0.1", "localhost"] {
        config.endpoints[0].url = format!("https://{host}:{}", server.port());
        config.proxies = Proxies::at(&proxy.url()).unwrap();
        assert_eq!(ask(config.clone()).await.unwrap(), 7);
        config.proxies = environment(&[("HTTPS_PROXY", &proxy.url()), ("ALL_PROXY", &proxy.url())]);
        assert_eq!(ask(config.clone()).await.unwrap(), 7);
    }
    assert_eq!(proxy.asked(), Vec::<String>::new());
    // Directly its name leads nowhere.
    let named = environment(&[("HTTPS_PROXY", &proxy.url()), ("NO_PROXY", ".example")]);
    let error = ask(behind(&authority, named)).await.unwrap_err();
    assert!(error.refused() && !error.to_string().contains("proxy"), "{error}");
    assert_eq!(proxy.asked(), Vec::<String>::new());
    let other = environment(&[("HTTPS_PROXY", &proxy.url()), ("NO_PROXY", "pve2.example")]);
    assert_eq!(ask(behind(&authority, other)).await.unwrap(), 7);
    assert_eq!(proxy.asked(), ["pve1.example:8006"]);
}

#[tokio::test]
async fn untrusted_endpoints_are_told_through_a_proxy_too() {
    let (first, second) = (Authority::new("pve1.example"), Authority::new("pve2.example"));
    let proxy = Proxy::new(Kind::Http, first.serve().await).await;
    let config = behind(&first, Proxies::at(&proxy.url()).unwrap())
        .endpoint("pve2", "https://pve2.example:8006")
        .fingerprint("pve2", second.fingerprint());
    let client = Client::new(config).unwrap();
    let found = std::sync::Mutex::new(Vec::new());
    client.untrusted_endpoints(|error| found.lock().unwrap().push(error.to_string())).await;
    let found = found.into_inner().unwrap();
    assert!(found.len() == 1 && found[0].contains("pve2.example") && found[0].contains(&proxy.shown()), "{found:?}");
    assert!(first.heard.lock().unwrap().is_empty());
    client.inner.connections.circle().trust_all();
    assert_eq!(client.call::<u8>(Request::get("version")).await.unwrap(), 7);
    assert_eq!(proxy.asked().len(), 2, "the connection that was looked at is the one that is used");
}
