//! Lenient readers for what PVE really sends.
//!
//! PVE's answers are Perl scalars: the same field may be a JSON number or a JSON string, a boolean is `1`, `"1"`, `true`,
//! `""` or absent, a list is a comma list or an array, depending on the code path and the version. The functions
//! here are for `#[serde(deserialize_with = ...)]`, always together with `#[serde(default)]`.
//!
//! They read through [`serde_json::Value`], so they work whether or not `serde_json` is built with
//! `arbitrary_precision`.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::de::{Deserialize, Deserializer, Error as _};
use serde_json::Value;

/// `true`, `1`, `"1"`, `"true"`, `"yes"`, `"on"` are true; `false`, `0`, `"0"`, `""`, `"no"`, `"off"`, `null` are false.
pub fn boolean<'de, D: Deserializer<'de>>(d: D) -> Result<bool, D::Error> {
    Ok(opt_boolean(d)?.unwrap_or(false))
}

/// As [`boolean`], where "not stored" (`null` or absent) differs from false.
pub fn opt_boolean<'de, D: Deserializer<'de>>(d: D) -> Result<Option<bool>, D::Error> {
    let value = Value::deserialize(d)?;
    match &value {
        Value::Null => Ok(None),
        other => truth(other).map(Some).ok_or_else(|| D::Error::custom(format!("expected a boolean, got {value}"))),
    }
}

fn truth(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(b) => Some(*b),
        Value::Number(n) => n.as_f64().map(|n| n != 0.0),
        Value::String(s) => parse_boolean(s),
        _ => None,
    }
}

/// A boolean as it stands inside property strings and in string-typed fields. `None` if it is no boolean.
pub fn parse_boolean(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "1" | "true" | "yes" | "on" => Some(true),
        "0" | "false" | "no" | "off" | "" => Some(false),
        _ => None,
    }
}

/// A number, also when it is sent as text. `null`, `""` and an absent field are the type's zero.
pub fn number<'de, D: Deserializer<'de>, T: Number>(d: D) -> Result<T, D::Error> {
    Ok(opt_number(d)?.unwrap_or_default())
}

/// A number, also when it is sent as text; `null` and `""` are `None`.
pub fn opt_number<'de, D: Deserializer<'de>, T: Number>(d: D) -> Result<Option<T>, D::Error> {
    let value = Value::deserialize(d)?;
    let text = match &value {
        Value::Null => return Ok(None),
        Value::Bool(b) => String::from(if *b { "1" } else { "0" }),
        Value::Number(n) => n.to_string(),
        Value::String(s) if s.trim().is_empty() => return Ok(None),
        Value::String(s) => s.trim().to_owned(),
        _ => return Err(D::Error::custom(format!("expected a number, got {value}"))),
    };
    T::lenient(&text).map(Some).ok_or_else(|| D::Error::custom(format!("expected a number, got {value}")))
}

/// A number type that [`number`] can read.
pub trait Number: Default {
    /// Reads PVE's text for it; integers may come as `3.0`.
    fn lenient(text: &str) -> Option<Self>;
}

/// `3.0` and `3e2` as an integer that fits.
fn whole<T: FromStr>(text: &str) -> Option<T> {
    text.parse().ok().or_else(|| {
        let float: f64 = text.parse().ok()?;
        if float.fract() == 0.0 && float.abs() < 9e15 { format!("{float:.0}").parse().ok() } else { None }
    })
}

macro_rules! integers {
    ($($t:ty),*) => {$(
        impl Number for $t {
            fn lenient(text: &str) -> Option<Self> { whole(text) }
        }
    )*};
}
integers!(u8, u16, u32, u64, i32, i64);

impl Number for f64 {
    fn lenient(text: &str) -> Option<Self> {
        text.parse::<f64>().ok().filter(|f| f.is_finite())
    }
}

/// Text, also when it is sent as a number (`"20"` or `20`). `null` and absent are empty.
pub fn text<'de, D: Deserializer<'de>>(d: D) -> Result<String, D::Error> {
    Ok(opt_text(d)?.unwrap_or_default())
}

/// Text, also when it is sent as a number or a boolean; `null` is `None`, the empty text stays.
pub fn opt_text<'de, D: Deserializer<'de>>(d: D) -> Result<Option<String>, D::Error> {
    let value = Value::deserialize(d)?;
    scalar_text(&value).map_err(|()| D::Error::custom(format!("expected text, got {value}")))
}

/// A scalar as PVE prints it: numbers in digits, booleans as `1` and `0`, `null` as `None`; an error for lists and maps.
pub(crate) fn scalar_text(value: &Value) -> Result<Option<String>, ()> {
    match value {
        Value::Null => Ok(None),
        Value::String(s) => Ok(Some(s.clone())),
        Value::Number(n) => Ok(Some(n.to_string())),
        Value::Bool(b) => Ok(Some(String::from(if *b { "1" } else { "0" }))),
        Value::Array(_) | Value::Object(_) => Err(()),
    }
}

/// A list, given as an array or as text with commas, semicolons, blanks or NULs between the items. Order is kept.
pub fn list<'de, D: Deserializer<'de>>(d: D) -> Result<Vec<String>, D::Error> {
    let value = Value::deserialize(d)?;
    match &value {
        Value::Array(items) => items
            .iter()
            .filter_map(|item| scalar_text(item).transpose())
            .collect::<Result<_, ()>>()
            .map_err(|()| D::Error::custom(format!("expected a list of texts, got {value}"))),
        other => match scalar_text(other) {
            Ok(text) => Ok(split_list(text.as_deref().unwrap_or_default())),
            Err(()) => Err(D::Error::custom(format!("expected a list, got {value}"))),
        },
    }
}

/// As [`list`] for what has no order. PVE sends comma lists in random order, so compare them as sets.
pub fn set<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeSet<String>, D::Error> {
    Ok(list(d)?.into_iter().collect())
}

/// As [`set`], where "not stored" differs from empty.
pub fn opt_set<'de, D: Deserializer<'de>>(d: D) -> Result<Option<BTreeSet<String>>, D::Error> {
    let value = Option::<Value>::deserialize(d)?;
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => set(value).map(Some).map_err(D::Error::custom),
    }
}

/// Splits PVE's list text: commas, semicolons, white space and NUL separate, empty items are dropped.
pub fn split_list(text: &str) -> Vec<String> {
    text.split(|c: char| matches!(c, ',' | ';' | '\0') || c.is_whitespace())
        .filter(|item| !item.is_empty())
        .map(str::to_owned)
        .collect()
}

/// `1` or `0`: the only booleans PVE takes in a form.
pub fn flag(value: bool) -> &'static str {
    if value { "1" } else { "0" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde::Deserialize;
    use serde_json::json;

    #[derive(Deserialize, Debug, PartialEq, Default)]
    #[serde(default)]
    struct Sample {
        #[serde(deserialize_with = "boolean")]
        b: bool,
        #[serde(deserialize_with = "opt_boolean")]
        ob: Option<bool>,
        #[serde(deserialize_with = "number")]
        n: i64,
        #[serde(deserialize_with = "opt_number")]
        on: Option<f64>,
        #[serde(deserialize_with = "opt_text")]
        t: Option<String>,
        #[serde(deserialize_with = "list")]
        l: Vec<String>,
        #[serde(deserialize_with = "opt_set")]
        s: Option<BTreeSet<String>>,
    }

    fn read(value: Value) -> Sample {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn booleans_of_every_kind() {
        for yes in [json!(true), json!(1), json!("1"), json!("yes"), json!("on")] {
            assert!(read(json!({ "b": yes })).b, "{yes}");
        }
        for no in [json!(false), json!(0), json!("0"), json!(""), json!(null)] {
            assert!(!read(json!({ "b": no })).b, "{no}");
        }
        assert_eq!(read(json!({ "ob": null })).ob, None);
        assert_eq!(read(json!({ "ob": "0" })).ob, Some(false));
        assert!(serde_json::from_value::<Sample>(json!({ "b": "maybe" })).is_err());
        assert!(serde_json::from_value::<Sample>(json!({ "b": [] })).is_err());
    }

    #[test]
    fn numbers_and_texts_trade_places() {
        assert_eq!(read(json!({ "n": "-3" })).n, -3);
        assert_eq!(read(json!({ "n": 3.0 })).n, 3);
        assert_eq!(read(json!({ "n": "" })).n, 0);
        assert_eq!(read(json!({ "n": true, "on": false })), Sample { n: 1, on: Some(0.0), ..Sample::default() });
        assert!(serde_json::from_value::<Sample>(json!({ "n": 3.5 })).is_err());
        assert!(serde_json::from_value::<Sample>(json!({ "n": {} })).is_err());
        assert_eq!(read(json!({ "on": "0.25" })).on, Some(0.25));
        assert_eq!(read(json!({ "on": null })).on, None);
        assert!(serde_json::from_value::<Sample>(json!({ "on": "NaN" })).is_err());
        assert_eq!(read(json!({ "t": 64 })).t.as_deref(), Some("64"));
        assert_eq!(read(json!({ "t": "" })).t.as_deref(), Some(""));
    }

    #[test]
    fn lists_of_every_kind() {
        let want = vec!["images".to_owned(), "iso".to_owned()];
        assert_eq!(read(json!({ "l": "images,iso" })).l, want);
        assert_eq!(read(json!({ "l": ["images", "iso"] })).l, want);
        assert_eq!(read(json!({ "l": "images; iso " })).l, want);
        assert!(read(json!({ "l": null })).l.is_empty());
        assert_eq!(read(json!({ "s": null })).s, None);
        assert_eq!(read(json!({ "s": "b,a,b" })).s, Some(["a".to_owned(), "b".to_owned()].into()));
    }

    proptest! {
        #[test]
        fn every_integer_survives_as_number_and_as_text(n: i64) {
            prop_assert_eq!(read(json!({ "n": n })).n, n);
            prop_assert_eq!(read(json!({ "n": n.to_string() })).n, n);
        }
    }
}
