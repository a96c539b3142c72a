//! `pve_node_hosts`: the names that a node knows by itself.

use terraform_plugin::{Cx, Error, Findings, Model, Timeouts};

use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::{Builtin, Family, Right, Section, Sight, Unset, plain};

use super::SETTING;

/// The names that a node knows without asking: its `/etc/hosts`.
///
/// It is always there: creating this puts the whole file in place of what is there, and destroying it leaves it as it is. A
/// change that somebody else makes in between is noticed, not overwritten. The node's own name has to stay in it.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "node_hosts", area = "Node", key(node))]
pub struct NodeHosts {
    /// The node.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// The whole file: on each line an address and names for it. PVE takes no comments behind names.
    #[attr(required, check = texts::not_blank)]
    pub data: String,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

impl Section for NodeHosts {
    const FAMILY: Family = Family {
        what: "Hosts of node",
        path: "nodes/{node}/hosts",
        file: "hosts",
        sight: Sight::With(Right { path: "/", any: &["Sys.Audit"] }),
        digest: true,
        unset: Unset::Whole,
        posted: true,
        ..SETTING
    };

    fn builtin(_key: &NodeHostsKey) -> Builtin {
        Builtin::Stays
    }

    async fn possible(
        _cx: &Cx<Pve>,
        want: &NodeHostsPlan,
        _prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        if let (Some(node), Some(data)) = (want.node.text(), want.data.text())
            && !names(data).any(|name| name == node)
        {
            found.notice(Problem::new(
                "A node does not know its own name",
                "No line of `data` has the node's name. PVE does not look at that: its services look their own node up by this \
                 file, and do not start again without it.",
            ));
        }
        Ok(())
    }
}

/// Every name in a file of hosts.
fn names(data: &str) -> impl Iterator<Item = &str> {
    let lines = data.lines().map(|line| line.split('#').next().unwrap_or_default());
    lines.flat_map(|line| line.split_whitespace().skip(1))
}

plain!(NodeHosts);

#[test]
fn names_are_what_stands_behind_addresses() {
    let data = "127.0.0.1 localhost\n10.0.0.1\tpve1.lab pve1 # pve2\n#10.0.0.3 pve3\npve4\n";
    assert_eq!(names(data).collect::<Vec<_>>(), ["localhost", "pve1.lab", "pve1"]);
}
