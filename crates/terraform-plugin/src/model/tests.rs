//! What the derives make of structs.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::schema::{Nesting, Rule};
use crate::value::Type;

/// How it is cached.
#[derive(crate::Choice, Clone, Copy, Debug, PartialEq, Eq)]
enum Cache {
    None,
    WriteBack,
    #[choice(word = "directsync")]
    Direct,
}

/// A disk.
#[derive(crate::Nested, Clone, Debug, PartialEq)]
#[model(conflicts(storage, file))]
struct Disk {
    /// How large.
    #[attr(required)]
    size: Size,
    #[attr(optional)]
    storage: Option<String>,
    #[attr(optional)]
    file: Option<String>,
    #[attr(default = Cache::None)]
    cache: Cache,
    #[attr(computed)]
    volume: Option<String>,
}

/// A thing.
///
/// It has things.
#[derive(crate::Model, Clone, Debug, PartialEq)]
#[model(name = "thing", area = "Things", key(node, id), version = 3, requires(comment, tags))]
struct Thing {
    /// Where.
    #[attr(required, replace, regex = "[a-z]+", says = "letters")]
    node: String,
    #[attr(keep, range = 1..=9)]
    id: Option<u32>,
    #[attr(default = "none", length = ..=9)]
    comment: String,
    #[attr(local, default = false)]
    allow_destroy: bool,
    #[attr(local)]
    force: bool,
    #[attr(optional, each = lower_case)]
    tags: Option<BTreeSet<String>>,
    #[attr(optional)]
    disks: Option<BTreeMap<String, Disk>>,
    #[attr(optional, write_only, sensitive)]
    password: Option<Secret<String>>,
    #[attr(computed)]
    r#type: String,
    #[attr(ready)]
    ready: bool,
    #[attr(timeouts(create = "1h30m"))]
    timeouts: Timeouts,
}

fn lower_case(text: &String) -> Result<(), String> {
    if text.to_lowercase() == *text { Ok(()) } else { Err("must be in lower case".to_owned()) }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn object(attributes: &[(&str, Value)]) -> BTreeMap<String, Value> {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

fn attribute(name: &str) -> Attribute {
    Thing::attributes().into_iter().find(|a| a.name == name).unwrap()
}

#[test]
fn a_struct_is_a_schema() {
    let schema = Thing::schema();
    assert_eq!((schema.version, schema.description.as_str()), (3, "A thing.\n\nIt has things."));
    let names: Vec<_> = schema.attributes.iter().map(|a| a.name.as_str()).collect();
    let all = "node id comment allow_destroy force tags disks password type ready timeouts";
    assert_eq!(names, all.split(' ').collect::<Vec<_>>());
    assert_eq!(schema.checks[0].says, "`comment` only together with `tags`");

    let node = attribute("node");
    assert!(node.replace && node.rule == Rule::Required && node.description == "Where.");
    assert_eq!(node.checks[0].says, "letters");
    let id: Vec<_> = attribute("id").checks.into_iter().map(|c| c.says).collect();
    assert_eq!(id, ["a whole number", "between 1 and 9"]);
    assert_eq!(attribute("comment").rule, Rule::Default(text("none")));
    assert!(attribute("force").local && attribute("force").rule == Rule::Optional);
    assert!(attribute("password").write_only && attribute("password").sensitive);
    assert_eq!(attribute("ready").rule, Rule::Computed);
    assert!(matches!(attribute("tags").kind, Kind::Plain(Type::Set(_))));
    assert!(
        matches!(attribute("timeouts").kind, Kind::Nested(Nesting::Single, ref a) if a[0].description == "Default `1h30m`.")
    );
    assert!(matches!(attribute("disks").kind, Kind::Nested(Nesting::Map, ref a) if a.len() == 5));
    assert_eq!((Thing::READY, Thing::TIMEOUTS), (Some("ready"), Some("timeouts")));
    assert_eq!(Thing::timeout(Operation::Create).as_secs(), 5400);
    assert_eq!(Thing::timeout(Operation::Read).as_secs(), 120);
}

/// Everything takes its time.
#[derive(crate::Model, Clone, Debug)]
#[model(name = "slow", area = "Things")]
struct Slow {
    #[attr(timeouts(create = "1m", read = "2m", update = "3m", delete = "4m"))]
    timeouts: Timeouts,
}

/// Removing it takes its time.
#[derive(crate::Model, Clone, Debug)]
#[model(name = "sticky", area = "Things")]
struct Sticky {
    #[attr(timeouts(delete = "24h"))]
    timeouts: Timeouts,
}

#[test]
fn each_operation_has_its_own_default_and_tells_it() {
    let minutes =
        |of: fn(Operation) -> std::time::Duration| Operation::ALL.map(|operation| of(operation).as_secs() / 60);
    assert_eq!(minutes(Slow::timeout), [1, 2, 3, 4]);
    assert_eq!(minutes(Sticky::timeout), [20, 2, 20, 24 * 60]);
    let Kind::Nested(_, told) = &Slow::attributes()[0].kind else { panic!("`timeouts` is an object") };
    let told: Vec<_> = told.iter().map(|a| format!("{}: {}", a.name, a.description)).collect();
    let expected = ["create: Default `1m`.", "read: Default `2m`.", "update: Default `3m`.", "delete: Default `4m`."];
    assert_eq!(told, expected);
}

#[test]
fn timeouts_are_kept_apart() {
    let names = Operation::ALL.map(Operation::word);
    let value = Value::Object(object(&[0, 1, 2, 3].map(|n| (names[n], text(&format!("{}m", n + 1))))));
    let timeouts = Timeouts::from_value(&value).unwrap();
    let each = [&timeouts.create, &timeouts.read, &timeouts.update, &timeouts.delete];
    assert_eq!(each.map(|time| time.as_ref().map(|time| time.get().as_secs())), [60, 120, 180, 240].map(Some));
    assert_eq!(timeouts.to_value(), value);
    let known = Timeouts::known_from_value(&value).unwrap();
    assert_eq!(known.delete, Attr::Known("4m".parse().unwrap()));
    assert_eq!(Timeouts::known_to_value(&known), value);
}

#[test]
fn checks_of_nested_objects_and_elements_come_with_the_attribute() {
    let disk =
        |attributes: &[(&str, Value)]| Value::Map([("scsi0".to_owned(), Value::Object(object(attributes)))].into());
    let both = disk(&[("storage", text("a")), ("file", text("b"))]);
    let found: Vec<_> = attribute("disks").checks.iter().filter_map(|c| c.run(&both).err()).collect();
    assert_eq!(found, ["Found `storage` and `file` set. Keep one of them at most and take the others out."]);

    let tags = Value::List(vec![text("ok"), text("Bad")]);
    let found: Vec<_> = attribute("tags").checks.iter().filter_map(|c| c.run(&tags).err()).collect();
    assert_eq!(found, ["[1] must be in lower case."]);
}

fn thing() -> BTreeMap<String, Value> {
    let disk = object(&[("size", text("32G")), ("cache", text("write_back")), ("volume", Value::Unknown)]);
    object(&[
        ("node", text("pve1")),
        ("id", Value::Unknown),
        ("comment", text("x")),
        ("allow_destroy", Value::Bool(true)),
        ("tags", Value::List(vec![text("b"), text("a")])),
        ("disks", Value::Map([("scsi0".to_owned(), Value::Object(disk))].into())),
        ("type", Value::Unknown),
        ("ready", Value::Unknown),
    ])
}

#[test]
fn what_the_provider_decides_on_may_be_unknown_in_a_model() {
    let thing = Thing::decode(&thing()).unwrap();
    assert_eq!((thing.id, thing.r#type.as_str(), thing.ready, thing.force), (None, "", false, false));
    let disk = &thing.disks.as_ref().unwrap()["scsi0"];
    assert_eq!((disk.size.bytes(), disk.cache, &disk.volume), (32 << 30, Cache::WriteBack, &None));
    assert_eq!(thing.key(), None);
    assert_eq!(Thing::decode(&thing.encode()).unwrap(), thing);
    assert_eq!(thing.encode().len(), 11);
}

#[test]
fn a_fault_says_where() {
    let mut attributes = thing();
    let disk = Value::Object(object(&[("size", text("huge")), ("cache", text("none"))]));
    attributes.insert("disks".to_owned(), Value::Map([("scsi0".to_owned(), disk)].into()));
    let fault = Thing::decode(&attributes).unwrap_err();
    assert_eq!(fault.path().to_string(), "disks[\"scsi0\"].size");
    attributes.remove("disks");
    attributes.insert("node".to_owned(), Value::Null);
    assert_eq!(Thing::decode(&attributes).unwrap_err().to_string(), "node must be set, and is not set");
}

#[test]
fn the_plan_twin_keeps_what_is_unknown_at_every_level() {
    let attributes = thing();
    let plan = Thing::decode_plan(&attributes).unwrap();
    assert_eq!(plan.node.text(), Some("pve1"));
    assert!(plan.id.is_unknown() && plan.password.is_null());
    let disk = plan.disks.known().unwrap()["scsi0"].known().unwrap();
    assert!(disk.volume.is_unknown() && disk.cache.is(&Cache::WriteBack) && disk.file.is_null());
    let again = Thing::encode_plan(&plan);
    assert_eq!(again["disks"].clone(), {
        let Value::Map(mut disks) = attributes["disks"].clone() else { unreachable!() };
        let Some(Value::Object(disk)) = disks.get_mut("scsi0") else { unreachable!() };
        disk.extend([("storage".to_owned(), Value::Null), ("file".to_owned(), Value::Null)]);
        Value::Map(disks)
    });
    assert_eq!((&again["id"], &again["tags"]), (&Value::Unknown, &attributes["tags"]));
}

#[test]
fn the_key_is_the_import_id() {
    let key: ThingKey = "pve1/7".parse().unwrap();
    assert_eq!((key.node.as_str(), key.id, key.to_string()), ("pve1", 7, "pve1/7".to_owned()));
    assert_eq!(ThingKey::decode(&key.encode()).unwrap(), key);
    let refused = |id: &str| id.parse::<ThingKey>().unwrap_err().to_string();
    assert_eq!(refused("pve1"), "the id must have the form `node/id`, and is \"pve1\"");
    assert_eq!(refused("/7"), "the id must have the form `node/id`, and is \"/7\"");
    assert!(refused("pve1/x").starts_with("id in the id must be a whole number, and is \"x\""));
}

#[test]
fn words() {
    assert_eq!(Cache::WORDS, ["none", "write_back", "directsync"]);
    assert_eq!("directsync".parse::<Cache>(), Ok(Cache::Direct));
    assert_eq!("raid".parse::<Cache>().unwrap_err(), "must be one of `none`, `write_back`, `directsync`, not \"raid\"");
}

/// What several have in common.
#[derive(crate::Nested, Clone, Debug, Default, PartialEq)]
struct Common {
    #[attr(optional, api = "prune-backups")]
    prune: Option<String>,
    #[attr(keep, usual = 4)]
    count: Option<i64>,
}

/// A plain thing.
#[derive(crate::Model, Clone, Debug, Default, PartialEq)]
#[model(name = "plain", area = "Things", key(path, who), rest = path)]
struct Plain {
    #[attr(required)]
    path: String,
    #[attr(required)]
    who: String,
    /// How it is called.
    #[attr(keep, usual = "mail")]
    word: Option<String>,
    #[attr(optional, repeated)]
    fields: Option<Vec<String>>,
    #[attr(required, write_only(version = secret_version))]
    secret: Option<Secret<String>>,
    #[attr(local)]
    secret_version: Option<i64>,
    #[attr(local, rouses)]
    rotation: Option<i64>,
    #[attr(flatten)]
    common: Common,
}

#[test]
fn what_the_api_sees_of_an_attribute_stands_beside_it() {
    let all = Plain::attributes();
    let of = |name: &str| all.iter().find(|a| a.name == name).unwrap();
    assert_eq!(of("prune").parameter(), "prune-backups");
    assert_eq!(of("word").parameter(), "word");
    assert!(of("fields").repeated && !of("word").repeated);
    assert_eq!(of("word").about(), "How it is called. Left alone when unset (default: `mail`).");
    assert_eq!(of("count").about(), "Left alone when unset (default: 4).");
    assert_eq!((&of("word").usual, &of("count").usual), (&Some("mail".into()), &Some(4.into())));
    assert_eq!(of("secret").version.as_deref(), Some("secret_version"));
    assert!(of("secret_version").rouses && of("rotation").rouses && of("rotation").local && !of("word").rouses);
}

#[test]
fn shared_attributes_are_the_objects_own() {
    let common = Common { prune: Some("keep-last=1".to_owned()), count: Some(2) };
    let plain = Plain { path: "/a".to_owned(), who: "b".to_owned(), common: common.clone(), ..Plain::default() };
    let values = plain.encode();
    assert_eq!((&values["prune"], &values["count"]), (&"keep-last=1".into(), &2.into()));
    assert!(!values.contains_key("common"));
    let names: Vec<_> = Plain::attributes().into_iter().map(|a| a.name).collect();
    assert!(names.ends_with(&["prune".to_owned(), "count".to_owned()]), "{names:?}");
    assert!(values.keys().all(|name| names.contains(name)) && values.len() == names.len());
    assert_eq!(Plain::decode(&values).unwrap(), plain);
    let plan = Plain::decode_plan(&values).unwrap();
    assert_eq!(plan.common.count, Attr::Known(2));
    assert_eq!(Plain::encode_plan(&plan), values);
}

#[test]
fn one_part_of_an_id_may_hold_slashes() {
    let key = PlainKey { path: "/vms/100".to_owned(), who: "joe@pve".to_owned() };
    assert_eq!(key.to_string(), "/vms/100/joe@pve");
    assert_eq!("/vms/100/joe@pve".parse(), Ok(key));
    assert_eq!("//joe@pve".parse(), Ok(PlainKey { path: "/".to_owned(), who: "joe@pve".to_owned() }));
    for wrong in ["joe@pve", "/vms/", "", "/joe@pve"] {
        assert!(wrong.parse::<PlainKey>().is_err(), "{wrong}");
    }
    // In the middle, and at the end as without a word.
    let split = |id, fields: &[&str], rest| key::split(id, fields, rest).map(|parts| parts.join(" ")).ok();
    assert_eq!(split("a/b/c/d", &["x", "y", "z"], Some("y")).as_deref(), Some("a b/c d"));
    assert_eq!(split("a/b/c/d", &["x", "y"], None).as_deref(), Some("a b/c/d"));
    assert_eq!(split("a/b", &["x", "y", "z"], Some("y")), None);
}

/// A door.
#[derive(crate::Nested, Clone, Debug, Default, PartialEq)]
struct Door {
    #[attr(required)]
    number: u32,
    #[attr(default = true)]
    open: bool,
}

/// Doors.
#[derive(crate::Model, Clone, Debug, Default, PartialEq)]
#[model(name = "doors", area = "Things", key(id))]
struct Doors {
    #[attr(required, replace)]
    id: String,
    #[attr(optional, each = not_the_thirteenth)]
    all: Option<Vec<Door>>,
    #[attr(optional, each = not_the_thirteenth)]
    named: Option<BTreeMap<String, Door>>,
    #[attr(optional, check = not_the_thirteenth)]
    front: Option<Door>,
}

fn not_the_thirteenth(door: &Door) -> Result<(), String> {
    match door.open && door.number == 13 {
        true => Err("must be another one, or closed".to_owned()),
        false => Ok(()),
    }
}

/// A configuration leaves out what has a default; the check sees it all the same.
#[test]
fn a_check_of_an_object_sees_its_defaults() {
    let door = |number: u32, open: Value| Value::Object(object(&[("number", Value::from(number)), ("open", open)]));
    let said = |open: Value| {
        let value = Value::Object(object(&[
            ("id", text("a")),
            ("all", Value::List(vec![door(12, open.clone()), door(13, open.clone())])),
            ("named", Value::Map(object(&[("back", door(13, open.clone()))]))),
            ("front", door(13, open)),
        ]));
        let found = crate::schema::validate(&Doors::schema(), &value);
        found.iter().map(|told| told.path.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(said(Value::Null), ["all[1]", "named[\"back\"]", "front"]);
    assert_eq!(said(Value::Bool(true)), said(Value::Null));
    assert_eq!(said(Value::Bool(false)), [""; 0]);
    assert_eq!(said(Value::Unknown), [""; 0], "nobody knows yet");
}
