//! Sizes and durations as people write them.

use std::time::Duration;

use serde::Deserialize;
use serde::de::Error as _;

/// A size in bytes; written as `64G`, `512M`, `1.5T` (powers of 1024) or a plain number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let number: f64 = digits.parse().map_err(|_| format!("'{text}' is not a size: expected as in 64G"))?;
        let factor: f64 = match text[digits.len()..].to_ascii_uppercase().as_str() {
            "" | "B" => 1.0,
            "K" | "KB" | "KIB" => 1024.0,
            "M" | "MB" | "MIB" => 1_048_576.0,
            "G" | "GB" | "GIB" => 1_073_741_824.0,
            "T" | "TB" | "TIB" => 1_099_511_627_776.0,
            other => return Err(format!("unknown unit '{other}' in size '{text}': use K, M, G or T")),
        };
        if !(number.is_finite() && number >= 0.0) {
            return Err(format!("'{text}' is not a size"));
        }
        // Sizes are far below 2^53, so the rounding is exact for everything a disk can have.
        Ok(Size((number * factor).round() as u64))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Bytes(u64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Bytes(bytes) => Ok(Size(bytes)),
            Form::Text(text) => text.parse().map_err(D::Error::custom),
        }
    }
}

/// Reads `250ms`, `30s`, `5m`, `2h`, `3d`, `1w` or a plain number of seconds.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "ms" => 0.001,
        "" | "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        other => return Err(format!("unknown unit '{other}' in duration '{text}': use ms, s, m, h, d or w")),
    };
    let number: f64 = digits.parse().map_err(|_| format!("'{text}' is not a duration: expected as in 30s"))?;
    Duration::try_from_secs_f64(number * factor).map_err(|_| format!("'{text}' is not a duration"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("2h"), Ok(Duration::from_secs(7200)));
        assert_eq!(parse_duration("2d"), Ok(Duration::from_secs(172_800)));
        assert_eq!(parse_duration("1.5w"), Ok(Duration::from_secs(907_200)));
        assert!(parse_duration("-1s").is_err());
        assert!(parse_duration("5 weeks").is_err());
    }
}
