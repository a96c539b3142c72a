//! Quoting for a POSIX shell.

/// One argument, quoted so that any POSIX shell reads back exactly the same text, whatever it holds.
///
/// NUL cannot be part of an argument of any program; callers refuse it before.
pub fn quote(argument: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=@%+".contains(c);
    // Within single quotes nothing is special but the quote itself, which is put outside: 'it'\''s'.
    // A leading `=` or `%` is special to zsh or to job control: only quoted text is plain everywhere.
    if !argument.is_empty() && argument.chars().all(plain) && !argument.starts_with(['=', '%', '-']) {
        return argument.to_owned();
    }
    format!("'{}'", argument.replace('\'', r"'\''"))
}

/// An argument vector as one line of shell.
pub fn join<S: AsRef<str>>(argv: &[S]) -> String {
    argv.iter().map(|argument| quote(argument.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::process::Command;

    /// What a real shell makes of it: each argument, NUL-terminated.
    fn through_sh(argv: &[String]) -> Vec<String> {
        let script = format!("printf '%s\\0' {}", join(argv));
        let out = Command::new("sh").args(["-c", &script]).output().unwrap();
        assert!(out.status.success(), "{script}: {}", String::from_utf8_lossy(&out.stderr));
        let text = String::from_utf8(out.stdout).unwrap();
        text.split_terminator('\0').map(str::to_owned).collect()
    }

    #[test]
    fn the_nasty_ones() {
        let argv = [
            "", "'", "''", "it's", "$HOME", "`id`", "$(id)", "a b", "\n", "\\", "\\'", "*", "~", "-n", "!!", "a;b",
            "=x",
        ]
        .map(String::from);
        assert_eq!(through_sh(&argv), argv);
    }

    #[test]
    fn plain_words_stay_readable() {
        assert_eq!(join(&["ceph", "osd", "crush", "rule", "rm", "r_1.x-y"]), "ceph osd crush rule rm r_1.x-y");
        assert_eq!(quote("-dash"), "'-dash'");
    }

    proptest! {
        // Each case is a process.
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_real_shell_reads_it_back(argv in proptest::collection::vec("[^\0]{0,20}", 1..8)) {
            prop_assert_eq!(through_sh(&argv), argv);
        }
    }
}
