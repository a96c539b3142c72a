//! Sizes: `32G`.

use std::fmt;
use std::str::FromStr;

use super::scalars::leaf;
use super::{Fault, Typed};
use crate::schema::Kind;
use crate::value::{Type, Value};

/// A size in bytes, written with a unit: `32G`, `512M`, `1.5T`. `32G`, `32GB` and `32GiB` mean the same, 32 · 2³⁰ bytes,
/// as PVE and Ceph have it. The text is kept as written; sizes are compared by their bytes.
#[derive(Clone)]
pub struct Size {
    text: String,
    bytes: u64,
}

/// A text that is no size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a size such as `32G` (a number, then K, M, G, T or P, or nothing for bytes), not {0:?}")]
pub struct SizeError(String);

/// From here on a number without a unit is taken for bytes.
const BARE_MEANS_BYTES: u64 = 1 << 20;

const UNITS: [(char, u32); 5] = [('P', 50), ('T', 40), ('G', 30), ('M', 20), ('K', 10)];

impl Size {
    /// That many bytes, written with the largest unit that gives a whole number.
    pub fn from_bytes(bytes: u64) -> Self {
        let whole = UNITS.iter().find(|(_, shift)| bytes > 0 && bytes.trailing_zeros() >= *shift);
        let text = match whole {
            Some((unit, shift)) => format!("{}{unit}", bytes >> shift),
            // With its unit, so that it is taken for what it is when it is written down.
            None if (1..BARE_MEANS_BYTES).contains(&bytes) => format!("{bytes}B"),
            None => bytes.to_string(),
        };
        Self { text, bytes }
    }

    /// That many gibibytes.
    pub fn gib(gib: u64) -> Self {
        Self::from_bytes(gib << 30)
    }

    /// The bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl FromStr for Size {
    type Err = SizeError;

    fn from_str(text: &str) -> Result<Self, SizeError> {
        let fault = || SizeError(text.to_owned());
        let trimmed = text.trim();
        let end = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(end);
        let unit = unit.trim_start();
        let shift = match unit.chars().next().map(|c| c.to_ascii_uppercase()) {
            None | Some('B') => 0,
            Some(first) => UNITS.iter().find(|(unit, _)| *unit == first).ok_or_else(fault)?.1,
        };
        let rest = if shift == 0 { unit } else { &unit[1..] };
        if !["", "b", "ib"].contains(&rest.to_ascii_lowercase().as_str()) || (shift == 0 && rest.len() > 1) {
            return Err(fault());
        }
        let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
        if whole.is_empty() || (number.contains('.') && fraction.is_empty()) || fraction.contains('.') {
            return Err(fault());
        }
        // In 128 bits, so that `1.5T` is exact and what does not fit is noticed. 12 digits after the point at most.
        if fraction.len() > 12 || whole.len() > 20 {
            return Err(fault());
        }
        let scale = 10_u128.pow(fraction.len() as u32);
        let digits: u128 = format!("{whole}{fraction}").parse().map_err(|_| fault())?;
        let bytes = digits.checked_shl(shift).filter(|bytes| bytes >> shift == digits).ok_or_else(fault)? / scale;
        Ok(Self { text: text.to_owned(), bytes: u64::try_from(bytes).map_err(|_| fault())? })
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Size({})", self.text)
    }
}

impl PartialEq for Size {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for Size {}

impl PartialOrd for Size {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Size {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.bytes.cmp(&other.bytes)
    }
}

impl std::hash::Hash for Size {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.bytes.hash(state);
    }
}

impl Typed for Size {
    leaf!(Size);

    fn kind() -> Kind {
        Kind::Plain(Type::String)
    }

    fn from_value(value: &Value) -> Result<Self, Fault> {
        String::from_value(value)?.parse().map_err(|error: SizeError| Fault::new(error.to_string()))
    }

    fn to_value(&self) -> Value {
        Value::String(self.text.clone())
    }

    fn same() -> Option<fn(&Value, &Value) -> bool> {
        Some(|a, b| matches!((Self::from_value(a), Self::from_value(b)), (Ok(a), Ok(b)) if a == b))
    }

    /// A small number without a unit: nobody means so few bytes.
    fn sensible(value: &Value) -> Result<(), String> {
        let Ok(size) = Self::from_value(value) else { return Ok(()) };
        let number = size.text.trim();
        let bare = number.chars().all(|c| c.is_ascii_digit() || c == '.');
        if bare && (1..BARE_MEANS_BYTES).contains(&size.bytes) {
            return Err(format!("has no unit, and would be {} bytes: did you mean `\"{number}G\"`?", size.bytes));
        }
        Ok(())
    }

    fn says() -> Option<String> {
        Some("a size such as `32G`".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_unit() {
        for (text, bytes) in [
            ("0", 0),
            ("17", 17),
            ("17B", 17),
            ("4k", 4 << 10),
            ("512M", 512 << 20),
            ("32G", 32 << 30),
            ("32GB", 32 << 30),
            ("32GiB", 32 << 30),
            ("32 GiB", 32 << 30),
            ("1.5T", 3 << 39),
            ("2P", 2 << 50),
        ] {
            assert_eq!(text.parse::<Size>().map(|s| s.bytes()), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_size() {
        for text in ["", "G", "-1G", "1X", "1Gi2", "1.G", ".5G", "1.2.3G", "99999999P", "1BB", "1iB", "1\u{fc}"] {
            assert!(text.parse::<Size>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_small_number_without_a_unit_is_not_meant() {
        for (text, meant) in [("32", "32G"), ("1.5", "1.5G"), (" 500 ", "500G"), ("1048575", "1048575G")] {
            let refusal = Option::<Size>::sensible(&Value::from(text)).unwrap_err();
            assert!(refusal.contains(&format!("did you mean `\"{meant}\"`")), "{refusal}");
        }
        for text in ["32G", "32B", "0", "1048576", "34359738368", "no size"] {
            assert_eq!(Size::sensible(&Value::from(text)), Ok(()), "{text}");
        }
    }

    #[test]
    fn keeps_its_text_and_compares_by_bytes() {
        let (a, b): (Size, Size) = ("32G".parse().unwrap(), "32768M".parse().unwrap());
        assert_eq!(a, b);
        assert_eq!(b.to_string(), "32768M");
        assert!(Size::same().unwrap()(&a.to_value(), &b.to_value()));
        assert_eq!(Size::from_bytes(3 << 29).to_string(), "1536M");
        for (bytes, text) in [(512, "512B"), (1001, "1001B"), (0, "0"), ((5 << 30) + 1, "5368709121")] {
            let size = Size::from_bytes(bytes);
            assert_eq!(size.to_string(), text);
            assert_eq!((text.parse(), Size::sensible(&size.to_value())), (Ok(size), Ok(())));
        }
    }
}
