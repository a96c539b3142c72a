//! MoveResourceState, and the read that follows.

use super::*;
use crate::private::Private;

/// What becomes of the state of a type of another provider: state and private data, or the error.
async fn moved(harness: &Harness, address: &str, ty: &str, json: &str) -> Result<(Value, Vec<u8>), String> {
    let request = tf::move_resource_state::Request {
        source_provider_address: address.to_owned(),
        source_type_name: ty.to_owned(),
        source_state: Some(tf::RawState { json: json.as_bytes().to_vec().into(), ..Default::default() }),
        target_type_name: "test_thing".to_owned(),
        ..Default::default()
    };
    let answer = harness.server.move_state(request).await;
    match errors(&answer.diagnostics).first() {
        Some(error) => Err(error.clone()),
        None => {
            let state = harness.value(&answer.target_state);
            assert_eq!(harness.identity(&answer.target_identity).attribute("name"), state.attribute("name"));
            Ok((state, answer.target_private.to_vec()))
        }
    }
}

const OTHER: &str = "registry.example.org/other/Other";

#[tokio::test]
async fn it_is_read_as_an_import_is_and_keeps_what_only_the_other_knew() {
    let harness = Harness::new("moved").await;
    let (there, _) = harness.created(&thing(&[("name", "a".into()), ("size", 5.into())])).await;
    let (state, private) =
        moved(&harness, OTHER, "other_thing", r#"{"title": "a", "remark": "r", "size": 2}"#).await.unwrap();
    assert_eq!(state, thing(&[("name", "a".into()), ("note", "r".into()), ("size", 2.into())]));
    let read = harness.read(&state, &private).await;
    // What exists says more than the other state; what it does not tell stays.
    assert_eq!(harness.value(&read.new_state), changed(&there, &[("note", "r".into())]));
    assert!(!Private::decode(&read.private).take_imported());
}

#[tokio::test]
async fn nothing_is_planned_for_what_was_not_read() {
    let harness = Harness::new("moved and unread").await;
    let (state, private) = moved(&harness, OTHER, "other_thing", r#"{"title": "a"}"#).await.unwrap();
    for config in [thing(&[("name", "a".into()), ("size", 5.into())]), Value::Null] {
        let planned = harness.plan(&state, &config, &private).await;
        assert!(errors(&planned.diagnostics)[0].contains("Plan without `-refresh=false`"), "{:?}", planned.diagnostics);
    }
}

#[tokio::test]
async fn what_does_not_exist_any_more_is_gone() {
    let harness = Harness::new("moved and gone").await;
    let (state, private) = moved(&harness, OTHER, "other_thing", r#"{"title": "a"}"#).await.unwrap();
    assert_eq!(harness.value(&harness.read(&state, &private).await.new_state), Value::Null);
}

#[tokio::test]
async fn whatever_is_not_known_or_not_whole_is_refused_with_the_cure() {
    let harness = Harness::new("not moved").await;
    for (address, ty, json, why) in [
        (OTHER, "other_part", "{}", "It takes over other_thing of other/other."),
        ("registry.example.org/someone/other", "other_thing", "{}", "It takes over other_thing of other/other."),
        (OTHER, "other_thing", r#"{"title": null}"#, "does not tell which one it is (name)"),
        (OTHER, "other_thing", r#"{"title": "A1"}"#, "lower-case letters"),
        (OTHER, "other_thing", r#"{"title": "a", "size": "x"}"#, "cannot be read"),
        (OTHER, "other_thing", "{", "cannot be read"),
        (OTHER, "other_thing", "", "cannot be read"),
    ] {
        let error = moved(&harness, address, ty, json).await.unwrap_err();
        assert!(error.contains(why) && error.contains("Use a `removed` block"), "{ty} {json}: {error}");
    }
}
