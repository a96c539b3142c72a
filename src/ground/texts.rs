//! The forms that texts have in PVE: what it would cut off or take apart is one form for the plan, the write and the read,
//! or is refused in the configuration.

use std::collections::{BTreeMap, BTreeSet};

use pve_client::property_string::PropertyString;

/// PVE cuts blanks off both ends of a value, and ends it at a line feed.
pub fn one_tidy_line(text: &String) -> Result<(), String> {
    if text.is_empty() {
        return Err("must not be empty: leave it out".to_owned());
    }
    if text.contains(['\n', '\r']) {
        return Err("must be one line: PVE takes no line feeds here".to_owned());
    }
    if text.trim() != text {
        return Err("must not begin or end with a blank: PVE cuts them off".to_owned());
    }
    Ok(())
}

/// The same, or nothing at all, which takes the value away.
pub fn one_line_or_none(text: &String) -> Result<(), String> {
    if text.is_empty() { Ok(()) } else { one_tidy_line(text) }
}

/// The form of the ids that PVE's sections have.
pub const CONFIGURATION_ID: &str = "^[A-Za-z][A-Za-z0-9_-]+$";

/// The same in words.
pub const CONFIGURATION_ID_SAYS: &str = "at least two characters: a letter, then letters, digits, `_`, `-`";

/// One item among others in one text of PVE's: nothing in it may separate items.
pub fn one_word(text: &String) -> Result<(), String> {
    match text.chars().find(|c| c.is_whitespace() || c.is_control() || ",;=".contains(*c)) {
        None if text.is_empty() => Err("must not be empty: leave it out".to_owned()),
        None => Ok(()),
        Some(c) => Err(format!("must be one item: PVE would take it apart at {c:?}")),
    }
}

/// PVE's form of a tag.
pub fn tag(text: &String) -> Result<(), String> {
    let first = text.chars().next().is_some_and(|c| c.is_ascii_alphanumeric() || c == '_');
    match first && text.chars().all(|c| c.is_ascii_alphanumeric() || "_-+.".contains(c)) {
        true => Ok(()),
        false => {
            Err("must begin with a letter, digit or `_` and hold nothing else but those, `-`, `+` and `.`".to_owned())
        }
    }
}

/// A note as it was written: PVE ends it by a line feed. None if nothing is in it.
pub fn note(text: String) -> Option<String> {
    Some(text.trim_end().to_owned()).filter(|text| !text.is_empty())
}

/// An e-mail address, or the name of a mailbox on the node that sends.
pub fn mail_address(text: &String) -> Result<(), String> {
    let words = |text: &str, more: &str| {
        text.split('.').all(|word| !word.is_empty() && word.chars().all(|c| c.is_alphanumeric() || more.contains(c)))
    };
    let (name, host) = text.split_once('@').map_or((text.as_str(), None), |(name, host)| (name, Some(host)));
    match words(name, "_+~-") && host.is_none_or(|host| words(host, "-") && host.is_ascii()) {
        true => Ok(()),
        false => Err("must be one e-mail address, NAME@HOST, or the name of a mailbox".to_owned()),
    }
}

/// An e-mail address.
pub fn whole_mail_address(text: &String) -> Result<(), String> {
    match text.contains('@') && mail_address(text).is_ok() {
        true => Ok(()),
        false => Err("must be an e-mail address: NAME@HOST".to_owned()),
    }
}

/// A user with a realm.
pub fn user_id(text: &String) -> Result<(), String> {
    let fits = |(name, realm): (&str, &str)| {
        let named = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || ":/".contains(c));
        let begins = realm.starts_with(|c: char| c.is_ascii_alphabetic());
        named && realm.len() > 1 && begins && realm.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    match text.rsplit_once('@').is_some_and(fits) {
        true => Ok(()),
        false => Err("must be a user with the realm, NAME@REALM".to_owned()),
    }
}

/// More than blanks.
pub fn not_blank(text: &String) -> Result<(), String> {
    if text.trim().is_empty() { Err("must not be blank: leave it out".to_owned()) } else { Ok(()) }
}

/// What is asked for, where it means the same as what is there; `None` there means the empty value.
pub fn stands<T: Clone + Default>(asked: Option<&T>, is: Option<T>, same: impl Fn(&T, &T) -> bool) -> Option<T> {
    match asked {
        Some(asked) if same(asked, is.as_ref().unwrap_or(&T::default())) => Some(asked.clone()),
        _ => is,
    }
}

/// White space at the ends means nothing.
pub fn same_but_ends(a: &String, b: &String) -> bool {
    a.trim() == b.trim()
}

/// White space at the end means nothing.
pub fn same_but_end(a: &String, b: &String) -> bool {
    a.trim_end() == b.trim_end()
}

/// Upper or lower case means nothing.
pub fn same_but_case(a: &String, b: &String) -> bool {
    a.eq_ignore_ascii_case(b)
}

/// The items of a text that PVE reads as a list: commas, semicolons and white space separate.
pub fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| matches!(c, ',' | ';' | '\0') || c.is_whitespace()).filter(|item| !item.is_empty())
}

/// The same items in the same order.
pub fn same_items(a: &String, b: &String) -> bool {
    items(a).eq(items(b))
}

/// The same items in the same order, however they are spread over the list's texts.
pub fn same_list(a: &Vec<String>, b: &Vec<String>) -> bool {
    a.iter().flat_map(|text| items(text)).eq(b.iter().flat_map(|text| items(text)))
}

/// The lines of all texts that hold something.
pub fn lines(texts: &BTreeSet<String>) -> BTreeSet<&str> {
    texts.iter().flat_map(|text| text.lines()).map(str::trim).filter(|line| !line.is_empty()).collect()
}

/// The same lines, however they are spread over the set's texts.
pub fn same_lines(a: &BTreeSet<String>, b: &BTreeSet<String>) -> bool {
    lines(a) == lines(b)
}

/// The same settings in any order, with the value of `default` written with or without its key. PVE keeps such a text as
/// it was sent.
pub fn same_settings(a: &str, b: &str, default: &str) -> bool {
    a == b || matches!((settings(a, default), settings(b, default)), (Some(a), Some(b)) if a == b)
}

fn settings(text: &str, default: &str) -> Option<BTreeMap<String, String>> {
    let mut string: PropertyString = text.parse().ok()?;
    let bare = string.take_default();
    let mut settings = string.into_items();
    if let Some(value) = bare
        && settings.insert(default.to_owned(), value).is_some()
    {
        return None;
    }
    let words = |value: String| match value.as_str() {
        "on" | "yes" | "true" => "1".to_owned(),
        "off" | "no" | "false" => "0".to_owned(),
        _ => value,
    };
    Some(settings.into_iter().map(|(key, value)| (key, words(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<C: FromIterator<String>>(texts: &[&str]) -> C {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_pve_would_change_is_refused() {
        for good in ["a", "a b", "a,b", "\u{fc}"] {
            assert_eq!(one_tidy_line(&good.to_owned()), Ok(()), "{good}");
        }
        for bad in ["", " a", "a ", "a\nb", "a\r", "\ta"] {
            assert!(one_tidy_line(&bad.to_owned()).is_err(), "{bad:?}");
        }
        for bad in ["", "a b", "a,b", "a;b", "a=b", "a\n", "\0"] {
            assert!(one_word(&bad.to_owned()).is_err(), "{bad:?}");
        }
        assert_eq!(one_word(&"2001:db8::1/64".to_owned()), Ok(()));
        assert!(not_blank(&" \n".to_owned()).is_err());
        for good in ["a@lab.example", "a.b+c@x", "root"] {
            assert_eq!(mail_address(&good.to_owned()), Ok(()), "{good}");
        }
        for bad in ["", "a@", "a@b@c", "a@x,b@x", "a b@x", "a@x..y"] {
            assert!(mail_address(&bad.to_owned()).is_err(), "{bad}");
        }
        assert_eq!(user_id(&"root@pam".to_owned()), Ok(()));
        assert!(user_id(&"root".to_owned()).is_err() && user_id(&"root@".to_owned()).is_err());
    }

    #[test]
    fn lists_within_texts_are_lists() {
        assert!(same_list(&texts(&["a b", "c"]), &texts(&["a", "b,c "])));
        assert!(!same_list(&texts(&["a", "b"]), &texts(&["b", "a"])), "the order of name servers counts");
        assert!(same_lines(&texts(&["k1 a@x\nk2 b@x\n"]), &texts(&["k2 b@x", " k1 a@x\r\n"])));
        assert!(same_items(&"home.lan,example.org".to_owned(), &"home.lan example.org".to_owned()));
    }

    #[test]
    fn settings_mean_what_they_say_in_any_order() {
        assert!(same_settings("host,hidden=1", "hidden=on,cputype=host", "cputype"));
        assert!(!same_settings("host,hidden=1", "host", "cputype"));
        assert!(same_settings("q35", "type=q35", "type"));
        assert!(!same_settings("a=", "a=b", "type"), "what cannot be read is equal to itself only");
        assert!(same_settings("a=", "a=", "type"));
    }

    #[test]
    fn what_is_asked_for_stands_where_it_means_the_same() {
        let asked = "a b".to_owned();
        assert_eq!(stands(Some(&asked), Some("a,b".to_owned()), same_items), Some(asked.clone()));
        assert_eq!(stands(Some(&asked), Some("c".to_owned()), same_items), Some("c".to_owned()));
        assert_eq!(stands(Some(&String::new()), None, same_items), Some(String::new()));
        assert_eq!(stands(None, None, same_items), None);
    }
}
