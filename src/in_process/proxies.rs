//! What `proxy` means to the provider. That proxies are gone through is shown in `pve-client`.

use serde_json::{Value as Json, json};
use tfplugin6 as tf;
use tfplugin6::provider_server::Provider as _;
use tokio::net::TcpListener;
use tonic::Request;

use super::{Rig, json as message, judge};
use crate::access::pool::Pool;

async fn validated(rig: &Rig, proxy: &str) -> Result<Vec<String>, Vec<String>> {
    let config = message(&json!({ "proxy": proxy }));
    let request = tf::validate_provider_config::Request { config };
    judge(&rig.server.validate_provider_config(Request::new(request)).await.unwrap().into_inner().diagnostics)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_proxy_is_an_address_or_none() {
    let rig = Rig::of("{}").await;
    for good in ["none", "http://p:3128", "socks5h://user:pass@p:1080"] {
        assert_eq!(validated(&rig, good).await, Ok(Vec::new()), "{good}");
    }
    for (bad, word) in
        [("https://u:hidden@p", "certificate"), ("p:3128", "scheme"), ("socks4://p", "socks4"), ("", "none")]
    {
        let told = validated(&rig, bad).await.unwrap_err().concat();
        assert!(told.contains("Unusable proxy") && told.contains(word) && !told.contains("hidden"), "{bad}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn loopback_is_spared_and_everything_else_names_its_proxy() {
    let rig = Rig::of("{}").await;
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let proxy = format!("http://user:hidden@{gone}");
    rig.configured_but(&rig.server, &json!({ "proxy": proxy })).await;
    rig.plan::<Pool>(None, &json!({ "poolid": "a" })).await.unwrap();

    let elsewhere =
        json!({ "proxy": proxy, "endpoints": { "pve1": "https://pve1.example:8006" }, "fingerprints": Json::Null });
    rig.configured_but(&rig.server, &elsewhere).await;
    let told = rig.import::<Pool>("a").await.err().unwrap().concat();
    let named = format!("https://pve1.example:8006 through the proxy http://{gone} (");
    assert!(told.contains(&named) && !told.contains("hidden"), "{told}");
}
