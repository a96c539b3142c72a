//! What Terraform's core would refuse in a plan, found before it does.

use super::equal::{EXACTLY, entry, get, list, object};
use crate::path::Path;
use crate::registry::Attributes;
use crate::schema::{Attribute, Kind, Nesting, Rule};
use crate::value::Value;

/// A violation: where, and what core would say of it.
pub(super) type Violation = (Path, String);

/// Holds a plan against configuration and prior state by the rules of core's `AssertPlanValid`.
pub(super) fn verify(
    attributes: &[Attribute],
    config: &Attributes,
    prior: Option<&Attributes>,
    planned: &Attributes,
) -> Vec<Violation> {
    let mut found = Vec::new();
    write_only(attributes, planned, &Path::root(), &mut found);
    verify_object(attributes, config, prior, planned, &Path::root(), &mut found);
    found
}

/// Write-only attributes are looked at first, at every level, and whatever else agrees.
fn write_only(attributes: &[Attribute], planned: &Attributes, at: &Path, found: &mut Vec<Violation>) {
    for attribute in attributes {
        let (planned, at) = (get(planned, &attribute.name), at.at(&attribute.name));
        if attribute.write_only {
            if *planned != Value::Null {
                found.push((at, "a value for a write-only attribute".to_owned()));
            }
            continue;
        }
        let Kind::Nested(_, nested) = &attribute.kind else { continue };
        match planned {
            Value::Object(planned) => write_only(nested, planned, &at, found),
            Value::List(elements) => {
                let elements = elements.iter().filter_map(Value::as_object).enumerate();
                elements.for_each(|(i, element)| write_only(nested, element, &at.index(i), found));
            }
            Value::Map(elements) => {
                let elements = elements.iter().filter_map(|(key, value)| Some((key, value.as_object()?)));
                elements.for_each(|(key, element)| write_only(nested, element, &at.key(key), found));
            }
            _ => {}
        }
    }
}

fn verify_object(
    attributes: &[Attribute],
    config: &Attributes,
    prior: Option<&Attributes>,
    planned: &Attributes,
    at: &Path,
    found: &mut Vec<Violation>,
) {
    for attribute in attributes {
        let name = &attribute.name;
        verify_attribute(
            attribute,
            get(config, name),
            prior.map(|prior| get(prior, name)),
            get(planned, name),
            &at.at(name),
            found,
        );
    }
}

fn verify_attribute(
    attribute: &Attribute,
    config: &Value,
    prior: Option<&Value>,
    planned: &Value,
    at: &Path,
    found: &mut Vec<Violation>,
) {
    let mut refuse = |what: String| found.push((at.clone(), what));
    let computed = matches!(attribute.rule, Rule::Keep | Rule::Computed | Rule::Default(_));
    if attribute.write_only || EXACTLY.attribute(attribute, planned, config) || matches!(attribute.rule, Rule::Computed)
    {
        return;
    }
    if let Some(prior) = prior
        && *prior != Value::Null
        && *config != Value::Null
        && EXACTLY.attribute(attribute, planned, prior)
    {
        return;
    }
    if *config == Value::Null {
        if !computed {
            refuse("a value for an attribute that is neither configured nor computed".to_owned());
        }
        return;
    }
    match &attribute.kind {
        Kind::Plain(_) => refuse("a value that is neither the configured one nor the prior one".to_owned()),
        Kind::Nested(nesting, attributes) => match planned {
            Value::Unknown => refuse("unknown for a configured value".to_owned()),
            Value::Null => refuse("absence, but the configuration wants existence".to_owned()),
            planned => verify_nested(*nesting, attributes, config, prior, planned, at, found),
        },
    }
}

fn verify_nested(
    nesting: Nesting,
    attributes: &[Attribute],
    config: &Value,
    prior: Option<&Value>,
    planned: &Value,
    at: &Path,
    found: &mut Vec<Violation>,
) {
    let element = |config: &Value, prior: Option<&Value>, planned: &Value, at: &Path, found: &mut Vec<Violation>| match (
        config, planned,
    ) {
        (Value::Object(config), Value::Object(planned)) => {
            verify_object(attributes, config, object(prior), planned, at, found);
        }
        _ if config == planned => {}
        _ => found.push((at.clone(), "another element than the configured one".to_owned())),
    };
    match (nesting, config, planned) {
        (Nesting::Single, config, planned) => element(config, prior, planned, at, found),
        (Nesting::List, Value::List(config), Value::List(planned)) if config.len() == planned.len() => {
            let prior = prior.map_or(&[][..], list);
            for (i, (config, planned)) in config.iter().zip(planned).enumerate() {
                element(config, prior.get(i), planned, &at.index(i), found);
            }
        }
        (Nesting::Set, Value::List(config), Value::List(planned)) if config.len() == planned.len() => {
            if planned.contains(&Value::Unknown) && !config.contains(&Value::Unknown) {
                found.push((at.clone(), "an unknown element of a set".to_owned()));
            }
        }
        (Nesting::Map, Value::Map(config), Value::Map(planned)) => {
            for key in planned.keys().filter(|key| !config.contains_key(*key)) {
                found.push((at.key(key), "an element that is not configured".to_owned()));
            }
            for (key, config) in config {
                match planned.get(key) {
                    Some(planned) => element(config, entry(prior, key), planned, &at.key(key), found),
                    None => found.push((at.key(key), "absence of a configured element".to_owned())),
                }
            }
        }
        (_, _, planned) => {
            let count = |value: &Value| list(value).len();
            let what = format!("{} elements where {} are configured", count(planned), count(config));
            found.push((at.clone(), what));
        }
    }
}
