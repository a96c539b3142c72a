//! Sizes as PVE writes them: `32G`, `528K`, plain bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

const UNITS: [(char, u64); 4] = [('T', 1 << 40), ('G', 1 << 30), ('M', 1 << 20), ('K', 1 << 10)];

/// A number of bytes. Printed in PVE's own form: with the largest unit (`T`, `G`, `M`, `K`; powers of 1024) that
/// divides it exactly, else as plain bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Size(u64);

impl Size {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self(bytes)
    }

    /// So many GiB.
    pub const fn from_gib(gib: u64) -> Self {
        Self(gib.saturating_mul(1 << 30))
    }

    /// In bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// In GiB as the decimal number PVE wants where it allocates a disk (`STORAGE:SIZE`): `32`, `0.5`, exact to the byte.
    pub fn gib(self) -> String {
        const GIB: u64 = 1 << 30;
        let mut out = (self.0 / GIB).to_string();
        let mut rest = self.0 % GIB;
        if rest > 0 {
            out.push('.');
        }
        // Ends after at most 30 digits: the denominator is a power of two.
        while rest > 0 {
            rest *= 10;
            out.push(char::from(b'0' + (rest / GIB) as u8));
            rest %= GIB;
        }
        out
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match UNITS.iter().find(|(_, factor)| self.0 > 0 && self.0.is_multiple_of(*factor)) {
            Some((unit, factor)) => write!(f, "{}{unit}", self.0 / factor),
            None => write!(f, "{}", self.0),
        }
    }
}

/// Why a text is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a size: a number, optionally followed by K, M, G or T (powers of 1024), like 32G")]
pub struct BadSize(String);

impl FromStr for Size {
    type Err = BadSize;

    /// `32G`, `1.5T`, `528K`, `1048576`. A fraction of a byte is cut off, as PVE does.
    fn from_str(text: &str) -> Result<Self, BadSize> {
        let bad = || BadSize(text.to_owned());
        let (digits, factor) = match text.chars().last().and_then(|c| UNITS.iter().find(|(unit, _)| *unit == c)) {
            Some((_, factor)) => (&text[..text.len() - 1], *factor),
            None => (text, 1),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return Err(bad());
        }
        let whole: u64 = whole.parse().map_err(|_| bad())?;
        let bytes = whole.checked_mul(factor).ok_or_else(bad)?;
        // Digits beyond the eighteenth are below a byte even for T.
        let fraction = &fraction[..fraction.len().min(18)];
        let numerator: u128 = fraction.parse().map_err(|_| bad())?;
        let part = numerator * u128::from(factor) / 10u128.pow(fraction.len() as u32);
        bytes.checked_add(part as u64).map(Self).ok_or_else(bad)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Size {
    /// A number of bytes or a text with unit.
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        crate::wire::text(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn prints_the_largest_exact_unit() {
        for (bytes, text) in [
            (32 << 30, "32G"),
            (4 << 20, "4M"),
            (528 << 10, "528K"),
            (1 << 40, "1T"),
            (1536 << 30, "1536G"),
            (1025, "1025"),
            (0, "0"),
        ] {
            assert_eq!(Size::from_bytes(bytes).to_string(), text);
        }
    }

    #[test]
    fn reads_units_and_fractions() {
        for (text, bytes) in [("32G", 32 << 30), ("1.5K", 1536), ("0.5G", 512 << 20), ("7", 7), ("0T", 0), ("2.9", 2)] {
            assert_eq!(text.parse::<Size>().map(Size::bytes), Ok(bytes), "{text}");
        }
        for bad in
            ["", "G", "32g", "32GB", "-1G", "+1G", "1..5G", ".5G", "1.G", "1 G", "99999999999999999999", "20000000T"]
        {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
    }

    #[test]
    fn allocates_in_gib() {
        assert_eq!(Size::from_gib(32).gib(), "32");
        assert_eq!(Size::from_bytes(1 << 29).gib(), "0.5");
        assert_eq!(Size::from_bytes((1 << 30) + (4 << 20)).gib(), "1.00390625");
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(bytes: u64) {
            let size = Size::from_bytes(bytes);
            prop_assert_eq!(size.to_string().parse::<Size>(), Ok(size));
        }

        #[test]
        fn round_sizes_read_back(n in 1u64..100_000, unit in 0usize..4) {
            let size = Size::from_bytes(n * UNITS[unit].1);
            prop_assert_eq!(size.to_string().parse::<Size>(), Ok(size));
        }

        #[test]
        fn gib_is_exact(bytes in 0u64..(1 << 50)) {
            // PVE multiplies by 2^30 again.
            let text = format!("{}G", Size::from_bytes(bytes).gib());
            let back = text.parse::<Size>().unwrap().bytes();
            // More than 18 decimals are cut when read: at most one byte less.
            prop_assert!(bytes - back <= 1, "{} {}", bytes, back);
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,24}") {
            let _ = text.parse::<Size>();
        }
    }
}
