//! What is planned.

use super::*;

const U: Value = Value::Unknown;

fn name() -> (&'static str, Value) {
    ("name", "a".into())
}

#[test]
fn a_create_leaves_open_what_the_provider_decides_on() {
    let plan = planned(&[name(), ("token", "s3cret".into())], None);
    let open: Vec<_> = plan.iter().filter(|(_, v)| v.is_unknown()).map(|(n, _)| n.as_str()).collect();
    assert_eq!(open, ["extra", "id", "ready", "size", "zone"]);
    assert_eq!((&plan["mode"], &plan["allow_destroy"]), (&"auto".into(), &false.into()));
    assert_eq!((&plan["note"], &plan["token"], &plan["timeouts"]), (&Value::Null, &Value::Null, &Value::Null));
}

#[test]
fn what_is_not_known_stays_so() {
    let plan = planned(&[("name", U), ("size", U), ("mode", U), ("disks", U), ("ports", list(&[U]))], None);
    assert_eq!((&plan["name"], &plan["size"], &plan["mode"], &plan["disks"]), (&U, &U, &U, &U));
    assert_eq!(plan["ports"], list(&[U]));
    let half = disk(&[("size", U)]);
    let plan = planned(&[name(), ("disks", map(&[("a", half), ("b", U)]))], None);
    let disks = plan["disks"].as_map().unwrap();
    assert_eq!((&object(&disks["a"])["size"], &disks["b"]), (&U, &U));
}

#[test]
fn nothing_differs_nothing_is_planned() {
    let set = [
        name(),
        ("tags", Value::list(["x", "y"])),
        ("boot", disk(&[("size", "1G".into())])),
        ("disks", map(&[("scsi0", disk(&[("size", "1G".into()), ("wipe", true.into())]))])),
        ("spares", list(&[disk(&[("size", "1G".into())]), disk(&[("size", "2G".into())])])),
        ("ports", list(&[port(&[("number", 1.into())]), port(&[("number", 2.into())])])),
        ("login", login(&[("user", "u".into()), ("password", "p".into())])),
    ];
    let prior = created(&set, &[("id", "id-1".into()), ("size", 3.into())]);
    assert_eq!(prior["login"], login(&[("user", "u".into())]));
    assert_eq!(planned(&set, Some(&prior)), prior);

    // Sets have no order.
    let mut turned = prior.clone();
    turned.insert("tags".to_owned(), Value::list(["y", "x"]));
    let Value::List(ports) = &prior["ports"] else { panic!() };
    turned.insert("ports".to_owned(), Value::List(ports.iter().rev().cloned().collect()));
    assert_eq!(planned(&set, Some(&turned)), turned);
}

#[test]
fn an_update_keeps_what_was_left_alone() {
    let prior = created(&[name(), ("size", 5.into())], &[("id", "id-1".into())]);
    let plan = planned(&[name(), ("note", "new".into())], Some(&prior));
    assert_eq!((&plan["size"], &plan["id"], &plan["note"]), (&5.into(), &"id-1".into(), &"new".into()));
    assert_eq!(plan["ready"], U, "an update may be left unfinished");
    let mut at_once = thing();
    at_once.updates_settle = false;
    assert_eq!(
        super::super::plan(&at_once, &config(&[name(), ("note", "new".into())]), Some(&prior))["ready"],
        true.into()
    );
    let plan = planned(&[name()], Some(&plan));
    assert_eq!(plan["note"], Value::Null, "optional and unset is not there");
}

#[test]
fn a_default_comes_back_when_it_is_unset() {
    let prior = created(&[name(), ("mode", "manual".into())], &[]);
    assert_eq!(planned(&[name()], Some(&prior))["mode"], "auto".into());
}

#[test]
fn another_text_of_the_same_meaning_is_no_change() {
    let set = |size: &str| [name(), ("memory", size.into()), ("disks", map(&[("a", disk(&[("size", size.into())]))]))];
    let prior = created(&set("32G"), &[]);
    assert_eq!(planned(&set("32768M"), Some(&prior)), prior);
    assert_eq!(planned(&set("33G"), Some(&prior))["memory"], "33G".into());
    let plan = planned(&[name(), ("memory", U)], Some(&prior));
    assert_eq!(plan["memory"], U);
}

#[test]
fn elements_keep_what_was_found_for_them_and_new_ones_are_open() {
    let disks = |sizes: &[(&str, &str)]| {
        map(&sizes.iter().map(|(key, size)| (*key, disk(&[("size", (*size).into())]))).collect::<Vec<_>>())
    };
    let found = |size: &str, volume: &str| {
        disk(&[("size", size.into()), ("cache", "none".into()), ("volume", volume.into()), ("wipe", false.into())])
    };
    let prior = created(
        &[name(), ("disks", disks(&[("a", "1G"), ("b", "2G")]))],
        &[("disks", map(&[("a", found("1G", "vol-a")), ("b", found("2G", "vol-b"))]))],
    );
    let plan = planned(&[name(), ("disks", disks(&[("b", "3G"), ("c", "1G")]))], Some(&prior));
    let entries = plan["disks"].as_map().unwrap();
    assert_eq!(entries.keys().collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(object(&entries["b"])["volume"], "vol-b".into());
    assert_eq!((&object(&entries["c"])["volume"], &object(&entries["c"])["cache"]), (&U, &U));
}

#[test]
fn elements_of_lists_go_by_index() {
    let spares = |sizes: &[&str]| list(&sizes.iter().map(|s| disk(&[("size", (*s).into())])).collect::<Vec<_>>());
    let mut prior = created(&[name(), ("spares", spares(&["1G", "2G"]))], &[]);
    let one =
        |size: &str, volume: &str| disk(&[("size", size.into()), ("volume", volume.into()), ("wipe", false.into())]);
    prior.insert("spares".to_owned(), list(&[one("1G", "v0"), one("2G", "v1")]));
    let plan = planned(&[name(), ("spares", spares(&["1G", "5G", "6G"]))], Some(&prior));
    let volumes: Vec<_> = plan["spares"].as_list().unwrap().iter().map(|d| object(d)["volume"].clone()).collect();
    assert_eq!(volumes, ["v0".into(), "v1".into(), U]);
}

#[test]
fn elements_of_sets_are_recognised_by_what_is_configured() {
    let ports = |numbers: &[i64]| list(&numbers.iter().map(|n| port(&[("number", (*n).into())])).collect::<Vec<_>>());
    let mut prior = created(&[name(), ("ports", ports(&[1, 2]))], &[]);
    let one = |number: i64, id: &str| port(&[("number", number.into()), ("protocol", "tcp".into()), ("id", id.into())]);
    prior.insert("ports".to_owned(), list(&[one(2, "two"), one(1, "one")]));
    assert_eq!(planned(&[name(), ("ports", ports(&[1, 2]))], Some(&prior)), prior);
    let plan = planned(&[name(), ("ports", ports(&[1, 3]))], Some(&prior));
    let ids: Vec<_> = plan["ports"].as_list().unwrap().iter().map(|p| object(p)["id"].clone()).collect();
    assert_eq!(ids, ["one".into(), U]);
}

#[test]
fn a_kept_nested_attribute_stays_when_it_is_unset() {
    let extra = map(&[("x", disk(&[("size", "1G".into()), ("wipe", false.into())]))]);
    let prior = created(&[name()], &[("extra", extra.clone())]);
    assert_eq!(prior["extra"], extra);
    assert_eq!(planned(&[name()], Some(&prior)), prior);
}

#[test]
fn what_is_unfinished_is_carried_on_with() {
    let mut prior = created(&[name()], &[("id", Value::Null), ("size", 3.into())]);
    assert_eq!(planned(&[name()], Some(&prior)), prior, "finished");
    prior.insert("ready".to_owned(), false.into());
    let plan = planned(&[name()], Some(&prior));
    assert_eq!((&plan["ready"], &plan["id"], &plan["size"]), (&U, &U, &3.into()));
    assert!(!differ_locally_only(&attributes(), &prior, &plan));
}

#[test]
fn what_is_not_found_out_yet_replaces_nothing() {
    let mut prior = created(&[name()], &[("zone", Value::Null)]);
    prior.insert("ready".to_owned(), false.into());
    let replaced = |set: &[(&str, Value)]| {
        let plan = planned(set, Some(&prior));
        (plan["zone"].clone(), replacements(&attributes(), &prior, &plan, Vec::new()))
    };
    assert_eq!(replaced(&[name()]), (U, Vec::new()));
    assert_eq!(replaced(&[name(), ("zone", "a".into())]), ("a".into(), vec!["zone".into()]), "it is asked for now");
}

#[test]
fn a_local_change_is_one_that_nobody_outside_hears_of() {
    let prior = created(&[name(), ("disks", map(&[("a", disk(&[("size", "1G".into())]))]))], &[]);
    let wiped = disk(&[("size", "1G".into()), ("wipe", true.into())]);
    let set = [name(), ("allow_destroy", true.into()), ("disks", map(&[("a", wiped)]))];
    let plan = planned(&set, Some(&prior));
    assert_ne!(plan, prior);
    assert_eq!(plan["ready"], true.into());
    assert!(differ_locally_only(&attributes(), &prior, &plan));
}

#[test]
fn replacements_are_told_by_path_and_only_where_something_differs() {
    let disks = |storage: &str| map(&[("a", disk(&[("size", "1G".into()), ("storage", storage.into())]))]);
    let prior = created(&[name(), ("disks", disks("x"))], &[]);
    let replaced = |set: &[(&str, Value)]| {
        let plan = planned(set, Some(&prior));
        let paths = replacements(&attributes(), &prior, &plan, Vec::new());
        paths.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(replaced(&[name(), ("disks", disks("x")), ("note", "n".into())]), [""; 0]);
    assert_eq!(replaced(&[("name", "b".into()), ("disks", disks("x"))]), ["name"]);
    assert_eq!(replaced(&[("name", U), ("disks", disks("x"))]), ["name"]);
    assert_eq!(replaced(&[name(), ("disks", disks("y"))]), ["disks[\"a\"].storage"]);
    assert_eq!(replaced(&[name()]), [""; 0], "a removed element replaces nothing");
    let plan = planned(&[name()], Some(&prior));
    assert_eq!(replacements(&attributes(), &prior, &plan, vec!["note".into(), "note".into()]), ["note".into()]);
}

#[test]
fn timeouts_are_the_configurations() {
    let timeouts = |create: &str| {
        let null = |o: crate::model::Operation| (o.word(), Value::Null);
        let mut all: BTreeMap<_, _> = crate::model::Operation::ALL.map(null).into();
        all.insert("create", create.into());
        Value::object(all)
    };
    let prior = created(&[name(), ("timeouts", timeouts("90s"))], &[]);
    let info = thing();
    let allowed = crate::model::Operation::ALL.map(|operation| info.timeout(operation, Some(&prior)).as_secs());
    assert_eq!(allowed, [90, 120, 1200, 1200]);
    let plan = planned(&[name(), ("timeouts", timeouts("2m"))], Some(&prior));
    assert!(differ_locally_only(&attributes(), &prior, &plan) && plan != prior);
    assert_eq!(planned(&[name(), ("timeouts", timeouts("90000ms"))], Some(&prior)), prior);
}

#[test]
fn planning_again_gives_the_same() {
    let set = [name(), ("ports", list(&[port(&[("number", 1.into())]), U]))];
    let prior = created(&[name()], &[]);
    assert_eq!(planned(&set, Some(&prior)), planned(&set, Some(&prior)));
}

#[test]
fn what_an_objects_own_plan_did_not_touch_stays_to_the_letter() {
    let precise: Value = "0.12345678901234567890123".parse::<crate::value::Number>().unwrap().into();
    let plan = Value::object([("exact", precise.clone()), ("id", U), ("disks", map(&[("a", U)]))]);
    let before = Value::object([("exact", 0.into()), ("id", U), ("disks", map(&[("a", U)]))]);
    let mut after = before.clone();
    assert_eq!(hook::merge(plan.clone(), &before, after.clone()), plan);
    assert!(after.set(&Path::attr("id"), "known".into()));
    let merged = hook::merge(plan, &before, after);
    assert_eq!(merged.as_object().unwrap()["exact"], precise);
    assert_eq!(merged.as_object().unwrap()["id"], "known".into());
}

#[test]
fn why_it_is_replaced_is_told_with_both_values_unless_they_are_secret() {
    let disk = |storage: &str| Value::object([("storage", storage.into())]);
    let prior = created(&[name(), ("zone", "a".into()), ("disks", map(&[("scsi0", disk("fast"))]))], &[]);
    let plan = planned(&[name(), ("zone", U), ("disks", map(&[("scsi0", disk("slow"))]))], Some(&prior));
    let told = |paths: &[Path]| why_replaced(thing().schema(), &prior, &plan, paths);
    let storage = Path::attr("disks").key("scsi0").at("storage");
    assert_eq!(
        told(&["zone".into(), storage]),
        "It would be replaced, because `zone` is \"a\" and is to be (known after apply), and `disks[\"scsi0\"].storage` is \
         \"fast\" and is to be \"slow\"."
    );
    assert_eq!(
        told(&["token".into()]),
        "It would be replaced, because `token` is to be another (both values are sensitive)."
    );
}
