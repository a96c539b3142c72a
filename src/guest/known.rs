//! What of a plan is known by now.

use terraform_plugin::Error;
use terraform_plugin::model::Object;
use terraform_plugin::schema::{Attribute, Kind, Nesting, Rule};
use terraform_plugin::value::Value;

use super::Values;

/// What is planned, without what is not known yet.
pub fn known<T: Object>(want: &T::Plan) -> Result<T, Error> {
    let mut values = T::encode_plan(want);
    settle(&T::attributes(), &mut values);
    Ok(T::decode(&values)?)
}

/// Takes out what is not known, and what cannot be without it.
fn settle(attributes: &[Attribute], values: &mut Values) {
    for attribute in attributes {
        let Some(value) = values.get_mut(&attribute.name) else { continue };
        match (&attribute.kind, &mut *value) {
            (Kind::Plain(_), Value::Map(entries)) => entries.retain(|_, value| *value != Value::Unknown),
            (Kind::Plain(_), Value::List(items)) if items.contains(&Value::Unknown) => *value = Value::Null,
            (Kind::Nested(Nesting::Map, inner), Value::Map(entries)) => {
                entries.retain(|_, value| stands(inner, value));
            }
            (Kind::Nested(Nesting::Single, inner), value) => {
                let keeps = stands(inner, value);
                if !keeps {
                    *value = Value::Null;
                }
            }
            _ => {}
        }
    }
}

/// Whether an object is known, once what is not known of it has been taken out.
fn stands(attributes: &[Attribute], value: &mut Value) -> bool {
    let Value::Object(of) = value else { return false };
    settle(attributes, of);
    let missing = |attribute: &Attribute| {
        attribute.rule == Rule::Required && matches!(of.get(&attribute.name), None | Some(Value::Null | Value::Unknown))
    };
    !attributes.iter().any(missing)
}
