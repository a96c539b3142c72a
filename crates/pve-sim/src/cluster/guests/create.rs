//! What PVE adds to the configuration of a new guest, and the guests that exist from the start.

use serde_json::Value;

use super::drive::{Drive, DriveKey};
use super::{Config, Guest, change};
use crate::cluster::Cluster;
use crate::kernel::clock::Time;
use crate::kernel::ids::Ids;
use crate::shape::GuestShape;

/// The version of QEMU that new guests are made with.
pub(crate) const QEMU: &str = "10.0.2";

/// What PVE makes up for a new guest that does not say it: ids, the moment of its creation, the boot order.
pub fn defaults(config: &mut Config, ids: &mut Ids, now: Time) {
    let values = &mut config.values;
    values.entry("smbios1".to_owned()).or_insert_with(|| format!("uuid={}", ids.uuid()));
    match values.get("vmgenid").map(String::as_str) {
        None | Some("1") => {
            values.insert("vmgenid".to_owned(), ids.uuid());
        }
        Some("0") => {
            values.remove("vmgenid");
        }
        Some(_) => {}
    }
    if values.get("ostype").is_some_and(|kind| kind.starts_with('w'))
        && let Some(machine) = change::pinned(values.get("machine").map(String::as_str))
    {
        values.insert("machine".to_owned(), machine);
    }
    values.insert("meta".to_owned(), format!("creation-qemu={QEMU},ctime={}", now.unix()));
    if !values.contains_key("boot") {
        let order = boot_order(config);
        // PVE writes an empty property string as one blank.
        let boot = if order.is_empty() { " ".to_owned() } else { format!("order={}", order.join(";")) };
        config.values.insert("boot".to_owned(), boot);
    }
}

/// The first disk, the first CD-ROM drive, the first network device.
fn boot_order(config: &Config) -> Vec<String> {
    const BUSES: [&str; 4] = ["ide", "scsi", "virtio", "sata"];
    let drives: Vec<(DriveKey, Drive)> = config.drives().collect();
    let number = |key: &str, bus: &str| key.strip_prefix(bus).and_then(|n| n.parse::<u32>().ok());
    let first = |cdrom: bool| {
        BUSES.iter().find_map(|bus| {
            let of_bus = drives.iter().filter(|(_, drive)| drive.is_cdrom() == cdrom);
            let numbered = of_bus.filter_map(|(key, _)| Some((number(key.as_str(), bus)?, key.to_string())));
            numbered.min().map(|(_, key)| key)
        })
    };
    let net = config.values.keys().find(|key| number(key, "net").is_some()).cloned();
    [first(false), first(true), net].into_iter().flatten().collect()
}

impl Cluster {
    /// Puts a guest of the cluster's shape there, with its volumes. What cannot be made stands as it was written.
    pub fn place_guest(&mut self, shape: &GuestShape) {
        let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut given: Vec<(String, String)> = shape.config.iter().map(|(k, v)| (k.clone(), text(v))).collect();
        if shape.container {
            given.extend(shape.name.clone().map(|name| ("hostname".to_owned(), name)));
            return self.place_container(shape, given);
        }
        given.extend(shape.name.clone().map(|name| ("name".to_owned(), name)));
        let mut config = Config::default();
        for (key, value) in given {
            let (key, value) = change::normalise(&key, &value, &mut self.ids).unwrap_or((key, value));
            config.values.insert(key, value);
        }
        let drives: Vec<_> = config.drives().collect();
        for (key, drive) in drives {
            if let Ok((drive, _)) = self.make_drive(&shape.node, shape.vmid, &key, drive) {
                // An installed system fills an eighth of its disk.
                self.change_volume(&shape.node, &drive.volume, |volume| volume.used = volume.size / 8);
                config.values.insert(key.to_string(), drive.to_string());
            }
        }
        if config.get("template") == Some("1") {
            let disks: Vec<_> = config.drives().filter(|(_, drive)| !drive.is_cdrom()).collect();
            for (key, mut drive) in disks {
                if let Ok(base) = self.make_base(&shape.node, &drive.volume) {
                    drive.volume = base;
                    config.values.insert(key.to_string(), drive.to_string());
                }
            }
        }
        defaults(&mut config, &mut self.ids, self.now);
        let guest = Guest { refuses_unplug: shape.refuses_unplug, ..Guest::new(&shape.node, config, self.now) };
        self.guests.all.insert(shape.vmid, guest);
        if shape.running && self.nodes.online(&shape.node) {
            // A guest whose volumes are missing does not run, whatever the shape says.
            let _ = self.power_on(shape.vmid);
        }
    }
}
