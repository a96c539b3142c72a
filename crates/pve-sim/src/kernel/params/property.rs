//! Property strings: `key=value,key=value`, one key of which may stand without its name.

use std::collections::BTreeMap;

use super::check::{UNKNOWN, check_object};
use crate::kernel::schema::{Format, Schema};

/// The keys of a property string with what they may hold.
pub type Keys = BTreeMap<String, Schema>;

/// A parsed property string.
pub type Properties = BTreeMap<String, String>;

/// The keys of a parameter of the API whose value is a property string.
pub fn keys(verb: &str, path: &str, parameter: &str) -> Option<&'static Keys> {
    let schema = crate::kernel::schema::method(verb, path)?.parameter(parameter)?;
    match &schema.format {
        Some(Format::Properties(keys)) => Some(keys),
        Some(Format::Named(name)) => super::formats::named_properties(name),
        None => None,
    }
}

/// Reads a property string and checks it. Booleans become `1` and `0`, aliases their key. `path` (mostly the
/// parameter's name) stands before the keys in the error, which is PVE's without its last newline.
pub fn parse(path: &str, keys: &Keys, text: &str) -> Result<Properties, String> {
    let values = split(keys, text)?;
    check_object(path, keys, &values).map_err(|errors| {
        // What a format says ends with a newline of its own, which stays.
        let lines: Vec<String> = errors.iter().map(|(name, why)| format!("{name}: {why}")).collect();
        format!("format error\n{}", lines.join("\n"))
    })?;
    Ok(values)
}

fn split(keys: &Keys, text: &str) -> Result<Properties, String> {
    let mut values = Properties::new();
    let mut bare_seen = false;
    for part in text.split(',').filter(|part| !part.trim().is_empty()) {
        match part.split_once('=') {
            Some((key, value)) if !key.is_empty() && !value.is_empty() => {
                if values.contains_key(key) {
                    return Err(format!("duplicate key in comma-separated list property: {key}"));
                }
                let mut key = key.to_owned();
                let mut schema = keys.get(&key);
                if let Some(Schema { alias: Some(alias), key_alias, .. }) = schema {
                    if let Some(key_alias) = key_alias {
                        if values.contains_key(key_alias) {
                            return Err(format!("key alias '{key_alias}' is already defined"));
                        }
                        values.insert(key_alias.clone(), key);
                    }
                    key = alias.clone();
                    schema = keys.get(&key);
                }
                // A key that nobody knows is found when the whole is checked.
                let boolean = schema.is_some_and(|schema| schema.kind.as_deref() == Some("boolean"));
                let value = parse_boolean(value).filter(|_| boolean).unwrap_or(value);
                values.insert(key, value.to_owned());
            }
            Some(_) => return Err("missing key in comma-separated list property".to_owned()),
            None => {
                let Some((key, schema)) = keys.iter().find(|(_, schema)| schema.default_key) else {
                    return Err("value without key, but schema does not define a default key".to_owned());
                };
                if bare_seen || values.contains_key(key) {
                    return Err(format!("duplicate key in comma-separated list property: {key}"));
                }
                bare_seen = true;
                let boolean = schema.kind.as_deref() == Some("boolean");
                let value = parse_boolean(part).filter(|_| boolean).unwrap_or(part);
                values.insert(key.clone(), value.to_owned());
            }
        }
    }
    Ok(values)
}

/// Writes a property string as PVE stores it: the default key first and without its name, `model=virtio,macaddr=M` as
/// `virtio=M`, the rest in alphabetical order.
///
/// # Errors
/// Names a key that is not among `keys`.
pub fn print(keys: &Keys, values: &Properties) -> Result<String, String> {
    let mut done: Vec<&str> = Vec::new();
    let mut parts = Vec::new();
    if let Some((key, value)) = keys.iter().filter(|(_, s)| s.default_key).find_map(|(k, _)| values.get_key_value(k)) {
        done.push(key);
        let alias = keys.get(value).filter(|schema| schema.key_alias.as_deref() == Some(key));
        let aliased = alias.and_then(|schema| values.get_key_value(schema.alias.as_deref()?));
        match aliased {
            Some((target, text)) => {
                done.push(target);
                parts.push(format!("{value}={text}"));
            }
            None => parts.push(value.clone()),
        }
    }
    for (key, value) in values.iter().filter(|(key, _)| !done.contains(&key.as_str())) {
        if !keys.contains_key(key) {
            return Err(format!("{key}: {UNKNOWN}"));
        }
        parts.push(format!("{key}={value}"));
    }
    Ok(parts.join(","))
}

/// `1`/`0` of what PVE takes for a boolean outside of the schema's own check.
pub fn parse_boolean(text: &str) -> Option<&'static str> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "on" | "yes" | "true" => Some("1"),
        "0" | "off" | "no" | "false" => Some("0"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys_of(parameter: &str) -> &'static Keys {
        keys("POST", "/nodes/{node}/qemu", parameter).unwrap()
    }

    #[test]
    fn what_is_stored_is_in_order() {
        for (parameter, given, stored) in [
            (
                "net0",
                "bridge=vmbr0,virtio=BC:24:11:00:00:01,firewall=on",
                "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1",
            ),
            ("net0", "model=virtio,bridge=vmbr0", "virtio,bridge=vmbr0"),
            (
                "scsi0",
                "size=32G,file=ceph:vm-100-disk-0,iothread=1,discard=on",
                "ceph:vm-100-disk-0,discard=on,iothread=1,size=32G",
            ),
            ("ide2", "local:cloudinit,media=cdrom", "local:cloudinit,media=cdrom"),
        ] {
            let values = parse(parameter, keys_of(parameter), given).unwrap();
            assert_eq!(print(keys_of(parameter), &values).unwrap(), stored);
        }
    }

    #[test]
    fn mistakes_have_pves_texts() {
        for (parameter, text, error) in [
            ("scsi0", "a:1,b:2", "duplicate key in comma-separated list property: file"),
            (
                "scsi0",
                "aa:1,color=red",
                "format error\nscsi0.color: property is not defined in schema and the schema does not allow additional \
                 properties",
            ),
            ("scsi0", "a:1,cache=", "missing key in comma-separated list property"),
            ("scsi0", "a:1,size=1G,size=2G", "duplicate key in comma-separated list property: size"),
        ] {
            assert_eq!(parse(parameter, keys_of(parameter), text).unwrap_err(), error);
        }
        let error = parse("scsi0", keys_of("scsi0"), "aa:1,iothread=maybe,cache=fast").unwrap_err();
        let lines: Vec<_> = error.lines().collect();
        assert_eq!(lines[0], "format error");
        assert!(lines[1].starts_with("scsi0.cache: value 'fast' does not have a value in the enumeration"));
        assert_eq!(lines[2], "scsi0.iothread: type check ('boolean') failed - got 'maybe'");
    }
}
