//! The arithmetic, on a schema that has everything.

use serde_json::json;

use super::{plan, propose, replace, result, stored};
use crate::diagnostics::Rule;
use crate::path::{Path, Step};
use crate::schema::{Attribute, Block, Kind, Nested, NestedBlock, Nesting, coerce};
use crate::types::Type;
use crate::value::{Refinement, Value};

fn attribute(kind: Kind, flags: &str) -> Attribute {
    let has = |flag| flags.split(' ').any(|given| given == flag);
    Attribute {
        kind,
        required: has("required"),
        optional: has("optional"),
        computed: has("computed"),
        sensitive: has("sensitive"),
        write_only: has("write_only"),
        deprecated: false,
    }
}

fn text(flags: &str) -> Attribute {
    attribute(Kind::Plain(Type::String), flags)
}

fn inside(nesting: Nesting, flags: &str) -> Attribute {
    let attributes = [
        ("size".to_owned(), text("optional")),
        ("id".to_owned(), text("computed")),
        ("auto".to_owned(), text("optional computed")),
    ];
    attribute(Kind::Nested(Nested { nesting, attributes: attributes.into() }), flags)
}

fn schema() -> Block {
    let rule = Block {
        attributes: [("to".to_owned(), text("required")), ("id".to_owned(), text("computed"))].into(),
        blocks: [].into(),
    };
    let block = |nesting, computed| NestedBlock { nesting, block: rule.clone(), min: 0, max: 0, computed };
    Block {
        attributes: [
            ("name".to_owned(), text("required")),
            ("id".to_owned(), text("computed")),
            ("kept".to_owned(), text("optional computed")),
            ("hidden".to_owned(), text("optional sensitive")),
            ("secret".to_owned(), text("optional write_only")),
            ("single".to_owned(), inside(Nesting::Single, "optional")),
            ("list".to_owned(), inside(Nesting::List, "optional")),
            ("set".to_owned(), inside(Nesting::Set, "optional")),
            ("map".to_owned(), inside(Nesting::Map, "optional")),
            ("free".to_owned(), inside(Nesting::Single, "optional computed")),
            ("tags".to_owned(), attribute(Kind::Plain(Type::set(Type::String)), "optional")),
            ("labels".to_owned(), attribute(Kind::Plain(Type::map(Type::String)), "optional")),
        ]
        .into(),
        blocks: [
            ("rules".to_owned(), block(Nesting::List, false)),
            ("each".to_owned(), block(Nesting::Set, false)),
            ("by_key".to_owned(), block(Nesting::Map, false)),
            ("one".to_owned(), block(Nesting::Single, false)),
            ("told".to_owned(), block(Nesting::List, true)),
        ]
        .into(),
    }
}

/// An object of the schema; computed attributes may be given, too.
fn object(json: serde_json::Value) -> Value {
    let mut open = schema();
    for attribute in open.attributes.values_mut() {
        (attribute.optional, attribute.required) = (true, false);
    }
    let (value, refused) = coerce(&open, &json.into());
    assert_eq!(
        refused
            .iter()
            .filter(|one| !one.summary.starts_with("Value for") && !one.summary.starts_with("Missing"))
            .count(),
        0,
        "{refused:?}"
    );
    value
}

/// The same with one attribute being something else.
fn with(value: &Value, name: &str, other: Value) -> Value {
    let Value::Object(mut of) = value.clone() else { panic!() };
    of.insert(name.to_owned(), other);
    Value::Object(of)
}

fn proposed(prior: &Value, config: &Value) -> Value {
    propose::proposed(&schema(), prior, config)
}

#[test]
fn what_is_proposed_where_nothing_was() {
    let config = object(json!({"name": "n", "secret": "s", "single": {"size": 1}, "rules": [{"to": "x"}]}));
    let proposal = proposed(&Value::Null, &config);
    assert_eq!(
        proposal,
        with(&config, "told", Value::List(vec![])),
        "null, not unknown; secrets included; blocks are empty"
    );
    assert_eq!(proposed(&Value::Null, &Value::Null), Value::Null);
}

#[test]
fn what_the_provider_decided_stays_where_nothing_is_configured() {
    let prior = object(json!({"name": "n", "id": "1", "kept": "k", "hidden": "h", "told": [{"to": "t", "id": "9"}]}));
    let proposal = proposed(&prior, &object(json!({"name": "m"})));
    assert_eq!((proposal.get("id"), proposal.get("kept")), ("1".into(), "k".into()));
    assert_eq!((proposal.get("name"), proposal.get("hidden")), ("m".into(), Value::Null));
    assert_eq!(proposal.get("told.0.to"), "t".into(), "blocks that the provider decides on");
    assert_eq!(proposed(&prior, &object(json!({"name": "n", "kept": "mine"}))).get("kept"), "mine".into());
}

#[test]
fn elements_are_brought_together_by_place_by_key_and_by_likeness() {
    let prior = object(json!({
        "name": "n",
        "single": {"size": "1", "id": "s", "auto": "a"},
        "list": [{"size": "1", "id": "l0"}, {"size": "2", "id": "l1"}],
        "map": {"a": {"size": "1", "id": "ma"}, "b": {"size": "2", "id": "mb"}},
        "set": [{"size": "1", "id": "s1"}, {"size": "2", "id": "s2"}],
        "rules": [{"to": "x", "id": "r0"}],
        "each": [{"to": "x", "id": "ex"}, {"to": "y", "id": "ey"}],
        "by_key": {"k": {"to": "x", "id": "bk"}},
        "one": {"to": "x", "id": "o"},
    }));
    let config = object(json!({
        "name": "n",
        "single": {"size": "9"},
        "list": [{"size": "9"}, {"size": "2"}, {"size": "3"}],
        "map": {"b": {"size": "9"}, "c": {"size": "1"}},
        "set": [{"size": "2"}, {"size": "3"}],
        "rules": [{"to": "z"}, {"to": "x"}],
        "each": [{"to": "y"}, {"to": "z"}],
        "by_key": {"k": {"to": "z"}},
        "one": {"to": "z"},
    }));
    let proposal = proposed(&prior, &config);
    for (path, is) in [
        ("single.id", json!("s")),
        ("single.size", json!("9")),
        ("single.auto", json!("a")),
        ("list.0.id", json!("l0")),
        ("list.1.id", json!("l1")),
        ("list.2.id", json!(null)),
        ("map.b.id", json!("mb")),
        ("map.c.id", json!(null)),
        ("map.a", json!(null)),
        ("rules.0.id", json!("r0")),
        ("rules.1.id", json!(null)),
        ("by_key.k.id", json!("bk")),
        ("one.id", json!("o")),
    ] {
        assert_eq!(proposal.get(path), is.into(), "{path}");
    }
    let ids = |path: &str, of: &str| {
        let one = |element: &Value| (element.get(of), element.get("id"));
        proposal.get(path).elements().into_iter().map(one).collect::<Vec<_>>()
    };
    assert_eq!(ids("set", "size"), [("3".into(), Value::Null), ("2".into(), "s2".into())], "null sorts first");
    assert_eq!(ids("each", "to"), [("z".into(), Value::Null), ("y".into(), "ey".into())]);
    assert_eq!(proposed(&prior, &object(json!({"name": "n"}))).get("single"), Value::Null);
}

#[test]
fn what_was_configured_goes_though_the_provider_may_decide() {
    let config = object(json!({"name": "n"}));
    let decided = object(json!({"name": "n", "free": {"id": "x", "auto": "y"}}));
    assert_eq!(proposed(&decided, &config).get("free.id"), "x".into());
    let configured = object(json!({"name": "n", "free": {"size": "1", "id": "x"}}));
    assert_eq!(proposed(&configured, &config).get("free"), Value::Null);
}

#[test]
fn what_is_not_known_stays_unknown_in_a_proposal() {
    let prior = object(json!({"name": "n", "single": {"size": "1", "id": "s"}, "rules": [{"to": "x", "id": "r"}]}));
    let config = with(&object(json!({"name": "n"})), "single", Value::UNKNOWN);
    assert_eq!(proposed(&prior, &config).get("single"), Value::UNKNOWN);
    let config = with(&object(json!({"name": "n"})), "rules", Value::UNKNOWN);
    assert_eq!(proposed(&prior, &config).get("rules"), Value::UNKNOWN);
    let later = propose::awaited(&schema(), &object(json!({"name": "n", "rules": [{"to": "x"}]})));
    assert_eq!(
        (later.get("id"), later.get("hidden"), later.get("rules.0.id")),
        (Value::UNKNOWN, Value::Null, Value::UNKNOWN)
    );
}

fn plan(prior: &Value, config: &Value, planned: &Value) -> Vec<(Rule, String)> {
    plan::broken(&schema(), prior, config, planned).into_iter().map(|one| (one.rule, one.told())).collect()
}

#[test]
fn what_a_provider_may_plan() {
    let prior = object(json!({"name": "old", "kept": "k", "list": [{"size": "1", "id": "a"}], "tags": ["a"]}));
    let config = object(json!({"name": "new", "list": [{"size": "01"}], "tags": ["A"]}));
    let known = Value::Unknown(Some(Box::new(Refinement { not_null: true, ..Refinement::default() })));
    for (why, config, planned) in [
        ("as configured", config.clone(), config.clone()),
        ("what is configured now is what was, said otherwise", config.clone(), with(&config, "name", "old".into())),
        ("per leaf", config.clone(), with(&config, "list", prior.get("list"))),
        ("whole collections too", config.clone(), with(&config, "tags", prior.get("tags"))),
        (
            "anything where nothing is configured",
            config.clone(),
            with(&with(&config, "id", "any".into()), "kept", Value::UNKNOWN),
        ),
        ("inside, too", config.clone(), {
            let one = Value::object([("size", "01".into()), ("id", "x".into()), ("auto", Value::UNKNOWN)]);
            with(&config, "list", Value::List(vec![one]))
        }),
        (
            "an unknown of which something is known",
            with(&config, "name", known.clone()),
            with(&config, "name", Value::UNKNOWN),
        ),
        ("and the other way round", with(&config, "name", Value::UNKNOWN), with(&config, "name", known)),
        (
            "a set of blocks with anything in it",
            object(json!({"name": "new", "each": [{"to": "x"}]})),
            object(json!({"name": "new", "each": [{"to": "y"}]})),
        ),
        (
            "blocks that are left to it",
            config.clone(),
            with(&config, "told", object(json!({"told": [{"to": "t"}]})).get("told")),
        ),
        ("no secret", with(&config, "secret", "s".into()), config.clone()),
    ] {
        let planned = if planned.get("told").is_null() { with(&planned, "told", Value::List(vec![])) } else { planned };
        assert_eq!(plan(&prior, &config, &planned), vec![], "{why}");
    }
}

#[test]
fn what_a_provider_may_not_plan() {
    let config = with(&object(json!({"name": "n"})), "told", Value::List(vec![]));
    let one = |name: &str, configured: Value, planned: Value| {
        let (config, planned) = (with(&config, name, configured), with(&config, name, planned));
        plan(&Value::Null, &config, &planned)
    };
    assert_eq!(
        one("name", Value::UNKNOWN, "x".into()),
        [(
            Rule::PlanNotConfig,
            ".name: planned value cty.StringVal(\"x\") does not match config value cty.UnknownVal(cty.String)"
                .to_owned()
        )],
        "what is not known yet is not the provider's to find out"
    );
    assert_eq!(
        one("hidden", Value::Null, "x".into())[0].1,
        ".hidden: sensitive planned value for a non-computed attribute"
    );
    assert_eq!(
        one("hidden", "y".into(), "x".into())[0].1,
        ".hidden: sensitive planned value does not match config value"
    );
    let sized = |size: &str| object(json!({"map": {"a": {"size": size}}})).get("map");
    assert_eq!(
        one("map", sized("1"), sized("2"))[0].1,
        ".map.a.size: planned value cty.StringVal(\"2\") does not match config value cty.StringVal(\"1\")"
    );
    let sets = object(json!({"set": [{"size": "1"}, {"size": "2"}]})).get("set");
    let fewer = object(json!({"set": [{"size": "1"}]})).get("set");
    assert_eq!(one("set", sets, fewer)[0].0, Rule::PlanCount);
    let rules = |to: &str| object(json!({"rules": [{"to": to}]})).get("rules");
    assert_eq!(
        one("rules", rules("x"), rules("y"))[0].1,
        ".rules[0].to: planned value cty.StringVal(\"y\") does not match config value cty.StringVal(\"x\")"
    );
    let prior = with(&config, "hidden", "z".into());
    let told = plan(&prior, &with(&config, "hidden", "y".into()), &with(&config, "hidden", "x".into()));
    assert_eq!(told[0].1, ".hidden: sensitive planned value does not match config value nor prior value");
}

fn compared(planned: &Value, actual: &Value) -> Vec<String> {
    result::broken(Rule::ResultInconsistent, &schema(), planned, actual).iter().map(super::Broken::told).collect()
}

#[test]
fn what_may_become_of_a_plan() {
    let planned = object(
        json!({"name": "n", "list": [{"size": "1"}], "set": [{"size": "1"}], "tags": ["a"], "each": [{"to": "x"}]}),
    );
    let planned = with(&with(&planned, "id", Value::UNKNOWN), "told", Value::UNKNOWN);
    let actual = with(&with(&planned, "id", Value::Null), "told", Value::List(vec![]));
    assert_eq!(compared(&planned, &actual), Vec::<String>::new());
    assert_eq!(
        compared(&with(&planned, "tags", Value::set([Value::UNKNOWN, "a".into()])), &actual),
        Vec::<String>::new(),
        "unknown elements may become one"
    );
    let with_id = |id: Value| Value::set([Value::object([("to", "x".into()), ("id", id)])]);
    assert_eq!(
        compared(&with(&planned, "each", with_id(Value::UNKNOWN)), &with(&actual, "each", with_id("1".into()))),
        Vec::<String>::new()
    );
}

#[test]
fn what_may_not_become_of_a_plan() {
    let planned = object(
        json!({"name": "n", "hidden": "h", "list": [{"size": "1"}], "labels": {"a": "x"}, "tags": ["a"], "rules": [{"to": "x"}], "each": [{"to": "x"}]}),
    );
    let planned = with(&planned, "told", Value::List(vec![]));
    let one = |name: &str, is: Value| {
        let told = compared(&planned, &with(&planned, name, is));
        assert_eq!(told.len(), 1, "{told:?}");
        told[0].clone()
    };
    let of = |json: serde_json::Value, name: &str| object(json).get(name);
    assert_eq!(one("name", "zzz".into()), ".name: was cty.StringVal(\"n\"), but now cty.StringVal(\"zzz\")");
    assert_eq!(one("name", Value::Null), ".name: was cty.StringVal(\"n\"), but now null");
    assert_eq!(one("kept", "x".into()), ".kept: was null, but now cty.StringVal(\"x\")");
    assert_eq!(one("name", Value::UNKNOWN), ".name: was known, but now unknown");
    assert_eq!(one("hidden", "x".into()), ".hidden: inconsistent values for sensitive attribute");
    assert_eq!(
        one("list", of(json!({"list": [{"size": "2"}]}), "list")),
        ".list[0].size: was cty.StringVal(\"1\"), but now cty.StringVal(\"2\")"
    );
    assert_eq!(one("list", Value::List(vec![])), ".list: element 0 has vanished");
    assert_eq!(
        one("labels", of(json!({"labels": {"a": "x", "b": "y"}}), "labels")),
        ".labels: new element \"b\" has appeared"
    );
    assert_eq!(one("labels", of(json!({"labels": {}}), "labels")), ".labels: element \"a\" has vanished");
    assert_eq!(
        one("tags", of(json!({"tags": ["b"]}), "tags")),
        ".tags: planned set element cty.StringVal(\"a\") does not correlate with any element in actual"
    );
    assert_eq!(one("rules", Value::List(vec![])), ".rules: block count changed from 1 to 0");
    assert_eq!(one("told", Value::Null), ".told: null block value after apply");
    let more = compared(&planned, &with(&planned, "tags", of(json!({"tags": ["a", "b"]}), "tags")));
    assert_eq!(
        more,
        [
            ".tags: actual set element cty.StringVal(\"b\") does not correlate with any element in plan",
            ".tags: length changed from 1 to 2"
        ]
    );
    let blocks = compared(&planned, &with(&planned, "each", of(json!({"each": [{"to": "y"}]}), "each")));
    assert!(blocks[0].starts_with(".each: planned set element cty.ObjectVal("), "{blocks:?}");
    assert_eq!(compared(&planned, &Value::Null), ["Root object was present, but now absent"]);
    assert_eq!(compared(&Value::Null, &planned), ["Root object was absent, but now present"]);
}

#[test]
fn which_changes_replace() {
    let prior = object(json!({"name": "a", "map": {"k": {"size": "1"}}}));
    let planned =
        with(&object(json!({"name": "a", "map": {"k": {"size": "2"}, "l": {"size": "1"}}})), "id", Value::UNKNOWN);
    let key = |key: &str| Path::ROOT.attribute("map").then(Step::Key(key.to_owned())).attribute("size");
    let paths =
        [Path::ROOT.attribute("name"), Path::ROOT.attribute("id"), key("k"), key("l"), Path::ROOT.attribute("secret")];
    let replacing = replace::replacing(&schema(), &paths, &prior, &planned).unwrap();
    assert_eq!(
        replacing,
        [Path::ROOT.attribute("id"), key("k"), key("l"), Path::ROOT.attribute("secret")],
        "name did not change, of a secret nobody knows"
    );
    assert_eq!(replace::replacing(&schema(), &[key("none")], &prior, &planned), Err(key("none")));
    assert_eq!(replace::replacing(&schema(), &[key("none")], &Value::Null, &planned), Ok(vec![]));
}

#[test]
fn what_may_not_be_stored() {
    let value = with(&object(json!({"name": "n", "secret": "s"})), "rules", Value::List(vec![Value::UNKNOWN]));
    assert_eq!(stored::write_only(&schema(), &value), [Path::ROOT.attribute("secret")]);
    assert_eq!(stored::unknown(&value), [Path::ROOT.attribute("rules").then(Step::Index(0))]);
}
