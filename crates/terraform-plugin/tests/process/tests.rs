//! What the process has to do.

use std::future::Future;
use std::time::Duration;

use tfplugin6::health::health_check_response::ServingStatus;
use tfplugin6::health::health_client::HealthClient;
use tfplugin6::health::{HealthCheckRequest, HealthListRequest};
use tfplugin6::plugin::Empty;
use tfplugin6::plugin::grpc_broker_client::GrpcBrokerClient;
use tfplugin6::plugin::grpc_controller_client::GrpcControllerClient;
use tfplugin6::plugin::grpc_stdio_client::GrpcStdioClient;
use tfplugin6::provider_client::ProviderClient;
use tfplugin6::{DynamicValue, call_function, get_functions, get_metadata, get_provider_schema};
use tonic::Code;
use tonic::transport::Channel;

use crate::client::{ClientIdentity, Process, connect};

/// Every test with its name.
pub(crate) const ALL: &[(&str, fn())] = &[
    ("by_hand_it_says_what_it_is", by_hand_it_says_what_it_is),
    ("version", version),
    ("mutual_tls_and_shutdown", mutual_tls_and_shutdown),
    ("without_tls", without_tls),
    ("another_client_is_refused", another_client_is_refused),
    ("helpers_are_served", helpers_are_served),
    ("large_messages_both_ways", large_messages_both_ways),
    ("ctrl_c_is_left_to_terraform", ctrl_c_is_left_to_terraform),
    ("leaves_with_terraform", leaves_with_terraform),
    ("debug_mode", debug_mode),
    ("logs_are_hclog_lines", logs_are_hclog_lines),
    ("a_panic_is_reported", a_panic_is_reported),
    ("hosts_can_ask_for_multiplexing", hosts_can_ask_for_multiplexing),
];

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

async fn schema(channel: &Channel) -> Result<(), tonic::Status> {
    ProviderClient::new(channel.clone()).get_provider_schema(get_provider_schema::Request {}).await.map(|_| ())
}

async fn shutdown(channel: Channel) {
    // A connection that breaks instead of a reply is as good.
    let _ = GrpcControllerClient::new(channel).shutdown(Empty {}).await;
}

fn by_hand_it_says_what_it_is() {
    let (status, out, err) = Process::by_hand(&[]).ended();
    assert_eq!(status.code(), Some(1));
    assert_eq!(out, "");
    assert!(err.starts_with("This is terraform-provider-bare 0.0.1, a plugin"), "{err}");
    assert!(err.contains("source = \"acme/bare\""), "{err}");
}

fn version() {
    let (status, out, _) = Process::by_hand(&["--version"]).ended();
    assert!(status.success());
    assert_eq!(out, "terraform-provider-bare 0.0.1\n");
}

fn mutual_tls_and_shutdown() {
    let client = ClientIdentity::new();
    let mut process = Process::as_plugin(Some(&client), &[]);
    let handshake = process.handshake();
    assert_eq!(handshake.fields[..3], ["1", "6", "unix"]);
    assert_eq!((handshake.fields[4].as_str(), handshake.fields.len()), ("grpc", 6));
    block_on(async {
        let channel = handshake.connect(Some(&client)).await.unwrap();
        schema(&channel).await.unwrap();
        let functions = ProviderClient::new(channel.clone()).get_functions(get_functions::Request {}).await;
        assert_eq!(functions.unwrap_err().code(), Code::Unimplemented);
        shutdown(channel).await;
    });
    let (status, out, err) = process.ended();
    assert_eq!((status.code(), out.as_str(), err.as_str()), (Some(0), "", ""));
    assert!(!handshake.socket.parent().unwrap().exists(), "the socket's directory is left behind");
}

fn without_tls() {
    let mut process = Process::as_plugin(None, &[]);
    let handshake = process.handshake();
    assert_eq!(handshake.fields[5], "");
    block_on(async { schema(&handshake.connect(None).await.unwrap()).await.unwrap() });
}

fn another_client_is_refused() {
    let (client, other) = (ClientIdentity::new(), ClientIdentity::new());
    let mut process = Process::as_plugin(Some(&client), &[]);
    let handshake = process.handshake();
    block_on(async {
        // With TLS 1.3 the client learns of it only when it first reads.
        for stranger in [Some(&other), None] {
            let answer = match handshake.connect(stranger).await {
                Ok(channel) => schema(&channel).await.map_err(|status| status.to_string()),
                Err(error) => Err(error.to_string()),
            };
            assert!(answer.is_err(), "a stranger was let in");
        }
        schema(&handshake.connect(Some(&client)).await.unwrap()).await.expect("the right one still gets in");
    });
}

fn helpers_are_served() {
    let client = ClientIdentity::new();
    let mut process = Process::as_plugin(Some(&client), &[]);
    let handshake = process.handshake();
    block_on(async {
        let channel = handshake.connect(Some(&client)).await.unwrap();
        let mut stdio = GrpcStdioClient::new(channel.clone()).stream_stdio(()).await.unwrap().into_inner();
        let (hold, requests) = tokio::sync::mpsc::channel(1);
        let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
        let mut broker = GrpcBrokerClient::new(channel.clone()).start_stream(requests).await.unwrap().into_inner();
        schema(&channel).await.unwrap();
        let moment = Duration::from_millis(50);
        assert!(tokio::time::timeout(moment, stdio.message()).await.is_err(), "stdio ended or said something");
        assert!(tokio::time::timeout(moment, broker.message()).await.is_err(), "the broker ended or said something");
        drop(hold);
        assert_eq!(broker.message().await.unwrap(), None);

        let mut health = HealthClient::new(channel);
        let ask = |service: &str| HealthCheckRequest { service: service.to_owned() };
        for name in ["plugin", ""] {
            let status = health.check(ask(name)).await.unwrap().into_inner().status();
            assert_eq!(status, ServingStatus::Serving);
        }
        assert_eq!(health.check(ask("nobody")).await.unwrap_err().code(), Code::NotFound);
        let listed = health.list(HealthListRequest {}).await.unwrap().into_inner().statuses;
        assert_eq!(listed.keys().collect::<Vec<_>>(), ["plugin"]);
        let mut watched = health.watch(ask("nobody")).await.unwrap().into_inner();
        assert_eq!(watched.message().await.unwrap().unwrap().status(), ServingStatus::ServiceUnknown);
    });
}

fn large_messages_both_ways() {
    let client = ClientIdentity::new();
    let mut process = Process::as_plugin(Some(&client), &[]);
    let handshake = process.handshake();
    block_on(async {
        let channel = handshake.connect(Some(&client)).await.unwrap();
        let value = DynamicValue { msgpack: vec![7; 20_000_000].into(), ..DynamicValue::default() };
        let request = call_function::Request { arguments: vec![value.clone()], ..call_function::Request::default() };
        let mut provider =
            ProviderClient::new(channel).max_decoding_message_size(256 << 20).max_encoding_message_size(256 << 20);
        let reply = provider.call_function(request).await.unwrap().into_inner();
        assert_eq!(reply.result, Some(value));
    });
}

fn ctrl_c_is_left_to_terraform() {
    let client = ClientIdentity::new();
    let mut process = Process::as_plugin(Some(&client), &[]);
    let handshake = process.handshake();
    block_on(async {
        process.signal("INT");
        let channel = handshake.connect(Some(&client)).await.unwrap();
        process.signal("INT");
        schema(&channel).await.unwrap();
        process.signal("TERM");
    });
    let (status, _, err) = process.ended();
    assert_eq!((status.code(), err.as_str()), (Some(0), ""));
}

fn leaves_with_terraform() {
    let client = ClientIdentity::new();
    let mut process = Process::as_plugin(Some(&client), &[]);
    let handshake = process.handshake();
    // The channel ends with its runtime.
    block_on(async { schema(&handshake.connect(Some(&client)).await.unwrap()).await.unwrap() });
    let (status, ..) = process.ended();
    assert_eq!(status.code(), Some(0));
    assert!(!handshake.socket.exists());
}

fn debug_mode() {
    let mut process = Process::by_hand(&["--debug"]);
    let line = process.line();
    let value = line.strip_prefix("TF_REATTACH_PROVIDERS='").unwrap().strip_suffix('\'').unwrap();
    let value: serde_json::Value = serde_json::from_str(value).unwrap();
    let attach = &value["registry.terraform.io/acme/bare"];
    assert_eq!(attach["Pid"], process.child.id());
    let socket = attach["Addr"]["String"].as_str().unwrap().to_owned();
    for _ in 0..2 {
        block_on(async { schema(&connect(socket.clone().into(), None).await.unwrap()).await.unwrap() });
    }
    process.signal("INT");
    assert_eq!(process.ended().0.code(), Some(0));
}

fn logs_are_hclog_lines() {
    let client = ClientIdentity::new();
    let mut process = Process::as_plugin(Some(&client), &[("TF_LOG", "INFO"), ("TF_LOG_PROVIDER", "TRACE")]);
    let handshake = process.handshake();
    block_on(async {
        let channel = handshake.connect(Some(&client)).await.unwrap();
        schema(&channel).await.unwrap();
        shutdown(channel).await;
    });
    let (_, _, err) = process.ended();
    let lines: Vec<serde_json::Value> = err.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for line in &lines {
        for name in ["@level", "@message", "@module", "@timestamp"] {
            assert!(line[name].is_string(), "{line}");
        }
    }
    let ours = lines.iter().find(|line| line["@message"] == "schema").expect("the provider's own line");
    assert_eq!((&ours["@level"], &ours["asked"]), (&"info".into(), &true.into()));
    assert!(lines.iter().any(|line| line["@level"] == "debug"), "TF_LOG_PROVIDER does not win over TF_LOG");
}

fn a_panic_is_reported() {
    let client = ClientIdentity::new();
    let mut process = Process::as_plugin(Some(&client), &[]);
    let handshake = process.handshake();
    block_on(async {
        let channel = handshake.connect(Some(&client)).await.unwrap();
        let answer = ProviderClient::new(channel.clone()).get_metadata(get_metadata::Request {}).await;
        assert!(answer.is_err());
        schema(&channel).await.expect("the process lives on");
        shutdown(channel).await;
    });
    let (_, _, err) = process.ended();
    assert!(err.starts_with("panic: asked to panic\n"), "{err}");
    assert!(err.contains("provider.rs:"), "{err}");
}

fn hosts_can_ask_for_multiplexing() {
    let mut process = Process::as_plugin(None, &[("PLUGIN_MULTIPLEX_GRPC", "true")]);
    assert_eq!(process.handshake().fields[6], "false");
}
