//! Installing, initialising, and making and unmaking daemons.

use std::collections::BTreeMap;

use super::crush::{ONE, weight_of};
use super::{Ceph, Mgr, Mon, Osd, OsdDevice, Time};

/// A TiB in bytes: OSDs weigh their capacity in it.
const TIB: f64 = 1_099_511_627_776.0;
/// What the map shows as the uuid of a destroyed OSD.
const NO_UUID: &str = "00000000-0000-0000-0000-000000000000";

impl Ceph {
    /// Installs the packages on a node.
    pub fn install(&mut self, node: &str) {
        self.nodes.entry(node.into()).or_default().installed = true;
    }

    /// Whether the packages are on a node, and nobody is at work on them.
    pub fn installed(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|n| n.installed && !n.installing)
    }

    /// Writes a value of `ceph.conf`.
    pub fn set_conf(&mut self, section: &str, key: &str, value: &str) {
        let conf = self.conf.get_or_insert_with(BTreeMap::new);
        conf.entry(section.into()).or_default().insert(key.into(), value.into());
    }

    /// Monitors that see each other.
    pub fn quorum(&self) -> Vec<&Mon> {
        let inside: Vec<&Mon> = self.mons.iter().filter(|m| m.in_quorum).collect();
        if inside.len() * 2 > self.mons.len() { inside } else { vec![] }
    }

    /// Whether monitors answer.
    pub fn has_quorum(&self) -> bool {
        !self.quorum().is_empty()
    }

    /// The manager that works.
    pub fn active_mgr(&self) -> Option<&Mgr> {
        self.mgrs.iter().find(|m| m.seen)
    }

    /// Whether the manager answers. What it does for the monitors (`osd df`, the autoscaler) hangs while it does not: also
    /// in the time in which they have not missed it yet.
    pub fn manager_answers(&self) -> bool {
        self.active_mgr().is_some_and(|mgr| mgr.running)
    }

    /// Adds a monitor; the first is there at once, others join after an election.
    pub fn add_mon(&mut self, name: &str, node: &str, ip: &str, now: Time) {
        self.advance(now);
        let first = self.mons.is_empty();
        self.monmap_epoch += 1;
        self.election_epoch += 4;
        if first {
            self.created = now;
            self.quorum_since = now;
        }
        self.mons.push(Mon {
            name: name.into(),
            node: node.into(),
            ip: ip.into(),
            running: true,
            settles_at: (!first).then_some(now + 2.0),
            in_quorum: first,
        });
    }

    /// Takes a monitor out; false if there is none.
    pub fn remove_mon(&mut self, name: &str, now: Time) -> bool {
        self.advance(now);
        let before = self.mons.len();
        self.mons.retain(|m| m.name != name);
        self.monmap_epoch += 1;
        self.election_epoch += 2;
        self.quorum_since = now;
        self.mons.len() < before
    }

    /// Adds a manager, seen a moment later.
    pub fn add_mgr(&mut self, name: &str, node: &str, now: Time) {
        self.advance(now);
        let settles_at = Some(now + 2.0);
        self.mgrs.push(Mgr { name: name.into(), node: node.into(), running: true, settles_at, seen: false });
    }

    /// Takes a manager away; false if there is none.
    pub fn remove_mgr(&mut self, name: &str, now: Time) -> bool {
        self.advance(now);
        let before = self.mgrs.len();
        self.mgrs.retain(|m| m.name != name);
        self.mgrs.len() < before
    }

    /// Starts or stops the unit of a monitor, a manager or a metadata server; false if there is none.
    pub fn run_service(&mut self, kind: &str, name: &str, on: bool, now: Time) -> bool {
        self.advance(now);
        match kind {
            "mon" => self.mons.iter_mut().find(|m| m.name == name).is_some_and(|mon| {
                if mon.running != on {
                    (mon.running, mon.settles_at) = (on, Some(now + 2.0));
                }
                true
            }),
            "mgr" => self.mgrs.iter_mut().find(|m| m.name == name).is_some_and(|mgr| {
                if mgr.running != on {
                    // A starting one answers after two seconds, as recorded; a stopped one is missed a little later.
                    (mgr.running, mgr.settles_at) = (on, Some(now + if on { 2.0 } else { 1.0 }));
                    mgr.seen &= !on;
                }
                true
            }),
            "mds" => self.mdss.iter_mut().find(|mds| mds.daemon.name == name).is_some_and(|mds| {
                if mds.daemon.running != on {
                    (mds.daemon.running, mds.daemon.settles_at) = (on, Some(now + 1.0));
                }
                true
            }),
            _ => false,
        }
    }

    /// Reserves an OSD id (`osd new`): the lowest free one.
    pub fn new_osd(&mut self, uuid: &str) -> u32 {
        let id = (0..).find(|id| !self.osds.contains_key(id)).unwrap_or(0);
        self.osds.insert(id, Osd::reserved(uuid.into()));
        self.max_osd = self.max_osd.max(id + 1);
        self.remapped();
        id
    }

    /// Gives the id of a destroyed OSD to a new one (`osd new UUID ID`).
    pub(super) fn renew_osd(&mut self, id: u32, uuid: &str) {
        if let Some(osd) = self.osds.get_mut(&id) {
            (osd.destroyed, osd.booted, osd.crippled) = (false, false, false);
            osd.uuid = uuid.to_owned();
        }
        self.changed();
    }

    /// Makes an OSD on a disk: reserves the id, prepares, starts the daemon. It is up, and in the
    /// CRUSH map, a few seconds later. `class` overrides what the disk looks like.
    pub fn create_osd(&mut self, uuid: &str, node: &str, device: OsdDevice, class: Option<&str>, now: Time) -> u32 {
        self.advance(now);
        let id = self.new_osd(uuid);
        if let Some(osd) = self.osds.get_mut(&id) {
            osd.node = node.into();
            osd.joins = Some(class.unwrap_or(&device.kind).to_string());
            osd.device = Some(device);
        }
        self.remapped();
        self.start_osd(id, now);
        id
    }

    /// The place that a new OSD takes when it boots for the first time.
    pub(super) fn join_crush(&mut self, id: u32) {
        let Some(osd) = self.osds.get_mut(&id) else { return };
        let (Some(class), size, node) = (osd.joins.take(), osd.size(), osd.node.clone()) else { return };
        // It takes its class first and its place after, which is why the shadow buckets of a class have lower ids
        // than the host.
        self.crush.set_class(id, &class);
        // It tells its size in TiB with four digits.
        let weight = weight_of(((size as f64 / TIB * 1e4).round() / 1e4).max(0.0001));
        self.crush.add_osd(id, weight, &node);
        self.remapped();
    }

    /// The disk at this path of a node is dead: what is on it stops, and never starts again. Which OSDs that were.
    pub fn lose_disk(&mut self, node: &str, path: &str, now: Time) -> Vec<u32> {
        self.leftovers.retain(|left| left.node != node || left.device.path != path);
        let on_it = |osd: &&mut Osd| osd.node == node;
        let mut lost = vec![];
        for (id, osd) in self.osds.iter_mut().filter(|(_, osd)| on_it(osd)) {
            if let Some(device) = osd.device.as_mut().filter(|device| device.path == path) {
                device.dead = true;
                lost.push(*id);
            }
        }
        lost.extend(self.lose_sides(node, path));
        lost.sort_unstable();
        lost.dedup();
        lost.iter().for_each(|id| self.stop_osd(*id, now));
        lost
    }

    /// Takes an OSD's key and data away (`osd destroy`); its id keeps its place in CRUSH.
    pub fn destroy_osd(&mut self, id: u32, now: Time) {
        self.advance(now);
        let Some(osd) = self.osds.get_mut(&id) else { return };
        let left = osd.leftover(id);
        (osd.destroyed, osd.device, osd.uuid) = (true, None, String::from(NO_UUID));
        (osd.running, osd.boots_at) = (false, None);
        self.leftovers.extend(left);
        self.changed();
    }

    /// Takes an OSD out of CRUSH and the map by Ceph's own means: its volume stays where it is.
    pub fn forget_osd(&mut self, id: u32, now: Time) {
        let left = self.osds.get(&id).and_then(|osd| osd.leftover(id));
        self.leftovers.extend(left);
        self.purge_osd(id, now);
    }

    /// Takes an OSD out of CRUSH and the map; its id is free again.
    pub fn purge_osd(&mut self, id: u32, now: Time) {
        self.advance(now);
        // An OSD is no bucket, so that nothing can be below it.
        let _ = self.crush.remove_item(id as i32);
        self.osds.remove(&id);
        self.config.forget_daemon(&format!("osd.{id}"));
        self.remapped();
    }

    /// `osd out`; `None`: no such OSD, `Some(false)`: it was out.
    pub fn osd_out(&mut self, id: u32, now: Time) -> Option<bool> {
        self.advance(now);
        let osd = self.osds.get_mut(&id)?;
        if !osd.is_in() {
            return Some(false);
        }
        osd.reweight = 0;
        osd.auto_out = false;
        self.in_change = now;
        self.remapped();
        Some(true)
    }

    /// `osd in`; `None`: no such OSD, `Some(false)`: it was in.
    pub fn osd_in(&mut self, id: u32, now: Time) -> Option<bool> {
        self.advance(now);
        let osd = self.osds.get_mut(&id)?;
        if osd.is_in() {
            return Some(false);
        }
        osd.reweight = ONE;
        osd.auto_out = false;
        self.in_change = now;
        self.remapped();
        Some(true)
    }
}
