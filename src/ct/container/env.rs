//! The environment of a container's first process: `A=1`, `B=2` with NUL between them.

use std::collections::BTreeMap;

/// Names and values that PVE takes.
pub fn check(env: &BTreeMap<String, String>) -> Result<(), String> {
    for (name, value) in env {
        if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(format!("\"{name}\" is no name: letters, digits and `_`"));
        }
        if value.chars().any(|c| c.is_control() && c != '\t') {
            return Err(format!("the value of \"{name}\" has a control character, which PVE does not take"));
        }
    }
    Ok(())
}

/// As PVE has it.
pub fn print(env: &BTreeMap<String, String>) -> String {
    env.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("\0")
}

/// As an attribute. Later ones of one name win, as they do in a process.
pub fn read(text: &str) -> BTreeMap<String, String> {
    let parts = text.split('\0').filter_map(|part| part.split_once('='));
    parts.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_printed_is_read() {
        let env = BTreeMap::from([("A".to_owned(), "1=2".to_owned()), ("B_C".to_owned(), String::new())]);
        assert_eq!(print(&env), "A=1=2\0B_C=");
        assert_eq!(read(&print(&env)), env);
        assert!(check(&env).is_ok());
        for (name, value) in [("", "x"), ("a-b", "x"), ("A", "x\ny")] {
            assert!(check(&BTreeMap::from([(name.to_owned(), value.to_owned())])).is_err(), "{name}={value}");
        }
    }
}
