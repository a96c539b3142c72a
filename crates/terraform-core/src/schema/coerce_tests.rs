use serde_json::json;

use super::*;
use crate::types::Type;

fn attribute(kind: Kind, flags: &str) -> Attribute {
    let has = |flag| flags.contains(flag);
    Attribute {
        kind,
        required: has("required"),
        optional: has("optional"),
        computed: has("computed"),
        sensitive: false,
        write_only: false,
        deprecated: false,
    }
}

fn schema() -> Block {
    let text = |flags| attribute(Kind::Plain(Type::String), flags);
    let inside = [("size".to_owned(), text("required")), ("id".to_owned(), text("computed"))];
    let disks = Nested { nesting: Nesting::Map, attributes: inside.into() };
    let rule = Block { attributes: [("to".to_owned(), text("required"))].into(), blocks: BTreeMap::new() };
    let nested = |nesting, min, max| NestedBlock { nesting, block: rule.clone(), min, max, computed: false };
    Block {
        attributes: [
            ("name".to_owned(), text("required")),
            ("id".to_owned(), text("computed")),
            ("count".to_owned(), attribute(Kind::Plain(Type::Number), "optional")),
            ("disks".to_owned(), attribute(Kind::Nested(disks), "optional")),
        ]
        .into(),
        blocks: [
            ("rule".to_owned(), nested(Nesting::List, 0, 2)),
            ("each".to_owned(), nested(Nesting::Set, 0, 0)),
            ("one".to_owned(), nested(Nesting::Single, 0, 0)),
            ("by_key".to_owned(), nested(Nesting::Map, 0, 0)),
            ("group".to_owned(), NestedBlock { block: Block::default(), ..nested(Nesting::Group, 0, 0) }),
        ]
        .into(),
    }
}

fn refused(said: serde_json::Value) -> Vec<String> {
    let one = |refused: Refused| format!("{} {}: {}", refused.path, refused.summary, refused.detail);
    coerce(&schema(), &said.into()).1.into_iter().map(one).collect()
}

#[test]
fn what_is_not_said_is_null_or_empty() {
    let (value, refused) =
        coerce(&schema(), &json!({"name": "a", "count": "3", "disks": {"d": {"size": 1, "more": 2}}}).into());
    assert_eq!(refused, vec![]);
    assert_eq!(value.get("count"), 3.into());
    assert_eq!(value.get("disks.d"), Value::object([("size", "1".into()), ("id", Value::Null)]));
    assert_eq!(value.get("rule"), Value::List(vec![]));
    assert_eq!(value.get("each"), Value::Set(vec![]));
    assert_eq!(value.get("one"), Value::Null);
    assert_eq!(value.get("by_key"), Value::Map(BTreeMap::new()));
    assert_eq!(value.get("group"), Value::Object(BTreeMap::new()));
}

#[test]
fn blocks_by_their_nesting() {
    let said = json!({"name": "a", "rule": [{"to": "x"}], "each": [{"to": "y"}, {"to": "y"}], "one": [{"to": "z"}], "by_key": {"k": {"to": "w"}}});
    let (value, refused) = coerce(&schema(), &said.into());
    assert_eq!(refused, vec![]);
    assert_eq!(value.get("rule.0.to"), "x".into());
    assert_eq!(value.get("each"), Value::set([Value::object([("to", "y".into())])]));
    assert_eq!(value.get("one.to"), "z".into());
    assert_eq!(value.get("by_key.k.to"), "w".into());
    let unknown = Value::object([("name", "a".into()), ("rule", Value::UNKNOWN)]);
    assert_eq!(coerce(&schema(), &unknown).0.get("rule"), Value::UNKNOWN);
}

#[test]
fn what_terraform_refuses_by_itself() {
    for (said, told) in [
        (json!({}), ".name Missing required argument: The argument \"name\" is required, but no definition was found."),
        (
            json!({"name": "a", "nmae": 1}),
            ".nmae Unsupported argument: An argument named \"nmae\" is not expected here.",
        ),
        (
            json!({"name": "a", "id": "x"}),
            ".id Value for unconfigurable attribute: Can't configure a value for \"id\": its value will be decided automatically based on the result of applying this configuration.",
        ),
        (
            json!({"name": "a", "count": "x"}),
            ".count Incorrect attribute value type: Inappropriate value for attribute \"count\": number required.",
        ),
        (
            json!({"name": "a", "disks": {"d": {}}}),
            ".disks[\"d\"] Incorrect attribute value type: Inappropriate value for attribute \"disks\": [\"d\"]: attribute \"size\" is required.",
        ),
        (
            json!({"name": "a", "rule": [{"to": 1}, {"to": 2}, {"to": 3}]}),
            ".rule Too many rule blocks: No more than 2 \"rule\" blocks are allowed",
        ),
        (json!({"name": "a", "by_key": [1]}), ".by_key Missing key for by_key: All blocks of this kind have a key."),
    ] {
        assert_eq!(refused(said), vec![told]);
    }
}
