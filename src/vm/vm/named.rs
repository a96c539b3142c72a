//! What a VM names and does not bring along: images in its drives, scripts and snippets, backups, mapped devices. PVE takes most of
//! these names as they are, and the VM fails at its start; the script it refuses when other settings are written already.

use std::collections::BTreeSet;

use pve_client::Area;
use pve_client::api::qemu::config::Config;
use pve_client::property_string::PropertyString;
use terraform_plugin::{Cx, Findings, Path};

use super::{Vm, disks};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::section;

/// A volume, where it is named, and what makes it.
struct Volume<'a> {
    volid: &'a str,
    at: Path,
    cure: &'static str,
}

const ISO: &str = "`pve_storage_download` and `pve_storage_file` with `content = \"iso\"` bring one.";
const SNIPPET: &str = "`pve_storage_file` with `content = \"snippets\"` brings one.";
const BACKUP: &str = "The data source `pve_backups` tells which there are.";

/// The volumes that are named and that the VM does not name already.
fn volumes<'a>(want: &'a Vm, live: Option<&Config>) -> Vec<Volume<'a>> {
    let setting = |name: &str| live.and_then(|live| live.settings.get(name)).map(String::as_str);
    let mut all = Vec::new();
    for (name, drive) in want.cdroms.iter().flatten() {
        let is = setting(name).and_then(|text| text.split(',').next());
        if let Some(volid) = drive.file.as_deref().filter(|file| is != Some(*file)) {
            all.push(Volume { volid, at: super::cdroms::path(name).at("file"), cure: ISO });
        }
    }
    if let Some(volid) = want.options.hook_script.as_deref().filter(|script| setting("hookscript") != Some(*script)) {
        all.push(Volume { volid, at: Path::attr("hook_script"), cure: SNIPPET });
    }
    if let Some(custom) = want.cloud_init.as_ref().and_then(|ci| ci.how.custom.as_ref()) {
        let is = setting("cicustom").and_then(|text| text.parse::<PropertyString>().ok()).unwrap_or_default();
        let parts =
            [("user", &custom.user), ("network", &custom.network), ("meta", &custom.meta), ("vendor", &custom.vendor)];
        for (name, file) in parts {
            if let Some(volid) = file.as_deref().filter(|file| is.get(name) != Some(*file)) {
                let at = Path::attr("cloud_init").at("custom").at(name);
                all.push(Volume { volid, at, cure: SNIPPET });
            }
        }
    }
    if let (Some(restore), None) = (&want.origin.restore, live) {
        all.push(Volume { volid: &restore.archive, at: Path::attr("restore").at("archive"), cure: BACKUP });
    }
    all.retain(|volume| volume.volid.contains(':'));
    all
}

/// The storages of what a new VM names: a node that has them all may have what lies on them.
pub fn storages(want: &Vm) -> BTreeSet<&str> {
    let named = volumes(want, None).into_iter().map(|volume| volume.volid);
    named.chain(images(want)).filter_map(|volid| Some(volid.split_once(':')?.0)).collect()
}

/// What its disks begin with.
fn images(want: &Vm) -> impl Iterator<Item = &str> {
    want.disks.iter().flatten().filter_map(|(_, disk)| disk.import_from.as_deref())
}

/// Whether a node has the volumes that a new VM names, or cannot tell.
pub async fn has_all(cx: &Cx<Pve>, want: &Vm, node: &str) -> bool {
    for volid in volumes(want, None).into_iter().map(|volume| volume.volid).chain(images(want)) {
        if is_there(cx, volid, node).await == Some(false) {
            return false;
        }
    }
    true
}

/// Whether a volume is there; none where nobody can tell: a storage that does not answer, or that we may not look into, is no
/// reason to give up, since PVE looks itself.
pub async fn is_there(cx: &Cx<Pve>, volid: &str, node: &str) -> Option<bool> {
    let (storage, _) = volid.split_once(':')?;
    let volumes = cx.client.node_storage(node).content(storage, None).await.ok()?;
    if volumes.iter().any(|volume| volume.volid == volid) {
        return Some(true);
    }
    // PVE leaves out what one may not see; who manages the storage sees all.
    let ours = cx.client.access().on(&format!("/storage/{storage}")).await.ok()?;
    ours.has("Datastore.Allocate").then_some(false).or_else(|| shown(volid).then_some(false))
}

/// Whether whoever sees the storage sees such a volume.
fn shown(volid: &str) -> bool {
    [":iso/", ":import/"].iter().any(|folder| volid.contains(folder))
}

/// Whether something of the same plan brings the volume.
fn comes(cx: &Cx<Pve>, volid: &str, node: &str) -> bool {
    let of_node = format!("{node}/{volid}");
    ["storage_file", "storage_download"].iter().any(|kind| cx.comes(kind, volid) || cx.comes(kind, &of_node))
}

/// Looks whether what is named is there. `node`: where the VM is, or will be, if that is known by now.
pub async fn look(cx: &Cx<Pve>, want: &Vm, live: Option<&Config>, node: Option<&str>, found: &mut Findings<Vm>) {
    if let Some(node) = node {
        for Volume { volid, at, cure } in volumes(want, live) {
            if is_there(cx, volid, node).await == Some(false) {
                let problem = Problem::new(
                    format!("There is no {volid} on {node}"),
                    format!("Nothing was written. {cure} Name one that is there, or make it first."),
                );
                found.missing(comes(cx, volid, node), problem.at(at));
            }
        }
    }
    let is = |name: &str| live.and_then(|live| live.settings.get(name)).map(String::as_str);
    let of_states =
        want.options.vm_state_storage.as_deref().filter(|id| !id.is_empty() && is("vmstatestorage") != Some(*id));
    if let Some(storage) = of_states {
        disks::must_hold(cx, storage, node, Path::attr("vm_state_storage"), found).await;
    }
    if let (Some(storage), None) = (want.origin.restore.as_ref().and_then(|restore| restore.storage.as_ref()), live) {
        disks::must_hold(cx, storage, node, Path::attr("restore").at("storage"), found).await;
    }
    mappings(cx, want, live, found).await;
}

/// Looks for the mappings of devices that do not have them yet.
async fn mappings(cx: &Cx<Pve>, want: &Vm, live: Option<&Config>, found: &mut Findings<Vm>) {
    let devices = &want.devices;
    let usb = devices.usb.iter().flatten().map(|(name, device)| ("usb", "usb", name, device.mapping.as_deref()));
    let pci = devices.pci.iter().flatten().map(|(name, device)| ("pci", "pci", name, device.mapping.as_deref()));
    let dirs = devices.virtiofs.iter().flatten();
    let dirs = dirs.map(|(name, device)| ("dir", "virtiofs", name, Some(device.mapping.as_str())));
    for (kind, attribute, name, id) in usb.chain(pci).chain(dirs) {
        let Some(id) = id else { continue };
        if live.and_then(|live| live.settings.get(name)).is_some_and(|is| names(is, id)) {
            continue;
        }
        let area = Area::File(match kind {
            "pci" => "mapping/pci.cfg",
            "usb" => "mapping/usb.cfg",
            _ => "mapping/directory.cfg",
        });
        let Ok(there) = section::ids(cx, &format!("cluster/mapping/{kind}"), area, "id").await else { continue };
        let Ok(ours) = cx.client.access().on(&format!("/mapping/{kind}/{id}")).await else { continue };
        // PVE leaves out what one may not see.
        let sees = ours.has_any(&["Mapping.Use", "Mapping.Modify", "Mapping.Audit"]);
        if sees && !there.contains(id) {
            let problem = Problem::new(
                format!("There is no mapping \"{id}\""),
                format!(
                    "PVE would take it for {name}, and the VM would fail at its start. Nothing was written. `pve_mapping_{kind}` \
                     makes one (Datacenter, Resource Mappings)."
                ),
            );
            let at = Path::attr(attribute).key(name).at("mapping");
            found.missing(cx.comes(&format!("mapping_{kind}"), id), problem.at(at));
        }
    }
}

/// Whether a setting names this mapping.
fn names(setting: &str, id: &str) -> bool {
    let parts = setting.parse::<PropertyString>().unwrap_or_default();
    [parts.get("mapping"), parts.get("dirid"), parts.default_value()].contains(&Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::vm::options::Options;

    #[test]
    fn what_the_vm_names_already_is_not_looked_for() {
        let script = |name: &str| Vm {
            options: Options { hook_script: Some(name.to_owned()), ..Options::default() },
            ..Vm::default()
        };
        let live = Config::read([("hookscript".to_owned(), "local:snippets/a.pl".to_owned())].into());
        assert!(volumes(&script("local:snippets/a.pl"), Some(&live)).is_empty());
        assert_eq!(volumes(&script("local:snippets/b.pl"), Some(&live)).len(), 1);
        assert!(volumes(&script(""), Some(&live)).is_empty(), "an empty one removes it");
        assert_eq!(storages(&script("local:snippets/a.pl")), BTreeSet::from(["local"]));
        assert!(
            names("mapping=gpu,pcie=1", "gpu") && names("dirid=share", "share") && names("share,cache=never", "share")
        );
    }
}
