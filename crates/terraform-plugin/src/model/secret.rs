//! What must not be seen.

use std::fmt;

use super::{Fault, Typed};
use crate::schema::{Check, Kind};
use crate::value::Value;

/// A value that no log, diagnostic or panic message shows: `Debug` prints `***`, and there is no `Display`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the request that needs it.
    pub fn reveal(&self) -> &T {
        &self.0
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl<T: Typed> Typed for Secret<T> {
    type Known = Secret<T::Known>;

    fn kind() -> Kind {
        T::kind()
    }

    fn from_value(value: &Value) -> Result<Self, Fault> {
        T::from_value(value).map(Self).map_err(|_| Fault::new("does not fit its type (the value is secret)"))
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }

    fn known_from_value(value: &Value) -> Result<Self::Known, Fault> {
        T::known_from_value(value).map(Secret).map_err(|_| Fault::new("does not fit its type (the value is secret)"))
    }

    fn known_to_value(known: &Self::Known) -> Value {
        T::known_to_value(&known.0)
    }

    fn absent() -> Option<Self> {
        T::absent().map(Self)
    }

    fn same() -> Option<fn(&Value, &Value) -> bool> {
        T::same()
    }

    fn checks() -> Vec<Check> {
        T::checks()
    }

    fn says() -> Option<String> {
        T::says()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_nothing() {
        let secret = Some(Secret::new("hunter2".to_owned()));
        assert_eq!(format!("{secret:?}"), "Some(***)");
        assert_eq!(
            Secret::<i64>::from_value(&Value::String("hunter2".into())).unwrap_err().what().find("hunter2"),
            None
        );
    }
}
