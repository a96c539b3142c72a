//! What a plan knows of an OSD before anything is written.

use std::collections::{BTreeMap, BTreeSet};

use pve_client::Error as PveError;
use pve_client::api::disks::Disk;
use terraform_plugin::{Attr, Change, Cx, Error, Findings, Say};

use super::contents::{erased, judge};
use super::device::DevicePlan;
use super::hindrance::{Grade, Hindrance};
use super::occupied::Occupied;
use super::side::checks;
use super::{Osd, OsdPlan, groups, leftover, look, removal, settings};
use crate::ceph::placement::Member;
use crate::ground::error::{During, Problem};
use crate::ground::ledger::Planned;
use crate::ground::pve::Pve;
use crate::ground::rights;

/// Says what the apply needs and the credentials do not have.
pub fn rights(cx: &Cx<Pve>, change: &Change<Osd>, say: &mut Say<Osd>) {
    let reclassed = change.is_update() && change.changed(|p| &p.crush_device_class);
    if reclassed {
        rights::warn_shell(cx, say, "crush_device_class", "Device classes");
    }
    if change.is_create() || change.is_destroy() {
        let why = "PVE lets nobody else make or destroy one, and no token is enough.";
        rights::warn_root_or_ssh(cx, say, "node", "OSDs need the login of root@pam, or SSH", why);
    }
}

/// An OSD that is going to be made anew on its disk, by its number.
#[derive(Clone, Copy, Debug)]
pub(super) struct Replaced;

impl Planned for Replaced {
    type Key = u32;
}

/// Says that an OSD stays as long as it was not given free. (Where its disk is named in other words, that says it.)
pub fn protected(cx: &Cx<Pve>, change: &Change<Osd>, say: &mut Say<Osd>) {
    let Some(prior) = change.prior.as_ref() else { return };
    let encrypted = change.is_update() && prior.encrypted.is_some() && change.changed(|p| &p.encrypted);
    let other = prior.osds_per_device.zip(change.plan.osds_per_device.get());
    let number = change.is_update() && other.is_some_and(|(has, wanted)| has != wanted);
    for id in prior.numbers().into_iter().filter(|_| encrypted || number) {
        cx.ledger.note(id, Replaced);
    }
    if prior.allow_destroy {
        return;
    }
    let (at, reason) = match (change.is_destroy(), encrypted, number) {
        (true, ..) => ("allow_destroy", ""),
        (false, true, _) => ("encrypted", "Encryption cannot be changed on an OSD that exists. "),
        (false, false, true) => ("osds_per_device", "How many OSDs a device has cannot be changed while it has some. "),
        (false, false, false) => return,
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

/// An OSD that was destroyed by a removal that ended before its partition was free: the removal goes on, and a new OSD is made
/// there.
pub async fn left(cx: &Cx<Pve>, change: &mut Change<Osd>, say: &mut Say<Osd>) {
    let Some(prior) = change.prior.as_ref().filter(|_| change.is_update()) else { return };
    let Some(id) = prior.osd_id else { return };
    if prior.ready && !was_removing(cx, prior).await {
        return;
    }
    let numbers = prior.numbers();
    let mut gone = Vec::new();
    for number in &numbers {
        let Ok(live) = look::osd(cx, *number).await else { return };
        gone.extend(live.is_none().then(|| format!("osd.{number}")));
    }
    if numbers.len() > 1 && !gone.is_empty() && was_removing(cx, prior).await {
        let detail = format!(
            "{} of {} of {} is destroyed, and the removal was cut off before the others were. The apply takes those away too, and \
             makes all of them anew.",
            gone.join(", "),
            numbers.len(),
            prior.node
        );
        anew(change, say, detail);
        return;
    }
    if gone.is_empty() {
        return;
    }
    let Ok(left) = leftover::of(cx, prior).await else { return };
    if left.is_empty() {
        return;
    }
    let path = left.join(" and ");
    let detail = format!(
        "osd.{id} is destroyed, and its removal was cut off before {path} of {} was free again. The apply frees it, and makes a \
         new OSD there.",
        prior.node
    );
    anew(change, say, detail);
}

/// What is left of a removal that was cut off goes, and others are made.
fn anew(change: &mut Change<Osd>, say: &mut Say<Osd>, detail: String) {
    say.warning("device", "Removals of OSDs were cut off", detail);
    change.plan.osd_id = Attr::Unknown;
    change.plan.osd_fsid = Attr::Unknown;
    change.plan.osds = Attr::Unknown;
    change.replace("osd_id");
}

/// Says that nothing comes of bringing in an OSD that is down.
pub async fn brought_in(cx: &Cx<Pve>, change: &Change<Osd>, say: &mut Say<Osd>) {
    let Some(prior) = &change.prior else { return };
    let wanted = change.plan.r#in.known() == Some(&true) && prior.r#in == Some(false);
    let Some(id) = prior.osd_id.filter(|_| change.is_update() && wanted) else { return };
    if let Ok(Some(live)) = look::osd(cx, id).await
        && !live.up
        && !live.in_
    {
        say.warning("in", settings::NOT_BROUGHT_IN, settings::not_brought_in(id));
    }
}

/// Whether a run for this state was cut off while it removed the OSD.
pub async fn was_removing(cx: &Cx<Pve>, osd: &Osd) -> bool {
    cx.was_removing::<Osd>(&osd.device.on(&osd.node)).await
}

/// Where nobody says how many there are to be, it is one.
pub fn one_alone(change: &mut Change<Osd>) {
    if !change.is_destroy() && change.config.osds_per_device.is_null() && change.plan.osds_per_device.is_unknown() {
        change.plan.osds_per_device = Attr::Known(1);
    }
}

/// What tells each of several OSDs on a device from the others, for the ledger.
fn nth(place: &str, nth: usize) -> String {
    if nth == 0 { place.to_owned() } else { format!("{place} #{nth}") }
}

/// Those that were planned are there.
pub fn came(cx: &Cx<Pve>, osd: &Osd) {
    for one in 0..osd.count() {
        cx.ledger.forget::<Member>(&nth(&osd.device.on(&osd.node), one));
    }
}

/// Notes for the pools of this run that there are going to be more.
pub fn member(cx: &Cx<Pve>, change: &Change<Osd>) {
    if change.is_create()
        && let Some(node) = change.plan.node.text()
    {
        let member = Member {
            osd: None,
            host: node.to_owned(),
            device_class: change.plan.crush_device_class.text().map(str::to_owned),
            above: BTreeMap::from([("root".to_owned(), "default".to_owned())]),
        };
        match change.plan.device.known().and_then(DevicePlan::settled) {
            Some(device) => {
                for one in 0..change.plan.osds_per_device.get().map_or(1, |count| count as usize) {
                    cx.ledger.note(nth(&device.on(node), one), member.clone());
                }
            }
            // On a partition that comes with the same plan: each is another one.
            None => cx.ledger.with(|all: &mut BTreeMap<String, Member>| {
                all.insert(format!("{node} ? {}", all.len()), member);
            }),
        }
    }
}

/// What speaks against making the OSD: what its node says of Ceph and of the device.
pub async fn possible(cx: &Cx<Pve>, want: &OsdPlan, found: &mut Findings<Osd>) -> Result<(), Error> {
    let Some(node) = want.node.text() else { return Ok(()) };
    if !ceph_is_there(cx, node, found).await? {
        return Ok(());
    }
    let Some(device) = want.device.known().and_then(DevicePlan::settled) else { return Ok(()) };
    let list = look::disks(cx, node).await?;
    let target = device.find(&list, node);
    checks::possible(cx, want, (node, &list), target.as_ref().ok().copied(), found).await?;
    let target = match target {
        Ok(target) => target,
        Err(hindrance) => {
            tell(found, hindrance);
            return Ok(());
        }
    };
    if found.is_plan() && is_freed_before(cx, node, target, &list).await? {
        return Ok(());
    }
    let wipe_if = wipe_if(want);
    let judged = judge(target, &list, node, &wipe_if.clone().unwrap_or_default());
    // What is in use is not erased, and nobody is told how to have it erased.
    if !matches!(&judged, Err(Hindrance { grade: Grade::Certain | Grade::Carries(_), .. }))
        && let Some(hindrance) = groups::in_use(cx, node, target, &list).await?
    {
        tell(found, hindrance);
        return Ok(());
    }
    match judged {
        Ok(()) if target.is_free() => {}
        Ok(()) => {
            found.notice(Error::new("Disks are erased for OSDs", erased(target, &list, node)).at("wipe_if"));
        }
        // What may be erased is not known yet.
        Err(Hindrance { grade: Grade::Mendable, .. }) if wipe_if.is_none() => {}
        Err(hindrance) => match hindrance.grade {
            Grade::Carries(id) => {
                let occupied = Occupied { want, node, target, list: &list };
                return occupied.told(cx, id, hindrance, found).await;
            }
            _ => tell(found, hindrance),
        },
    }
    Ok(())
}

/// Whether a removal of this state that goes on with this run frees the device.
async fn is_freed_before(cx: &Cx<Pve>, node: &str, target: &Disk, list: &[Disk]) -> Result<bool, Error> {
    for osd in cx.held::<Osd>() {
        let here = osd.node == node && osd.device.find(list, node).is_ok_and(|entry| entry.devpath == target.devpath);
        if here && leftover::of(cx, &osd).await?.contains(&target.devpath) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Looks whether Ceph is there to take an OSD. `false`: the node itself is not, which says it all.
async fn ceph_is_there(cx: &Cx<Pve>, node: &str, found: &mut Findings<Osd>) -> Result<bool, Error> {
    let doing = format!("Cannot create an OSD on {node}");
    match cx.client.ceph().via(node).osds().await {
        Ok(_) => Ok(true),
        Err(error @ (PveError::NotInstalled(_) | PveError::NotInitialised(_) | PveError::CephUnreachable(_))) => {
            found.mendable(Problem::during(doing, error));
            Ok(true)
        }
        // A member of the cluster can come with the same plan.
        Err(error @ PveError::UnknownNode { .. }) => {
            found.mendable(look::no_such_node(cx, Problem::during(doing, error)).await);
            Ok(false)
        }
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

/// Says what hinders.
pub(super) fn tell(found: &mut Findings<Osd>, hindrance: Hindrance) {
    match hindrance.grade {
        Grade::Certain => found.certain(hindrance),
        Grade::Mendable => found.mendable(hindrance),
        Grade::Carries(_) => found.exists(hindrance),
    }
}
