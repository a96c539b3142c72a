//! Where an OSD lies: on which node, on which disk, and whether a configuration names that one.

use pve_client::api::ceph::osd::Osd as Live;
use pve_client::api::disks::Disk;
use terraform_plugin::{Change, Cx, Diagnostic, Error, Say};

use super::contents::carrier;
use super::device::{Device, DevicePlan};
use super::removal::protected;
use super::{Osd, dead, look};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// What the words of a configuration name, seen from an OSD that exists.
#[derive(Debug, PartialEq, Eq)]
pub enum Named {
    /// The disk on which it lies.
    Same,
    /// Another one. Where it lies instead, in a sentence.
    Other(String),
    /// Nobody can tell. Why, in a sentence.
    Untold(String),
}

/// The node of an OSD: its host in CRUSH, unless somebody gave it a place of its own there; then its daemon tells. `None` if
/// nobody does.
pub async fn node_of(cx: &Cx<Pve>, live: &Live) -> Result<Option<String>, Problem> {
    let doing = format!("Cannot find out where osd.{} is", live.id);
    if let Some(host) = &live.host {
        let nodes = cx.client.nodes().list().await.during(&doing)?;
        if nodes.iter().any(|node| node.node == *host) {
            return Ok(Some(host.clone()));
        }
    }
    Ok(cx.client.ceph().osd_hosts().await.during(&doing)?.remove(&live.id))
}

/// When the words for node and device have changed: what they name is looked for, and the object replaced if that is another
/// disk than the one on which it lies.
/// Whether it is.
pub async fn reworded(cx: &Cx<Pve>, change: &mut Change<Osd>, say: &mut Say<Osd>) -> bool {
    let (moved, renamed) = (change.changed(|p| &p.node), change.changed(|p| &p.device));
    if !change.is_update() || !(moved || renamed) {
        return false;
    }
    let Some(prior) = &change.prior else { return false };
    let Some(node) = change.plan.node.text() else { return false };
    let Some(device) = change.plan.device.known().and_then(DevicePlan::settled) else { return false };
    let what = prior.called();
    match named(cx, prior, node, &device).await {
        Ok(Named::Same) => {}
        Ok(Named::Other(lies)) => {
            let at = if renamed { "device" } else { "node" };
            let cure = "If only the words are wrong, write those, and nothing is done.";
            let dead = dead::replaced(cx, change).await;
            if dead && !dead::allowed(cx, prior).allow_destroy {
                let detail = format!(
                    "{OTHER}: {lies} To have the one that is named now, {what} is taken out of Ceph first. If that is what you want, set \
                     `allow_destroy = true` beside it: since the disk is dead, that counts at once. Nothing was written."
                );
                say.error(at, "OSDs are protected", detail);
            } else if dead {
                let detail = format!("{lies} To have the disk that is named now, {what} is taken out of Ceph first.");
                say.warning(at, "OSDs with dead disks are replaced", detail);
            } else if prior.allow_destroy {
                let detail =
                    format!("{lies} {cure} To have the disk that is named now, {what} is destroyed there first.");
                say.warning(at, OTHER, detail);
            } else {
                let reason = format!("{OTHER}: {lies} {cure} To have the one that is named now, ");
                let (summary, detail) = protected(prior, &reason);
                say.error(at, summary, detail);
            }
            if moved {
                change.replace("node");
            }
            if renamed {
                change.replace("device");
            }
            return true;
        }
        Ok(Named::Untold(why)) => say.warning("device", UNTOLD, why),
        Err(problem) => {
            let detail = format!("{} The apply looks again, and does nothing if it is another one.", told(problem));
            say.warning("device", UNTOLD, detail);
        }
    }
    false
}

/// A problem in the words of a warning.
pub fn told(problem: Problem) -> String {
    let error = Error::from(problem);
    let why: Vec<_> = error.diagnostics().iter().map(|d| format!("{}: {}", d.summary, d.detail)).collect();
    why.join("\n")
}

const OTHER: &str = "The configuration names another disk than the one on which the OSD lies";
const UNTOLD: &str = "Nobody can tell whether the OSD lies on the disk that is named now";

/// Right before an update: the words name no other disk than the one on which the OSD lies.
pub async fn must_be_named(cx: &Cx<Pve>, prior: &Osd, want: &Osd) -> Result<(), Problem> {
    if (&prior.node, &prior.device) == (&want.node, &want.device) {
        return Ok(());
    }
    match named(cx, prior, &want.node, &want.device).await? {
        Named::Same => Ok(()),
        Named::Other(lies) => Err(Problem::new(
            OTHER,
            format!("{lies} Nothing was written. Plan again: the OSD has to be replaced, or the words have to."),
        )
        .at("device")),
        Named::Untold(why) => {
            cx.warn(Diagnostic::warning(UNTOLD, format!("{why} The state takes the words of the configuration.")));
            Ok(())
        }
    }
}

/// The device of an OSD that lies on no disk which PVE lists: where it lay when it last started.
pub async fn lay_on(cx: &Cx<Pve>, live: &Live, node: &str) -> Result<Device, Problem> {
    let id = live.id;
    let lay = look::lay_on(cx, node, id).await?;
    let written =
        lay.clone().filter(|path| path.trim_start_matches("/dev/").chars().all(|c| c.is_ascii_alphanumeric()));
    let Some(path) = written else {
        let lay = lay.map_or_else(|| "Ceph knows none of it".to_owned(), |path| format!("Ceph says it was {path}"));
        return Err(Problem::new(
            format!("osd.{id} lies on no disk that {node} lists"),
            format!(
                "A configuration has to name its disk, and {lay}. Nothing was imported. Import it when `pve_node_disks` shows it \
                 on a disk. If that is dead, take the OSD out of Ceph by hand (`ceph osd purge {id} --yes-i-really-mean-it` on a \
                 node, once it is down)."
            ),
        ));
    };
    Ok(Device { path: Some(path), ..Device::default() })
}

/// Whether an OSD of this number lies on the disk that the state names.
pub async fn lies_where_it_is_said(cx: &Cx<Pve>, was: &Osd, id: u32) -> Result<bool, Problem> {
    let list = look::disks(cx, &was.node).await?;
    let there = was.device.find(&list, &was.node).ok();
    Ok(there.is_some_and(|there| carrier(&list, id).is_some_and(|lies| lies.devpath == there.devpath)))
}

/// What these words name, seen from an OSD.
async fn named(cx: &Cx<Pve>, was: &Osd, node: &str, device: &Device) -> Result<Named, Problem> {
    if was.osd_id.is_none() {
        return resolved(cx, was, node, device).await;
    }
    // Of several on one device, one that there is: any of them may have been destroyed by others.
    let mut there = None;
    for id in was.numbers() {
        there = look::osd(cx, id).await?;
        if there.is_some() {
            break;
        }
    }
    let Some(live) = there else { return Ok(Named::Same) };
    let id = live.id;
    let Some(home) = node_of(cx, &live).await? else {
        return Ok(Named::Untold(format!("osd.{id} never ran, and hangs below no node in CRUSH.")));
    };
    Ok(compared(&look::disks(cx, &home).await?, id, &home, node, device))
}

/// The same, told from the list of disks of the OSD's node.
fn compared(list: &[Disk], id: u32, home: &str, node: &str, device: &Device) -> Named {
    let there = if node == home { device.find(list, node).ok() } else { None };
    match (carrier(list, id), there) {
        (Some(lies), Some(there)) if lies.devpath == there.devpath => Named::Same,
        (Some(lies), _) => {
            let words = Device::of(lies, list).words();
            Named::Other(format!(
                "osd.{id} lies on {} of {home}: `node = \"{home}\"`, `device = {words}`.",
                lies.devpath
            ))
        }
        (None, Some(there)) if there.is_free() || !may_carry(there) => {
            Named::Other(format!("osd.{id} lies on no disk that {home} lists: its own has died or was taken out."))
        }
        (None, None) if node != home => {
            Named::Other(format!("osd.{id} is on {home}, on no disk that is listed there."))
        }
        (None, _) => {
            Named::Untold(format!("osd.{id} lies on no disk that {home} lists: its own has died or was taken out."))
        }
    }
}

/// Whether what is on a device may be an OSD's volume that nobody sees.
fn may_carry(there: &Disk) -> bool {
    !there.osd_ids.is_empty() || matches!(there.used.as_deref(), Some("LVM" | "partitions" | "Device Mapper"))
}

/// The same for one whose creation was cut off before its number was known: both words are looked up.
async fn resolved(cx: &Cx<Pve>, was: &Osd, node: &str, device: &Device) -> Result<Named, Problem> {
    let list = look::disks(cx, &was.node).await?;
    let path = |device: &Device| device.find(&list, &was.node).map(|disk| disk.devpath.clone()).ok();
    Ok(match (path(&was.device), path(device)) {
        (Some(lies), Some(there)) if node == was.node && lies == there => Named::Same,
        (Some(lies), _) => Named::Other(format!("Its creation was begun on {lies} of {}.", was.node)),
        (None, _) => Named::Untold(format!("What it was to be made on is no longer listed by {}.", was.node)),
    })
}

#[cfg(test)]
mod tests {
    use super::super::device::tests::list;
    use super::*;

    fn named(id: u32, node: &str, serial: &str) -> Named {
        let device = Device { serial: Some(serial.to_owned()), ..Device::default() };
        compared(&list(), id, "n", node, &device)
    }

    #[test]
    fn the_disk_it_lies_on_is_the_same_however_it_is_named() {
        assert_eq!(named(3, "n", "S3"), Named::Same);
        let path = Device { path: Some("/dev/sdc".to_owned()), ..Device::default() };
        assert_eq!(compared(&list(), 3, "n", "n", &path), Named::Same);
    }

    #[test]
    fn another_disk_or_node_is_another_osd_and_it_is_told_where_it_lies() {
        for (node, serial) in [("n", "S2"), ("n", "S9"), ("other", "S3")] {
            let Named::Other(lies) = named(3, node, serial) else { panic!("{node} {serial}") };
            assert_eq!(lies, "osd.3 lies on /dev/sdc of n: `node = \"n\"`, `device = { serial = \"S3\" }`.");
        }
    }

    #[test]
    fn of_a_dead_disk_only_a_free_one_is_certainly_another() {
        assert!(matches!(named(4, "n", "S2"), Named::Other(_)) && matches!(named(4, "other", "S2"), Named::Other(_)));
        // In use by who knows what, or as dead as the OSD's.
        assert!(matches!(named(4, "n", "S7"), Named::Untold(_)) && matches!(named(4, "n", "S9"), Named::Untold(_)));
    }
}
