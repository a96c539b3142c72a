//! Property strings by meaning: `qxl,memory=32` is an object, and what is not modelled of it survives a change.

use std::collections::BTreeSet;

use pve_client::property_string::PropertyString;
use serde_json::Value as Json;
use terraform_plugin::schema::{Attribute, Kind, Nesting, Rule};
use terraform_plugin::value::{Type, Value};

use super::{GROUP, Values};
use crate::ground::wire::{self, is_sent};

/// Whether two values are written the same way, or mean the same.
pub(super) fn same(attribute: &Attribute, a: &Value, b: &Value) -> bool {
    a == b
        || wire::texts(attribute, a) == wire::texts(attribute, b)
        || same_set(attribute, a, b)
        || (!a.is_null() && !b.is_null() && attribute.same.is_some_and(|same| same(a, b)))
}

/// Whether two sets have the same elements.
fn same_set(attribute: &Attribute, a: &Value, b: &Value) -> bool {
    let (Kind::Plain(Type::Set(_)), Value::List(a), Value::List(b)) = (&attribute.kind, a, b) else { return false };
    a.iter().collect::<BTreeSet<_>>() == b.iter().collect::<BTreeSet<_>>()
}

/// An object's attributes; none of anything else.
pub(super) fn of_object(value: &Value) -> Option<&Values> {
    match value {
        Value::Object(of) => Some(of),
        _ => None,
    }
}

/// The object that a property string stands for; null if there is none, and nothing was asked for that holds all the same.
pub(super) fn read(parts: &[Attribute], live: Option<&String>, asked: Option<&Value>) -> Value {
    let asked = asked.and_then(of_object);
    let string = live.and_then(|text| text.parse::<PropertyString>().ok());
    let Some(string) = string else {
        // Of what nobody has set, defaults hold.
        let told = parts.iter().all(|part| part.rule == Rule::Keep) && parts.iter().any(|part| part.usual.is_some());
        return match asked {
            None if told => Value::Object(values(parts, &PropertyString::new(), None)),
            Some(asked) if changed(parts, None, asked).is_none() => {
                Value::Object(values(parts, &PropertyString::new(), Some(asked)))
            }
            Some(_) if told => Value::Object(values(parts, &PropertyString::new(), None)),
            _ => Value::Null,
        };
    };
    let found = values(parts, &string, asked);
    let missing = |part: &Attribute| part.rule == Rule::Required && found.get(&part.name).is_none_or(Value::is_null);
    if parts.iter().any(missing) { Value::Null } else { Value::Object(found) }
}

/// The parts of a property string, with what holds where it says nothing; what is asked for stands where it means the same.
pub(crate) fn values(parts: &[Attribute], string: &PropertyString, asked: Option<&Values>) -> Values {
    let one = |part: &Attribute| {
        let asked = asked.and_then(|asked| asked.get(&part.name)).filter(|value| !value.is_null());
        let value = match (inner(part), asked) {
            _ if !is_sent(part) || part.write_only => asked.filter(|_| part.local).cloned().unwrap_or(Value::Null),
            (Some(inner), asked) => {
                let found = values(inner, string, asked.and_then(of_object));
                if asked.is_none() && found.values().all(Value::is_null) { Value::Null } else { Value::Object(found) }
            }
            (None, asked) => {
                let found = value(part, string);
                asked.filter(|asked| same(part, asked, &found)).cloned().unwrap_or(found)
            }
        };
        (part.name.clone(), value)
    };
    parts.iter().map(one).collect()
}

/// The parts that an object only holds together.
fn inner(part: &Attribute) -> Option<&[Attribute]> {
    match &part.kind {
        Kind::Nested(Nesting::Single, inner) if part.parameter() == GROUP => Some(inner),
        _ => None,
    }
}

/// The names of a part: the one that is written, and others that PVE takes for the same (`freeze-fs|guest-fsfreeze`).
fn names(part: &Attribute) -> impl Iterator<Item = &str> {
    part.parameter().split('|')
}

/// What the string says of a part, or what holds when it says nothing.
fn value(part: &Attribute, string: &PropertyString) -> Value {
    let text = match wire::unnamed(part) {
        Some(long) => string.default_value().or_else(|| string.get(long)),
        None => names(part).find_map(|name| string.get(name)),
    };
    // Commas separate the parts, so a list within one has semicolons.
    let said = text.map(|text| wire::value(&part.kind, &Json::String(text.to_owned())));
    match said {
        Some(Ok(value)) if !value.is_null() => value,
        _ => part.usual.clone().unwrap_or(Value::Null),
    }
}

/// The property string with what is wanted, and nothing else changed; none if it says that already. An empty one is to be taken
/// away.
pub(super) fn changed(parts: &[Attribute], live: Option<&String>, want: &Values) -> Option<String> {
    let read = live.and_then(|text| text.parse::<PropertyString>().ok());
    // An object that sets nothing, and could, means that there is nothing.
    if parts.iter().any(|part| part.rule == Rule::Optional) && want.values().all(Value::is_null) {
        return live.map(|_| String::new());
    }
    let mut string = read.unwrap_or_default();
    put(parts, want, &mut string).then(|| {
        // PVE demands some of the parts that stand without their name (`agent`), and a default said is none the less one.
        let unnamed = parts.iter().find_map(|part| Some((part, wire::unnamed(part)?)));
        if let Some((part, long)) = unnamed
            && string.default_value().is_none()
            && string.get(long).is_none()
            && let Some(usual) = &part.usual
        {
            string.set_default(wire::texts(part, usual).into_iter().next());
        }
        string.to_string()
    })
}

/// Puts what is wanted into a property string; what is unset is left alone, or taken out where that is what unset means. Whether
/// anything changed.
pub(crate) fn put(parts: &[Attribute], want: &Values, string: &mut PropertyString) -> bool {
    let mut changed = false;
    for part in parts.iter().filter(|part| is_sent(part) && !part.write_only) {
        let wanted = want.get(&part.name).unwrap_or(&Value::Null);
        if let Some(inner) = inner(part) {
            if let Value::Object(wanted) = wanted {
                changed |= put(inner, wanted, string);
            }
            continue;
        }
        let is = value(part, string);
        if same(part, wanted, &is) || (wanted.is_null() && part.rule != Rule::Optional) {
            continue;
        }
        let text = wire::texts(part, wanted).into_iter().next().map(|text| match wanted {
            Value::List(_) => text.replace(',', ";"),
            _ => text,
        });
        // An empty text is no value that a part can have.
        let text = text.filter(|text| !text.is_empty());
        match wire::unnamed(part) {
            Some(long) => {
                changed |= string.take(long).is_some() || string.default_value() != text.as_deref();
                string.set_default(text);
            }
            None => {
                for name in names(part) {
                    changed |= string.take(name).is_some();
                }
                changed |= text.is_some();
                string.set_opt(names(part).next().unwrap_or_default(), text);
            }
        }
    }
    changed
}
