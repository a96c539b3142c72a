//! The disks of a `pve_vm`.

use std::collections::BTreeMap;

use pve_client::api::params::Params;
use pve_client::api::qemu::config::Config;
use pve_client::api::qemu::drive::{Bus, Drive, DriveKey};
use pve_client::size::Size as Bytes;
use terraform_plugin::{Attr, Cx, Error, Findings, Nested, Path, Say, Size};

use super::disk_options::{self, DiskOptions};
use super::{Vm, VmPlan, firmware, images, origin};
use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::guest::removed::WhenRemoved;
use crate::vm::disk_storage::{data_key, is_data_bus, must_hold_images_somewhere};

/// A disk.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct Disk {
    /// Its size, such as `32G`. Needed for a new disk. Grows in place; PVE cannot shrink a disk.
    #[attr(keep, check = more_than_nothing)]
    pub size: Option<Size>,
    /// The storage it lies on. Set here, it is this resource's business: a change moves the disk, live if the VM runs, and
    /// frees the old volume when the copy is complete. Unset, it is left alone wherever it lies, and `pve_vm_disk_move` may
    /// move it.
    #[attr(keep, check = texts::one_word)]
    pub storage: Option<String>,
    /// Where a new disk is made, when `storage` is unset. Never looked at again.
    #[attr(local, check = texts::one_word)]
    pub initial_storage: Option<String>,
    /// What a new disk begins with: an image (`local:import/debian-13.qcow2`, from a storage with the content type
    /// `import`) or another VM's disk on the same node. The disk is as large as that; `size` makes it larger. Never looked at
    /// again.
    #[attr(local, check = texts::one_word)]
    pub import_from: Option<String>,
    /// Gives freed blocks back to the storage.
    #[attr(keep, usual = false)]
    pub discard: Option<bool>,
    /// What becomes of its data when it is taken out of `disks`: `keep` leaves the volume with the VM as `unusedN`; `destroy`
    /// destroys it, for good. Has to be applied before the disk is taken out.
    #[attr(local, default = WhenRemoved::Keep)]
    pub when_removed: WhenRemoved,
    /// What it is like.
    #[attr(flatten)]
    pub options: DiskOptions,
}

/// Storages round sizes up to their own units, by less than this: LVM to 4 MiB, RBD to 1 MiB.
const ROUNDING: u64 = 4 << 20;

fn more_than_nothing(size: &Size) -> Result<(), String> {
    if size.bytes() == 0 { Err("must be more than nothing".to_owned()) } else { Ok(()) }
}

/// The place of a disk's attribute.
pub fn path(disk: &str) -> Path {
    disk.parse().ok().and_then(firmware::path).unwrap_or_else(|| Path::attr("disks").key(disk))
}

impl Disk {
    fn from_live(drive: &Drive, asked: Option<&Self>) -> Self {
        let size = match (drive.size, asked.and_then(|asked| asked.size.as_ref())) {
            (Some(live), Some(asked)) if (asked.bytes()..asked.bytes() + ROUNDING).contains(&live.bytes()) => {
                Some(asked.clone())
            }
            (Some(live), _) => Some(Size::from_bytes(live.bytes())),
            // Nobody knows: a disk of the host, or a storage that does not say.
            (None, asked) => asked.cloned(),
        };
        Self {
            size,
            storage: drive.storage().map(str::to_owned),
            initial_storage: asked.and_then(|asked| asked.initial_storage.clone()),
            import_from: asked.and_then(|asked| asked.import_from.clone()),
            discard: Some(drive.discard.unwrap_or(false)),
            when_removed: asked.map(|asked| asked.when_removed).unwrap_or_default(),
            options: DiskOptions::from_live(drive, asked.map(|asked| &asked.options)),
        }
    }

    /// Where a new disk is made.
    pub fn first_storage(&self) -> Option<&str> {
        self.storage.as_deref().or(self.initial_storage.as_deref())
    }

    /// The drive with what is set here, nothing else changed.
    fn apply_to(&self, drive: &Drive) -> Drive {
        let mut drive = self.options.apply_to(drive.clone());
        if self.discard.is_some_and(|wanted| wanted != drive.discard.unwrap_or(false)) {
            drive.discard = self.discard;
        }
        drive
    }

    /// The drive to be made. What is not known of it has been refused by [`must_be_possible`].
    fn new_drive(&self) -> Option<Drive> {
        if let Some(source) = &self.import_from {
            return Some(self.apply_to(&Drive::import(self.first_storage()?, source)));
        }
        let size = Bytes::from_bytes(self.size.as_ref()?.bytes());
        Some(self.apply_to(&Drive::allocate(self.first_storage()?, size)))
    }
}

/// The data disks of a configuration.
pub fn from_live(config: &Config, asked: Option<&BTreeMap<String, Disk>>) -> BTreeMap<String, Disk> {
    let disks = config.disks().filter(|(key, _)| is_data_bus(key.bus));
    disks
        .map(|(key, drive)| {
            let name = key.to_string();
            let disk = Disk::from_live(drive, asked.and_then(|asked| asked.get(&name)));
            (name, disk)
        })
        .collect()
}

/// What is wrong with the configuration whatever there is.
pub fn validate(config: &VmPlan, say: &mut Say<Vm>) {
    for (name, disk) in config.disks.known().into_iter().flatten() {
        let key = match data_key(name) {
            Ok(key) => key,
            Err(what) => {
                say.error(path(name), "No interface for a disk", format!("{what}."));
                continue;
            }
        };
        if let Some(disk) = disk.known() {
            disk_options::validate(name, key.bus, disk, say);
        }
    }
}

/// The names of the disks whose storage is set in the configuration: they are owned by this resource.
pub fn owned(config: &VmPlan) -> Vec<String> {
    let all = config.disks.known().into_iter().flatten();
    let own =
        all.filter(|(_, disk)| disk.known().is_some_and(|disk| disk.storage.may_be_set())).map(|(n, _)| n.clone());
    own.chain(firmware::owned(config)).collect()
}

/// Says what a plan makes of the disks: what cannot be done, and what the user should know.
pub fn plan(prior: Option<&Vm>, config: &VmPlan, plan: &VmPlan, say: &mut Say<Vm>) {
    let Some(planned) = plan.disks.known() else { return };
    let before = prior.and_then(|prior| prior.disks.as_ref());
    for (name, _) in planned.iter().filter(|(_, disk)| disk.is_known()) {
        if before.is_some_and(|before| before.contains_key(name)) || prior.is_some_and(|prior| !prior.ready) {
            continue;
        }
        // What a clone or a backup brings along is not new.
        if prior.is_none() && origin::may_bring_along(config) {
            continue;
        }
        let configured = config.disks.known().and_then(|disks| disks.get(name)?.known());
        if configured.is_some_and(|disk| disk.size.is_null() && disk.import_from.is_null()) {
            tell(say, needs_size(name));
        }
        if configured.is_some_and(|disk| disk.storage.is_null() && disk.initial_storage.is_null()) {
            tell(say, needs_storage(name));
        }
    }
    if !matches!(config.disks, Attr::Known(_)) {
        return;
    }
    for name in before.into_iter().flat_map(BTreeMap::keys).filter(|name| !planned.contains_key(*name)) {
        match before.and_then(|before| before.get(name)).map(|disk| disk.when_removed).unwrap_or_default() {
            WhenRemoved::Keep => say.warning(
                path(name),
                "A disk will be detached",
                format!(
                    "{name} is not in `disks` any more. Its volume is not destroyed: it stays with the VM as an unused disk \
                     (`unusedN`)."
                ),
            ),
            WhenRemoved::Destroy => say.warning(
                path(name),
                "A disk will be destroyed",
                format!(
                    "{name} is not in `disks` any more, and it had `when_removed = \"destroy\"`: its volume is destroyed with all \
                     data in it."
                ),
            ),
        }
    }
}

fn tell(say: &mut Say<Vm>, problem: Problem) {
    Error::from(problem).into_diagnostics().into_iter().for_each(|diagnostic| say.push(diagnostic));
}

/// Looks whether every disk that is to be made or grown can be. `known` is what is known of what is wanted.
pub async fn look(
    cx: &Cx<Pve>,
    (want, known): (&VmPlan, &Vm),
    prior: Option<&Vm>,
    live: Option<&Config>,
    node: Option<&str>,
    found: &mut Findings<Vm>,
) {
    for (name, disk) in known.disks.iter().flatten() {
        let Ok(key) = data_key(name) else { continue };
        match live.and_then(|live| live.drives.get(&key)) {
            Some(drive) => {
                let before = prior.and_then(|prior| prior.disks.as_ref()?.get(name)?.size.as_ref());
                look_at(name, disk, drive, before, found);
            }
            None => {
                let Some(wanted) = want.disks.known().and_then(|disks| disks.get(name)?.known()) else { continue };
                if let Some((unused, volume)) = live.and_then(unused) {
                    found.notice(made_anew(name, unused, volume));
                }
                if wanted.storage.is_null() && wanted.initial_storage.is_null() {
                    found.mendable(needs_storage(name));
                }
                if wanted.size.is_null() && wanted.import_from.is_null() {
                    found.mendable(needs_size(name));
                }
                if let Some(source) = &disk.import_from {
                    images::look(cx, name, source, node, found).await;
                }
                if let Some(storage) = disk.first_storage() {
                    let at = if disk.storage.is_some() { "storage" } else { "initial_storage" };
                    must_hold(cx, storage, node, path(name).at(at), found).await;
                }
            }
        }
    }
}

/// Looks at a disk that is there.
fn look_at(name: &str, disk: &Disk, drive: &Drive, before: Option<&Size>, found: &mut Findings<Vm>) {
    if !drive.is_disk() {
        let problem = Problem::new(
            format!("{name} is taken by {}", drive.volume),
            "That is no data disk; nothing was written. Choose another interface.",
        );
        return found.mendable(problem.at(path(name)));
    }
    let Some(want) = disk.size.as_ref().filter(|want| before != Some(*want)) else { return };
    match drive.size {
        // It would have to be another disk.
        Some(is) if want.bytes() + ROUNDING <= is.bytes() => {
            let problem = Problem::new(
                format!("{name} cannot shrink from {is} to {want}"),
                "PVE can only grow disks. Nothing was written. Make a smaller one beside it and copy the data in the guest.",
            );
            found.certain(problem.at(path(name).at("size")));
        }
        None if before.is_some() => {
            let problem = Problem::new(
                format!("The size of {name} is not known"),
                format!(
                    "{} has no size in the VM's configuration, and its storage tells none. Nothing was written. Leave `size` out.",
                    drive.volume
                ),
            );
            found.mendable(problem.at(path(name).at("size")));
        }
        _ => {}
    }
}

/// Looks whether a storage can hold disks; one that the same plan makes is no news.
pub async fn must_hold(cx: &Cx<Pve>, storage: &str, node: Option<&str>, at: Path, found: &mut Findings<Vm>) {
    if let Err(problem) = must_hold_images_somewhere(cx, storage, node, at).await {
        found.missing(cx.comes(STORAGE, storage), problem);
    }
}

/// The storages that this provider makes.
const STORAGE: &str = "storage_rbd";

/// A volume that the VM has and does not use.
fn unused(live: &Config) -> Option<(DriveKey, &str)> {
    live.drives.iter().find(|(key, _)| key.bus == Bus::Unused).map(|(key, drive)| (*key, drive.volume.as_str()))
}

fn made_anew(name: &str, unused: DriveKey, volume: &str) -> Error {
    let detail = format!(
        "{name} will be a new, empty volume. The VM keeps {volume} as {unused}: if that is the disk that is meant, attach it in PVE \
         first (or take back its removal there)."
    );
    Error::new("A disk is made anew while the VM has an unused one", detail).at(path(name))
}

fn needs_storage(name: &str) -> Problem {
    Problem::new(
        format!("New disk {name} needs a storage"),
        "Set `storage`, or `initial_storage` if something else decides where it lies later. Nothing was written.",
    )
    .at(path(name).at("storage"))
}

fn needs_size(name: &str) -> Problem {
    Problem::new(format!("New disk {name} needs a size"), "Set it, such as `32G`. Nothing was written.")
        .at(path(name).at("size"))
}

/// Adds new disks, changed options and removals to the parameters of a create or an update.
pub fn params(want: &Vm, prior: Option<&Vm>, live: Option<&Config>, mut params: Params) -> Params {
    let Some(disks) = &want.disks else { return params };
    for (name, disk) in disks {
        let Ok(key) = data_key(name) else { continue };
        match live.and_then(|live| live.drives.get(&key)) {
            Some(drive) => {
                let changed = disk.apply_to(drive);
                if changed != *drive {
                    params = params.drive(key, &changed);
                }
            }
            None => {
                if let Some(drive) = disk.new_drive() {
                    params = params.drive(key, &drive);
                }
            }
        }
    }
    for key in removed(want, prior, live) {
        params = params.remove(key.to_string());
    }
    params
}

/// Those of the disks that were there and are to be destroyed.
pub fn doomed(removed: &[DriveKey], prior: &Vm) -> Vec<DriveKey> {
    let before = |key: &DriveKey| prior.disks.as_ref()?.get(&key.to_string()).map(|disk| disk.when_removed);
    removed.iter().copied().filter(|key| before(key) == Some(WhenRemoved::Destroy)).collect()
}

/// The disks that are wanted.
pub fn keys(want: &Vm) -> Vec<DriveKey> {
    want.disks.iter().flatten().filter_map(|(name, _)| data_key(name).ok()).collect()
}

/// The disks that were there, are there, and are not wanted any more.
pub fn removed(want: &Vm, prior: Option<&Vm>, live: Option<&Config>) -> Vec<DriveKey> {
    let (Some(disks), Some(before)) = (&want.disks, prior.and_then(|prior| prior.disks.as_ref())) else {
        return Vec::new();
    };
    let gone = before.keys().filter(|name| !disks.contains_key(*name)).filter_map(|name| data_key(name).ok());
    gone.filter(|key| live.is_some_and(|live| live.drives.get(key).is_some_and(Drive::is_disk))).collect()
}

/// The disks that are to grow, with the size wanted. What is asked for is compared with what is there; a disk that was
/// enlarged by somebody else is left so.
pub fn to_grow(want: &Vm, live: &Config) -> Vec<(DriveKey, Bytes)> {
    let sizes = want.disks.iter().flatten().filter_map(|(name, disk)| {
        let key = data_key(name).ok()?;
        let (want, is) = (disk.size.as_ref()?, live.drives.get(&key)?.size?);
        (want.bytes() > is.bytes()).then(|| (key, Bytes::from_bytes(want.bytes())))
    });
    sizes.collect()
}

/// The disks that lie elsewhere than this resource wants them, among those that it owns.
pub fn to_move(want: &Vm, owned: &[String], live: &Config) -> Vec<(DriveKey, String)> {
    let data = want.disks.iter().flatten();
    let data = data.filter_map(|(name, disk)| Some((data_key(name).ok()?, disk.storage.as_ref()?)));
    let wrong = data.chain(firmware::storages(want)).filter(|(key, wanted)| {
        let is = live.drives.get(key).and_then(Drive::storage);
        owned.contains(&key.to_string()) && is.is_some_and(|is| *wanted != is)
    });
    wrong.map(|(key, wanted)| (key, wanted.clone())).collect()
}

/// The state after an update: what the resource does not own may have changed since the plan was made, and the state tells
/// what was planned until the next refresh.
pub fn as_planned(found: &mut Vm, want: &Vm, owned: &[String]) {
    let not_ours = |key: &str| !owned.iter().any(|owned| owned == key);
    if let (Some(found), Some(want)) = (&mut found.efi_disk, &want.efi_disk)
        && not_ours("efidisk0")
        && want.storage.is_some()
    {
        found.storage.clone_from(&want.storage);
    }
    if let (Some(found), Some(want)) = (&mut found.tpm_state, &want.tpm_state)
        && not_ours("tpmstate0")
        && want.storage.is_some()
    {
        found.storage.clone_from(&want.storage);
    }
    let (Some(found), Some(want)) = (&mut found.disks, &want.disks) else { return };
    found.retain(|name, _| want.contains_key(name));
    for (name, disk) in found {
        let Some(want) = want.get(name) else { continue };
        if want.storage.is_some() && !owned.contains(name) {
            disk.storage.clone_from(&want.storage);
        }
        if let (Some(is), Some(asked)) = (&disk.size, &want.size)
            && is > asked
        {
            disk.size = Some(asked.clone());
        }
    }
}

#[cfg(test)]
mod tests;
