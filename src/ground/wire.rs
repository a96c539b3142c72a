//! What an attribute is on the wire, by its schema alone: PVE's answers in their many spellings, and ours in the one
//! spelling that PVE takes.

use std::collections::BTreeMap;

use pve_client::property_string::PropertyString;
use pve_client::wire::{flag, parse_boolean, split_list};
use serde_json::Value as Json;
use terraform_plugin::schema::{Attribute, Kind, Nesting, Rule};
use terraform_plugin::value::{Number, Type, Value};

/// All that PVE said of one object.
pub type Live = serde_json::Map<String, Json>;

/// How PVE writes the value of an attribute.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The texts that PVE takes: one, or one for each element; none for what is not there.
    pub texts: fn(&Value) -> Vec<String>,
    /// The value that PVE means; `Err` says what was expected.
    pub value: fn(&Json) -> Result<Value, String>,
}

/// How the name of an attribute begins whose value stands in a property string without a name. Behind it the name that it may
/// be written with, where that is not the attribute's own: `=cputype`.
const UNNAMED: &str = "=";

/// Of a part that stands in its property string without a name, the name that it may be written with as well.
pub fn unnamed(part: &Attribute) -> Option<&str> {
    let long = part.parameter().strip_prefix(UNNAMED)?;
    Some(if long.is_empty() { &part.name } else { long })
}

/// Whether PVE is told of it at all.
pub fn is_sent(attribute: &Attribute) -> bool {
    !attribute.local && attribute.rule != Rule::Computed
}

/// The texts that PVE takes for an attribute: one, or one for each element; none for what is not there.
pub fn texts(attribute: &Attribute, value: &Value) -> Vec<String> {
    match (value, &attribute.kind) {
        (Value::List(items), Kind::Plain(Type::List(of) | Type::Set(of))) if attribute.repeated => {
            let of = Kind::Plain((**of).clone());
            items.iter().filter_map(|item| text(&of, item)).collect()
        }
        (Value::List(items), Kind::Nested(Nesting::List | Nesting::Set, parts)) if attribute.repeated => {
            let of = Kind::Nested(Nesting::Single, parts.clone());
            items.iter().filter_map(|item| text(&of, item)).collect()
        }
        (value, kind) => text(kind, value).into_iter().collect(),
    }
}

/// The one text that PVE takes for a value.
fn text(kind: &Kind, value: &Value) -> Option<String> {
    Some(match (value, kind) {
        (Value::Null | Value::Unknown, _) => return None,
        (Value::Bool(on), _) => flag(*on).to_owned(),
        (Value::Number(number), _) => number.to_string(),
        (Value::String(text), _) => text.clone(),
        (Value::List(items), Kind::Plain(Type::List(of) | Type::Set(of))) => {
            let of = Kind::Plain((**of).clone());
            items.iter().filter_map(|item| text(&of, item)).collect::<Vec<_>>().join(",")
        }
        (Value::Map(of), Kind::Plain(Type::Map(kind))) => {
            let kind = Kind::Plain((**kind).clone());
            let part = |(key, value)| text(&kind, value).map(|text| format!("{key}={text}"));
            of.iter().filter_map(part).collect::<Vec<_>>().join(",")
        }
        (Value::Object(of), Kind::Nested(Nesting::Single, parts)) => property_string(parts, of),
        (other, _) => other.to_string(),
    })
}

fn property_string(parts: &[Attribute], of: &BTreeMap<String, Value>) -> String {
    let mut string = PropertyString::new();
    for part in parts {
        let text = of.get(&part.name).and_then(|value| match value {
            // Commas separate the parts, so a list within one has semicolons.
            Value::List(_) => text(&part.kind, value).map(|list| list.replace(',', ";")),
            value => text(&part.kind, value),
        });
        match unnamed(part) {
            Some(_) => string.set_default(text),
            None => drop(string.set_opt(part.parameter(), text)),
        }
    }
    string.to_string()
}

/// The value that PVE means; `Err` says what was expected.
pub fn value(kind: &Kind, json: &Json) -> Result<Value, String> {
    let wrong = |expected: &str| Err(format!("expected {expected}, got {json}"));
    let scalar = match json {
        Json::Null => return Ok(Value::Null),
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(on) => Some(flag(*on).to_owned()),
        Json::Array(_) | Json::Object(_) => None,
    };
    match (kind, scalar) {
        (Kind::Plain(Type::List(of) | Type::Set(of)), scalar) => {
            let items: Vec<Json> = match (json, scalar) {
                (Json::Array(items), _) => items.clone(),
                (_, Some(text)) => split_list(&text).into_iter().map(Json::String).collect(),
                _ => return wrong("a list"),
            };
            let of = Kind::Plain((**of).clone());
            let items: Vec<Value> = items.iter().map(|item| value(&of, item)).collect::<Result<_, _>>()?;
            // Nothing in a list is PVE's way to say that there is none.
            Ok(if items.is_empty() { Value::Null } else { Value::List(items) })
        }
        (Kind::Plain(Type::Map(of)), scalar) => {
            let parts: Live = match (json, scalar) {
                (Json::Object(parts), _) => parts.clone(),
                (_, Some(text)) => match text.parse::<PropertyString>() {
                    Ok(string) => string.items().map(|(key, value)| (key.to_owned(), value.into())).collect(),
                    Err(why) => return Err(why.to_string()),
                },
                _ => return wrong("settings"),
            };
            let of = Kind::Plain((**of).clone());
            let parts = parts.iter().map(|(key, json)| Ok((key.clone(), value(&of, json)?)));
            let parts: BTreeMap<_, _> = parts.collect::<Result<_, String>>()?;
            Ok(if parts.is_empty() { Value::Null } else { Value::Map(parts) })
        }
        (Kind::Plain(Type::Bool), Some(text)) => {
            parse_boolean(&text).map_or_else(|| wrong("a boolean"), |on| Ok(Value::Bool(on)))
        }
        (Kind::Plain(Type::Number), Some(text)) if text.trim().is_empty() => Ok(Value::Null),
        (Kind::Plain(Type::Number), Some(text)) => {
            text.trim().parse::<Number>().map_or_else(|_| wrong("a number"), |number| Ok(Value::Number(number)))
        }
        // Nothing is stored as an empty text: it is how `user.cfg` says "not there".
        (Kind::Plain(Type::String), Some(text)) if text.is_empty() => Ok(Value::Null),
        (Kind::Plain(Type::String), Some(text)) => Ok(Value::string(text)),
        (Kind::Nested(Nesting::Single, parts), Some(text)) => {
            let string: PropertyString = text.parse().map_err(|why| format!("{why}"))?;
            object(parts, |name| match name {
                UNNAMED => string.default_value().map(Json::from),
                name => string.get(name).map(Json::from),
            })
        }
        (Kind::Nested(Nesting::Single, parts), None) => match json {
            Json::Object(of) => object(parts, |name| of.get(name).cloned()),
            _ => wrong("an object"),
        },
        (Kind::Nested(Nesting::List | Nesting::Set, parts), scalar) => {
            let single = Kind::Nested(Nesting::Single, parts.clone());
            let items = match (json, scalar) {
                (Json::Array(items), _) => items.clone(),
                (_, Some(text)) => vec![Json::String(text)],
                _ => return wrong("a list"),
            };
            items.iter().map(|item| value(&single, item)).collect::<Result<_, _>>().map(Value::List)
        }
        _ => wrong("something of another kind"),
    }
}

fn object(parts: &[Attribute], find: impl Fn(&str) -> Option<Json>) -> Result<Value, String> {
    let one = |part: &Attribute| {
        // The unnamed part may be written with its name as well.
        let found = match unnamed(part) {
            Some(long) => find(UNNAMED).or_else(|| find(long)),
            None => find(part.parameter()),
        };
        let value = value(&part.kind, &found.unwrap_or(Json::Null)).map_err(|why| format!("`{}`: {why}", part.name))?;
        Ok((part.name.clone(), if value.is_null() { part.usual.clone().unwrap_or(Value::Null) } else { value }))
    };
    parts.iter().map(one).collect::<Result<_, String>>().map(Value::Object)
}
