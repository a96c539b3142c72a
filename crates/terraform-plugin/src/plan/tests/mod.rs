//! The planning algorithm, rule by rule.

mod held;
mod planned;
mod refreshed;
mod verified;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::model::{Secret, Size, Timeouts};
use crate::registry::ObjectInfo;

/// A disk.
#[derive(crate::Nested, Clone, Debug, PartialEq)]
struct Disk {
    #[attr(required)]
    size: Size,
    #[attr(optional, replace)]
    storage: Option<String>,
    #[attr(keep)]
    cache: Option<String>,
    #[attr(computed)]
    volume: Option<String>,
    #[attr(local, default = false)]
    wipe: bool,
}

/// A port.
#[derive(crate::Nested, Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Port {
    #[attr(required)]
    number: i64,
    #[attr(default = "tcp")]
    protocol: String,
    #[attr(computed)]
    id: Option<String>,
}

/// Access.
#[derive(crate::Nested, Clone, Debug, PartialEq)]
struct Login {
    #[attr(required)]
    user: String,
    #[attr(optional, write_only)]
    password: Option<Secret<String>>,
}

/// A thing with one attribute of every kind.
#[derive(crate::Model, Clone, Debug, PartialEq)]
#[model(name = "thing", area = "Things", key(name))]
struct Thing {
    #[attr(required, replace)]
    name: String,
    #[attr(optional)]
    note: Option<String>,
    #[attr(keep)]
    size: Option<i64>,
    #[attr(keep, replace)]
    zone: Option<String>,
    #[attr(optional)]
    memory: Option<Size>,
    #[attr(computed)]
    id: Option<String>,
    #[attr(default = "auto")]
    mode: String,
    #[attr(local, default = false)]
    allow_destroy: bool,
    #[attr(optional)]
    tags: Option<BTreeSet<String>>,
    #[attr(optional)]
    boot: Option<Disk>,
    #[attr(optional)]
    disks: Option<BTreeMap<String, Disk>>,
    #[attr(optional)]
    spares: Option<Vec<Disk>>,
    #[attr(optional)]
    ports: Option<BTreeSet<Port>>,
    #[attr(optional)]
    login: Option<Login>,
    #[attr(optional, write_only)]
    token: Option<Secret<String>>,
    #[attr(keep)]
    extra: Option<BTreeMap<String, Disk>>,
    #[attr(ready)]
    ready: bool,
    #[attr(timeouts)]
    timeouts: Timeouts,
}

fn thing() -> ObjectInfo {
    let mut info = ObjectInfo::keyed::<Thing>();
    info.updates_settle = true;
    info
}

fn attributes() -> Vec<Attribute> {
    <Thing as crate::model::Object>::attributes()
}

/// An object with these attributes and null for the rest of `all`.
fn with(all: &[Attribute], set: &[(&str, Value)]) -> Attributes {
    let mut object: Attributes = all.iter().map(|a| (a.name.clone(), Value::Null)).collect();
    for (name, value) in set {
        assert!(object.insert((*name).to_owned(), value.clone()).is_some(), "there is no attribute {name}");
    }
    object
}

fn config(set: &[(&str, Value)]) -> Attributes {
    with(&attributes(), set)
}

fn disk(set: &[(&str, Value)]) -> Value {
    Value::Object(with(&<Disk as crate::model::Object>::attributes(), set))
}

fn port(set: &[(&str, Value)]) -> Value {
    Value::Object(with(&<Port as crate::model::Object>::attributes(), set))
}

fn login(set: &[(&str, Value)]) -> Value {
    Value::Object(with(&<Login as crate::model::Object>::attributes(), set))
}

fn list(elements: &[Value]) -> Value {
    Value::List(elements.to_vec())
}

fn map(entries: &[(&str, Value)]) -> Value {
    Value::map(entries.iter().cloned())
}

fn object(value: &Value) -> &Attributes {
    value.as_object().unwrap()
}

/// What a successful create of a configuration leaves in the state, when the API answers `api`.
fn created(set: &[(&str, Value)], api: &[(&str, Value)]) -> Attributes {
    let planned = plan(&thing(), &config(set), None);
    let mut found = planned.clone();
    for (name, value) in api {
        found.insert((*name).to_owned(), value.clone());
    }
    let (mut state, contradictions) = hold(&attributes(), &planned, &found);
    assert_eq!(contradictions, []);
    state.insert("ready".to_owned(), true.into());
    state
}

/// The plan, which must hold against core's rules.
fn planned(set: &[(&str, Value)], prior: Option<&Attributes>) -> Attributes {
    let config = config(set);
    let planned = plan(&thing(), &config, prior);
    assert_eq!(self_check(&attributes(), &config, prior, &planned), []);
    planned
}
