//! From what a configuration says to what the schema wants.

use std::collections::BTreeMap;

use super::Value;
use crate::number::Number;
use crate::path::{Path, Step};
use crate::types::Type;

/// A value as one of a type: `"12"` for a number, a tuple for a set.
///
/// # Errors
///
/// Where it cannot be, and what is required there.
pub(crate) fn convert(value: &Value, ty: &Type, path: &Path) -> Result<Value, (Path, String)> {
    let required = || (path.clone(), format!("{} required", ty.friendly()));
    let each = |elements: &[Value], of: &Type| -> Result<Vec<Value>, (Path, String)> {
        let one = |(n, element)| convert(element, of, &path.then(Step::Index(n)));
        elements.iter().enumerate().map(one).collect()
    };
    match (value, ty) {
        (_, Type::Dynamic) => Ok(match value {
            Value::Null | Value::Unknown(_) | Value::Dynamic(_) => value.clone(),
            other => Value::Dynamic(Box::new((own_type(other), other.clone()))),
        }),
        (Value::Dynamic(inner), _) => convert(&inner.1, ty, path),
        (Value::Null, _) => Ok(Value::Null),
        (Value::Unknown(known), _) => Ok(Value::Unknown(known.clone())),
        (Value::String(_), Type::String) | (Value::Number(_), Type::Number) | (Value::Bool(_), Type::Bool) => {
            Ok(value.clone())
        }
        (Value::Number(number), Type::String) => Ok(Value::String(number.to_string())),
        (Value::Bool(truth), Type::String) => Ok(Value::String(truth.to_string())),
        (Value::String(text), Type::Number) => text.parse::<Number>().map(Value::Number).map_err(|_| required()),
        (Value::String(text), Type::Bool) => match text.as_str() {
            "true" | "1" => Ok(Value::Bool(true)),
            "false" | "0" => Ok(Value::Bool(false)),
            _ => Err(required()),
        },
        (Value::List(elements) | Value::Set(elements), Type::List(of)) => Ok(Value::List(each(elements, of)?)),
        (Value::List(elements) | Value::Set(elements), Type::Set(of)) => Ok(Value::set(each(elements, of)?)),
        (Value::List(elements), Type::Tuple(types)) if elements.len() == types.len() => {
            let one = |(n, (element, ty))| convert(element, ty, &path.then(Step::Index(n)));
            Ok(Value::List(elements.iter().zip(types).enumerate().map(one).collect::<Result<_, _>>()?))
        }
        (Value::Object(given) | Value::Map(given), Type::Map(of)) => {
            let one = |(key, element): (&String, &Value)| {
                Ok((key.clone(), convert(element, of, &path.then(Step::Key(key.clone())))?))
            };
            Ok(Value::Map(given.iter().map(one).collect::<Result<_, _>>()?))
        }
        (Value::Object(given) | Value::Map(given), Type::Object(types)) => {
            let mut attributes = BTreeMap::new();
            for (name, ty) in types {
                let Some(value) = given.get(name) else {
                    return Err((path.clone(), format!("attribute \"{name}\" is required")));
                };
                attributes.insert(name.clone(), convert(value, ty, &path.attribute(name))?);
            }
            Ok(Value::Object(attributes))
        }
        _ => Err(required()),
    }
}

/// The type of a literal.
pub(crate) fn own_type(value: &Value) -> Type {
    match value {
        Value::Null | Value::Unknown(_) => Type::Dynamic,
        Value::Bool(_) => Type::Bool,
        Value::Number(_) => Type::Number,
        Value::String(_) => Type::String,
        Value::List(elements) => Type::Tuple(elements.iter().map(own_type).collect()),
        Value::Set(elements) => Type::set(elements.first().map_or(Type::Dynamic, own_type)),
        Value::Map(elements) => Type::map(elements.values().next().map_or(Type::Dynamic, own_type)),
        Value::Object(attributes) => {
            Type::Object(attributes.iter().map(|(name, value)| (name.clone(), own_type(value))).collect())
        }
        Value::Dynamic(inner) => inner.0.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn to(json: serde_json::Value, ty: &Type) -> Result<Value, String> {
        convert(&json.into(), ty, &Path::ROOT).map_err(|(path, what)| format!("{path}: {what}"))
    }

    #[test]
    fn what_is_meant_becomes_what_is_wanted() {
        assert_eq!(to(json!("12"), &Type::Number), Ok(12.into()));
        assert_eq!(to(json!(0.1), &Type::String), Ok("0.1".into()));
        assert_eq!(to(json!("true"), &Type::Bool), Ok(true.into()));
        assert_eq!(to(json!(["b", "a", "b"]), &Type::set(Type::String)), Ok(Value::set(["a".into(), "b".into()])));
        assert_eq!(to(json!({"k": 1}), &Type::map(Type::String)), Ok(Value::map([("k", "1".into())])));
        let open = to(json!([1, "x"]), &Type::Dynamic).unwrap();
        assert_eq!(own_type(&open), Type::Tuple(vec![Type::Number, Type::String]));
        assert_eq!(
            convert(&open, &Type::list(Type::String), &Path::ROOT),
            Ok(Value::List(vec!["1".into(), "x".into()]))
        );
    }

    #[test]
    fn what_cannot_be_meant() {
        assert_eq!(to(json!("x"), &Type::Number), Err(": number required".to_owned()));
        assert_eq!(to(json!(["x"]), &Type::list(Type::Bool)), Err("[0]: bool required".to_owned()));
        assert_eq!(
            to(json!({}), &Type::Object([("a".to_owned(), Type::Bool)].into())),
            Err(": attribute \"a\" is required".to_owned())
        );
        assert_eq!(to(json!({}), &Type::list(Type::Bool)), Err(": list of bool required".to_owned()));
    }
}
