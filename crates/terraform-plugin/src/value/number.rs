//! Exact numbers.

/// A number of any size and precision, kept as exactly as it was written.
///
/// Kept as canonical decimal text (`-12.5`, `1e100` written out as digits), so that two numbers of the
/// same value compare equal and nothing is rounded. Terraform sends 512-bit precision (protocol §b).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Number(String);

impl From<i64> for Number {
    fn from(n: i64) -> Self {
        Self(n.to_string())
    }
}

impl Number {
    /// The number as an `i64`, if it is whole and fits.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.parse().ok()
    }
}
