//! Bytes to values.

use std::collections::BTreeMap;

use super::super::error::{MAX_DEPTH, deeper};
use super::super::{CodecError, Number, Type, Value, nfc};
use crate::path::Step;

/// How many elements room is made for before they were seen: a length prefix may lie.
const TRUSTED_LENGTH: usize = 1024;

/// Reads one value of the type `ty`, which must be all that the bytes hold.
///
/// Any extension, in any position, is an unknown value; its refinements are dropped. Objects must hold every attribute
/// of their type and no other. Texts come out in Unicode NFC, as Terraform keeps them.
pub fn decode(bytes: &[u8], ty: &Type) -> Result<Value, CodecError> {
    let mut reader = Reader { rest: bytes };
    let value = reader.value(ty, MAX_DEPTH)?;
    match reader.rest {
        [] => Ok(value),
        rest => Err(CodecError::new(format!("{} bytes left over after the value", rest.len()))),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

/// What the next item is: its lead byte and whatever length follows it, with the contents still to be read.
enum Item {
    Nil,
    Bool(bool),
    Int(i128),
    Float(f64),
    /// Text or binary of that many bytes. Encoders differ in which they choose, as Terraform's own decoder tolerates.
    Bytes(usize),
    Array(usize),
    Map(usize),
    /// An extension with a payload of that many bytes.
    Ext(usize),
}

impl Item {
    fn name(&self) -> &'static str {
        match self {
            Self::Nil => "null",
            Self::Bool(_) => "a bool",
            Self::Int(_) | Self::Float(_) => "a number",
            Self::Bytes(_) => "a string",
            Self::Array(_) => "an array",
            Self::Map(_) => "a map",
            Self::Ext(_) => "an unknown value",
        }
    }
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(cut_off)?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], CodecError> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(cut_off)?;
        self.rest = rest;
        Ok(*taken)
    }

    fn length8(&mut self) -> Result<usize, CodecError> {
        Ok(usize::from(u8::from_be_bytes(self.array()?)))
    }

    fn length16(&mut self) -> Result<usize, CodecError> {
        Ok(usize::from(u16::from_be_bytes(self.array()?)))
    }

    fn length32(&mut self) -> Result<usize, CodecError> {
        // A length that does not fit into memory is one that the bytes cannot hold.
        usize::try_from(u32::from_be_bytes(self.array()?)).map_err(|_| cut_off())
    }

    fn item(&mut self) -> Result<Item, CodecError> {
        let [lead] = self.array()?;
        Ok(match lead {
            0x00..=0x7f => Item::Int(i128::from(lead)),
            0x80..=0x8f => Item::Map(usize::from(lead & 0x0f)),
            0x90..=0x9f => Item::Array(usize::from(lead & 0x0f)),
            0xa0..=0xbf => Item::Bytes(usize::from(lead & 0x1f)),
            0xc0 => Item::Nil,
            0xc1 => return Err(CodecError::new("not MessagePack: byte 0xc1")),
            0xc2 => Item::Bool(false),
            0xc3 => Item::Bool(true),
            0xc4 | 0xd9 => Item::Bytes(self.length8()?),
            0xc5 | 0xda => Item::Bytes(self.length16()?),
            0xc6 | 0xdb => Item::Bytes(self.length32()?),
            0xc7 => Item::Ext(self.length8()?),
            0xc8 => Item::Ext(self.length16()?),
            0xc9 => Item::Ext(self.length32()?),
            0xca => Item::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Item::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Item::Int(i128::from(u8::from_be_bytes(self.array()?))),
            0xcd => Item::Int(i128::from(u16::from_be_bytes(self.array()?))),
            0xce => Item::Int(i128::from(u32::from_be_bytes(self.array()?))),
            0xcf => Item::Int(i128::from(u64::from_be_bytes(self.array()?))),
            0xd0 => Item::Int(i128::from(i8::from_be_bytes(self.array()?))),
            0xd1 => Item::Int(i128::from(i16::from_be_bytes(self.array()?))),
            0xd2 => Item::Int(i128::from(i32::from_be_bytes(self.array()?))),
            0xd3 => Item::Int(i128::from(i64::from_be_bytes(self.array()?))),
            0xd4 => Item::Ext(1),
            0xd5 => Item::Ext(2),
            0xd6 => Item::Ext(4),
            0xd7 => Item::Ext(8),
            0xd8 => Item::Ext(16),
            0xdc => Item::Array(self.length16()?),
            0xdd => Item::Array(self.length32()?),
            0xde => Item::Map(self.length16()?),
            0xdf => Item::Map(self.length32()?),
            0xe0..=0xff => Item::Int(i128::from(lead.cast_signed())),
        })
    }

    fn value(&mut self, ty: &Type, depth: usize) -> Result<Value, CodecError> {
        let item = self.item()?;
        match (ty, item) {
            (_, Item::Nil) => Ok(Value::Null),
            (_, Item::Ext(length)) => {
                // The extension's code, then its payload: type 0 is a plain unknown, 12 a refined one; nothing else is
                // sent, and whatever may come later stands for a value that is not there yet.
                self.take(1)?;
                self.take(length)?;
                Ok(Value::Unknown)
            }
            (Type::String, Item::Bytes(length)) => self.text(length).map(Value::String),
            (Type::Bool, Item::Bool(bool)) => Ok(Value::Bool(bool)),
            (Type::Number, Item::Int(int)) => Ok(Value::Number(int.into())),
            (Type::Number, Item::Float(float)) => number(Number::from_f64_exact(float)),
            (Type::Number, Item::Bytes(length)) => number(self.text(length)?.parse().ok()),
            (Type::List(of) | Type::Set(of), Item::Array(length)) => self.list(of, length, deeper(depth)?),
            (Type::Map(of), Item::Map(length)) => self.map(of, length, deeper(depth)?),
            (Type::Tuple(types), Item::Array(length)) => self.tuple(types, length, deeper(depth)?),
            (Type::Object(attributes), Item::Map(length)) => self.object(attributes, length, deeper(depth)?),
            (Type::Dynamic, Item::Array(2)) => self.dynamic(deeper(depth)?),
            (Type::Dynamic, item) => {
                Err(CodecError::new(format!("a type and a value are required ({} given)", item.name())))
            }
            (ty, item) => Err(CodecError::new(format!("{} is required ({} given)", required(ty), item.name()))),
        }
    }

    fn text(&mut self, length: usize) -> Result<String, CodecError> {
        let text = std::str::from_utf8(self.take(length)?).map_err(|_| CodecError::new("not UTF-8"))?;
        Ok(nfc(text).into_owned())
    }

    fn list(&mut self, of: &Type, length: usize, depth: usize) -> Result<Value, CodecError> {
        let mut elements = Vec::with_capacity(length.min(self.rest.len()).min(TRUSTED_LENGTH));
        for i in 0..length {
            elements.push(self.value(of, depth).map_err(|e| e.below(Step::Index(i)))?);
        }
        Ok(Value::List(elements))
    }

    fn tuple(&mut self, types: &[Type], length: usize, depth: usize) -> Result<Value, CodecError> {
        if length != types.len() {
            return Err(CodecError::new(format!("a tuple of {} is required ({length} given)", types.len())));
        }
        let elements = types.iter().enumerate();
        let elements = elements.map(|(i, ty)| self.value(ty, depth).map_err(|e| e.below(Step::Index(i))));
        elements.collect::<Result<_, _>>().map(Value::List)
    }

    fn key(&mut self) -> Result<String, CodecError> {
        match self.item()? {
            Item::Bytes(length) => self.text(length),
            item => Err(CodecError::new(format!("a string is required as key ({} given)", item.name()))),
        }
    }

    fn map(&mut self, of: &Type, length: usize, depth: usize) -> Result<Value, CodecError> {
        let mut elements = BTreeMap::new();
        for _ in 0..length {
            let key = self.key()?;
            let value = self.value(of, depth).map_err(|e| e.below(Step::Key(key.clone())))?;
            elements.insert(key, value);
        }
        Ok(Value::Map(elements))
    }

    fn object(&mut self, types: &BTreeMap<String, Type>, length: usize, depth: usize) -> Result<Value, CodecError> {
        let mut attributes = BTreeMap::new();
        for _ in 0..length {
            let name = self.key()?;
            let Some(ty) = types.get(&name) else {
                return Err(CodecError::new(format!("there is no attribute {name:?}")));
            };
            let value = self.value(ty, depth).map_err(|e| e.below(Step::Attribute(name.clone())))?;
            if attributes.contains_key(&name) {
                return Err(CodecError::new("given twice").below(Step::Attribute(name)));
            }
            attributes.insert(name, value);
        }
        match types.keys().find(|name| !attributes.contains_key(*name)) {
            None => Ok(Value::Object(attributes)),
            Some(name) => Err(CodecError::new("missing").below(Step::Attribute(name.clone()))),
        }
    }

    fn dynamic(&mut self, depth: usize) -> Result<Value, CodecError> {
        let Item::Bytes(length) = self.item()? else {
            return Err(CodecError::new("the type of a dynamic value is required first"));
        };
        let ty = Type::from_json(self.take(length)?)?;
        let value = self.value(&ty, depth)?;
        Ok(Value::Dynamic(ty, Box::new(value)))
    }
}

fn cut_off() -> CodecError {
    CodecError::new("the bytes end in the middle of the value")
}

fn number(number: Option<Number>) -> Result<Value, CodecError> {
    number.map(Value::Number).ok_or_else(|| CodecError::new("number is required"))
}

fn required(ty: &Type) -> &'static str {
    match ty {
        Type::String => "string",
        Type::Number => "number",
        Type::Bool => "bool",
        Type::List(_) => "list",
        Type::Set(_) => "set",
        Type::Tuple(_) => "tuple",
        Type::Map(_) => "map",
        Type::Object(_) => "object",
        Type::Dynamic => "dynamic value",
    }
}
