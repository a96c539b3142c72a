//! Edits of virtual machines.

use std::collections::{BTreeMap, BTreeSet};

use super::Editor;
use crate::walk::picture::{Disk, Kept, LOCAL, Network, Vm, move_key};

const INTERFACES: [&str; 4] = ["scsi0", "scsi1", "scsi2", "virtio0"];
const CACHES: &[&str] = &["none", "writeback"];

impl Editor {
    /// Where a new disk of the machine may lie.
    fn places(&self, shared_only: bool) -> Vec<String> {
        let local = (!shared_only).then(|| LOCAL.to_owned());
        local.into_iter().chain(self.shared()).collect()
    }

    fn disk(&mut self, shared_only: bool) -> Option<Disk> {
        let places = self.places(shared_only);
        let owned = shared_only || self.heads();
        let at = if owned { self.pick(&places)? } else { LOCAL.to_owned() };
        let (discard, cache) = (self.maybe(false, &[true, false]), self.maybe("none", CACHES));
        Some(Disk { size: self.rng.u32(1..=3), at, owned, discard, cache })
    }

    pub(super) fn add_vm(&mut self) -> Option<String> {
        if self.now.vms.len() >= 6 {
            return None;
        }
        let (label, vmid) = (self.now.fresh("vm"), self.now.fresh_vmid());
        let by_pve = self.now.terms.chance && self.heads();
        let node = format!("pve{}", self.rng.u32(1..=self.now.terms.nodes));
        let disks = BTreeMap::from([("scsi0".to_owned(), self.disk(false)?)]);
        let vm = Vm {
            vmid: (!by_pve).then_some(vmid),
            name: Kept::said(label.clone()),
            cores: self.maybe(1, &[1, 2]),
            memory: self.maybe(512, &[256, 1024]),
            description: self.maybe(String::new(), &["made by lot".to_owned()]),
            tags: self.maybe(BTreeSet::new(), &[BTreeSet::from(["one"])]),
            on_boot: self.maybe(false, &[true, false]),
            started: self.started(),
            networks: if self.heads() {
                BTreeMap::from([("net0".to_owned(), self.network())])
            } else {
                BTreeMap::new()
            },
            cloud_init: if self.heads() { Some(("ops".to_owned(), "dhcp".to_owned())) } else { None },
            unused: Vec::new(),
            allow_destroy: self.rng.u8(0..4) > 0,
            node,
            disks,
        };
        let told = format!("add vm: {label} {vm:?}");
        self.touch(&label);
        self.now.vms.insert(label, vm);
        Some(told)
    }

    fn network(&mut self) -> Network {
        Network {
            tag: self.one([None, Some(20), Some(30)]),
            firewall: self.maybe(false, &[true, false]),
            model: self.maybe("virtio", &["virtio", "e1000e"]),
        }
    }

    /// A machine that was applied with the leave to be destroyed.
    fn destroyable(&mut self) -> Option<String> {
        self.key(|p| &p.vms, |e, label, _| e.before.vms.get(label).is_some_and(|vm| vm.allow_destroy))
    }

    pub(super) fn remove_vm(&mut self) -> Option<String> {
        let label = self.destroyable()?;
        self.now.vms.remove(&label);
        self.now.ha.remove(&label);
        self.now.moves.retain(|_, to| to.vm != label);
        Some(format!("remove vm: {label}"))
    }

    /// Another number: the machine is destroyed and made anew, with all that hangs on it.
    pub(super) fn renumber_vm(&mut self) -> Option<String> {
        let label = self.destroyable()?;
        let vmid = self.now.fresh_vmid();
        let moves: BTreeSet<String> = self.now.moves.keys().cloned().collect();
        let ha = self.now.ha.get(&label).map(|ha| ha.state.value);
        let vm = self.now.vms.get_mut(&label)?;
        // What is not written down is PVE's choice again, and a disk that nobody brings anywhere lies where it is made.
        let stays = |name: &String, disk: &Disk| disk.owned || moves.contains(&move_key(&label, name));
        if ha.is_some() && !vm.disks.iter().all(|(name, disk)| stays(name, disk)) {
            return None;
        }
        for (name, disk) in &mut vm.disks {
            if !stays(name, disk) {
                LOCAL.clone_into(&mut disk.at);
            }
        }
        vm.vmid = Some(vmid);
        vm.unused.clear();
        if !vm.started.said {
            vm.started.value = ha == Some("started");
        }
        Some(format!("renumber vm: {label} to {vmid}"))
    }

    pub(super) fn change_vm(&mut self) -> Option<String> {
        let label = self.key(|p| &p.vms, |_, _, _| true)?;
        let mut vm = self.now.vms[&label].clone();
        match self.rng.u8(0..8) {
            0 => vm.name = Kept::said(self.now.fresh("named")),
            1 => vm.cores = self.vary(&vm.cores, &[1, 2, 4]),
            2 => vm.memory = self.vary(&vm.memory, &[256, 512, 1024]),
            3 => {
                vm.description =
                    self.vary(&vm.description, &[String::new(), "first\nsecond".to_owned(), "ä ö ü".to_owned()])
            }
            4 => {
                let tags = [BTreeSet::new(), BTreeSet::from(["one"]), BTreeSet::from(["one", "two"])];
                vm.tags = self.vary(&vm.tags, &tags);
            }
            5 => vm.on_boot = self.vary(&vm.on_boot, &[true, false]),
            6 if vm.cloud_init.is_some() => {
                let ip = self.one(["dhcp", "192.0.2.7/24", "192.0.2.8/24"]);
                vm.cloud_init = Some((self.one(["ops", "admin"]).to_owned(), ip.to_owned()));
            }
            _ => vm.allow_destroy = !vm.allow_destroy,
        }
        let told = format!("change vm: {label} {vm:?}");
        self.now.vms.insert(label, vm);
        Some(told)
    }

    pub(super) fn start_or_stop_vm(&mut self) -> Option<String> {
        let label = self.key(|p| &p.vms, |e, label, _| !e.under_ha(label))?;
        let started = self.now.vms[&label].started.clone();
        let started = self.vary(&started, &[!started.value]);
        let told = format!("start or stop vm: {label} {started:?}");
        self.now.vms.get_mut(&label)?.started = started;
        Some(told)
    }

    pub(super) fn add_disk(&mut self) -> Option<String> {
        let label = self.key(|p| &p.vms, |_, _, vm| INTERFACES.iter().any(|name| !vm.disks.contains_key(*name)))?;
        let free = INTERFACES.iter().find(|name| !self.now.vms[&label].disks.contains_key(**name))?;
        let disk = self.disk(self.under_ha(&label))?;
        let told = format!("add disk: {label} {free} {disk:?}");
        self.now.vms.get_mut(&label)?.disks.insert((*free).to_owned(), disk);
        Some(told)
    }

    /// A disk of a machine that is not touched.
    fn a_disk(&mut self, fits: impl Fn(&Self, &str, &str, &Disk) -> bool) -> Option<(String, String)> {
        let label =
            self.key(|p| &p.vms, |e, label, vm| vm.disks.iter().any(|(name, disk)| fits(e, label, name, disk)))?;
        let fitting = self.now.vms[&label].disks.iter().filter(|(name, disk)| fits(self, &label, name, disk));
        let fitting: Vec<String> = fitting.map(|(name, _)| name.clone()).collect();
        Some((label, self.pick(&fitting)?))
    }

    pub(super) fn grow_disk(&mut self) -> Option<String> {
        let (label, name) = self.a_disk(|_, _, _, disk| disk.size < 9)?;
        let by = self.rng.u32(1..=2);
        let disk = self.now.vms.get_mut(&label)?.disks.get_mut(&name)?;
        disk.size += by;
        Some(format!("grow disk: {label} {name} to {}G", disk.size))
    }

    /// The machine says where the disk lies, another place than before, or says nothing any more.
    pub(super) fn bring_disk(&mut self) -> Option<String> {
        let (label, name) = self.a_disk(|e, vm, name, _| {
            let key = move_key(vm, name);
            !e.now.moves.contains_key(&key) && !e.before.moves.contains_key(&key)
        })?;
        let places = self.places(self.under_ha(&label));
        let (place, silent) = (self.pick(&places)?, self.rng.u8(0..4) == 0);
        let disk = self.now.vms.get_mut(&label)?.disks.get_mut(&name)?;
        match silent && disk.owned {
            true => disk.owned = false,
            false => (disk.owned, disk.at) = (true, place),
        }
        Some(format!("bring disk: {label} {name} {disk:?}"))
    }

    pub(super) fn detach_disk(&mut self) -> Option<String> {
        // It stays with the machine as an unused one.
        let (label, name) = self.a_disk(|e, vm, name, _| {
            let key = move_key(vm, name);
            name != "scsi0" && !e.now.moves.contains_key(&key) && !e.before.moves.contains_key(&key)
        })?;
        // Where it lies at this moment: it is not brought anywhere on its way out.
        let at = self.before.vms.get(&label)?.disks.get(&name)?.at.clone();
        let vm = self.now.vms.get_mut(&label)?;
        vm.disks.remove(&name);
        vm.unused.push(at);
        Some(format!("detach disk: {label} {name}"))
    }

    pub(super) fn change_disk(&mut self) -> Option<String> {
        let (label, name) = self.a_disk(|_, _, _, _| true)?;
        let disk = self.now.vms[&label].disks[&name].clone();
        let (discard, cache) = (self.vary(&disk.discard, &[true, false]), self.vary(&disk.cache, CACHES));
        let told = format!("change disk: {label} {name} {discard:?} {cache:?}");
        let disk = self.now.vms.get_mut(&label)?.disks.get_mut(&name)?;
        (disk.discard, disk.cache) = (discard, cache);
        Some(told)
    }

    pub(super) fn change_network(&mut self) -> Option<String> {
        let label = self.key(|p| &p.vms, |_, _, _| true)?;
        let (name, card) = (self.one(["net0", "net1"]), self.network());
        let networks = &mut self.now.vms.get_mut(&label)?.networks;
        let told = if networks.contains_key(name) && self.rng.u8(0..3) == 0 {
            networks.remove(name);
            format!("change network: {label} {name} goes")
        } else {
            // What is not written down of a card that is there stays as it is.
            let card = match networks.get(name) {
                Some(was) => Network {
                    tag: card.tag,
                    firewall: if card.firewall.said { card.firewall } else { Kept::usual(was.firewall.value) },
                    model: if card.model.said { card.model } else { Kept::usual(was.model.value) },
                },
                None => card,
            };
            let told = format!("change network: {label} {name} {card:?}");
            networks.insert(name.to_owned(), card);
            told
        };
        Some(told)
    }
}
