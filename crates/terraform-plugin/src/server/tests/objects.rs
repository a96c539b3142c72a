//! UpgradeResourceState and UpgradeResourceIdentity.

use super::*;

async fn upgrade(harness: &Harness, version: i64, json: &str) -> Result<Value, Vec<String>> {
    let raw_state = Some(tf::RawState { json: json.as_bytes().to_vec().into(), ..Default::default() });
    let request = tf::upgrade_resource_state::Request { type_name: "test_thing".to_owned(), version, raw_state };
    let response = harness.server.upgrade_state(request).await;
    match errors(&response.diagnostics) {
        none if none.is_empty() => Ok(harness.value(&response.upgraded_state)),
        errors => Err(errors),
    }
}

#[tokio::test]
async fn missing_keys_are_null_and_unknown_ones_are_dropped() {
    let harness = Harness::new("upgrade same").await;
    let state = upgrade(&harness, 2, "{\"name\": \"a\",\n \"gone\": [1], \"ports\": {\"x\": {\"number\": 1}}}").await;
    let port = Value::object([("number", 1.into()), ("id", Value::Null)]);
    assert_eq!(state, Ok(thing(&[("name", "a".into()), ("ports", Value::map([("x", port)]))])));
}

#[tokio::test]
async fn an_older_version_is_rewritten_and_keeps_its_digits() {
    let harness = Harness::new("upgrade older").await;
    let state = upgrade(&harness, 1, "{\"name\": \"a\", \"comment\": \"c\", \"size\": 12345678901234567890123}").await;
    let state = state.unwrap();
    assert_eq!(get(&state, "note"), &"c".into());
    assert_eq!(get(&state, "size").as_number().unwrap().as_str(), "12345678901234567890123");
}

#[tokio::test]
async fn what_cannot_be_read_is_an_error() {
    let harness = Harness::new("upgrade broken").await;
    for json in ["", "{", "[]", "{\"name\": {}}"] {
        for version in [1, 2] {
            assert!(upgrade(&harness, version, json).await.is_err(), "{json} of version {version}");
        }
    }
}

#[tokio::test]
async fn identities_are_taken_over_if_they_are_complete() {
    let harness = Harness::new("upgrade identity").await;
    let ask = async |json: &str| {
        let raw_identity = Some(tf::RawState { json: json.as_bytes().to_vec().into(), ..Default::default() });
        let type_name = "test_thing".to_owned();
        let request = tf::upgrade_resource_identity::Request { type_name, version: 0, raw_identity };
        harness.server.upgrade_identity(request).await
    };
    let upgraded = ask("{\"name\": \"a\", \"node\": \"old\"}").await;
    assert_eq!(harness.identity(&upgraded.upgraded_identity), Value::object([("name", Value::from("a"))]));
    assert_eq!(errors(&ask("{}").await.diagnostics).len(), 1);
    assert_eq!(errors(&ask("").await.diagnostics).len(), 1);
}
