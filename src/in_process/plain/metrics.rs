//! Servers that are told figures.

use serde_json::{Value as Json, json};

use super::super::Rig;
use super::{life, merged};
use crate::metrics::graphite::MetricServerGraphite;
use crate::metrics::influxdb::MetricServerInfluxdb;
use crate::metrics::opentelemetry::MetricServerOpentelemetry;

/// As PVE has it stored, secrets included.
fn stored(rig: &Rig, name: &str) -> Json {
    rig.sim.world.with(|cluster| json!(cluster.sections.get("/cluster/metrics/server", name)))
}

fn server(more: Json) -> Json {
    merged(json!({"id": "m1", "server": "metrics.example", "port": 2003}), more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_live() {
    let rig = Rig::of("{}").await;
    let whole = json!({"server": "b.example", "port": 1, "proto": "tcp", "path": "a.b", "mtu": 1400, "timeout": 3, "disable": true});
    let steps = [server(json!({})), server(whole), server(json!({"disable": false})), server(json!({}))];
    life::<MetricServerGraphite>(&rig, "m1", &steps).await;
    let whole = json!({
        "influxdbproto": "https", "organization": "o", "bucket": "b", "token": "t", "token_version": 1, "api_path_prefix": "p",
        "verify_certificate": false, "max_body_size": 1000, "mtu": 1400, "timeout": 3, "disable": true,
    });
    let usual = json!({
        "influxdbproto": "udp", "verify_certificate": true, "max_body_size": 25_000_000, "mtu": 1500, "timeout": 1, "disable": false,
    });
    let steps = [server(json!({})), server(whole), server(usual), server(json!({}))];
    life::<MetricServerInfluxdb>(&rig, "m1", &steps).await;
    let whole = json!({
        "otel_protocol": "http", "otel_path": "/x", "otel_timeout": 10, "otel_headers": {"Authorization": "Bearer t"},
        "otel_headers_version": 1, "otel_verify_ssl": false, "otel_max_body_size": 1024, "otel_resource_attributes": {"a.b": "c"},
        "otel_compression": "none", "disable": true,
    });
    let usual = json!({
        "otel_protocol": "https", "otel_path": "/v1/metrics", "otel_timeout": 5, "otel_verify_ssl": true, "otel_max_body_size": 10_000_000,
        "otel_compression": "gzip", "disable": false,
    });
    let steps = [server(json!({})), server(whole), server(usual), server(json!({}))];
    life::<MetricServerOpentelemetry>(&rig, "m1", &steps).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_go_to_pve_and_nowhere_else() {
    let rig = Rig::of("{}").await;
    let influx = |token: &str, version: u32| server(json!({"token": token, "token_version": version}));
    let (made, _) = rig.bring::<MetricServerInfluxdb>(None, &influx("s3cr3t", 1)).await.unwrap();
    assert!(!format!("{:?}", made.state).contains("s3cr3t"));
    assert!(rig.plan(Some(&made), &influx("other", 1)).await.unwrap().is_empty());
    let (made, _) = rig.bring(Some(&made), &influx("other", 2)).await.unwrap();
    assert_eq!(stored(&rig, "m1")["token"], "other");
    let (made, _) = rig.bring(Some(&made), &server(json!({"token_version": 3}))).await.unwrap();
    assert_eq!(stored(&rig, "m1")["token"], Json::Null);
    rig.destroy(&made).await.unwrap();
    rig.configure().await;
    // PVE shows this one, and it is not read.
    let headers = server(json!({"otel_headers": {"Authorization": "s3cr3t"}, "otel_headers_version": 1}));
    let (made, _) = rig.bring::<MetricServerOpentelemetry>(None, &headers).await.unwrap();
    assert_eq!(stored(&rig, "m1")["otel-headers"], "eyJBdXRob3JpemF0aW9uIjoiczNjcjN0In0=");
    let imported = rig.import::<MetricServerOpentelemetry>("m1").await.unwrap();
    for state in [&made.state, &imported.state] {
        let state = format!("{state:?}");
        assert!(!state.contains("s3cr3t") && !state.contains("eyJB"), "{state}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_does_not_answer_is_not_stored() {
    let rig = Rig::of("{}").await;
    let lost = |more: Json| server(merged(json!({"server": "192.0.2.7"}), more));
    let told = rig.bring::<MetricServerGraphite>(None, &lost(json!({"proto": "tcp"}))).await.unwrap_err();
    assert!(told[0].contains("carbon socket") && told[0].contains("server"), "{told:?}");
    rig.configure().await;
    let told = rig.bring::<MetricServerOpentelemetry>(None, &lost(json!({}))).await.unwrap_err();
    assert!(told[0].contains("timed out"), "{told:?}");
    assert_eq!(stored(&rig, "m1"), Json::Null);
    rig.configure().await;
    let off = lost(json!({"proto": "tcp", "disable": true}));
    let (made, _) = rig.bring::<MetricServerGraphite>(None, &off).await.unwrap();
    let told = rig.bring(Some(&made), &lost(json!({"proto": "tcp", "disable": false}))).await.unwrap_err();
    assert!(told[0].contains("Cannot change metric server \"m1\""), "{told:?}");
    assert_eq!(stored(&rig, "m1")["disable"], 1);
    // One name space for all types.
    rig.configure().await;
    let told = rig.bring::<MetricServerInfluxdb>(None, &server(json!({}))).await.unwrap_err();
    assert!(told[0].contains("of type graphite"), "{told:?}");
}
