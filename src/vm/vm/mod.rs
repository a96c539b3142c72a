//! `pve_vm`: a virtual machine.

mod agent;
pub mod bridges;
mod cdroms;
mod change;
mod cloud_init;
mod create;
mod destroy;
mod devices;
mod disk_options;
mod disks;
mod firmware;
mod foreseen;
mod hardware;
mod hot;
mod images;
mod left_behind;
mod listed;
mod named;
mod networks;
mod options;
mod origin;
mod placement;
mod possible;
mod processor;
mod roots_own;
mod settings;
mod way;
mod worded;

use std::collections::{BTreeMap, BTreeSet};

use terraform_plugin::{
    Change, Created, Cx, Deleted, Error, Failed, Findings, Model, Need, Path, Read, Resource, Say, Timeouts, Unwritten,
    Updated,
};

use super::planned::DiskOwner;
use super::{guest, identity, planned};
use crate::ground::absence;
use crate::ground::error::Problem;
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::guest::power::Reboot;
use cdroms::Cdrom;
pub use cloud_init::CloudInit;
use devices::Devices;
pub use disks::Disk;
use firmware::{EfiDisk, MachineOptions, Smbios, TpmState};
use hardware::Hardware;
pub use networks::Network;
use options::Options;
pub use options::Startup;
pub use origin::{BROUGHT, Origin};
use processor::CpuOptions;

/// A virtual machine.
///
/// What is left out is left alone: PVE chooses at creation, and nothing is planned for it later. An imported VM with
/// nothing but `vmid` written down plans nothing.
///
/// Where the VM runs at the moment is told by the data source `pve_vm`: migrations and failovers plan nothing. While it is
/// under HA (`pve_ha_resource`), HA alone starts and stops it.
///
/// A running VM takes some changes (memory, cores, machine, ...) only at its next stop and start; a warning says so.
///
/// A VM that exists already is not taken over; the error prints the `import` block. One exception: an apply that was killed
/// cannot tell what it has made. A VM that the journal in Terraform's data folder says this configuration was making is known
/// by the uuid that was chosen for it, also where PVE chose the number, and is taken for that, with a warning.
///
/// A VM can only be destroyed after `allow_destroy = true` was applied, and never while it is under HA: PVE would take it out of
/// HA and of the rules there. With `sid = "vm:${pve_vm.NAME.vmid}"` in its `pve_ha_resource`, that goes first.
///
/// What it names is looked for at plan and before anything is written: images, scripts, snippets, backups, mappings, bridges,
/// storages. What cannot be seen for want of rights is left to PVE.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "vm", area = "Virtual machines", key(vmid))]
pub struct Vm {
    /// Its number, unique in the cluster. Unset: the next free one.
    #[attr(keep, replace, range = 100..=999_999_999)]
    pub vmid: Option<u32>,
    /// Name: letters, digits, `-` and `.`.
    #[attr(
        keep,
        regex = r"([A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?\.)*[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?",
        says = "a DNS name"
    )]
    pub name: Option<String>,
    /// The node it is made on. Later it may go elsewhere, and a change of this does nothing, unless `placement` pins it. Unset:
    /// the online node that has all storages and bridges and carries the fewest guests; for a clone whose disks only one
    /// node sees, that one.
    #[attr(keep)]
    pub node: Option<String>,
    /// The resource pool (`pve_pool`) it is made in, for those who may make VMs in that pool only. Never compared later, and
    /// a change of it does nothing: who belongs to a pool is the pool's business. Where `pve_pool_member` says so, leave this
    /// out: the VM would be in the pool already, and the member would be refused as one that exists.
    #[attr(local, check = texts::one_word)]
    pub pool: Option<String>,
    #[attr(flatten)]
    pub origin: Origin,
    /// Cores of each socket.
    #[attr(keep, usual = 1_u32, range = 1..)]
    pub cores: Option<u32>,
    /// Sockets.
    #[attr(keep, usual = 1_u32, range = 1..)]
    pub sockets: Option<u32>,
    /// CPU type, such as `host` or `x86-64-v2-AES`. Left alone when unset. A text with PVE's options behind the type
    /// (`host,flags=+aes`) is taken as a whole, in place of `cpu_options`.
    #[attr(keep, check = texts::one_tidy_line, same = same_cpu)]
    pub cpu: Option<String>,
    /// What of the processor is not its type. Left alone when unset.
    #[attr(keep)]
    pub cpu_options: Option<CpuOptions>,
    /// Memory in MiB.
    #[attr(keep, usual = 512_u64, range = 16..)]
    pub memory: Option<u64>,
    /// Machine type: `q35`, `pc`, or one with its version (`pc-q35-9.2`), which PVE chooses for Windows when it is made. Left alone
    /// when unset. A text with PVE's options behind the type is taken as a whole, in place of `machine_options`.
    #[attr(keep, check = texts::one_tidy_line, same = same_machine)]
    pub machine: Option<String>,
    /// What of the machine is not its type. Left alone when unset.
    #[attr(keep)]
    pub machine_options: Option<MachineOptions>,
    /// Firmware.
    #[attr(keep, usual = "seabios", one_of = ["seabios", "ovmf"])]
    pub bios: Option<String>,
    /// SCSI controller.
    #[attr(keep, usual = "lsi", one_of = ["lsi", "lsi53c810", "virtio-scsi-pci", "virtio-scsi-single", "megasas", "pvscsi"])]
    pub scsi_hardware: Option<String>,
    /// Starts together with its node.
    #[attr(keep, usual = false)]
    pub on_boot: Option<bool>,
    /// Notes. Left alone when unset; an empty text removes them. White space at the end means nothing.
    #[attr(keep, length = ..=8192, same = texts::same_but_end)]
    pub description: Option<String>,
    /// Tags. Left alone when unset; an empty set removes them. Upper and lower case mean the same.
    #[attr(keep, each = texts::tag, same = same_tags)]
    pub tags: Option<BTreeSet<String>>,
    /// Whether it runs. Left alone when unset (a new VM is not started). While the VM is under HA, HA alone decides and this
    /// is only a note.
    #[attr(keep)]
    pub started: Option<bool>,
    /// The uuid that its firmware shows. It tells the VM from a later one with the same number.
    #[attr(computed)]
    pub uuid: Option<String>,
    /// What SMBIOS tells the guest of its machine. Left alone when unset.
    #[attr(keep)]
    pub smbios: Option<Smbios>,
    /// The disk in which UEFI keeps its settings (`bios = "ovmf"`). Left alone when unset.
    #[attr(keep)]
    pub efi_disk: Option<EfiDisk>,
    /// A TPM. Left alone when unset.
    #[attr(keep)]
    pub tpm_state: Option<TpmState>,
    /// Disks by interface: `ide0`-`ide3`, `sata0`-`sata5`, `scsi0`-`scsi30`, `virtio0`-`virtio15`. Left alone as a whole when
    /// unset. A disk that is taken out of the map is detached and stays with the VM as `unusedN`, unless its `when_removed` says
    /// that it is destroyed.
    #[attr(keep)]
    pub disks: Option<BTreeMap<String, Disk>>,
    /// CD-ROM drives by interface: `ide0`-`ide3`, `sata0`-`sata5`, `scsi0`-`scsi30`. Left alone as a whole when unset.
    #[attr(keep)]
    pub cdroms: Option<BTreeMap<String, Cdrom>>,
    /// Network cards: `net0` to `net31`. Left alone as a whole when unset.
    #[attr(keep)]
    pub networks: Option<BTreeMap<String, Network>>,
    /// Cloud-init. Left alone when unset.
    #[attr(keep)]
    pub cloud_init: Option<CloudInit>,
    /// Hardware.
    #[attr(flatten)]
    pub hardware: Hardware,
    /// Options.
    #[attr(flatten)]
    pub options: Options,
    /// Devices.
    #[attr(flatten)]
    pub devices: Devices,
    /// Whether a running VM is rebooted for changes that it takes at its next start only: `if_needed` reboots it, by its own shutdown,
    /// once an apply has left such changes waiting; HA has no part in it. With `never` they wait, and a warning says so.
    #[attr(local, rouses, default = Reboot::Never)]
    pub reboot: Reboot,
    /// Must be true, and applied, before the VM can be destroyed with all its disks.
    #[attr(local, default = false)]
    pub allow_destroy: bool,
    /// False while creation is still settling; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    /// How long operations may take. A disk that moves is given up by its lack of progress rather than by the clock.
    #[attr(timeouts(create = "20m", update = "24h", delete = "20m"))]
    pub timeouts: Timeouts,
}

fn same_tags(a: &BTreeSet<String>, b: &BTreeSet<String>) -> bool {
    let lower = |tags: &BTreeSet<String>| tags.iter().map(|tag| tag.to_lowercase()).collect::<BTreeSet<_>>();
    lower(a) == lower(b)
}

fn same_cpu(a: &String, b: &String) -> bool {
    texts::same_settings(a, b, "cputype")
}

fn same_machine(a: &String, b: &String) -> bool {
    texts::same_settings(a, b, "type")
}

/// Private data: the disks whose storage is set in the configuration.
const OWNED: &str = "owned_disks";

impl Resource<Pve> for Vm {
    fn needs() -> Vec<Need> {
        const CHANGES: [&[&str]; 11] = [
            &["VM.Allocate"],
            &["VM.Config.CDROM"],
            &["VM.Config.CPU"],
            &["VM.Config.Cloudinit"],
            &["VM.Config.Disk"],
            &["VM.Config.HWType"],
            &["VM.Config.Memory"],
            &["VM.Config.Network"],
            &["VM.Config.Options"],
            &["VM.PowerMgmt"],
            &["VM.Audit"],
        ];
        let mut needs = vec![Need::to_plan("/vms/{vmid}", &["VM.Audit"])];
        needs.extend(CHANGES.map(|any| Need::to_apply("/vms/{vmid}", any)));
        // For `placement`, for `clone` (on its source), and for `restore` of a backup.
        needs.push(Need::to_apply("/storage", &["Datastore.AllocateSpace"]));
        needs.push(Need::to_apply("/sdn/zones/localnetwork", &["SDN.Use"]));
        // For `startup`, which changes what the node does.
        needs.push(Need::to_apply("/", &["Sys.Modify"]));
        needs
    }

    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[
            ("template", "`pve_template` makes one of a machine"),
            ("force, live-restore", "a restore never replaces a machine, and none is started before it is complete"),
            ("reboot, autostart, smp, tdf, bootdisk, vmgenid", "relics, or PVE's own business"),
            (
                "amd-sev, intel-tdx, arch, ivshmem, parallel[n], spice_enhancements",
                "root's alone, and few have the hardware for them: they are left as they are",
            ),
        ]
    }

    /// A disk moves for hours.
    const UPDATES_SETTLE: bool = true;

    fn validate(config: &VmPlan, say: &mut Say<Self>) {
        foreseen::validate(config, say);
        crate::guest::validate::<Hardware, _>(&config.hardware, say);
        crate::guest::validate::<Devices, _>(&config.devices, say);
        disks::validate(config, say);
        cdroms::validate(config, say);
        networks::validate(config, say);
        cloud_init::validate(config, say);
        origin::validate(config, say);
    }

    async fn plan(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if change.is_destroy() {
            return;
        }
        foreseen::plan(change);
        let owned = disks::owned(&change.config);
        cx.private.set(OWNED, &owned);
        disks::plan(change.prior.as_ref(), &change.config, &change.plan, say);
        origin::plan(change.prior.as_ref(), &change.plan, say);
        let Some(vmid) = change.plan.vmid.get() else { return };
        planned::take_vmid(&cx.ledger, vmid);
        for (name, disk) in change.plan.disks.known().into_iter().flatten().filter(|(name, _)| owned.contains(name)) {
            let Some(storage) = disk.known().and_then(|disk| disk.storage.text()) else { continue };
            if let Some((_, other)) = planned::want_disk(&cx.ledger, vmid, name, DiskOwner::Vm, storage) {
                let (summary, detail) = two_owners(vmid, name, storage, &other);
                say.error(disks::path(name).at("storage"), summary, detail);
            }
        }
    }

    async fn possible(
        cx: &Cx<Pve>,
        want: &VmPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        possible::look(cx, want, prior, found).await
    }

    async fn removable(cx: &Cx<Pve>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        destroy::look(cx, was, found).await
    }

    async fn create(cx: &Cx<Pve>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        create::create(cx, want, unwritten).await
    }

    async fn read(cx: &Cx<Pve>, key: &VmKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let path = format!("/vms/{}", key.vmid);
        absence::answer_if_visible(&cx.client, &path, &["VM.Audit"], look(cx, key.vmid, prior).await).await
    }

    async fn update(cx: &Cx<Pve>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        Ok(change::change(cx, prior, want).await?)
    }

    async fn delete(cx: &Cx<Pve>, was: &Self) -> Result<Deleted<Self>, Error> {
        destroy::destroy(cx, was).await?;
        Ok(Deleted::Gone)
    }
}

/// The VM as it is. What is remembered beside the attributes is noted where it was not known yet.
async fn look(cx: &Cx<Pve>, vmid: u32, prior: Option<&Vm>) -> Result<Option<Vm>, Problem> {
    let Some(found) = guest::find(cx, vmid).await? else { return Ok(None) };
    identity::complete(cx, &found.config);
    let started = crate::guest::power::seen(cx, &found.guest, prior.and_then(|prior| prior.started)).await?;
    let mut vm = Vm::from_live(vmid, &found.guest.node, &found.config, started, prior);
    origin::leave_out_brought(cx, &mut vm, prior);
    let marked = identity::marked_with(&found.config).is_some();
    if marked {
        // What stands there is not the VM's own.
        vm.description = prior.and_then(|prior| prior.description.clone());
    }
    vm.ready = !marked
        && !matches!(found.config.lock.as_deref(), Some("create" | "clone"))
        && prior.is_none_or(|prior| prior.ready || prior.agrees_with(&found.config, started));
    Ok(Some(vm))
}

/// The error of a disk with two masters, for the one that comes second.
pub fn two_owners(vmid: u32, disk: &str, here: &str, there: &str) -> (String, String) {
    (
        format!("vm:{vmid} {disk} is wanted on \"{here}\" and on \"{there}\""),
        "`storage` of the disk in `pve_vm` and a `pve_vm_disk_move` name different storages. Leave `storage` out in `pve_vm` \
         (`initial_storage` says where a new disk is made), or remove the `pve_vm_disk_move`. Nothing was written."
            .to_owned(),
    )
}

/// The place of the number.
fn vmid_path() -> Path {
    Path::attr("vmid")
}
