//! Whether a change is one that only a new object can bring.

use crate::path::{Path, Step};
use crate::schema::{Attribute, Block, Kind, Nested};
use crate::value::Value;

/// Of the paths that a provider names, those where something changes; or the path that leads nowhere.
pub(crate) fn replacing(block: &Block, named: &[Path], prior: &Value, planned: &Value) -> Result<Vec<Path>, Path> {
    if prior.is_null() {
        return Ok(Vec::new());
    }
    let mut replacing = Vec::new();
    for path in named {
        let (before, after) = (path.find(prior), path.find(planned));
        if before.is_none() && after.is_none() {
            return Err(path.clone());
        }
        let (before, after) = (before.unwrap_or(Value::Null), after.unwrap_or(Value::Null));
        // What is never stored cannot be seen to change: the provider's word counts.
        let never_stored = attribute(block, path).is_some_and(|attribute| attribute.write_only);
        if before != after || !after.is_wholly_known() || never_stored {
            replacing.push(path.clone());
        }
    }
    Ok(replacing)
}

/// The attribute that a path leads to.
pub(crate) fn attribute<'a>(block: &'a Block, path: &Path) -> Option<&'a Attribute> {
    let names: Vec<&String> =
        path.0.iter().filter_map(|step| if let Step::Attribute(name) = step { Some(name) } else { None }).collect();
    let mut block = block;
    let mut names = names.into_iter().peekable();
    while let Some(name) = names.next() {
        if let Some(nested) = block.blocks.get(name) {
            block = &nested.block;
            continue;
        }
        let mut attribute = block.attributes.get(name)?;
        for name in names {
            let Kind::Nested(Nested { attributes, .. }) = &attribute.kind else { return None };
            attribute = attributes.get(name)?;
        }
        return Some(attribute);
    }
    None
}
