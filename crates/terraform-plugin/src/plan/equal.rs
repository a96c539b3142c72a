//! When two values are equal: sets without regard to order, and texts that mean the same where that is asked for.

use crate::registry::Attributes;
use crate::schema::{Attribute, Kind, Nesting};
use crate::value::Value;

/// How two values are compared.
#[derive(Clone, Copy)]
pub(super) struct By {
    /// Different texts of the same meaning are equal; so are null and an empty collection.
    meaning: bool,
    /// Attributes for which this is true are not looked at.
    skip: fn(&Attribute) -> bool,
}

/// As Terraform compares.
pub(super) const EXACTLY: By = By { meaning: false, skip: |_| false };
/// Leaving out what is never sent.
pub(super) const EXACTLY_BUT_LOCAL: By = By { meaning: false, skip: |a| a.local && !a.rouses };
/// As the object compares.
pub(super) const BY_MEANING: By = By { meaning: true, skip: |a| a.local || a.write_only };

const NULL: &Value = &Value::Null;

/// An attribute of an object; null when it is missing.
pub(super) fn get<'a>(attributes: &'a Attributes, name: &str) -> &'a Value {
    attributes.get(name).unwrap_or(NULL)
}

/// Whether it is a value: neither null nor unknown.
pub(super) fn is_set(value: &Value) -> bool {
    !matches!(value, Value::Null | Value::Unknown)
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::List(elements) => elements.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    }
}

impl By {
    /// Two objects with these attributes.
    pub(super) fn objects(self, attributes: &[Attribute], a: &Attributes, b: &Attributes) -> bool {
        let same = |attribute: &Attribute| self.attribute(attribute, get(a, &attribute.name), get(b, &attribute.name));
        attributes.iter().all(|attribute| (self.skip)(attribute) || same(attribute))
    }

    /// Two values of an attribute.
    pub(super) fn attribute(self, attribute: &Attribute, a: &Value, b: &Value) -> bool {
        if a == b {
            return true;
        }
        if self.meaning {
            let both_set = is_set(a) && is_set(b);
            if (is_empty(a) && is_empty(b)) || (both_set && attribute.same.is_some_and(|same| same(a, b))) {
                return true;
            }
        }
        match &attribute.kind {
            Kind::Plain(ty) => Value::equal(ty, a, b),
            Kind::Nested(nesting, attributes) => self.nested(*nesting, attributes, a, b),
        }
    }

    /// Two elements of a nested attribute.
    pub(super) fn elements(self, attributes: &[Attribute], a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::Object(a), Value::Object(b)) => self.objects(attributes, a, b),
            _ => a == b,
        }
    }

    fn nested(self, nesting: Nesting, attributes: &[Attribute], a: &Value, b: &Value) -> bool {
        let elements = |a: &Value, b: &Value| self.elements(attributes, a, b);
        match (nesting, a, b) {
            (Nesting::Single, a, b) => elements(a, b),
            (Nesting::List, Value::List(a), Value::List(b)) => in_order(a, b, elements),
            (Nesting::Set, Value::List(a), Value::List(b)) => in_any_order(a, b, elements),
            (Nesting::Map, Value::Map(a), Value::Map(b)) => by_key(a, b, elements),
            _ => false,
        }
    }
}

fn in_order(a: &[Value], b: &[Value], equal: impl Fn(&Value, &Value) -> bool) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
}

/// Sets hold no element twice, so that finding each in the other suffices.
fn in_any_order(a: &[Value], b: &[Value], equal: impl Fn(&Value, &Value) -> bool) -> bool {
    a.len() == b.len() && a.iter().all(|a| b.iter().any(|b| equal(a, b)))
}

fn by_key(a: &Attributes, b: &Attributes, equal: impl Fn(&Value, &Value) -> bool) -> bool {
    a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
}

/// Finds, for each element of a set, the one of another set that belongs to it. None is given away twice.
pub(super) struct Correlation<'a> {
    rest: Vec<&'a Value>,
}

impl<'a> Correlation<'a> {
    pub(super) fn new(with: &'a [Value]) -> Self {
        Self { rest: with.iter().collect() }
    }

    pub(super) fn take(&mut self, belongs: impl FnMut(&&'a Value) -> bool) -> Option<&'a Value> {
        let found = self.rest.iter().position(belongs)?;
        Some(self.rest.swap_remove(found))
    }

    pub(super) fn rest(self) -> Vec<&'a Value> {
        self.rest
    }
}

/// The elements of a list or set; none of anything else.
pub(super) fn list(value: &Value) -> &[Value] {
    match value {
        Value::List(elements) => elements,
        _ => &[],
    }
}

/// The value of a map's key, or of a list's position.
pub(super) fn entry<'a>(value: Option<&'a Value>, key: &str) -> Option<&'a Value> {
    match value? {
        Value::Map(entries) => entries.get(key),
        _ => None,
    }
}

/// The attributes of an object; none of anything else.
pub(super) fn object(value: Option<&Value>) -> Option<&Attributes> {
    match value? {
        Value::Object(attributes) => Some(attributes),
        _ => None,
    }
}

/// The same with null for what is not known: a state holds no unknowns.
pub(super) fn settled(value: &Value) -> Value {
    if !crate::model::checks::holds_unknown(value) {
        return value.clone();
    }
    let map = |entries: &Attributes| entries.iter().map(|(key, v)| (key.clone(), settled(v))).collect();
    match value {
        Value::Unknown => Value::Null,
        Value::List(elements) => Value::List(elements.iter().map(settled).collect()),
        Value::Map(entries) => Value::Map(map(entries)),
        Value::Object(attributes) => Value::Object(map(attributes)),
        Value::Dynamic(ty, value) => Value::Dynamic(ty.clone(), Box::new(settled(value))),
        other => other.clone(),
    }
}
