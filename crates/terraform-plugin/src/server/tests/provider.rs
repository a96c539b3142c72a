//! The provider itself: schemas, configuration, validation, the signal to stop, what is not offered.

use super::*;
use crate::diagnostics::Diagnostic;
use crate::stop::StopReason;

#[tokio::test]
async fn the_schema_is_complete_and_the_same_each_time() {
    let server = Server::<Test>::with(StopToken::new(), true, std::env::temp_dir().join("no-such-folder"));
    let first = server.provider_schema(Default::default()).await;
    assert_eq!(first, server.provider_schema(Default::default()).await);
    assert_eq!(first.resource_schemas.keys().collect::<Vec<_>>(), ["test_thing"]);
    assert_eq!(first.data_source_schemas.keys().collect::<Vec<_>>(), ["test_names"]);
    assert!(first.provider.unwrap().block.is_some());
    assert_eq!(first.resource_schemas["test_thing"].version, 2);
    let capabilities = first.server_capabilities.unwrap();
    assert!(capabilities.plan_destroy && capabilities.get_provider_schema_optional);
    assert!(capabilities.move_resource_state && capabilities.generate_resource_config);
    assert_eq!(first.list_resource_schemas.keys().collect::<Vec<_>>(), ["test_thing"]);

    let identities = server.identity_schemas(Default::default()).await.identity_schemas;
    let attributes: Vec<_> = identities["test_thing"].identity_attributes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(attributes, ["name"]);
    assert!(identities["test_thing"].identity_attributes[0].required_for_import);
    let metadata = server.metadata(Default::default()).await;
    assert_eq!(metadata.resources[0].type_name, "test_thing");
    assert_eq!(metadata.list_resources[0].type_name, "test_thing");
}

#[tokio::test]
async fn a_configuration_that_is_not_known_yet_fails_nothing_but_what_needs_it() {
    let harness = Harness::new("later").await;
    let (state, private) = harness.created(&thing(&[("name", "a".into())])).await;
    assert_eq!(harness.configure(Value::Unknown).await, [""; 0]);
    // Planned by the schema alone.
    let planned = harness.plan(&Value::Null, &thing(&[("name", "b".into())]), b"").await;
    assert_eq!(said(&planned.diagnostics), [""; 0]);
    assert_eq!(get(&harness.value(&planned.planned_state), "size"), &Value::Unknown);
    // Kept as it is.
    let read = harness.read(&state, &private).await;
    assert_eq!((harness.value(&read.new_state), read.private.to_vec()), (state, private));
    assert!(said(&read.diagnostics)[0].starts_with("warning: The provider's configuration is not known yet"));
    let response = harness
        .server
        .read_data(tf::read_data_source::Request { type_name: "test_names".to_owned(), ..Default::default() });
    assert_eq!(errors(&response.await.diagnostics), ["error: The world is not known yet"]);
    let applied = harness.apply(&Value::Null, &thing(&[("name", "b".into())]), b"").await;
    assert_eq!(errors(&applied.diagnostics), ["error: The world is not known yet"]);
    assert_eq!(harness.value(&applied.new_state), Value::Null);

    assert_eq!(
        harness.configure("broken".into()).await,
        ["warning: It creaks", "error at 1 steps: There is no such world"]
    );
}

#[tokio::test]
async fn what_belongs_to_no_object_is_told_once_with_whatever_comes_next() {
    let harness = Harness::new("notices").await;
    let (state, private) = harness.created(&thing(&[("name", "a".into())])).await;
    harness.world.goes_wrong("noisy");
    assert_eq!(harness.configure("notices".into()).await, ["warning: It is loud here"]);
    harness.world.goes_wrong("");
    let read = async || said(&harness.read(&state, &private).await.diagnostics);
    assert_eq!(read().await, [""; 0]);
    let later = harness.world.notices.lock().unwrap().clone();
    later.warn(Diagnostic::warning("A door slammed", ""));
    assert_eq!(read().await, ["warning: A door slammed"]);
    assert_eq!(read().await, [""; 0]);
    later.warn(Diagnostic::warning("A window too", ""));
    let planned = harness.plan(&Value::Null, &thing(&[("name", "b".into())]), b"").await;
    assert_eq!(said(&planned.diagnostics), ["warning: A window too"]);
}

#[tokio::test]
async fn validation_looks_at_schema_and_object_and_skips_what_is_not_known() {
    let harness = Harness::new("valid").await;
    let validate = async |config: &Value, write_only: bool| {
        let request = tf::validate_resource_config::Request {
            type_name: "test_thing".to_owned(),
            config: harness.message(config),
            client_capabilities: Some(tf::ClientCapabilities {
                write_only_attributes_allowed: write_only,
                ..Default::default()
            }),
        };
        said(&harness.server.validate_resource(request).await.diagnostics)
    };
    assert_eq!(validate(&thing(&[("name", "a".into())]), true).await, [""; 0]);
    assert_eq!(validate(&thing(&[("name", Value::Unknown), ("size", Value::Unknown)]), true).await, [""; 0]);
    let wrong = validate(&thing(&[("name", "A".into()), ("size", 8.into()), ("memory", "many".into())]), true).await;
    assert_eq!(wrong.len(), 3, "{wrong:?}");
    assert!(wrong.iter().all(|text| text.starts_with("error at 1 steps: ")), "{wrong:?}");
    let bad = validate(&thing(&[("name", "a".into()), ("note", "bad".into())]), true).await;
    assert_eq!(bad, ["error at 1 steps: A bad note Write a better one."]);
    let panicked = validate(&thing(&[("name", "a".into()), ("note", "panic".into())]), true).await;
    assert!(panicked[0].contains("panicked") && panicked[0].contains("validation broke"), "{panicked:?}");
    let old = validate(&thing(&[("name", "a".into()), ("token", "t".into())]), false).await;
    assert!(old[0].starts_with("error at 1 steps: token needs a newer Terraform"), "{old:?}");
    assert_eq!(validate(&thing(&[("name", "a".into()), ("token", "t".into())]), true).await, [""; 0]);
}

#[tokio::test]
async fn data_sources_are_looked_up_with_their_defaults_filled_in() {
    let harness = Harness::new("data").await;
    harness.created(&thing(&[("name", "a".into())])).await;
    harness.created(&thing(&[("name", "b".into())])).await;
    let ty = harness.server.data_source("test_names").unwrap().info().ty().clone();
    let ask = async |prefix: Value| {
        let config = encoded(&Value::object([("prefix", prefix), ("names", Value::Null)]), &ty);
        let type_name = "test_names".to_owned();
        let response =
            harness.server.read_data(tf::read_data_source::Request { type_name, config, ..Default::default() }).await;
        (response.state.map(|state| dynamic::from_proto(Some(&state), &ty).unwrap()), said(&response.diagnostics))
    };
    let (state, _) = ask(Value::Null).await;
    assert_eq!(state, Some(Value::object([("prefix", "".into()), ("names", Value::list(["a", "b"]))])));
    let (state, _) = ask("b".into()).await;
    assert_eq!(state.unwrap().attribute("names"), Some(&Value::list(["b"])));
    harness.world.goes_wrong("data panics");
    let (state, said) = ask(Value::Null).await;
    assert!(state.is_none() && said[0].contains("looking broke"), "{said:?}");
}

#[tokio::test]
async fn after_a_stop_nothing_new_is_begun_until_the_next_configuration() {
    let harness = Harness::new("stopped").await;
    harness.server.stop(Default::default()).await;
    let (_, _, stop) = harness.server.api().unwrap();
    assert_eq!(stop.reason(), Some(StopReason::Asked));
    let response = harness.apply(&Value::Null, &thing(&[("name", "a".into())]), b"").await;
    assert!(errors(&response.diagnostics)[0].starts_with("error: Stopped before anything was written"));
    assert_eq!(harness.value(&response.new_state), Value::Null);
    assert!(!harness.world.calls().contains(&"create 3600s".to_owned()));
    harness.configure("stopped".into()).await;
    harness.created(&thing(&[("name", "a".into())])).await;
}

#[tokio::test]
async fn what_is_not_offered_is_said() {
    let harness = Harness::new("not offered").await;
    assert!(harness.server.functions(Default::default()).await.functions.is_empty());
    let request = tf::read_resource::Request { type_name: "test_other".to_owned(), ..Default::default() };
    assert!(errors(&harness.server.read(request).await.diagnostics)[0].contains("There is no resource test_other"));
    let called = harness.server.call_function(Default::default()).await;
    assert!(called.error.unwrap().text.starts_with("There is no function"));
    let service: &dyn tf::provider_server::Provider = &harness.server;
    let status = service.get_states(tonic::Request::new(Default::default())).await.unwrap_err();
    assert_eq!(status.code(), tonic::Code::Unimplemented);
}

#[test]
fn the_docs_know_everything_the_schema_knows() {
    let docs = crate::docs_json::<Test>();
    let thing = &docs["resources"]["test_thing"];
    assert_eq!((&thing["area"], &thing["key"]), (&"Things".into(), &serde_json::json!(["name"])));
    assert_eq!((&thing["ready"], &thing["timeouts"]["create"]), (&"ready".into(), &"1h".into()));
    let attribute = |name: &str| {
        thing["attributes"].as_array().unwrap().iter().find(|a| a["name"] == name).unwrap_or_else(|| panic!("{name}"))
    };
    assert_eq!((&attribute("name")["rule"], &attribute("name")["type"]), (&"required".into(), &"string".into()));
    assert_eq!(attribute("name")["flags"], serde_json::json!(["replace"]));
    assert_eq!(attribute("size")["checks"], serde_json::json!(["a whole number", "between 1 and 7"]));
    assert_eq!(
        (&attribute("allow_destroy")["rule"], &attribute("allow_destroy")["default"]),
        (&"default".into(), &false.into())
    );
    assert_eq!(
        (&attribute("ports")["nesting"], &attribute("ports")["attributes"][1]["name"]),
        (&"map".into(), &"id".into())
    );
    assert_eq!(docs["data_sources"]["test_names"]["attributes"][0]["name"], "prefix");
    assert_eq!(docs["provider"]["attributes"][0]["name"], "world");
}

#[test]
fn the_schemas_are_what_terraform_takes() {
    use crate::schema::SchemaOf;
    let server = Server::<Test>::with(StopToken::new(), true, std::env::temp_dir().join("no-such-folder"));
    let thing = server.resource("test_thing").unwrap().info().schema().self_check(SchemaOf::Resource);
    let names = server.data_source("test_names").unwrap().info().schema().self_check(SchemaOf::DataSource);
    assert_eq!((thing, names), (Vec::new(), Vec::new()));
}
