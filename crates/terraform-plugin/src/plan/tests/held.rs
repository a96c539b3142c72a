//! What is stored after an apply.

use super::*;

fn name() -> (&'static str, Value) {
    ("name", "a".into())
}

/// The state and the paths that came out otherwise, when the API answers the plan but for `api`.
fn applied(set: &[(&str, Value)], api: &[(&str, Value)]) -> (Attributes, Vec<String>) {
    let planned = plan(&thing(), &config(set), None);
    let mut found = planned.clone();
    for (name, value) in api {
        found.insert((*name).to_owned(), value.clone());
    }
    let (state, contradictions) = hold(&attributes(), &planned, &found);
    assert!(state.values().all(Value::is_fully_known));
    (state, contradictions.iter().map(|c| c.path.to_string()).collect())
}

#[test]
fn what_was_open_is_filled_in() {
    let (state, found) = applied(&[name()], &[("id", "id-1".into()), ("size", Value::Null)]);
    assert_eq!((&state["id"], &state["size"], found.len()), (&"id-1".into(), &Value::Null, 0));
}

#[test]
fn what_was_planned_stands_and_is_told_where_something_else_was_found() {
    let set = [name(), ("note", "planned".into())];
    let (state, found) = applied(&set, &[("note", "found".into()), ("tags", Value::list(["x"]))]);
    assert_eq!((&state["note"], &state["tags"]), (&"planned".into(), &Value::Null));
    assert_eq!(found, ["note", "tags"]);
}

#[test]
fn the_planned_text_stands_where_the_found_one_means_the_same() {
    let set = [name(), ("memory", "32768M".into()), ("tags", Value::list(["b", "a"])), ("spares", list(&[]))];
    let api = [("memory", "32G".into()), ("tags", Value::list(["a", "b"])), ("spares", Value::Null)];
    let (state, found) = applied(&set, &api);
    assert_eq!(found, [""; 0]);
    assert_eq!((&state["memory"], &state["spares"]), (&"32768M".into(), &list(&[])));
}

#[test]
fn local_parts_are_the_plans_at_every_level() {
    let of = |wipe: bool| map(&[("x", disk(&[("size", "1G".into()), ("wipe", wipe.into())]))]);
    let set = [name(), ("allow_destroy", true.into()), ("disks", of(true))];
    let (state, found) = applied(&set, &[("allow_destroy", false.into()), ("disks", of(false))]);
    assert_eq!((found.len(), &state["allow_destroy"]), (0, &true.into()));
    assert_eq!(object(&state["disks"].as_map().unwrap()["x"])["wipe"], true.into());
}

#[test]
fn what_is_write_only_is_not_stored_even_if_the_object_returns_it() {
    let secret = login(&[("user", "u".into()), ("password", "p".into())]);
    let set = [name(), ("token", "t".into()), ("login", secret.clone())];
    let (state, found) = applied(&set, &[("token", "t".into()), ("login", secret)]);
    assert_eq!((found.len(), &state["token"], &state["login"]), (0, &Value::Null, &login(&[("user", "u".into())])));
}

#[test]
fn write_only_values_reach_the_object() {
    let secret = login(&[("user", "u".into()), ("password", "p".into())]);
    let config = config(&[name(), ("token", "t".into()), ("login", secret.clone())]);
    let planned = plan(&thing(), &config, None);
    let want = with_write_only(&attributes(), &planned, &config);
    assert_eq!((&want["token"], &want["login"]), (&"t".into(), &secret));
    assert_eq!(planned["token"], Value::Null);
}

#[test]
fn elements_that_appear_or_vanish_are_told() {
    let one = |size: &str| disk(&[("size", size.into()), ("volume", "v".into())]);
    let set = [name(), ("disks", map(&[("a", disk(&[("size", "1G".into())]))]))];
    let (state, found) = applied(&set, &[("disks", map(&[("a", one("1G")), ("b", one("2G"))]))]);
    assert_eq!(found, ["disks[\"b\"]"]);
    assert_eq!(state["disks"].as_map().unwrap().len(), 1);
    assert_eq!(applied(&set, &[("disks", map(&[]))]).1, ["disks[\"a\"]"]);
    assert_eq!(applied(&set, &[("disks", map(&[("a", one("2G"))]))]).1, ["disks[\"a\"].size"]);
}

#[test]
fn elements_of_sets_find_their_own() {
    let planned = |number: i64| port(&[("number", number.into())]);
    let found =
        |number: i64, id: &str| port(&[("number", number.into()), ("protocol", "tcp".into()), ("id", id.into())]);
    let set = [name(), ("ports", list(&[planned(1), planned(2)]))];
    let (state, contradictions) = applied(&set, &[("ports", list(&[found(2, "two"), found(1, "one")]))]);
    assert_eq!((&state["ports"], contradictions.len()), (&list(&[found(1, "one"), found(2, "two")]), 0));
    assert_eq!(applied(&set, &[("ports", list(&[found(1, "one"), found(3, "three")]))]).1, ["ports", "ports"]);
}

#[test]
fn secrets_are_not_repeated() {
    #[derive(crate::Model, Clone)]
    #[model(name = "safe", area = "Things", key(name))]
    struct Safe {
        #[attr(required)]
        name: String,
        #[attr(optional, sensitive)]
        code: Option<Secret<String>>,
    }
    let all = <Safe as crate::model::Object>::attributes();
    let (planned, found) = (with(&all, &[name(), ("code", "a".into())]), with(&all, &[name(), ("code", "b".into())]));
    let (_, contradictions) = hold(&all, &planned, &found);
    assert_eq!(contradictions.iter().map(|c| c.sensitive).collect::<Vec<_>>(), [true]);
}
