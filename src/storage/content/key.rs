//! By what a file is known: the volume's id, and the node where a storage is each node's own.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use terraform_plugin::Key;
use terraform_plugin::model::{Fault, KeyError, build};
use terraform_plugin::schema::{Attribute, Rule};
use terraform_plugin::value::Value;

/// What tells one file from another. Its text is the import id: `pve1/local:iso/debian.iso`, or `nas:iso/debian.iso` of a
/// storage that all nodes share.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentKey {
    /// The node, of a storage that is each node's own.
    pub node: Option<String>,
    /// `STORAGE:CONTENT/FILE`.
    pub volid: String,
}

impl ContentKey {
    /// Storage, content and file.
    pub(super) fn parts(&self) -> Option<(&str, &str, &str)> {
        let (storage, rest) = self.volid.split_once(':')?;
        let (content, file) = rest.split_once('/')?;
        let whole = [storage, content, file].iter().all(|part| !part.is_empty());
        (whole && !file.contains('/')).then_some((storage, content, file))
    }
}

impl fmt::Display for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.node {
            Some(node) => write!(f, "{node}/{}", self.volid),
            None => f.write_str(&self.volid),
        }
    }
}

impl FromStr for ContentKey {
    type Err = KeyError;

    fn from_str(id: &str) -> Result<Self, KeyError> {
        let before = id.split(':').next().unwrap_or_default();
        let (node, volid) = match before.split_once('/') {
            Some((node, _)) => (Some(node.to_owned()), &id[node.len() + 1..]),
            None => (None, id),
        };
        let key = Self { node, volid: volid.to_owned() };
        match key.parts() {
            Some(_) if key.node.as_deref() != Some("") => Ok(key),
            _ => Err(KeyError::new(format!(
                "the id must have the form `NODE/STORAGE:CONTENT/FILE`, or `STORAGE:CONTENT/FILE` for a storage that all nodes \
                 share, and is {id:?}"
            ))),
        }
    }
}

impl Key for ContentKey {
    const FIELDS: &'static [&'static str] = &["node", "volid"];
    const OPTIONAL: &'static [&'static str] = &["node"];

    fn attributes() -> Vec<Attribute> {
        let node = "The node, of a storage that is each node's own; none for one that all nodes share.";
        vec![
            build::attribute::<Option<String>>("node", node, Rule::Optional).done(),
            build::attribute::<String>("volid", "The volume: `STORAGE:CONTENT/FILE`.", Rule::Required).done(),
        ]
    }

    fn decode(attributes: &BTreeMap<String, Value>) -> Result<Self, Fault> {
        Ok(Self { node: build::field_or_default(attributes, "node")?, volid: build::field(attributes, "volid")? })
    }

    fn encode(&self) -> BTreeMap<String, Value> {
        let node = self.node.as_deref().map_or(Value::Null, Value::from);
        BTreeMap::from([("node".to_owned(), node), ("volid".to_owned(), self.volid.as_str().into())])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_a_node_where_there_is_one() {
        for (id, node, volid) in [
            ("pve1/local:iso/a.iso", Some("pve1"), "local:iso/a.iso"),
            ("nas:vztmpl/b.tar.zst", None, "nas:vztmpl/b.tar.zst"),
        ] {
            let key: ContentKey = id.parse().unwrap();
            assert_eq!((key.node.as_deref(), key.volid.as_str()), (node, volid));
            assert_eq!(key.to_string(), id);
            assert_eq!(ContentKey::decode(&key.encode()).unwrap(), key);
        }
        for id in ["", "a", "local:a.iso", "/local:iso/a", "pve1/local:iso/", "pve1/local:iso/a/b", "iso/a.iso"] {
            assert!(id.parse::<ContentKey>().is_err(), "{id}");
        }
    }
}
