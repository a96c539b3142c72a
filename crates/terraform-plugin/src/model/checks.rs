//! Checks that follow from the Rust type of a field.

use super::Typed;
use crate::schema::Check;
use crate::value::Value;

/// A check of a typed value. Values that do not fit the type at all are another check's business.
pub fn typed<T: Typed>(
    says: impl Into<String>,
    run: impl Fn(&T) -> Result<(), String> + Send + Sync + 'static,
) -> Check {
    Check::new(says, move |value| T::from_value(value).map_or(Ok(()), |typed| run(&typed)))
}

/// The value fits the Rust type: a whole number, one of the words, a size. And it is meant so.
pub(super) fn fits<T: Typed>() -> Option<Check> {
    let fits = |value: &Value| T::from_value(value).map_err(|fault| fault.to_string()).and_then(|_| T::sensible(value));
    T::says().map(|says| Check::new(says, fits))
}

/// Whether the value, or a part of it, is not known yet.
pub(crate) fn holds_unknown(value: &Value) -> bool {
    !value.is_fully_known()
}

/// ``one of `a`, `b` ``.
pub fn says_one_of(words: &[&str]) -> String {
    Check::one_of(words.iter().copied()).says
}
