//! What may be known of an unknown value.

use super::Value;
use crate::number::Number;

/// What is known of a value that is not.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refinement {
    /// It will not be null.
    pub not_null: bool,
    /// It will be null.
    pub null: bool,
    /// How the text will begin.
    pub prefix: Option<String>,
    /// The number will not be below, and whether it may be that.
    pub lower: Option<(Number, bool)>,
    /// The number will not be above, and whether it may be that.
    pub upper: Option<(Number, bool)>,
    /// The collection will not be shorter.
    pub shortest: Option<i64>,
    /// The collection will not be longer.
    pub longest: Option<i64>,
}

impl Refinement {
    /// Whether a known value is one that was promised.
    #[must_use]
    pub fn includes(&self, value: &Value) -> bool {
        match value {
            Value::Null => !self.not_null,
            _ if self.null => false,
            Value::String(text) => self.prefix.as_ref().is_none_or(|prefix| text.starts_with(prefix.as_str())),
            Value::Number(number) => {
                let above = |(bound, may): &(Number, bool)| number > bound || *may && number == bound;
                let below = |(bound, may): &(Number, bool)| number < bound || *may && number == bound;
                self.lower.as_ref().is_none_or(above) && self.upper.as_ref().is_none_or(below)
            }
            Value::List(_) | Value::Set(_) | Value::Map(_) => {
                let length = i64::try_from(value.children().len()).unwrap_or(i64::MAX);
                self.shortest.is_none_or(|least| least <= length) && self.longest.is_none_or(|most| length <= most)
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_promised() {
        let text = Refinement { not_null: true, prefix: Some("pre-".to_owned()), ..Refinement::default() };
        assert!(text.includes(&"pre-x".into()) && !text.includes(&"x".into()) && !text.includes(&Value::Null));
        let number =
            Refinement { lower: Some((1.into(), true)), upper: Some((5.into(), false)), ..Refinement::default() };
        for (n, within) in [(0, false), (1, true), (4, true), (5, false)] {
            assert_eq!(number.includes(&Value::from(n)), within, "{n}");
        }
        let list = Refinement { shortest: Some(1), longest: Some(2), ..Refinement::default() };
        for (n, within) in [(0, false), (1, true), (2, true), (3, false)] {
            assert_eq!(list.includes(&Value::List(vec![Value::Null; n])), within, "{n}");
        }
        let null = Refinement { null: true, ..Refinement::default() };
        assert!(null.includes(&Value::Null) && !null.includes(&Value::Bool(true)));
    }
}
