//! The state that is proposed to a provider: the configuration, and what the provider decided before where the
//! configuration leaves it to decide.

use std::collections::BTreeMap;

use crate::path::Path;
use crate::schema::{Attribute, Block, Kind, Nested, NestedBlock, Nesting};
use crate::value::Value;

/// What is proposed where there was `prior` and `config` is wanted.
pub(crate) fn proposed(block: &Block, prior: &Value, config: &Value) -> Value {
    if prior.is_null() && config.is_null() {
        return Value::Null;
    }
    let nothing = block.empty();
    merged(block, if prior.is_null() { &nothing } else { prior }, config)
}

/// What is planned for a data source that is read later: unknown where nothing is configured and something will be told.
pub(crate) fn awaited(block: &Block, config: &Value) -> Value {
    merged(block, &Value::UNKNOWN, config)
}

fn merged(block: &Block, prior: &Value, config: &Value) -> Value {
    if config.is_null() || !config.is_known() {
        return prior.clone();
    }
    let mut object = merged_attributes(&block.attributes, prior, config);
    for (name, nested) in &block.blocks {
        object.insert(name.clone(), merged_blocks(nested, &prior.attribute(name), &config.attribute(name)));
    }
    Value::Object(object)
}

fn merged_attributes(
    attributes: &BTreeMap<String, Attribute>,
    prior: &Value,
    config: &Value,
) -> BTreeMap<String, Value> {
    let one = |(name, attribute): (&String, &Attribute)| {
        (name.clone(), merged_attribute(attribute, &prior.attribute(name), &config.attribute(name)))
    };
    attributes.iter().map(one).collect()
}

fn merged_attribute(attribute: &Attribute, prior: &Value, config: &Value) -> Value {
    if attribute.computed && config.is_null() {
        // What only a configuration can have said is no longer said.
        return if was_configured(attribute, prior) { config.clone() } else { prior.clone() };
    }
    match &attribute.kind {
        Kind::Nested(nested) => merged_nested(nested, prior, config),
        Kind::Plain(_) => config.clone(),
    }
}

/// Whether an attribute that may be left to the provider holds something that the provider may not decide.
fn was_configured(attribute: &Attribute, prior: &Value) -> bool {
    fn said(attributes: &BTreeMap<String, Attribute>, object: &Value) -> bool {
        attributes.iter().any(|(name, attribute)| {
            let value = object.attribute(name);
            let inside =
                |nested: &Nested| objects(nested.nesting, &value).into_iter().any(|one| said(&nested.attributes, one));
            !value.is_null()
                && (!attribute.computed || matches!(&attribute.kind, Kind::Nested(nested) if inside(nested)))
        })
    }
    match &attribute.kind {
        Kind::Nested(nested) if attribute.optional => {
            objects(nested.nesting, prior).into_iter().any(|one| said(&nested.attributes, one))
        }
        _ => false,
    }
}

fn objects(nesting: Nesting, value: &Value) -> Vec<&Value> {
    match nesting {
        Nesting::Single | Nesting::Group => vec![value],
        _ => value.elements(),
    }
}

fn merged_nested(nested: &Nested, prior: &Value, config: &Value) -> Value {
    if config.is_null() || !config.is_known() {
        return config.clone();
    }
    let merge = |prior: &Value, config: &Value| match config {
        Value::Null => Value::Null,
        _ => Value::Object(merged_attributes(&nested.attributes, prior, config)),
    };
    let fits = |prior: &Value, config: &Value| fits(&nested.attributes, &BTreeMap::new(), prior, config);
    each(nested.nesting, prior, config, &merge, &fits)
}

fn merged_blocks(nested: &NestedBlock, prior: &Value, config: &Value) -> Value {
    if !config.is_known() {
        return config.clone();
    }
    if config.is_null() {
        return match nested.nesting {
            Nesting::Single => Value::Null,
            // What is not configured, and may be decided by the provider, stays as it was.
            _ if nested.computed => prior.clone(),
            _ => nested.empty(),
        };
    }
    let merge = |prior: &Value, config: &Value| proposed(&nested.block, prior, config);
    let fits = |prior: &Value, config: &Value| fits(&nested.block.attributes, &nested.block.blocks, prior, config);
    each(nested.nesting, prior, config, &merge, &fits)
}

/// Brings the elements of a collection together with what they were: by place, by key, or, in sets, by being alike.
fn each(
    nesting: Nesting,
    prior: &Value,
    config: &Value,
    merge: &dyn Fn(&Value, &Value) -> Value,
    fits: &dyn Fn(&Value, &Value) -> bool,
) -> Value {
    let before = |step: &crate::path::Step| match prior {
        Value::Unknown(_) => Value::UNKNOWN,
        _ => Path(vec![step.clone()]).find(prior).unwrap_or(Value::Null),
    };
    match (nesting, config) {
        (Nesting::List, Value::List(_)) => {
            Value::List(config.children().iter().map(|(step, element)| merge(&before(step), element)).collect())
        }
        (Nesting::Map, Value::Map(elements)) => {
            let one = |(key, element): (&String, &Value)| {
                (key.clone(), merge(&before(&crate::path::Step::Key(key.clone())), element))
            };
            Value::Map(elements.iter().map(one).collect())
        }
        (Nesting::Set, Value::Set(elements)) => {
            let mut left: Vec<&Value> =
                if let Value::Set(before) = prior { before.iter().collect() } else { Vec::new() };
            let mut one = |element: &Value| {
                if !prior.is_known() {
                    return merge(&Value::UNKNOWN, element);
                }
                let found = left.iter().position(|before| fits(before, element));
                merge(&found.map_or(Value::Null, |n| left.remove(n).clone()), element)
            };
            Value::set(elements.iter().map(&mut one).collect::<Vec<_>>())
        }
        _ => merge(prior, config),
    }
}

/// Whether an element of a set may be what a configured element became: they differ only where the provider decides.
fn fits(
    attributes: &BTreeMap<String, Attribute>,
    blocks: &BTreeMap<String, NestedBlock>,
    prior: &Value,
    config: &Value,
) -> bool {
    if prior == config {
        return true;
    }
    let attribute = |(name, attribute): (&String, &Attribute)| {
        let (prior, config) = (prior.attribute(name), config.attribute(name));
        if prior == config {
            return true;
        }
        match &attribute.kind {
            Kind::Nested(nested) if !prior.is_null() && !config.is_null() => {
                alike(nested.nesting, &prior, &config, &|p, c| fits(&nested.attributes, &BTreeMap::new(), p, c))
            }
            _ => attribute.computed && config.is_null(),
        }
    };
    let block = |(name, nested): (&String, &NestedBlock)| {
        let (prior, config) = (prior.attribute(name), config.attribute(name));
        prior == config
            || alike(nested.nesting, &prior, &config, &|p, c| {
                fits(&nested.block.attributes, &nested.block.blocks, p, c)
            })
    };
    attributes.iter().all(attribute) && blocks.iter().all(block)
}

fn alike(nesting: Nesting, prior: &Value, config: &Value, fits: &dyn Fn(&Value, &Value) -> bool) -> bool {
    match nesting {
        Nesting::Single | Nesting::Group => fits(prior, config),
        Nesting::List | Nesting::Map => {
            let (prior, config) = (prior.children(), config.children());
            prior.len() == config.len()
                && prior.iter().zip(&config).all(|((a, prior), (b, config))| a == b && fits(prior, config))
        }
        // Elements of a set inside of an element of a set are not brought together.
        Nesting::Set => false,
    }
}
