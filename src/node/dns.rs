//! `pve_node_dns`: whom a node asks for names.

use terraform_plugin::{Model, Timeouts};

use crate::ground::texts;
use crate::section::{Builtin, Family, Section, Unset, plain};

use super::SETTING;

/// Whom a node asks for names.
///
/// It is always there: creating this changes it. PVE takes all of it at once, so a server that is set in PVE and not here is
/// taken away, which the plan tells. Destroying it leaves everything as it is: a node without name servers is of no use.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "node_dns", area = "Node", key(node))]
pub struct NodeDns {
    /// The node.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// The domain in which names are looked for that have none.
    #[attr(required, check = texts::one_tidy_line, check = texts::not_blank)]
    pub search: String,
    /// The first name server, as an IP address.
    #[attr(optional, check = super::address)]
    pub dns1: Option<String>,
    /// The second.
    #[attr(optional, check = super::address)]
    pub dns2: Option<String>,
    /// The third.
    #[attr(optional, check = super::address)]
    pub dns3: Option<String>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for NodeDns {
    const FAMILY: Family =
        Family { what: "DNS of node", path: "nodes/{node}/dns", file: "resolv.conf", unset: Unset::Whole, ..SETTING };

    fn builtin(_key: &NodeDnsKey) -> Builtin {
        Builtin::Stays
    }
}

plain!(NodeDns);
