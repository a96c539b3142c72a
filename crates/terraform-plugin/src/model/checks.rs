//! Checks that the attribute options stand for.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use regex::Regex;

use super::Typed;
use crate::schema::Check;
use crate::value::Value;

/// A check of a typed value. Values that do not fit the type at all are another check's business.
pub fn typed<T: Typed>(
    says: impl Into<String>,
    run: impl Fn(&T) -> Result<(), String> + Send + Sync + 'static,
) -> Check {
    let run = move |value: &Value| T::from_value(value).map_or(Ok(()), |typed| run(&typed));
    Check { says: says.into(), run: Arc::new(run) }
}

/// The value fits the Rust type: a whole number, one of the words, a size.
pub(super) fn fits<T: Typed>() -> Option<Check> {
    let run = |value: &Value| match T::from_value(value) {
        Err(fault) if !holds_unknown(value) => Err(fault.to_string()),
        _ => Ok(()),
    };
    T::says().map(|says| Check { says, run: Arc::new(run) })
}

/// Whether the value, or a part of it, is not known yet.
pub(crate) fn holds_unknown(value: &Value) -> bool {
    match value {
        Value::Unknown => true,
        Value::List(elements) => elements.iter().any(holds_unknown),
        Value::Map(entries) | Value::Object(entries) => entries.values().any(holds_unknown),
        Value::Dynamic(_, value) => holds_unknown(value),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Between two bounds, or on one side of one.
pub fn range<T: Typed + PartialOrd + Display>(range: impl RangeBounds<T> + Send + Sync + 'static) -> Check {
    let says = says_range(&range);
    let text = says.clone();
    typed::<T>(
        says,
        move |value| if range.contains(value) { Ok(()) } else { Err(format!("must be {text}, not {value}")) },
    )
}

fn says_range<T: Display>(range: &impl RangeBounds<T>) -> String {
    match (range.start_bound(), range.end_bound()) {
        (Bound::Included(from), Bound::Included(to)) => format!("between {from} and {to}"),
        (Bound::Included(from), Bound::Excluded(to)) => format!("at least {from} and less than {to}"),
        (Bound::Included(from), _) => format!("at least {from}"),
        (_, Bound::Included(to)) => format!("at most {to}"),
        (_, Bound::Excluded(to)) => format!("less than {to}"),
        _ => "any".to_owned(),
    }
}

/// Characters of a text, or elements of a collection.
pub fn length(range: impl RangeBounds<usize> + Send + Sync + 'static) -> Check {
    let bounds = says_range(&range);
    let says = format!("length {bounds}");
    let run = move |value: &Value| {
        let length = match value {
            Value::String(text) => text.chars().count(),
            Value::List(elements) => elements.len(),
            Value::Map(entries) => entries.len(),
            _ => return Ok(()),
        };
        let what = if matches!(value, Value::String(_)) { "characters" } else { "elements" };
        if range.contains(&length) { Ok(()) } else { Err(format!("must have {bounds} {what}, and has {length}")) }
    };
    Check { says, run: Arc::new(run) }
}

/// A text that matches the whole of an expression. `says` is what the user is told; without it, the expression.
pub fn regex(expression: &str, says: Option<&str>) -> Check {
    let says = says.map_or_else(|| format!("text that matches `{expression}`"), str::to_owned);
    let whole = Regex::new(&format!("^(?:{expression})$"));
    let text = says.clone();
    let run = move |value: &Value| {
        let Value::String(found) = value else { return Ok(()) };
        match &whole {
            Ok(whole) if whole.is_match(found) => Ok(()),
            Ok(_) => Err(format!("must be {text}, not {found:?}")),
            Err(error) => Err(format!("cannot be checked: the provider's own expression is wrong: {error}")),
        }
    };
    Check { says, run: Arc::new(run) }
}

/// One of some words.
pub fn one_of(words: &'static [&'static str]) -> Check {
    let says = says_one_of(words);
    let text = says.clone();
    let run = move |value: &Value| {
        let Value::String(found) = value else { return Ok(()) };
        if words.contains(&found.as_str()) { Ok(()) } else { Err(format!("must be {text}, not {found:?}")) }
    };
    Check { says, run: Arc::new(run) }
}

/// ``one of `a`, `b` ``.
pub fn says_one_of(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    format!("one of {}", words.join(", "))
}

/// The same check made of every element of a collection.
pub fn each(check: Check) -> Check {
    let Check { says, run } = check;
    let one = move |at: &dyn Display, value: &Value| match value {
        Value::Null | Value::Unknown => Ok(()),
        known => run(known).map_err(|what| format!("element {at} {what}")),
    };
    let run = move |value: &Value| match value {
        Value::List(elements) => elements.iter().enumerate().try_for_each(|(i, v)| one(&i, v)),
        Value::Map(entries) => entries.iter().try_for_each(|(key, v)| one(&format!("{key:?}"), v)),
        _ => Ok(()),
    };
    Check { says: format!("each {says}"), run: Arc::new(run) }
}

/// How many of the named attributes are set for sure, and how many may yet turn out to be.
fn count(object: &BTreeMap<String, Value>, names: &[&str]) -> (Vec<String>, usize) {
    let get = |name: &&&str| object.get(**name).unwrap_or(&Value::Null);
    let set = names.iter().filter(|n| !matches!(get(n), Value::Null | Value::Unknown)).map(|n| format!("`{n}`"));
    (set.collect(), names.iter().filter(|n| matches!(get(n), Value::Unknown)).count())
}

fn of_object(
    says: String,
    run: impl Fn(&BTreeMap<String, Value>) -> Result<(), String> + Send + Sync + 'static,
) -> Check {
    let run = move |value: &Value| match value {
        Value::Object(attributes) => run(attributes),
        _ => Ok(()),
    };
    Check { says, run: Arc::new(run) }
}

fn list(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// At most one of these.
pub fn conflicts(names: &'static [&'static str]) -> Check {
    of_object(format!("at most one of {}", list(names)), move |object| {
        let (set, _) = count(object, names);
        if set.len() <= 1 { Ok(()) } else { Err(format!("{} exclude each other: set one of them", set.join(" and "))) }
    })
}

/// The first only together with the others.
pub fn requires(names: &'static [&'static str]) -> Check {
    let (first, others) = names.split_first().map_or(("", [].as_slice()), |(first, others)| (*first, others));
    of_object(format!("`{first}` only together with {}", list(others)), move |object| {
        let missing: Vec<&str> =
            others.iter().copied().filter(|n| matches!(object.get(*n), None | Some(Value::Null))).collect();
        let (set, _) = count(object, &[first]);
        if set.is_empty() || missing.is_empty() {
            return Ok(());
        }
        Err(format!("`{first}` is set, and needs {} as well", list(&missing)))
    })
}

/// One of these and no more.
pub fn exactly_one(names: &'static [&'static str]) -> Check {
    of_object(format!("exactly one of {}", list(names)), move |object| match count(object, names) {
        (set, _) if set.len() > 1 => Err(format!("{} exclude each other: set exactly one", set.join(" and "))),
        (set, 0) if set.is_empty() => Err(format!("one of {} must be set", list(names))),
        _ => Ok(()),
    })
}

/// One of these or more.
pub fn at_least_one(names: &'static [&'static str]) -> Check {
    of_object(format!("at least one of {}", list(names)), move |object| match count(object, names) {
        (set, 0) if set.is_empty() => Err(format!("at least one of {} must be set", list(names))),
        _ => Ok(()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Value {
        Value::String(text.to_owned())
    }

    fn number(n: i64) -> Value {
        Value::Number(n.into())
    }

    #[test]
    fn ranges() {
        let check = range::<i64>(1..=7);
        assert_eq!(check.says, "between 1 and 7");
        assert_eq!((check.run)(&number(7)), Ok(()));
        assert_eq!((check.run)(&number(8)), Err("must be between 1 and 7, not 8".to_owned()));
        assert_eq!((range::<i64>(3..).run)(&number(2)), Err("must be at least 3, not 2".to_owned()));
    }

    #[test]
    fn lengths_count_characters_and_elements() {
        let check = length(1..=2);
        assert_eq!((check.run)(&text("üü")), Ok(()));
        assert!((check.run)(&text("")).is_err());
        assert!((check.run)(&Value::List(vec![text("a"), text("b"), text("c")])).unwrap_err().contains("has 3"));
    }

    #[test]
    fn an_expression_matches_the_whole_text() {
        let check = regex("[a-z]+", Some("lower-case letters"));
        assert_eq!((check.run)(&text("abc")), Ok(()));
        assert_eq!((check.run)(&text("abc1")), Err("must be lower-case letters, not \"abc1\"".to_owned()));
    }

    #[test]
    fn elements_are_checked_one_by_one_and_unknown_ones_skipped() {
        let check = each(one_of(&["a", "b"]));
        assert_eq!((check.run)(&Value::List(vec![text("a"), Value::Unknown])), Ok(()));
        assert!(
            (check.run)(&Value::Map([("k".to_owned(), text("c"))].into()))
                .unwrap_err()
                .starts_with("element \"k\" must")
        );
    }

    #[test]
    fn whole_objects_and_what_is_not_known_yet() {
        let object = |a: Value, b: Value| Value::Object([("a".to_owned(), a), ("b".to_owned(), b)].into());
        let (set, unset, unknown) = (|| text("x"), || Value::Null, || Value::Unknown);
        assert!((conflicts(&["a", "b"]).run)(&object(set(), set())).is_err());
        assert!((conflicts(&["a", "b"]).run)(&object(set(), unknown())).is_ok());
        assert!((exactly_one(&["a", "b"]).run)(&object(unset(), unset())).is_err());
        assert!((exactly_one(&["a", "b"]).run)(&object(unset(), unknown())).is_ok());
        assert!((exactly_one(&["a", "b"]).run)(&object(set(), set())).is_err());
        assert!((at_least_one(&["a", "b"]).run)(&object(unset(), unset())).is_err());
        assert!((at_least_one(&["a", "b"]).run)(&object(set(), set())).is_ok());
        assert!((requires(&["a", "b"]).run)(&object(set(), unset())).is_err());
        assert!((requires(&["a", "b"]).run)(&object(set(), unknown())).is_ok());
        assert!((requires(&["a", "b"]).run)(&object(unset(), unset())).is_ok());
    }
}
