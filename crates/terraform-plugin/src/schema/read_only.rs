//! What the provider alone says, and a configuration says all the same.

use super::{Attribute, Kind, Nesting, Rule};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::path::Path;
use crate::value::Value;

/// An error for each computed attribute that is configured. Terraform does not look, and the value would be lost without a
/// word.
pub fn read_only(attributes: &[Attribute], config: &Value) -> Diagnostics {
    let mut found = Diagnostics::default();
    look(attributes, config, &Path::root(), None, &mut found);
    found
}

/// `set`: the outermost set around it, into which the protocol has no paths.
fn look(attributes: &[Attribute], config: &Value, at: &Path, set: Option<&Path>, found: &mut Diagnostics) {
    let Some(values) = config.as_object() else { return };
    for attribute in attributes {
        let Some(value) = values.get(&attribute.name).filter(|value| !value.is_null()) else { continue };
        let path = at.at(&attribute.name);
        if attribute.rule == Rule::Computed {
            let summary = format!("{path} cannot be configured");
            let error = Diagnostic::error(summary, "The provider alone says what it is. Leave it out.");
            found.push(error.at(set.cloned().unwrap_or(path)));
            continue;
        }
        let Kind::Nested(nesting, inner) = &attribute.kind else { continue };
        match (nesting, value.bare()) {
            (Nesting::Single, one) => look(inner, one, &path, set, found),
            (Nesting::Set, Value::List(items)) => {
                items.iter().for_each(|item| look(inner, item, &path, Some(set.unwrap_or(&path)), found));
            }
            (_, Value::List(items)) => {
                items.iter().enumerate().for_each(|(i, item)| look(inner, item, &path.index(i), set, found));
            }
            (_, Value::Map(of)) => of.iter().for_each(|(key, item)| look(inner, item, &path.key(key), set, found)),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Type;

    #[test]
    fn what_the_provider_says_is_refused_wherever_it_stands() {
        let id = || Attribute::new("id", Kind::Plain(Type::String), Rule::Computed);
        let nested = |name: &str, nesting| Attribute::new(name, Kind::Nested(nesting, vec![id()]), Rule::Optional);
        let all = [id(), nested("list", Nesting::List), nested("set", Nesting::Set), nested("map", Nesting::Map)];
        let one = || Value::object([("id", "x".into())]);
        let config = Value::object([
            ("id", Value::Unknown),
            ("list", Value::List(vec![Value::object([("id", Value::Null)]), one()])),
            ("set", Value::List(vec![one()])),
            ("map", Value::map([("k", one())])),
        ]);
        let said: Vec<String> = read_only(&all, &config).iter().map(|one| one.summary.clone()).collect();
        let paths = ["id", "list[1].id", "set.id", "map[\"k\"].id"];
        assert_eq!(said, paths.map(|path| format!("{path} cannot be configured")));
        assert!(!read_only(&all, &Value::object([("id", Value::Null)])).has_errors());
    }
}
