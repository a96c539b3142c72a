//! What is planned, by the rules of the schema alone.

use super::equal::{BY_MEANING, Correlation, entry, get, is_set, list, object};
use crate::registry::Attributes;
use crate::schema::{Attribute, Kind, Nesting, Rule};
use crate::value::Value;

/// What is planned for an object, from its configuration and what is there (none: it is to be created).
/// `resume`: its creation was left unfinished, so what has not been found out yet may still be.
pub(super) fn propose(
    attributes: &[Attribute],
    config: &Attributes,
    prior: Option<&Attributes>,
    resume: bool,
) -> Attributes {
    let one = |attribute: &Attribute| {
        let prior = prior.map(|prior| get(prior, &attribute.name));
        (attribute.name.clone(), propose_attribute(attribute, get(config, &attribute.name), prior, resume))
    };
    attributes.iter().map(one).collect()
}

fn propose_attribute(attribute: &Attribute, config: &Value, prior: Option<&Value>, resume: bool) -> Value {
    if attribute.write_only {
        return Value::Null;
    }
    let config = match (config, &attribute.rule) {
        (Value::Null, Rule::Required | Rule::Optional) => return Value::Null,
        (Value::Null, Rule::Keep | Rule::Computed) => {
            return match prior {
                None => Value::Unknown,
                Some(Value::Null) if resume => Value::Unknown,
                Some(prior) => prior.clone(),
            };
        }
        (Value::Null, Rule::Default(default)) => default,
        (config, _) => config,
    };
    if !is_set(config) {
        return config.clone();
    }
    match &attribute.kind {
        Kind::Plain(_) => match prior {
            Some(prior) if is_set(prior) && attribute.same.is_some_and(|same| same(prior, config)) => prior.clone(),
            _ => config.clone(),
        },
        Kind::Nested(nesting, attributes) => propose_nested(*nesting, attributes, config, prior, resume),
    }
}

fn propose_nested(
    nesting: Nesting,
    attributes: &[Attribute],
    config: &Value,
    prior: Option<&Value>,
    resume: bool,
) -> Value {
    let element = |config: &Value, prior: Option<&Value>| match config {
        Value::Object(config) => Value::Object(propose(attributes, config, object(prior), resume)),
        not_an_object => not_an_object.clone(),
    };
    match (nesting, config) {
        (Nesting::Single, config) => element(config, prior),
        (Nesting::List, Value::List(elements)) => {
            let prior = prior.map_or(&[][..], list);
            Value::List(elements.iter().enumerate().map(|(i, config)| element(config, prior.get(i))).collect())
        }
        (Nesting::Set, Value::List(elements)) => {
            let mut prior = Correlation::new(prior.map_or(&[], list));
            let one = |config| element(config, prior.take(|prior| belongs(attributes, config, prior)));
            Value::List(elements.iter().map(one).collect())
        }
        (Nesting::Map, Value::Map(entries)) => {
            let one = |(key, config): (&String, &Value)| (key.clone(), element(config, entry(prior, key)));
            Value::Map(entries.iter().map(one).collect())
        }
        (_, other) => other.clone(),
    }
}

/// Whether an element of a set is the configured one: what is configured agrees, and the rest is the provider's.
fn belongs(attributes: &[Attribute], config: &Value, prior: &Value) -> bool {
    let (Value::Object(config), Value::Object(prior)) = (config, prior) else { return false };
    attributes.iter().all(|attribute| {
        let (config, prior) = (get(config, &attribute.name), get(prior, &attribute.name));
        match (config, &attribute.rule) {
            _ if attribute.write_only => true,
            (Value::Null, Rule::Keep | Rule::Computed) => true,
            (Value::Null, Rule::Default(default)) => BY_MEANING.attribute(attribute, default, prior),
            // What is nested in it may have computed parts of its own.
            (config, _) => match &attribute.kind {
                Kind::Nested(Nesting::Single, attributes) if is_set(config) => belongs(attributes, config, prior),
                _ => BY_MEANING.attribute(attribute, config, prior),
            },
        }
    })
}
