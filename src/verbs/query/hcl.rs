//! HCL as `terraform fmt` leaves it.

use terraform_plugin::value::Value;

/// What stands on the right of an attribute that is no literal: asked with the attribute's name and the value.
pub(super) type Instead<'a> = &'a mut dyn FnMut(&str, &Value) -> Option<String>;

/// The attributes of a block or an object, each in its line or lines; the `=` of neighbours of one line each stand below each
/// other.
pub(super) fn body(attributes: &[(String, String)], depth: usize) -> String {
    let indent = "  ".repeat(depth);
    let mut text = String::new();
    let mut rest = attributes;
    while let Some((first, _)) = rest.split_first() {
        let of_a_line = rest.iter().take_while(|(_, value)| !value.contains('\n')).count();
        let group = if of_a_line == 0 { std::slice::from_ref(first) } else { &rest[..of_a_line] };
        let width =
            if of_a_line == 0 { 0 } else { group.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0) };
        for (name, value) in group {
            text.push_str(&format!("{indent}{name:width$} = {value}\n"));
        }
        rest = &rest[group.len()..];
    }
    text
}

/// A value as an expression, whose further lines are this deep. `attribute` is the nearest one that it belongs to.
pub(super) fn expression(attribute: &str, value: &Value, depth: usize, instead: Instead<'_>) -> String {
    if let Some(other) = instead(attribute, value) {
        return other;
    }
    match value {
        Value::Null | Value::Unknown => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::List(elements) => list(attribute, elements, depth, instead),
        Value::Map(entries) => object(entries.iter(), depth, instead),
        // What is not set is not written.
        Value::Object(entries) => object(entries.iter().filter(|(_, value)| !value.is_null()), depth, instead),
        Value::Dynamic(_, value) => expression(attribute, value, depth, instead),
    }
}

fn list(attribute: &str, elements: &[Value], depth: usize, instead: Instead<'_>) -> String {
    let inner = "  ".repeat(depth + 1);
    let written: Vec<String> =
        elements.iter().map(|element| expression(attribute, element, depth + 1, instead)).collect();
    match written.iter().any(|element| element.contains('\n')) || written.join(", ").len() > 100 {
        false => format!("[{}]", written.join(", ")),
        true => {
            let lines: String = written.iter().map(|element| format!("{inner}{element},\n")).collect();
            format!("[\n{lines}{}]", "  ".repeat(depth))
        }
    }
}

fn object<'a>(entries: impl Iterator<Item = (&'a String, &'a Value)>, depth: usize, instead: Instead<'_>) -> String {
    let written: Vec<(String, String)> =
        entries.map(|(key, value)| (identifier(key), expression(key, value, depth + 1, instead))).collect();
    match written.is_empty() {
        true => "{}".to_owned(),
        false => format!("{{\n{}{}}}", body(&written, depth + 1), "  ".repeat(depth)),
    }
}

fn identifier(key: &str) -> String {
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    match plain && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        true => key.to_owned(),
        false => quoted(key),
    }
}

/// A text as a literal in which nothing means anything else.
pub(super) fn quoted(text: &str) -> String {
    let mut literal = String::from("\"");
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' => literal.push_str("\\\""),
            '\\' => literal.push_str("\\\\"),
            '\n' => literal.push_str("\\n"),
            '\r' => literal.push_str("\\r"),
            '\t' => literal.push_str("\\t"),
            '$' | '%' if rest.peek() == Some(&'{') => literal.extend([c, c]),
            c if c.is_control() => literal.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => literal.push(c),
        }
    }
    literal.push('"');
    literal
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_mean_themselves() {
        assert_eq!(quoted("a\"b\\c\n\t${x} %{y} $x 5%"), r#""a\"b\\c\n\t$${x} %%{y} $x 5%""#);
        assert_eq!(quoted("ä\u{1}"), "\"ä\\u0001\"");
    }

    #[test]
    fn it_is_formatted() {
        let disk = Value::object([("size", Value::from("32G")), ("storage", "fast".into()), ("cache", Value::Null)]);
        let value = Value::object([
            ("disks", Value::map([("scsi0", disk), ("a b", Value::object([("size", Value::Null)]))])),
            ("tags", Value::list(["a", "b"])),
            ("vmid", 101.into()),
            ("z", true.into()),
        ]);
        let text = expression("", &value, 0, &mut |attribute, value| {
            (attribute == "storage" && value.as_str() == Some("fast"))
                .then(|| "pve_storage_rbd.fast.storage".to_owned())
        });
        let expected = "{\n  disks = {\n    \"a b\" = {}\n    scsi0 = {\n      size    = \"32G\"\n      storage = \
                        pve_storage_rbd.fast.storage\n    }\n  }\n  tags = [\"a\", \"b\"]\n  vmid = 101\n  z    = true\n}";
        assert_eq!(text, expected);
    }
}
