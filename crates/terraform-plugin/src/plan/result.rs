//! Holding what an operation made against what was planned, and what a read found against what is stored.

use super::equal::{BY_MEANING, Correlation, entry, get, is_set, list, object, settled};
use crate::model::checks::holds_unknown;
use crate::path::Path;
use crate::registry::Attributes;
use crate::schema::{Attribute, Kind, Nesting, Rule};
use crate::value::{Type, Value};

/// An attribute that came out otherwise than planned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contradiction {
    pub(crate) path: Path,
    pub(crate) planned: Value,
    pub(crate) found: Value,
    pub(crate) sensitive: bool,
}

/// The state after an apply: what was planned, completed by what was found. Terraform holds an apply to every value
/// that was known in the plan, so what was found otherwise does not get in, but is told.
pub(crate) fn hold(
    attributes: &[Attribute],
    planned: &Attributes,
    found: &Attributes,
) -> (Attributes, Vec<Contradiction>) {
    let mut holding = Holding::default();
    let state = holding.object(attributes, planned, found, &Path::root());
    (state, holding.contradictions)
}

#[derive(Default)]
struct Holding {
    contradictions: Vec<Contradiction>,
    sensitive: bool,
}

impl Holding {
    fn contradict(&mut self, at: &Path, planned: &Value, found: &Value) -> Value {
        self.contradictions.push(Contradiction {
            path: at.clone(),
            planned: planned.clone(),
            found: found.clone(),
            sensitive: self.sensitive,
        });
        settled(planned)
    }

    fn object(&mut self, attributes: &[Attribute], planned: &Attributes, found: &Attributes, at: &Path) -> Attributes {
        let mut state = Attributes::new();
        for attribute in attributes {
            let name = &attribute.name;
            let sensitive = self.sensitive;
            self.sensitive |= attribute.sensitive;
            let value = self.attribute(attribute, get(planned, name), get(found, name), &at.at(name));
            self.sensitive = sensitive;
            state.insert(name.clone(), value);
        }
        state
    }

    fn attribute(&mut self, attribute: &Attribute, planned: &Value, found: &Value, at: &Path) -> Value {
        if attribute.write_only {
            return Value::Null;
        }
        match planned {
            Value::Unknown => return stored(&attribute.kind, found),
            planned if attribute.local && !holds_unknown(planned) => return planned.clone(),
            planned if !holds_unknown(planned) && BY_MEANING.attribute(attribute, planned, found) => {
                // Equal but for local parts, which are the plan's.
                return planned.clone();
            }
            _ => {}
        }
        match &attribute.kind {
            Kind::Plain(ty) => match conform(ty, planned, found) {
                Some(value) => value,
                None => self.contradict(at, planned, found),
            },
            Kind::Nested(nesting, attributes) => self.nested(*nesting, attributes, planned, found, at),
        }
    }

    fn nested(
        &mut self,
        nesting: Nesting,
        attributes: &[Attribute],
        planned: &Value,
        found: &Value,
        at: &Path,
    ) -> Value {
        match (nesting, planned, found) {
            (Nesting::Single, planned, found) => self.element(attributes, planned, found, at),
            (Nesting::List, Value::List(planned), Value::List(found)) if planned.len() == found.len() => {
                let pairs = planned.iter().zip(found).enumerate();
                Value::List(pairs.map(|(i, (p, f))| self.element(attributes, p, f, &at.index(i))).collect())
            }
            (Nesting::Map, Value::Map(planned), Value::Map(found)) => {
                for (key, found) in found.iter().filter(|(key, _)| !planned.contains_key(*key)) {
                    self.contradict(&at.key(key), &Value::Null, found);
                }
                let one = |(key, planned): (&String, &Value)| {
                    let found = found.get(key).unwrap_or(&Value::Null);
                    (key.clone(), self.element(attributes, planned, found, &at.key(key)))
                };
                Value::Map(planned.iter().map(one).collect())
            }
            (Nesting::Set, Value::List(planned), Value::List(found)) => self.set(attributes, planned, found, at),
            (_, planned, found) => self.contradict(at, planned, found),
        }
    }

    fn element(&mut self, attributes: &[Attribute], planned: &Value, found: &Value, at: &Path) -> Value {
        match (planned, found) {
            (Value::Object(planned), Value::Object(found)) => {
                Value::Object(self.object(attributes, planned, found, at))
            }
            (Value::Unknown, found) => stored_element(attributes, found),
            (planned, found) if planned == found => planned.clone(),
            (planned, found) => self.contradict(at, planned, found),
        }
    }

    /// Each planned element takes the first found one that agrees with it.
    fn set(&mut self, attributes: &[Attribute], planned: &[Value], found: &[Value], at: &Path) -> Value {
        let mut rest = Correlation::new(found);
        let mut state = Vec::new();
        for planned in planned {
            let mut value = None;
            rest.take(|found| {
                let mut trial = Self::default();
                let held = trial.element(attributes, planned, found, at);
                let agrees = trial.contradictions.is_empty();
                value = agrees.then_some(held);
                agrees
            });
            state.push(value.unwrap_or_else(|| self.contradict(at, planned, &Value::Null)));
        }
        for found in rest.rest() {
            self.contradict(at, &Value::Null, found);
        }
        Value::List(state)
    }
}

/// A value of a plain type whose planned form has unknown parts: the found one, if it fits.
fn conform(ty: &Type, planned: &Value, found: &Value) -> Option<Value> {
    match (ty, planned, found) {
        (_, Value::Unknown, found) => Some(settled(found)),
        (Type::List(element), Value::List(planned), Value::List(found)) if planned.len() == found.len() => {
            planned.iter().zip(found).map(|(p, f)| conform(element, p, f)).collect::<Option<_>>().map(Value::List)
        }
        (Type::Map(element), Value::Map(planned), Value::Map(found)) if planned.len() == found.len() => {
            let one = |(key, p): (&String, &Value)| Some((key.clone(), conform(element, p, found.get(key)?)?));
            planned.iter().map(one).collect::<Option<_>>().map(Value::Map)
        }
        // Unknown elements may turn out equal to others, and vanish.
        (Type::Set(element), Value::List(planned), Value::List(found)) if found.len() <= planned.len() => {
            let known = |p: &Value| holds_unknown(p) || found.iter().any(|f| Value::equal(element, p, f));
            (holds_unknown(&Value::List(planned.clone())) && planned.iter().all(known))
                .then(|| settled(&Value::List(found.clone())))
        }
        (ty, planned, found) => Value::equal(ty, planned, found).then(|| planned.clone()),
    }
}

/// What is stored of a found value that nothing was known of: no unknowns, nothing write-only, local parts as if they
/// had not been set.
fn stored(kind: &Kind, found: &Value) -> Value {
    match kind {
        Kind::Plain(_) => settled(found),
        Kind::Nested(nesting, attributes) => refresh_nested(*nesting, attributes, None, found),
    }
}

fn stored_element(attributes: &[Attribute], found: &Value) -> Value {
    refresh_nested(Nesting::Single, attributes, None, found)
}

/// The state after a read: what was found, but in the stored form where that means the same, and with what is local kept
/// (after an import, `prior` is none: defaults).
pub(crate) fn refresh(attributes: &[Attribute], prior: Option<&Attributes>, found: &Attributes) -> Attributes {
    let one = |attribute: &Attribute| {
        let prior = prior.map(|prior| get(prior, &attribute.name));
        (attribute.name.clone(), refresh_attribute(attribute, prior, get(found, &attribute.name)))
    };
    attributes.iter().map(one).collect()
}

fn refresh_attribute(attribute: &Attribute, prior: Option<&Value>, found: &Value) -> Value {
    if attribute.write_only {
        return Value::Null;
    }
    if attribute.local {
        return match (prior, &attribute.rule) {
            (Some(prior), _) if is_set(prior) => prior.clone(),
            (_, Rule::Default(default)) => default.clone(),
            (_, Rule::Optional) => Value::Null,
            // It must have a value, and nobody but the object can know it.
            (_, Rule::Required | Rule::Keep | Rule::Computed) => settled(found),
        };
    }
    if let (Some(prior), Kind::Plain(_)) = (prior, &attribute.kind)
        && BY_MEANING.attribute(attribute, prior, found)
    {
        return prior.clone();
    }
    match &attribute.kind {
        Kind::Plain(_) => settled(found),
        Kind::Nested(nesting, attributes) => match (prior, found) {
            // Unset and empty mean the same; what the configuration says stands.
            (Some(prior), found) if !is_set(prior) || !is_set(found) => {
                if BY_MEANING.attribute(attribute, prior, found) {
                    prior.clone()
                } else {
                    refresh_nested(*nesting, attributes, None, found)
                }
            }
            (prior, found) => refresh_nested(*nesting, attributes, prior, found),
        },
    }
}

fn refresh_nested(nesting: Nesting, attributes: &[Attribute], prior: Option<&Value>, found: &Value) -> Value {
    let element = |prior: Option<&Value>, found: &Value| match found {
        Value::Object(found) => Value::Object(refresh(attributes, object(prior), found)),
        other => settled(other),
    };
    match (nesting, found) {
        (Nesting::Single, found) => element(prior, found),
        (Nesting::List, Value::List(found)) => {
            let prior = prior.map_or(&[][..], list);
            Value::List(found.iter().enumerate().map(|(i, found)| element(prior.get(i), found)).collect())
        }
        (Nesting::Set, Value::List(found)) => {
            let mut prior = Correlation::new(prior.map_or(&[], list));
            let one = |found| element(prior.take(|prior| BY_MEANING.elements(attributes, prior, found)), found);
            Value::List(found.iter().map(one).collect())
        }
        (Nesting::Map, Value::Map(found)) => {
            let one = |(key, found): (&String, &Value)| (key.clone(), element(entry(prior, key), found));
            Value::Map(found.iter().map(one).collect())
        }
        (_, other) => settled(other),
    }
}
