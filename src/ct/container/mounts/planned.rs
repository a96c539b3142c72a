//! What is told and refused of mount points, and how a change of them comes out, seen from a plan.

use terraform_plugin::{Attr, Change, Path, Say, Size};

use super::path;
use crate::ct::container::{Container, ContainerPlan};
use crate::guest::number;
use crate::guest::removed::WhenRemoved;

/// The highest mount point.
const LAST: u16 = 255;

/// What is wrong with the configuration whatever there is.
pub fn validate(config: &ContainerPlan, say: &mut Say<Container>) {
    for (name, mount) in config.mount_points.known().into_iter().flatten() {
        if number(name, "mp").is_none_or(|number| number > LAST) {
            say.error(path(name), "PVE has no such setting", format!("\"{name}\" is none of mp0 to mp{LAST}."));
        }
        let Some(mount) = mount.known() else { continue };
        if mount.volume.is_known() && mount.storage.is_known() {
            let what = "`storage` and `size` make a volume, `volume` names what is there. Leave one of them out.";
            say.error(path(name).at("storage"), "A mount point of two minds", what);
        }
    }
}

/// A volume that is moved has another name afterwards.
pub fn foresee(change: &mut Change<Container>) {
    let before = change.prior.as_ref().and_then(|prior| prior.mount_points.as_ref());
    let (Some(before), Attr::Known(planned)) = (before, &mut change.plan.mount_points) else { return };
    let asked = |name: &str| {
        let mounts = change.config.mount_points.known()?;
        Some(mounts.get(name)?.known()?.volume.may_be_set())
    };
    for (name, mount) in planned {
        let (Some(was), Attr::Known(mount)) = (before.get(name), mount) else { continue };
        let moves = mount.storage.text().is_some_and(|storage| was.storage.as_deref() != Some(storage));
        if moves && asked(name) != Some(true) {
            mount.volume = Attr::Unknown;
        }
        // Something else is mounted there: where it lies and how large it is was the other's.
        let another = mount.volume.text().is_some_and(|volume| was.volume.as_deref() != Some(volume));
        if another && asked(name) == Some(true) {
            mount.storage = Attr::Unknown;
            mount.size = Attr::Unknown;
        }
    }
}

/// What is told and refused of a change.
pub fn plan(prior: Option<&Container>, config: &ContainerPlan, plan: &ContainerPlan, say: &mut Say<Container>) {
    let before = prior.and_then(|prior| prior.mount_points.as_ref());
    let mut shrinks = |at: Path, is: Option<&Size>, wanted: Option<&Size>| {
        if let (Some(is), Some(wanted)) = (is, wanted)
            && wanted.bytes() < is.bytes()
        {
            let what = format!(
                "It has {is}, and {wanted} is less. Nothing was written. Make a new one and copy what is in it."
            );
            say.error(at.at("size"), "PVE cannot shrink a volume", what);
        }
    };
    let planned_root = plan.rootfs.known().and_then(|root| root.size.known().cloned());
    let root = prior.and_then(|prior| prior.rootfs.as_ref()?.size.as_ref());
    shrinks(path("rootfs"), root, planned_root.as_ref());
    for (name, mount) in plan.mount_points.known().into_iter().flatten() {
        let wanted = mount.known().and_then(|mount| mount.size.known().cloned());
        // What was not made yet may be made smaller.
        let is = before.and_then(|before| before.get(name)).filter(|was| was.volume.is_some());
        let is = is.and_then(|was| was.size.as_ref());
        shrinks(path(name), is, wanted.as_ref());
    }
    let Attr::Known(planned) = &config.mount_points else { return };
    for (name, was) in before.into_iter().flatten().filter(|(name, _)| !planned.contains_key(*name)) {
        let (summary, what) = match was.when_removed {
            _ if was.volume.is_none() => {
                ("A mount point will be taken off", "its volume was not made yet, and will not be made")
            }
            WhenRemoved::Keep => {
                ("A mount point will be taken off", "its volume stays with the container as `unusedN`")
            }
            WhenRemoved::Destroy => {
                ("A volume will be destroyed", "`when_removed = \"destroy\"`: all that is in it is lost")
            }
        };
        say.warning(path(name), summary, format!("{name} is not in `mount_points` any more; {what}."));
    }
}
