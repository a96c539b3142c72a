//! The attributes of a page: required, optional and read-only ones, and a section with an anchor for each nested one.

use std::fmt::Write as _;

use super::description::{Attribute, Object, capital};

/// Conditions that go without saying; the error of a value that breaks one tells it.
const UNSAID: [&str; 2] = ["a whole number", "length at least 1"];

/// How the description ends where a change replaces the object: it stands behind the conditions.
const REPLACES: &str = "A change replaces the object.";

/// A kind of attributes: its heading, and which belong there.
type Kind = (&'static str, fn(&Attribute) -> bool);

/// All kinds.
const KINDS: [Kind; 3] = [
    ("Required", |attribute| attribute.rule == "required"),
    ("Optional", |attribute| attribute.is_argument() && attribute.rule != "required"),
    ("Read-Only", |attribute| !attribute.is_argument()),
];

/// The whole section.
pub(super) fn section(page: &mut String, object: &Object) {
    page.push_str("## Schema\n\n");
    if !object.checks.is_empty() {
        let _ = writeln!(page, "{}\n", sentences(&object.checks, "", ""));
    }
    for (title, which) in KINDS {
        items(page, &format!("### {title}"), &object.attributes, which, "");
    }
    for attribute in &object.attributes {
        nested(page, attribute, "");
    }
}

/// A parameter of a function, in its place.
pub(super) fn parameter(page: &mut String, place: usize, parameter: &Attribute) {
    let mut line = String::new();
    item(&mut line, parameter, "");
    let null = if parameter.rule == "optional" { " May be null." } else { "" };
    let _ = writeln!(page, "{place}. {}{null}", line.trim_start_matches("- ").trim_end());
}

/// What a function answers, field by field.
pub(super) fn fields(page: &mut String, fields: &[Attribute]) {
    for field in fields {
        item(page, field, "");
    }
}

/// The attributes of one kind below their heading.
fn items(page: &mut String, title: &str, attributes: &[Attribute], which: fn(&Attribute) -> bool, above: &str) {
    let mut chosen: Vec<&Attribute> = attributes.iter().filter(|attribute| which(attribute)).collect();
    if chosen.is_empty() {
        return;
    }
    chosen.sort_by_key(|attribute| attribute.name == "timeouts");
    let _ = writeln!(page, "{title}\n");
    for attribute in chosen {
        item(page, attribute, above);
    }
    page.push('\n');
}

/// One attribute in a line, with a link to what is in it.
fn item(page: &mut String, attribute: &Attribute, above: &str) {
    let mut kind = vec![attribute.kind()];
    kind.extend(attribute.is("sensitive").then(|| "Sensitive".to_owned()));
    kind.extend(attribute.is("write_only").then(|| "Write-only".to_owned()));
    let mut text = format!("- `{}` ({})", attribute.name, kind.join(", "));
    let about = attribute.description.split_whitespace().collect::<Vec<_>>().join(" ");
    let (about, replaces) = match about.strip_suffix(REPLACES) {
        Some(about) => (about.trim_end().to_owned(), REPLACES),
        None => (about, ""),
    };
    // How attributes go together is told where they are.
    let kind = attribute.kind.as_deref();
    let conditions = kind.map(|kind| sentences(&attribute.told, &about, kind)).unwrap_or_default();
    let mut said = vec![about, conditions, replaces.to_owned()];
    if attribute.rule == "default" {
        said.push(format!(
            "Default: `{}`.",
            attribute.default.as_str().map_or_else(|| attribute.default.to_string(), str::to_owned)
        ));
    }
    if let Some(instead) = &attribute.deprecated {
        said.push(format!("**Deprecated:** {instead}"));
    }
    if attribute.nesting.is_some() {
        let path = path(above, &attribute.name);
        said.push(format!("(see [below for nested schema](#{}))", anchor(&path)));
    }
    for said in said.iter().filter(|said| !said.is_empty()) {
        text.extend([" ", said]);
    }
    let _ = writeln!(page, "{text}");
}

/// The section of a nested attribute, and of those in it.
fn nested(page: &mut String, attribute: &Attribute, above: &str) {
    if attribute.nesting.is_none() {
        return;
    }
    let path = path(above, &attribute.name);
    let _ = writeln!(page, "<a id=\"{}\"></a>\n### Nested Schema for `{path}`\n", anchor(&path));
    let durations = path == "timeouts";
    if durations {
        page.push_str("Durations such as `90s` or `1h30m`.\n\n");
    } else {
        let together = sentences(&attribute.told, &attribute.description, "");
        if !together.is_empty() {
            let _ = writeln!(page, "{together}\n");
        }
    }
    for (title, which) in KINDS {
        items(page, &format!("{title}:"), &attribute.attributes, which, &path);
    }
    for inner in &attribute.attributes {
        nested(page, inner, &path);
    }
}

fn path(above: &str, name: &str) -> String {
    if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") }
}

/// As the big providers' pages have them, so that links from elsewhere look alike.
fn anchor(path: &str) -> String {
    format!("nestedatt--{}", path.replace('.', "--"))
}

/// Conditions as sentences, without those that go without saying or that `about` has said already.
fn sentences(checks: &[String], about: &str, kind: &str) -> String {
    let said = checks.iter().filter(|check| !UNSAID.contains(&check.as_str()) && !is_said(check, about));
    let said: Vec<String> = said.map(|check| words(check, kind)).collect();
    alone(said).iter().map(|sentence| format!("{}.", capital(sentence))).collect::<Vec<_>>().join(" ")
}

/// Whether a text names all that a condition has in backticks, where there is nothing else in the condition.
fn is_said(check: &str, about: &str) -> bool {
    let listed =
        check.strip_prefix("each ").unwrap_or(check).starts_with("one of `") || check.starts_with("exactly one of `");
    let is_default = check.starts_with("a duration") && about.starts_with("Default `");
    let mut quoted = check.split('`').skip(1).step_by(2);
    is_default || (listed || check.contains("such as `")) && quoted.all(|word| about.contains(&format!("`{word}`")))
}

/// `at most one of` pairs that begin alike, in one sentence.
fn alone(said: Vec<String>) -> Vec<String> {
    let pair = |text: &str| -> Option<(String, String)> {
        let (first, second) = text.strip_prefix("at most one of ")?.split_once(" and ")?;
        (!first.contains(',')).then(|| (first.to_owned(), second.to_owned()))
    };
    let mut found: Vec<String> = Vec::new();
    let mut last = None;
    for text in said {
        match (pair(&text), found.last_mut()) {
            (Some((first, second)), Some(sentence)) if last.as_ref() == Some(&first) => {
                *sentence = format!(
                    "{}, {second}",
                    sentence.replace("at most one of ", "").replacen(" and ", " not together with ", 1)
                );
            }
            (of, _) => {
                last = of.map(|(first, _)| first);
                found.push(text);
            }
        }
    }
    found
}

/// A condition in words for its type: `length` is of characters or of elements.
fn words(check: &str, kind: &str) -> String {
    let of = if kind == "string" { "characters" } else { "of them" };
    match check.strip_prefix("length ") {
        Some(limits) => match limits.strip_prefix("between ").and_then(|limits| limits.split_once(" and ")) {
            Some((low, high)) => format!("{low} to {high} {of}"),
            None => format!("{limits} {of}"),
        },
        None => check.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn nested_attributes_have_a_section_with_an_anchor_of_their_own() {
        let object: Object = serde_json::from_value(json!({
            "description": "", "checks": ["at least one of `a` and `b`"],
            "attributes": [
                {"name": "disks", "description": "Disks.", "rule": "keep", "nesting": "map", "told": ["`a` only together with `b`"],
                 "attributes": [
                    {"name": "size", "description": "How much.", "rule": "required", "type": "number", "told": ["a whole number", "between 1 and 9"]},
                    {"name": "of", "description": "What.\n\nAt last.", "rule": "computed", "nesting": "single", "attributes": [
                        {"name": "x", "description": "", "rule": "computed", "type": "set(string)"},
                    ]},
                ]},
                {"name": "key", "description": "A key. A change replaces the object.", "rule": "default", "default": "k", "type": "string", "flags": ["sensitive"],
                 "told": ["length between 1 and 4"]},
            ],
        }))
        .unwrap();
        let mut page = String::new();
        section(&mut page, &object);
        let expected = "\
## Schema

At least one of `a` and `b`.

### Optional

- `disks` (Attributes Map) Disks. (see [below for nested schema](#nestedatt--disks))
- `key` (String, Sensitive) A key. 1 to 4 characters. A change replaces the object. Default: `k`.

<a id=\"nestedatt--disks\"></a>
### Nested Schema for `disks`

`a` only together with `b`.

Required:

- `size` (Number) How much. Between 1 and 9.

Read-Only:

- `of` (Attributes) What. At last. (see [below for nested schema](#nestedatt--disks--of))

<a id=\"nestedatt--disks--of\"></a>
### Nested Schema for `disks.of`

Read-Only:

- `x` (Set of String)

";
        assert_eq!(page, expected);
    }

    #[test]
    fn a_condition_is_said_once_and_in_words() {
        let told = |check: &str, about: &str, kind: &str| sentences(&[check.to_owned()], about, kind);
        assert_eq!(told("one of `a`, `b`", "`a` (slow) or `b`.", "string"), "");
        assert_eq!(told("one of `a`, `b`", "`a` (slow) or another.", "string"), "One of `a`, `b`.");
        assert_eq!(told("each one of `a`", "Only `a`.", "set(string)"), "");
        assert_eq!(told("a duration such as `90s`", "Default `5m`.", "string"), "");
        assert_eq!(told("length at most 4", "", "string"), "At most 4 characters.");
        assert_eq!(told("length at least 2", "", "set(string)"), "At least 2 of them.");
        assert_eq!(told("a size such as `4k`", "How much, such as `4k`.", "string"), "");
        assert_eq!(
            told("a path such as `/a`; else use `b`", "It is `/a`.", "string"),
            "A path such as `/a`; else use `b`."
        );
        let pairs = ["at most one of `a` and `b`", "at most one of `a` and `c`", "at most one of `d` and `c`"];
        let pairs = pairs.map(str::to_owned);
        assert_eq!(sentences(&pairs, "", ""), "`a` not together with `b`, `c`. At most one of `d` and `c`.");
    }
}
