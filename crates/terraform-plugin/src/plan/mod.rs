//! How changes are planned, and how results are held against plans. Everything here works on values and schemas; no
//! object's type is known.

mod change;
mod configuration;
mod equal;
mod findings;
mod hook;
mod propose;
mod replace;
mod result;
mod verify;
mod write_only;

pub use change::{Change, Say};
pub(crate) use configuration::{configuration, fits};
pub use findings::Findings;
pub(crate) use findings::{Ahead, Found};
pub(crate) use hook::merge;
pub(crate) use result::{Contradiction, hold, refresh};
pub(crate) use write_only::with_write_only;

use crate::diagnostics::Diagnostic;
use crate::path::{Path, Step};
use crate::registry::{Attributes, ObjectInfo};
use crate::schema::{Attribute, Kind, Rule, Schema};
use crate::value::Value;
use equal::{EXACTLY, EXACTLY_BUT_LOCAL};

/// What is planned for an object that is to exist, before the object itself has had its say.
pub(crate) fn plan(object: &ObjectInfo, config: &Attributes, prior: Option<&Attributes>) -> Attributes {
    let attributes = &object.schema().attributes;
    let Some(prior) = prior else { return propose::propose(attributes, config, None, false) };
    let was_ready = object.ready.and_then(|name| prior.get(name)).cloned();
    let resume = was_ready == Some(Value::Bool(false));
    let mut planned = propose::propose(attributes, config, Some(prior), resume);
    if let Some(name) = object.ready
        && (resume || (object.updates_settle && !EXACTLY_BUT_LOCAL.objects(attributes, prior, &planned)))
    {
        // An update may be left unfinished, and a resumed creation may be finished.
        planned.insert(name.to_owned(), Value::Unknown);
    }
    if EXACTLY.objects(attributes, prior, &planned) { prior.clone() } else { planned }
}

/// The plan of a change, where the object itself had no say: what the provider alone says may come out as anything. A key
/// (`key`) stays, whatever is changed.
pub(crate) fn without_its_say(attributes: &[Attribute], key: &[&str], planned: &mut Attributes) {
    for attribute in attributes.iter().filter(|attribute| !key.contains(&attribute.name.as_str())) {
        let Some(value) = planned.get_mut(&attribute.name) else { continue };
        match (&attribute.rule, &attribute.kind) {
            (Rule::Computed, _) => *value = Value::Unknown,
            (_, Kind::Nested(_, inner)) => inside(inner, value),
            _ => {}
        }
    }
}

fn inside(attributes: &[Attribute], value: &mut Value) {
    match value {
        Value::Object(of) => without_its_say(attributes, &[], of),
        Value::List(items) => items.iter_mut().for_each(|item| inside(attributes, item)),
        Value::Map(of) => of.values_mut().for_each(|item| inside(attributes, item)),
        _ => {}
    }
}

/// What an object looks like before anybody has been asked: its configuration with defaults. What the provider decides
/// on is unknown.
pub(crate) fn configured(attributes: &[Attribute], config: &Attributes) -> Attributes {
    propose::propose(attributes, config, None, false)
}

/// What is asked for: the plan, without what the configuration leaves open.
pub(crate) fn asked(planned: &Attributes, config: &Attributes) -> Attributes {
    planned.iter().map(|(name, value)| (name.clone(), asked_value(value, config.get(name)))).collect()
}

fn asked_value(planned: &Value, config: Option<&Value>) -> Value {
    match (planned, config) {
        (Value::Unknown, None | Some(Value::Null)) => Value::Null,
        (Value::Object(planned), Some(Value::Object(config))) => Value::Object(asked(planned, config)),
        (Value::Map(planned), Some(Value::Map(config))) => Value::Map(asked(planned, config)),
        (Value::List(planned), Some(Value::List(config))) if planned.len() == config.len() => Value::List(
            planned.iter().zip(config).map(|(planned, config)| asked_value(planned, Some(config))).collect(),
        ),
        (planned, _) => planned.clone(),
    }
}

/// Which differences between prior and planned make a replacement. `asked` is what the object itself wants.
pub(crate) fn replacements(
    attributes: &[Attribute],
    prior: &Attributes,
    planned: &Attributes,
    asked: Vec<Path>,
) -> Vec<Path> {
    let mut paths = replace::replacements(attributes, prior, planned, &Path::root());
    paths.extend(asked);
    paths.sort();
    paths.dedup();
    paths
}

/// Why an object is to be replaced, as a sentence: what differs, with both values where they may be shown.
pub(crate) fn why_replaced(schema: &Schema, prior: &Attributes, planned: &Attributes, paths: &[Path]) -> String {
    let one = |path: &Path| {
        let hidden = (1..=path.steps().len()).any(|n| {
            let above = path.steps()[..n].iter().fold(Path::root(), |path, step| path.join(step.clone()));
            schema.attribute(&above).is_none_or(|a| a.sensitive || a.write_only)
        });
        match hidden {
            true => format!("`{path}` is to be another (both values are sensitive)"),
            false => format!("`{path}` is {} and is to be {}", at(prior, path), at(planned, path)),
        }
    };
    let all: Vec<String> = paths.iter().map(one).collect();
    format!("It would be replaced, because {}.", all.join(", and "))
}

/// The value at a path; null where there is none.
fn at<'a>(attributes: &'a Attributes, path: &Path) -> &'a Value {
    let mut steps = path.steps().iter();
    let mut here = match steps.next() {
        Some(Step::Attribute(name)) => equal::get(attributes, name),
        _ => &Value::Null,
    };
    for step in steps {
        let below = match (step, here) {
            (Step::Attribute(name), Value::Object(entries)) => entries.get(name),
            (Step::Key(key), Value::Map(entries)) => entries.get(key),
            (Step::Index(index), Value::List(elements)) => elements.get(*index),
            (_, Value::Unknown) => return here,
            _ => None,
        };
        here = below.unwrap_or(&Value::Null);
    }
    here
}

/// Whether two states differ in nothing but what is never sent.
pub(crate) fn differ_locally_only(attributes: &[Attribute], prior: &Attributes, planned: &Attributes) -> bool {
    EXACTLY_BUT_LOCAL.objects(attributes, prior, planned)
}

/// What Terraform's core would refuse in a plan, as errors that name the attribute.
pub(crate) fn self_check(
    attributes: &[Attribute],
    config: &Attributes,
    prior: Option<&Attributes>,
    planned: &Attributes,
) -> Vec<Diagnostic> {
    let one = |(path, what): (Path, String)| {
        let summary = format!("The provider has a bug: its plan for {path} is invalid");
        Diagnostic::error(summary, format!("It plans {what}. Terraform would refuse this plan.")).at(path)
    };
    verify::verify(attributes, config, prior, planned).into_iter().map(one).collect()
}

#[cfg(test)]
mod tests;
