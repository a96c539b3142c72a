//! Variants of the examples, made out of the schemas: other values of what an example says, and of what it leaves out; and
//! values that are wrong. What cannot be known from a schema stands beside the example, in `values.hcl`.

mod changed;
mod description;
mod replaced;
mod values;
mod walk;

use std::collections::BTreeMap;

use terraform_core::{Config, Diagnostic, Diagnostics, Step};

pub(super) use changed::changed;

use super::lives::Example;

/// Attributes of the resource that an example shows, and their values as HCL.
type Attributes = BTreeMap<String, String>;

impl Example {
    /// The example with other values of these attributes.
    fn with(&self, attributes: &Attributes) -> Config {
        let (kind, label) = self.address.split_once('.').unwrap();
        let head = format!("resource \"{kind}\" \"{label}\" {{");
        let (before, block) = self.text.split_once(&head).unwrap_or_else(|| panic!("the example has no `{head}`"));
        let mut text = format!("{before}{head}\n");
        for (name, value) in attributes {
            text.push_str(&format!("  {name} = {value}\n"));
        }
        // How many brackets are open: attributes of the resource itself stand where it is one.
        let (mut depth, mut dropping) = (1, false);
        let mut text_until: Option<&str> = None;
        for line in block.lines() {
            match text_until {
                Some(end) => text_until = Some(end).filter(|end| line.trim() != *end),
                None => {
                    let name = line.split_once('=').map_or("", |(name, _)| name.trim());
                    dropping = if depth == 1 { attributes.contains_key(name) } else { dropping && depth > 1 };
                    // Once the block is closed, the rest is another's.
                    depth = if depth > 0 { depth + brackets(line) } else { 0 };
                    text_until = line.split_once("<<").map(|(_, end)| end.trim_start_matches('-'));
                }
            }
            if !dropping {
                text.push_str(line);
                text.push('\n');
            }
        }
        Config::from_hcl(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
}

/// Opening less closing brackets, without those in a comment.
fn brackets(line: &str) -> i32 {
    let code = line.split('#').next().unwrap_or_default();
    code.chars().map(|c| i32::from("{[(".contains(c)) - i32::from("}])".contains(c))).sum()
}

/// Whether an error points at an attribute.
fn points_at(error: &Diagnostic, attribute: &str) -> bool {
    error.path.0.first() == Some(&Step::Attribute(attribute.to_owned()))
}

/// Which of these attributes the errors are about: at which they point, else whose name they say.
fn culprit<'a>(said: &Diagnostics, names: impl Iterator<Item = &'a str> + Clone) -> Option<usize> {
    let says = |text: &str, name: &str| {
        text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).any(|word| word == name)
    };
    let named = |error: &Diagnostic, name: &str| says(&error.summary, name) || says(&error.detail, name);
    let pointed = names.clone().position(|name| said.errors.iter().any(|error| points_at(error, name)));
    pointed.or_else(|| names.clone().position(|name| said.errors.iter().any(|error| named(error, name))))
}
