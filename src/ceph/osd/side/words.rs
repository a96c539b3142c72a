//! The words for the devices of database and log: what they leave open, and whether they name those on which an OSD has them.

use terraform_plugin::{Attr, Change, Cx, Diagnostic, Say, Size};

use super::super::device::{Device, DevicePlan};
use super::super::foresight::Replaced;
use super::super::place::{Named, told};
use super::super::removal::protected;
use super::super::{Osd, look};
use super::{ROLES, Role, lies};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;

/// What LVM counts in: a volume is rounded up to it.
const EXTENT: u64 = 4 << 20;

/// What nobody asks for is not made.
pub fn left_out(change: &mut Change<Osd>) {
    if change.is_destroy() {
        return;
    }
    for role in ROLES {
        let none = (change.config.side(role).is_null(), change.config.side_size(role).is_null());
        let (device, size) = change.plan.side_mut(role);
        if none.0 && device.is_unknown() {
            *device = Attr::Null;
        }
        if none.1 && device.is_null() && size.is_unknown() {
            *size = Attr::Null;
        }
    }
}

/// When the words for a device or the size have changed: neither can be changed on an OSD that exists, so if they mean
/// something else than what it has, it is replaced.
pub async fn reworded(cx: &Cx<Pve>, change: &mut Change<Osd>, say: &mut Say<Osd>) {
    if !change.is_update() {
        return;
    }
    let Some(prior) = change.prior.clone() else { return };
    let Some(node) = change.plan.node.text().map(str::to_owned) else { return };
    for role in ROLES {
        if change.changed(|plan| plan.side(role)) {
            let Some(device) = change.plan.side(role).known().and_then(DevicePlan::settled) else { continue };
            match named(cx, &prior, role, &node, &device).await {
                Ok(Named::Same) => {}
                Ok(Named::Other(lies)) => {
                    replace(cx, change, say, &prior, (role.device(), &lies));
                    continue;
                }
                Ok(Named::Untold(why)) => say.warning(role.device(), UNTOLD, why),
                Err(problem) => {
                    let detail = format!("{} The apply looks again.", told(problem));
                    say.warning(role.device(), UNTOLD, detail);
                }
            }
        }
        if let (Some(has), Some(wanted)) = (prior.side_size(role), change.plan.side_size(role).known())
            && has.bytes().div_ceil(EXTENT) != wanted.bytes().div_ceil(EXTENT)
        {
            let lies =
                format!("The {} of {} has {has}, and keeps that as long as it lives.", role.word(), prior.called());
            replace(cx, change, say, &prior, (role.size(), &lies));
        }
    }
}

const UNTOLD: &str = "Nobody can tell whether the OSD has its parts on the device that is named now";

fn replace(cx: &Cx<Pve>, change: &mut Change<Osd>, say: &mut Say<Osd>, prior: &Osd, (at, lies): (&str, &str)) {
    for id in prior.numbers() {
        cx.ledger.note(id, Replaced);
    }
    change.replace(at);
    if prior.allow_destroy {
        let detail = format!("{lies} To have what is said now, {} is destroyed first.", prior.called());
        say.warning(at, "An OSD is made anew for another device or size of its parts", detail);
    } else {
        let (summary, detail) = protected(prior, &format!("{lies} To have what is said now, "));
        say.error(at, summary, detail);
    }
}

/// Right before an update: the words name the devices that the OSD has.
pub async fn must_be_named(cx: &Cx<Pve>, prior: &Osd, want: &Osd) -> Result<(), Problem> {
    for role in ROLES {
        let Some(device) = want.side(role).filter(|device| Some(*device) != prior.side(role)) else { continue };
        match named(cx, prior, role, &want.node, device).await? {
            Named::Same => {}
            Named::Other(lies) => {
                let detail = format!(
                    "{lies} Nothing was written. Plan again: the OSD has to be replaced, or the words have to."
                );
                let what = format!("The configuration names another device for the {} of an OSD", role.word());
                return Err(Problem::new(what, detail).at(role.device()));
            }
            Named::Untold(why) => {
                cx.warn(Diagnostic::warning(UNTOLD, format!("{why} The state takes the words of the configuration.")));
            }
        }
    }
    Ok(())
}

/// What these words name, seen from an OSD.
async fn named(cx: &Cx<Pve>, was: &Osd, role: Role, node: &str, device: &Device) -> Result<Named, Problem> {
    let list = look::disks(cx, node).await?;
    let there = device.find_as(role.device(), &list, node).ok().map(|disk| disk.devpath.clone());
    let what = was.called();
    let word = role.word();
    let Some(id) = was.osd_id else {
        let begun = was.side(role).and_then(|device| device.find_as(role.device(), &list, node).ok());
        let begun = begun.map(|disk| disk.devpath.clone());
        return Ok(match begun {
            Some(begun) if Some(&begun) == there.as_ref() => Named::Same,
            Some(begun) => Named::Other(format!("{what} was begun with its {word} on {begun}.")),
            None => Named::Other(format!("{what} was begun with its {word} on its own device.")),
        });
    };
    let Some(live) = look::osd(cx, id).await? else { return Ok(Named::Same) };
    Ok(match lies(cx, node, id, role, &list).await? {
        Some(lies) if Some(&lies.path) == there.as_ref() => Named::Same,
        Some(lies) => {
            let words = lies.device.words();
            Named::Other(format!("{what} has its {word} on {} of {node}: `{} = {words}`.", lies.path, role.device()))
        }
        None if role.of(&live) == Some(false) || was.side(role).is_none() => {
            Named::Other(format!("{what} has its {word} on its own device."))
        }
        None => Named::Untold(format!(
            "{node} knows no volume for the {word} of {what}: its device has died, or was taken out."
        )),
    })
}

/// Whether a size is one that PVE takes.
pub fn at_least(role: Role, size: &Size) -> Result<(), String> {
    if size.bytes() < role.least() {
        return Err(format!("must be {} at least", Size::from_bytes(role.least())));
    }
    Ok(())
}
