//! `/nodes/{node}/qemu/{vmid}/move_disk` and `resize`.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::{guest, root_only, vmid};
use crate::cluster::guests::drive::{Drive, DriveKey};
use crate::cluster::guests::giving::Gift;
use crate::cluster::guests::moving::{Move, Order};
use crate::cluster::guests::size;
use crate::cluster::storage::own_part;
use crate::kernel::locks::Lock;
use crate::kernel::params::property;
use crate::kernel::tasks::{Steps, TaskCx};
use crate::kernel::{Call, PveError, Routes};

pub(super) fn routes(r: &mut Routes) {
    r.post("/nodes/{node}/qemu/{vmid}/move_disk", move_disk);
    r.put("/nodes/{node}/qemu/{vmid}/resize", resize);
}

const MODIFIED: &str = "detected modified configuration - file changed by other user? Try again.";

fn move_disk(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (storage, taker) = (call.params.text("storage").map(str::to_owned), call.params.number("target-vmid"));
    let storage = match (storage, taker) {
        (Some(storage), None) => storage,
        (None, Some(taker)) => return give(call, taker),
        (both, _) => {
            let text = match both {
                // Belief: the text; both at once was not recorded.
                Some(_) => "either set 'storage' or 'target-vmid', but not both",
                None => "both 'storage' and 'target-vmid' missing, either needs to be set",
            };
            let keys = ["storage", "target-vmid"].map(|key| (key.to_owned(), text.to_owned()));
            return Err(PveError::params(BTreeMap::from(keys)));
        }
    };
    let vmid = vmid(call);
    let key = DriveKey::parse(call.params.need("disk")).unwrap_or_else(|| DriveKey::unused(0));
    let format = call.params.text("format").map(str::to_owned);
    let digest = call.params.text("digest").map(str::to_owned);
    if !call.user.is_root() {
        call.demand(&format!("/storage/{storage}"), &["Datastore.AllocateSpace"])?;
    }
    let guest = guest(call)?;
    if let Some(lock) = guest.config.lock() {
        return Err(PveError::new(format!("VM is locked ({lock})")));
    }
    let kept =
        |volume: &str| guest.config.snapshots.values().any(|snapshot| snapshot.volumes().any(|other| other == volume));
    if call.params.flag("delete") == Some(true) && guest.config.drive(&key).is_some_and(|drive| kept(&drive.volume)) {
        return Err(PveError::new("you can't move a disk with snapshots and delete the source"));
    }
    if digest.as_ref().is_some_and(|digest| *digest != guest.config.digest()) {
        return Err(PveError::new(MODIFIED));
    }
    let drive = guest.config.drive(&key).ok_or_else(|| PveError::new(format!("disk '{key}' does not exist")))?;
    if drive.is_cdrom() && !drive.is_cloudinit() {
        return Err(PveError::new("you can't move a cdrom"));
    }
    let there = call.cluster.volume(&call.node, &drive.volume).map(|volume| volume.format);
    if drive.storage() == Some(&storage) && (format.is_none() || format == there) {
        return Err(PveError::new("you can't move to the same storage with same format"));
    }
    let to = call.cluster.storage.usable(&storage, &call.node).map_err(PveError::new)?;
    if !to.contents().contains("images") {
        return Err(PveError::param("storage", format!("storage '{storage}' does not support vm images")));
    }
    let asked = call.params.int("bwlimit").and_then(|limit| u64::try_from(limit).ok());
    let bwlimit = bandwidth(call, asked, &[drive.storage().unwrap_or_default(), &storage]);
    let delete = call.params.flag("delete") == Some(true);
    let order = Order { vmid, key, storage, format, delete, digest, bwlimit };
    Ok(call.task("qmmove", vmid.to_string(), Move::new(order)))
}

fn give(call: &mut Call<'_>, to: u32) -> Result<Value, PveError> {
    let from = vmid(call);
    call.demand(&format!("/vms/{to}"), &["VM.Config.Disk"])?;
    if from == to {
        let text = "must be different than source VMID to reassign disk";
        return Err(PveError::param("target-vmid", text));
    }
    let parse = |text: &str| DriveKey::parse(text).unwrap_or_else(|| DriveKey::unused(0));
    let key = parse(call.params.need("disk"));
    let as_key = call.params.text("target-disk").map_or_else(|| key.clone(), parse);
    let text = |name: &str| call.params.text(name).map(str::to_owned);
    let (digest, target_digest) = (text("digest"), text("target-digest"));
    let gift = Gift { from, key, to, as_key, digest, target_digest };
    gift.check(call.cluster, &call.node).map_err(PveError::new)?;
    let id = format!("{from}-{}>{to}-{}", gift.key, gift.as_key);
    Ok(call.task("qmmove", id, gift.steps()))
}

/// The limit that holds for a move between storages, in KiB a second. 0 is unlimited, `None`: nobody set one.
fn bandwidth(call: &Call<'_>, asked: Option<u64>, storages: &[&str]) -> Option<u64> {
    let of = |text: Option<&str>| {
        let keys = property::keys("POST", "/storage", "bwlimit")?;
        let values = property::parse("bwlimit", keys, text?).ok()?;
        values.get("move").or_else(|| values.get("default")).and_then(|limit| limit.parse::<u64>().ok())
    };
    let of_storage = |id: &str| of(call.cluster.storage.get(id).and_then(|storage| storage.get("bwlimit")));
    let datacenter = of(call.cluster.options.set.get("bwlimit").map(String::as_str));
    let smallest = |limits: Vec<u64>| {
        let some = limits.iter().copied().filter(|limit| *limit > 0).min();
        some.or_else(|| limits.first().copied())
    };
    let Some(asked) = asked else {
        let own: Vec<Option<u64>> = storages.iter().map(|id| of_storage(id)).collect();
        let mut limits: Vec<u64> = own.iter().flatten().copied().collect();
        if own.iter().any(Option::is_none) {
            limits.extend(datacenter);
        }
        return smallest(limits);
    };
    if call.user.is_root() || call.may("/storage", &["Datastore.Allocate"]) {
        return Some(asked);
    }
    let mut limits = vec![asked];
    let bound = storages.iter().filter(|id| !call.may(&format!("/storage/{id}"), &["Datastore.Allocate"]));
    limits.extend(bound.filter_map(|id| of_storage(id)));
    if !call.may("/", &["Sys.Modify"]) {
        limits.extend(datacenter);
    }
    smallest(limits)
}

fn resize(call: &mut Call<'_>) -> Result<Value, PveError> {
    let vmid = vmid(call);
    root_only(call, &["skiplock"])?;
    guest(call)?;
    let key = DriveKey::parse(call.params.need("disk")).unwrap_or_else(|| DriveKey::unused(0));
    let size = call.params.need("size").to_owned();
    let digest = call.params.text("digest").map(str::to_owned);
    let skiplock = call.params.flag("skiplock") == Some(true);
    let steps = Steps::new().lock(Lock::Vm(vmid)).wait(Duration::from_millis(500)).run(move |t| {
        let guest = t.cluster.guests.on(vmid, &t.node())?;
        if digest.is_some_and(|digest| digest != guest.config.digest()) {
            return Err("checksum mismatch (file change by other user?)".to_owned());
        }
        if let Some(lock) = guest.config.lock().filter(|_| !skiplock) {
            return Err(format!("VM is locked ({lock})"));
        }
        enlarge(t, vmid, &key, &size)
    });
    Ok(call.task("resize", vmid.to_string(), steps))
}

/// The file of a template can be opened for reading alone: what the tool says, and what is said of it.
fn written_once(t: &TaskCx<'_>, storage: &str, drive: &Drive, format: &str, wanted: u64) -> Option<(String, String)> {
    let storage = t.cluster.storage.get(storage).filter(|storage| storage.kind.has_files())?;
    let name = own_part(drive.name()?);
    name.rsplit('/').next().filter(|file| file.starts_with("base-"))?;
    let path = storage.volume_path(name);
    let preallocation = if format == "qcow2" { "'--preallocation=metadata' " } else { "" };
    Some((
        format!("qemu-img: Could not open '{path}': Could not open '{path}': Operation not permitted"),
        format!("command '/usr/bin/qemu-img resize {preallocation}-f {format} {path} {wanted}' failed: exit code 1"),
    ))
}

fn enlarge(t: &mut TaskCx<'_>, vmid: u32, key: &DriveKey, size: &str) -> Result<(), String> {
    let node = t.node();
    let guest = t.cluster.guests.on(vmid, &node)?;
    let running = guest.is_running();
    let mut drive: Drive = guest.config.drive(key).ok_or_else(|| format!("disk '{key}' does not exist"))?;
    if drive.is_cdrom() {
        return Err("you can't resize a cdrom".to_owned());
    }
    let storage = drive.storage().unwrap_or_default().to_owned();
    t.cluster.storage.usable(&storage, &node)?;
    let volume = t.cluster.volume(&node, &drive.volume);
    let volume = volume.ok_or_else(|| format!("volume '{}' does not exist", drive.volume))?;
    let number = size::parse(size.trim_start_matches('+')).ok_or_else(|| format!("unable to parse size '{size}'"))?;
    let wanted = if size.starts_with('+') { volume.size.saturating_add(number) } else { number };
    // Whole sectors; LVM has whole extents.
    let lvm = t.cluster.storage.get(&storage).is_some_and(|storage| storage.kind.name.starts_with("lvm"));
    let unit = if lvm { 4 << 20 } else { 512 };
    let wanted = wanted.div_ceil(unit) * unit;
    if wanted < volume.size {
        return Err("shrinking disks is not supported".to_owned());
    }
    if wanted == volume.size {
        return Ok(());
    }
    let own = t.cluster.storage.get(&storage).filter(|storage| storage.sets_aside()).map(|own| own.volume_path(""));
    if let Some(path) = own
        && t.cluster.must_have_room(&node, &storage, wanted - volume.size).is_err()
    {
        // Belief: the tools' own words.
        let path = format!("{path}{}", drive.name().unwrap_or_default());
        return Err(format!("error resizing volume '{path}': insufficient free space"));
    }
    if let Some((said, failed)) = written_once(t, &storage, &drive, &volume.format, wanted) {
        t.log(said);
        return Err(failed);
    }
    t.cluster.change_volume(&node, &drive.volume, |volume| volume.size = wanted);
    let storage = t.cluster.storage.get(&storage);
    let said = match storage.map(|storage| storage.kind.name) {
        // A running guest resizes its image itself.
        Some("dir" | "nfs") if !running => "Image resized.".to_owned(),
        Some("rbd") if !running => "Resizing image: 100% complete...done.".to_owned(),
        // Belief: lvextend's own words.
        Some("lvm" | "lvmthin") => {
            let group = storage.and_then(|storage| storage.get("vgname")).unwrap_or_default();
            let name = drive.name().unwrap_or_default();
            format!("  Logical volume {group}/{name} successfully resized.")
        }
        _ => String::new(),
    };
    t.log(said);
    drive.options.insert("size".to_owned(), size::print(wanted));
    let guest = t.cluster.guests.on_mut(vmid, &node)?;
    guest.config.values.insert(key.to_string(), drive.to_string());
    Ok(())
}
