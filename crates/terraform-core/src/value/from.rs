//! Values from what Rust has.

use serde_json::Value as Json;
use unicode_normalization::UnicodeNormalization;

use super::Value;
use crate::number::Number;

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::String(text.nfc().collect())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Number(value.into())
    }
}

impl From<Number> for Value {
    fn from(value: Number) -> Self {
        Self::Number(value)
    }
}

impl From<&Json> for Value {
    /// As a literal of the language: an array is a tuple, an object an object, 0.1 is a tenth.
    fn from(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Bool(*value),
            // What serde_json writes is what was meant; it has neither NaN nor exponents out of bounds.
            Json::Number(number) => number.to_string().parse().map_or(Self::Null, Self::Number),
            Json::String(text) => text.as_str().into(),
            Json::Array(elements) => Self::List(elements.iter().map(Self::from).collect()),
            Json::Object(attributes) => Self::object(attributes.iter().map(|(name, value)| (name, Self::from(value)))),
        }
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        Self::from(&json)
    }
}
