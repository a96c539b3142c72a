//! What a plan knows of an OSD before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use pve_client::Error as PveError;
use terraform_plugin::{Attr, Change, Cx, Error, Findings, Resource, Say};

use super::contents::{Verdict, erased, judge};
use super::creation::TASK;
use super::device::{DevicePlan, kernel_name};
use super::hindrance::{Grade, Hindrance};
use super::{Osd, OsdPlan, look, removal};
use crate::ceph::placement::Member;
use crate::error::{During, Problem};
use crate::evidence::Before;
use crate::ledger::Planned;
use crate::pve::Pve;

/// Says what the apply needs and the credentials do not have.
pub fn rights(cx: &Cx<Pve>, change: &Change<Osd>, say: &mut Say<Osd>) {
    let reclassed = change.is_update() && change.changed(|p| &p.crush_device_class);
    if (change.is_create() || change.is_destroy() || reclassed) && !cx.client.has_root() {
        say.warning(
            "node",
            "OSDs need the login of root@pam",
            "PVE lets nobody else make or destroy one, and no token is enough. Set `username = \"root@pam\"` and \
             `password` on the provider (PVE_USERNAME, PVE_PASSWORD) before the apply.",
        );
    }
}

/// An OSD that is going to be made anew on its disk, by its number.
#[derive(Clone, Copy, Debug)]
struct Replaced;

impl Planned for Replaced {
    type Key = u32;
}

/// Says that an OSD stays as long as it was not given free. (Where its disk is named in other words, that says it.)
pub fn protected(cx: &Cx<Pve>, change: &Change<Osd>, say: &mut Say<Osd>) {
    let Some(prior) = change.prior.as_ref() else { return };
    let encrypted = change.is_update() && prior.encrypted.is_some() && change.changed(|p| &p.encrypted);
    if let Some(id) = prior.osd_id.filter(|_| encrypted) {
        cx.ledger.note(id, Replaced);
    }
    if prior.allow_destroy {
        return;
    }
    let (at, reason) = match (change.is_destroy(), encrypted) {
        (true, _) => ("allow_destroy", ""),
        (false, true) => ("encrypted", "Encryption cannot be changed on an OSD that exists. "),
        (false, false) => return,
    };
    let (summary, detail) = removal::protected(prior, reason);
    say.error(at, summary, detail);
}

/// Says that an OSD which runs is given no data, and nobody seems to want that: a removal that was killed leaves it so. One
/// whose removal is known to have ended early, by its state or by the journal, is brought in again.
pub async fn outside(cx: &Cx<Pve>, change: &mut Change<Osd>, say: &mut Say<Osd>) {
    let Some(prior) = &change.prior else { return };
    if !change.is_update() {
        return;
    }
    let cut_off = prior.ready && was_removing(cx, prior).await;
    let left_alone = change.config.r#in.is_null();
    if cut_off {
        change.plan.ready = Attr::Unknown;
    }
    if !left_alone {
        return;
    }
    if !prior.ready || cut_off {
        change.plan.r#in = Attr::Unknown;
    } else if prior.r#in == Some(false) {
        let detail = format!(
            "{} runs and is out. A removal that was cut off leaves one like that, or somebody took it out. `in = true` brings \
             it in; `in = false` says that it is meant, and this warning goes.",
            prior.called()
        );
        say.warning("in", "OSDs are given no data", detail);
    }
}

/// Whether a run for this state was cut off while it removed the OSD.
pub async fn was_removing(cx: &Cx<Pve>, osd: &Osd) -> bool {
    cx.was_removing::<Osd>(&osd.device.on(&osd.node)).await
}

/// Notes for the pools of this run that there is going to be one more.
pub fn member(cx: &Cx<Pve>, change: &Change<Osd>) {
    if change.is_create()
        && let Some(node) = change.plan.node.text()
        && let Some(device) = change.plan.device.known().and_then(DevicePlan::settled)
    {
        let member = Member {
            osd: None,
            host: node.to_owned(),
            device_class: change.plan.crush_device_class.text().map(str::to_owned),
            above: BTreeMap::from([("root".to_owned(), "default".to_owned())]),
        };
        cx.ledger.note(device.on(node), member);
    }
}

/// What speaks against making the OSD: what its node says of Ceph and of the device.
pub async fn possible(cx: &Cx<Pve>, want: &OsdPlan, found: &mut Findings<Osd>) -> Result<(), Error> {
    let Some(node) = want.node.text() else { return Ok(()) };
    ceph_is_there(cx, node, found).await?;
    let Some(device) = want.device.known().and_then(DevicePlan::settled) else { return Ok(()) };
    let list = match look::disks(cx, node).await {
        Ok(list) => list,
        // A member of the cluster can come with the same plan.
        Err(problem) if matches!(problem.pve(), Some(PveError::UnknownNode { .. })) => {
            found.mendable(problem.at("node"));
            return Ok(());
        }
        Err(problem) => return Err(problem.into()),
    };
    let target = match device.find(&list, node) {
        Ok(target) => target,
        Err(hindrance) => {
            tell(found, hindrance);
            return Ok(());
        }
    };
    let wipe_if = wipe_if(want);
    match judge(target, &list, node, &wipe_if.clone().unwrap_or_default()) {
        Ok(Verdict::Free) => {}
        Ok(Verdict::Wipe) => {
            found.notice(Error::new("Disks are erased for OSDs", erased(target, &list, node)).at("wipe_if"));
        }
        // What may be erased is not known yet.
        Err(Hindrance { grade: Grade::Mendable, .. }) if wipe_if.is_none() => {}
        // It makes room, whatever the words for its disk were.
        Err(Hindrance { grade: Grade::Carries(id), .. }) if cx.ledger.knows::<Replaced>(&id) => {}
        Err(Hindrance { grade: Grade::Carries(id), .. }) if held_otherwise(cx, want, id) => {
            let what = format!("osd.{id} lies on {} of {node}", target.devpath);
            let detail = format!(
                "{what}, and another resource of this state holds it. Two resources cannot have one disk. If it was renamed \
                 (or a key of its `for_each`), and its device is named in other words now, say so, and nothing is \
                 destroyed:\n\nmoved {{\n  from = pve_ceph_osd.OLD\n  to   = pve_ceph_osd.NEW\n}}"
            );
            found.mendable(Error::new("Two resources name one disk", detail).at("device"));
        }
        Err(hindrance) if matches!(hindrance.grade, Grade::Carries(_)) && !found.is_plan() => {
            let id = kernel_name(&target.devpath);
            let maker = Before::peek(cx, Some(node), TASK, id).await?.maker();
            found.exists(Problem::from(hindrance).noting(maker));
        }
        Err(hindrance) => tell(found, hindrance),
    }
    Ok(())
}

/// Whether Ceph is there to take an OSD.
async fn ceph_is_there(cx: &Cx<Pve>, node: &str, found: &mut Findings<Osd>) -> Result<(), Error> {
    let doing = format!("Cannot create an OSD on {node}");
    match cx.client.ceph().via(node).osds().await {
        Ok(_) => Ok(()),
        Err(error @ (PveError::NotInstalled(_) | PveError::NotInitialised(_) | PveError::CephUnreachable(_))) => {
            found.mendable(Problem::during(doing, error));
            Ok(())
        }
        // The disks are asked for next, and say the same.
        Err(PveError::UnknownNode { .. }) => Ok(()),
        Err(error) => Err(error).during(doing).map_err(Error::from),
    }
}

/// What may be erased; `None` as long as a word of it is not known.
fn wipe_if(want: &OsdPlan) -> Option<BTreeSet<String>> {
    match &want.wipe_if {
        Attr::Null => Some(BTreeSet::new()),
        Attr::Unknown => None,
        Attr::Known(words) => words.iter().map(|word| word.text().map(str::to_owned)).collect(),
    }
}

/// Whether this state holds the OSD that is in the way as something that names its disk in other words. (In the same words it
/// is the one that is replaced, or a renamed block.)
fn held_otherwise(cx: &Cx<Pve>, want: &OsdPlan, id: u32) -> bool {
    let place = <Osd as Resource<Pve>>::place(want);
    let same = |osd: &Osd| Some(osd.device.on(&osd.node)) == place;
    let holding: Vec<_> = cx.held::<Osd>().into_iter().filter(|osd| osd.osd_id == Some(id)).collect();
    !holding.is_empty() && !holding.iter().any(same)
}

fn tell(found: &mut Findings<Osd>, hindrance: Hindrance) {
    match hindrance.grade {
        Grade::Certain => found.certain(hindrance),
        Grade::Mendable => found.mendable(hindrance),
        Grade::Carries(_) => found.exists(hindrance),
    }
}
