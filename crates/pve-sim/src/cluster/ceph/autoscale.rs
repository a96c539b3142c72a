//! The PG autoscaler: what it thinks of each pool, and what it does in mode `on`.

use serde_json::{Value, json};

use super::crush::{Bucket, CrushMap};
use super::status::number;
use super::{Autoscale, Ceph, Pool};

/// A pool's line of `osd pool autoscale-status`.
#[derive(Debug, Clone)]
pub struct PoolAdvice {
    pool: u32,
    name: String,
    mode: Autoscale,
    root: i32,
    capacity: u64,
    rate: f64,
    stored: u64,
    target_bytes: u64,
    target_ratio: f64,
    effective_ratio: f64,
    capacity_ratio: f64,
    pg_num_target: u32,
    ideal: u32,
    /// What the autoscaler would set.
    pub pg_num_final: u32,
    bias: f64,
    bulk: bool,
    /// Off by more than the factor that is tolerated.
    far: bool,
    would_adjust: bool,
}

/// Pools smaller than this are left at it.
const PG_NUM_MIN: u32 = 32;
/// Nothing is done within this factor.
const THRESHOLD: f64 = 3.0;

impl Ceph {
    /// The autoscaler's view of every pool.
    pub fn autoscale_status(&self) -> Vec<PoolAdvice> {
        let ratios: f64 = self.pools.values().filter_map(|p| p.option("target_size_ratio")).sum();
        let bytes: f64 = self
            .pools
            .values()
            .filter(|p| p.option("target_size_ratio").is_none())
            .map(|p| p.option("target_size_bytes").unwrap_or(0.0) * p.raw_rate())
            .sum();
        self.pools.values().map(|p| self.advise(p, ratios, bytes)).collect()
    }

    fn advise(&self, pool: &Pool, ratios: f64, reserved: f64) -> PoolAdvice {
        let root = self.crush.rule(pool.crush_rule).map_or(-1, |r| r.take());
        let osds = below(&self.crush, root);
        let inside = || osds.iter().filter_map(|id| self.osds.get(id)).filter(|o| o.is_in());
        let capacity: u64 = inside().map(|o| o.size()).sum();
        let pg_budget = inside().count() as f64 * self.mon_number("mon_target_pg_per_osd");
        let target_ratio = pool.option("target_size_ratio").unwrap_or(0.0);
        // A ratio takes the place of the bytes.
        let bytes = pool.option("target_size_bytes").filter(|_| target_ratio == 0.0);
        let target_bytes = bytes.unwrap_or(0.0) as u64;
        let room = if capacity > 0 { (1.0 - reserved / capacity as f64).max(0.0) } else { 1.0 };
        let effective_ratio = if target_ratio > 0.0 && ratios > 0.0 { target_ratio / ratios * room } else { 0.0 };
        let raw = pool.stored().max(target_bytes) as f64 * pool.raw_rate();
        let capacity_ratio = if capacity > 0 { raw / capacity as f64 } else { 0.0 };
        let share = capacity_ratio.max(effective_ratio);
        let ideal = share * pg_budget / f64::from(pool.size.max(1));
        let least = pool.option("pg_num_min").map_or(PG_NUM_MIN, |n| n as u32);
        let mut wanted = nearest_power_of_two(ideal.min(65536.0) as u32).max(least);
        if let Some(most) = pool.option("pg_num_max") {
            wanted = wanted.min(most as u32);
        }
        let now = f64::from(pool.pg_num_target);
        let far = f64::from(wanted) > now * THRESHOLD || f64::from(wanted) < now / THRESHOLD;
        PoolAdvice {
            pool: pool.id,
            name: pool.name.clone(),
            mode: pool.autoscale,
            root,
            capacity,
            rate: pool.raw_rate(),
            stored: pool.stored(),
            target_bytes,
            target_ratio,
            effective_ratio,
            capacity_ratio,
            pg_num_target: pool.pg_num_target,
            ideal: ideal as u32,
            pg_num_final: wanted,
            bias: pool.option("pg_autoscale_bias").unwrap_or(1.0),
            bulk: pool.bulk,
            far: far && (0.0..=1.0).contains(&share),
            would_adjust: far && pool.autoscale == Autoscale::On && (0.0..=1.0).contains(&share),
        }
    }

    /// A minute has passed: pools in mode `on` that are far off get new targets.
    pub(super) fn autoscale(&mut self) {
        let acting = self.autoscale_status().into_iter().filter(|a| a.would_adjust);
        for advice in acting.collect::<Vec<_>>() {
            self.retarget(advice.pool, advice.pg_num_final);
        }
    }
}

impl PoolAdvice {
    /// Id of the pool.
    pub fn pool_id(&self) -> u32 {
        self.pool
    }

    /// Whether the pool's warning mode would complain, and in which direction (`true`: too many).
    pub fn warns(&self) -> Option<bool> {
        (self.far && self.mode == Autoscale::Warn).then_some(self.pg_num_target > self.pg_num_final)
    }

    /// Whether the pool is in mode `warn`.
    pub fn is_warn_mode(&self) -> bool {
        self.mode == Autoscale::Warn
    }

    /// Present and wanted number.
    pub fn numbers(&self) -> (u32, u32) {
        (self.pg_num_target, self.pg_num_final)
    }

    /// Name of the pool.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// As `-f json` has it.
    pub fn json(&self) -> Value {
        let raw = self.stored.max(self.target_bytes) as f64 * self.rate;
        let actual = self.stored as f64 * self.rate;
        let ratio = if self.capacity > 0 { actual / self.capacity as f64 } else { 0.0 };
        json!({
            "actual_capacity_ratio": number(ratio), "actual_raw_used": number(actual), "bias": number(self.bias), "bulk": self.bulk,
            "capacity_ratio": number(self.capacity_ratio.max(self.effective_ratio)), "crush_root_id": self.root,
            "effective_target_ratio": number(self.effective_ratio), "logical_used": self.stored,
            "pg_autoscale_mode": self.mode.word(), "pg_num_final": self.pg_num_final, "pg_num_ideal": self.ideal,
            "pg_num_target": self.pg_num_target, "pool_id": self.pool, "pool_name": self.name, "raw_used": number(raw),
            "raw_used_rate": number(self.rate), "subtree_capacity": self.capacity, "target_bytes": self.target_bytes,
            "target_ratio": number(self.target_ratio), "would_adjust": self.would_adjust,
        })
    }
}

/// OSDs below an item.
fn below(map: &CrushMap, item: i32) -> Vec<u32> {
    if item >= 0 {
        return vec![item as u32];
    }
    let items = |b: &Bucket| b.items.iter().flat_map(|(i, _)| below(map, *i)).collect();
    map.bucket(item).map(items).unwrap_or_default()
}

fn nearest_power_of_two(n: u32) -> u32 {
    if n < 2 {
        return n.max(1);
    }
    let above = n.next_power_of_two();
    let below = above / 2;
    if above - n < n - below { above } else { below }
}
