//! What is stored after a read.

use super::*;

fn name() -> (&'static str, Value) {
    ("name", "a".into())
}

fn read(prior: &Attributes, api: &[(&str, Value)]) -> Attributes {
    let mut found = prior.clone();
    for (name, value) in api {
        found.insert((*name).to_owned(), value.clone());
    }
    refresh(&attributes(), Some(prior), &found)
}

#[test]
fn the_stored_text_stays_where_it_means_the_same() {
    let prior = created(&[name(), ("memory", "32768M".into()), ("tags", Value::list(["b", "a"]))], &[]);
    assert_eq!(read(&prior, &[("memory", "32G".into()), ("tags", Value::list(["a", "b"]))]), prior);
    assert_eq!(read(&prior, &[("memory", "33G".into())])["memory"], "33G".into());
}

#[test]
fn unset_and_empty_are_kept_apart_as_configured() {
    let empty = created(&[name(), ("spares", list(&[])), ("tags", list(&[]))], &[]);
    assert_eq!(read(&empty, &[("spares", Value::Null), ("tags", Value::Null)]), empty);
    let unset = created(&[name()], &[]);
    assert_eq!(read(&unset, &[("spares", list(&[])), ("tags", list(&[]))]), unset);
}

#[test]
fn local_parts_stay_at_every_level() {
    let one = |wipe: bool| disk(&[("size", "1G".into()), ("wipe", wipe.into())]);
    let set = [name(), ("allow_destroy", true.into()), ("disks", map(&[("x", one(true))])), ("boot", one(true))];
    let prior = created(&set, &[]);
    let api = [("allow_destroy", false.into()), ("disks", map(&[("x", one(false)), ("y", one(true))]))];
    let state = read(&prior, &api);
    let disks = state["disks"].as_map().unwrap();
    assert_eq!(state["allow_destroy"], true.into());
    assert_eq!((&object(&disks["x"])["wipe"], &object(&disks["y"])["wipe"]), (&true.into(), &false.into()));
    assert_eq!(state["boot"], prior["boot"]);
}

#[test]
fn an_import_takes_what_was_found_and_defaults_for_what_is_local() {
    let one = disk(&[("size", "1G".into()), ("wipe", true.into())]);
    let found = config(&[
        name(),
        ("allow_destroy", true.into()),
        ("note", "n".into()),
        ("disks", map(&[("x", one)])),
        ("token", "t".into()),
    ]);
    let state = refresh(&attributes(), None, &found);
    assert_eq!(
        (&state["note"], &state["allow_destroy"], &state["timeouts"]),
        (&"n".into(), &false.into(), &Value::Null)
    );
    assert_eq!(object(&state["disks"].as_map().unwrap()["x"])["wipe"], false.into());
    assert_eq!(state["token"], Value::Null);
}

#[test]
fn sets_keep_the_stored_form_of_their_elements() {
    let of = |numbers: &[i64]| {
        let one = |n: &i64| port(&[("number", (*n).into()), ("protocol", "tcp".into()), ("id", "i".into())]);
        list(&numbers.iter().map(one).collect::<Vec<_>>())
    };
    let prior = created(&[name(), ("ports", of(&[1, 2]))], &[]);
    let state = read(&prior, &[("ports", of(&[2, 3]))]);
    assert_eq!(state["ports"], of(&[2, 3]));
}
