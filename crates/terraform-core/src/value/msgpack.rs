//! MessagePack, as Terraform sends values and takes them.

use std::collections::BTreeMap;

use rmpv::Value as Packed;

use super::{Refinement, Value};
use crate::number::Number;
use crate::path::{Path, Step};
use crate::types::Type;

/// The extension type of an unknown value of which something is known.
const REFINED: i8 = 12;

/// A fault of the bytes: where, and what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Malformed {
    pub path: Path,
    pub what: String,
}

fn wrong<T>(path: &Path, what: impl Into<String>) -> Result<T, Malformed> {
    Err(Malformed { path: path.clone(), what: what.into() })
}

/// A value of a type, from bytes.
pub(crate) fn read_msgpack(mut bytes: &[u8], ty: &Type) -> Result<Value, Malformed> {
    let packed = rmpv::decode::read_value(&mut bytes);
    let packed = packed.or_else(|error| wrong(&Path::ROOT, format!("no MessagePack: {error}")))?;
    if !bytes.is_empty() {
        return wrong(&Path::ROOT, format!("{} bytes behind the value", bytes.len()));
    }
    read(&packed, ty, &Path::ROOT)
}

fn read(packed: &Packed, ty: &Type, path: &Path) -> Result<Value, Malformed> {
    match (packed, ty) {
        (Packed::Nil, _) => Ok(Value::Null),
        (Packed::Ext(kind, payload), _) => Ok(Value::Unknown(refinement(*kind, payload))),
        (Packed::Array(parts), Type::Dynamic) => {
            let [Packed::Binary(ty), inner] = parts.as_slice() else {
                return wrong(path, "a value of any type is an array of its type and itself");
            };
            let ty = Type::from_json(ty).or_else(|what| wrong(path, what))?;
            let inner = read(inner, &ty, path)?;
            Ok(Value::Dynamic(Box::new((ty, inner))))
        }
        (Packed::String(text), Type::String) => match text.as_str() {
            Some(text) => Ok(text.into()),
            None => wrong(path, "string is required"),
        },
        (Packed::Boolean(value), Type::Bool) => Ok(Value::Bool(*value)),
        (_, Type::Number) => match number(packed) {
            Some(number) => Ok(Value::Number(number)),
            None => wrong(path, "number is required"),
        },
        (Packed::Array(elements), Type::List(of)) => {
            let one = |(n, element)| read(element, of, &path.then(Step::Index(n)));
            Ok(Value::List(elements.iter().enumerate().map(one).collect::<Result<_, _>>()?))
        }
        (Packed::Array(elements), Type::Set(of)) => {
            let one = |element| read(element, of, &path.then(Step::Element));
            Ok(Value::set(elements.iter().map(one).collect::<Result<Vec<_>, _>>()?))
        }
        (Packed::Array(elements), Type::Tuple(types)) => {
            if elements.len() != types.len() {
                return wrong(
                    path,
                    format!("a tuple of length {} is required ({} given)", types.len(), elements.len()),
                );
            }
            let one = |(n, (element, ty))| read(element, ty, &path.then(Step::Index(n)));
            Ok(Value::List(elements.iter().zip(types).enumerate().map(one).collect::<Result<_, _>>()?))
        }
        (Packed::Map(pairs), Type::Map(of)) => {
            let mut elements = BTreeMap::new();
            for (key, element) in pairs {
                let Some(key) = key.as_str() else { return wrong(path, "map keys are strings") };
                elements.insert(key.to_owned(), read(element, of, &path.then(Step::Key(key.to_owned())))?);
            }
            Ok(Value::Map(elements))
        }
        (Packed::Map(pairs), Type::Object(types)) => {
            if pairs.len() != types.len() {
                let counts = format!("an object with {} attributes is required ({} given)", types.len(), pairs.len());
                return wrong(path, counts);
            }
            let mut attributes = BTreeMap::new();
            for (name, attribute) in pairs {
                let Some(name) = name.as_str() else { return wrong(path, "attribute names are strings") };
                let Some(ty) = types.get(name) else { return wrong(path, format!("unsupported attribute {name:?}")) };
                attributes.insert(name.to_owned(), read(attribute, ty, &path.attribute(name))?);
            }
            if attributes.len() != types.len() {
                return wrong(path, "an attribute is there twice");
            }
            Ok(Value::Object(attributes))
        }
        _ => wrong(path, format!("{} is required", ty.friendly())),
    }
}

fn number(packed: &Packed) -> Option<Number> {
    match packed {
        Packed::Integer(whole) => whole.as_i64().map(Number::from).or_else(|| whole.as_u64().map(Number::from)),
        Packed::F32(float) => Number::from_f64(f64::from(*float)),
        Packed::F64(float) => Number::from_f64(*float),
        Packed::String(text) => text.as_str()?.parse().ok(),
        _ => None,
    }
}

fn refinement(kind: i8, mut payload: &[u8]) -> Option<Box<Refinement>> {
    if kind != REFINED {
        return None;
    }
    let Ok(Packed::Map(pairs)) = rmpv::decode::read_value(&mut payload) else { return None };
    let mut known = Refinement::default();
    for (key, told) in &pairs {
        let bound = || match told.as_array()?.as_slice() {
            [bound, may] => Some((number(bound)?, may.as_bool()?)),
            _ => None,
        };
        match key.as_u64() {
            Some(1) => {
                known.null = told.as_bool() == Some(true);
                known.not_null = told.as_bool() == Some(false);
            }
            Some(2) => known.prefix = told.as_str().map(str::to_owned),
            Some(3) => known.lower = bound(),
            Some(4) => known.upper = bound(),
            Some(5) => known.shortest = told.as_i64(),
            Some(6) => known.longest = told.as_i64(),
            _ => {}
        }
    }
    (known != Refinement::default()).then(|| Box::new(known))
}

/// A value of a type, as bytes.
pub(crate) fn write_msgpack(value: &Value, ty: &Type) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing into memory does not fail.
    let _ = rmpv::encode::write_value(&mut bytes, &packed(value, ty));
    bytes
}

fn packed(value: &Value, ty: &Type) -> Packed {
    let all =
        |elements: &[Value], of: &Type| Packed::Array(elements.iter().map(|element| packed(element, of)).collect());
    match (value, ty) {
        (Value::Null, _) => Packed::Nil,
        (Value::Unknown(None), _) => Packed::Ext(0, vec![0]),
        (Value::Unknown(Some(known)), _) => told(known),
        (Value::Dynamic(inner), _) => {
            let ty = Packed::Binary(inner.0.to_json().to_string().into_bytes());
            Packed::Array(vec![ty, packed(&inner.1, &inner.0)])
        }
        (Value::Bool(value), _) => Packed::Boolean(*value),
        (Value::String(text), _) => Packed::from(text.as_str()),
        (Value::Number(number), _) => packed_number(number),
        (Value::List(elements), Type::Tuple(types)) => {
            Packed::Array(elements.iter().zip(types).map(|(element, ty)| packed(element, ty)).collect())
        }
        (Value::List(elements) | Value::Set(elements), Type::List(of) | Type::Set(of)) => all(elements, of),
        (Value::List(elements) | Value::Set(elements), _) => all(elements, &Type::Dynamic),
        (Value::Map(of) | Value::Object(of), _) => {
            let inner = |name: &str| match ty {
                Type::Map(of) => (**of).clone(),
                Type::Object(types) => types.get(name).cloned().unwrap_or(Type::Dynamic),
                _ => Type::Dynamic,
            };
            let pair = |(name, value): (&String, &Value)| (Packed::from(name.as_str()), packed(value, &inner(name)));
            Packed::Map(of.iter().map(pair).collect())
        }
    }
}

/// Small whole numbers as such, exact fractions as floats, everything else as text: so does Terraform.
fn packed_number(number: &Number) -> Packed {
    match (number.as_i64(), number.is_whole(), number.as_exact_f64()) {
        (Some(whole), _, _) => Packed::from(whole),
        (None, false, Some(float)) => Packed::F64(float),
        _ => Packed::from(number.to_string()),
    }
}

fn told(known: &Refinement) -> Packed {
    let mut pairs = Vec::new();
    let mut tell = |key: u64, what: Option<Packed>| pairs.extend(what.map(|what| (Packed::from(key), what)));
    let bound = |bound: &Option<(Number, bool)>| {
        bound.as_ref().map(|(bound, may)| Packed::Array(vec![packed_number(bound), Packed::Boolean(*may)]))
    };
    tell(1, (known.not_null || known.null).then_some(Packed::Boolean(known.null)));
    tell(2, known.prefix.as_deref().map(Packed::from));
    tell(3, bound(&known.lower));
    tell(4, bound(&known.upper));
    tell(5, known.shortest.map(Packed::from));
    tell(6, known.longest.map(Packed::from));
    let mut payload = Vec::new();
    // Writing into memory does not fail.
    let _ = rmpv::encode::write_value(&mut payload, &Packed::Map(pairs));
    Packed::Ext(REFINED, payload)
}

#[cfg(test)]
#[path = "msgpack_tests.rs"]
mod tests;
