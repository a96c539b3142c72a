//! JSON, as states hold values. Numbers keep every digit.

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::Value;
use crate::number::Number;
use crate::types::Type;

/// A value of a type, from JSON.
pub(crate) fn read_json(text: &str, ty: &Type) -> Result<Value, String> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    read(raw, ty)
}

fn parts<'a, T: serde::Deserialize<'a>>(raw: &'a RawValue, ty: &Type) -> Result<T, String> {
    serde_json::from_str(raw.get()).map_err(|_| format!("{} is required", ty.friendly()))
}

fn read(raw: &RawValue, ty: &Type) -> Result<Value, String> {
    if raw.get() == "null" {
        return Ok(Value::Null);
    }
    Ok(match ty {
        Type::String => parts::<String>(raw, ty)?.into(),
        Type::Bool => Value::Bool(parts(raw, ty)?),
        Type::Number => {
            let text = raw.get().trim_matches('"');
            Value::Number(text.parse::<Number>().map_err(|_| "number is required".to_owned())?)
        }
        Type::List(of) => Value::List(
            parts::<Vec<&RawValue>>(raw, ty)?.into_iter().map(|one| read(one, of)).collect::<Result<_, _>>()?,
        ),
        Type::Set(of) => {
            let elements = parts::<Vec<&RawValue>>(raw, ty)?.into_iter().map(|one| read(one, of));
            Value::set(elements.collect::<Result<Vec<_>, _>>()?)
        }
        Type::Tuple(types) => {
            let elements = parts::<Vec<&RawValue>>(raw, ty)?;
            if elements.len() != types.len() {
                return Err(format!("a tuple of length {} is required ({} given)", types.len(), elements.len()));
            }
            Value::List(elements.into_iter().zip(types).map(|(one, ty)| read(one, ty)).collect::<Result<_, _>>()?)
        }
        Type::Map(of) => {
            let one = |(key, element): (String, &RawValue)| Ok((key, read(element, of)?));
            let elements = parts::<BTreeMap<String, &RawValue>>(raw, ty)?;
            Value::Map(elements.into_iter().map(one).collect::<Result<_, String>>()?)
        }
        Type::Object(types) => {
            let given = parts::<BTreeMap<String, &RawValue>>(raw, ty)?;
            if let Some(name) = given.keys().find(|name| !types.contains_key(*name)) {
                return Err(format!("unsupported attribute {name:?}"));
            }
            let one = |(name, ty): (&String, &Type)| match given.get(name) {
                Some(value) => Ok((name.clone(), read(value, ty).map_err(|what| format!("{name}: {what}"))?)),
                None => Err(format!("attribute {name:?} is required")),
            };
            Value::Object(types.iter().map(one).collect::<Result<_, String>>()?)
        }
        Type::Dynamic => {
            let given = parts::<BTreeMap<String, &RawValue>>(raw, ty)?;
            let (Some(ty), Some(value)) = (given.get("type"), given.get("value")) else {
                return Err("a value of any type has a type and a value".to_owned());
            };
            let ty = Type::from_json(ty.get().as_bytes())?;
            let value = read(value, &ty)?;
            Value::Dynamic(Box::new((ty, value)))
        }
    })
}

/// JSON without the attributes that a type has not: what a schema of the same version once had.
pub(crate) fn strip_json(text: &str, ty: &Type) -> Result<String, String> {
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    strip(raw, ty)
}

fn strip(raw: &RawValue, ty: &Type) -> Result<String, String> {
    let pair = |name: &str, value: String| format!("{}:{value}", serde_json::Value::from(name));
    let all = |of: Vec<String>| of.join(",");
    if raw.get() == "null" {
        return Ok(raw.get().to_owned());
    }
    Ok(match ty {
        Type::Object(types) => {
            let given = parts::<BTreeMap<String, &RawValue>>(raw, ty)?;
            let kept = given.into_iter().filter_map(|(name, value)| Some((types.get(&name)?, name, value)));
            let kept = kept.map(|(ty, name, value)| Ok(pair(&name, strip(value, ty)?)));
            format!("{{{}}}", all(kept.collect::<Result<_, String>>()?))
        }
        Type::Map(of) => {
            let given = parts::<BTreeMap<String, &RawValue>>(raw, ty)?;
            let kept = given.into_iter().map(|(name, value)| Ok(pair(&name, strip(value, of)?)));
            format!("{{{}}}", all(kept.collect::<Result<_, String>>()?))
        }
        Type::List(of) | Type::Set(of) => {
            let given = parts::<Vec<&RawValue>>(raw, ty)?;
            format!("[{}]", all(given.into_iter().map(|one| strip(one, of)).collect::<Result<_, _>>()?))
        }
        _ => raw.get().to_owned(),
    })
}

/// A known value as JSON, by name in order. What is unknown is null.
pub(crate) fn to_json(value: &Value) -> String {
    let list = |elements: &[Value]| format!("[{}]", elements.iter().map(to_json).collect::<Vec<_>>().join(","));
    match value {
        Value::Null | Value::Unknown(_) => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => serde_json::Value::from(text.as_str()).to_string(),
        Value::List(elements) | Value::Set(elements) => list(elements),
        Value::Map(of) | Value::Object(of) => {
            let pair = |(name, value): (&String, &Value)| {
                format!("{}:{}", serde_json::Value::from(name.as_str()), to_json(value))
            };
            format!("{{{}}}", of.iter().map(pair).collect::<Vec<_>>().join(","))
        }
        Value::Dynamic(inner) => format!(r#"{{"value":{},"type":{}}}"#, to_json(&inner.1), inner.0.to_json()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back_with_every_digit() {
        let ty = br#"["object",{"a":"number","b":["set","string"],"c":["map","bool"],"d":"dynamic","e":["tuple",["string"]]}]"#;
        let ty = Type::from_json(ty).unwrap();
        let text = r#"{"a":12345678901234567890123.5,"b":["x","y"],"c":{"k":true},"d":{"value":1,"type":"number"},"e":["q\n"]}"#;
        let value = read_json(text, &ty).unwrap();
        assert_eq!(to_json(&value), text);
        assert_eq!(read_json(&format!(" {} ", text.replace(',', " ,\n ")), &ty).unwrap(), value, "pretty or not");
    }

    #[test]
    fn what_a_schema_once_had() {
        let ty = Type::from_json(br#"["object",{"a":"number","l":["list",["object",{"x":"string"}]]}]"#).unwrap();
        let text = r#"{"a": 12345678901234567890123, "b": 1, "l": [{"x": "1", "y": {}}]}"#;
        assert_eq!(strip_json(text, &ty).unwrap(), r#"{"a":12345678901234567890123,"l":[{"x":"1"}]}"#);
    }

    #[test]
    fn what_does_not_fit() {
        let ty = Type::Object([("a".to_owned(), Type::Number)].into());
        for (text, told) in [
            ("{}", "attribute \"a\" is required"),
            (r#"{"a":"x"}"#, "a: number is required"),
            (r#"{"a":1,"b":2}"#, "unsupported attribute \"b\""),
            ("[]", "object is required"),
        ] {
            assert_eq!(read_json(text, &ty).unwrap_err(), told, "{text}");
        }
        assert!(read_json("{", &ty).unwrap_err().starts_with("no JSON"));
    }
}
