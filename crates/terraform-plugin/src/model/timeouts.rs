//! The `timeouts` attribute.

use std::collections::BTreeMap;

use super::{Duration, Fault, Typed, attr, attributes_of};
use crate::model::Attr;
use crate::path::Step;
use crate::schema::{Attribute, Kind, Nesting, Rule};
use crate::value::Value;

/// What is done to an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Making it.
    Create,
    /// Looking at it, also for an import or a plan.
    Read,
    /// Changing it in place, also finishing what a create left unfinished.
    Update,
    /// Removing it.
    Delete,
}

impl Operation {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Create, Self::Read, Self::Update, Self::Delete];

    /// As in the `timeouts` attribute.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Read => "read",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }

    /// The time allowed where neither the configuration nor the object says otherwise.
    pub const fn usual_timeout(self) -> std::time::Duration {
        std::time::Duration::from_secs(match self {
            Self::Read => 2 * 60,
            Self::Create | Self::Update | Self::Delete => 20 * 60,
        })
    }
}

/// How long operations may take; what is not set takes the object's own default. Read through
/// [`Cx::timeout`](crate::Cx), not from here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// For creating.
    pub create: Option<Duration>,
    /// For reading.
    pub read: Option<Duration>,
    /// For changing in place.
    pub update: Option<Duration>,
    /// For deleting.
    pub delete: Option<Duration>,
}

/// The plan twin of [`Timeouts`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeoutsPlan {
    /// For creating.
    pub create: Attr<Duration>,
    /// For reading.
    pub read: Attr<Duration>,
    /// For changing in place.
    pub update: Attr<Duration>,
    /// For deleting.
    pub delete: Attr<Duration>,
}

impl Timeouts {
    /// The attributes, with the defaults told in their descriptions.
    pub(crate) fn attributes(default: impl Fn(Operation) -> std::time::Duration) -> Vec<Attribute> {
        let one = |operation: Operation| {
            let default = Duration::from(default(operation));
            super::build::attribute::<Option<Duration>>(
                operation.word(),
                &format!("Default `{default}`."),
                Rule::Optional,
            )
            .local()
            .done()
        };
        Operation::ALL.map(one).into()
    }
}

fn field<T>(value: &Value, name: &str, one: impl Fn(&Value) -> Result<T, Fault>) -> Result<T, Fault> {
    let value = attributes_of(value)?.get(name).unwrap_or(&Value::Null);
    one(value).map_err(|fault| fault.inside(Step::Attribute(name.to_owned())))
}

impl Typed for Timeouts {
    type Known = TimeoutsPlan;

    fn kind() -> Kind {
        Kind::Nested(Nesting::Single, Self::attributes(Operation::usual_timeout))
    }

    fn from_value(value: &Value) -> Result<Self, Fault> {
        if let Value::Null | Value::Unknown = value {
            return Ok(Self::default());
        }
        Ok(Self {
            create: field(value, "create", Option::from_value)?,
            read: field(value, "read", Option::from_value)?,
            update: field(value, "update", Option::from_value)?,
            delete: field(value, "delete", Option::from_value)?,
        })
    }

    fn to_value(&self) -> Value {
        let named = [&self.create, &self.read, &self.update, &self.delete];
        object(Operation::ALL.iter().zip(named).map(|(o, v)| (*o, v.to_value())))
    }

    fn known_from_value(value: &Value) -> Result<TimeoutsPlan, Fault> {
        Ok(TimeoutsPlan {
            create: field(value, "create", attr::from_value::<Duration>)?,
            read: field(value, "read", attr::from_value::<Duration>)?,
            update: field(value, "update", attr::from_value::<Duration>)?,
            delete: field(value, "delete", attr::from_value::<Duration>)?,
        })
    }

    fn known_to_value(known: &TimeoutsPlan) -> Value {
        let named = [&known.create, &known.read, &known.update, &known.delete];
        object(Operation::ALL.iter().zip(named).map(|(o, v)| (*o, attr::to_value::<Duration>(v))))
    }

    fn absent() -> Option<Self> {
        Some(Self::default())
    }
}

fn object(values: impl Iterator<Item = (Operation, Value)>) -> Value {
    Value::Object(values.map(|(operation, value)| (operation.word().to_owned(), value)).collect::<BTreeMap<_, _>>())
}
