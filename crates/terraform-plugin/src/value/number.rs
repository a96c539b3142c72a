//! Exact numbers.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A number of any size and precision, kept as exactly as it was written.
///
/// Kept as canonical decimal text (`-12.5`, `1e100` written out as digits), so that two numbers of the
/// same value compare equal and nothing is rounded. Terraform sends 512-bit precision (protocol §b).
/// What would take more than [`WRITTEN_OUT`] characters is kept as digits and exponent (`25e-9000`), so that a few
/// bytes on the wire cannot ask for gigabytes. Infinities are `Infinity` and `-Infinity`; there is no NaN.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(String);

/// The longest number, in characters, that is kept written out.
const WRITTEN_OUT: i64 = 4096;

/// The largest power of ten, up or down, that is accepted. Terraform's own numbers end earlier.
const LARGEST_EXPONENT: i64 = 1_000_000_000;

const INFINITY: &str = "Infinity";
const NEGATIVE_INFINITY: &str = "-Infinity";

/// A text that is not a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a number")]
pub struct NotANumber;

impl Number {
    /// Zero.
    pub fn zero() -> Self {
        Self("0".to_owned())
    }

    /// The number that a person means who writes this float: the shortest decimal that reads back as it (`0.1`).
    /// `None` for NaN.
    pub fn from_f64(float: f64) -> Option<Self> {
        match float {
            f if f.is_nan() => None,
            f if f.is_infinite() => Some(Self::infinity(f < 0.0)),
            f => format!("{f:e}").parse().ok(),
        }
    }

    /// The number that this float is, to the last binary digit: what Terraform means by a float on the wire
    /// (`0.1` is 0.1000000000000000055511151231257827021181583404541015625). `None` for NaN.
    pub fn from_f64_exact(float: f64) -> Option<Self> {
        if !float.is_finite() {
            return Self::from_f64(float);
        }
        let bits = float.to_bits();
        let stored = (bits >> 52) & 0x7ff;
        let fraction = bits & ((1 << 52) - 1);
        let (mantissa, exponent) = match stored {
            0 => (fraction, -1074),
            e => (fraction | 1 << 52, i64::try_from(e).ok()? - 1075),
        };
        // A binary fraction of n digits is a decimal fraction of n digits.
        let digits = (-exponent - i64::from(mantissa.trailing_zeros())).max(0);
        format!("{float:.*}", usize::try_from(digits).ok()?).parse().ok()
    }

    /// The number as an `i64`, if it is whole and fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }

    /// The number as a `u64`, if it is whole and fits.
    pub fn as_u64(&self) -> Option<u64> {
        self.0.parse().ok()
    }

    /// The number as an `i128`, if it is whole and fits.
    pub fn as_i128(&self) -> Option<i128> {
        self.0.parse().ok()
    }

    /// The nearest float; infinite when the number is too large for one.
    pub fn as_f64(&self) -> f64 {
        // Canonical text is always in the grammar that f64 reads; NaN is not a number of ours.
        self.0.parse().unwrap_or(f64::NAN)
    }

    /// The canonical decimal text, which is also a JSON number unless it is infinite.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it has no fraction. Infinities are not whole.
    pub fn is_whole(&self) -> bool {
        !self.is_infinite() && !self.0.contains('.') && !self.0.contains("e-")
    }

    /// Whether it is `Infinity` or `-Infinity`.
    pub fn is_infinite(&self) -> bool {
        self.0.ends_with(INFINITY)
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.0.starts_with('-')
    }

    fn infinity(negative: bool) -> Self {
        Self(if negative { NEGATIVE_INFINITY } else { INFINITY }.to_owned())
    }
}

/// `digits` × 10^`exponent`; the digits without zeros at either end, none at all for zero.
struct Parts {
    negative: bool,
    digits: String,
    exponent: i64,
}

impl Parts {
    /// Reads `-12.5e+3` and the like. Not infinities.
    fn parse(text: &str) -> Result<Self, NotANumber> {
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all_digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if whole.len() + fraction.len() == 0 || !all_digits(whole) || !all_digits(fraction) {
            return Err(NotANumber);
        }
        let mut digits = String::with_capacity(whole.len() + fraction.len());
        digits.push_str(whole);
        digits.push_str(fraction);
        let significant = digits.trim_end_matches('0').len();
        let dropped = digits.len() - significant;
        digits.truncate(significant);
        let digits = digits.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Ok(Self { negative: false, digits, exponent: 0 });
        }
        let length = |n: usize| i64::try_from(n).map_err(|_| NotANumber);
        let exponent = exponent - length(fraction.len())? + length(dropped)?;
        if exponent.abs() > LARGEST_EXPONENT {
            return Err(NotANumber);
        }
        Ok(Self { negative, digits, exponent })
    }

    /// How many digits stand before the decimal point; zero or negative for 0.1 and 0.01.
    fn magnitude(&self) -> i64 {
        // A text in memory is shorter than i64::MAX.
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX).saturating_add(self.exponent)
    }

    fn canonical(self) -> String {
        if self.digits.is_empty() {
            return "0".to_owned();
        }
        let sign = if self.negative { "-" } else { "" };
        let (digits, magnitude) = (&self.digits, self.magnitude());
        let fits = |n: i64| usize::try_from(n).ok().filter(|_| n <= WRITTEN_OUT);
        let point = usize::try_from(magnitude).unwrap_or(0);
        match (fits(self.exponent), fits(-self.exponent), fits(-magnitude)) {
            (Some(zeros), _, _) => format!("{sign}{digits}{:0<zeros$}", ""),
            (_, Some(_), _) if magnitude > 0 => format!("{sign}{}.{}", &digits[..point], &digits[point..]),
            (_, Some(_), Some(zeros)) => format!("{sign}0.{:0<zeros$}{digits}", ""),
            _ => format!("{sign}{digits}e{}", self.exponent),
        }
    }
}

fn parse_exponent(text: &str) -> Result<i64, NotANumber> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NotANumber);
    }
    // Far above LARGEST_EXPONENT, and far enough below i64::MAX for the sums made with it.
    let too_far = 1_i64 << 60;
    let size = digits.parse().unwrap_or(too_far).min(too_far);
    Ok(if text.starts_with('-') { -size } else { size })
}

impl FromStr for Number {
    type Err = NotANumber;

    fn from_str(text: &str) -> Result<Self, NotANumber> {
        match text {
            INFINITY => Ok(Self::infinity(false)),
            NEGATIVE_INFINITY => Ok(Self::infinity(true)),
            text => Parts::parse(text).map(|parts| Self(parts.canonical())),
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Some(a), Some(b)) = (self.as_i64(), other.as_i64()) {
            return a.cmp(&b);
        }
        let by_sign = other.is_negative().cmp(&self.is_negative());
        if by_sign.is_ne() || self.0 == other.0 {
            return by_sign;
        }
        let size = match (self.is_infinite(), other.is_infinite(), Parts::parse(&self.0), Parts::parse(&other.0)) {
            (false, false, Ok(a), Ok(b)) => match (a.digits.is_empty(), b.digits.is_empty()) {
                (false, false) => a.magnitude().cmp(&b.magnitude()).then_with(|| a.digits.cmp(&b.digits)),
                (a_zero, b_zero) => b_zero.cmp(&a_zero),
            },
            (a, b, _, _) => a.cmp(&b),
        };
        if self.is_negative() { size.reverse() } else { size }
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! from_whole {
    ($($t:ty),*) => {$(
        impl From<$t> for Number {
            fn from(n: $t) -> Self {
                Self(n.to_string())
            }
        }
    )*};
}
from_whole!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize);

#[cfg(test)]
mod tests;
