//! `pve_node_config`: what PVE notes of a node.

use terraform_plugin::{Model, Nested, Timeouts};

use crate::ground::texts;
use crate::section::{Family, Live, Right, Section, Sight, plain};

use super::SETTING;

/// What PVE notes of a node: a description, how it is woken up, how its guests start.
///
/// It is always there: creating this changes it. What is set in PVE and not here is taken away, which the plan tells.
/// Destroying it takes away what is set.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "node_config", area = "Node", key(node))]
pub struct NodeConfig {
    /// The node.
    #[attr(required, replace, length = 1..)]
    pub node: String,
    /// How much of the node's memory guests with ballooning may fill, in percent.
    #[attr(keep, usual = 80_u32, range = 0..=100, api = "ballooning-target")]
    pub ballooning_target: Option<u32>,
    /// A note, in Markdown.
    #[attr(optional, length = ..=65536, check = texts::not_blank, same = texts::same_but_end)]
    pub description: Option<String>,
    /// Where the node stands: `latitude=48.2,longitude=16.3,name=Wien`.
    #[attr(optional, length = 1.., check = texts::one_tidy_line)]
    pub location: Option<String>,
    /// How long the node waits before it starts its guests, in seconds.
    #[attr(keep, usual = 0_u32, range = 0..=300, api = "startall-onboot-delay")]
    pub startall_onboot_delay: Option<u32>,
    /// How the node is woken up by others.
    #[attr(optional)]
    pub wakeonlan: Option<WakeOnLan>,
    /// How long operations may take.
    #[attr(timeouts(create = "5m", update = "5m", delete = "5m"))]
    pub timeouts: Timeouts,
}

/// How a node is woken up.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct WakeOnLan {
    /// The address of its network card.
    #[attr(required, api = "=", check = texts::one_word)]
    pub mac: String,
    /// The interface of the others that they send from. Unset: that with the default route.
    #[attr(optional, length = 1.., check = texts::one_word, api = "bind-interface")]
    pub bind_interface: Option<String>,
    /// The address that they send to. Unset: 255.255.255.255.
    #[attr(optional, check = super::address, api = "broadcast-address")]
    pub broadcast_address: Option<String>,
}

impl Section for NodeConfig {
    const FAMILY: Family = Family {
        what: "Configuration of node",
        path: "nodes/{node}/config",
        file: "node.cfg",
        write: Right { path: "/", any: &["Sys.Modify"] },
        sight: Sight::With(Right { path: "/", any: &["Sys.Audit"] }),
        digest: true,
        ..SETTING
    };

    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[
        ("acme", "which certificate a node gets belongs to the certificate"),
        ("acmedomain[n]", "which certificate a node gets belongs to the certificate"),
    ];

    fn seen(&mut self, _live: &Live) {
        self.description = self.description.take().and_then(texts::note);
    }
}

plain!(NodeConfig);
