//! Whether HA could start a guest on another node, by now and by what is planned.

use pve_client::api::cluster::Guest;
use pve_client::api::ha::resource::Sid;
use terraform_plugin::{Cx, Diagnostic, Findings};

use super::candidates;
use super::local::{self, Ends, Hindrance, Places};
use super::resource::HaResource;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::vm::planned::wanted_on;

/// What the configuration says of the look.
#[derive(Debug, Default)]
pub struct Bounds {
    /// The nodes to look at, in place of those that rules leave to the guest.
    pub candidates: Option<Vec<String>>,
    /// Whether disks that move are waited for.
    pub waits: bool,
}

/// The nodes to look at. One alone is no failover: whoever says so has it so.
async fn places(
    cx: &Cx<Pve>,
    sid: Sid,
    candidates: Option<Vec<String>>,
    plan: bool,
) -> Result<Option<Places>, Problem> {
    let nodes = match candidates {
        Some(nodes) => nodes,
        None => candidates::look(cx, sid, plan).await?,
    };
    match nodes.len() {
        0 | 1 => Ok(None),
        _ => Ok(Some(Places::of(&cx.api, nodes).await?)),
    }
}

/// Looks for what is in the way. What a planned move of a disk takes out of it is no news.
pub async fn look(
    cx: &Cx<Pve>,
    sid: Sid,
    guest: &Guest,
    bounds: Bounds,
    found: &mut Findings<HaResource>,
) -> Result<(), Problem> {
    let Some(places) = places(cx, sid, bounds.candidates, found.is_plan()).await? else { return Ok(()) };
    let local = local::look(cx, &places, guest).await?;
    let planned = wanted_on(&cx.ledger, sid.vmid);
    for (disk, storage) in &planned {
        let is_there = guest_has(cx, guest, disk, storage).await?;
        if let Some(why) = places.why_local(storage).filter(|_| !is_there) {
            found.certain(refusal(sid, &guest.node, &format!("{disk} is to be moved to {why}")));
        }
    }
    let moves_away = |hindrance: &Hindrance| match &hindrance.ends {
        Ends::WithAChange => false,
        Ends::WhenItMoves(disk) => {
            planned.iter().any(|(name, storage)| *name == disk.to_string() && places.why_local(storage).is_none())
        }
        Ends::ByItself => !planned.is_empty() || bounds.waits,
    };
    let (ending, staying): (Vec<Hindrance>, Vec<Hindrance>) = local.hindrances.into_iter().partition(moves_away);
    for (ends, all) in [(true, ending), (false, staying)] {
        if !all.is_empty() {
            let all: Vec<String> = all.into_iter().map(|hindrance| hindrance.what).collect();
            found.missing(ends, refusal(sid, &guest.node, &all.join("\n  ")));
        }
    }
    if !local.harmless.is_empty() {
        found.notice(harmless(sid, &local.harmless));
    }
    Ok(())
}

async fn guest_has(cx: &Cx<Pve>, guest: &Guest, disk: &str, storage: &str) -> Result<bool, Problem> {
    let config = cx.client.qemu(&guest.node, guest.vmid).config().await;
    let config = config.during(format!("Cannot read the configuration of vm:{}", guest.vmid))?;
    Ok(config.drives.iter().any(|(key, drive)| key.to_string() == disk && drive.storage() == Some(storage)))
}

fn refusal(sid: Sid, node: &str, all: &str) -> Problem {
    Problem::new(
        format!("{sid} cannot be started on another node"),
        format!(
            "HA would have nothing to start when node {node} dies. In the way:\n  {all}\nNothing was written. Move disks to \
             shared storage (`pve_vm_disk_move`), empty CD-ROM drives, hand devices through by a mapping that every node has; \
             name the nodes that a rule is to leave to it in `candidates`; or insist with `allow_local = true`."
        ),
    )
    .at("sid")
}

fn harmless(sid: Sid, all: &[String]) -> Problem {
    Problem::new(
        "Something of a guest under HA is on one node only",
        format!("HA can start {sid} elsewhere, but:\n  {}", all.join("\n  ")),
    )
}

/// Warns, when the guest is put under HA, of what is local and does no harm to a failover.
pub async fn warn(cx: &Cx<Pve>, want: &HaResource, sid: Sid) -> Result<(), Problem> {
    if want.allow_local || sid.kind != pve_client::api::cluster::GuestKind::Qemu {
        return Ok(());
    }
    let guest = cx.client.cluster().guest(sid.vmid).await.during(format!("Cannot look for {sid}"))?;
    let Some(guest) = guest else { return Ok(()) };
    let config = cx.client.qemu(&guest.node, guest.vmid).config().await;
    let config = config.during(format!("Cannot read the configuration of {sid}"))?;
    let candidates = want.candidates.as_ref().map(|nodes| nodes.iter().cloned().collect());
    let Some(places) = places(cx, sid, candidates, false).await? else { return Ok(()) };
    let local = places.local(&config);
    if !local.harmless.is_empty() {
        for said in terraform_plugin::Error::from(harmless(sid, &local.harmless)).into_diagnostics() {
            cx.warn(Diagnostic::warning(said.summary, said.detail));
        }
    }
    Ok(())
}
