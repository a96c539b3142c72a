//! What a family's requests are, and what becomes of PVE's answers.

use std::collections::BTreeSet;

use pve_client::{Area, Request};
use serde_json::json;
use terraform_plugin::model::Keyed;
use terraform_plugin::{Model, Nested, Secret};

use super::requests::{self, Settings, collection, filled, place};
use super::{Family, Live, Made, Section, Unset};

#[derive(Nested, Clone, Debug, Default, PartialEq)]
struct Limit {
    #[attr(required, api = "=")]
    rate: u32,
    #[attr(optional, api = "per-node")]
    per_node: Option<bool>,
    #[attr(keep, usual = 5_u32)]
    burst: Option<u32>,
}

#[derive(Nested, Clone, Debug, Default, PartialEq)]
struct Note {
    #[attr(optional)]
    comment: Option<String>,
}

#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "thing", area = "Tests", key(owner, id))]
struct Thing {
    #[attr(required, replace)]
    owner: String,
    #[attr(required, replace)]
    id: String,
    #[attr(required, replace)]
    path: String,
    #[attr(required)]
    schedule: String,
    #[attr(keep, usual = true)]
    enable: Option<bool>,
    #[attr(optional)]
    port: Option<u16>,
    #[attr(optional)]
    words: Option<BTreeSet<String>>,
    #[attr(optional, repeated, api = "match-field")]
    fields: Option<Vec<String>>,
    #[attr(optional)]
    limit: Option<Limit>,
    #[attr(optional, sensitive, write_only(version = secret_version))]
    secret: Option<Secret<String>>,
    #[attr(local)]
    secret_version: Option<u32>,
    #[attr(computed)]
    origin: Option<String>,
    #[attr(flatten)]
    note: Note,
}

impl Section for Thing {
    const FAMILY: Family = Family {
        what: "Thing",
        path: "things/{owner}/list",
        file: "things.cfg",
        area: Area::File("things.cfg"),
        fixed: &[("type", "plain")],
        always: &["schedule"],
        ..Family::PLAIN
    };
}

/// The same, where PVE takes an array of what is to go, and demands the type in each change.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "other", area = "Tests", key(id))]
struct Other {
    #[attr(required, replace, api = "otherid")]
    id: String,
    #[attr(optional)]
    comment: Option<String>,
    #[attr(optional, api = "from-address")]
    from: Option<String>,
}

impl Section for Other {
    const FAMILY: Family = Family {
        path: "others",
        unset: Unset::DeleteEach,
        fixed: &[("type", "o")],
        fixed_in_changes: true,
        made: Made::InItsPlace,
        ..Family::PLAIN
    };
}

#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "emptied", area = "Tests", key(id))]
struct Emptied {
    #[attr(required, replace, api = "emptiedid")]
    id: String,
    #[attr(optional)]
    comment: Option<String>,
}

impl Section for Emptied {
    const FAMILY: Family = Family { path: "emptied", unset: Unset::EmptyText, ..Family::PLAIN };
}

fn thing() -> Thing {
    let some = |text: &str| text.to_owned();
    Thing { owner: some("joe@pve"), id: some("a b"), path: some("/x"), schedule: some("daily"), ..Thing::default() }
}

fn full() -> Thing {
    Thing {
        enable: Some(false),
        port: Some(25),
        words: Some(["b", "a"].map(str::to_owned).into()),
        fields: Some(["exact:type=a", "regex:b,c"].map(str::to_owned).into()),
        limit: Some(Limit { rate: 7, per_node: Some(true), burst: None }),
        secret: Some(Secret::new("s".to_owned())),
        secret_version: Some(1),
        note: Note { comment: Some("c".to_owned()) },
        ..thing()
    }
}

fn place_of<S: Section>(of: &S) -> String {
    place::<S>(&of.key().unwrap())
}

/// A request as its method, path and parameters, in words that are easy to compare.
fn told(request: &Request) -> (String, Vec<String>) {
    let (line, parameters) = request.spelt();
    let parameters = parameters.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    (line, parameters)
}

fn live(json: serde_json::Value) -> Live {
    json.as_object().unwrap().clone()
}

#[test]
fn what_is_set_is_sent_in_the_forms_that_pve_takes() {
    let thing = full();
    let (line, parameters) = told(&Settings::all(&thing).post::<Thing>(&thing.key().unwrap()));
    assert_eq!(line, "POST /things/joe@pve/list");
    let expected = [
        "id=a b",
        "path=/x",
        "schedule=daily",
        "enable=0",
        "port=25",
        "words=a,b",
        "match-field=exact:type=a",
        "match-field=regex:b,c",
        "limit=7,per-node=1",
        "secret=s",
        "comment=c",
        "type=plain",
    ];
    assert_eq!(parameters, expected);
    let other = Other { id: "a".to_owned(), ..Other::default() };
    assert_eq!(told(&Settings::all(&other).post::<Other>(&other.key().unwrap())).0, "POST /others/a");
}

#[test]
fn a_change_carries_what_differs_and_takes_away_what_is_unset() {
    let (was, key) = (full(), full().key().unwrap());
    let differs = |want: &Thing| Settings::difference(want, &was, &was);
    assert!(differs(&was).is_empty());
    // Neither what cannot be changed nor what is left alone.
    assert!(differs(&Thing { path: "/y".to_owned(), enable: None, origin: None, ..full() }).is_empty());
    let less =
        Thing { port: None, fields: None, words: Some(["c".to_owned()].into()), note: Note::default(), ..full() };
    let (line, parameters) = told(&differs(&less).put(place::<Thing>(&key), &less, Some("abc")));
    assert_eq!(line, "PUT /things/joe@pve/list/a%20b");
    assert_eq!(parameters, ["schedule=daily", "words=c", "digest=abc", "delete=port,match-field,comment"]);
}

#[test]
fn a_secret_is_sent_again_when_its_version_changes_and_only_then() {
    let (was, key) = (full(), full().key().unwrap());
    let changed = Thing { secret: Some(Secret::new("t".to_owned())), ..full() };
    assert!(Settings::difference(&changed, &was, &was).is_empty(), "nobody can tell that it is another");
    let raised = Thing { secret_version: Some(2), ..changed };
    assert_eq!(
        told(&Settings::difference(&raised, &was, &was).put(place::<Thing>(&key), &raised, None)).1,
        ["schedule=daily", "secret=t"]
    );
    let gone = Thing { secret: None, ..raised };
    assert_eq!(
        told(&Settings::difference(&gone, &was, &was).put(place::<Thing>(&key), &gone, None)).1,
        ["schedule=daily", "delete=secret"]
    );
}

#[test]
fn each_family_takes_settings_away_in_its_own_way() {
    let was = Other { id: "a".to_owned(), comment: Some("c".to_owned()), from: Some("f".to_owned()) };
    let want = Other { comment: None, from: None, ..was.clone() };
    let request = Settings::difference(&want, &was, &was).put(place_of(&want), &want, None);
    assert_eq!(told(&request).1, ["type=o", "delete=comment", "delete=from-address"]);
    let was = Emptied { id: "a".to_owned(), comment: Some("c".to_owned()) };
    let want = Emptied { comment: None, ..was.clone() };
    let request = Settings::difference(&want, &was, &was).put(place_of(&want), &want, None);
    assert_eq!(told(&request), ("PUT /emptied/a".to_owned(), vec!["comment=".to_owned()]));
}

#[test]
fn an_answer_is_read_in_each_of_pves_spellings() {
    let key = thing().key().unwrap();
    for said in [
        json!({"id": "a b", "path": "/x", "schedule": "daily", "enable": 0, "port": 25, "words": "b,a", "comment": "c", "origin": "o",
               "match-field": ["exact:type=a", "regex:b,c"], "limit": "7,per-node=1"}),
        json!({"id": "a b", "path": "/x", "schedule": "daily", "enable": "0", "port": "25", "words": ["a", "b"], "comment": "c", "origin": "o",
               "match-field": ["exact:type=a", "regex:b,c"], "limit": {"rate": "7", "per-node": true, "burst": 5}}),
    ] {
        let found: Thing = requests::model(&live(said.clone()), &key).unwrap();
        let expected = Thing {
            secret: None,
            secret_version: None,
            origin: Some("o".to_owned()),
            limit: Some(Limit { rate: 7, per_node: Some(true), burst: Some(5) }),
            ..full()
        };
        assert_eq!(found, expected, "{said}");
    }
    let bare = live(json!({"id": "a b", "path": "/x", "schedule": "daily", "port": "", "words": "", "comment": ""}));
    assert_eq!(requests::model::<Thing>(&bare, &key).unwrap(), Thing { enable: Some(true), ..thing() });
    let wrong = requests::model::<Thing>(&live(json!({"path": "/x", "schedule": "d", "port": "many"})), &key);
    assert_eq!(wrong.unwrap_err(), "`port`: expected a number, got \"many\".");
}

#[test]
fn a_key_tells_the_place_and_the_entry_of_the_list() {
    let key = thing().key().unwrap();
    assert_eq!(collection::<Thing>(&key), "things/joe@pve/list");
    assert_eq!(place::<Thing>(&key), "things/joe@pve/list/a%20b");
    assert_eq!(filled::<Thing>("/access/{owner}/{id}", &key), "/access/joe@pve/a b");
    assert!(requests::is::<Thing>(&live(json!({"id": "a b", "owner": "somebody else's word"})), &key));
    assert!(!requests::is::<Thing>(&live(json!({"id": "a"})), &key));
    let other = requests::key_of_entry::<Other>(&live(json!({"otherid": "x", "id": "y"}))).unwrap();
    assert_eq!(other.to_string(), "x");
}
