//! Edits of what is around machines: disks brought to a storage, HA, resource pools.

use super::Editor;
use crate::walk::picture::{Group, Ha, Kept, Move, Picture, move_key};

/// What HA makes of a machine; none: it is left as it is.
fn runs_in(state: &str) -> Option<bool> {
    match state {
        "started" => Some(true),
        "stopped" | "disabled" => Some(false),
        _ => None,
    }
}

impl Editor {
    /// The storages that any machine's disk can lie on.
    pub(super) fn shared(&self) -> Vec<String> {
        let storages = self.now.storages.iter();
        storages.filter(|(_, storage)| storage.takes_disks()).map(|(label, _)| label.clone()).collect()
    }

    pub(super) fn under_ha(&self, vm: &str) -> bool {
        self.now.ha.contains_key(vm) || self.before.ha.contains_key(vm)
    }

    pub(super) fn add_move(&mut self) -> Option<String> {
        let storages = self.shared();
        let vm = self.key(
            |p| &p.vms,
            |e, label, vm| vm.disks.iter().any(|(name, disk)| !disk.owned && !e.has_move(&move_key(label, name))),
        )?;
        let loose =
            self.now.vms[&vm].disks.iter().filter(|(name, disk)| !disk.owned && !self.has_move(&move_key(&vm, name)));
        let loose: Vec<String> = loose.map(|(name, _)| name.clone()).collect();
        let (disk, storage) = (self.pick(&loose)?, self.pick(&storages)?);
        self.now.vms.get_mut(&vm)?.disks.get_mut(&disk)?.at.clone_from(&storage);
        let told = format!("add move: {vm} {disk} to {storage}");
        self.now.moves.insert(move_key(&vm, &disk), Move { vm, disk, storage });
        Some(told)
    }

    fn has_move(&self, key: &str) -> bool {
        self.now.moves.contains_key(key) || self.before.moves.contains_key(key)
    }

    /// A move of a machine that is not touched.
    fn a_move(&mut self) -> Option<String> {
        let key = self.key(|p| &p.moves, |e, _, to| !e.is_touched(&to.vm))?;
        let vm = self.now.moves[&key].vm.clone();
        self.touch(&vm);
        Some(key)
    }

    pub(super) fn remove_move(&mut self) -> Option<String> {
        let key = self.a_move()?;
        self.now.moves.remove(&key);
        Some(format!("remove move: {key}"))
    }

    pub(super) fn change_move(&mut self) -> Option<String> {
        let storages = self.shared();
        let (storage, key) = (self.pick(&storages)?, self.a_move()?);
        let to = self.now.moves.get_mut(&key)?;
        to.storage.clone_from(&storage);
        let (vm, disk) = (to.vm.clone(), to.disk.clone());
        self.now.vms.get_mut(&vm)?.disks.get_mut(&disk)?.at.clone_from(&storage);
        Some(format!("change move: {key} to {storage}"))
    }

    pub(super) fn add_ha(&mut self) -> Option<String> {
        let vm = self.key(|p| &p.vms, |e, label, vm| !e.under_ha(label) && e.now.is_movable(vm))?;
        let ha = Ha {
            state: self.maybe("started", &["started", "stopped", "disabled", "ignored"]),
            max_restart: self.maybe(1, &[0, 2, 3]),
            max_relocate: self.maybe(1, &[0, 2]),
            failback: self.maybe(true, &[true, false]),
            comment: if self.heads() { Some("watched".to_owned()) } else { None },
        };
        self.power(&vm, ha.state.value);
        let told = format!("add ha: {vm} {ha:?}");
        self.now.ha.insert(vm, ha);
        Some(told)
    }

    /// The machine says what HA says, or nothing.
    fn power(&mut self, vm: &str, state: &'static str) {
        let Some(runs) = runs_in(state) else { return };
        if let Some(vm) = self.now.vms.get_mut(vm) {
            vm.started.value = runs;
        }
    }

    pub(super) fn remove_ha(&mut self) -> Option<String> {
        let vm = self.key(|p: &Picture| &p.ha, |_, _, _| true)?;
        self.now.ha.remove(&vm);
        Some(format!("remove ha: {vm}"))
    }

    pub(super) fn change_ha(&mut self) -> Option<String> {
        let vm = self.key(|p| &p.ha, |_, _, _| true)?;
        let mut ha = self.now.ha[&vm].clone();
        match self.rng.u8(0..7) {
            0..=2 => {
                ha.state = self.vary(&ha.state, &["started", "stopped", "disabled", "ignored"]);
                self.power(&vm, ha.state.value);
            }
            3 => ha.max_restart = self.vary(&ha.max_restart, &[0, 1, 3]),
            4 => ha.max_relocate = self.vary(&ha.max_relocate, &[0, 1, 3]),
            5 => ha.failback = self.vary(&ha.failback, &[true, false]),
            _ => ha.comment = if self.heads() { Some(self.one(["one", "two"]).to_owned()) } else { None },
        }
        let told = format!("change ha: {vm} {ha:?}");
        self.now.ha.insert(vm, ha);
        Some(told)
    }

    pub(super) fn add_group(&mut self) -> Option<String> {
        if self.now.groups.len() >= 3 {
            return None;
        }
        let label = self.now.fresh("group");
        self.touch(&label);
        self.now.groups.insert(label.clone(), Group { id: label.clone(), comment: None });
        Some(format!("add group: {label}"))
    }

    pub(super) fn remove_group(&mut self) -> Option<String> {
        let label = self.key(|p| &p.groups, |_, _, _| true)?;
        self.now.groups.remove(&label);
        Some(format!("remove group: {label}"))
    }

    pub(super) fn change_group(&mut self) -> Option<String> {
        let label = self.key(|p| &p.groups, |_, _, _| true)?;
        let (rename, comment) = (self.rng.u8(0..4) == 0, self.one([Some("first"), Some("second"), None]));
        let id = if rename { self.now.fresh("renamed") } else { self.now.groups[&label].id.clone() };
        let group = Group { id, comment: comment.map(str::to_owned) };
        let told = format!("change group: {label} {group:?}");
        self.now.groups.insert(label, group);
        Some(told)
    }

    /// The attribute that HA's part in it leaves to the machine.
    pub(super) fn started(&mut self) -> Kept<bool> {
        self.maybe(false, &[true, false])
    }
}
