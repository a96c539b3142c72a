//! Values whose type is not known beforehand.

use super::scalars::leaf;
use super::{Fault, Typed};
use crate::schema::Kind;
use crate::value::{Type, Value};

/// A value of any type, as Terraform gave it (`dynamic` in the schema).
#[derive(Clone, Debug, PartialEq)]
pub struct Raw(pub Value);

impl Typed for Raw {
    leaf!(Raw);

    fn kind() -> Kind {
        Kind::Plain(Type::Dynamic)
    }

    fn from_value(value: &Value) -> Result<Self, Fault> {
        Ok(Self(value.clone()))
    }

    fn to_value(&self) -> Value {
        self.0.clone()
    }
}
