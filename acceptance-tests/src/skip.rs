//! Tests that cannot run here say so, loudly.

/// What was found, or a word on stderr (past the test harness, which would swallow it) that the test is skipped.
///
/// # Panics
/// With `ACCEPTANCE_MUST_NOT_SKIP=1` in the environment, a skip is a failure.
pub fn or_skip<T>(found: anyhow::Result<T>) -> Option<T> {
    found_or_skip(found, must_not_skip(), &mut std::io::stderr())
}

/// Whether this is a machine on which everything has to run.
#[must_use]
pub fn must_not_skip() -> bool {
    std::env::var("ACCEPTANCE_MUST_NOT_SKIP").is_ok_and(|value| value == "1")
}

fn found_or_skip<T>(found: anyhow::Result<T>, must_not: bool, to: &mut impl std::io::Write) -> Option<T> {
    let why = match found {
        Ok(found) => return Some(found),
        Err(why) => why,
    };
    assert!(!must_not, "must not be skipped: {why:#}");
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    let _ = writeln!(to, "SKIPPED {test}: {why:#}");
    None
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    #[test]
    fn what_is_missing_skips_loudly() {
        let mut told = Vec::new();
        assert_eq!(found_or_skip(Ok(1), true, &mut told), Some(1));
        assert!(told.is_empty());
        assert_eq!(found_or_skip::<()>(Err(anyhow!("no Terraform")), false, &mut told), None);
        let told = String::from_utf8(told).unwrap();
        assert!(
            told.starts_with("SKIPPED ") && told.ends_with("what_is_missing_skips_loudly: no Terraform\n"),
            "{told}"
        );
    }

    #[test]
    #[should_panic(expected = "must not be skipped: no Terraform")]
    fn or_fails() {
        found_or_skip::<()>(Err(anyhow!("no Terraform")), true, &mut Vec::new());
    }
}
