//! Pools and what fits into them.

use serde_json::{Value, json};

use super::super::{Ceph, EC_OVERWRITES, Osd, Pool};
use super::{number, stamp};

/// `osd_pool_erasure_code_stripe_unit`.
const STRIPE_UNIT: u32 = 4096;

impl Ceph {
    /// A pool as `osd dump` (`id_key` `pool`) and `osd pool ls detail` (`pool_id`) have it.
    pub fn pool_json(&self, pool: &Pool, id_key: &str) -> Value {
        let named = |flag: &String| if flag == EC_OVERWRITES { "ec_overwrites" } else { flag.as_str() }.to_owned();
        let flags: Vec<String> = pool.flags.iter().map(named).collect();
        let mut out = json!({
            "pool_name": pool.name, "create_time": stamp(pool.created), "flags": 1, "flags_names": flags.join(","),
            "type": if pool.chunks.is_some() { 3 } else { 1 }, "size": pool.size, "min_size": pool.min_size, "crush_rule": pool.crush_rule,
            "peering_crush_bucket_count": 0, "peering_crush_bucket_target": 0, "peering_crush_bucket_barrier": 0,
            "peering_crush_bucket_mandatory_member": 2_147_483_647, "object_hash": 2,
            "pg_autoscale_mode": pool.autoscale.word(), "pg_num": pool.pg_num, "pg_placement_num": pool.pgp_num,
            "pg_placement_num_target": pool.pgp_num_target, "pg_num_target": pool.pg_num_target,
            "pg_num_pending": pool.pg_num,
            "last_pg_merge_meta": {"source_pgid": "0.0", "ready_epoch": 0, "last_epoch_started": 0,
                "last_epoch_clean": 0, "source_version": "0'0", "target_version": "0'0"},
            "last_change": pool.last_change.to_string(), "last_force_op_resend": "0",
            "last_force_op_resend_prenautilus": "0", "last_force_op_resend_preluminous": "0", "auid": 0,
            "snap_mode": "selfmanaged", "snap_seq": 0, "snap_epoch": 0, "pool_snaps": [], "removed_snaps": "[]",
            "quota_max_bytes": 0, "quota_max_objects": 0, "tiers": [], "tier_of": -1, "read_tier": -1, "write_tier": -1,
            "cache_mode": "none", "target_max_bytes": 0, "target_max_objects": 0,
            "options": pool.options_json(), "application_metadata": pool.applications_json(),
        });
        let rest = json!({
            "cache_target_dirty_ratio_micro": 400_000, "cache_target_dirty_high_ratio_micro": 600_000,
            "cache_target_full_ratio_micro": 800_000, "cache_min_flush_age": 0, "cache_min_evict_age": 0,
            "erasure_code_profile": pool.profile().unwrap_or_default(), "hit_set_params": {"type": "none"}, "hit_set_period": 0, "hit_set_count": 0,
            "use_gmt_hitset": pool.use_gmt_hitset, "min_read_recency_for_promote": 0, "min_write_recency_for_promote": 0,
            "hit_set_grade_decay_rate": 0, "hit_set_search_last_n": 0, "grade_table": [],
            "stripe_width": pool.chunks.as_ref().map_or(0, |chunks| chunks.k * STRIPE_UNIT),
            "expected_num_objects": 0, "fast_read": pool.fast_read,
        });
        if let (Some(out), Value::Object(rest)) = (out.as_object_mut(), rest) {
            out.extend(rest);
            out.insert(id_key.into(), json!(pool.id));
        }
        out
    }

    /// Raw totals over the OSDs that count: capacity, used.
    pub fn totals(&self) -> (u64, u64) {
        let counted: Vec<(&u32, &Osd)> = self.osds.iter().filter(|(_, o)| o.booted && (o.up || o.is_in())).collect();
        (counted.iter().map(|(_, o)| o.size()).sum(), counted.iter().map(|(id, _)| self.osd_used(**id)).sum())
    }

    /// What can still be stored in a pool, before replication.
    pub fn max_avail(&self, pool: &Pool) -> u64 {
        let weights = self.weights();
        let root = self.crush.rule(pool.crush_rule).map_or(-1, |r| r.take());
        let nodes = self.crush.walk(true);
        let children = nodes.iter().find(|n| n.id == root);
        let ids = children.map_or_else(Vec::new, |n| self.below(n));
        let free: u64 = ids
            .iter()
            .filter(|id| weights.get(id).is_some_and(|w| *w > 0))
            .filter_map(|id| self.osds.get(id).map(|o| o.size().saturating_sub(self.osd_used(*id))))
            .sum();
        (free as f64 * 0.95 / pool.raw_rate().max(1.0)) as u64
    }

    /// `df`.
    pub fn df_json(&self) -> Value {
        let (total, used) = self.totals();
        let ratio = |used: u64, total: u64| if total > 0 { used as f64 / total as f64 } else { 0.0 };
        let pools: Vec<Value> = self
            .pools
            .values()
            .map(|p| {
                let (stored, avail) = (p.stored(), self.max_avail(p));
                let raw = (stored as f64 * p.raw_rate()) as u64;
                json!({"name": p.name, "id": p.id, "stats": {"stored": stored, "objects": p.objects(),
                    "kb_used": raw.div_ceil(1024), "bytes_used": raw,
                    "percent_used": number(ratio(stored, stored + avail)), "max_avail": avail}})
            })
            .collect();
        json!({"stats": {"total_bytes": total, "total_avail_bytes": total.saturating_sub(used), "total_used_bytes": used,
            "total_used_raw_bytes": used, "total_used_raw_ratio": number(ratio(used, total)), "num_osds": self.osds.len(),
            "num_per_pool_osds": self.osds.len(), "num_per_pool_omap_osds": self.osds.len()},
            "stats_by_class": {}, "pools": pools})
    }
}
