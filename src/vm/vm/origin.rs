//! What a VM is made from, and where it is to live.

use std::collections::BTreeSet;

use pve_client::api::cluster::{Guest, GuestKind};
use pve_client::api::params::Params;
use pve_client::api::qemu::config::Config;
use pve_client::property_string::PropertyString;
use terraform_plugin::{Cx, Duration, Findings, Nested, Path, Say};

use super::change::write_settings;
use super::{Vm, VmPlan};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::texts;
use crate::section::listed;
use crate::vm::guest::{self, Found};
use crate::vm::identity;

/// What a VM is made from, and where it lives.
#[derive(Nested, Clone, Debug, PartialEq)]
pub struct Origin {
    /// Makes the VM as a clone of another. What the clone brings along and is not set here is left alone; what is set is
    /// brought to that right afterwards. Looked at when the VM is made, and never again.
    #[attr(local)]
    pub clone: Option<CloneFrom>,
    /// Makes the VM from a backup. What the backup brings along and is not set here is left alone; what is set is brought to
    /// that right afterwards. Looked at when the VM is made, and never again.
    #[attr(local)]
    pub restore: Option<RestoreFrom>,
    /// `initial`: `node` is where the VM is made, and where it goes later is nobody's business here. `pinned`: found elsewhere,
    /// it is brought back to `node`: live if it runs, with its local disks, and by HA while HA has it. The plan says so.
    #[attr(local, rouses, default = "initial", one_of = ["initial", "pinned"])]
    pub placement: String,
    /// How long the creation waits for the guest agent to answer, such as `2m`; needs `started = true` and a guest that has
    /// one. Unset: not at all. The addresses are told by the data source `pve_vm`.
    #[attr(local)]
    pub wait_for_agent: Option<Duration>,
}

/// What a VM is cloned from.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct CloneFrom {
    /// The number of the VM or template. It is found on whatever node it is.
    #[attr(required, range = 100..=999_999_999)]
    pub vmid: u32,
    /// The snapshot of it that is cloned, in place of what it is now: its settings are those of the snapshot then, and its disks are
    /// copied.
    #[attr(local, check = texts::one_word)]
    pub snapshot: Option<String>,
    /// Whether the disks are copied. Unset: a template's disks are shared with the clone (linked), those of other VMs copied.
    #[attr(local)]
    pub full: Option<bool>,
    /// The storage for the copies; each disk stays on its own storage if unset. Only for full clones.
    #[attr(local, check = texts::one_word)]
    pub storage: Option<String>,
    /// The format of the copies, where the storage has several. Only for full clones.
    #[attr(local, one_of = ["raw", "qcow2", "vmdk"])]
    pub format: Option<String>,
}

/// The backup that a VM is restored from.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct RestoreFrom {
    /// The backup's volume, such as `local:backup/vzdump-qemu-100-2026_11_29-10_00_00.vma.zst`.
    #[attr(required, length = ..=255, check = texts::one_word)]
    pub archive: String,
    /// The storage for all disks; each goes to the one it was on if unset.
    #[attr(local, check = texts::one_word)]
    pub storage: Option<String>,
    /// Whether the network cards get new MAC addresses: needed where the VM of the backup still exists.
    #[attr(local)]
    pub unique: Option<bool>,
}

/// The place of an attribute of `clone`.
pub fn clone_path(attribute: &str) -> Path {
    Path::attr("clone").at(attribute)
}

impl Default for Origin {
    fn default() -> Self {
        Self { clone: None, restore: None, placement: "initial".to_owned(), wait_for_agent: None }
    }
}

impl Origin {
    /// Whether the VM is brought back to its node.
    pub fn is_pinned(&self) -> bool {
        self.placement == "pinned"
    }

    /// Whether it begins as something else than an empty VM.
    pub fn brings_along(&self) -> bool {
        self.clone.is_some() || self.restore.is_some()
    }
}

/// Whether the configuration makes the VM from something that brings settings along.
pub fn may_bring_along(config: &VmPlan) -> bool {
    config.origin.clone.may_be_set() || config.origin.restore.may_be_set()
}

/// What is wrong with the configuration whatever there is.
pub fn validate(config: &VmPlan, say: &mut Say<Vm>) {
    let origin = &config.origin;
    if origin.clone.known().is_some() && origin.restore.known().is_some() {
        let cure = "A VM is made once: from another VM, or from a backup. Take one of the two out.";
        say.error("restore", "`clone` and `restore` at once", cure);
    }
    if let Some(clone) = origin.clone.known()
        && clone.full.is(&false)
    {
        for (name, set) in [("storage", clone.storage.may_be_set()), ("format", clone.format.may_be_set())] {
            if set {
                let cure = "The disks of a linked clone lie upon those of its template, on their storage. Leave it out, or copy \
                            them with `full = true`.";
                say.error(clone_path(name), format!("No {name} for a linked clone"), cure);
            }
        }
    }
    if origin.placement.text() == Some("pinned") && config.node.is_null() {
        let cure = "Say to which: set `node`.";
        say.error("placement", "A VM cannot be pinned to no node", cure);
    }
    if origin.wait_for_agent.may_be_set() && !config.started.is(&true) && !config.started.is_unknown() {
        let cure = "The guest agent answers in a VM that runs: set `started = true`, or leave `wait_for_agent` out.";
        say.error("wait_for_agent", "Nobody would answer", cure);
    }
}

/// Says what a plan makes of it.
pub fn plan(prior: Option<&Vm>, plan: &VmPlan, say: &mut Say<Vm>) {
    let Some(prior) = prior.filter(|prior| prior.ready) else { return };
    let origin = &plan.origin;
    let others = [
        ("clone", differs(&prior.origin.clone, origin.clone.known(), |was, is| is.vmid.get() != Some(was.vmid))),
        (
            "restore",
            differs(&prior.origin.restore, origin.restore.known(), |was, is| {
                is.archive.text() != Some(was.archive.as_str())
            }),
        ),
    ];
    for (name, differs) in others {
        if differs {
            say.warning(
                name,
                "The VM stays what it was made from",
                format!(
                    "`{name}` counts when the VM is made; a change of it is noted and does nothing else. To have it made anew, \
                     replace it: `terraform apply -replace=ADDRESS`."
                ),
            );
        }
    }
}

fn differs<A, B>(was: &Option<A>, is: Option<&B>, differ: impl Fn(&A, &B) -> bool) -> bool {
    was.as_ref().zip(is).is_some_and(|(was, is)| differ(was, is))
}

/// What the clone's source has, as the clone will have it, as far as that can be told. Nothing where there is no clone, or
/// its source is not known yet.
pub async fn source(cx: &Cx<Pve>, want: &Vm) -> Result<Option<Found>, Problem> {
    let Some(clone) = &want.origin.clone else { return Ok(None) };
    let Some(found) = guest::find(cx, clone.vmid).await? else { return Err(no_source(clone.vmid)) };
    Ok(Some(as_of(cx, found, clone).await?))
}

/// The source as it is cloned: as it is now, or as its snapshot has it.
async fn as_of(cx: &Cx<Pve>, found: Found, clone: &CloneFrom) -> Result<Found, Problem> {
    let Some(name) = &clone.snapshot else { return Ok(found) };
    let Guest { node, vmid, .. } = &found.guest;
    let doing = format!("Cannot look for snapshot \"{name}\" of vm:{vmid}");
    let all = cx.client.snapshots(GuestKind::Qemu, node, *vmid).list().await.during(&doing)?;
    if !all.iter().any(|snapshot| snapshot.name == *name) {
        let names: BTreeSet<String> = all.iter().map(|snapshot| snapshot.name.clone()).collect();
        let there = if names.is_empty() { "It has none".to_owned() } else { format!("It has {}", listed(&names)) };
        let problem = Problem::new(
            format!("vm:{vmid} has no snapshot \"{name}\""),
            format!("{there}. Nothing was written. Name another, or make it first (`pve_snapshot`)."),
        );
        return Err(problem.at(clone_path("snapshot")));
    }
    let config = cx.client.snapshots(GuestKind::Qemu, node, *vmid).config(name).await.during(&doing)?;
    Ok(Found { config, ..found })
}

fn no_source(vmid: u32) -> Problem {
    Problem::new(
        format!("There is no vm:{vmid} to be cloned"),
        "Nothing was written. If it does exist, the user or token lacks VM.Audit and VM.Clone on it.",
    )
    .at(clone_path("vmid"))
}

/// Looks at what the VM is to be made from; what it will bring along, if that can be told.
pub async fn look(
    cx: &Cx<Pve>,
    known: &Vm,
    found: &mut Findings<Vm>,
) -> Result<Option<Config>, terraform_plugin::Error> {
    let Some(clone) = &known.origin.clone else { return Ok(None) };
    let Some(source) = guest::find(cx, clone.vmid).await? else {
        found.missing(cx.comes("vm", &clone.vmid.to_string()), no_source(clone.vmid));
        return Ok(None);
    };
    let snapshot = clone.snapshot.as_ref().map(|name| cx.comes("snapshot", &format!("{}/{name}", clone.vmid)));
    let source = match as_of(cx, source, clone).await {
        Ok(source) => source,
        Err(problem) => {
            found.missing(snapshot == Some(true), problem);
            return Ok(None);
        }
    };
    let template = source.config.template;
    if clone.full == Some(false) && !template {
        let problem = Problem::new(
            format!("vm:{} is no template, so its clones cannot share its disks", clone.vmid),
            "Nothing was written. Leave `full` out to have the disks copied, or make it a template first (`pve_template`).",
        );
        found.mendable(problem.at(clone_path("full")));
    }
    if template && clone.full != Some(true) && (clone.storage.is_some() || clone.format.is_some()) {
        let at = if clone.storage.is_some() { "storage" } else { "format" };
        let problem = Problem::new(
            format!("A clone of the template vm:{} shares its disks unless `full = true`", clone.vmid),
            "A linked clone's disks lie upon those of its template, on their storage. Nothing was written. Set `full = true`, or \
             leave `storage` and `format` out.",
        );
        found.mendable(problem.at(clone_path(at)));
    }
    if let Some(storage) = &clone.storage {
        super::disks::must_hold(cx, storage, Some(&source.guest.node), clone_path("storage"), found).await;
    }
    Ok(Some(expected(&source.config, clone)))
}

/// The source's configuration as its clone will have it.
fn expected(source: &Config, clone: &CloneFrom) -> Config {
    let mut config = source.clone();
    config.drives.retain(|key, _| key.is_attached());
    if let Some(storage) = &clone.storage {
        for drive in config.drives.values_mut().filter(|drive| !drive.is_cdrom()) {
            if let Some((_, name)) = drive.volume.split_once(':') {
                drive.volume = format!("{storage}:{name}");
            }
        }
    }
    config
}

/// Private data: what came along and is not named in the configuration.
pub const BROUGHT: &str = "brought";

/// Makes a VM ours that has been made from something else: it gets the uuid that was chosen for it, in place of the mark in its
/// notes, and what it has brought along is remembered. The VM as it is afterwards.
pub async fn adopt(cx: &Cx<Pve>, found: Found, want: &Vm) -> Result<Found, Problem> {
    if !want.origin.brings_along() {
        return Ok(found);
    }
    let vmid = found.guest.vmid;
    let mut found = found;
    let ours = identity::ours(cx);
    if let Some(uuid) = ours.filter(|uuid| identity::is_marked(&found.config, uuid)) {
        let mut smbios: PropertyString =
            found.config.other.get("smbios1").and_then(|text| text.parse().ok()).unwrap_or_default();
        smbios.set("uuid", uuid);
        let params = Params::new().set("smbios1", smbios);
        // The mark stood where the notes of the source would stand.
        let notes = match (&want.description, &want.origin.clone) {
            (Some(notes), _) => Some(notes.clone()),
            (None, Some(clone)) => guest::find(cx, clone.vmid).await?.and_then(|it| it.config.description.clone()),
            (None, None) => None,
        };
        let params = match notes.filter(|notes| !notes.is_empty()) {
            Some(notes) => params.set("description", notes),
            None => params.remove("description"),
        };
        write_settings(cx, &found, params, &format!("Cannot give vm:{vmid} the uuid chosen for it")).await?;
        found = guest::must_exist(cx, vmid).await?;
    }
    if cx.private.get::<BTreeSet<String>>(BROUGHT).is_none() {
        cx.private.set(BROUGHT, brought(&found.config, want));
    }
    Ok(found)
}

/// What a VM has of the collections that are set, and that is not in them.
fn brought(config: &Config, want: &Vm) -> BTreeSet<String> {
    let is = Vm::from_live(0, "", config, false, None);
    let others = |is: Option<Vec<String>>, want: Option<Vec<String>>| -> Vec<String> {
        let (Some(is), Some(want)) = (is, want) else { return Vec::new() };
        is.into_iter().filter(|name| !want.contains(name)).collect()
    };
    let disks = |vm: &Vm| vm.disks.as_ref().map(|disks| disks.keys().cloned().collect());
    let cards = |vm: &Vm| vm.networks.as_ref().map(|cards| cards.keys().cloned().collect());
    let addresses = |vm: &Vm| {
        let all = vm.cloud_init.as_ref()?.ip_config.as_ref()?;
        Some(all.keys().map(|name| format!("ip:{name}")).collect())
    };
    let of_disks = others(disks(&is), disks(want));
    let of_cards = others(cards(&is), cards(want));
    let of_addresses = others(addresses(&is), addresses(want));
    of_disks.into_iter().chain(of_cards).chain(of_addresses).collect()
}

/// Leaves out of what was found what came along when the VM was made and has never been named since.
pub fn leave_out_brought(cx: &Cx<Pve>, vm: &mut Vm, named: Option<&Vm>) {
    let Some(brought) = cx.private.get::<BTreeSet<String>>(BROUGHT) else { return };
    if let Some(disks) = &mut vm.disks {
        let named = named.and_then(|named| named.disks.as_ref());
        disks.retain(|name, _| !brought.contains(name) || named.is_some_and(|named| named.contains_key(name)));
    }
    if let Some(cards) = &mut vm.networks {
        let named = named.and_then(|named| named.networks.as_ref());
        cards.retain(|name, _| !brought.contains(name) || named.is_some_and(|named| named.contains_key(name)));
    }
    if let Some(addresses) = vm.cloud_init.as_mut().and_then(|it| it.ip_config.as_mut()) {
        let named = named.and_then(|named| named.cloud_init.as_ref()?.ip_config.as_ref());
        addresses.retain(|name, _| {
            !brought.contains(&format!("ip:{name}")) || named.is_some_and(|named| named.contains_key(name))
        });
    }
}

/// Whether something with this id is shared by all nodes.
async fn is_shared(cx: &Cx<Pve>, id: &str) -> Result<bool, Problem> {
    const SHARED: [&str; 8] = ["rbd", "cephfs", "nfs", "cifs", "iscsi", "iscsidirect", "pbs", "zfs"];
    let storages = cx.client.storage().list().await.during("Cannot list the storages")?;
    let storage = storages.iter().find(|storage| storage.storage == id);
    Ok(storage.is_some_and(|storage| storage.shared || SHARED.contains(&storage.kind.as_str())))
}

/// The storages that a clone writes to, and whether one of its volumes would lie where its source's node alone sees it.
pub async fn storages(cx: &Cx<Pve>, source: &Found, clone: &CloneFrom) -> Result<(BTreeSet<String>, bool), Problem> {
    let (mut all, mut local) = (BTreeSet::new(), false);
    for drive in expected(&source.config, clone).drives.values() {
        let Some(storage) = drive.storage() else { continue };
        if !drive.is_cdrom() {
            all.insert(storage.to_owned());
        }
        local |= !is_shared(cx, storage).await?;
    }
    Ok((all, local))
}
