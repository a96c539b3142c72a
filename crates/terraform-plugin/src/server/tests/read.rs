//! ReadResource.

use super::*;
use crate::private::Private;

#[tokio::test]
async fn what_is_found_is_stored_and_what_goes_with_it_returned() {
    let harness = Harness::new("read found").await;
    let config = thing(&[("name", "a".into()), ("memory", "1024M".into()), ("allow_destroy", true.into())]);
    let (state, private) = harness.created(&config).await;
    let read = harness.read(&state, &private).await;
    assert_eq!((harness.value(&read.new_state), read.private.to_vec()), (state.clone(), private.clone()));
    assert_eq!(harness.identity(&read.new_identity), Value::object([("name", Value::from("a"))]));

    harness.world.things.lock().unwrap().get_mut("a").unwrap().size = Some(7);
    let read = harness.read(&state, &private).await;
    assert_eq!(harness.value(&read.new_state), changed(&state, &[("size", 7.into())]));
}

#[tokio::test]
async fn gone_is_null_and_nothing_else_is() {
    let harness = Harness::new("read gone").await;
    let (state, private) = harness.created(&thing(&[("name", "a".into())])).await;
    harness.world.goes_wrong("read fails");
    let read = harness.read(&state, &private).await;
    assert_eq!(errors(&read.diagnostics), ["error: Reading failed"]);
    assert_eq!((harness.value(&read.new_state), read.private.to_vec()), (state.clone(), private.clone()));
    harness.world.goes_wrong("");
    harness.world.things.lock().unwrap().clear();
    assert_eq!(harness.value(&harness.read(&state, &private).await.new_state), Value::Null);
}

#[tokio::test]
async fn what_cannot_be_asked_is_kept_with_one_warning_for_all() {
    let harness = Harness::new("read asleep").await;
    let (a, private) = harness.created(&thing(&[("name", "a".into())])).await;
    let (b, _) = harness.created(&thing(&[("name", "b".into())])).await;
    harness.world.goes_wrong("unreachable");
    let first = harness.read(&a, &private).await;
    assert_eq!((harness.value(&first.new_state), first.private.to_vec()), (a, private.clone()));
    assert!(first.new_identity.is_some());
    assert_eq!(
        said(&first.diagnostics),
        ["warning: The world is asleep; its objects are kept as last seen It may wake up."]
    );
    assert_eq!(said(&harness.read(&b, &private).await.diagnostics), [""; 0]);
}

#[tokio::test]
async fn what_is_found_may_tell_that_something_does_not_answer() {
    let harness = Harness::new("read half asleep").await;
    let (a, private) = harness.created(&thing(&[("name", "a".into())])).await;
    harness.world.things.lock().unwrap().get_mut("a").unwrap().size = Some(7);
    harness.world.goes_wrong("half asleep");
    let read = harness.read(&a, &private).await;
    assert_eq!(harness.value(&read.new_state), changed(&a, &[("size", 7.into())]));
    assert_eq!(
        said(&read.diagnostics),
        ["warning: The world is asleep; its objects are kept as last seen It mumbles."]
    );
    harness.world.goes_wrong("unreachable");
    assert_eq!(said(&harness.read(&a, &private).await.diagnostics), [""; 0]);
}

#[tokio::test]
async fn ready_is_a_latch() {
    let harness = Harness::new("read latch").await;
    let (ready, private) = harness.created(&thing(&[("name", "a".into())])).await;
    assert_eq!(get(&ready, "ready"), &true.into());
    // The object says false; the state stays true.
    assert_eq!(harness.value(&harness.read(&ready, &private).await.new_state), ready);
    let unfinished = changed(&ready, &[("ready", false.into())]);
    assert_eq!(harness.value(&harness.read(&unfinished, &private).await.new_state), unfinished);
    harness.world.goes_wrong("ready by itself");
    assert_eq!(harness.value(&harness.read(&unfinished, &private).await.new_state), ready);
}

#[tokio::test]
async fn a_state_of_an_older_model_is_read_like_an_import() {
    let harness = Harness::new("read older").await;
    harness.created(&thing(&[("name", "a".into())])).await;
    harness.world.calls();
    // `allow_destroy` was added since, and an older state holds null there.
    let read = harness.read(&thing(&[("name", "a".into()), ("ready", true.into())]), b"").await;
    let state = harness.value(&read.new_state);
    assert_eq!((get(&state, "allow_destroy"), get(&state, "size")), (&false.into(), &3.into()));
    assert_eq!(harness.world.calls(), ["read without prior"]);
}

#[tokio::test]
async fn an_object_without_its_key_is_kept_for_the_apply_that_finishes_it() {
    let harness = Harness::new("read unidentified").await;
    let state = thing(&[("ready", false.into())]);
    let read = harness.read(&state, b"").await;
    assert_eq!(harness.value(&read.new_state), state);
    assert!(said(&read.diagnostics)[0].starts_with("warning: A thing is not identified yet"));
}

#[tokio::test]
async fn an_import_is_a_key_and_then_a_read() {
    let harness = Harness::new("import").await;
    harness.created(&thing(&[("name", "a".into()), ("note", "n".into()), ("allow_destroy", true.into())])).await;
    let import = async |id: &str, identity: Option<tf::ResourceIdentityData>| {
        let request = tf::import_resource_state::Request {
            type_name: "test_thing".to_owned(),
            id: id.to_owned(),
            identity,
            ..Default::default()
        };
        harness.server.import(request).await
    };
    let by_id = import("a", None).await;
    let by_identity = import("", identity_of(&thing(&[("name", "a".into())]))).await;
    assert_eq!(by_id, by_identity);
    let imported = &by_id.imported_resources[0];
    assert_eq!((imported.type_name.as_str(), imported.identity.is_some()), ("test_thing", true));
    let state = harness.value(&imported.state);
    assert_eq!(state, thing(&[("name", "a".into())]));

    harness.world.calls();
    let read = harness.read(&state, &imported.private).await;
    let found = harness.value(&read.new_state);
    assert_eq!(harness.world.calls(), ["read without prior"]);
    let expected = [("note", "n".into()), ("size", 3.into()), ("ready", true.into()), ("allow_destroy", false.into())];
    assert_eq!(found, changed(&state, &expected));
    assert!(Private::decode(&read.private).encode().is_empty(), "the next read is one like any other");
    let planned = harness.plan(&found, &thing(&[("name", "a".into()), ("note", "n".into())]), &read.private).await;
    assert_eq!(harness.value(&planned.planned_state), found);

    harness.world.goes_wrong("unreachable");
    let read = harness.read(&state, &imported.private).await;
    assert!(errors(&read.diagnostics)[0].contains("Nothing was imported"));
    assert!(errors(&import("secret", None).await.diagnostics)[0].contains("Not for import"));
    assert!(errors(&import("", None).await.diagnostics)[0].contains("must have the form `name`"));
    // What no configuration could say would be imported and then replaced.
    for answer in [import("A1", None).await, import("", identity_of(&thing(&[("name", "A1".into())]))).await] {
        let said = errors(&answer.diagnostics);
        assert!(
            said.len() == 1 && said[0].contains("does not fit") && said[0].contains("lower-case letters"),
            "{said:?}"
        );
        assert!(answer.imported_resources.is_empty());
    }
}
