//! Disks of a node that a machine has as its own: PVE's list of disks does not tell of them, and takes them for free.

use pve_client::api::disks::Disk;
use terraform_plugin::Cx;

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// An error if a machine of this node has the device, or a partition of it, handed through as it is. `target` is the device
/// that is to be written to, `list` all of the node's.
pub async fn must_not_be(cx: &Cx<Pve>, node: &str, target: &Disk, list: &[Disk]) -> Result<(), Problem> {
    let doing = || format!("Cannot tell whether a machine of {node} has {} handed through", target.devpath);
    let whole = target.parent.as_ref().and_then(|parent| list.iter().find(|disk| disk.devpath == *parent));
    for vm in cx.client.node(node).vms().await.during(doing())?.iter() {
        let config = match cx.client.qemu(node, vm.vmid).config().await {
            Ok(config) => config,
            // It went away or elsewhere since the list was made.
            Err(error) if error.is_absent() => continue,
            Err(error) => return Err(error).during(doing()),
        };
        let paths = config.drives.iter().filter(|(_, drive)| drive.volume.starts_with("/dev/"));
        for (key, drive) in paths {
            let parts = target.parts(list);
            // A partition of it, and what it is a partition of.
            let devices = std::iter::once(target).chain(parts).chain(whole);
            if devices.into_iter().any(|disk| names(&drive.volume, disk)) {
                return Err(Problem::new(
                    format!("{} of {node} belongs to vm:{}", target.devpath, vm.vmid),
                    format!(
                        "The machine has {} as {key}, handed through as it is. Nothing was erased. Take {key} out of the machine \
                         first if its data may go.",
                        drive.volume
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// Whether a path in a machine's configuration is that of the device. Links of udev hold a disk's serial number or its WWN.
fn names(path: &str, disk: &Disk) -> bool {
    if path == disk.devpath || disk.by_id_link.as_deref() == Some(path) {
        return true;
    }
    let Some(link) = path.strip_prefix("/dev/disk/by-id/") else { return false };
    let name = link.rsplit_once("-part").map_or(link, |(name, _)| name);
    let serial = disk.serial.as_deref().map(str::trim).filter(|serial| serial.len() >= 4);
    serial.is_some_and(|serial| name.ends_with(serial))
        || disk.wwn.as_deref().is_some_and(|wwn| name.strip_prefix("wwn-").is_some_and(|link| link == wwn))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_device_by_any_of_its_links() {
        let disk: Disk = serde_json::from_value(serde_json::json!({
            "devpath": "/dev/sdb", "serial": "S4EVK1", "wwn": "0x5002538e", "by_id_link": "/dev/disk/by-id/ata-SSD_S4EVK1",
        }))
        .unwrap();
        for path in [
            "/dev/sdb",
            "/dev/disk/by-id/ata-SSD_S4EVK1",
            "/dev/disk/by-id/scsi-1ATA_SSD_S4EVK1",
            "/dev/disk/by-id/ata-SSD_S4EVK1-part2",
            "/dev/disk/by-id/wwn-0x5002538e",
        ] {
            assert!(names(path, &disk), "{path}");
        }
        for path in ["/dev/sdc", "/dev/disk/by-id/ata-SSD_S4EVK12", "/dev/disk/by-id/wwn-0x5002538f", "/mnt/S4EVK1"] {
            assert!(!names(path, &disk), "{path}");
        }
    }
}
