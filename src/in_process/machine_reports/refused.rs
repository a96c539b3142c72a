//! What failed in the middle, and could have been known before.

use super::{cluster, vm};

/// A machine that could not be made: what was written, what is said, and what helps.
const OF_NEW_ONES: &[(&str, &str, &str)] = &[
    (
        "cdroms = { ide2 = { file = \"local:iso/gone.iso\" } }",
        "There is no local:iso/gone.iso on pve1",
        "pve_storage_download",
    ),
    ("hook_script = \"local:snippets/gone.pl\"", "There is no local:snippets/gone.pl on pve1", "pve_storage_file"),
    (
        "cloud_init = { storage = \"local-lvm\", custom = { vendor = \"local:snippets/gone.yaml\" } }",
        "There is no local:snippets/gone.yaml on pve1",
        "cloud_init.custom.vendor",
    ),
    ("vm_state_storage = \"gone\"", "Storage \"gone\" does not exist", "local-lvm"),
    ("efi_disk = { storage = \"gone\" }", "Storage \"gone\" does not exist", "efi_disk.storage"),
    (
        "tpm_state = { storage = \"local\", version = \"v2.0\" }",
        "Storage \"local\" cannot hold disks",
        "tpm_state.storage",
    ),
    ("tpm_state = { version = \"v2.0\" }", "A new TPM needs a storage", "Set it"),
    ("cloud_init = { storage = \"gone\" }", "Storage \"gone\" does not exist", "cloud_init.storage"),
    ("networks = { net0 = { bridge = \"vmbr7\" } }", "Node pve1 has no bridge \"vmbr7\"", "vmbr0"),
    ("usb = { usb0 = { mapping = \"gone\" } }", "There is no mapping \"gone\"", "pve_mapping_usb"),
    ("pci = { hostpci0 = { mapping = \"gone\" } }", "There is no mapping \"gone\"", "pve_mapping_pci"),
    ("virtiofs = { virtiofs0 = { mapping = \"gone\" } }", "There is no mapping \"gone\"", "pve_mapping_dir"),
    ("pool = \"gone\"", "Resource pool \"gone\" does not exist", "pve_pool"),
    ("cpu = \"Haswel\"", "There is no processor type \"Haswel\"", "Haswell"),
    ("clone = { vmid = 9999 }", "There is no vm:9999 to be cloned", "VM.Clone"),
    ("clone = { vmid = 9000, storage = \"other\" }", "shares its disks unless `full = true`", "Set `full = true`"),
    ("clone = { vmid = 9000, snapshot = \"gone\" }", "vm:9000 has no snapshot \"gone\"", "It has none"),
    (
        "restore = { archive = \"local:backup/vzdump-qemu-1-2026_01_01-00_00_00.vma.zst\" }",
        "There is no local:backup/vzdump-qemu-1",
        "pve_backups",
    ),
    (
        "disks = { scsi0 = { size = \"1G\", storage = \"local-lvm\" } }\nboot_order = [\"scsi1\"]",
        "The VM has no \"scsi1\" to boot from",
        "boot_order",
    ),
    (
        "disks = { scsi0 = { storage = \"local-lvm\", import_from = \"local:import/gone.qcow2\" } }",
        "There is no local:import/gone.qcow2",
        "pve_storage_download",
    ),
    (
        "disks = { scsi0 = { storage = \"local-lvm\", import_from = \"local:iso/debian-13.iso\" } }",
        "A disk cannot be made from local:iso/debian-13.iso",
        "import",
    ),
    (
        "cdroms = { ide2 = {} }\ndisks = { ide2 = { size = \"1G\", storage = \"local-lvm\" } }",
        "ide2 is in `disks` as well",
        "another interface",
    ),
    ("memory = 1024\nballoon = 2048", "The balloon is larger than the memory", "balloon"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_new_machine_cannot_be_is_said_before_anything_is_written() {
    let mut work = cluster().await;
    work.refused(|attributes| vm(&format!("vmid = 100\nnode = \"pve1\"\n{attributes}")), OF_NEW_ONES).await;
}

/// What cannot become of a machine that is there.
const OF_CHANGES: &[(&str, &str, &str)] = &[
    (
        "cdroms = { ide2 = { file = \"local:iso/gone.iso\" } }",
        "There is no local:iso/gone.iso on pve1",
        "Nothing was written",
    ),
    (
        "hook_script = \"local:snippets/gone.pl\"\ncores = 4",
        "There is no local:snippets/gone.pl on pve1",
        "Nothing was written",
    ),
    ("efi_disk = { storage = \"local-lvm\", type = \"2m\" }", "The type of an EFI disk cannot be changed", "`4m`"),
    ("networks = { net0 = { bridge = \"vmbr7\" } }", "Node pve1 has no bridge \"vmbr7\"", "vmbr0"),
    ("boot_order = [\"scsi5\"]", "The VM has no \"scsi5\" to boot from", "Nothing was written"),
    ("disks = { scsi0 = { size = \"512M\" } }", "scsi0 cannot shrink", "PVE can only grow disks"),
    ("disks = { scsi0 = { size = \"1G\", storage = \"gone\" } }", "Storage \"gone\" does not exist", "local-lvm"),
    ("pci = { hostpci0 = { mapping = \"gone\" } }\ncores = 4", "There is no mapping \"gone\"", "pve_mapping_pci"),
    ("vm_state_storage = \"gone\"", "Storage \"gone\" does not exist", "Nothing was written"),
    ("balloon = 2048\nmemory = 1024", "The balloon is larger than the memory", "balloon"),
    ("cpu = \"Haswel\"", "There is no processor type \"Haswel\"", "Haswell"),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_machine_cannot_become_is_said_before_anything_is_written() {
    let mut work = cluster().await;
    let basis = "vmid = 100\nnode = \"pve1\"\nefi_disk = { storage = \"local-lvm\", type = \"4m\" }\n";
    let disk = "disks = { scsi0 = { size = \"1G\", storage = \"local-lvm\" } }\n";
    work.write(&vm(&format!("{basis}{disk}")));
    work.apply().await.succeeded();
    let sent = work.site.sent().len();
    for (attributes, summary, cure) in OF_CHANGES {
        let own = |name: &str| attributes.starts_with(name) || attributes.contains(&format!("\n{name}"));
        let basis = if own("efi_disk") { "vmid = 100\nnode = \"pve1\"\n" } else { basis };
        let disk = if own("disks") { "" } else { disk };
        work.write(&vm(&format!("{basis}{disk}{attributes}")));
        let planned = work.try_plan().await;
        assert!(planned.says(summary), "{attributes}: the plan does not say so: {}", planned.told());
        let said = work.apply().await.failed(summary);
        assert!(said.says(cure), "{attributes}: no word of {cure}: {}", said.told());
        assert_eq!(work.site.sent().len(), sent, "{attributes}: {:?}", work.site.sent());
    }
}
