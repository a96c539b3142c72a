//! What may be stored.

use std::collections::BTreeMap;

use crate::path::Path;
use crate::schema::{Attribute, Block, Kind, Nesting};
use crate::value::Value;

/// Where there are values that are for the provider alone, and never stored.
pub(crate) fn write_only(block: &Block, value: &Value) -> Vec<Path> {
    let mut found = Vec::new();
    in_block(block, value, &Path::ROOT, &mut found);
    found
}

fn in_block(block: &Block, value: &Value, path: &Path, found: &mut Vec<Path>) {
    if value.is_null() || !value.is_known() {
        return;
    }
    in_attributes(&block.attributes, value, path, found);
    for (name, nested) in &block.blocks {
        let (value, path) = (value.attribute(name), path.attribute(name));
        match nested.nesting {
            Nesting::Single | Nesting::Group => in_block(&nested.block, &value, &path, found),
            _ => value
                .children()
                .into_iter()
                .for_each(|(step, one)| in_block(&nested.block, one, &path.then(step), found)),
        }
    }
}

fn in_attributes(attributes: &BTreeMap<String, Attribute>, value: &Value, path: &Path, found: &mut Vec<Path>) {
    if value.is_null() || !value.is_known() {
        return;
    }
    for (name, attribute) in attributes {
        let (value, path) = (value.attribute(name), path.attribute(name));
        if attribute.write_only && !value.is_null() {
            found.push(path);
            continue;
        }
        let Kind::Nested(nested) = &attribute.kind else { continue };
        match nested.nesting {
            Nesting::Single | Nesting::Group => in_attributes(&nested.attributes, &value, &path, found),
            _ => value
                .children()
                .into_iter()
                .for_each(|(step, one)| in_attributes(&nested.attributes, one, &path.then(step), found)),
        }
    }
}

/// Where something is unknown.
pub(crate) fn unknown(value: &Value) -> Vec<Path> {
    fn walk(value: &Value, path: &Path, found: &mut Vec<Path>) {
        if !value.is_known() {
            found.push(path.clone());
        }
        value.children().into_iter().for_each(|(step, child)| walk(child, &path.then(step), found));
    }
    let mut found = Vec::new();
    walk(value, &Path::ROOT, &mut found);
    found
}

/// Blocks of which there are none, where a provider said that there is nothing to say of them.
pub(crate) fn normalized(block: &Block, value: &Value) -> Value {
    let Value::Object(attributes) = value else { return value.clone() };
    let mut attributes = attributes.clone();
    for (name, nested) in &block.blocks {
        let Some(value) = attributes.get_mut(name) else { continue };
        if value.is_null() {
            *value = nested.empty();
            continue;
        }
        let inside = |one: &Value| normalized(&nested.block, one);
        *value = match &*value {
            Value::List(of) => Value::List(of.iter().map(inside).collect()),
            Value::Set(of) => Value::set(of.iter().map(inside).collect::<Vec<_>>()),
            Value::Map(of) => Value::Map(of.iter().map(|(key, one)| (key.clone(), inside(one))).collect()),
            other => inside(other),
        };
    }
    Value::Object(attributes)
}
