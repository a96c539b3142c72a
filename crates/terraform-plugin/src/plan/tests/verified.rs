//! Core's own rules: each row of `AssertPlanValid`, broken.

use super::*;

/// The paths at which a plan is refused.
fn refused(set: &[(&str, Value)], prior: Option<&Attributes>, change: impl FnOnce(&mut Attributes)) -> Vec<String> {
    let config = config(set);
    let mut planned = plan(&thing(), &config, prior);
    change(&mut planned);
    let said = self_check(&attributes(), &config, prior, &planned);
    said.iter().map(|d| format!("{}: {}", d.path, d.detail.split('.').next().unwrap_or_default())).collect()
}

fn name() -> (&'static str, Value) {
    ("name", "a".into())
}

fn put(name: &str, value: impl Into<Value>) -> impl FnOnce(&mut Attributes) {
    let (name, value) = (name.to_owned(), value.into());
    move |planned| drop(planned.insert(name, value))
}

#[test]
fn what_is_computed_may_be_anything() {
    for value in [Value::Null, Value::Unknown, "x".into()] {
        assert_eq!(refused(&[name()], None, put("id", value.clone())), [""; 0]);
    }
    assert_eq!(refused(&[name()], None, put("size", 3)), [""; 0]);
    assert_eq!(refused(&[name()], None, put("mode", "other")), [""; 0]);
}

#[test]
fn what_is_not_configured_and_not_computed_is_null() {
    let problem = "note: It plans a value for an attribute that is neither configured nor computed";
    assert_eq!(refused(&[name()], None, put("note", "x")), [problem]);
    assert_eq!(refused(&[name()], None, put("note", Value::Unknown)), [problem]);
}

#[test]
fn what_is_configured_is_planned_or_was_there() {
    let problem = "note: It plans a value that is neither the configured one nor the prior one";
    let set = [name(), ("note", "Text".into())];
    assert_eq!(refused(&set, None, put("note", "text")), [problem]);
    assert_eq!(refused(&set, None, put("note", Value::Null)), [problem]);
    let prior = created(&[name(), ("note", "text".into())], &[]);
    assert_eq!(refused(&set, Some(&prior), put("note", "text")), [""; 0]);
    assert_eq!(refused(&set, Some(&prior), put("note", "TEXT")), [problem]);
    let unset = created(&[name()], &[]);
    assert_eq!(refused(&set, Some(&unset), put("note", Value::Null)), [problem]);
    // A configured value that is not known yet must not be resolved.
    assert_eq!(refused(&[name(), ("note", Value::Unknown)], None, put("note", "x")), [problem]);
    // Also where the provider would decide if it were unset.
    assert_eq!(refused(&[name(), ("size", 3.into())], None, put("size", 4)).len(), 1);
}

#[test]
fn what_is_write_only_is_never_planned() {
    let problem = "token: It plans a value for a write-only attribute";
    assert_eq!(refused(&[name(), ("token", "t".into())], None, put("token", "t")), [problem]);
    let with = login(&[("user", "u".into()), ("password", "p".into())]);
    let found = refused(&[name(), ("login", with.clone())], None, put("login", with));
    // The nested object is the configured one as a whole; core refuses what is write-only all the same.
    assert_eq!(found, ["login.password: It plans a value for a write-only attribute"]);
}

#[test]
fn nested_attributes_are_neither_open_nor_absent_nor_of_another_count() {
    let one = disk(&[("size", "1G".into())]);
    let set = [
        name(),
        ("boot", one.clone()),
        ("disks", map(&[("a", one.clone())])),
        ("spares", list(std::slice::from_ref(&one))),
        ("ports", list(&[port(&[("number", 1.into())])])),
    ];
    for attribute in ["boot", "disks", "spares", "ports"] {
        let unknown = format!("{attribute}: It plans unknown for a configured value");
        assert_eq!(refused(&set, None, put(attribute, Value::Unknown)), [unknown]);
        let absent = format!("{attribute}: It plans absence, but the configuration wants existence");
        assert_eq!(refused(&set, None, put(attribute, Value::Null)), [absent]);
    }
    let count = "spares: It plans 0 elements where 1 are configured";
    assert_eq!(refused(&set, None, put("spares", list(&[]))), [count]);
    assert_eq!(refused(&set, None, put("ports", list(&[])))[0].replace("ports", "spares"), count);
    let found = refused(&set, None, put("disks", map(&[("b", one)])));
    let expected = [
        "disks[\"b\"]: It plans an element that is not configured",
        "disks[\"a\"]: It plans absence of a configured element",
    ];
    assert_eq!(found, expected);
    assert_eq!(
        refused(&set, None, put("ports", list(&[Value::Unknown]))),
        ["ports: It plans an unknown element of a set"]
    );
}

#[test]
fn the_rules_hold_inside_of_nested_attributes() {
    let one = disk(&[("size", "1G".into())]);
    let set = [name(), ("disks", map(&[("a", one.clone())])), ("spares", list(&[one.clone(), one.clone()]))];
    let change = |planned: &mut Attributes, path: Path| {
        let mut value = Value::Object(planned.clone());
        assert!(value.set(&path, "2G".into()));
        *planned = value.as_object().unwrap().clone();
    };
    let at = |path: Path| refused(&set, None, |planned| change(planned, path));
    let problem = "It plans a value that is neither the configured one nor the prior one";
    assert_eq!(at(Path::attr("disks").key("a").at("size")), [format!("disks[\"a\"].size: {problem}")]);
    assert_eq!(at(Path::attr("spares").index(1).at("size")), [format!("spares[1].size: {problem}")]);
    assert_eq!(at(Path::attr("disks").key("a").at("volume")), [""; 0]);
}
