//! Write-only values, which are in the configuration and nowhere else.

use super::equal::get;
use crate::registry::Attributes;
use crate::schema::{Attribute, Kind};
use crate::value::Value;

/// What is wanted: what is planned, with the write-only values of the configuration put in.
pub(crate) fn with_write_only(attributes: &[Attribute], planned: &Attributes, config: &Attributes) -> Attributes {
    let mut want = planned.clone();
    put_in(attributes, &mut want, config);
    want
}

fn put_in(attributes: &[Attribute], want: &mut Attributes, config: &Attributes) {
    for attribute in attributes {
        let from = get(config, &attribute.name);
        if attribute.write_only {
            want.insert(attribute.name.clone(), from.clone());
            continue;
        }
        let (Kind::Nested(_, attributes), Some(to)) = (&attribute.kind, want.get_mut(&attribute.name)) else {
            continue;
        };
        let element = |(to, from): (&mut Value, &Value)| {
            if let (Value::Object(to), Value::Object(from)) = (to, from) {
                put_in(attributes, to, from);
            }
        };
        match (to, from) {
            (Value::List(to), Value::List(from)) => to.iter_mut().zip(from).for_each(element),
            // Both have the same keys in the same order.
            (Value::Map(to), Value::Map(from)) => to.values_mut().zip(from.values()).for_each(element),
            pair => element(pair),
        }
    }
}
