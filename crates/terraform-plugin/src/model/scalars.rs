//! Rust's own scalar types as attributes.

use super::{Fault, Typed};
use crate::schema::Kind;
use crate::value::{Number, Type, Value};

/// The parts of [`Typed`] that are the same for every type whose plan form is itself.
macro_rules! leaf {
    ($ty:ty) => {
        type Known = $ty;

        fn known_from_value(value: &$crate::value::Value) -> Result<$ty, $crate::model::Fault> {
            <$ty as $crate::model::Typed>::from_value(value)
        }

        fn known_to_value(known: &$ty) -> $crate::value::Value {
            $crate::model::Typed::to_value(known)
        }
    };
}
pub(super) use leaf;

impl Typed for bool {
    leaf!(bool);

    fn kind() -> Kind {
        Kind::Plain(Type::Bool)
    }

    fn from_value(value: &Value) -> Result<Self, Fault> {
        match value {
            Value::Bool(b) => Ok(*b),
            other => Err(Fault::kind("true or false", other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }
}

impl Typed for String {
    leaf!(String);

    fn kind() -> Kind {
        Kind::Plain(Type::String)
    }

    fn from_value(value: &Value) -> Result<Self, Fault> {
        match value {
            Value::String(text) => Ok(text.clone()),
            other => Err(Fault::kind("a string", other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::string(self.as_str())
    }
}

impl Typed for Number {
    leaf!(Number);

    fn kind() -> Kind {
        Kind::Plain(Type::Number)
    }

    fn from_value(value: &Value) -> Result<Self, Fault> {
        match value {
            Value::Number(number) => Ok(number.clone()),
            other => Err(Fault::kind("a number", other)),
        }
    }

    fn to_value(&self) -> Value {
        Value::Number(self.clone())
    }
}

macro_rules! integer {
    ($($ty:ident)*) => {$(
        impl Typed for $ty {
            leaf!($ty);

            fn kind() -> Kind {
                Kind::Plain(Type::Number)
            }

            fn from_value(value: &Value) -> Result<Self, Fault> {
                let number = Number::from_value(value)?;
                number.as_str().parse().map_err(|_| {
                    Fault::new(format!("must be a whole number from {} to {}, not {number}", $ty::MIN, $ty::MAX))
                })
            }

            fn to_value(&self) -> Value {
                Value::Number(Number::from(*self))
            }

            fn says() -> Option<String> {
                Some("a whole number".to_owned())
            }
        }
    )*};
}
integer!(i8 i16 i32 i64 u8 u16 u32 u64);

impl Typed for f64 {
    leaf!(f64);

    fn kind() -> Kind {
        Kind::Plain(Type::Number)
    }

    fn from_value(value: &Value) -> Result<Self, Fault> {
        Ok(Number::from_value(value)?.as_f64())
    }

    /// NaN, which Terraform has no form for, is null.
    fn to_value(&self) -> Value {
        Number::from_f64(*self).map_or(Value::Null, Value::Number)
    }

    /// Terraform's numbers have more digits than an `f64`.
    fn same() -> Option<fn(&Value, &Value) -> bool> {
        Some(|a, b| matches!((Self::from_value(a), Self::from_value(b)), (Ok(a), Ok(b)) if a == b))
    }
}
