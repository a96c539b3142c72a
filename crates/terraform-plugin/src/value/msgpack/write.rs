//! Values to bytes, in the forms that Terraform's core itself uses.

use super::super::error::{MAX_DEPTH, deeper};
use super::super::{CodecError, Number, Type, Value};
use crate::path::Step;

/// Writes a value of the type `ty`.
///
/// `Err` if the value is not of that type, with the attribute at fault: Terraform's own message for the same mistake
/// names neither the object nor, often, the attribute.
pub fn encode(value: &Value, ty: &Type) -> Result<Vec<u8>, CodecError> {
    let mut out = Vec::new();
    write(&mut out, value, ty, MAX_DEPTH)?;
    Ok(out)
}

fn write(out: &mut Vec<u8>, value: &Value, ty: &Type, depth: usize) -> Result<(), CodecError> {
    match (ty, value) {
        (_, Value::Null) => out.push(0xc0),
        (_, Value::Unknown) => out.extend([0xd4, 0x00, 0x00]),
        (Type::Bool, Value::Bool(bool)) => out.push(if *bool { 0xc3 } else { 0xc2 }),
        (Type::Number, Value::Number(number)) => write_number(out, number)?,
        (Type::String, Value::String(text)) => write_text(out, text)?,
        (Type::List(of) | Type::Set(of), Value::List(elements)) => {
            let depth = deeper(depth)?;
            write_length(out, elements.len(), 0x90, 0xdc)?;
            for (i, element) in elements.iter().enumerate() {
                write(out, element, of, depth).map_err(|e| e.below(Step::Index(i)))?;
            }
        }
        (Type::Tuple(types), Value::List(elements)) => {
            let depth = deeper(depth)?;
            if types.len() != elements.len() {
                let what = format!("a tuple of {} is required ({} given)", types.len(), elements.len());
                return Err(CodecError::new(what));
            }
            write_length(out, elements.len(), 0x90, 0xdc)?;
            for (i, (element, ty)) in elements.iter().zip(types).enumerate() {
                write(out, element, ty, depth).map_err(|e| e.below(Step::Index(i)))?;
            }
        }
        (Type::Map(of), Value::Map(elements)) => {
            let depth = deeper(depth)?;
            write_length(out, elements.len(), 0x80, 0xde)?;
            for (key, element) in elements {
                write_text(out, key)?;
                write(out, element, of, depth).map_err(|e| e.below(Step::Key(key.clone())))?;
            }
        }
        (Type::Object(types), Value::Object(attributes)) => {
            let depth = deeper(depth)?;
            value.holds_exactly(types)?;
            write_length(out, attributes.len(), 0x80, 0xde)?;
            for ((name, attribute), ty) in attributes.iter().zip(types.values()) {
                write_text(out, name)?;
                write(out, attribute, ty, depth).map_err(|e| e.below(Step::Attribute(name.clone())))?;
            }
        }
        (Type::Dynamic, Value::Dynamic(ty, value)) => {
            let depth = deeper(depth)?;
            out.push(0x92);
            write_binary(out, ty.to_json().as_bytes())?;
            write(out, value, ty, depth)?;
        }
        (ty, value) => return Err(value.is_no(ty)),
    }
    Ok(())
}

/// Whole numbers within `i64` as integers, fractions that a float holds exactly and infinities as floats, all others as
/// decimal text.
fn write_number(out: &mut Vec<u8>, number: &Number) -> Result<(), CodecError> {
    if let Some(int) = number.as_i64() {
        write_int(out, int);
        return Ok(());
    }
    let float = number.as_f64();
    if !number.is_whole() && Number::from_f64_exact(float).as_ref() == Some(number) {
        out.push(0xcb);
        out.extend(float.to_be_bytes());
        return Ok(());
    }
    write_text(out, number.as_str())
}

/// The shortest form.
fn write_int(out: &mut Vec<u8>, int: i64) {
    if let Ok(small) = i8::try_from(int)
        && small >= -32
    {
        out.extend(small.to_be_bytes());
    } else if let Ok(int) = u8::try_from(int) {
        out.push(0xcc);
        out.push(int);
    } else if let Ok(int) = u16::try_from(int) {
        out.push(0xcd);
        out.extend(int.to_be_bytes());
    } else if let Ok(int) = u32::try_from(int) {
        out.push(0xce);
        out.extend(int.to_be_bytes());
    } else if let Ok(int) = i8::try_from(int) {
        out.push(0xd0);
        out.extend(int.to_be_bytes());
    } else if let Ok(int) = i16::try_from(int) {
        out.push(0xd1);
        out.extend(int.to_be_bytes());
    } else if let Ok(int) = i32::try_from(int) {
        out.push(0xd2);
        out.extend(int.to_be_bytes());
    } else {
        out.push(0xd3);
        out.extend(int.to_be_bytes());
    }
}

fn write_text(out: &mut Vec<u8>, text: &str) -> Result<(), CodecError> {
    match u8::try_from(text.len()) {
        Ok(length @ 0..=31) => out.push(0xa0 | length),
        _ => write_wide_length(out, text.len(), 0xd9)?,
    }
    out.extend(text.as_bytes());
    Ok(())
}

fn write_binary(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), CodecError> {
    write_wide_length(out, bytes.len(), 0xc4)?;
    out.extend(bytes);
    Ok(())
}

/// A length of 8, 16 or 32 bits behind `lead`, `lead + 1` or `lead + 2`.
fn write_wide_length(out: &mut Vec<u8>, length: usize, lead: u8) -> Result<(), CodecError> {
    match u8::try_from(length) {
        Ok(length) => out.extend([lead, length]),
        Err(_) => write_length16(out, length, lead + 1)?,
    }
    Ok(())
}

/// The length of an array or map: up to 15 in the lead byte itself, else of 16 or 32 bits behind `wide`.
fn write_length(out: &mut Vec<u8>, length: usize, narrow: u8, wide: u8) -> Result<(), CodecError> {
    match u8::try_from(length) {
        Ok(length @ 0..=15) => out.push(narrow | length),
        _ => write_length16(out, length, wide)?,
    }
    Ok(())
}

fn write_length16(out: &mut Vec<u8>, length: usize, lead: u8) -> Result<(), CodecError> {
    if let Ok(length) = u16::try_from(length) {
        out.push(lead);
        out.extend(length.to_be_bytes());
    } else if let Ok(length) = u32::try_from(length) {
        out.push(lead + 1);
        out.extend(length.to_be_bytes());
    } else {
        return Err(CodecError::new("longer than 4 GiB"));
    }
    Ok(())
}
