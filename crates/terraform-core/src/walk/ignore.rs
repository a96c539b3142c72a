//! `ignore_changes`: what of the configuration stays as it was.

use crate::config::Ignore;
use crate::path::{Path, Step};
use crate::rules::replace::attribute;
use crate::schema::Block;
use crate::value::Value;

/// The configuration that is sent.
pub(crate) fn ignored(block: &Block, ignore: &Ignore, prior: &Value, config: &Value) -> Value {
    if prior.is_null() {
        return config.clone();
    }
    match ignore {
        Ignore::All => without_computed(block, prior, &Path::ROOT),
        Ignore::Some(paths) => paths.iter().fold(config.clone(), |config, path| kept(&config, prior, &path.0)),
    }
}

/// What was, but for what only the provider decides.
fn without_computed(block: &Block, value: &Value, path: &Path) -> Value {
    if attribute(block, path).is_some_and(crate::schema::Attribute::is_decided_by_provider) {
        return Value::Null;
    }
    match value {
        Value::Object(of) => Value::Object(
            of.iter()
                .map(|(name, value)| (name.clone(), without_computed(block, value, &path.attribute(name))))
                .collect(),
        ),
        Value::Map(of) => {
            let one = |(key, value): (&String, &Value)| {
                (key.clone(), without_computed(block, value, &path.then(Step::Key(key.clone()))))
            };
            Value::Map(of.iter().map(one).collect())
        }
        Value::List(of) => Value::List(
            of.iter()
                .enumerate()
                .map(|(n, value)| without_computed(block, value, &path.then(Step::Index(n))))
                .collect(),
        ),
        other => other.clone(),
    }
}

/// The configuration with what was at one place.
fn kept(config: &Value, prior: &Value, path: &[Step]) -> Value {
    let Some((step, rest)) = path.split_first() else { return prior.clone() };
    match (config, prior, step) {
        (Value::Object(config), Value::Object(prior), Step::Attribute(name)) => {
            let mut config = config.clone();
            if let (Some(value), Some(prior)) = (config.get_mut(name), prior.get(name)) {
                *value = kept(value, prior, rest);
            }
            Value::Object(config)
        }
        (Value::List(config), Value::List(prior), Step::Index(n)) => {
            let mut config = config.clone();
            if let (Some(value), Some(prior)) = (config.get_mut(*n), prior.get(*n)) {
                *value = kept(value, prior, rest);
            }
            Value::List(config)
        }
        // A key that was there stays, one that was not does not come.
        (Value::Map(_) | Value::Null, Value::Map(_) | Value::Null, Step::Key(key) | Step::Attribute(key)) => {
            let of = |value: &Value| if let Value::Map(of) = value { of.clone() } else { Default::default() };
            let (mut elements, before) = (of(config), of(prior));
            match (before.get(key), elements.get(key)) {
                (Some(before), Some(value)) => {
                    let value = kept(value, before, rest);
                    elements.insert(key.clone(), value);
                }
                (Some(before), None) if rest.is_empty() => {
                    elements.insert(key.clone(), before.clone());
                }
                (None, _) if rest.is_empty() => {
                    elements.remove(key);
                }
                _ => {}
            }
            if elements.is_empty() && config.is_null() { Value::Null } else { Value::Map(elements) }
        }
        _ => config.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(json: serde_json::Value) -> Value {
        let Value::Object(of) = json.into() else { panic!() };
        Value::Map(of)
    }

    #[test]
    fn what_was_stays() {
        let prior = Value::object([
            ("a", "old".into()),
            ("m", map(json!({"k": "old", "gone": "x"}))),
            ("l", json!([1]).into()),
        ]);
        let config = Value::object([
            ("a", "new".into()),
            ("m", map(json!({"k": "new", "come": "y"}))),
            ("l", json!([2]).into()),
        ]);
        let of = |steps: &[Step]| kept(&config, &prior, steps);
        let a = Step::Attribute("a".to_owned());
        let m = Step::Attribute("m".to_owned());
        let key = |key: &str| Step::Key(key.to_owned());
        assert_eq!(of(&[a]).get("a"), "old".into());
        assert_eq!(of(&[m.clone(), key("k")]).get("m"), map(json!({"k": "old", "come": "y"})));
        assert_eq!(of(&[m.clone(), key("gone")]).get("m"), map(json!({"k": "new", "come": "y", "gone": "x"})));
        assert_eq!(of(&[m, key("come")]).get("m"), map(json!({"k": "new"})));
        assert_eq!(of(&[Step::Attribute("l".to_owned()), Step::Index(0)]).get("l"), json!([1]).into());
    }
}
