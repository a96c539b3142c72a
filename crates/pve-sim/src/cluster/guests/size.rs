//! Sizes as PVE prints them: bytes with the largest unit that leaves nothing over.

const UNITS: [(char, u64); 4] = [('T', 1 << 40), ('G', 1 << 30), ('M', 1 << 20), ('K', 1 << 10)];

/// `32G`, `528K`, or plain bytes.
pub fn print(bytes: u64) -> String {
    match UNITS.iter().find(|(_, unit)| bytes > 0 && bytes.is_multiple_of(*unit)) {
        Some((letter, unit)) => format!("{}{letter}", bytes / unit),
        None => bytes.to_string(),
    }
}

/// Reads `32G`, `1.5T`, `4096`; without a unit the number is bytes.
pub fn parse(text: &str) -> Option<u64> {
    let (number, unit) = match UNITS.iter().find(|(letter, _)| text.ends_with(*letter)) {
        Some((_, unit)) => (&text[..text.len() - 1], *unit),
        None => (text, 1),
    };
    scaled(number, unit)
}

/// Reads the unit-less number of GiB of an allocation (`local-lvm:32`): PVE reckons in KiB, and rounds up to them.
pub fn parse_gib(text: &str) -> Option<u64> {
    scaled(text, 1 << 30).map(|bytes| bytes.div_ceil(1024) * 1024)
}

/// A decimal number of units in bytes, rounded down. Exact where the number is whole.
fn scaled(number: &str, unit: u64) -> Option<u64> {
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit);
    }
    let plain = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit() || c == '.');
    let value: f64 = plain.then(|| number.parse().ok()).flatten()?;
    let bytes = value * unit as f64;
    (bytes < 2f64.powi(63)).then_some(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_the_largest_exact_unit() {
        assert_eq!(print(32 << 30), "32G");
        assert_eq!(print(528 << 10), "528K");
        assert_eq!(print(1025), "1025");
        assert_eq!(print(0), "0");
    }

    #[test]
    fn reads_what_pve_reads() {
        assert_eq!(parse("32G"), Some(32 << 30));
        assert_eq!(parse("1.5G"), Some(3 << 29));
        assert_eq!(parse("4096"), Some(4096));
        assert_eq!(parse_gib("0.5"), Some(1 << 29));
        assert_eq!(parse_gib("0.3").map(print).as_deref(), Some("314573K"));
        for bad in ["", "G", "1e3", "-1", "12X", "99999999999T"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
