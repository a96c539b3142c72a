//! PVE's own description of its API, as `truth/api.json` has it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value;

/// A parameter, or a key of a property string.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Schema {
    /// `string`, `integer`, `number`, `boolean`, `array`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(deserialize_with = "flag")]
    optional: bool,
    /// A named format, or the keys of a property string.
    pub format: Option<Format>,
    #[serde(deserialize_with = "number")]
    pub(crate) minimum: Option<f64>,
    #[serde(deserialize_with = "number")]
    pub(crate) maximum: Option<f64>,
    pub(crate) min_length: Option<usize>,
    pub(crate) max_length: Option<usize>,
    pub(crate) pattern: Option<String>,
    #[serde(rename = "enum")]
    pub(crate) one_of: Option<Vec<String>>,
    pub(crate) requires: Option<String>,
    /// What PVE assumes when it is absent.
    pub default: Option<Value>,
    pub(crate) items: Option<Box<Schema>>,
    /// Property strings: the key that may be left out before its value.
    #[serde(rename = "default_key", deserialize_with = "flag")]
    pub(crate) default_key: bool,
    /// Property strings: another name for this key ...
    pub(crate) alias: Option<String>,
    /// ... which says something itself: `virtio=MAC` means `model=virtio,macaddr=MAC`.
    pub(crate) key_alias: Option<String>,
}

impl Schema {
    /// Whether it may be absent. An alias is never missed.
    pub fn optional(&self) -> bool {
        self.optional || self.alias.is_some()
    }
}

/// The format of a parameter.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Format {
    /// A named one, as `pve-vmid`.
    Named(String),
    /// A property string with these keys.
    Properties(BTreeMap<String, Schema>),
}

/// Parameters that there are by the value of another one.
#[derive(Debug, Clone, Deserialize)]
pub struct Variants {
    /// The other one.
    pub(crate) by: String,
    /// The parameters, by its value.
    pub(crate) variants: BTreeMap<String, BTreeMap<String, Schema>>,
}

/// A method of the API.
#[derive(Debug, Clone, Deserialize)]
pub struct Method {
    /// As `/nodes/{node}/qemu`.
    pub path: String,
    /// `GET`, `POST`, `PUT` or `DELETE`.
    pub method: String,
    /// Parameters by name; `net[n]` stands for `net0`, `net1` ...
    pub parameters: BTreeMap<String, Schema>,
    /// Parameters that depend on the value of another.
    #[serde(rename = "oneOf", default)]
    pub(crate) variants: Vec<Variants>,
    #[serde(rename = "additionalProperties", deserialize_with = "flag")]
    pub(crate) additional_properties: bool,
    #[serde(rename = "allowtoken", deserialize_with = "flag")]
    pub(crate) allow_token: bool,
    /// PVE's permission expression; `None`: `root@pam` alone.
    pub(crate) permissions: Option<Value>,
    #[serde(default)]
    pub(crate) proxyto: Option<String>,
    /// What it answers with.
    #[serde(default)]
    pub(crate) returns: Value,
}

impl Method {
    /// Whether the call is carried out by the node in its path.
    pub fn runs_on_its_node(&self) -> bool {
        self.proxyto.as_deref() == Some("node")
    }

    /// The fields of its answer, or of each element of a list.
    pub(crate) fn returned(&self) -> Vec<&str> {
        let fields = self.returns.get("properties").or_else(|| self.returns["items"].get("properties"));
        fields.and_then(Value::as_object).into_iter().flatten().map(|(name, _)| name.as_str()).collect()
    }

    /// Whether nobody needs to log in for it.
    pub fn for_the_world(&self) -> bool {
        self.permissions.as_ref().is_some_and(|p| p["user"] == "world")
    }

    /// The parameter of this name; `net3` finds `net[n]`.
    pub fn parameter(&self, name: &str) -> Option<&Schema> {
        if let Some(schema) = self.parameters.get(name) {
            return Some(schema);
        }
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let digits = &name[stem.len()..];
        let index: u32 = digits.parse().ok()?;
        let plain = digits.len() == 1 || !digits.starts_with('0');
        (plain && index < family_size(stem)).then(|| self.parameters.get(&format!("{stem}[n]"))).flatten()
    }
}

/// How many of a numbered parameter there are. The schema's `[n]` does not say.
fn family_size(stem: &str) -> u32 {
    match stem {
        "ide" | "serial" => 4,
        "parallel" => 3,
        "sata" | "acmedomain" => 6,
        "scsi" => 31,
        "virtio" | "hostpci" => 16,
        "usb" => 14,
        "numa" | "link" => 8,
        "virtiofs" => 10,
        "net" | "ipconfig" => 32,
        _ => 256,
    }
}

/// All methods.
pub fn methods() -> &'static [Method] {
    #[derive(Deserialize)]
    struct Api {
        methods: Vec<Method>,
    }
    static METHODS: LazyLock<Vec<Method>> = LazyLock::new(|| {
        // The file is part of the program, and a test reads it.
        serde_json::from_str::<Api>(crate::truth::API).expect("truth/api.json is readable").methods
    });
    &METHODS
}

/// The method of this verb and path pattern.
pub fn method(verb: &str, path: &str) -> Option<&'static Method> {
    methods().iter().find(|method| method.method == verb && method.path == path)
}

/// PVE writes flags as 1, "1" or true.
fn flag<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(value) => value,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => text != "0" && !text.is_empty(),
        _ => false,
    })
}

/// Some limits are texts.
fn number<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_schema_is_read() {
        assert_eq!(methods().len(), 661);
        let create = method("POST", "/nodes/{node}/qemu").unwrap();
        assert!(create.runs_on_its_node());
        assert!(!create.parameter("vmid").unwrap().optional());
        assert!(create.parameter("scsi30").is_some() && create.parameter("scsi31").is_none());
        assert!(create.parameter("scsi03").is_none() && create.parameter("scsi").is_none());
        assert!(matches!(create.parameter("net0").unwrap().format, Some(Format::Properties(_))));
        assert!(method("GET", "/access/ticket").unwrap().for_the_world());
        assert!(method("POST", "/nodes/{node}/ceph/osd").unwrap().permissions.is_none());
    }
}
