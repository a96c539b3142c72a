//! Monitors and managers.

use super::Time;

/// A monitor.
#[derive(Debug, Clone, PartialEq)]
pub struct Mon {
    /// Id, by convention the node's name.
    pub name: String,
    /// Node it runs on.
    pub node: String,
    /// IP address.
    pub ip: String,
    /// The unit is started and the node runs.
    pub running: bool,
    /// When a started (or stopped) monitor joins (or leaves) the quorum.
    pub settles_at: Option<Time>,
    /// Part of the quorum, as the monitors see it.
    pub in_quorum: bool,
}

/// A manager.
#[derive(Debug, Clone, PartialEq)]
pub struct Mgr {
    /// Id, by convention the node's name.
    pub name: String,
    /// Node it runs on.
    pub node: String,
    /// The unit is started and the node runs.
    pub running: bool,
    /// When it is seen by the monitors (or missed).
    pub settles_at: Option<Time>,
    /// Known to the monitors.
    pub seen: bool,
}
