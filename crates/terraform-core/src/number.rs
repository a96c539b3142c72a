//! Numbers as Terraform has them: decimal, exact, of any size.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// Further out nothing is written down that anybody means.
const LARGEST_EXPONENT: i64 = 5_000;

/// A number, exact. Two numbers are equal when they are the same number, however they were written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(Kind);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// ±0.DIGITS × 10^exponent. No zeros at either end of the digits; none at all is zero.
    Finite {
        negative: bool,
        digits: String,
        exponent: i64,
    },
    Infinite {
        negative: bool,
    },
}

/// A text that is no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotANumber(pub String);

impl fmt::Display for NotANumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\" is not a number", self.0)
    }
}

impl std::error::Error for NotANumber {}

impl Number {
    fn finite(negative: bool, digits: &str, exponent: i64) -> Self {
        let led = digits.trim_start_matches('0');
        let dropped = i64::try_from(digits.len() - led.len()).unwrap_or(i64::MAX);
        let digits = led.trim_end_matches('0');
        if digits.is_empty() {
            return Self(Kind::Finite { negative: false, digits: String::new(), exponent: 0 });
        }
        Self(Kind::Finite { negative, digits: digits.to_owned(), exponent: exponent - dropped })
    }

    /// What a binary fraction is exactly: the float nearest to 0.1 is not 0.1. Nothing for NaN, which Terraform has not.
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        if value.is_nan() {
            return None;
        }
        if value.is_infinite() {
            return Some(Self(Kind::Infinite { negative: value < 0.0 }));
        }
        // 1074 digits after the point are enough for the smallest float there is; each is exact.
        format!("{value:.1074}").parse().ok()
    }

    /// Whether there is nothing after the point.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        match &self.0 {
            Kind::Finite { digits, exponent, .. } => i64::try_from(digits.len()).is_ok_and(|len| len <= *exponent),
            Kind::Infinite { .. } => false,
        }
    }

    /// The number, if it is whole and small enough.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.is_whole().then(|| self.to_string().parse().ok()).flatten()
    }

    /// The float that is exactly this number, if there is one.
    #[must_use]
    pub fn as_exact_f64(&self) -> Option<f64> {
        let near = match &self.0 {
            Kind::Infinite { negative } => return Some(if *negative { f64::NEG_INFINITY } else { f64::INFINITY }),
            Kind::Finite { .. } => self.to_string().parse::<f64>().ok()?,
        };
        (Self::from_f64(near).as_ref() == Some(self)).then_some(near)
    }
}

impl From<i64> for Number {
    fn from(value: i64) -> Self {
        Self::finite(value < 0, &value.unsigned_abs().to_string(), digits_of(value.unsigned_abs()))
    }
}

impl From<i32> for Number {
    fn from(value: i32) -> Self {
        Self::from(i64::from(value))
    }
}

impl From<u64> for Number {
    fn from(value: u64) -> Self {
        Self::finite(false, &value.to_string(), digits_of(value))
    }
}

fn digits_of(value: u64) -> i64 {
    value.checked_ilog10().map_or(1, |digits| i64::from(digits) + 1)
}

impl FromStr for Number {
    type Err = NotANumber;

    /// Decimal text: `-12`, `0.1`, `1.5e-3`.
    fn from_str(text: &str) -> Result<Self, NotANumber> {
        let wrong = || NotANumber(text.to_owned());
        let (negative, rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().map_err(|_| wrong())?),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = format!("{whole}{fraction}");
        if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) || exponent.abs() > LARGEST_EXPONENT {
            return Err(wrong());
        }
        let point = i64::try_from(whole.len()).map_err(|_| wrong())?;
        Ok(Self::finite(negative, &digits, point + exponent))
    }
}

impl fmt::Display for Number {
    /// Without an exponent, as Terraform writes it into a state.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (negative, digits, exponent) = match &self.0 {
            Kind::Infinite { negative } => return f.write_str(if *negative { "-Inf" } else { "+Inf" }),
            Kind::Finite { negative, digits, exponent } => (negative, digits, *exponent),
        };
        if digits.is_empty() {
            return f.write_str("0");
        }
        if *negative {
            f.write_str("-")?;
        }
        let zeros = |count: i64| "0".repeat(usize::try_from(count).unwrap_or(0));
        match usize::try_from(exponent) {
            Ok(0) | Err(_) => write!(f, "0.{}{digits}", zeros(-exponent)),
            Ok(point) if point >= digits.len() => write!(f, "{digits}{}", "0".repeat(point - digits.len())),
            Ok(point) => write!(f, "{}.{}", &digits[..point], &digits[point..]),
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        // Where on the line: left of zero the larger is the smaller.
        fn place(kind: &Kind) -> (i8, i64, &str) {
            match kind {
                Kind::Infinite { negative } => (if *negative { -2 } else { 2 }, 0, ""),
                Kind::Finite { digits, .. } if digits.is_empty() => (0, 0, ""),
                Kind::Finite { negative, digits, exponent } => (if *negative { -1 } else { 1 }, *exponent, digits),
            }
        }
        let (a, b) = (place(&self.0), place(&other.0));
        let by_size = (a.1, a.2).cmp(&(b.1, b.2));
        a.0.cmp(&b.0).then(if a.0 < 0 { by_size.reverse() } else { by_size })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn n(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn the_same_number_however_written() {
        assert_eq!(n("1.250"), n("1.25"));
        assert_eq!(n("125e-2"), n("1.25"));
        assert_eq!(n("-0"), n("0.000"));
        assert_eq!(n("1e3"), Number::from(1000_i64));
        assert_ne!(n("1e3"), n("1e4"));
        assert_ne!(n("1"), n("-1"));
    }

    #[test]
    fn written_without_exponent() {
        for text in
            ["0", "5", "-5", "1000", "0.1", "0.001", "-12.5", "18446744073709551615", "100000000000000000000001"]
        {
            assert_eq!(n(text).to_string(), text);
        }
        assert_eq!(n("1e-3").to_string(), "0.001");
        assert_eq!(n("1.5e3").to_string(), "1500");
    }

    #[test]
    fn a_float_is_what_it_is_and_not_what_was_meant() {
        assert_ne!(Number::from_f64(0.1), Some(n("0.1")));
        assert_eq!(Number::from_f64(1.5), Some(n("1.5")));
        assert_eq!(n("0.1").as_exact_f64(), None);
        assert_eq!(n("1.5").as_exact_f64(), Some(1.5));
        assert_eq!(Number::from_f64(f64::NAN), None);
        assert_eq!(Number::from_f64(f64::INFINITY).unwrap().as_exact_f64(), Some(f64::INFINITY));
    }

    #[test]
    fn whole_numbers() {
        assert_eq!(n("12").as_i64(), Some(12));
        assert_eq!(n("-9223372036854775808").as_i64(), Some(i64::MIN));
        assert_eq!(n("9223372036854775808").as_i64(), None);
        assert!(n("1e20").is_whole() && !n("0.5").is_whole() && n("0").is_whole());
    }

    #[test]
    fn no_numbers() {
        for text in ["", "-", ".", "1.2.3", "0x10", "1e", "1e99999", "NaN", "١"] {
            assert!(text.parse::<Number>().is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn written_and_read_again(value: i64, exponent in -40_i64..40) {
            let number: Number = format!("{value}e{exponent}").parse().unwrap();
            prop_assert_eq!(&number.to_string().parse::<Number>().unwrap(), &number);
        }

        #[test]
        fn ordered_as_whole_numbers_are(a: i64, b: i64) {
            prop_assert_eq!(Number::from(a).cmp(&Number::from(b)), a.cmp(&b));
        }

        #[test]
        fn ordered_as_floats_are(a in -1e6..1e6, b in -1e6..1e6) {
            prop_assert_eq!(Number::from_f64(a).cmp(&Number::from_f64(b)), a.partial_cmp(&b).unwrap());
        }
    }
}
