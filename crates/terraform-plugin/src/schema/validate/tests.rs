use super::*;
use crate::schema::Rule;

fn plain(name: &str, ty: Type, checks: Vec<Check>) -> Attribute {
    Attribute { checks, ..Attribute::new(name, Kind::Plain(ty), Rule::Optional) }
}

fn nested(name: &str, nesting: Nesting, attributes: Vec<Attribute>, checks: Vec<Check>) -> Attribute {
    Attribute { checks, ..Attribute::new(name, Kind::Nested(nesting, attributes), Rule::Optional) }
}

fn told(attributes: Vec<Attribute>, checks: Vec<Check>, value: Value) -> Vec<String> {
    let schema = Schema { attributes, checks, ..Schema::default() };
    validate(&schema, &value).iter().map(|d| format!("{} | {} | {}", d.path, d.summary, d.detail)).collect()
}

#[test]
fn null_is_nothing_where_something_is_needed() {
    let required = |name: &str| Attribute::new(name, Kind::Plain(Type::String), Rule::Required);
    let attributes = || {
        vec![
            required("a"),
            plain("b", Type::list(Type::String), vec![]),
            plain("c", Type::set(Type::String), vec![]),
            nested("d", Nesting::List, vec![required("e")], vec![]),
            nested("f", Nesting::Single, vec![required("g")], vec![]),
        ]
    };
    let all = |a: Value, b: Value, d: Value| {
        Value::object([("a", a), ("b", b), ("c", Value::Null), ("d", d), ("f", Value::Null)])
    };
    let e = |e: Value| Value::object([("e", e)]);
    let fine = all("x".into(), Value::list(["x"]), Value::List(vec![e(Value::Unknown)]));
    assert_eq!(told(attributes(), vec![], fine), [""; 0]);
    let wrong =
        all(Value::Null, Value::List(vec!["x".into(), Value::Null]), Value::List(vec![Value::Null, e(Value::Null)]));
    let told: Vec<String> =
        told(attributes(), vec![], wrong).iter().map(|t| t.split(" | ").nth(1).unwrap().to_owned()).collect();
    let named = ["a", "b[1]", "d[0]", "d[1].e"].map(|path| format!("{path} must not be null"));
    assert_eq!(told, named);
}

#[test]
fn each_check_says_what_was_found_and_what_is_allowed() {
    for (check, ty, bad, good, detail) in [
        (Check::range(1..=7), Type::Number, Value::from(9), Value::from(7), "a must be between 1 and 7, not 9."),
        (
            Check::range(0.5..),
            Type::Number,
            Value::Number("0.49999999999999999999".parse().unwrap()),
            Value::Number("0.5".parse().unwrap()),
            "a must be at least 0.5, not 0.49999999999999999999.",
        ),
        (
            Check::length(2..=3),
            Type::String,
            "äöüß".into(),
            "äöü".into(),
            "a must have between 2 and 3 characters, and has 4.",
        ),
        (
            Check::length(1..),
            Type::list(Type::String),
            Value::List(vec![]),
            Value::list(["x"]),
            "a must not be empty: leave it out.",
        ),
        (
            Check::regex("[a-z]+|x1", "lower-case letters"),
            Type::String,
            "ab\n".into(),
            "x1".into(),
            "a must be lower-case letters, not \"ab\\n\".",
        ),
        (
            Check::one_of(["on", "off", "warn"]),
            Type::String,
            "On".into(),
            "off".into(),
            "a must be one of `on`, `off`, `warn`, not \"On\".",
        ),
        (
            Check::new("even", |v| match v.as_number().and_then(|n| n.as_i64()) {
                Some(n) if n % 2 == 0 => Ok(()),
                _ => Err("Found something odd. Allowed: even numbers.".to_owned()),
            }),
            Type::Number,
            3.into(),
            4.into(),
            "Found something odd. Allowed: even numbers.",
        ),
        (
            Check::new("unit", |v| match v.as_str() {
                Some("5") => Err("has no unit: did you mean `5G`?".to_owned()),
                _ => Ok(()),
            }),
            Type::String,
            "5".into(),
            "5G".into(),
            "a has no unit: did you mean `5G`?",
        ),
        (
            Check::new("severity", |v| match v.as_str() {
                Some("err") => Err("\"err\" is no severity".to_owned()),
                _ => Ok(()),
            }),
            Type::String,
            "err".into(),
            "error".into(),
            "\"err\" is no severity.",
        ),
    ] {
        let tell =
            |value| told(vec![plain("a", ty.clone(), vec![check.clone()])], vec![], Value::object([("a", value)]));
        assert_eq!(tell(bad), [format!("a | Invalid value for a | {detail}")]);
        for fine in [good, Value::Null, Value::Unknown] {
            assert_eq!(tell(fine), [""; 0], "{check:?}");
        }
    }
}

#[test]
fn paths_lead_through_collections_and_end_at_sets() {
    let size = || vec![plain("size", Type::Number, vec![Check::range(1..)])];
    let attributes = vec![
        nested("map", Nesting::Map, size(), vec![]),
        nested("list", Nesting::List, size(), vec![]),
        nested("set", Nesting::Set, size(), vec![]),
        nested("one", Nesting::Single, size(), vec![]),
        plain("words", Type::list(Type::String), vec![Check::one_of(["a"]).each()]),
        plain("bag", Type::set(Type::String), vec![Check::one_of(["a"]).each()]),
    ];
    let zero = || Value::object([("size", 0.into())]);
    let value = Value::object([
        ("map", Value::map([("k", zero()), ("u", Value::Unknown)])),
        ("list", Value::List(vec![Value::Unknown, zero()])),
        ("set", Value::List(vec![zero()])),
        ("one", zero()),
        ("words", Value::List(vec!["a".into(), Value::Unknown, "b".into()])),
        ("bag", Value::list(["a", "b"])),
    ]);
    let schema = Schema { attributes, ..Schema::default() };
    let found = validate(&schema, &value);
    let in_set = found.iter().find(|d| d.path == Path::attr("set")).unwrap();
    assert_eq!(in_set.detail, "set.size must be at least 1, not 0.", "the text says more than the path can");
    let paths: Vec<_> = found.iter().map(|d| d.path.to_string()).collect();
    assert_eq!(paths, [r#"map["k"].size"#, "list[1].size", "set", "one.size", "words[2]", "bag"]);
}

#[test]
fn sensitive_values_are_not_told() {
    let loud = Check::new("long enough", |v| Err(format!("{v} is too short")));
    let mut secret = plain("pin", Type::String, vec![Check::length(6..), loud, Check::one_of(["x"])]);
    secret.sensitive = true;
    let told = told(vec![secret], vec![], Value::object([("pin", "1234".into())]));
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|t| !t.contains("1234") && t.contains("Allowed: ")), "{told:?}");
}

#[test]
fn sensitive_reaches_down() {
    let mut outer =
        nested("login", Nesting::Single, vec![plain("pin", Type::String, vec![Check::length(6..)])], vec![]);
    outer.sensitive = true;
    let told = told(vec![outer], vec![], Value::object([("login", Value::object([("pin", "1234".into())]))]));
    assert!(told.len() == 1 && !told[0].contains("1234"), "{told:?}");
}

#[test]
fn attributes_that_go_together() {
    let (set, null, open) = (|| Value::from("x"), || Value::Null, || Value::Unknown);
    for (check, a, b, c, path) in [
        (Check::conflicts(["a", "b"]), set(), set(), null(), Some("b")),
        (Check::conflicts(["a", "b"]), set(), open(), null(), None),
        (Check::conflicts(["a", "b"]), set(), null(), set(), None),
        (Check::requires(["a", "b"]), set(), null(), null(), Some("a")),
        (Check::requires(["a", "b"]), set(), open(), null(), None),
        (Check::requires(["a", "b"]), open(), null(), null(), None),
        (Check::requires(["a", "b"]), null(), set(), null(), None),
        (Check::exactly_one(["a", "b", "c"]), null(), set(), set(), Some("c")),
        (Check::exactly_one(["a", "b", "c"]), null(), null(), null(), Some("")),
        (Check::exactly_one(["a", "b", "c"]), null(), null(), open(), None),
        (Check::exactly_one(["a", "b", "c"]), open(), null(), set(), None),
        (Check::exactly_one(["a", "b", "c"]), open(), set(), set(), Some("c")),
        (Check::at_least_one(["a", "b"]), null(), null(), set(), Some("")),
        (Check::at_least_one(["a", "b"]), null(), open(), null(), None),
        (Check::at_least_one(["a", "b"]), set(), set(), null(), None),
    ] {
        let attributes = || ["a", "b", "c"].map(|name| plain(name, Type::String, vec![])).to_vec();
        let value = Value::object([("a", a), ("b", b), ("c", c)]);
        let schema = Schema { attributes: attributes(), checks: vec![check.clone()], ..Schema::default() };
        let paths: Vec<_> = validate(&schema, &value).iter().map(|d| d.path.to_string()).collect();
        assert_eq!(paths, Vec::from_iter(path), "{check:?} on {value}");

        let outer = nested("outer", Nesting::Map, attributes(), vec![check.clone().each()]);
        let value = Value::object([("outer", Value::map([("k", value)]))]);
        let schema = Schema { attributes: vec![outer], ..Schema::default() };
        let paths: Vec<_> = validate(&schema, &value).iter().map(|d| d.path.to_string()).collect();
        let below = path.map(|p| if p.is_empty() { r#"outer["k"]"#.to_owned() } else { format!(r#"outer["k"].{p}"#) });
        assert_eq!(paths, Vec::from_iter(below), "{check:?} on {value}");
    }
}

#[test]
fn custom_checks_see_whole_values_only() {
    let check = Check::new("never", |_| Err("called".to_owned()));
    let attribute = || vec![plain("a", Type::list(Type::String), vec![check.clone()])];
    let half = Value::object([("a", Value::List(vec![Value::Unknown]))]);
    assert_eq!(told(attribute(), vec![check.clone()], half), [""; 0]);
    let whole = Value::object([("a", Value::list(["x"]))]);
    assert_eq!(
        told(attribute(), vec![check.clone()], whole),
        ["a | Invalid value for a | a called.", " | Invalid configuration | called."]
    );
}

#[test]
fn a_broken_pattern_is_an_error_and_no_panic() {
    let told =
        told(vec![plain("a", Type::String, vec![Check::regex("(", "x")])], vec![], Value::object([("a", "x".into())]));
    assert!(told[0].contains("the provider's own expression is wrong"), "{told:?}");
}
