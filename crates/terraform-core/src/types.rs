//! Types of values, as schemas name them.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

/// A type of Terraform's language.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Type {
    /// Text.
    String,
    /// A number.
    Number,
    /// True or false.
    Bool,
    /// Each value says what type it has.
    Dynamic,
    /// Elements in order, of one type.
    List(Box<Type>),
    /// Elements without order, of one type, each once.
    Set(Box<Type>),
    /// Elements by key, of one type.
    Map(Box<Type>),
    /// Elements in order, each of its own type.
    Tuple(Vec<Type>),
    /// Attributes by name, each of its own type.
    Object(BTreeMap<String, Type>),
}

impl Type {
    /// A list of these.
    #[must_use]
    pub fn list(of: Self) -> Self {
        Self::List(Box::new(of))
    }

    /// A set of these.
    #[must_use]
    pub fn set(of: Self) -> Self {
        Self::Set(Box::new(of))
    }

    /// A map of these.
    #[must_use]
    pub fn map(of: Self) -> Self {
        Self::Map(Box::new(of))
    }

    /// Whether some value inside says its own type.
    #[must_use]
    pub fn is_dynamic_inside(&self) -> bool {
        match self {
            Self::Dynamic => true,
            Self::String | Self::Number | Self::Bool => false,
            Self::List(of) | Self::Set(of) | Self::Map(of) => of.is_dynamic_inside(),
            Self::Tuple(of) => of.iter().any(Self::is_dynamic_inside),
            Self::Object(of) => of.values().any(Self::is_dynamic_inside),
        }
    }

    /// A type as a schema writes it: `"string"`, `["list","string"]`, `["object",{"a":"number"}]`.
    ///
    /// # Errors
    ///
    /// What of it is no type.
    pub fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let json: Json = serde_json::from_slice(bytes).map_err(|error| format!("a type that is no JSON: {error}"))?;
        Self::read(&json)
    }

    fn read(json: &Json) -> Result<Self, String> {
        let wrong = || format!("{json} is no type");
        match json {
            Json::String(name) => match name.as_str() {
                "string" => Ok(Self::String),
                "number" => Ok(Self::Number),
                "bool" => Ok(Self::Bool),
                "dynamic" => Ok(Self::Dynamic),
                _ => Err(wrong()),
            },
            Json::Array(parts) => match (parts.first().and_then(Json::as_str), parts.get(1)) {
                (Some("list"), Some(of)) => Ok(Self::list(Self::read(of)?)),
                (Some("set"), Some(of)) => Ok(Self::set(Self::read(of)?)),
                (Some("map"), Some(of)) => Ok(Self::map(Self::read(of)?)),
                (Some("tuple"), Some(Json::Array(of))) => {
                    Ok(Self::Tuple(of.iter().map(Self::read).collect::<Result<_, _>>()?))
                }
                (Some("object"), Some(Json::Object(of))) => {
                    let attribute = |(name, of): (&String, &Json)| Ok((name.clone(), Self::read(of)?));
                    Ok(Self::Object(of.iter().map(attribute).collect::<Result<_, String>>()?))
                }
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        }
    }

    /// The same, written.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::String => "string".into(),
            Self::Number => "number".into(),
            Self::Bool => "bool".into(),
            Self::Dynamic => "dynamic".into(),
            Self::List(of) => serde_json::json!(["list", of.to_json()]),
            Self::Set(of) => serde_json::json!(["set", of.to_json()]),
            Self::Map(of) => serde_json::json!(["map", of.to_json()]),
            Self::Tuple(of) => serde_json::json!(["tuple", of.iter().map(Self::to_json).collect::<Vec<_>>()]),
            Self::Object(of) => {
                let of: serde_json::Map<_, _> = of.iter().map(|(name, of)| (name.clone(), of.to_json())).collect();
                serde_json::json!(["object", of])
            }
        }
    }

    /// What users are told is required.
    #[must_use]
    pub fn friendly(&self) -> String {
        match self {
            Self::String => "string".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Bool => "bool".to_owned(),
            Self::Dynamic => "any type".to_owned(),
            Self::List(of) => format!("list of {}", of.friendly()),
            Self::Set(of) => format!("set of {}", of.friendly()),
            Self::Map(of) => format!("map of {}", of.friendly()),
            Self::Tuple(_) => "tuple".to_owned(),
            Self::Object(_) => "object".to_owned(),
        }
    }
}

impl fmt::Display for Type {
    /// As Terraform's library writes it in complaints: `cty.List(cty.String)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("cty.String"),
            Self::Number => f.write_str("cty.Number"),
            Self::Bool => f.write_str("cty.Bool"),
            Self::Dynamic => f.write_str("cty.DynamicPseudoType"),
            Self::List(of) => write!(f, "cty.List({of})"),
            Self::Set(of) => write!(f, "cty.Set({of})"),
            Self::Map(of) => write!(f, "cty.Map({of})"),
            Self::Tuple(of) => {
                let of: Vec<String> = of.iter().map(ToString::to_string).collect();
                write!(f, "cty.Tuple([]cty.Type{{{}}})", of.join(", "))
            }
            Self::Object(of) => {
                let of: Vec<String> = of.iter().map(|(name, of)| format!("{name:?}:{of}")).collect();
                write!(f, "cty.Object(map[string]cty.Type{{{}}})", of.join(", "))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_and_written() {
        let text =
            r#"["object",{"a":["list","string"],"b":["map",["set","number"]],"c":["tuple",["bool","dynamic"]]}]"#;
        let ty = Type::from_json(text.as_bytes()).unwrap();
        assert_eq!(ty.to_json().to_string(), text);
        assert_eq!(
            ty.to_string(),
            r#"cty.Object(map[string]cty.Type{"a":cty.List(cty.String), "b":cty.Map(cty.Set(cty.Number)), "c":cty.Tuple([]cty.Type{cty.Bool, cty.DynamicPseudoType})})"#
        );
        assert!(ty.is_dynamic_inside());
    }

    #[test]
    fn no_types() {
        for text in ["", "7", r#""text""#, r#"["list"]"#, r#"["object",["a"]]"#, r#"["set","x"]"#] {
            assert!(Type::from_json(text.as_bytes()).is_err(), "{text}");
        }
    }
}
