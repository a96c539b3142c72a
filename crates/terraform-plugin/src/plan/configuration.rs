//! From a state back to the configuration that would lead to it.

use super::equal::{BY_MEANING, get, is_set};
use crate::diagnostics::{Diagnostics, Severity};
use crate::path::Path;
use crate::registry::Attributes;
use crate::schema::{Attribute, Check, Kind, Nesting, Relation, Rule, Schema, Test};
use crate::value::{Type, Value};

/// The configuration under which nothing is planned for what this state describes: without what only the provider says,
/// without what holds anyway, and without what contradicts something else. `check` tells what is wrong with one.
pub(crate) fn configuration(
    schema: &Schema,
    state: &Attributes,
    check: impl Fn(&Attributes) -> Diagnostics,
) -> Attributes {
    let mut config = written(&schema.attributes, &schema.checks, state);
    // What is wrong and may be left out is left out: it stays as it is all the same.
    loop {
        let said = check(&config);
        let errors = said.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
        let open = errors.filter_map(|error| left_open(schema, &error.path));
        let mut whole = Value::Object(config.clone());
        let dropped = open
            .into_iter()
            .any(|path| whole.get(&path).is_some_and(|value| !value.is_null()) && whole.set(&path, Value::Null));
        match whole {
            Value::Object(less) if dropped => config = less,
            _ => return config,
        }
    }
}

/// The attribute at a place, or the nearest one around it, that is left alone when it is unset.
fn left_open(schema: &Schema, path: &Path) -> Option<Path> {
    let mut here = Some(path.clone());
    while let Some(path) = here.filter(|path| !path.is_root()) {
        let named = matches!(path.steps().last(), Some(crate::path::Step::Attribute(_)));
        if named && schema.attribute(&path).is_some_and(|attribute| attribute.rule == Rule::Keep) {
            return Some(path);
        }
        here = path.parent();
    }
    None
}

fn written(attributes: &[Attribute], checks: &[Check], state: &Attributes) -> Attributes {
    let one = |attribute: &Attribute| (attribute.name.clone(), value(attribute, get(state, &attribute.name)));
    let mut config: Attributes = attributes.iter().map(one).collect();
    for check in checks {
        let Test::Together(Relation::Conflicts | Relation::ExactlyOne, names) = &check.test else { continue };
        let mut set: Vec<&Attribute> =
            attributes.iter().filter(|a| names.contains(&a.name) && is_set(get(&config, &a.name))).collect();
        set.sort_by_key(|attribute| weight(attribute));
        for attribute in set.into_iter().skip(1) {
            config.insert(attribute.name.clone(), Value::Null);
        }
    }
    config
}

/// Of those of which only one may be set, the first stays.
const fn weight(attribute: &Attribute) -> u8 {
    match attribute.rule {
        Rule::Required => 0,
        Rule::Optional => 1,
        Rule::Default(_) => 2,
        Rule::Keep => 3,
        Rule::Computed => 4,
    }
}

fn value(attribute: &Attribute, found: &Value) -> Value {
    let only_said = attribute.local && attribute.rule != Rule::Required;
    if attribute.write_only || only_said || attribute.rule == Rule::Computed || !is_set(found) {
        return Value::Null;
    }
    let holds_anyway = match &attribute.rule {
        Rule::Default(default) => Some(default),
        Rule::Keep => attribute.usual.as_ref(),
        _ => None,
    };
    if holds_anyway.is_some_and(|usual| BY_MEANING.attribute(attribute, usual, found)) {
        return Value::Null;
    }
    // Nothing in it means the same as nothing said, but where something has to be; what is left alone stays empty.
    let left_empty = attribute.rule == Rule::Keep && found.as_str() == Some("");
    if left_empty || (attribute.rule != Rule::Required && BY_MEANING.attribute(attribute, &Value::Null, found)) {
        return Value::Null;
    }
    let Kind::Nested(nesting, inner) = &attribute.kind else { return found.clone() };
    let element = |found: &Value| match found {
        Value::Object(of) => Value::Object(written(inner, &attribute.checks, of)),
        other => other.clone(),
    };
    match (nesting, found) {
        // Of what is left alone anyway, nothing has to be said if nothing is left to say.
        (Nesting::Single, found) => match element(found) {
            Value::Object(of) if attribute.rule == Rule::Keep && of.values().all(Value::is_null) => Value::Null,
            said => said,
        },
        (_, Value::List(elements)) => Value::List(elements.iter().map(element).collect()),
        (_, Value::Map(entries)) => Value::Map(entries.iter().map(|(k, v)| (k.clone(), element(v))).collect()),
        (_, other) => other.clone(),
    }
}

/// Whether an object is as it is asked for. Of a collection that is asked for, all elements have to be in that which was found.
/// What is not known of it counts as fitting.
pub(crate) fn fits(attributes: &[Attribute], asked: &Attributes, known: &Attributes) -> bool {
    asked.iter().filter(|(_, value)| !value.is_null()).all(|(name, asked)| {
        let (Some(found), Some(attribute)) = (known.get(name), attributes.iter().find(|a| a.name == *name)) else {
            return true;
        };
        match (asked, found, &attribute.kind) {
            (Value::List(asked), Value::List(found), Kind::Plain(Type::List(ty) | Type::Set(ty))) => {
                asked.iter().all(|asked| found.iter().any(|found| Value::equal(ty, asked, found)))
            }
            (Value::List(asked), Value::Null, _) => asked.is_empty(),
            (asked, found, _) => BY_MEANING.attribute(attribute, asked, found),
        }
    })
}
