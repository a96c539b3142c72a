//! Durations: `90s`.

use std::fmt;
use std::str::FromStr;

use super::scalars::leaf;
use super::{Fault, Typed};
use crate::schema::Kind;
use crate::value::{Type, Value};

/// A time span, written with units: `90s`, `2h`, `1h30m`, `500ms`. The text is kept as written; durations are compared
/// by their length.
#[derive(Clone)]
pub struct Duration {
    text: String,
    length: std::time::Duration,
}

/// A text that is no duration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a duration such as `90s`, `20m` or `1h30m` (units: ms, s, m, h, d), not {0:?}")]
pub struct DurationError(String);

const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("ms", 1), ("m", 60_000), ("s", 1_000)];

impl Duration {
    /// The length.
    pub fn get(&self) -> std::time::Duration {
        self.length
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl From<std::time::Duration> for Duration {
    /// To the millisecond, in as many units as needed.
    fn from(length: std::time::Duration) -> Self {
        let mut rest = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
        let mut text = String::new();
        for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
            if rest >= millis {
                text += &format!("{}{unit}", rest / millis);
                rest %= millis;
            }
        }
        if text.is_empty() {
            text.push_str("0s");
        }
        Self { text, length }
    }
}

impl FromStr for Duration {
    type Err = DurationError;

    fn from_str(text: &str) -> Result<Self, DurationError> {
        let fault = || DurationError(text.to_owned());
        let mut rest = text.trim();
        let mut millis = 0_u64;
        if rest.is_empty() {
            return Err(fault());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(fault)?;
            let number: u64 = rest[..digits].parse().map_err(|_| fault())?;
            rest = &rest[digits..];
            let (unit, factor) = UNITS.iter().find(|(unit, _)| rest.starts_with(unit)).ok_or_else(fault)?;
            rest = &rest[unit.len()..];
            millis = number.checked_mul(*factor).and_then(|n| n.checked_add(millis)).ok_or_else(fault)?;
        }
        Ok(Self { text: text.to_owned(), length: std::time::Duration::from_millis(millis) })
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Duration({})", self.text)
    }
}

impl PartialEq for Duration {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length
    }
}

impl Eq for Duration {}

impl PartialOrd for Duration {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Duration {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.length.cmp(&other.length)
    }
}

impl std::hash::Hash for Duration {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.length.hash(state);
    }
}

impl Typed for Duration {
    leaf!(Duration);

    fn kind() -> Kind {
        Kind::Plain(Type::String)
    }

    fn from_value(value: &Value) -> Result<Self, Fault> {
        String::from_value(value)?.parse().map_err(|error: DurationError| Fault::new(error.to_string()))
    }

    fn to_value(&self) -> Value {
        Value::String(self.text.clone())
    }

    fn same() -> Option<fn(&Value, &Value) -> bool> {
        Some(|a, b| matches!((Self::from_value(a), Self::from_value(b)), (Ok(a), Ok(b)) if a == b))
    }

    fn says() -> Option<String> {
        Some("a duration such as `90s` or `1h30m`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit() {
        for (text, seconds) in [("90s", 90), ("2h", 7200), ("1h30m", 5400), ("1d", 86_400), ("0s", 0), ("2000ms", 2)] {
            assert_eq!(text.parse::<Duration>().map(|d| d.get().as_secs()), Ok(seconds), "{text}");
        }
        for text in ["", "5", "h", "1.5h", "-1s", "1w", "1h 30m", "99999999999999999999s"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }

    #[test]
    fn writes_what_it_reads() {
        for text in ["1d1h", "1h30m", "90ms", "0s", "2m5s"] {
            let length = text.parse::<Duration>().unwrap().get();
            assert_eq!(Duration::from(length).as_str(), text);
        }
    }
}
