//! Checks that follow from the Rust type of a field.

use super::Typed;
use crate::schema::{Attribute, Check, Kind, Nesting, Rule};
use crate::value::Value;

/// A check of a typed value by a function, whose name is what it `says`: the attribute's description tells users. Values that do
/// not fit the type at all are another check's business.
pub fn typed<T: Typed>(
    says: impl Into<String>,
    run: impl Fn(&T) -> Result<(), String> + Send + Sync + 'static,
) -> Check {
    let run = move |value: &Value| T::from_value(&whole(&T::kind(), value)).map_or(Ok(()), |typed| run(&typed));
    Check { told: false, ..Check::new(says, run) }
}

/// The value with the defaults of its parts: a configuration leaves them out, and what has no default for them is no whole one.
fn whole(kind: &Kind, value: &Value) -> Value {
    let Kind::Nested(nesting, attributes) = kind else { return value.clone() };
    match (nesting, value) {
        (Nesting::Single, value) => object(attributes, value),
        (_, Value::List(elements)) => Value::List(elements.iter().map(|element| object(attributes, element)).collect()),
        (_, Value::Map(elements)) => {
            Value::Map(elements.iter().map(|(key, element)| (key.clone(), object(attributes, element))).collect())
        }
        (_, other) => other.clone(),
    }
}

fn object(attributes: &[Attribute], value: &Value) -> Value {
    let Value::Object(parts) = value else { return value.clone() };
    let part = |attribute: &Attribute| {
        let said = match (parts.get(&attribute.name).unwrap_or(&Value::Null), &attribute.rule) {
            (Value::Null, Rule::Default(default)) => default,
            (said, _) => said,
        };
        (attribute.name.clone(), whole(&attribute.kind, said))
    };
    Value::Object(attributes.iter().map(part).collect())
}

/// The value fits the Rust type: a whole number, one of the words, a size. And it is meant so.
pub(super) fn fits<T: Typed>() -> Option<Check> {
    let fits = |value: &Value| T::from_value(value).map_err(|fault| fault.to_string()).and_then(|_| T::sensible(value));
    T::says().map(|says| Check::new(says, fits))
}

/// Whether the value, or a part of it, is not known yet.
pub(crate) fn holds_unknown(value: &Value) -> bool {
    !value.is_fully_known()
}

/// ``one of `a`, `b` ``.
pub fn says_one_of(words: &[&str]) -> String {
    Check::one_of(words.iter().copied()).says
}
