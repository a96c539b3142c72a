//! Schemas from the wire, and what Terraform does not take as one.

use std::collections::BTreeMap;

use tfplugin6 as tf;
use tfplugin6::schema::nested_block::NestingMode as BlockNesting;
use tfplugin6::schema::object::NestingMode as ObjectNesting;

use super::{Attribute, Block, Kind, Nested, NestedBlock, Nesting, Schema};
use crate::types::Type;

/// What a schema may have.
#[derive(Clone, Copy)]
pub(crate) struct Allowed {
    pub write_only: bool,
}

/// A schema, or what is wrong with it.
pub(crate) fn schema(proto: &tf::Schema, allowed: Allowed) -> Result<Schema, String> {
    let block = proto.block.as_ref().ok_or("it has no block, not even an empty one")?;
    let block = read_block(block, "", false, allowed)?;
    Ok(Schema { version: proto.version, block })
}

fn read_block(proto: &tf::schema::Block, at: &str, in_set: bool, allowed: Allowed) -> Result<Block, String> {
    let attributes = attributes(&proto.attributes, at, in_set, allowed)?;
    let mut blocks = BTreeMap::new();
    for nested in &proto.block_types {
        let name = &nested.type_name;
        let at = join(at, name);
        if !is_name(name) {
            return Err(format!("{at}: name may contain only lowercase letters, digits and underscores"));
        }
        if attributes.contains_key(name) {
            return Err(format!("{at}: name defined as both attribute and child block type"));
        }
        if blocks.insert(name.clone(), nested_block(nested, &at, in_set, allowed)?).is_some() {
            return Err(format!("{at}: there is a block of that name already"));
        }
    }
    Ok(Block { attributes, blocks })
}

fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

fn is_name(name: &str) -> bool {
    let may = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !name.is_empty() && name.bytes().all(may)
}

fn nested_block(
    proto: &tf::schema::NestedBlock,
    at: &str,
    in_set: bool,
    allowed: Allowed,
) -> Result<NestedBlock, String> {
    let nesting = match proto.nesting() {
        BlockNesting::Single => Nesting::Single,
        BlockNesting::List => Nesting::List,
        BlockNesting::Set => Nesting::Set,
        BlockNesting::Map => Nesting::Map,
        BlockNesting::Group => Nesting::Group,
        BlockNesting::Invalid => return Err(format!("{at}: a block without nesting")),
    };
    let (min, max) = (proto.min_items, proto.max_items);
    let limits = match nesting {
        Nesting::Single => min == max && (min == 0 || min == 1),
        Nesting::List | Nesting::Set => min >= 0 && (max == 0 || min <= max),
        Nesting::Map | Nesting::Group => min == 0 && max == 0,
    };
    if !limits {
        return Err(format!("{at}: {min} to {max} are no limits for blocks nested as {}", nesting.name()));
    }
    let inner = proto.block.as_ref().ok_or_else(|| format!("{at}: a block without content"))?;
    let block = read_block(inner, at, in_set || nesting == Nesting::Set, allowed)?;
    let computed = inner.computed;
    if computed {
        if nesting == Nesting::Group || min > 0 {
            return Err(format!("{at}: a computed block is no group and needs none"));
        }
        if let Some(name) = block.attributes.iter().find(|(_, a)| !a.computed).map(|(name, _)| name) {
            return Err(format!("{at}.{name}: attributes of a computed block are computed"));
        }
    }
    refuse_dynamic(&block.ty(), nesting, at)?;
    Ok(NestedBlock { nesting, block, min, max, computed })
}

/// A collection whose elements bring their own types is no collection any more, but a tuple or an object. Nobody here
/// has one.
fn refuse_dynamic(one: &Type, nesting: Nesting, at: &str) -> Result<(), String> {
    match nesting {
        Nesting::Single | Nesting::Group => Ok(()),
        _ if one.is_dynamic_inside() => {
            Err(format!("{at}: types that are left open inside a {} are not judged here", nesting.name()))
        }
        _ => Ok(()),
    }
}

fn attributes(
    protos: &[tf::schema::Attribute],
    at: &str,
    in_set: bool,
    allowed: Allowed,
) -> Result<BTreeMap<String, Attribute>, String> {
    let mut attributes = BTreeMap::new();
    for proto in protos {
        let at = join(at, &proto.name);
        if !is_name(&proto.name) {
            return Err(format!("{at}: name may contain only lowercase letters, digits and underscores"));
        }
        if attributes.insert(proto.name.clone(), attribute(proto, &at, in_set, allowed)?).is_some() {
            return Err(format!("{at}: there is an attribute of that name already"));
        }
    }
    Ok(attributes)
}

fn attribute(proto: &tf::schema::Attribute, at: &str, in_set: bool, allowed: Allowed) -> Result<Attribute, String> {
    let (required, optional, computed) = (proto.required, proto.optional, proto.computed);
    match (required, optional, computed) {
        (false, false, false) => return Err(format!("{at}: must set Optional, Required or Computed")),
        (true, true, _) => return Err(format!("{at}: cannot set both Optional and Required")),
        (true, _, true) => return Err(format!("{at}: cannot set both Computed and Required")),
        _ => {}
    }
    if proto.write_only && !allowed.write_only {
        return Err(format!("{at}: only resources have write-only attributes"));
    }
    if proto.write_only && in_set {
        return Err(format!("{at}: no write-only attributes in sets"));
    }
    let kind = match &proto.nested_type {
        None => Kind::Plain(Type::from_json(&proto.r#type).map_err(|what| format!("{at}: {what}"))?),
        Some(_) if !proto.r#type.is_empty() => return Err(format!("{at}: Type and NestedType cannot both be set")),
        Some(nested) => {
            let nesting = match nested.nesting() {
                ObjectNesting::Single => Nesting::Single,
                ObjectNesting::List => Nesting::List,
                ObjectNesting::Set => Nesting::Set,
                ObjectNesting::Map => Nesting::Map,
                ObjectNesting::Invalid => return Err(format!("{at}: a nested type without nesting")),
            };
            let inside = attributes(&nested.attributes, at, in_set || nesting == Nesting::Set, allowed)?;
            if proto.write_only && inside.values().any(|inner| !inner.write_only) {
                return Err(format!("{at}: what is inside a write-only attribute is write-only"));
            }
            let nested = Nested { nesting, attributes: inside };
            refuse_dynamic(&nested.one(), nesting, at)?;
            Kind::Nested(nested)
        }
    };
    Ok(Attribute {
        kind,
        required,
        optional,
        computed,
        sensitive: proto.sensitive,
        write_only: proto.write_only,
        deprecated: proto.deprecated,
    })
}

/// A schema of identities: primitive attributes and lists of them.
pub(crate) fn identity(proto: &tf::ResourceIdentitySchema) -> Result<Identity, String> {
    let mut attributes = BTreeMap::new();
    for attribute in &proto.identity_attributes {
        let name = &attribute.name;
        if attribute.required_for_import == attribute.optional_for_import {
            return Err(format!("{name}: exactly one of required and optional for import"));
        }
        let ty = Type::from_json(&attribute.r#type).map_err(|what| format!("{name}: {what}"))?;
        let primitive = |ty: &Type| matches!(ty, Type::String | Type::Number | Type::Bool);
        let fits = if let Type::List(of) = &ty { primitive(of) } else { primitive(&ty) };
        if !fits {
            return Err(format!("{name}: a {} is no part of an identity", ty.friendly()));
        }
        attributes.insert(name.clone(), (ty, attribute.required_for_import));
    }
    if attributes.is_empty() {
        return Err("an identity of nothing".to_owned());
    }
    Ok(Identity { version: proto.version, attributes })
}

/// What tells one object of a type from another.
#[derive(Clone, Debug, PartialEq)]
pub struct Identity {
    /// Stored with each.
    pub version: i64,
    /// The type of each attribute, and whether an import must give it.
    pub attributes: BTreeMap<String, (Type, bool)>,
}

impl Identity {
    /// The type of identities.
    #[must_use]
    pub fn ty(&self) -> Type {
        Type::Object(self.attributes.iter().map(|(name, (ty, _))| (name.clone(), ty.clone())).collect())
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
