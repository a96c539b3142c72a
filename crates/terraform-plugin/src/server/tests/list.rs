//! ListResource and GenerateResourceConfig.

use futures_util::StreamExt;
use tf::list_resource::{Event, Request};

use super::*;

/// What is asked of a list: filters, and whether each is wanted as a whole.
fn asking(harness: &Harness, filters: &[(&str, Value)], whole: bool) -> Request {
    let ty = harness.server.list_schema("thing").unwrap().implied_type();
    let crate::value::Type::Object(names) = &ty else { panic!() };
    let mut config: Attributes = names.keys().map(|name| (name.clone(), Value::Null)).collect();
    for (name, value) in filters {
        assert!(config.insert((*name).to_owned(), value.clone()).is_some(), "no filter {name}");
    }
    Request {
        type_name: "test_thing".to_owned(),
        config: encoded(&Value::Object(config), &ty),
        include_resource_object: whole,
        limit: 0,
    }
}

async fn listed(harness: &Harness, request: Request) -> (Vec<Event>, Vec<String>) {
    let all: Vec<Event> = harness.server.list(request).map(Result::unwrap).collect().await;
    let (last, found) = all.into_iter().partition::<Vec<_>, _>(|event| event.identity.is_none());
    (found, last.iter().flat_map(|event| said(&event.diagnostic)).collect())
}

fn names(found: &[Event]) -> Vec<&str> {
    found.iter().map(|event| event.display_name.as_str()).collect()
}

/// With things of these names and notes.
async fn with(world: &'static str, things: &[(&str, &str)]) -> Harness {
    let harness = Harness::new(world).await;
    for (name, note) in things {
        harness.created(&thing(&[("name", (*name).into()), ("note", (*note).into())])).await;
    }
    harness.world.calls();
    harness
}

#[tokio::test]
async fn names_alone_are_not_read_and_wholes_are_as_an_import_has_them() {
    let harness = with("list names", &[("a", "x"), ("b", "whole")]).await;
    let (found, last) = listed(&harness, asking(&harness, &[], false)).await;
    assert_eq!((names(&found), last), (vec!["A", "b"], vec!["warning: Looked around".to_owned()]));
    assert!(found.iter().all(|event| event.resource_object.is_none()));
    assert_eq!(harness.world.calls(), ["seek", "import", "import"]);
    let (found, _) = listed(&harness, asking(&harness, &[], true)).await;
    assert_eq!(harness.world.calls(), ["seek", "import", "read without prior", "import"]);
    for event in &found {
        let state = harness.value(&event.resource_object);
        assert_eq!(get(&state, "ready"), &Value::Bool(true), "what is imported is ready");
        assert_eq!(get(&state, "allow_destroy"), &Value::Bool(false));
        assert_eq!(harness.identity(&event.identity).attribute("name"), state.attribute("name"));
    }
}

#[tokio::test]
async fn what_is_known_against_it_is_not_read() {
    let harness = with("list filters", &[("a", "x"), ("b", "y"), ("c", "whole")]).await;
    let of = async |filters: &[(&str, Value)]| {
        let (found, _) = listed(&harness, asking(&harness, filters, false)).await;
        let reads = harness.world.calls().iter().filter(|call| call.starts_with("read")).count();
        (names(&found).join(" "), reads)
    };
    assert_eq!(of(&[("note", "y".into())]).await, ("B".to_owned(), 0));
    assert_eq!(of(&[("name", "c".into())]).await, ("c".to_owned(), 0));
    assert_eq!(of(&[("size", 3.into())]).await, ("A B c".to_owned(), 2));
    assert_eq!(of(&[("size", 3.into()), ("note", "x".into())]).await, ("A".to_owned(), 1));
    assert_eq!(of(&[("size", 4.into())]).await.0, "");
    let filters: Vec<String> =
        harness.server.list_schema("thing").unwrap().attributes.into_iter().map(|a| a.name).collect();
    assert_eq!(filters, ["name", "note", "size"], "no secrets, nothing that is only said, nothing nested");
}

#[tokio::test]
async fn enough_is_enough() {
    let harness = with("list enough", &[("a", "x"), ("b", "x"), ("c", "hidden")]).await;
    let (found, last) = listed(&harness, Request { limit: 2, ..asking(&harness, &[], false) }).await;
    assert_eq!((names(&found), last.len()), (vec!["A", "B"], 1), "what is hidden does not matter then");
    // Whoever stops listening is told no more.
    harness.world.goes_wrong("seek for ever");
    let stream = harness.server.list(asking(&harness, &[], false));
    drop(stream);
    // Who is told to stop, says so.
    let stream = harness.server.list(asking(&harness, &[], false));
    harness.server.0.session.read().unwrap().stop.stop(crate::stop::StopReason::Asked);
    let last: Vec<_> = stream.map(|event| said(&event.unwrap().diagnostic)).collect().await;
    assert!(last[0][0].contains("error: The list was interrupted"), "{last:?}");
}

#[tokio::test]
async fn a_short_list_is_an_error_after_what_was_found() {
    let harness = with("list short", &[("a", "hidden"), ("b", "x"), ("secret", "x")]).await;
    let (found, last) = listed(&harness, asking(&harness, &[], false)).await;
    assert_eq!(names(&found), ["B"], "what may not be imported is not listed");
    assert_eq!(last, ["error: Something is hidden", "warning: Looked around"]);
    harness.world.goes_wrong("seek half");
    let (found, last) = listed(&harness, asking(&harness, &[("name", "b".into())], false)).await;
    assert_eq!(names(&found), ["B"]);
    let missing = "error: The far side is dark It may be lit again.\nWhat is there is missing from this list.";
    assert_eq!(&last[1..], [missing, "warning: Looked around"]);
    for (mishap, told) in
        [("seek fails", "error: The world is dark"), ("seek panics", "error: The provider has a bug and panicked")]
    {
        harness.world.goes_wrong(mishap);
        let (found, last) = listed(&harness, asking(&harness, &[], true)).await;
        assert!(found.is_empty() && last[0].starts_with(told), "{last:?}");
    }
    harness.world.goes_wrong("unreachable");
    let (found, last) = listed(&harness, asking(&harness, &[("name", "b".into())], true)).await;
    assert!(found.is_empty() && last.iter().any(|said| said.starts_with("error: The world is asleep")), "{last:?}");
    let (_, last) = listed(&harness, Request { type_name: "test_names".to_owned(), ..Default::default() }).await;
    assert!(last[0].starts_with("error: There is no list resource test_names"), "{last:?}");
}

#[tokio::test]
async fn what_is_generated_is_what_would_have_to_be_written() {
    let harness = Harness::new("generate").await;
    let generate = async |state: &Value| {
        let request =
            tf::generate_resource_config::Request { type_name: "test_thing".to_owned(), state: harness.message(state) };
        let answer = harness.server.generate(request).await;
        assert_eq!(said(&answer.diagnostics), [""; 0]);
        harness.value(&answer.config)
    };
    let port = Value::object([("number", 1.into()), ("id", "port-x".into())]);
    let said = [("name", "a".into()), ("note", "n".into()), ("size", 3.into())];
    let known = [("ports", Value::map([("x", port)])), ("ready", true.into()), ("allow_destroy", true.into())];
    let written = Value::object([("number", 1.into()), ("id", Value::Null)]);
    let expected = [said.as_slice(), &[("ports", Value::map([("x", written)]))]].concat();
    assert_eq!(generate(&thing(&[said.as_slice(), &known].concat())).await, thing(&expected));
    // What could not be written is left alone, where that can be.
    let odd = [("name", "a".into()), ("size", 8.into()), ("ports", Value::map([("x", Value::Null); 0]))];
    assert_eq!(generate(&thing(&odd)).await, thing(&[("name", "a".into())]));
    assert_eq!(generate(&Value::Null).await, thing(&[]), "of what was listed by its name alone");
}
