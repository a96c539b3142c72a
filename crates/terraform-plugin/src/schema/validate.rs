//! Running the checks of a schema over a value.

use std::collections::BTreeMap;

use super::check::{Check, Relation, Test, between, list};
use super::{Attribute, Kind, Nesting, Rule, Schema};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::path::Path;
use crate::value::{Type, Value};

/// Makes every check of the schema on a configuration or plan, skipping what is null or not known yet.
///
/// What Terraform has checked itself (types, required attributes, unknown names) is not checked again.
pub fn validate(schema: &Schema, value: &Value) -> Diagnostics {
    let mut found = Diagnostics::default();
    object(&schema.attributes, &schema.checks, value, &Place::root(), &mut found);
    found
}

/// Where the value lies that is looked at, and whether it may be shown.
#[derive(Clone)]
struct Place {
    path: Path,
    /// The outermost set that it lies in: the protocol has no paths into sets.
    set: Option<Path>,
    sensitive: bool,
    /// Whether what lies there can be left out.
    optional: bool,
}

impl Place {
    fn root() -> Self {
        Self { path: Path::root(), set: None, sensitive: false, optional: false }
    }

    /// A place below this one.
    fn below(&self, path: Path) -> Self {
        Self { path, ..self.clone() }
    }

    /// The path to tell Terraform for `path`, which is this place or lies below it.
    fn address(&self, path: &Path) -> Path {
        self.set.as_ref().unwrap_or(path).clone()
    }

    /// The error about the value there. `wrong` (`must be ..., not ...`) may repeat the value, and is told only if that
    /// may be shown.
    fn error(&self, wrong: &str, check: &Check) -> Diagnostic {
        let summary = match self.path.is_root() {
            true => "Invalid configuration".to_owned(),
            false => format!("Invalid value for {}", self.path),
        };
        let detail = if self.sensitive {
            format!("Allowed: {}. The value is sensitive and not shown.", check.says)
        } else {
            let stop = if wrong.ends_with(['.', '?', '!']) { "" } else { "." };
            match self.path.is_root() || !wrong.starts_with(char::is_lowercase) {
                true => format!("{wrong}{stop}"),
                false => format!("{} {wrong}{stop}", self.path),
            }
        };
        Diagnostic::error(summary, detail).at(self.address(&self.path))
    }
}

fn object(attributes: &[Attribute], checks: &[Check], value: &Value, place: &Place, found: &mut Diagnostics) {
    let Some(values) = value.as_object() else { return };
    for attribute in attributes {
        if let Some(value) = values.get(&attribute.name) {
            let mut below = place.below(place.path.at(&attribute.name));
            below.sensitive |= attribute.sensitive || attribute.write_only;
            below.optional = matches!(attribute.rule, Rule::Optional | Rule::Keep);
            if value.is_null() && attribute.rule == Rule::Required {
                found.push(unset(&below, "It is required, and null is as good as left out. Set it."));
            }
            self::attribute(attribute, value, &below, found);
        }
    }
    for check in checks {
        look(check, value, place, false, found);
    }
}

/// The error about a null where there has to be something. Terraform looks only whether the configuration names it.
fn unset(place: &Place, cure: &str) -> Diagnostic {
    Diagnostic::error(format!("{} must not be null", place.path), cure).at(place.address(&place.path))
}

fn attribute(attribute: &Attribute, value: &Value, place: &Place, found: &mut Diagnostics) {
    let set = matches!(attribute.kind, Kind::Nested(Nesting::Set, _) | Kind::Plain(Type::Set(_)));
    for check in &attribute.checks {
        look(check, value, place, set, found);
    }
    for (place, _) in elements(value, place, set).into_iter().filter(|(_, element)| element.is_null()) {
        found.push(unset(
            &place,
            "A collection cannot hold null: leave the element out, such as by `[for x in .. : x if x != null]`.",
        ));
    }
    match &attribute.kind {
        Kind::Plain(_) => {}
        Kind::Nested(Nesting::Single, attributes) => object(attributes, &[], value, place, found),
        Kind::Nested(_, attributes) => {
            for (place, element) in elements(value, place, set) {
                object(attributes, &[], element, &place, found);
            }
        }
    }
}

/// The elements of a collection. Those of a set have the path of the set.
fn elements<'a>(value: &'a Value, place: &Place, set: bool) -> Vec<(Place, &'a Value)> {
    match value.bare() {
        Value::List(elements) if set => {
            let inside = Place { set: Some(place.address(&place.path)), ..place.clone() };
            elements.iter().map(|element| (inside.clone(), element)).collect()
        }
        Value::List(elements) => {
            elements.iter().enumerate().map(|(i, element)| (place.below(place.path.index(i)), element)).collect()
        }
        Value::Map(elements) => {
            elements.iter().map(|(key, element)| (place.below(place.path.key(key)), element)).collect()
        }
        _ => Vec::new(),
    }
}

/// Makes one check. `set`: the value is a set, or may be one, so that a path to its elements may not exist.
fn look(check: &Check, value: &Value, place: &Place, set: bool, found: &mut Diagnostics) {
    match (&check.test, value.bare()) {
        (_, Value::Null | Value::Unknown) => {}
        (Test::Each(check), value) => {
            for (place, element) in elements(value, place, set) {
                look(check, element, &place, true, found);
            }
        }
        (Test::Together(relation, names), Value::Object(values)) => {
            found.extend(together(*relation, names, values, place));
        }
        (_, value) => {
            if let Err(mut wrong) = alone(check, value) {
                if place.optional && wrong == EMPTY {
                    wrong.push_str(": leave it out");
                }
                found.push(place.error(&wrong, check));
            }
        }
    }
}

/// What is wrong with a text or collection that has nothing in it and should.
const EMPTY: &str = "must not be empty";

/// The tests that look at nothing but one value.
fn alone(check: &Check, value: &Value) -> Result<(), String> {
    let fine = match (&check.test, value) {
        (Test::Range(low, high), Value::Number(number)) => {
            low.as_ref().is_none_or(|low| low <= number) && high.as_ref().is_none_or(|high| number <= high)
        }
        (Test::Length(low, high), value) => {
            let (length, unit) = match value {
                Value::String(text) => (text.chars().count(), "characters"),
                Value::List(elements) => (elements.len(), "elements"),
                Value::Map(elements) => (elements.len(), "elements"),
                _ => return Ok(()),
            };
            if low.is_none_or(|low| low <= length) && high.is_none_or(|high| length <= high) {
                return Ok(());
            }
            if length == 0 {
                return Err(EMPTY.to_owned());
            }
            return Err(format!("must have {} {unit}, and has {length}", between(*low, *high)));
        }
        (Test::Regex(pattern), Value::String(text)) => match pattern.regex() {
            Ok(regex) => regex.is_match(text),
            Err(why) => return Err(format!("cannot be checked: the provider's own expression is wrong: {why}")),
        },
        (Test::OneOf(words), value) => words.contains(value),
        (Test::Custom(custom), value) if value.is_fully_known() => return custom(value),
        _ => true,
    };
    if fine { Ok(()) } else { Err(format!("must be {}, not {value}", check.says)) }
}

impl Check {
    /// Makes the check on one value, outside of any schema.
    ///
    /// # Errors
    /// What is wrong and what would be right. It may repeat the value, so it is not for sensitive ones.
    pub fn run(&self, value: &Value) -> Result<(), String> {
        let mut found = Diagnostics::default();
        look(self, value, &Place::root(), false, &mut found);
        found.into_iter().next().map_or(Ok(()), |diagnostic| Err(diagnostic.detail))
    }
}

/// The error if the attributes `names` of the object at `path` do not go together.
fn together(
    relation: Relation,
    names: &[String],
    values: &BTreeMap<String, Value>,
    place: &Place,
) -> Option<Diagnostic> {
    let unset = |name: &&String| values.get(*name).is_none_or(Value::is_null);
    let open = |name: &&String| values.get(*name).is_some_and(Value::is_unknown);
    let set: Vec<&String> = names.iter().filter(|name| !unset(name) && !open(name)).collect();
    let quoted = |names: &[&String], word: &str| list(names.iter().map(|name| format!("`{name}`")), word);
    let all: Vec<&String> = names.iter().collect();
    let path = &place.path;
    let whole = if path.is_root() { String::new() } else { format!(" in {path}") };

    match (relation, set.as_slice()) {
        (Relation::Conflicts, [_, second, ..]) => Some(
            Diagnostic::error(
                format!("{} exclude each other{whole}", quoted(&set, "and")),
                format!("Found {} set. Keep one of them at most and take the others out.", quoted(&set, "and")),
            )
            .at(place.address(&path.at(*second))),
        ),
        (Relation::ExactlyOne, [_, second, ..]) => Some(
            Diagnostic::error(
                format!("Only one of {} can be set{whole}", quoted(&all, "and")),
                format!("Found {} set. Keep one of them and take the others out.", quoted(&set, "and")),
            )
            .at(place.address(&path.at(*second))),
        ),
        (Relation::ExactlyOne | Relation::AtLeastOne, []) if !names.iter().any(|name| open(&name)) => {
            let wanted = if relation == Relation::ExactlyOne { "exactly" } else { "at least" };
            Some(
                Diagnostic::error(
                    format!("One of {} is needed{whole}", quoted(&all, "and")),
                    format!("Found none of them set. Set {wanted} one of {}.", quoted(&all, "or")),
                )
                .at(place.address(path)),
            )
        }
        (Relation::Requires, [first, ..]) if Some(*first) == names.first() => {
            let missing: Vec<&String> = names.iter().skip(1).filter(unset).collect();
            if missing.is_empty() {
                return None;
            }
            let missing = quoted(&missing, "and");
            Some(
                Diagnostic::error(
                    format!("`{first}` needs {missing}{whole}"),
                    format!("Found `{first}` set without {missing}. Set {missing} too, or take `{first}` out."),
                )
                .at(place.address(&path.at(*first))),
            )
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
