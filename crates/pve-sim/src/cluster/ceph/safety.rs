//! `osd ok-to-stop` and `osd safe-to-destroy`: judged, as Ceph does, by the manager's latest
//! report, which lags behind the map.

use serde_json::{Value, json};

use super::Ceph;
use super::errno::{Errno, Refusal};

/// What stopping some OSDs would do.
#[derive(Debug, Clone, Default)]
pub struct OkToStop {
    osds: Vec<u32>,
    already_inactive: Vec<String>,
    become_inactive: Vec<String>,
    become_degraded: Vec<String>,
    more_degraded: Vec<String>,
}

impl OkToStop {
    /// Nothing would become unavailable.
    pub fn ok(&self) -> bool {
        self.bad() == 0
    }

    fn bad(&self) -> usize {
        self.become_inactive.len()
    }

    /// As the command prints it.
    pub fn json(&self) -> Value {
        let good = self.become_degraded.len() + self.more_degraded.len();
        let mut out =
            json!({"ok_to_stop": self.ok(), "osds": self.osds, "num_ok_pgs": good, "num_not_ok_pgs": self.bad()});
        for (key, list) in [
            ("bad_already_inactive", &self.already_inactive),
            ("bad_become_inactive", &self.become_inactive),
            ("ok_become_degraded", &self.become_degraded),
            ("ok_become_more_degraded", &self.more_degraded),
        ] {
            if !list.is_empty() {
                out[key] = json!(list);
            }
        }
        out
    }

    /// The status text when it is not safe.
    pub fn refusal(&self) -> Option<Refusal> {
        (!self.ok()).then(|| {
            let text = format!("unsafe to stop osd(s) at this time ({} PGs are or would become offline)", self.bad());
            Refusal::new(Errno::Busy, text)
        })
    }
}

/// Which OSDs could be destroyed without losing copies.
#[derive(Debug, Clone, Default)]
pub struct SafeToDestroy {
    safe: Vec<u32>,
    active: Vec<u32>,
    missing_stats: Vec<u32>,
    stored: Vec<u32>,
    affected: u32,
}

impl SafeToDestroy {
    /// All that were asked for.
    pub fn ok(&self) -> bool {
        self.active.is_empty() && self.missing_stats.is_empty() && self.stored.is_empty()
    }

    /// As `-f json` prints it.
    pub fn json(&self) -> Value {
        json!({"safe_to_destroy": self.safe, "active": self.active, "missing_stats": self.missing_stats, "stored_pgs": self.stored})
    }

    /// The text: of success, or of the refusal.
    pub fn verdict(&self) -> Result<String, Refusal> {
        let list = |ids: &[u32]| ids.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        if self.ok() {
            return Ok(format!("OSD(s) {} are safe to destroy without reducing data durability.", list(&self.safe)));
        }
        let mut text = String::new();
        if !self.active.is_empty() {
            text += &format!("OSD(s) {} have {} pgs currently mapped to them. ", list(&self.active), self.affected);
        }
        if !self.missing_stats.is_empty() {
            text += &format!(
                "OSD(s) {} have no reported stats, and not all PGs are active+clean; we cannot draw any conclusions. ",
                list(&self.missing_stats)
            );
        }
        if !self.stored.is_empty() {
            text += &format!(
                "OSD(s) {} last reported they still store some PG data, and not all PGs are active+clean; we cannot be sure they aren't still needed.",
                list(&self.stored)
            );
        }
        let errno = if self.active.is_empty() && self.stored.is_empty() { Errno::Again } else { Errno::Busy };
        Err(Refusal::new(errno, text))
    }
}

impl Ceph {
    /// What stopping these OSDs together would do.
    pub fn ok_to_stop(&self, osds: &[u32]) -> OkToStop {
        let mut out = OkToStop { osds: osds.to_vec(), ..OkToStop::default() };
        for pg in &self.report().pgs {
            if !pg.acting.iter().any(|id| osds.contains(id)) {
                continue;
            }
            let Some(pool) = self.pools.get(&pg.pool) else { continue };
            let left = pg.acting.iter().filter(|id| !osds.contains(id)).count() as u32;
            if !pg.has("active") {
                out.already_inactive.push(pg.id());
            }
            if left < pool.min_size {
                out.become_inactive.push(pg.id());
            } else if pg.has("degraded") {
                out.more_degraded.push(pg.id());
            } else {
                out.become_degraded.push(pg.id());
            }
        }
        out
    }

    /// Whether these OSDs could be destroyed. An OSD that does not exist is safe.
    pub fn safe_to_destroy(&self, osds: &[u32]) -> SafeToDestroy {
        let counts = self.report().pgs_by_osd();
        let clean = self.report().all_clean();
        let mut out = SafeToDestroy::default();
        for id in osds {
            let Some(osd) = self.osds.get(id) else {
                out.safe.push(*id);
                continue;
            };
            if let Some(count) = counts.get(id) {
                out.active.push(*id);
                out.affected += count;
            } else if !clean && osd.booted && !osd.up && !osd.is_in() {
                out.missing_stats.push(*id);
            } else if !clean && self.report().stored.contains_key(id) {
                out.stored.push(*id);
            } else {
                out.safe.push(*id);
            }
        }
        out
    }
}

impl Ceph {
    /// `mon ok-to-stop`.
    pub fn mon_ok_to_stop(&self, ids: &[&str]) -> Result<String, Refusal> {
        let left: Vec<String> = self.quorum_names().into_iter().filter(|n| !ids.contains(&n.as_str())).collect();
        let (rest, names) = (left.join(","), ids.join(","));
        if left.len() * 2 > self.mons.len() {
            return Ok(format!("quorum should be preserved ({rest}) after stopping [{names}]"));
        }
        let text = format!("not enough monitors would be available ({rest}) after stopping mons [{names}]");
        Err(Refusal::new(Errno::Busy, text))
    }

    /// `mon ok-to-rm`.
    pub fn mon_ok_to_rm(&self, id: &str) -> Result<String, Refusal> {
        if !self.mons.iter().any(|m| m.name == id) {
            return Ok(format!("mon.{id} does not exist"));
        }
        let left = self.quorum_names().iter().filter(|n| *n != id).count();
        if self.mons.len() > 1 && left * 2 > self.mons.len() - 1 {
            // Belief: never recorded with more than one monitor.
            return Ok(format!("safe to remove mon.{id}"));
        }
        Err(Refusal::new(Errno::Busy, format!("removing mon.{id} would break quorum")))
    }
}
