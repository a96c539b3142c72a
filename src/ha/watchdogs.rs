//! What a cluster gets with its first guest under HA.

use std::collections::BTreeMap;

use pve_client::api::ha::resource::Sid;
use terraform_plugin::{Cx, Findings};

use crate::ground::error::{During, Problem};
use crate::ground::ledger::Planned;
use crate::ground::pve::Pve;

/// The first guest under HA, of those that this process has planned.
#[derive(Clone, Copy, Debug)]
struct First;

impl Planned for First {
    type Key = String;
}

/// Tells, with the first guest of a cluster, what HA does to nodes.
pub async fn tell<M>(cx: &Cx<Pve>, sid: Sid, found: &mut Findings<M>) -> Result<(), Problem> {
    let all = cx.client.ha().resources().await.during("Cannot list what is under HA")?;
    let sid = sid.to_string();
    let first = cx.ledger.with(|first: &mut BTreeMap<String, First>| {
        if first.is_empty() {
            first.insert(sid.clone(), First);
        }
        first.contains_key(&sid)
    });
    if all.is_empty() && first {
        found.notice(
            Problem::new(
                "The first guest under HA arms the cluster's watchdogs",
                "From then on a node that has guests under HA, and that loses the quorum for a minute, resets itself, with everything \
                 that runs on it. Its network for corosync ought to be redundant, and a cluster of two nodes to have a QDevice.",
            )
            .at("sid"),
        );
    }
    Ok(())
}
