//! What every object works with: the client, and what has been planned so far.

use pve_client::{Client, Patience};
use terraform_plugin::Cx;

use crate::ground::ledger::Ledger;

/// The API of one `provider "pve"` block.
pub struct Pve {
    /// PVE.
    pub client: Client,
    /// What this process has planned.
    pub ledger: Ledger,
    /// The addresses and what they have to prove, if that can be no other cluster.
    pub way: Option<String>,
}

/// How long this operation waits for a task: until its `timeouts`, Ctrl-C, or a quarter of an hour without a sign of life.
pub fn patience(cx: &Cx<Pve>) -> Patience {
    Patience { timeout: Some(cx.timeout), stop: cx.stop.token(), ..Patience::default() }
}
