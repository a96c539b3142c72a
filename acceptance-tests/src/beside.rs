//! What stands beside a resource's example for the tests alone: `values.hcl`.

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use hcl::Body;
use hcl::expr::Expression;
use hcl::format::{Format as _, Formatter};
use serde_json::Value;

use crate::Sim;
use crate::workspace::example;

/// By this commands go to a node.
const OPENS_A_TERMINAL: &str = "/termproxy";

/// Whether a data source may send a request with this path, which is no GET: some read by a command on a node.
#[must_use]
pub fn data_may_send(path: &str) -> bool {
    path.ends_with(OPENS_A_TERMINAL)
}

/// What of a resource's tests cannot be known from its schema. Most need none of it, and have no such file.
///
/// ```hcl
/// # The cluster that the example assumes, as `pve-sim serve --cluster` takes it.
/// cluster = { ceph = { stage = "monitors" } }
///
/// # Where it may differ once everything is destroyed again: paths in its state, each with all below.
/// left_behind = ["/ceph/pools/.mgr"]
///
/// # The same, where it was imported, or a run was killed and its journal lost: what only the state or the journal knew.
/// left_when_forgotten = ["/nodes/0/units"]
///
/// # It is read by a command on a node: a terminal that is opened is no sign that something was written.
/// reads_by_shell = true
///
/// # It can be made but once in a cluster: what tries it twice takes another one.
/// once = true
///
/// # Values for attributes where those that follow from the type make no sense, one after the other.
/// values {
///   min_size = [4, 1, 3]
/// }
/// ```
#[derive(Debug, Default)]
pub struct Beside {
    /// The cluster that the example assumes; none: what most do, with Ceph and a machine.
    pub cluster: Option<Value>,
    reads_by_shell: bool,
    /// Whether it can be made but once in a cluster.
    pub once: bool,
    left_behind: Vec<String>,
    left_when_forgotten: Vec<String>,
    values: BTreeMap<String, Vec<String>>,
}

impl Beside {
    /// What stands beside the example of this resource.
    ///
    /// # Errors
    /// What cannot be read of it.
    pub fn of(resource: &str) -> anyhow::Result<Self> {
        let path = example("resources").join(resource).join("values.hcl");
        match std::fs::read_to_string(&path) {
            Ok(text) => Self::read(&text).with_context(|| path.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error).with_context(|| path.display().to_string()),
        }
    }

    fn read(text: &str) -> anyhow::Result<Self> {
        let body: Body = text.parse().context("no HCL")?;
        let mut beside = Self::default();
        let mut told: Value = hcl::from_body(body.clone())?;
        for attribute in body.attributes() {
            let value = told[attribute.key.as_str()].take();
            match attribute.key.as_str() {
                "cluster" => beside.cluster = Some(value),
                "once" => beside.once = serde_json::from_value(value)?,
                "left_behind" => beside.left_behind = serde_json::from_value(value)?,
                "left_when_forgotten" => beside.left_when_forgotten = serde_json::from_value(value)?,
                "reads_by_shell" => beside.reads_by_shell = serde_json::from_value(value)?,
                other => bail!(
                    "`{other}` is not known; there are `cluster`, `once`, `left_behind`, `left_when_forgotten`, `reads_by_shell` and the \
                     block `values`"
                ),
            }
        }
        for block in body.blocks() {
            if block.identifier.as_str() != "values" {
                bail!("block `{}` is not known; there is `values`", block.identifier.as_str());
            }
            for attribute in block.body.attributes() {
                let name = attribute.key.as_str();
                let Expression::Array(values) = &attribute.expr else { bail!("`{name}` is no list of values") };
                let mut compact = Formatter::builder().compact(true).build_vec();
                let values = values.iter().map(|value| value.format_string(&mut compact)).collect::<Result<_, _>>()?;
                beside.values.insert(name.to_owned(), values);
            }
        }
        Ok(beside)
    }

    /// Values for an attribute, one after the other, as HCL.
    pub fn values(&self, attribute: &str) -> Option<&[String]> {
        self.values.get(attribute).map(Vec::as_slice)
    }

    /// The attributes that have values here.
    pub fn attributes(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// Whether the cluster may differ at this place of its state once everything is destroyed.
    pub fn leaves(&self, place: &str) -> bool {
        is_below(place, &self.left_behind)
    }

    /// Whether it may differ there if it was imported, or the journal of a run that was killed is lost.
    pub fn leaves_when_forgotten(&self, place: &str) -> bool {
        is_below(place, &self.left_when_forgotten)
    }

    /// Whether a request with this path, which is no GET, is no sign of a write.
    pub fn only_reads(&self, path: &str) -> bool {
        self.reads_by_shell && path.ends_with(OPENS_A_TERMINAL)
    }

    /// A simulated cluster that has what the example assumes.
    ///
    /// # Errors
    /// Why it does not run.
    pub fn sim(&self) -> anyhow::Result<Sim> {
        match &self.cluster {
            Some(cluster) => Sim::of(cluster, &[]),
            None => Sim::start(&["--ceph", "ready", "--guest", "101"]),
        }
    }
}

/// Whether a place is one of these, or below one.
fn is_below(place: &str, places: &[String]) -> bool {
    let below = |left: &String| {
        place.strip_prefix(left.as_str()).is_some_and(|rest| matches!(rest.chars().next(), None | Some('/')))
    };
    places.iter().any(below)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_would_stand_in_a_configuration() {
        let text = r#"
            cluster     = { ceph = { stage = "ready", mons = ["pve1"] } }
            left_behind = ["/ceph/pools/.mgr"]
            once        = true

            left_when_forgotten = ["/nodes/0/units"]

            values {
              # In words of its own.
              disks = [{ scsi0 = { size = "8G", ssd = true } }, {}]
              ratio = [0.25, -1]
              none  = []
            }
        "#;
        let beside = Beside::read(text).unwrap();
        assert_eq!(beside.cluster, Some(serde_json::json!({"ceph": {"stage": "ready", "mons": ["pve1"]}})));
        assert!(beside.once && !Beside::default().once);
        let disks: Vec<String> =
            beside.values("disks").unwrap().iter().map(|text| text.split_whitespace().collect()).collect();
        assert_eq!(disks, [r#"{scsi0={size="8G",ssd=true}}"#, "{}"]);
        assert!(!beside.values("disks").unwrap()[0].contains('\n'), "a line each");
        assert_eq!(beside.values("ratio").unwrap(), ["0.25", "-1"]);
        assert_eq!(beside.values("none").unwrap(), [""; 0]);
        assert_eq!(beside.values("size"), None);
        assert!(beside.leaves("/ceph/pools/.mgr") && beside.leaves("/ceph/pools/.mgr/size"));
        assert!(!beside.leaves("/ceph/pools/.mgrs") && !beside.leaves("/ceph/pools"));
        assert!(beside.leaves_when_forgotten("/nodes/0/units/a") && !beside.leaves_when_forgotten("/nodes/0"));
    }

    #[test]
    fn what_is_misspelt_is_told() {
        for (text, told) in [
            ("clutser = {}", "clutser"),
            ("value {\n}", "value"),
            ("once = 1", "boolean"),
            ("values {\n size = 1\n}", "size"),
        ] {
            let error = Beside::read(text).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
        assert!(Beside::of("pve_no_such_object").unwrap().cluster.is_none());
    }
}
