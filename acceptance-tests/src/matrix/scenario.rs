//! What is disturbed.

use crate::{HEAD, Workspace, example};

/// A configuration and the cluster that it is applied to.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// What it is called in reports.
    pub name: &'static str,
    /// Options of `pve-sim serve`.
    pub cluster: &'static [&'static str],
    /// Writes the configuration.
    pub write: fn(&Workspace) -> anyhow::Result<()>,
}

/// The road first; then what it does not have.
pub const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "ha-vm-on-ceph",
        cluster: &["--nodes", "3", "--disks", "2", "--guest", "101", "--bandwidth", "2GiB/s"],
        write: |work| {
            work.copy_example("ha-vm-on-ceph")?;
            let values = std::fs::read_to_string(example("ha-vm-on-ceph").join("terraform.tfvars.example"))?;
            work.write("terraform.tfvars", &format!("{values}\nallow_destroy = true\n"))
        },
    },
    Scenario {
        name: "VM with a number of its own",
        cluster: &[],
        write: |work| {
            work.write("head.tf", HEAD)?;
            let disks = "{ scsi0 = { size = \"2G\", storage = \"local-lvm\" } }";
            work.write(
                "main.tf",
                &format!(
                    "resource \"pve_vm\" \"one\" {{\n  vmid = 300\n  name = \"one\"\n  node = \"pve2\"\n  started = true\n  \
                     disks = {disks}\n  allow_destroy = true\n}}\n"
                ),
            )
        },
    },
    Scenario {
        name: "resource pool",
        cluster: &[],
        write: |work| {
            work.write("head.tf", HEAD)?;
            work.write("main.tf", include_str!("../../../examples/resources/pve_pool/resource.tf"))
        },
    },
];
