//! Functions of the language, as far as configurations here call them.

use std::collections::BTreeMap;

use super::eval::{entries, plain, text};
use crate::path::Path;
use crate::types::Type;
use crate::value::{Value, convert, to_json};

type Called = Result<Value, String>;

/// Calls a function. What needs to look into something unknown is unknown.
pub(super) fn call(name: &str, arguments: &[Value]) -> Called {
    let first = || arguments.first().cloned().ok_or_else(|| format!("{name}() of nothing"));
    let second = || arguments.get(1).cloned().ok_or_else(|| format!("{name}() needs two arguments"));
    let to = |ty: &Type| convert(&first()?, ty, &Path::ROOT).map_err(|(_, what)| what);
    match name {
        "sensitive" | "nonsensitive" | "ephemeralasnull" => return first(),
        "tostring" => return to(&Type::String),
        "tonumber" => return to(&Type::Number),
        "tobool" => return to(&Type::Bool),
        "tolist" | "toset" if !first()?.is_known() => return Ok(Value::UNKNOWN),
        "tolist" => return Ok(Value::List(list(&first()?)?)),
        "toset" => return Ok(Value::set(list(&first()?)?)),
        "tomap" => return first(),
        _ => {}
    }
    if arguments.iter().any(|argument| !argument.is_known()) {
        return Ok(Value::UNKNOWN);
    }
    let words = || -> Result<Vec<String>, String> {
        list(&first()?)?.iter().map(|one| text(one)?.ok_or_else(|| "not known".to_owned())).collect()
    };
    let word = |n: usize| -> Result<String, String> {
        text(arguments.get(n).unwrap_or(&Value::Null))?.ok_or_else(|| "not known".to_owned())
    };
    let number = |n: usize| match arguments.get(n) {
        Some(Value::Number(number)) => number.as_i64().ok_or_else(|| "a whole number is wanted".to_owned()),
        _ => Err(format!("{name}(): a number is wanted")),
    };
    let texts = |texts: Vec<String>| Value::List(texts.into_iter().map(Value::from).collect());
    let known = list(&Value::List(arguments.to_vec()))?.iter().all(Value::is_wholly_known);
    match name {
        "merge" => {
            let mut merged = BTreeMap::new();
            for argument in arguments.iter().filter(|argument| !argument.is_null()) {
                for (key, value) in entries(argument)? {
                    merged.insert(text(&key)?.unwrap_or_default(), value);
                }
            }
            Ok(Value::Object(merged))
        }
        "keys" => Ok(Value::List(entries(&first()?)?.into_iter().map(|(key, _)| key).collect())),
        "values" => Ok(Value::List(entries(&first()?)?.into_iter().map(|(_, value)| value).collect())),
        "length" => {
            let first = first()?;
            let length = first.as_str().map_or_else(|| first.children().len(), |text| text.chars().count());
            Ok(i64::try_from(length).unwrap_or(i64::MAX).into())
        }
        "sort" if known => {
            let mut words = words()?;
            words.sort();
            Ok(texts(words))
        }
        "concat" => Ok(Value::List(arguments.iter().map(list).collect::<Result<Vec<_>, _>>()?.concat())),
        "flatten" => {
            fn flat(value: &Value) -> Vec<Value> {
                match value {
                    Value::List(of) | Value::Set(of) => of.iter().flat_map(flat).collect(),
                    one => vec![one.clone()],
                }
            }
            Ok(Value::List(flat(&first()?)))
        }
        "distinct" if known => {
            let mut seen = Vec::new();
            list(&first()?)?.into_iter().for_each(|one| {
                if !seen.contains(&one) {
                    seen.push(one)
                }
            });
            Ok(Value::List(seen))
        }
        "reverse" => Ok(Value::List(list(&first()?)?.into_iter().rev().collect())),
        "compact" if known => {
            Ok(Value::List(list(&first()?)?.into_iter().filter(|one| !one.is_null() && *one != "".into()).collect()))
        }
        "contains" if known => {
            let wanted = plain(&second()?);
            Ok(Value::Bool(list(&first()?)?.iter().any(|one| plain(one) == wanted)))
        }
        "element" => {
            let (of, n) = (list(&first()?)?, number(1)?);
            let length = i64::try_from(of.len()).unwrap_or(i64::MAX);
            let n = n.checked_rem_euclid(length).and_then(|n| usize::try_from(n).ok());
            n.and_then(|n| of.get(n).cloned()).ok_or_else(|| "element() of nothing".to_owned())
        }
        "lookup" => {
            let found = entries(&first()?)?.into_iter().find(|(key, _)| Some(key) == arguments.get(1));
            let otherwise = || arguments.get(2).cloned().ok_or_else(|| "lookup(): no such key".to_owned());
            found.map_or_else(otherwise, |(_, value)| Ok(value))
        }
        "coalesce" => {
            let found = arguments.iter().find(|one| !one.is_null() && **one != "".into());
            found.cloned().ok_or_else(|| "coalesce(): nothing but null".to_owned())
        }
        "one" => match list(&first()?)?.as_slice() {
            [] => Ok(Value::Null),
            [one] => Ok(one.clone()),
            _ => Err("one(): there are several".to_owned()),
        },
        "zipmap" => {
            let (keys, values) = (words()?, list(&second()?)?);
            Ok(Value::Object(keys.into_iter().zip(values).collect()))
        }
        "range" => {
            let (from, to) = if arguments.len() > 1 { (number(0)?, number(1)?) } else { (0, number(0)?) };
            Ok(Value::List((from..to).map(Value::from).collect()))
        }
        "min" | "max" => {
            let numbers = (0..arguments.len()).map(number).collect::<Result<Vec<_>, _>>()?;
            let found = if name == "min" { numbers.into_iter().min() } else { numbers.into_iter().max() };
            found.map(Value::from).ok_or_else(|| "of nothing".to_owned())
        }
        "join" if known => {
            let words: Vec<String> = arguments[1..]
                .iter()
                .map(list)
                .collect::<Result<Vec<_>, _>>()?
                .concat()
                .iter()
                .filter_map(|one| text(one).ok()?)
                .collect();
            Ok(words.join(&word(0)?).into())
        }
        "split" => Ok(texts(word(1)?.split(&word(0)?).map(str::to_owned).collect())),
        "lower" => Ok(word(0)?.to_lowercase().into()),
        "upper" => Ok(word(0)?.to_uppercase().into()),
        "trimspace" => Ok(word(0)?.trim().into()),
        "replace" => Ok(word(0)?.replace(&word(1)?, &word(2)?).into()),
        "startswith" => Ok(Value::Bool(word(0)?.starts_with(&word(1)?))),
        "endswith" => Ok(Value::Bool(word(0)?.ends_with(&word(1)?))),
        "format" if known => format(&word(0)?, &arguments[1..]),
        "jsonencode" if known => Ok(to_json(&plain(&first()?)).into()),
        "sort" | "distinct" | "compact" | "contains" | "join" | "format" | "jsonencode" => Ok(Value::UNKNOWN),
        _ => Err(format!("Call to unknown function: {name}() is not known here")),
    }
}

fn list(value: &Value) -> Result<Vec<Value>, String> {
    match value {
        Value::List(of) | Value::Set(of) => Ok(of.clone()),
        Value::Dynamic(inner) => list(&inner.1),
        other => Err(format!("a list is wanted, not {}", to_json(other))),
    }
}

/// `%s`, `%d`, `%v` and `%02d`.
fn format(pattern: &str, arguments: &[Value]) -> Called {
    let mut whole = String::new();
    let mut arguments = arguments.iter();
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        whole.push_str(before);
        if let Some(after) = after.strip_prefix('%') {
            whole.push('%');
            rest = after;
            continue;
        }
        let end = after.find(|letter: char| letter.is_ascii_alphabetic()).ok_or("a verb without a letter")?;
        let width = after[..end].trim_start_matches('0').parse().unwrap_or(0);
        let value = text(arguments.next().ok_or("more verbs than values")?)?.unwrap_or_default();
        match (&after[end..=end], after[..end].starts_with('0')) {
            ("s" | "d" | "v", true) => whole.push_str(&format!("{value:0>width$}")),
            ("s" | "d" | "v", false) => whole.push_str(&format!("{value:>width$}")),
            (other, _) => return Err(format!("%{other} is not known here")),
        }
        rest = &after[end + 1..];
    }
    whole.push_str(rest);
    Ok(whole.into())
}
