//! The check of parameters against the schema: every error at once, in PVE's words.

use std::collections::{BTreeMap, HashMap};
use std::sync::{LazyLock, Mutex, PoisonError};

use regex::Regex;
use serde_json::Value;

use super::decode::Raw;
use super::{Param, Params, formats, property};
use crate::kernel::error::PveError;
use crate::kernel::schema::{Format, Method, Schema, Variants};

/// Errors by parameter.
pub(super) type Errors = BTreeMap<String, String>;

const MISSING: &str = "property is missing and it is not optional";
pub(super) const UNKNOWN: &str =
    "property is not defined in schema and the schema does not allow additional properties";

/// Checks what came for a method.
pub(crate) fn check(method: &Method, raw: Raw) -> Result<Params, PveError> {
    let mut errors = Errors::new();
    let mut params = Params::default();
    for (name, schema) in &method.parameters {
        if !schema.optional() && !name.ends_with("[n]") && absent(&raw, name) {
            errors.insert(name.clone(), MISSING.to_owned());
        }
    }
    let mut chosen = BTreeMap::new();
    for variants in &method.variants {
        chosen.extend(choose(variants, &raw, &mut params, &mut errors));
    }
    let choices: Vec<&str> = method.variants.iter().map(|variants| variants.by.as_str()).collect();
    for (name, value) in raw.iter().filter(|(name, _)| !choices.contains(&name.as_str())) {
        if let Some((path, schema)) = chosen.get(name.as_str()).filter(|_| !value.is_null()) {
            match value_of(path, schema, value) {
                Ok(param) => params.insert(name, param),
                Err(found) => errors.extend(found),
            }
            continue;
        }
        match method.parameter(name) {
            None if method.additional_properties => {
                params.insert(name, Param::Text(scalar(value).unwrap_or_default()));
            }
            None => {
                errors.insert(name.clone(), UNKNOWN.to_owned());
            }
            Some(_) if value.is_null() => params.insert(name, Param::Null),
            Some(schema) => {
                if let Some(other) = schema.requires.as_ref().filter(|other| absent(&raw, other)) {
                    errors.insert(other.clone(), format!("missing property required by '{name}'"));
                }
                match value_of(name, schema, value) {
                    Ok(param) => params.insert(name, param),
                    Err(found) => errors.extend(found),
                }
            }
        }
    }
    if errors.is_empty() { Ok(params) } else { Err(PveError::params(errors)) }
}

/// The parameters that there are besides, each with its name in errors, by what was chosen. The choice itself is taken.
fn choose<'a>(
    variants: &'a Variants,
    raw: &Raw,
    params: &mut Params,
    errors: &mut Errors,
) -> BTreeMap<&'a str, (String, &'a Schema)> {
    let by = &variants.by;
    let Some(choice) = raw.get(by).and_then(scalar) else {
        errors.insert(by.clone(), MISSING.to_owned());
        return BTreeMap::new();
    };
    let Some(more) = variants.variants.get(&choice) else {
        let known = variants.variants.keys().cloned().collect::<Vec<_>>().join(", ");
        errors.insert(by.clone(), format!("value '{choice}' does not have a value in the enumeration '{known}'"));
        return BTreeMap::new();
    };
    let path = |name: &str| format!("oneOf[{choice}].{name}");
    for (name, _) in more.iter().filter(|(name, schema)| !schema.optional() && absent(raw, name)) {
        errors.insert(path(name), MISSING.to_owned());
    }
    let more = more.iter().map(|(name, schema)| (name.as_str(), (path(name), schema))).collect();
    params.insert(by, Param::Text(choice));
    more
}

/// `null` counts as absent.
fn absent(raw: &Raw, name: &str) -> bool {
    raw.get(name).is_none_or(Value::is_null)
}

fn value_of(name: &str, schema: &Schema, value: &Value) -> Result<Param, Errors> {
    let one = |text: String| Errors::from([(name.to_owned(), text)]);
    let kind = schema.kind.as_deref().unwrap_or("string");
    if kind == "array" {
        let single = std::slice::from_ref(value);
        let items = value.as_array().map_or(single, Vec::as_slice);
        let mut list = Vec::new();
        let mut errors = Errors::new();
        let any = Schema::default();
        for (n, item) in items.iter().enumerate() {
            match value_of(&format!("{name}[{n}]"), schema.items.as_deref().unwrap_or(&any), item) {
                Ok(Param::Text(text)) => list.push(text),
                Ok(Param::List(inner)) => list.extend(inner),
                Ok(Param::Null) => {}
                Err(found) => errors.extend(found),
            }
        }
        return if errors.is_empty() { Ok(Param::List(list)) } else { Err(errors) };
    }
    let text = match value {
        Value::Bool(flag) if kind == "boolean" => u8::from(*flag).to_string(),
        Value::Bool(_) => return Err(one(format!("type check ('{kind}') failed - got JSON::PP::Boolean"))),
        Value::Array(items) if takes_lists(schema) => {
            items.iter().map(|item| scalar(item).unwrap_or_default()).collect::<Vec<_>>().join(",")
        }
        Value::Array(_) => return Err(one(format!("type check ('{kind}') failed - got ARRAY"))),
        Value::Object(_) => return Err(one(format!("type check ('{kind}') failed - got HASH"))),
        other => scalar(other).unwrap_or_default(),
    };
    check_text(name, schema, &text).map_err(one)?;
    Ok(Param::Text(text))
}

fn takes_lists(schema: &Schema) -> bool {
    matches!(&schema.format, Some(Format::Named(name)) if name.ends_with("-list"))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(u8::from(*flag).to_string()),
        _ => None,
    }
}

/// Checks one text against its schema, in PVE's order: type, format, pattern, length, limits, enumeration.
pub(super) fn check_text(path: &str, schema: &Schema, text: &str) -> Result<(), String> {
    let kind = schema.kind.as_deref().unwrap_or("string");
    let type_ok = match kind {
        "boolean" => text == "1" || text == "0",
        "integer" => is_integer(text),
        "number" => is_number(text),
        _ => true,
    };
    if !type_ok {
        return Err(format!("type check ('{kind}') failed - got '{text}'"));
    }
    match &schema.format {
        Some(Format::Named(name)) => {
            formats::check(path, name, text).map_err(|why| format!("invalid format - {why}\n"))?;
        }
        Some(Format::Properties(keys)) => {
            property::parse(path, keys, text).map_err(|why| format!("invalid format - {why}\n"))?;
        }
        None => {}
    }
    if let Some(pattern) = &schema.pattern
        && !regex(&format!("^{pattern}$")).is_match(text)
    {
        return Err("value does not match the regex pattern".to_owned());
    }
    let length = text.chars().count();
    if let Some(max) = schema.max_length.filter(|max| length > *max) {
        return Err(format!("value may only be {max} characters long"));
    }
    if let Some(min) = schema.min_length.filter(|min| length < *min) {
        return Err(format!("value must be at least {min} characters long"));
    }
    if let Ok(number) = text.parse::<f64>() {
        if let Some(max) = schema.maximum.filter(|max| number > *max) {
            return Err(format!("value must have a maximum value of {max}"));
        }
        if let Some(min) = schema.minimum.filter(|min| number < *min) {
            return Err(format!("value must have a minimum value of {min}"));
        }
    }
    match &schema.one_of {
        Some(values) if !values.iter().any(|value| value == text) => {
            Err(format!("value '{text}' does not have a value in the enumeration '{}'", values.join(", ")))
        }
        _ => Ok(()),
    }
}

/// Checks an object of texts, as a property string holds it; names in the errors begin with `path.`.
pub(super) fn check_object(
    path: &str,
    keys: &BTreeMap<String, Schema>,
    values: &BTreeMap<String, String>,
) -> Result<(), Errors> {
    let mut errors = Errors::new();
    let full = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
    for (key, schema) in keys {
        match values.get(key) {
            None if schema.optional() => {}
            None => {
                errors.insert(full(key), MISSING.to_owned());
            }
            Some(text) => {
                if let Err(why) = check_text(&full(key), schema, text) {
                    errors.insert(full(key), why);
                }
                if let Some(other) = schema.requires.as_ref().filter(|other| !values.contains_key(*other)) {
                    errors.insert(full(other), format!("missing property required by '{}'", full(key)));
                }
            }
        }
    }
    for key in values.keys().filter(|key| !keys.contains_key(*key)) {
        errors.insert(full(key), UNKNOWN.to_owned());
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit())
}

fn is_number(text: &str) -> bool {
    let starts_well =
        text.strip_prefix(['+', '-']).unwrap_or(text).starts_with(|c: char| c.is_ascii_digit() || c == '.');
    starts_well && text.parse::<f64>().is_ok_and(f64::is_finite)
}

/// A Perl pattern of the schema as a regex; each is translated once.
pub(crate) fn regex(perl: &str) -> Regex {
    static KNOWN: LazyLock<Mutex<HashMap<String, Regex>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = known.get(perl) {
        return regex.clone();
    }
    let rust = perl
        .replace("(?^:", "(?:")
        .replace("(?^u:", "(?:")
        .replace("(?^i:", "(?i-u:")
        .replace("{,", "{0,")
        .replace("\\0", "\\x00");
    // Patterns come from truth/api.json and from this crate; a test translates every one of them.
    let regex = Regex::new(&rust).unwrap_or_else(|error| panic!("pattern '{perl}': {error}"));
    known.insert(perl.to_owned(), regex.clone());
    regex
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kernel::schema;

    fn refused(verb: &str, path: &str, raw: Value) -> Value {
        let method = schema::method(verb, path).unwrap();
        let raw = raw.as_object().unwrap().clone().into_iter().collect();
        let refusal = check(method, raw).unwrap_err().into_refusal().unwrap();
        assert_eq!((refusal.status, refusal.message.as_str()), (400, "Parameter verification failed."));
        json!(refusal.errors)
    }

    #[test]
    fn every_pattern_of_the_schema_is_understood() {
        fn walk(schema: &Schema) {
            if let Some(pattern) = &schema.pattern {
                regex(&format!("^{pattern}$"));
            }
            if let Some(Format::Properties(keys)) = &schema.format {
                keys.values().for_each(walk);
            }
            schema.items.iter().for_each(|items| walk(items));
        }
        schema::methods().iter().flat_map(|method| method.parameters.values()).for_each(walk);
    }

    #[test]
    fn all_errors_come_at_once() {
        let errors = refused(
            "POST",
            "/nodes/{node}/ceph/pool",
            json!({ "node": "pve1", "size": "9", "min_size": "x", "bogus": "1", "pg_autoscale_mode": "maybe" }),
        );
        assert_eq!(
            errors,
            json!({
                "bogus": UNKNOWN,
                "min_size": "type check ('integer') failed - got 'x'",
                "name": MISSING,
                "pg_autoscale_mode": "value 'maybe' does not have a value in the enumeration 'on, off, warn'",
                "size": "value must have a maximum value of 7",
            })
        );
    }

    #[test]
    fn property_strings_name_their_key() {
        let errors = refused(
            "POST",
            "/nodes/{node}/qemu",
            json!({ "node": "pve1", "vmid": 100, "net0": "bridge=vmbr0", "memory": "abc" }),
        );
        assert_eq!(
            errors,
            json!({
                "memory": "invalid format - format error\nmemory.current: type check ('integer') failed - got 'abc'\n",
                "net0": "invalid format - format error\nnet0.model: property is missing and it is not optional\n",
            })
        );
    }

    #[test]
    fn json_and_form_booleans_differ() {
        let method = schema::method("PUT", "/access/acl").unwrap();
        let raw = |value: Value| {
            Raw::from([("path".into(), json!("/")), ("roles".into(), json!("PVEAuditor")), ("delete".into(), value)])
        };
        assert_eq!(check(method, raw(json!(true))).unwrap().flag("delete"), Some(true));
        assert_eq!(check(method, raw(json!(0))).unwrap().flag("delete"), Some(false));
        let errors = check(method, raw(json!("true"))).unwrap_err().into_refusal().unwrap().errors;
        assert_eq!(errors["delete"], "type check ('boolean') failed - got 'true'");
    }

    #[test]
    fn null_is_absent_but_not_forgotten() {
        let method = schema::method("PUT", "/cluster/ha/resources/{sid}").unwrap();
        let raw = Raw::from([("sid".into(), json!("vm:100")), ("comment".into(), Value::Null)]);
        let params = check(method, raw).unwrap();
        assert_eq!((params.has("comment"), params.undefined()), (false, Some("comment")));
        let errors =
            check(method, Raw::from([("sid".into(), Value::Null)])).unwrap_err().into_refusal().unwrap().errors;
        assert_eq!(errors["sid"], MISSING);
    }

    #[test]
    fn a_list_may_come_in_pieces() {
        let method = schema::method("PUT", "/access/acl").unwrap();
        let raw = Raw::from([("path".into(), json!("/")), ("roles".into(), json!(["PVEAuditor", "PVEAdmin"]))]);
        assert_eq!(check(method, raw).unwrap().list("roles"), ["PVEAuditor", "PVEAdmin"]);
    }

    #[test]
    fn what_needs_company_names_the_missing() {
        let errors = refused("POST", "/access/ticket", json!({ "username": "a", "password": "b", "path": "/" }));
        assert_eq!(errors, json!({ "privs": "missing property required by 'path'" }));
    }
}
