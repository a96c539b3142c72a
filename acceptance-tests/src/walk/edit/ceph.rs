//! Edits of OSDs, rules, pools and storages.

use super::Editor;
use crate::walk::picture::{Kept, Osd, Pool, Rule, Storage};

const CLASSES: &[&str] = &["ssd", "nvme", "fast"];
const CONTENTS: &[&[&str]] = &[&["images"], &["images", "rootdir"], &["rootdir"]];

impl Editor {
    pub(super) fn add_osd(&mut self) -> Option<String> {
        let (node, serial) = self.pick(&self.now.free_disks())?;
        // An OSD that goes away in the same step needs its disk until the end.
        if self.before.osds.contains_key(&serial) {
            return None;
        }
        let class = if self.heads() { self.pick(CLASSES).map(Kept::said) } else { None };
        self.touch(&serial);
        self.now.osds.insert(serial.clone(), Osd { node: node.clone(), class });
        Some(format!("add osd: {serial} on {node}"))
    }

    pub(super) fn remove_osd(&mut self) -> Option<String> {
        // Those that stay must hold everything, without what is only now being added.
        let serial = self.key(
            |p| &p.osds,
            |editor, serial, _| {
                let mut left = editor.now.clone();
                left.osds.retain(|other, _| other != serial && editor.before.osds.contains_key(other));
                editor.before.osds.contains_key(serial) && left.is_placeable()
            },
        )?;
        self.now.osds.remove(&serial);
        Some(format!("remove osd: {serial}"))
    }

    pub(super) fn change_osd(&mut self) -> Option<String> {
        let serial = self.key(|p| &p.osds, |_, _, _| true)?;
        let class = self.now.osds[&serial].class.clone().unwrap_or(Kept::usual("ssd"));
        let class = self.vary(&class, CLASSES);
        let told = format!("change osd: {serial} {class:?}");
        self.now.osds.get_mut(&serial)?.class = Some(class);
        Some(told)
    }

    pub(super) fn add_rule(&mut self) -> Option<String> {
        if self.now.rules.len() >= 4 {
            return None;
        }
        let (label, failure_domain) = (self.now.fresh("rule"), self.one(["osd", "host"]));
        self.touch(&label);
        self.now.rules.insert(label.clone(), Rule { failure_domain });
        Some(format!("add rule: {label} {failure_domain}"))
    }

    pub(super) fn remove_rule(&mut self) -> Option<String> {
        let label = self.key(|p| &p.rules, |e, label, _| !e.now.uses_rule(label) && !e.before.uses_rule(label))?;
        self.now.rules.remove(&label);
        Some(format!("remove rule: {label}"))
    }

    pub(super) fn redefine_rule(&mut self) -> Option<String> {
        let label = self.key(|p| &p.rules, |_, _, _| true)?;
        let was = self.now.rules[&label].failure_domain;
        let domain = if was == "osd" { "host" } else { "osd" };
        self.now.rules.get_mut(&label)?.failure_domain = domain;
        // The rule is changed before the pools that name it, and may not wait for an OSD that is only being added.
        let mut earlier = self.now.clone();
        earlier.osds.retain(|serial, _| self.before.osds.contains_key(serial));
        earlier.pools.extend(self.before.pools.clone());
        if !self.now.is_placeable() || !earlier.is_placeable() {
            self.now.rules.get_mut(&label)?.failure_domain = was;
            return None;
        }
        Some(format!("redefine rule: {label} {domain}"))
    }

    pub(super) fn add_pool(&mut self) -> Option<String> {
        if self.now.pools.len() >= 5 {
            return None;
        }
        let rules: Vec<Option<String>> = self.now.rules.keys().cloned().map(Some).collect();
        let (label, size) = (self.now.fresh("pool"), self.maybe(3, &[2, 3, 4]));
        let pool = Pool {
            name: label.clone(),
            min_size: self.maybe(2, &[1, 2]),
            rule: self.maybe(None, &rules),
            pg_num: Kept::said(self.one([8, 16])),
            autoscale: self.maybe("warn", &["off", "warn"]),
            ratio: None,
            allow_destroy: self.rng.u8(0..4) > 0,
            size,
        };
        self.now.pools.insert(label.clone(), pool);
        self.touch(&label);
        if !self.now.is_placeable() {
            self.now.pools.remove(&label);
            return None;
        }
        Some(format!("add pool: {:?}", self.now.pools[&label]))
    }

    /// Whether a pool that was applied may be destroyed now, and nothing lies on it or is about to.
    fn may_go(&self, label: &str) -> bool {
        let empty = |p: &crate::walk::picture::Picture| {
            p.storages.iter().filter(|(_, storage)| storage.pool == label).all(|(id, _)| !p.uses_storage(id))
        };
        self.before.pools.get(label).is_some_and(|pool| pool.allow_destroy) && empty(&self.before) && empty(&self.now)
    }

    pub(super) fn remove_pool(&mut self) -> Option<String> {
        let label = self.key(
            |p| &p.pools,
            |e, label, _| e.may_go(label) && !e.now.uses_pool(label) && !e.before.uses_pool(label),
        )?;
        self.now.pools.remove(&label);
        Some(format!("remove pool: {label}"))
    }

    pub(super) fn rename_pool(&mut self) -> Option<String> {
        let label = self.key(|p| &p.pools, |e, label, _| e.may_go(label))?;
        let name = self.now.fresh("renamed");
        let pool = self.now.pools.get_mut(&label)?;
        let told = format!("rename pool: {} to {name}", pool.name);
        pool.name = name;
        // What is not written down is PVE's choice again.
        let usual = |kept: &mut Kept<u32>, value| {
            if !kept.said {
                kept.value = value;
            }
        };
        usual(&mut pool.size, 3);
        usual(&mut pool.min_size, 2);
        if !pool.rule.said {
            pool.rule.value = None;
        }
        pool.pg_num = Kept::said(pool.pg_num.value);
        if !self.now.is_placeable() || self.now.pools[&label].min_size.value > self.now.pools[&label].size.value {
            self.now.pools.insert(label.clone(), self.before.pools.get(&label)?.clone());
            return None;
        }
        Some(told)
    }

    pub(super) fn change_pool(&mut self) -> Option<String> {
        let label = self.key(|p| &p.pools, |_, _, _| true)?;
        let was = self.now.pools[&label].clone();
        let mut pool = was.clone();
        match self.rng.u8(0..8) {
            0 | 1 => {
                // Together: Ceph moves the one when the other is set.
                pool.size = self.vary(&pool.size, &[2, 3, 4, 5]);
                pool.min_size = Kept::said(self.rng.u32(1..=pool.size.value));
            }
            2 => pool.min_size = Kept::said(self.rng.u32(1..=pool.size.value)),
            3 => {
                let rules: Vec<_> = std::iter::once(None).chain(self.now.rules.keys().cloned().map(Some)).collect();
                pool.rule = self.vary(&pool.rule, &rules);
            }
            4 => pool.pg_num = self.vary(&pool.pg_num, &[8, 16, 32]),
            5 if self.now.terms.chance => {
                pool.autoscale = self.vary(&pool.autoscale, &["on", "off", "warn"]);
                pool.ratio = None;
            }
            6 if pool.autoscale.value != "on" => {
                pool.ratio = if self.heads() { Some(self.one([0.1, 0.25])) } else { None }
            }
            _ => pool.allow_destroy = !pool.allow_destroy,
        }
        self.now.pools.insert(label.clone(), pool.clone());
        if !self.now.is_placeable() {
            self.now.pools.insert(label, was);
            return None;
        }
        Some(format!("change pool: {label} {pool:?}"))
    }

    pub(super) fn add_storage(&mut self) -> Option<String> {
        let pools: Vec<String> = self.now.pools.keys().cloned().collect();
        if self.now.storages.len() >= 6 {
            return None;
        }
        let (pool, label) = (self.pick(&pools)?, self.now.fresh("st"));
        let storage = Storage {
            id: label.clone(),
            content: self.maybe(CONTENTS[1], &CONTENTS[..2]),
            nodes: None,
            krbd: self.maybe(false, &[true, false]),
            disable: Kept::usual(false),
            pool,
        };
        let told = format!("add storage: {storage:?}");
        self.touch(&label);
        self.now.storages.insert(label, storage);
        Some(told)
    }

    fn unused_storage(&mut self) -> Option<String> {
        self.key(|p| &p.storages, |e, label, _| !e.now.uses_storage(label) && !e.before.uses_storage(label))
    }

    pub(super) fn remove_storage(&mut self) -> Option<String> {
        let label = self.unused_storage()?;
        self.now.storages.remove(&label);
        Some(format!("remove storage: {label}"))
    }

    pub(super) fn change_storage(&mut self) -> Option<String> {
        let (lot, pools) = (self.rng.u8(0..6), self.now.pools.keys().cloned().collect::<Vec<_>>());
        if lot == 0 {
            let label = self.key(|p| &p.storages, |_, _, _| true)?;
            let krbd = self.now.storages[&label].krbd.clone();
            let krbd = self.vary(&krbd, &[true, false]);
            let told = format!("change storage: {label} krbd {krbd:?}");
            self.now.storages.get_mut(&label)?.krbd = krbd;
            return Some(told);
        }
        let label = self.unused_storage()?;
        let mut storage = self.now.storages[&label].clone();
        match lot {
            1 => storage.content = self.vary(&storage.content, CONTENTS),
            2 => storage.disable = self.vary(&storage.disable, &[true, false]),
            3 => storage.pool = self.pick(&pools)?,
            4 => storage.id = self.now.fresh("renamed"),
            _ => {
                let nodes = [&["pve1"][..], &["pve1", "pve2"], &["pve2", "pve3"]];
                let nodes = self.one(nodes).iter().map(|node| (*node).to_owned()).collect();
                storage.nodes = if self.heads() { Some(nodes) } else { None };
            }
        }
        if lot == 4 {
            // A new entry: what is not written down is PVE's choice again.
            if !storage.content.said {
                storage.content.value = CONTENTS[1];
            }
            if !storage.disable.said {
                storage.disable.value = false;
            }
            if !storage.krbd.said {
                storage.krbd.value = false;
            }
        }
        let told = format!("change storage: {label} {storage:?}");
        self.now.storages.insert(label, storage);
        Some(told)
    }
}
