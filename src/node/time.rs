//! `pve_node_time`: a node's time zone.

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Builtin, Family, Section, plain};

use super::SETTING;

/// The time zone of a node, by which PVE runs jobs that are planned for a time of day.
///
/// It is always there: creating this changes it, and destroying it leaves it as it is.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "node_time", area = "Node", key(node))]
pub struct NodeTime {
    /// The node.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// The time zone: `Europe/Vienna`, `Etc/UTC`.
    #[attr(required, check = texts::one_word, check = texts::not_blank)]
    pub timezone: String,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for NodeTime {
    const FAMILY: Family = Family { what: "Time zone of node", path: "nodes/{node}/time", file: "timezone", ..SETTING };

    fn builtin(_key: &NodeTimeKey) -> Builtin {
        Builtin::Stays
    }
}

plain!(NodeTime);
