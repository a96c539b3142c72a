//! A guest made from a backup: the work of `qmrestore`.
//!
//! Belief: no restore that succeeded was recorded; what is done is from pve-behaviour-3 2.4. A failed one leaves a guest with
//! next to nothing in its configuration, as recorded.

use std::time::Duration;

use super::drive::Drive;
use super::moving::render_bytes;
use super::{Change, Config, Guest, net, size};
use crate::kernel::locks::Lock;
use crate::kernel::schema::method;
use crate::kernel::tasks::{Steps, TaskCx};

/// What is restored, and how.
#[derive(Debug, Clone)]
pub struct Order {
    /// The new guest.
    pub vmid: u32,
    /// The backup.
    pub archive: String,
    /// The storage for all disks; each to its own if absent.
    pub storage: Option<String>,
    /// Whether what tells it from the guest of the backup is made anew.
    pub unique: bool,
    /// Settings in place of those of the backup.
    pub change: Change,
}

/// The time of a restore whose speed nothing limits.
const RESTORED: Duration = Duration::from_secs(2);
/// All that there is of a guest whose restore has not ended.
const STUB: (&str, &str) = ("memory", "128");

impl Order {
    /// The work of the task, but for what follows a creation.
    pub fn steps(self) -> Steps {
        let vmid = self.vmid;
        let (begin, failed) = (self.clone(), format!("VM {vmid} state is NOT cleaned up."));
        Steps::new().lock(Lock::Vm(vmid)).run(move |t| begin.begin(t)).wait(RESTORED).run(move |t| {
            self.restore(t).inspect_err(|_| {
                t.log(format!(
                    "error before or during data restore, some or all disks were not completely restored. {failed}"
                ));
            })
        })
    }

    fn begin(&self, t: &mut TaskCx<'_>) -> Result<(), String> {
        let vmid = self.vmid;
        if let Some(other) = t.cluster.guests.get(vmid) {
            return Err(format!("unable to restore VM {vmid} - VM {vmid} already exists on node '{}'", other.node));
        }
        let mut config = Config::default();
        config.values.insert(STUB.0.to_owned(), STUB.1.to_owned());
        let guest = Guest::new(&t.node(), config, t.now());
        t.cluster.guests.all.insert(vmid, guest);
        if let Some(storage) = &self.storage {
            t.works_on(storage);
        }
        Ok(())
    }

    fn restore(&self, t: &mut TaskCx<'_>) -> Result<(), String> {
        let node = t.node();
        let archived = t.cluster.backup(&node, &self.archive);
        let archived = archived.ok_or_else(|| format!("volume '{}' does not exist", self.archive))?.clone();
        if archived.kind != "qemu" {
            return Err(self.misread(t, archived.config.keys()));
        }
        let mut config = Config { values: archived.config, ..Config::default() };
        let drives: Vec<_> = config.drives().filter(|(key, _)| !key.is_unused()).collect();
        let mut made: Vec<String> = Vec::new();
        for (key, drive) in drives.into_iter().filter(|(_, drive)| !drive.is_cdrom() || drive.is_cloudinit()) {
            let made_one = self.disk(t, &node, drive);
            match made_one {
                Ok(drive) => {
                    made.push(drive.volume.clone());
                    config.values.insert(key.to_string(), drive.to_string());
                }
                Err(text) => {
                    for volid in made {
                        let said = t.cluster.free(&node, &volid).unwrap_or_else(|text| text);
                        t.log(said);
                    }
                    return Err(text);
                }
            }
        }
        config.values.retain(|key, _| !key.starts_with("unused") && key != "lock");
        if config.get("vmgenid").is_some_and(|id| id != "0") {
            config.values.insert("vmgenid".to_owned(), t.cluster.ids.uuid());
        }
        if self.unique {
            config.values.insert("smbios1".to_owned(), format!("uuid={}", t.cluster.ids.uuid()));
            for (_, text) in config.values.iter_mut().filter(|(key, _)| key.starts_with("net")) {
                *text = net::with_new_mac(text, &mut t.cluster.ids);
            }
        }
        config.values.extend(self.change.set.clone());
        let now = t.now();
        t.cluster.guests.all.insert(self.vmid, Guest::new(&node, config, now));
        Ok(())
    }

    /// An archive of a container: its settings are read, each that a virtual machine has not is told, and then its format is
    /// none that is known.
    fn misread<'a>(&self, t: &mut TaskCx<'_>, settings: impl Iterator<Item = &'a String>) -> String {
        let known = |key: &str| method("POST", "/nodes/{node}/qemu").is_some_and(|call| call.parameter(key).is_some());
        for key in settings.filter(|key| !known(key)) {
            t.log(format!("vm {} - unable to parse value of '{key}' - unknown setting '{key}'", self.vmid));
        }
        let (id, name) = self.archive.split_once(':').unwrap_or((&self.archive, ""));
        let path = t.cluster.storage.get(id).map(|storage| storage.volume_path(name)).unwrap_or_default();
        format!("ERROR: file '{path}' does not look like a QemuServer vzdump backup")
    }

    /// A volume with what the backup has of it.
    fn disk(&self, t: &mut TaskCx<'_>, node: &str, mut drive: Drive) -> Result<Drive, String> {
        let id = self.storage.clone().or_else(|| drive.storage().map(str::to_owned)).unwrap_or_default();
        let bytes = drive.options.get("size").and_then(|text| size::parse(text)).unwrap_or(4 << 20);
        let cloudinit = drive.is_cloudinit();
        let format = t.cluster.storage.usable(&id, node)?.default_format().to_owned();
        let name = cloudinit.then(|| super::disks::cloudinit_name(self.vmid, &format));
        t.cluster.must_have_room(node, &id, if cloudinit { 0 } else { bytes / 8 })?;
        t.works_on(&id);
        let made = t.cluster.allocate(node, &id, self.vmid, name.as_deref(), &format, bytes)?;
        t.log(&made.log);
        if !cloudinit {
            t.log(format!("progress 100% (read {bytes} bytes, duration 1 sec)"));
            t.log(format!("total bytes read {bytes}, {} restored", render_bytes(bytes)));
        }
        t.cluster.change_volume(node, &made.volid, |volume| volume.used = volume.size / 8);
        drive.volume = made.volid;
        drive.options.insert("size".to_owned(), size::print(made.size));
        Ok(drive)
    }
}
