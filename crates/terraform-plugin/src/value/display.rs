//! Values in messages to people.

use std::fmt;

use super::Value;

/// Longest text and longest collection that a message repeats.
const SHOWN_CHARACTERS: usize = 100;
const SHOWN_ELEMENTS: usize = 20;

/// As HCL writes it, on one line; what is long is cut. Never for sensitive values: the value does not know that it is.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Unknown => f.write_str("(known after apply)"),
            Self::Bool(bool) => write!(f, "{bool}"),
            Self::Number(number) => cut(f, number.as_str(), |f, text| f.write_str(text)),
            Self::String(text) => cut(f, text, |f, text| write!(f, "{text:?}")),
            Self::List(elements) => {
                f.write_str("[")?;
                list(f, elements.iter(), |f, element| write!(f, "{element}"))?;
                f.write_str("]")
            }
            Self::Map(elements) => {
                f.write_str("{")?;
                list(f, elements.iter(), |f, (key, element)| write!(f, "{key:?} = {element}"))?;
                f.write_str("}")
            }
            Self::Object(attributes) => {
                f.write_str("{")?;
                list(f, attributes.iter(), |f, (name, attribute)| write!(f, "{name} = {attribute}"))?;
                f.write_str("}")
            }
            Self::Dynamic(_, value) => write!(f, "{value}"),
        }
    }
}

fn cut(
    f: &mut fmt::Formatter<'_>,
    text: &str,
    write: impl Fn(&mut fmt::Formatter<'_>, &str) -> fmt::Result,
) -> fmt::Result {
    match text.char_indices().nth(SHOWN_CHARACTERS) {
        None => write(f, text),
        Some((end, _)) => {
            write(f, &text[..end])?;
            write!(f, "... ({} bytes)", text.len())
        }
    }
}

fn list<T>(
    f: &mut fmt::Formatter<'_>,
    items: impl ExactSizeIterator<Item = T>,
    write: impl Fn(&mut fmt::Formatter<'_>, T) -> fmt::Result,
) -> fmt::Result {
    let length = items.len();
    for (i, item) in items.take(SHOWN_ELEMENTS).enumerate() {
        f.write_str(if i == 0 { "" } else { ", " })?;
        write(f, item)?;
    }
    if length > SHOWN_ELEMENTS { write!(f, ", ... ({length} in all)") } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_like_hcl() {
        let value = Value::object([
            ("a", Value::list(["x\"y"])),
            ("m", Value::map([("k 1", Value::from(true))])),
            ("n", Value::Number("-1.50".parse().unwrap())),
            ("u", Value::Unknown),
            ("z", Value::Null),
        ]);
        assert_eq!(
            value.to_string(),
            r#"{a = ["x\"y"], m = {"k 1" = true}, n = -1.5, u = (known after apply), z = null}"#
        );
    }

    #[test]
    fn long_values_are_cut() {
        let shown = Value::from("ü".repeat(1_000_000)).to_string();
        assert_eq!(shown, format!("\"{}\"... (2000000 bytes)", "ü".repeat(100)));
        let shown = Value::list(0..1000).to_string();
        assert!(shown.ends_with("18, 19, ... (1000 in all)]"), "{shown}");
    }
}
