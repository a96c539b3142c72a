//! ApplyResourceChange.

use super::*;
use crate::private::Private;

fn config() -> Value {
    let port = Value::object([("number", 80.into()), ("id", Value::Null)]);
    thing(&[
        ("name", "a".into()),
        ("note", "n".into()),
        ("memory", "1024M".into()),
        ("ports", Value::map([("http", port)])),
        ("allow_destroy", true.into()),
        ("token", "secret".into()),
    ])
}

#[tokio::test]
async fn a_create_stores_what_was_planned_and_what_was_found() {
    let harness = Harness::with("create", true).await;
    let response = harness.apply(&Value::Null, &config(), b"").await;
    assert_eq!(said(&response.diagnostics), ["warning: Made something"]);
    let state = harness.value(&response.new_state);
    let port = Value::object([("number", 80.into()), ("id", "port-http".into())]);
    let found =
        [("size", 3.into()), ("ports", Value::map([("http", port)])), ("token", Value::Null), ("ready", true.into())];
    assert_eq!(state, changed(&config(), &found));
    assert_eq!(harness.identity(&response.new_identity), Value::object([("name", Value::from("a"))]));
    let private = Private::decode(&response.private);
    assert_eq!(private.get::<String>("fsid").as_deref(), Some("f-1"));
    assert_eq!(private.get::<usize>("token_length"), Some(6), "write-only values reach the object");
    assert!(harness.world.calls().contains(&"create 3600s".to_owned()));
}

#[tokio::test]
async fn an_error_of_a_create_comes_without_a_state() {
    let harness = Harness::new("create fails").await;
    for (mishap, expected) in
        [("refused", "refused"), ("undo", "had to be undone"), ("panic before", "broke before the write")]
    {
        harness.world.goes_wrong(mishap);
        let response = harness.apply(&Value::Null, &config(), b"").await;
        let said = errors(&response.diagnostics);
        assert!(said.len() == 1 && said[0].contains(expected), "{said:?}");
        assert_eq!(harness.value(&response.new_state), Value::Null, "{mishap}");
        assert!(response.new_identity.is_none() && response.private.is_empty());
        assert!(harness.world.things.lock().unwrap().is_empty());
    }
    harness.world.goes_wrong("");
    harness.created(&config()).await;
    let response = harness.apply(&Value::Null, &config(), b"").await;
    assert!(errors(&response.diagnostics)[0].starts_with("error: It exists"));
    assert_eq!(harness.value(&response.new_state), Value::Null);
}

#[tokio::test]
async fn what_may_exist_is_kept_without_an_error() {
    let harness = Harness::with("create unfinished", true).await;
    for (mishap, told) in [("lost", "answer lost"), ("panic after", "broke after the write")] {
        harness.world.goes_wrong(mishap);
        let response = harness.apply(&Value::Null, &config(), b"").await;
        assert_eq!(errors(&response.diagnostics), [""; 0], "{mishap}");
        let said = said(&response.diagnostics);
        assert!(said.iter().any(|text| text.contains(told) && text.contains("apply again to finish it")), "{said:?}");
        let state = harness.value(&response.new_state);
        assert_eq!((get(&state, "ready"), get(&state, "note")), (&false.into(), &"n".into()));
        assert!(state.is_fully_known());
        assert_eq!(harness.identity(&response.new_identity), Value::object([("name", Value::from("a"))]));
        assert_eq!(Private::decode(&response.private).get::<String>("fsid").as_deref(), Some("f-1"));

        // The next apply carries on in place.
        harness.world.goes_wrong("");
        let planned = harness.plan(&state, &config(), &response.private).await;
        assert!(planned.requires_replace.is_empty());
        assert_eq!(get(&harness.value(&planned.planned_state), "ready"), &Value::Unknown);
        let resumed = harness.apply(&state, &config(), &response.private).await;
        let finished = harness.value(&resumed.new_state);
        assert_eq!((get(&finished, "ready"), get(&finished, "size")), (&true.into(), &3.into()));
        assert!(harness.world.calls().contains(&"update from ready = false".to_owned()));
        harness.world.things.lock().unwrap().clear();
    }
}

#[tokio::test]
async fn a_stopped_create_is_unfinished() {
    let harness = Arc::new(Harness::new("create stopped").await);
    harness.world.goes_wrong("wait for stop");
    let running = tokio::spawn({
        let harness = Arc::clone(&harness);
        async move { harness.apply(&Value::Null, &config(), b"").await }
    });
    while harness.world.things.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    harness.server.stop(Default::default()).await;
    let response = running.await.unwrap();
    assert_eq!(errors(&response.diagnostics), [""; 0]);
    let told = said(&response.diagnostics);
    assert!(told.iter().any(|text| text.contains("Stopped while waiting This step wrote nothing.")), "{told:?}");
    assert_eq!(get(&harness.value(&response.new_state), "ready"), &false.into());
}

#[tokio::test]
async fn a_result_that_contradicts_the_plan_is_no_error_for_users_and_one_for_developers() {
    let harness = Harness::new("contradiction").await;
    harness.world.goes_wrong("contradiction");
    let response = harness.apply(&Value::Null, &config(), b"").await;
    assert_eq!(errors(&response.diagnostics), [""; 0]);
    let told = said(&response.diagnostics);
    assert!(told[1].starts_with("warning at 1 steps: note came out otherwise than planned"), "{told:?}");
    let state = harness.value(&response.new_state);
    assert_eq!((get(&state, "note"), get(&state, "ready")), (&"n".into(), &false.into()));

    let harness = Harness::with("contradiction strict", true).await;
    harness.world.goes_wrong("contradiction");
    let response = harness.apply(&Value::Null, &config(), b"").await;
    assert!(errors(&response.diagnostics)[0].starts_with("error at 1 steps: The provider has a bug: note came out"));
}

#[tokio::test]
async fn an_update_that_changes_local_attributes_asks_nobody() {
    let harness = Harness::with("update local", true).await;
    let (state, private) = harness.created(&config()).await;
    harness.world.calls();
    let config = changed(&config(), &[("allow_destroy", Value::Null)]);
    let response = harness.apply(&state, &config, &private).await;
    assert_eq!(harness.value(&response.new_state), changed(&state, &[("allow_destroy", false.into())]));
    assert_eq!((response.private.to_vec(), response.new_identity.is_some()), (private, true));
    assert_eq!(harness.world.calls(), ["plan"]);
}

#[tokio::test]
async fn a_failed_update_answers_what_is_there_now() {
    let harness = Harness::new("update fails").await;
    let (state, private) = harness.created(&config()).await;
    harness.world.goes_wrong("update fails half-way");
    let config = changed(&config(), &[("size", 5.into()), ("note", "other".into()), ("allow_destroy", false.into())]);
    let response = harness.apply(&state, &config, &private).await;
    assert_eq!(errors(&response.diagnostics), ["error: Failed half-way This step wrote nothing."]);
    let half = harness.value(&response.new_state);
    assert_eq!(half, changed(&state, &[("size", 5.into())]));
    assert_eq!((response.private.to_vec(), response.new_identity.is_some()), (private.clone(), true));
    // What is as it was proves that nothing was written.
    harness.world.goes_wrong("update refused");
    let response = harness.apply(&half, &config, &private).await;
    assert_eq!(errors(&response.diagnostics), ["error: Refused Nothing was written."]);
}

#[tokio::test]
async fn an_unfinished_update_echoes_the_plan_and_is_carried_on_with() {
    let harness = Harness::with("update unfinished", true).await;
    let (state, private) = harness.created(&config()).await;
    harness.world.goes_wrong("update unfinished");
    let config = changed(&config(), &[("note", "other".into())]);
    let response = harness.apply(&state, &config, &private).await;
    assert_eq!(errors(&response.diagnostics), [""; 0]);
    let unfinished = harness.value(&response.new_state);
    assert_eq!(unfinished, changed(&state, &[("note", "other".into()), ("ready", false.into())]));
    harness.world.goes_wrong("");
    let response = harness.apply(&unfinished, &config, &private).await;
    assert_eq!(harness.value(&response.new_state), changed(&state, &[("note", "other".into())]));
    assert_eq!(harness.world.things.lock().unwrap()["a"].note.as_deref(), Some("other"));
}

#[tokio::test]
async fn a_delete_ends_in_null_or_keeps_everything() {
    let harness = Harness::new("delete").await;
    let (state, private) = harness.created(&config()).await;
    for (mishap, told) in [("delete fails", "Cannot be deleted"), ("delete panics", "deleting broke")] {
        harness.world.goes_wrong(mishap);
        let response = harness.apply(&state, &Value::Null, &private).await;
        assert!(errors(&response.diagnostics)[0].contains(told));
        assert_eq!(harness.value(&response.new_state), state);
        assert_eq!((response.private.to_vec(), response.new_identity.is_some()), (private.clone(), true));
    }
    harness.world.goes_wrong("");
    let response = harness.apply(&state, &Value::Null, &private).await;
    assert_eq!((said(&response.diagnostics).len(), harness.value(&response.new_state)), (0, Value::Null));
    assert!(harness.world.things.lock().unwrap().is_empty());
    // Gone already: a success.
    let response = harness.apply(&state, &Value::Null, &private).await;
    assert_eq!((errors(&response.diagnostics).len(), harness.value(&response.new_state)), (0, Value::Null));
}

#[tokio::test]
async fn a_removal_that_ended_early_keeps_the_object_and_what_it_remembers() {
    let harness = Harness::with("delete unfinished", true).await;
    let (state, private) = harness.created(&config()).await;
    harness.world.goes_wrong("delete unfinished");
    let response = harness.apply(&state, &Value::Null, &private).await;
    assert_eq!(errors(&response.diagnostics), ["error: Still going"]);
    let left = harness.value(&response.new_state);
    assert_eq!(left, changed(&state, &[("ready", false.into())]));
    assert!(response.new_identity.is_some());
    assert_eq!(Private::decode(&response.private).get::<bool>("going"), Some(true));
    // Still configured: an update brings it back. Not configured: the removal goes on.
    harness.world.goes_wrong("");
    let planned = harness.plan(&left, &config(), &response.private).await;
    assert_eq!(get(&harness.value(&planned.planned_state), "ready"), &Value::Unknown);
    let response = harness.apply(&left, &Value::Null, &response.private).await;
    assert_eq!(harness.value(&response.new_state), Value::Null);
}

#[tokio::test]
async fn a_promise_is_kept_in_the_state_until_an_update_makes_it() {
    let harness = Harness::with("promise", true).await;
    harness.world.goes_wrong("promise");
    let promised = harness.apply(&Value::Null, &config(), b"").await;
    assert_eq!(errors(&promised.diagnostics), [""; 0], "nothing is tainted");
    let told = said(&promised.diagnostics);
    assert!(told[0].contains("Later") && told[0].contains("apply again to finish it"), "{told:?}");
    let state = harness.value(&promised.new_state);
    assert_eq!((get(&state, "ready"), get(&state, "note")), (&false.into(), &"n".into()));
    assert!(state.is_fully_known() && harness.world.things.lock().unwrap().is_empty());

    // A refresh that does not find it takes it for what it is, and the plan shows what is left to do.
    let read = harness.read(&state, &promised.private).await;
    assert_eq!((harness.value(&read.new_state), read.private.to_vec()), (state.clone(), promised.private.to_vec()));
    let planned = harness.plan(&state, &config(), &read.private).await;
    assert!(planned.requires_replace.is_empty());
    assert_eq!(get(&harness.value(&planned.planned_state), "ready"), &Value::Unknown);

    // It still cannot be made.
    let again = harness.apply(&state, &config(), &read.private).await;
    assert_eq!(errors(&again.diagnostics), [""; 0]);
    assert_eq!(harness.value(&again.new_state), state);
    assert!(Private::decode(&again.private).is_promised());

    harness.world.goes_wrong("");
    let made = harness.apply(&state, &config(), &again.private).await;
    assert_eq!(get(&harness.value(&made.new_state), "ready"), &true.into());
    assert!(!Private::decode(&made.private).is_promised());
    assert_eq!(harness.world.things.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_promised_goes_without_a_word_and_what_was_found_by_then_does_not() {
    let harness = Harness::with("promise removed", true).await;
    let config = changed(&config(), &[("allow_destroy", true.into())]);
    harness.world.goes_wrong("promise");
    let promised = harness.apply(&Value::Null, &config, b"").await;
    let state = harness.value(&promised.new_state);
    harness.world.goes_wrong("");
    harness.world.calls();
    let gone = harness.apply(&state, &Value::Null, &promised.private).await;
    assert_eq!((errors(&gone.diagnostics).len(), harness.value(&gone.new_state)), (0, Value::Null));
    assert!(!harness.world.calls().contains(&"delete".to_owned()), "nothing is sent");

    // A run that was killed had made it, or somebody else.
    harness.created(&config).await;
    let read = harness.read(&state, &promised.private).await;
    assert!(!Private::decode(&read.private).is_promised());
    harness.world.calls();
    harness.apply(&state, &Value::Null, &promised.private).await;
    assert!(harness.world.calls().contains(&"delete".to_owned()));
    assert!(harness.world.things.lock().unwrap().is_empty());
}
