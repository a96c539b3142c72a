//! What is kept from one command to the next.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;

use crate::value::{Value, read_json, to_json};

/// Where an instance stands in a configuration: `pve_pool.team`, `data.pve_nodes.all`, `pve_vm.web["a"]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Address {
    /// Whether it is a data source.
    pub data: bool,
    /// The type.
    pub ty: String,
    /// The name.
    pub name: String,
    /// Which of several.
    pub key: InstanceKey,
}

/// Which of several instances of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceKey {
    /// There is one.
    None,
    /// By number, of `count`.
    Number(usize),
    /// By key, of `for_each`.
    Key(String),
}

impl Address {
    /// The resource itself, of which this is an instance.
    #[must_use]
    pub fn resource(&self) -> Self {
        Self { key: InstanceKey::None, ..self.clone() }
    }

    /// Another instance of the same resource.
    #[must_use]
    pub fn instance(&self, key: InstanceKey) -> Self {
        Self { key, ..self.clone() }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.data {
            f.write_str("data.")?;
        }
        write!(f, "{}.{}", self.ty, self.name)?;
        match &self.key {
            InstanceKey::None => Ok(()),
            InstanceKey::Number(n) => write!(f, "[{n}]"),
            InstanceKey::Key(key) => write!(f, "[{}]", crate::value::quoted(key)),
        }
    }
}

impl From<&str> for Address {
    /// An address as it is written. Meant for literals: what is no address becomes one of a type that nobody offers.
    fn from(text: &str) -> Self {
        let (data, rest) = text.strip_prefix("data.").map_or((false, text), |rest| (true, rest));
        let (rest, key) = match rest.strip_suffix(']').and_then(|rest| rest.split_once('[')) {
            Some((rest, key)) => {
                let number = key.parse().map(InstanceKey::Number);
                (rest, number.unwrap_or_else(|_| InstanceKey::Key(key.trim_matches('"').to_owned())))
            }
            None => (rest, InstanceKey::None),
        };
        let (ty, name) = rest.split_once('.').unwrap_or((rest, ""));
        Self { data, ty: ty.to_owned(), name: name.to_owned(), key }
    }
}

impl From<&Self> for Address {
    fn from(address: &Self) -> Self {
        address.clone()
    }
}

/// An object as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The version of the schema that wrote it.
    pub schema_version: i64,
    /// Its attributes as JSON, as the state file holds them.
    pub attributes: String,
    /// What the provider keeps for itself.
    pub private: Bytes,
    /// Its identity as JSON, and the version of the schema that wrote it.
    pub identity: Option<(i64, String)>,
    /// Its creation failed: the next plan replaces it.
    pub tainted: bool,
    /// The resources that must be there as long as it is.
    pub dependencies: Vec<Address>,
    /// Its successor is made before it goes.
    pub create_before_destroy: bool,
    /// The provider that it belongs to, where that is another one.
    pub provider: Option<String>,
}

impl Instance {
    /// An object as a test writes it.
    #[must_use]
    pub fn new(attributes: &Value) -> Self {
        Self {
            schema_version: 0,
            attributes: to_json(attributes),
            private: Bytes::new(),
            identity: None,
            tainted: false,
            dependencies: Vec::new(),
            create_before_destroy: false,
            provider: None,
        }
    }

    /// An attribute, by its path: `get("disks.scsi0.size")`. As JSON has it: a set is a list.
    #[must_use]
    pub fn get(&self, path: &str) -> Value {
        self.value().get(path)
    }

    /// All attributes, as JSON has them.
    #[must_use]
    pub fn value(&self) -> Value {
        serde_json::from_str::<serde_json::Value>(&self.attributes).map_or(Value::Null, Value::from)
    }

    /// The identity, as JSON has it.
    #[must_use]
    pub fn identity_value(&self) -> Value {
        let json = self.identity.as_ref().map(|(_, json)| json.as_str()).unwrap_or("null");
        serde_json::from_str::<serde_json::Value>(json).map_or(Value::Null, Value::from)
    }

    pub(crate) fn typed(&self, ty: &crate::types::Type) -> Result<Value, String> {
        read_json(&self.attributes, ty)
    }
}

/// All objects that are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Each by its address.
    pub instances: BTreeMap<Address, Instance>,
    /// Objects whose successors are there already.
    pub deposed: Vec<(Address, Instance)>,
}

impl State {
    /// An instance, if it is kept.
    #[must_use]
    pub fn get(&self, address: &str) -> Option<&Instance> {
        self.instances.get(&Address::from(address))
    }

    /// The addresses of all resources that are kept; of data sources none.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        self.instances.keys().filter(|address| !address.data).map(ToString::to_string).collect()
    }

    /// Nothing is kept.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.addresses().is_empty() && self.deposed.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_read_and_written() {
        for text in ["a_b.c", "data.a_b.c", "a_b.c[0]", "a_b.c[\"x\"]"] {
            assert_eq!(Address::from(text).to_string(), text);
        }
        assert_eq!(Address::from("a.b[\"k\"]").resource(), Address::from("a.b"));
    }

    #[test]
    fn attributes_by_path() {
        let instance = Instance::new(&Value::object([("a", Value::List(vec![1.into()]))]));
        assert_eq!(instance.get("a.0"), 1.into());
        assert_eq!(instance.get("b"), Value::Null);
    }
}
