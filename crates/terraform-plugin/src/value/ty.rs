//! Terraform's types, and their form as JSON.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

use super::{CodecError, Value, nfc};

/// A type constraint, as in the `type` of a schema attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// `string`
    String,
    /// `number`
    Number,
    /// `bool`
    Bool,
    /// `dynamic`: any value, its type told beside it.
    Dynamic,
    /// `list(T)`
    List(Box<Type>),
    /// `set(T)`
    Set(Box<Type>),
    /// `map(T)`
    Map(Box<Type>),
    /// `tuple([T, ...])`
    Tuple(Vec<Type>),
    /// `object({name = T, ...})`
    Object(BTreeMap<String, Type>),
}

impl Type {
    /// `list(of)`
    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// `set(of)`
    pub fn set(of: Self) -> Self {
        Self::Set(Box::new(of))
    }

    /// `map(of)`
    pub fn map(of: Self) -> Self {
        Self::Map(Box::new(of))
    }

    /// `object({name = T, ...})`
    pub fn object<N: Into<String>>(attributes: impl IntoIterator<Item = (N, Self)>) -> Self {
        Self::Object(attributes.into_iter().map(|(name, ty)| (name.into(), ty)).collect())
    }

    /// An object with every attribute null; plain null for other types.
    pub fn blank(&self) -> Value {
        match self {
            Self::Object(attributes) => Value::object(attributes.keys().map(|name| (name, Value::Null))),
            _ => Value::Null,
        }
    }

    /// Whether two values of this type can be the same and yet hold their elements in different orders.
    pub fn has_sets(&self) -> bool {
        match self {
            Self::String | Self::Number | Self::Bool => false,
            // Its values bring types of their own, which may be sets.
            Self::Set(_) | Self::Dynamic => true,
            Self::List(of) | Self::Map(of) => of.has_sets(),
            Self::Tuple(types) => types.iter().any(Self::has_sets),
            Self::Object(attributes) => attributes.values().any(Self::has_sets),
        }
    }

    /// The type constraint as compact JSON: `["map","string"]`. The same type always gives the same bytes.
    pub fn to_json(&self) -> String {
        self.json().to_string()
    }

    fn json(&self) -> Json {
        let collection = |word: &str, of: &Self| Json::from(vec![word.into(), of.json()]);
        match self {
            Self::String => "string".into(),
            Self::Number => "number".into(),
            Self::Bool => "bool".into(),
            Self::Dynamic => "dynamic".into(),
            Self::List(of) => collection("list", of),
            Self::Set(of) => collection("set", of),
            Self::Map(of) => collection("map", of),
            Self::Tuple(types) => {
                let types: Vec<Json> = types.iter().map(Self::json).collect();
                Json::from(vec!["tuple".into(), Json::from(types)])
            }
            Self::Object(attributes) => {
                let attributes = attributes.iter().map(|(name, ty)| (name.clone(), ty.json()));
                Json::from(vec!["object".into(), Json::Object(attributes.collect())])
            }
        }
    }

    /// Reads a type constraint. The list of optional attributes that an object may carry as a third element says
    /// nothing about values and is dropped.
    pub fn from_json(bytes: &[u8]) -> Result<Self, CodecError> {
        // serde_json refuses more than 128 levels, so that reading the tree is bounded as well.
        let json = serde_json::from_slice(bytes).map_err(|e| CodecError::new(format!("not a type constraint: {e}")))?;
        Self::read(&json).ok_or_else(|| CodecError::new("not a type constraint"))
    }

    fn read(json: &Json) -> Option<Self> {
        if let Some(word) = json.as_str() {
            return match word {
                "string" => Some(Self::String),
                "number" => Some(Self::Number),
                "bool" => Some(Self::Bool),
                "dynamic" => Some(Self::Dynamic),
                _ => None,
            };
        }
        match json.as_array()?.as_slice() {
            [word, of] => match word.as_str()? {
                "list" => Self::read(of).map(Self::list),
                "set" => Self::read(of).map(Self::set),
                "map" => Self::read(of).map(Self::map),
                "tuple" => of.as_array()?.iter().map(Self::read).collect::<Option<_>>().map(Self::Tuple),
                "object" => Self::read_object(of),
                _ => None,
            },
            [word, attributes, optional] if word == "object" && optional.is_array() => Self::read_object(attributes),
            _ => None,
        }
    }

    fn read_object(json: &Json) -> Option<Self> {
        let attributes = json.as_object()?.iter();
        // Terraform normalizes the names of attributes as it does all text.
        attributes
            .map(|(name, ty)| Some((nfc(name).into_owned(), Self::read(ty)?)))
            .collect::<Option<_>>()
            .map(Self::Object)
    }
}

/// As in HCL: `map(object({size = number}))`.
impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("string"),
            Self::Number => f.write_str("number"),
            Self::Bool => f.write_str("bool"),
            Self::Dynamic => f.write_str("any"),
            Self::List(of) => write!(f, "list({of})"),
            Self::Set(of) => write!(f, "set({of})"),
            Self::Map(of) => write!(f, "map({of})"),
            Self::Tuple(types) => {
                f.write_str("tuple([")?;
                for (i, ty) in types.iter().enumerate() {
                    write!(f, "{}{ty}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("])")
            }
            Self::Object(attributes) => {
                f.write_str("object({")?;
                for (i, (name, ty)) in attributes.iter().enumerate() {
                    write!(f, "{}{name} = {ty}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str("})")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_form() {
        for (json, hcl) in [
            (r#""string""#, "string"),
            (r#""dynamic""#, "any"),
            (r#"["list",["set","bool"]]"#, "list(set(bool))"),
            (r#"["tuple",["string",["map","number"]]]"#, "tuple([string, map(number)])"),
            (r#"["object",{"a":"string","b":["object",{}]}]"#, "object({a = string, b = object({})})"),
        ] {
            let ty = Type::from_json(json.as_bytes()).unwrap();
            assert_eq!(ty.to_json(), json);
            assert_eq!(ty.to_string(), hcl);
        }
        assert_eq!(
            Type::from_json(br#"["object",{"a":"bool"},["a"]]"#),
            Ok(Type::object([("a", Type::Bool)])),
            "optional attributes are dropped"
        );
        assert_eq!(Type::from_json(br#"["object",{"A\u0300":"bool"}]"#), Ok(Type::object([("\u{c0}", Type::Bool)])));
    }

    #[test]
    fn what_is_no_type_is_refused() {
        for json in [
            "",
            "null",
            "3",
            r#""text""#,
            "[]",
            r#"["list"]"#,
            r#"["list","string","string"]"#,
            r#"["tuple","string"]"#,
        ] {
            assert!(Type::from_json(json.as_bytes()).is_err(), "{json}");
        }
        let deep = format!("{}\"string\"{}", r#"["list","#.repeat(100_000), "]".repeat(100_000));
        assert!(Type::from_json(deep.as_bytes()).is_err());
    }
}
