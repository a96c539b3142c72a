//! JSON, the form in which values lie in the state file and reach state upgrades (protocol §b).
//!
//! Numbers are read from their own text, not through floats. (`serde_json` could keep them exact by a feature, but
//! that would change every other user of it in the same binary.)

use std::collections::BTreeMap;

use serde_json::value::RawValue;

use super::error::{MAX_DEPTH, deeper};
use super::{CodecError, Number, Type, Value, nfc};
use crate::path::Step;

/// Reads one value of the type `ty`.
///
/// Attributes that are missing become null: they were added to the schema after the state was written. Attributes that
/// the type does not have are dropped: they were taken out of it. As in Terraform, a number, bool and string stand in
/// for each other where the text allows: the type of an attribute may have changed since.
pub fn decode(bytes: &[u8], ty: &Type) -> Result<Value, CodecError> {
    let text = std::str::from_utf8(bytes).map_err(|_| CodecError::new("not UTF-8"))?;
    read(text, ty, MAX_DEPTH)
}

/// `text` is one JSON value; a level of it is read at a time, with the levels below left as text.
fn read(text: &str, ty: &Type, depth: usize) -> Result<Value, CodecError> {
    let text = text.trim_ascii();
    if text == "null" {
        return Ok(Value::Null);
    }
    match ty {
        Type::String => read_text(text).map(|text| Value::String(nfc(&text).into_owned())),
        Type::Number => read_text(text)?
            .parse::<Number>()
            .map(Value::Number)
            .map_err(|_| CodecError::new(format!("number is required ({} given)", kind(text)))),
        Type::Bool => match read_text(text)?.as_str() {
            "true" => Ok(Value::Bool(true)),
            "false" => Ok(Value::Bool(false)),
            _ => Err(CodecError::new(format!("bool is required ({} given)", kind(text)))),
        },
        Type::List(of) | Type::Set(of) => {
            let depth = deeper(depth)?;
            let elements = parse::<Vec<&RawValue>>(text, "array")?.into_iter().enumerate();
            let elements = elements.map(|(i, raw)| read(raw.get(), of, depth).map_err(|e| e.below(Step::Index(i))));
            elements.collect::<Result<_, _>>().map(Value::List)
        }
        Type::Tuple(types) => {
            let depth = deeper(depth)?;
            let elements = parse::<Vec<&RawValue>>(text, "array")?;
            if elements.len() != types.len() {
                let what = format!("a tuple of {} is required ({} given)", types.len(), elements.len());
                return Err(CodecError::new(what));
            }
            let elements = elements.into_iter().zip(types).enumerate();
            let elements =
                elements.map(|(i, (raw, ty))| read(raw.get(), ty, depth).map_err(|e| e.below(Step::Index(i))));
            elements.collect::<Result<_, _>>().map(Value::List)
        }
        Type::Map(of) => {
            let depth = deeper(depth)?;
            let elements = parse::<BTreeMap<String, &RawValue>>(text, "object")?.into_iter();
            let elements = elements.map(|(key, raw)| match read(raw.get(), of, depth) {
                Ok(value) => Ok((nfc(&key).into_owned(), value)),
                Err(e) => Err(e.below(Step::Key(key))),
            });
            elements.collect::<Result<_, _>>().map(Value::Map)
        }
        Type::Object(types) => {
            let depth = deeper(depth)?;
            let given = parse::<BTreeMap<String, &RawValue>>(text, "object")?;
            let given: BTreeMap<_, _> = given.into_iter().map(|(name, raw)| (nfc(&name).into_owned(), raw)).collect();
            let attributes = types.iter().map(|(name, ty)| match given.get(name) {
                None => Ok((name.clone(), Value::Null)),
                Some(raw) => match read(raw.get(), ty, depth) {
                    Ok(value) => Ok((name.clone(), value)),
                    Err(e) => Err(e.below(Step::Attribute(name.clone()))),
                },
            });
            attributes.collect::<Result<_, _>>().map(Value::Object)
        }
        Type::Dynamic => {
            let depth = deeper(depth)?;
            let given = parse::<BTreeMap<String, &RawValue>>(text, "object")?;
            let (Some(ty), Some(raw)) = (given.get("type"), given.get("value")) else {
                return Err(CodecError::new("`type` and `value` of a dynamic value are required"));
            };
            let ty = Type::from_json(ty.get().as_bytes())?;
            let value = read(raw.get(), &ty, depth)?;
            Ok(Value::Dynamic(ty, Box::new(value)))
        }
    }
}

/// The text of a string, or that of a number or bool as it is written.
fn read_text(text: &str) -> Result<String, CodecError> {
    match text.as_bytes().first() {
        Some(b'"') => parse(text, "string"),
        Some(b'[' | b'{') => Err(CodecError::new(format!("a plain value is required ({} given)", kind(text)))),
        // Anything else has to be a number or bool; only at the root has nobody looked at the syntax yet.
        _ => parse::<&RawValue>(text, "plain value").map(|raw| raw.get().to_owned()),
    }
}

fn parse<'a, T: serde::Deserialize<'a>>(text: &'a str, wanted: &str) -> Result<T, CodecError> {
    serde_json::from_str(text).map_err(|e| match e.classify() {
        serde_json::error::Category::Data => CodecError::new(format!("{wanted} is required ({} given)", kind(text))),
        // Line and column, but nothing of the text: it may be a secret.
        _ => CodecError::new(format!("not JSON: {e}")),
    })
}

fn kind(text: &str) -> &'static str {
    match text.as_bytes().first() {
        Some(b'"') => "a string",
        Some(b'[') => "an array",
        Some(b'{') => "an object",
        Some(b't' | b'f') => "a bool",
        Some(b'n') => "null",
        Some(_) => "a number",
        None => "nothing",
    }
}

/// Writes a value of the type `ty` as compact JSON; the same value always gives the same text.
///
/// `Err` if the value is not of that type, or unknown or infinite: JSON has no form for these.
pub fn encode(value: &Value, ty: &Type) -> Result<String, CodecError> {
    let mut out = String::new();
    write(&mut out, value, ty, MAX_DEPTH)?;
    Ok(out)
}

fn write(out: &mut String, value: &Value, ty: &Type, depth: usize) -> Result<(), CodecError> {
    match (ty, value) {
        (_, Value::Null) => out.push_str("null"),
        (_, Value::Unknown) => return Err(CodecError::new("unknown, which JSON cannot say")),
        (Type::Bool, Value::Bool(bool)) => out.push_str(if *bool { "true" } else { "false" }),
        (Type::Number, Value::Number(number)) if number.is_infinite() => {
            return Err(CodecError::new("infinite, which JSON cannot say"));
        }
        (Type::Number, Value::Number(number)) => out.push_str(number.as_str()),
        (Type::String, Value::String(text)) => write_text(out, text)?,
        (Type::List(of) | Type::Set(of), Value::List(elements)) => {
            write_array(out, elements.iter().map(|element| (element, &**of)), depth)?;
        }
        (Type::Tuple(types), Value::List(elements)) if types.len() == elements.len() => {
            write_array(out, elements.iter().zip(types), depth)?;
        }
        (Type::Map(of), Value::Map(elements)) => {
            let members = elements.iter().map(|(key, element)| (key, element, &**of));
            write_members(out, members, Step::Key, depth)?;
        }
        (Type::Object(types), Value::Object(attributes)) => {
            value.holds_exactly(types)?;
            let members = attributes.iter().zip(types.values()).map(|((name, value), ty)| (name, value, ty));
            write_members(out, members, Step::Attribute, depth)?;
        }
        (Type::Dynamic, Value::Dynamic(ty, value)) => {
            let depth = deeper(depth)?;
            out.push_str("{\"value\":");
            write(out, value, ty, depth)?;
            out.push_str(",\"type\":");
            out.push_str(&ty.to_json());
            out.push('}');
        }
        (ty, value) => return Err(value.is_no(ty)),
    }
    Ok(())
}

fn write_array<'a>(
    out: &mut String,
    elements: impl Iterator<Item = (&'a Value, &'a Type)>,
    depth: usize,
) -> Result<(), CodecError> {
    let depth = deeper(depth)?;
    out.push('[');
    for (i, (element, ty)) in elements.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write(out, element, ty, depth).map_err(|e| e.below(Step::Index(i)))?;
    }
    out.push(']');
    Ok(())
}

fn write_members<'a>(
    out: &mut String,
    members: impl Iterator<Item = (&'a String, &'a Value, &'a Type)>,
    step: fn(String) -> Step,
    depth: usize,
) -> Result<(), CodecError> {
    let depth = deeper(depth)?;
    out.push('{');
    for (i, (name, value, ty)) in members.enumerate() {
        if i > 0 {
            out.push(',');
        }
        write_text(out, name)?;
        out.push(':');
        write(out, value, ty, depth).map_err(|e| e.below(step(name.clone())))?;
    }
    out.push('}');
    Ok(())
}

fn write_text(out: &mut String, text: &str) -> Result<(), CodecError> {
    let quoted = serde_json::to_string(text).map_err(|e| CodecError::new(e.to_string()))?;
    out.push_str(&quoted);
    Ok(())
}

#[cfg(test)]
mod tests;
