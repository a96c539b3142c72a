//! What a configuration says, in the shape of the schema; and what Terraform itself refuses of it, before any provider is
//! asked.

use std::collections::BTreeMap;

use super::{Attribute, Block, Kind, Nested, NestedBlock, Nesting};
use crate::path::{Path, Step};
use crate::value::{Value, convert};

/// What Terraform does not take of a configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub path: Path,
    pub summary: String,
    pub detail: String,
}

/// The object that is configured, with null where nothing is said.
pub(crate) fn coerce(block: &Block, said: &Value) -> (Value, Vec<Refused>) {
    let mut refused = Vec::new();
    let value = Coercion { refused: &mut refused }.block(block, said, &Path::ROOT);
    (value, refused)
}

struct Coercion<'a> {
    refused: &'a mut Vec<Refused>,
}

impl Coercion<'_> {
    fn refuse(&mut self, path: &Path, summary: impl Into<String>, detail: impl Into<String>) {
        self.refused.push(Refused { path: path.clone(), summary: summary.into(), detail: detail.into() });
    }

    fn block(&mut self, block: &Block, said: &Value, path: &Path) -> Value {
        let nothing = BTreeMap::new();
        let given = match said {
            Value::Object(given) | Value::Map(given) => given,
            Value::Unknown(_) => return Value::UNKNOWN,
            Value::Null => &nothing,
            _ => {
                self.refuse(path, "Unsupported block type", "An object is expected here.");
                return block.empty();
            }
        };
        for name in
            given.keys().filter(|name| !block.attributes.contains_key(*name) && !block.blocks.contains_key(*name))
        {
            let detail = format!("An argument named \"{name}\" is not expected here.");
            self.refuse(&path.attribute(name), "Unsupported argument", detail);
        }
        let mut object = BTreeMap::new();
        for (name, attribute) in &block.attributes {
            let said = given.get(name).unwrap_or(&Value::Null);
            object.insert(name.clone(), self.top_attribute(name, attribute, said, &path.attribute(name)));
        }
        for (name, nested) in &block.blocks {
            let said = given.get(name).unwrap_or(&Value::Null);
            object.insert(name.clone(), self.blocks(name, nested, said, &path.attribute(name)));
        }
        Value::Object(object)
    }

    fn top_attribute(&mut self, name: &str, attribute: &Attribute, said: &Value, path: &Path) -> Value {
        if said.is_null() && attribute.required {
            let detail = format!("The argument \"{name}\" is required, but no definition was found.");
            self.refuse(path, "Missing required argument", detail);
        }
        if !said.is_null() && attribute.is_decided_by_provider() {
            let detail = format!(
                "Can't configure a value for \"{name}\": its value will be decided automatically based on the result of applying this configuration."
            );
            self.refuse(path, "Value for unconfigurable attribute", detail);
        }
        match inner(attribute, said, path) {
            Ok(value) => value,
            Err((at, what)) => {
                let inside = at.to_string();
                let inside = inside.strip_prefix(&path.to_string()).unwrap_or_default();
                let inside = if inside.is_empty() { String::new() } else { format!("{inside}: ") };
                let detail = format!("Inappropriate value for attribute \"{name}\": {inside}{what}.");
                self.refuse(&at, "Incorrect attribute value type", detail);
                Value::Null
            }
        }
    }

    fn blocks(&mut self, name: &str, nested: &NestedBlock, said: &Value, path: &Path) -> Value {
        let value = match (nested.nesting, said) {
            (_, Value::Unknown(_)) => return Value::UNKNOWN,
            (Nesting::Group, Value::Null) => nested.block.empty(),
            (_, Value::Null) if nested.computed => return Value::Null,
            (Nesting::Single, Value::Null) => {
                if nested.min > 0 {
                    self.refuse(
                        path,
                        format!("Insufficient {name} blocks"),
                        format!("At least 1 \"{name}\" blocks are required."),
                    );
                }
                return Value::Null;
            }
            (_, Value::Null) => nested.empty(),
            (Nesting::Single | Nesting::Group, one) => {
                // One of several may stand alone in brackets.
                let one = if let Value::List(of) = one { of.first().unwrap_or(&Value::Null) } else { one };
                self.block(&nested.block, one, path)
            }
            (Nesting::Map, Value::Object(of) | Value::Map(of)) => {
                let of = of.iter();
                Value::Map(
                    of.map(|(key, one)| {
                        (key.clone(), self.block(&nested.block, one, &path.then(Step::Key(key.clone()))))
                    })
                    .collect(),
                )
            }
            (Nesting::List | Nesting::Set, several) => {
                let several = if let Value::List(of) | Value::Set(of) = several {
                    of.as_slice()
                } else {
                    std::slice::from_ref(several)
                };
                let is_set = nested.nesting == Nesting::Set;
                let step = |n| if is_set { Step::Element } else { Step::Index(n) };
                let of = several.iter().enumerate().map(|(n, one)| self.block(&nested.block, one, &path.then(step(n))));
                let of: Vec<Value> = of.collect();
                if is_set { Value::set(of) } else { Value::List(of) }
            }
            (Nesting::Map, _) => {
                self.refuse(path, format!("Missing key for {name}"), "All blocks of this kind have a key.");
                nested.empty()
            }
        };
        let count = i64::try_from(value.children().len()).unwrap_or(i64::MAX);
        if matches!(nested.nesting, Nesting::List | Nesting::Set) {
            if count < nested.min {
                let detail = format!("At least {} \"{name}\" blocks are required.", nested.min);
                self.refuse(path, format!("Insufficient {name} blocks"), detail);
            }
            if nested.max > 0 && count > nested.max {
                let detail = format!("No more than {} \"{name}\" blocks are allowed", nested.max);
                self.refuse(path, format!("Too many {name} blocks"), detail);
            }
        }
        value
    }
}

/// An attribute inside of another: what is too much there is left out without a word, as Terraform does.
fn inner(attribute: &Attribute, said: &Value, path: &Path) -> Result<Value, (Path, String)> {
    match &attribute.kind {
        Kind::Plain(ty) => convert(said, ty, path),
        Kind::Nested(nested) => several(nested, said, path),
    }
}

fn several(nested: &Nested, said: &Value, path: &Path) -> Result<Value, (Path, String)> {
    let of = |elements: &[Value], step: &dyn Fn(usize) -> Step| -> Result<Vec<Value>, _> {
        elements.iter().enumerate().map(|(n, element)| one(nested, element, &path.then(step(n)))).collect()
    };
    match (nested.nesting, said) {
        (_, Value::Null | Value::Unknown(_)) => Ok(said.clone()),
        (_, Value::Dynamic(inner)) => several(nested, &inner.1, path),
        (Nesting::Single | Nesting::Group, _) => one(nested, said, path),
        (Nesting::List, Value::List(elements) | Value::Set(elements)) => Ok(Value::List(of(elements, &Step::Index)?)),
        (Nesting::Set, Value::List(elements) | Value::Set(elements)) => {
            Ok(Value::set(of(elements, &|_| Step::Element)?))
        }
        (Nesting::Map, Value::Object(elements) | Value::Map(elements)) => {
            let entry = |(key, element): (&String, &Value)| {
                Ok((key.clone(), one(nested, element, &path.then(Step::Key(key.clone())))?))
            };
            Ok(Value::Map(elements.iter().map(entry).collect::<Result<_, _>>()?))
        }
        _ => Err((path.clone(), format!("{} required", nested.ty().friendly()))),
    }
}

fn one(nested: &Nested, said: &Value, path: &Path) -> Result<Value, (Path, String)> {
    let given = match said {
        Value::Null | Value::Unknown(_) => return Ok(said.clone()),
        Value::Object(given) | Value::Map(given) => given,
        Value::Dynamic(inside) => return one(nested, &inside.1, path),
        _ => return Err((path.clone(), "object required".to_owned())),
    };
    let mut object = BTreeMap::new();
    for (name, attribute) in &nested.attributes {
        if attribute.required && !given.contains_key(name) {
            return Err((path.clone(), format!("attribute \"{name}\" is required")));
        }
        let said = given.get(name).unwrap_or(&Value::Null);
        object.insert(name.clone(), inner(attribute, said, &path.attribute(name))?);
    }
    Ok(Value::Object(object))
}

#[cfg(test)]
#[path = "coerce_tests.rs"]
mod tests;
