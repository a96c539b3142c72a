//! The JSON documents of Ceph's status commands.

mod mons;
mod osds;
mod pools;

use serde_json::{Value, json};

use super::{Ceph, Pool, Time};

pub(crate) use mons::mon_addrs;

/// `2026-11-22T21:51:09.740779+0000`.
pub(super) fn stamp(at: Time) -> String {
    let micros = (at * 1e6) as i64;
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S.%6f+0000").to_string()
}

/// Numbers that are printed as whole ones when they are.
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

impl Ceph {
    /// The `pgmap` of the status.
    pub fn pgmap_json(&self) -> Value {
        let (total, used) = self.totals();
        let pgs = &self.report().pgs;
        let mut states: Vec<(String, u32)> = self.report().states().into_iter().collect();
        states.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let states: Vec<Value> = states.into_iter().map(|(s, n)| json!({"state_name": s, "count": n})).collect();
        let mut out = json!({
            "pgs_by_state": states, "num_pgs": pgs.len(), "num_pools": self.pools.len(),
            "num_objects": self.pools.values().map(Pool::objects).sum::<u64>(),
            "data_bytes": self.pools.values().map(Pool::stored).sum::<u64>(),
            "bytes_used": used, "bytes_avail": total.saturating_sub(used), "bytes_total": total,
        });
        let share = |n: usize| n as f64 / pgs.len().max(1) as f64;
        let unknown = pgs.iter().filter(|pg| pg.has("unknown")).count();
        let inactive = pgs.iter().filter(|pg| !pg.has("active") && !pg.has("unknown")).count();
        if unknown > 0 {
            out["unknown_pgs_ratio"] = json!(share(unknown));
        }
        if inactive > 0 {
            out["inactive_pgs_ratio"] = json!(share(inactive));
        }
        self.add_object_counts(&mut out);
        out
    }

    fn add_object_counts(&self, out: &mut Value) {
        let (degraded, copies) = self.degraded_objects();
        let misplaced: u64 = self.report().pgs.iter().map(|pg| pg.misplaced).sum();
        for (word, count) in [("degraded", degraded), ("misplaced", misplaced)] {
            if count > 0 {
                out[format!("{word}_objects")] = json!(count);
                out[format!("{word}_total")] = json!(copies);
                out[format!("{word}_ratio")] = json!(count as f64 / copies.max(1) as f64);
            }
        }
    }

    /// `pg stat`.
    pub fn pg_stat_json(&self) -> Value {
        let (total, used) = self.totals();
        let states: Vec<Value> =
            self.report().states().into_iter().map(|(name, num)| json!({"name": name, "num": num})).collect();
        let mut summary = json!({
            "num_pg_by_state": states, "num_pgs": self.report().pgs.len(),
            "num_bytes": self.pools.values().map(Pool::stored).sum::<u64>(), "total_bytes": total,
            "total_avail_bytes": total.saturating_sub(used), "total_used_bytes": used, "total_used_raw_bytes": used,
        });
        self.add_object_counts(&mut summary);
        json!({"pg_ready": true, "pg_summary": summary})
    }

    /// `status` (`-s`): with short maps of monitors and managers, health without detail.
    pub fn status_json(&self) -> Value {
        json!({
            "fsid": self.fsid(), "health": self.health_json(false), "election_epoch": self.election_epoch,
            "quorum": self.quorum_ranks(), "quorum_names": self.quorum_names(),
            "quorum_age": (self.now() - self.quorum_since) as u64,
            "monmap": {"epoch": self.monmap_epoch, "min_mon_release_name": self.release.name(), "num_mons": self.mons.len()},
            "osdmap": self.osd_stat_json(), "pgmap": self.pgmap_json(),
            "fsmap": self.fsmap_json(),
            "mgrmap": {"available": self.active_mgr().is_some(), "num_standbys": self.standbys().len(),
                "modules": ["iostat", "nfs", "restful"], "services": {}},
            "servicemap": {"epoch": 1, "modified": stamp(self.created), "services": {}}, "progress_events": {},
        })
    }

    /// PVE's `ceph/status`: the status with full monitor and manager maps and health in detail.
    pub fn full_status_json(&self) -> Value {
        let mut out = self.status_json();
        out["health"] = self.health_json(true);
        out["monmap"] = self.monmap_json();
        out["monmap"]["quorum"] = json!(self.quorum_ranks());
        out["mgrmap"] = self.mgr_dump_json();
        out
    }
}
