//! High availability at the start.

use serde::Deserialize;

use crate::cluster::guests::Kind;
use crate::cluster::ha::{Resource, Sid};

/// The HA manager: what it manages, and who leads it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HaShape {
    /// Nodes that become master in the next elections, in turn; after those, the first node alive.
    pub masters: Vec<String>,
    /// What was put under HA a moment ago; the manager sees it in its first round.
    pub resources: Vec<HaResourceShape>,
}

/// A guest under HA. What is left out is not stored, so that PVE's default holds.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HaResourceShape {
    /// The guest.
    pub vmid: u32,
    /// What HA keeps it in, as `started`.
    #[serde(default)]
    pub state: Option<String>,
    /// Start retries on one node.
    #[serde(default)]
    pub max_restart: Option<u32>,
    /// Other nodes tried after that.
    #[serde(default)]
    pub max_relocate: Option<u32>,
    /// A note.
    #[serde(default)]
    pub comment: Option<String>,
}

impl HaResourceShape {
    /// Its section of `resources.cfg`.
    pub(crate) fn section(&self, kind: Kind) -> Resource {
        Resource {
            state: self.state.clone(),
            max_restart: self.max_restart,
            max_relocate: self.max_relocate,
            comment: self.comment.clone(),
            ..Resource::new(Sid(self.vmid, kind))
        }
    }
}
