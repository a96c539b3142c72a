//! The facts that the simulator is built on and held to; see `truth/README.md`.

/// Every method of PVE's API.
pub const API: &str = include_str!("../truth/api.json");

/// Recorded calls under `/access`.
#[cfg(test)]
pub(crate) const PVE_ACCESS: &str = include_str!("../truth/pve/03-access.json");
/// Recorded calls under `/`, `/cluster` and `/nodes`.
#[cfg(test)]
pub(crate) const PVE_BASE: &str = include_str!("../truth/pve/01-base.json");
