//! Schemas, as the judge reads them.

mod coerce;
mod read;

use std::collections::BTreeMap;

pub(crate) use coerce::coerce;
pub use read::Identity;
pub(crate) use read::{Allowed, identity, schema};

use crate::types::Type;
use crate::value::Value;

/// How often something nested is there, and how it is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nesting {
    /// Once or not at all.
    Single,
    /// In order.
    List,
    /// Without order.
    Set,
    /// By key.
    Map,
    /// Always once.
    Group,
}

impl Nesting {
    /// Its name in complaints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Single => "single",
            Self::List => "list",
            Self::Set => "set",
            Self::Map => "map",
            Self::Group => "group",
        }
    }

    fn of(self, one: Type) -> Type {
        match self {
            Self::Single | Self::Group => one,
            Self::List => Type::list(one),
            Self::Set => Type::set(one),
            Self::Map => Type::map(one),
        }
    }

    fn empty(self) -> Value {
        match self {
            Self::Single | Self::Group => Value::Null,
            Self::List => Value::List(Vec::new()),
            Self::Set => Value::Set(Vec::new()),
            Self::Map => Value::Map(BTreeMap::new()),
        }
    }
}

/// The schema of a resource, a data source, or what else has one.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    /// Stored with each object.
    pub version: i64,
    /// What there is to say.
    pub block: Block,
}

/// Attributes and blocks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    /// The attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
    /// The blocks by name.
    pub blocks: BTreeMap<String, NestedBlock>,
}

/// An attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Attribute {
    /// What values it has.
    pub kind: Kind,
    /// It must be configured.
    pub required: bool,
    /// It may be configured.
    pub optional: bool,
    /// The provider may decide.
    pub computed: bool,
    /// It is not shown.
    pub sensitive: bool,
    /// It is never stored.
    pub write_only: bool,
    /// It should not be used any more.
    pub deprecated: bool,
}

/// What values an attribute has.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Values of a type.
    Plain(Type),
    /// Objects with attributes of their own.
    Nested(Nested),
}

/// Attributes of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub struct Nested {
    /// How often.
    pub nesting: Nesting,
    /// The attributes of each.
    pub attributes: BTreeMap<String, Attribute>,
}

/// A block inside a block.
#[derive(Clone, Debug, PartialEq)]
pub struct NestedBlock {
    /// How often.
    pub nesting: Nesting,
    /// What is in each.
    pub block: Block,
    /// The fewest.
    pub min: i64,
    /// The most; 0 is no limit.
    pub max: i64,
    /// The provider may decide on the blocks, too.
    pub computed: bool,
}

impl Block {
    /// The type of its objects.
    #[must_use]
    pub fn ty(&self) -> Type {
        let attributes = self.attributes.iter().map(|(name, attribute)| (name.clone(), attribute.ty()));
        let blocks = self.blocks.iter().map(|(name, nested)| (name.clone(), nested.ty()));
        Type::Object(attributes.chain(blocks).collect())
    }

    /// The object of which nothing is configured.
    #[must_use]
    pub fn empty(&self) -> Value {
        let attributes = self.attributes.keys().map(|name| (name.clone(), Value::Null));
        let blocks = self.blocks.iter().map(|(name, nested)| (name.clone(), nested.empty()));
        Value::Object(attributes.chain(blocks).collect())
    }
}

impl NestedBlock {
    /// The type of all of them together.
    #[must_use]
    pub fn ty(&self) -> Type {
        self.nesting.of(self.block.ty())
    }

    /// What stands for none of them.
    #[must_use]
    pub fn empty(&self) -> Value {
        if self.nesting == Nesting::Group { self.block.empty() } else { self.nesting.empty() }
    }
}

impl Attribute {
    /// The type of its values.
    #[must_use]
    pub fn ty(&self) -> Type {
        match &self.kind {
            Kind::Plain(ty) => ty.clone(),
            Kind::Nested(nested) => nested.ty(),
        }
    }

    /// Only the provider decides.
    #[must_use]
    pub fn is_decided_by_provider(&self) -> bool {
        self.computed && !self.optional
    }
}

impl Nested {
    /// The type of all together.
    #[must_use]
    pub fn ty(&self) -> Type {
        self.nesting.of(self.one())
    }

    /// The type of one object.
    #[must_use]
    pub fn one(&self) -> Type {
        Type::Object(self.attributes.iter().map(|(name, attribute)| (name.clone(), attribute.ty())).collect())
    }
}
