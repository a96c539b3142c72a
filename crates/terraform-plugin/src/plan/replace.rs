//! Which differences make a replacement.

use super::equal::{EXACTLY, get};
use crate::path::Path;
use crate::registry::Attributes;
use crate::schema::{Attribute, Kind, Nesting, Rule};
use crate::value::Value;

/// The paths of the attributes marked `replace` that differ. What is still to be found out of an object whose creation was
/// left unfinished is no difference. New and removed elements of a map or list replace nothing,
/// and neither do changes within a set, where a changed element is a removed one and a new one.
pub(super) fn replacements(attributes: &[Attribute], prior: &Attributes, planned: &Attributes, at: &Path) -> Vec<Path> {
    let mut found = Vec::new();
    for attribute in attributes.iter().filter(|attribute| !attribute.write_only) {
        let (prior, planned) = (get(prior, &attribute.name), get(planned, &attribute.name));
        let at = at.at(&attribute.name);
        if EXACTLY.attribute(attribute, prior, planned) {
            continue;
        }
        let to_be_found_out = matches!(attribute.rule, Rule::Keep | Rule::Computed)
            && matches!((prior, planned), (Value::Null, Value::Unknown));
        if to_be_found_out {
            continue;
        }
        if attribute.replace {
            found.push(at);
            continue;
        }
        let Kind::Nested(nesting, attributes) = &attribute.kind else { continue };
        let mut element = |prior: &Value, planned: &Value, at: Path| {
            if let (Value::Object(prior), Value::Object(planned)) = (prior, planned) {
                found.extend(replacements(attributes, prior, planned, &at));
            }
        };
        match (nesting, prior, planned) {
            (Nesting::Single, prior, planned) => element(prior, planned, at),
            (Nesting::List, Value::List(prior), Value::List(planned)) => {
                prior.iter().zip(planned).enumerate().for_each(|(i, (a, b))| element(a, b, at.index(i)));
            }
            (Nesting::Map, Value::Map(prior), Value::Map(planned)) => {
                for (key, prior) in prior {
                    if let Some(planned) = planned.get(key) {
                        element(prior, planned, at.key(key));
                    }
                }
            }
            _ => {}
        }
    }
    found
}
