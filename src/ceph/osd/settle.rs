//! The way of an OSD to being up and in: after its creation, and back again after a removal that ended early.

use pve_client::api::ceph::osd::Osd as Live;
use pve_client::api::ceph::services::ServiceAction;
use terraform_plugin::Cx;
use tokio::time::Instant;

use super::creation::AREAS;
use super::identity::{Identity, must_be_ours};
use super::{Osd, look, patience_until, place, side};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// What was made, once all of it runs.
pub async fn settled(cx: &Cx<Pve>, want: &Osd, found: &[Identity], deadline: Instant) -> Result<Osd, Problem> {
    let mut lives = Vec::new();
    for Identity { id, .. } in found {
        let mut live = started(cx, want, *id, deadline).await?;
        if want.r#in == Some(false) && live.in_ {
            cx.client.ceph().osd_out(*id).await.during(format!("Cannot take osd.{id} out"))?;
            live.in_ = false;
        }
        lives.push(live);
    }
    let made = want.identified(found).with_lives(&lives);
    Ok(match found.first() {
        Some(first) => side::measured(cx, first.id, made).await,
        None => made,
    })
}

/// Carries on what was left unfinished. One that has run before was on its way out of the cluster: it is brought back.
pub async fn carried_on(cx: &Cx<Pve>, want: &Osd, id: u32, deadline: Instant) -> Result<(), Problem> {
    if let Some(live) = look::osd(cx, id).await?
        && live.version.is_some()
    {
        let (bring_in, start) = (!live.in_ && want.r#in != Some(false), !live.up);
        if bring_in || start {
            let doing = format!("Cannot bring osd.{id} back");
            let node = place::node_of(cx, &live).await?.unwrap_or_else(|| want.node.clone());
            must_be_ours(cx, want, id, &node).await?;
            if bring_in {
                tracing::info!(osd = id, "a removal ended early: the OSD is brought in again");
                cx.client.ceph().osd_in(id).await.during(&doing)?;
            }
            if start {
                let service = format!("osd.{id}");
                let mut task = cx.client.ceph().service(&node, ServiceAction::Start, &service).await.during(&doing)?;
                task.wait(&patience_until(cx, deadline), |_| {}).await.during(&doing)?;
            }
        }
    }
    started(cx, want, id, deadline).await.map(drop)
}

/// Waits until the OSD is up, and in unless it is not to be.
async fn started(cx: &Cx<Pve>, want: &Osd, id: u32, deadline: Instant) -> Result<Live, Problem> {
    let started = look::until(cx, deadline, &format!("osd.{id} has not been up and in yet"), async || {
        let live = look::osd(cx, id).await?;
        Ok(match live {
            Some(live) if live.up && (live.in_ || want.r#in == Some(false)) => Ok(live),
            Some(live) => Err(format!(
                "It is {} and {}.",
                if live.up { "up" } else { "down" },
                if live.in_ { "in" } else { "out" }
            )),
            None => Err("Ceph does not list it.".to_owned()),
        })
    })
    .await?;
    // It came into the CRUSH map after its task was over: a pool that has waited for it is not to count without it.
    cx.client.changed(AREAS);
    Ok(started)
}
