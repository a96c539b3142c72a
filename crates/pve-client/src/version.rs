//! PVE's version, to tell apart what differs between releases.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// A version like `9.2.11` (PVE) or `16.2.15` (Ceph). Missing parts count as zero, suffixes (`-1`, `~16`) are ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Version {
    /// `9` of `9.2.11`.
    pub major: u32,
    /// `2` of `9.2.11`.
    pub minor: u32,
    /// `11` of `9.2.11`.
    pub patch: u32,
}

impl Version {
    /// `Version::new(9, 2, 0)`.
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Why a text is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a version")]
pub struct BadVersion(String);

impl FromStr for Version {
    type Err = BadVersion;

    fn from_str(text: &str) -> Result<Self, BadVersion> {
        let bad = || BadVersion(text.to_owned());
        let mut parts = text.trim().split('.').map(|part| {
            let digits = part.find(|c: char| !c.is_ascii_digit()).map_or(part, |end| &part[..end]);
            digits.parse::<u32>().map_err(|_| bad())
        });
        let major = parts.next().ok_or_else(bad)??;
        let minor = parts.next().transpose()?.unwrap_or(0);
        let patch = parts.next().transpose()?.unwrap_or(0);
        Ok(Self { major, minor, patch })
    }
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        crate::wire::text(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_pve_and_ceph_print() {
        assert_eq!("9.2.11".parse(), Ok(Version::new(9, 2, 11)));
        assert_eq!("9.2".parse(), Ok(Version::new(9, 2, 0)));
        assert_eq!("9.0.0~16".parse(), Ok(Version::new(9, 0, 0)));
        assert_eq!("8.4-1".parse(), Ok(Version::new(8, 4, 0)));
        assert!("".parse::<Version>().is_err());
        assert!("tentacle".parse::<Version>().is_err());
    }

    #[test]
    fn compares_by_number() {
        assert!(Version::new(9, 10, 0) > Version::new(9, 9, 9));
        assert_eq!(Version::new(9, 2, 11).to_string(), "9.2.11");
    }
}
