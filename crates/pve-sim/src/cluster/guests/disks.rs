//! A guest's disks: made with it, attached, detached, freed.

use super::drive::{Drive, DriveKey};
use super::size;
use crate::cluster::Cluster;
use crate::cluster::storage::owner;

/// Size of the cloud-init drive.
pub(super) const CLOUDINIT: u64 = 4 << 20;
const TPM: u64 = 4 << 20;

/// The size of the variables of an EFI firmware.
fn efi_size(drive: &Drive) -> u64 {
    match drive.options.get("efitype").map(String::as_str) {
        Some("4m") => 528 << 10,
        _ => 128 << 10,
    }
}

/// The name of a guest's cloud-init drive.
pub(super) fn cloudinit_name(vmid: u32, format: &str) -> String {
    match format {
        "raw" => format!("vm-{vmid}-cloudinit"),
        format => format!("vm-{vmid}-cloudinit.{format}"),
    }
}

impl Cluster {
    /// Makes what a drive string asks for: a new volume, a cloud-init drive, or an existing volume's true size.
    /// The drive as it is stored, and what there is to log. Sizes are written as PVE prints them.
    ///
    /// # Errors
    /// PVE's text; nothing was made then.
    pub fn make_drive(
        &mut self,
        node: &str,
        vmid: u32,
        key: &DriveKey,
        mut drive: Drive,
    ) -> Result<(Drive, Vec<String>), String> {
        let mut log = Vec::new();
        let wanted = drive.options.remove("format");
        let import = drive.options.remove("import-from");
        if let Some(source) = import {
            self.import_drive(node, vmid, key, &source, wanted, &mut drive, &mut log)?;
        } else if let Some((id, gib)) = drive.allocation().map(|(id, gib)| (id.to_owned(), gib.to_owned())) {
            let storage = self.storage.usable(&id, node)?;
            let format = wanted.unwrap_or_else(|| storage.default_format().to_owned());
            if !storage.takes_format(&format) {
                return Err(format!("unsupported format '{format}'"));
            }
            let bytes = match key.as_str() {
                "efidisk0" => efi_size(&drive),
                "tpmstate0" => TPM,
                _ => size::parse_gib(&gib).ok_or_else(|| format!("unable to parse size '{gib}'"))?,
            };
            let made = self.allocate(node, &id, vmid, None, &format, bytes)?;
            log.push(made.log);
            if key.as_str() == "efidisk0" {
                let text = super::moving::render_bytes(bytes);
                log.push(format!("transferred 0.0 B of {text} (0.00%)"));
                // The tool tells the end once more where it writes the file as it is.
                let ends = if format == "raw" { 2 } else { 1 };
                log.extend((0..ends).map(|_| format!("transferred {text} of {text} (100.00%)")));
            }
            drive.volume = made.volid;
            drive.options.insert("size".to_owned(), size::print(made.size));
            log.push(format!("{key}: successfully created disk '{drive}'"));
        } else if drive.name() == Some("cloudinit") {
            let id = drive.storage().unwrap_or_default().to_owned();
            let files = self.storage.usable(&id, node)?.kind.has_files();
            let format = wanted.unwrap_or_else(|| if files { "qcow2" } else { "raw" }.to_owned());
            let name = cloudinit_name(vmid, &format);
            let made = self.allocate(node, &id, vmid, Some(&name), &format, CLOUDINIT)?;
            log.push(made.log);
            drive.volume = made.volid;
            drive.options.insert("media".to_owned(), "cdrom".to_owned());
            log.push(format!("{key}: successfully created disk '{drive}'"));
        } else if drive.volume.starts_with("/dev/") {
            // A disk of the node, as it is.
            if let Some(device) = self.nodes.get(node).and_then(|node| node.device(&drive.volume)) {
                drive.options.insert("size".to_owned(), size::print(device.size));
            }
        } else if let Some(id) = drive.storage() {
            self.storage.usable(id, node)?;
            let volume = self.volume(node, &drive.volume);
            let volume = volume.ok_or_else(|| format!("volume '{}' does not exist", drive.volume))?;
            if !drive.is_cloudinit() && !key.is_unused() {
                drive.options.insert("size".to_owned(), size::print(volume.size));
            }
        }
        if drive.is_cdrom() {
            drive.options.insert("media".to_owned(), "cdrom".to_owned());
        }
        log.retain(|line| !line.is_empty());
        Ok((drive, log))
    }

    /// Makes a volume of what a drive is to be imported from: as large as that, and in its format where that can be.
    #[allow(clippy::too_many_arguments)]
    fn import_drive(
        &mut self,
        node: &str,
        vmid: u32,
        key: &DriveKey,
        source: &str,
        wanted: Option<String>,
        drive: &mut Drive,
        log: &mut Vec<String>,
    ) -> Result<(), String> {
        let id = drive.storage().unwrap_or_default().to_owned();
        let (bytes, used, format) = match source.starts_with('/') {
            // A file of the node: some sectors.
            true => (512, 512, "raw".to_owned()),
            false => {
                let (from, name) = source.split_once(':').unwrap_or((source, ""));
                let from = self.storage.usable(from, node)?;
                let path = from.volume_path(name);
                let volume = self.volume(node, source).ok_or_else(|| format!("failed to stat '{path}'"))?;
                (volume.size, volume.used, volume.format)
            }
        };
        let storage = self.storage.usable(&id, node)?;
        let format = wanted.unwrap_or(format);
        let format = if storage.takes_format(&format) { format } else { storage.default_format().to_owned() };
        self.must_have_room(node, &id, used)?;
        let made = self.allocate(node, &id, vmid, None, &format, bytes)?;
        self.change_volume(node, &made.volid, |volume| volume.used = used.min(volume.size));
        log.push(made.log);
        let text = super::moving::render_bytes(bytes);
        log.push(format!("transferred 0.0 B of {text} (0.00%)"));
        // The tool tells the end once more where it writes the file as it is.
        let ends = if format == "raw" { 2 } else { 1 };
        log.extend((0..ends).map(|_| format!("transferred {text} of {text} (100.00%)")));
        drive.volume = made.volid;
        drive.options.insert("size".to_owned(), size::print(made.size));
        log.push(format!("{key}: successfully created disk '{drive}'"));
        Ok(())
    }

    /// What becomes of a drive that left the configuration: a volume of the guest's own stays as `unusedN`, the
    /// cloud-init drive is freed, everything else is just no longer named.
    ///
    /// # Errors
    /// PVE's text when the cloud-init drive cannot be freed.
    pub(super) fn detach(&mut self, vmid: u32, drive: &Drive) -> Result<(), String> {
        let Some(guest) = self.guests.get_mut(vmid) else { return Ok(()) };
        let node = guest.node.clone();
        let owned = drive.name().and_then(owner) == Some(vmid);
        if drive.is_cloudinit() {
            if owned {
                self.free(&node, &drive.volume)?;
            }
        } else if owned && !drive.is_cdrom() {
            let named = guest.config.drives().any(|(_, other)| other.volume == drive.volume);
            if !named {
                guest.config.add_unused(&drive.volume);
            }
        }
        Ok(())
    }
}
