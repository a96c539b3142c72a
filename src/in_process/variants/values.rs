//! Values for attributes, from what their schema says of them.

use acceptance_tests::Beside;
use serde_json::Value;

use super::description::Attribute;

/// Values to set an attribute to, one after the other, as HCL. `None`: the schema does not tell, and neither does what
/// stands beside the example.
pub(super) fn for_attribute(beside: &Beside, attribute: &Attribute) -> Option<Vec<String>> {
    if let Some(values) = beside.values(&attribute.name) {
        // All parts of a nested one have to be there somewhere.
        let whole = parts(attribute).iter().all(|part| values.iter().any(|value| says(value, part)));
        return whole.then(|| values.to_vec());
    }
    if attribute.nesting.as_deref() == Some("single") {
        return in_an_object(beside, attribute);
    }
    let quoted = |words: &[&str]| Some(words.iter().map(|word| format!("\"{word}\"")).collect());
    match attribute.kind.as_deref()? {
        // What it is not by default comes first: the other way around nothing would change.
        "bool" if attribute.default == Value::Bool(true) => Some(vec!["false".to_owned(), "true".to_owned()]),
        "bool" => Some(vec!["true".to_owned(), "false".to_owned()]),
        "number" => match attribute.limits() {
            Some((low, Some(high))) => Some(vec![low.to_string(), high.to_string()]),
            Some((low, None)) => Some(vec![low.to_string(), (low + 1024).to_string()]),
            None => Some(vec!["1".to_owned(), "2".to_owned()]),
        },
        "string" => match attribute.words() {
            Some(words) => quoted(&words),
            None if attribute.is("a size such as") => quoted(&["1G", "2G"]),
            None if attribute.is("a duration such as") => quoted(&["31m", "32m"]),
            // One with a check of its own is a matter for the table.
            None if attribute.checks.iter().all(|check| check.starts_with("length ") || PLAIN.contains(&&**check)) => {
                quoted(&["first", "second"])
            }
            None => None,
        },
        _ => None,
    }
}

/// Checks that any plain word passes.
const PLAIN: [&str; 4] = ["one line", "one tidy line", "one word", "not blank"];

/// An object with the n-th values of all its attributes.
fn in_an_object(beside: &Beside, object: &Attribute) -> Option<Vec<String>> {
    let mut values = vec![Vec::new(), Vec::new()];
    for attribute in object.attributes.iter().filter(|attribute| attribute.rule != "computed") {
        let of_attribute = for_attribute(beside, attribute)?;
        for (n, object) in values.iter_mut().enumerate() {
            let value = of_attribute.get(n).or(of_attribute.last())?;
            object.push(format!("{} = {value}", attribute.name));
        }
    }
    Some(values.into_iter().map(|object| format!("{{ {} }}", object.join(", "))).collect())
}

/// A value that the schema forbids, if it says what it forbids.
pub(super) fn wrong(attribute: &Attribute) -> Option<String> {
    match attribute.kind.as_deref()? {
        "number" => attribute.limits().map(|(low, high)| high.map_or(low - 1, |high| high + 1).to_string()),
        "string"
            if attribute.words().is_some() || attribute.is("a size such as") || attribute.is("a duration such as") =>
        {
            Some("\"no-such-thing\"".to_owned())
        }
        _ => None,
    }
}

/// The names of everything inside a nested attribute.
fn parts(attribute: &Attribute) -> Vec<&str> {
    let inside = attribute.attributes.iter().filter(|part| part.rule != "computed");
    inside.flat_map(|part| std::iter::once(part.name.as_str()).chain(parts(part))).collect()
}

fn says(hcl: &str, name: &str) -> bool {
    hcl.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == name)
}
