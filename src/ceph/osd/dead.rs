//! OSDs whose disk is dead: what lay there is lost already, so that nothing is waited for. What may be lost with them all the same
//! is told by Ceph's placement groups: as long as each has a copy that answers, nothing.

use pve_client::api::ceph::osd::Osd as Live;
use terraform_plugin::{Change, Cx, Error};

use super::contents::carrier;
use super::{Osd, look, place, removal};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// What the plan of a replacement hands on to its removal, which sees the state alone.
const WORD: &str = "dead";

/// So many states of placement groups are named.
const ENOUGH: usize = 4;

/// Whether the OSD is down, and its node knows no volume of it.
pub async fn is_dead(cx: &Cx<Pve>, was: &Osd, live: &Live) -> Result<bool, Problem> {
    if live.up {
        return Ok(false);
    }
    let node = place::node_of(cx, live).await?.unwrap_or_else(|| was.node.clone());
    Ok(look::fsid(cx, &node, live.id).await?.is_none() && elsewhere(cx, &node, live.id).await?.is_none())
}

/// Another node than the one where the OSD ran last that has a disk with it: somebody has carried it there, and it is not started
/// yet. Nodes that do not answer are not asked: the disk of an OSD that is down cannot be told from a dead one there.
pub async fn elsewhere(cx: &Cx<Pve>, home: &str, id: u32) -> Result<Option<String>, Problem> {
    let all = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    for other in all.iter().map(|entry| entry.node.as_str()).filter(|node| *node != home) {
        match look::disks(cx, other).await {
            Ok(list) if carrier(&list, id).is_some() => return Ok(Some(other.to_owned())),
            Err(problem) if !removal::is_dead(&problem) => return Err(problem),
            _ => {}
        }
    }
    Ok(None)
}

/// In a plan that names another disk: whether the one of the state is dead. What the configuration allows for it counts then at once,
/// and is handed on to the removal.
pub async fn replaced(cx: &Cx<Pve>, change: &Change<Osd>) -> bool {
    let Some(prior) = &change.prior else { return false };
    let numbers = prior.numbers();
    match all_dead(cx, prior, &numbers).await {
        Ok(false) => false,
        Ok(true) => {
            let says = |attribute: Option<&bool>| attribute == Some(&true);
            let (allow, force) = (says(change.plan.allow_destroy.known()), says(change.plan.force.known()));
            cx.private.hand_on(WORD, (numbers, allow, force));
            true
        }
        Err(problem) => {
            tracing::debug!(?problem, ?numbers, "whether their disk is dead is not told");
            false
        }
    }
}

/// Whether that is so of all that there are still of these.
async fn all_dead(cx: &Cx<Pve>, was: &Osd, numbers: &[u32]) -> Result<bool, Problem> {
    let mut dead = false;
    for number in numbers {
        let Some(live) = look::osd(cx, *number).await? else { continue };
        if !is_dead(cx, was, &live).await? {
            return Ok(false);
        }
        dead = true;
    }
    Ok(dead)
}

/// What the plan of its replacement has handed on, if that has found it dead: the numbers, whether it may be destroyed, and at once.
fn granted(cx: &Cx<Pve>, was: &Osd) -> Option<(Vec<u32>, bool, bool)> {
    let word = cx.private.handed::<(Vec<u32>, bool, bool)>(WORD);
    word.filter(|(numbers, ..)| was.numbers().iter().all(|number| numbers.contains(number)))
}

/// The OSD with what a plan has allowed because its disk is dead.
pub fn allowed(cx: &Cx<Pve>, was: &Osd) -> Osd {
    let (_, allow, force) = granted(cx, was).unwrap_or_default();
    Osd { allow_destroy: was.allow_destroy || allow, force: was.force || force, ..was.clone() }
}

/// The same right before the removal: only if the disk is dead still.
pub async fn still_allowed(cx: &Cx<Pve>, was: &Osd, live: &Live) -> Result<Osd, Problem> {
    let planned = granted(cx, was).is_some();
    if !planned || is_dead(cx, was, live).await? {
        return Ok(allowed(cx, was));
    }
    let id = live.id;
    Err(Problem::new(
        format!("osd.{id} is not dead any more"),
        "When this was planned it was down, and its disk was gone. Now it is there again, with what lies on it. Nothing was written. \
         Plan again.",
    ))
}

/// What speaks against taking an OSD with a dead disk out of Ceph: placement groups of which no copy answers. Its disk, should it come
/// back, may hold the only one.
pub async fn missed(cx: &Cx<Pve>, id: u32) -> Result<Option<Error>, Problem> {
    let status = cx.client.ceph().status().await.during("Cannot read Ceph's status")?;
    let states = status.pgmap.pgs_by_state.iter().map(|pgs| (pgs.state_name.as_str(), pgs.count));
    let missing: Vec<_> = states.filter(|(state, _)| !has_copies(state)).collect();
    if missing.is_empty() {
        return Ok(None);
    }
    let named: Vec<_> = missing.iter().take(ENOUGH).map(|(state, count)| format!("{count} {state}")).collect();
    let detail = format!(
        "Ceph has placement groups of which it misses copies, or does not know yet what it has: {}. The disk of osd.{id}, should it come \
         back, may hold the only ones. Nothing was written. Apply again when they are active; or, if the disk is lost for good and what \
         lay there with it, say `force = true`.",
        named.join(", ")
    );
    Ok(Some(Error::new("OSDs with dead disks may hold the last copies", detail)))
}

/// Whether a placement group in this state has a copy of everything that answers: `active+undersized+degraded` does, and so does
/// one that waits for more copies to take writes (`undersized+degraded+peered`).
fn has_copies(state: &str) -> bool {
    let has = |word: &str| state.split('+').any(|one| one == word);
    (has("active") || has("peered"))
        && !["stale", "down", "incomplete", "unknown"].into_iter().any(has)
        && !state.contains("unfound")
}

#[cfg(test)]
mod tests {
    use super::has_copies;

    #[test]
    fn what_is_active_or_waits_for_more_has_a_copy() {
        for state in [
            "active+clean",
            "active+undersized+degraded",
            "undersized+degraded+peered",
            "active+recovery_wait+degraded",
        ] {
            assert!(has_copies(state), "{state}");
        }
        for state in [
            "down",
            "incomplete",
            "stale+active+clean",
            "unknown",
            "peering",
            "active+recovery_unfound+degraded",
            "stale+undersized+peered",
            "remapped+peering",
            "creating",
        ] {
            assert!(!has_copies(state), "{state}");
        }
    }
}
