//! Placement groups: where their copies belong, where they are, and what the manager reports.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use ::crush::hash2;

use super::crush::Weights;
use super::{Ceph, Pool, Time};

/// How long the manager's picture lags behind the map.
/// Belief: between one and three seconds in the recordings.
const REPORT_LAG: f64 = 1.7;
/// Changes this close together arrive as one.
const TOGETHER: f64 = 0.2;
/// Peering before recovery begins.
const PEERING: f64 = 1.0;
/// Bytes a second each OSD takes in when it recovers.
/// Belief: a plain SATA disk; only the order of magnitude matters.
const RECOVERY_RATE: f64 = 100.0 * 1024.0 * 1024.0;
/// The least time the recovery of a map change takes when there is data.
const RECOVERY_MIN: f64 = 5.0;

/// What a pool's mapping depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct MapKey {
    crush: u64,
    weights: u64,
    rule: u32,
    size: u32,
    pg_num: u32,
    pgp_num: u32,
}

#[derive(Debug, Clone, Default)]
struct Pg {
    /// What CRUSH says, out OSDs left away, down ones not.
    raw: Vec<u32>,
    up: Vec<u32>,
    /// OSDs with a full copy, alive or not.
    held: Vec<u32>,
    recovered_at: Option<Time>,
    undersized_since: Option<Time>,
    inactive_since: Option<Time>,
}

#[derive(Debug, Clone, Default)]
struct PoolPgs {
    key: MapKey,
    pgs: Vec<Pg>,
}

/// A placement group as the manager reports it.
#[derive(Debug, Clone, PartialEq)]
pub struct PgReport {
    /// Pool id.
    pub pool: u32,
    /// Number in the pool; `POOL.HEX` is the PG's id.
    pub seed: u32,
    /// `active+clean` and so on.
    pub state: String,
    /// Where the copies belong.
    pub up: Vec<u32>,
    /// Who serves.
    pub acting: Vec<u32>,
    /// Objects in it, and how many copies of them are missing or at the wrong place.
    pub objects: u64,
    /// Missing copies.
    pub degraded: u64,
    /// Copies that are not where they belong.
    pub misplaced: u64,
    /// Since when it is undersized.
    pub undersized_since: Option<Time>,
    /// Since when it is inactive.
    pub inactive_since: Option<Time>,
}

impl PgReport {
    /// `28.f`.
    pub fn id(&self) -> String {
        format!("{}.{:x}", self.pool, self.seed)
    }

    /// Whether a word such as `undersized` is part of the state.
    pub fn has(&self, word: &str) -> bool {
        self.state.split('+').any(|w| w == word)
    }

    /// `[4,1,3]`.
    pub fn acting_text(&self) -> String {
        let ids: Vec<String> = self.acting.iter().map(u32::to_string).collect();
        format!("[{}]", ids.join(","))
    }
}

/// The manager's picture of all placement groups.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// By pool and number.
    pub pgs: Vec<PgReport>,
    /// Bytes stored per OSD.
    pub bytes: BTreeMap<u32, u64>,
    /// PGs that each OSD has a copy of, whether it is theirs to keep or not.
    pub stored: BTreeMap<u32, u32>,
}

impl Report {
    /// How many PGs map to each OSD.
    pub fn pgs_by_osd(&self) -> BTreeMap<u32, u32> {
        let mut out = BTreeMap::new();
        for pg in &self.pgs {
            let osds: BTreeSet<u32> = pg.acting.iter().chain(&pg.up).copied().collect();
            for osd in osds {
                *out.entry(osd).or_default() += 1;
            }
        }
        out
    }

    /// States with their counts, most words last as Ceph's map order has them.
    pub fn states(&self) -> BTreeMap<String, u32> {
        let mut out = BTreeMap::new();
        for pg in &self.pgs {
            *out.entry(pg.state.clone()).or_default() += 1;
        }
        out
    }

    /// Whether every PG is active+clean.
    pub fn all_clean(&self) -> bool {
        self.pgs.iter().all(|pg| pg.state == "active+clean")
    }
}

/// All placement groups.
#[derive(Debug, Clone, Default)]
pub(super) struct PgMap {
    pools: BTreeMap<u32, PoolPgs>,
    touched: Option<Time>,
    report: Report,
    /// Pictures on their way to the manager, with the time of their arrival.
    coming: VecDeque<(Time, Report)>,
    /// Arrival of the picture of the present state, not yet drawn.
    next: Option<Time>,
}

impl PgMap {
    pub(super) fn report(&self) -> &Report {
        &self.report
    }

    /// The map changed: PGs have to be looked at before time goes on.
    pub(super) fn touch(&mut self, now: Time) {
        self.touched.get_or_insert(now);
    }

    pub(super) fn next_recovery(&self) -> Option<Time> {
        self.pools.values().flat_map(|p| &p.pgs).filter_map(|pg| pg.recovered_at).min_by(f64::total_cmp)
    }

    /// Everything that recovered by `now` has its copies.
    pub(super) fn finish_recovery(&mut self, now: Time) {
        for pg in self.pools.values_mut().flat_map(|p| &mut p.pgs) {
            if pg.recovered_at.is_some_and(|at| at <= now) {
                pg.recovered_at = None;
                pg.held = pg.up.clone();
            }
        }
        self.touch(now);
    }

    /// Brings PGs in line with the map, and the report as far as it has arrived.
    pub(super) fn settle(&mut self, ceph: &Ceph, now: Time) {
        if let Some(at) = self.touched.take() {
            let due = at + REPORT_LAG;
            if let Some(before) = self.next.filter(|before| due - before >= TOGETHER) {
                self.draw(ceph, before);
            }
            self.remap(ceph, at);
            self.next.get_or_insert(due);
        }
        if let Some(due) = self.next.filter(|due| *due <= now) {
            self.draw(ceph, due);
        }
        while self.coming.front().is_some_and(|(due, _)| *due <= now) {
            if let Some((_, report)) = self.coming.pop_front() {
                self.report = report;
            }
        }
        self.mark_stale(ceph);
    }

    fn draw(&mut self, ceph: &Ceph, due: Time) {
        let report = self.make_report(ceph, due);
        self.coming.push_back((due, report));
        self.next = None;
    }

    fn remap(&mut self, ceph: &Ceph, at: Time) {
        self.pools.retain(|id, _| ceph.pools.contains_key(id));
        let weights = ceph.weights();
        for pool in ceph.pools.values() {
            let pgs = self.pools.entry(pool.id).or_default();
            let key = MapKey {
                crush: ceph.crush.version(),
                weights: ceph.mapping,
                rule: pool.crush_rule,
                size: pool.size,
                pg_num: pool.pg_num,
                pgp_num: pool.pgp_num,
            };
            if pgs.key != key {
                pgs.place(ceph, pool, &weights);
                pgs.key = key;
            }
            for pg in &mut pgs.pgs {
                pg.peer(ceph, pool, at);
            }
        }
        self.schedule(ceph, at);
    }

    /// Spreads the recoveries that begin now over the time their bytes take.
    fn schedule(&mut self, ceph: &Ceph, at: Time) {
        let up = ceph.osds.values().filter(|o| o.up).count().max(1) as f64;
        let mut waiting: Vec<(&mut Pg, u64)> = vec![];
        for (id, pool) in &mut self.pools {
            let Some(info) = ceph.pools.get(id) else { continue };
            let count = pool.pgs.len().max(1) as u64;
            let bytes = info.stored() / count;
            waiting
                .extend(pool.pgs.iter_mut().filter(|pg| pg.recovered_at == Some(f64::INFINITY)).map(|pg| (pg, bytes)));
        }
        let total: f64 = waiting.iter().map(|(_, b)| *b as f64).sum();
        let span = RECOVERY_MIN.max(total / (RECOVERY_RATE * up));
        let count = waiting.len() as f64;
        for (i, (pg, _)) in waiting.into_iter().enumerate() {
            pg.recovered_at = Some(at + PEERING + span * (i + 1) as f64 / count);
        }
    }

    fn make_report(&self, ceph: &Ceph, now: Time) -> Report {
        let mut report = Report::default();
        for (id, pool) in &self.pools {
            let Some(info) = ceph.pools.get(id) else { continue };
            let count = pool.pgs.len().max(1) as u64;
            for (seed, pg) in pool.pgs.iter().enumerate() {
                let objects = info.objects() / count + u64::from((seed as u64) < info.objects() % count);
                for osd in &pg.held {
                    *report.bytes.entry(*osd).or_default() += info.stored() / count;
                    *report.stored.entry(*osd).or_default() += 1;
                }
                report.pgs.push(pg.report(ceph, info, seed as u32, objects, now));
            }
        }
        report
    }

    /// Until the next report, PGs whose primary is down are only known to be stale.
    fn mark_stale(&mut self, ceph: &Ceph) {
        for pg in &mut self.report.pgs {
            let primary = pg.acting.first().and_then(|id| ceph.osds.get(id));
            if primary.is_some_and(|o| !o.up) && !pg.has("stale") {
                pg.state = format!("stale+{}", pg.state);
            }
        }
        self.report.pgs.retain(|pg| ceph.pools.contains_key(&pg.pool));
    }
}

impl PoolPgs {
    /// Asks CRUSH for every PG of the pool.
    fn place(&mut self, ceph: &Ceph, pool: &Pool, weights: &Weights) {
        self.pgs.resize_with(pool.pg_num as usize, Pg::default);
        let mask = pool.pgp_num.next_power_of_two() - 1;
        for (seed, pg) in self.pgs.iter_mut().enumerate() {
            let seed = seed as u32;
            // Ceph's stable_mod: PGs beyond pgp_num lie where their parent lies.
            let stable = if (seed & mask) < pool.pgp_num { seed & mask } else { seed & (mask >> 1) };
            let x = if pool.flag("hashpspool") { hash2(stable, pool.id) } else { stable + pool.id };
            pg.raw = ceph.crush.place(pool.crush_rule, x, pool.size as usize, weights);
        }
    }
}

impl Pg {
    /// Takes in a new map: who is up, and whether copies have to be made.
    fn peer(&mut self, ceph: &Ceph, pool: &Pool, at: Time) {
        let is_up = |id: &u32| ceph.osds.get(id).is_some_and(|o| o.up);
        let up: Vec<u32> = self.raw.iter().copied().filter(is_up).collect();
        let changed = up != self.up;
        self.up = up;
        self.held.retain(|id| ceph.osds.contains_key(id));
        if self.held.is_empty() {
            // Fresh (or everything that held it was purged): whoever is up begins with nothing.
            self.held = self.up.clone();
        }
        let missing = self.up.iter().any(|id| !self.held.contains(id));
        let alive = self.held.iter().any(is_up);
        if !missing {
            self.recovered_at = None;
            if self.up.len() == pool.size as usize {
                self.held = self.up.clone();
            }
        } else if !alive {
            self.recovered_at = None;
        } else if pool.objects() == 0 {
            // Nothing to copy: an empty PG is complete as soon as it has peered.
            self.recovered_at = None;
            self.held = self.up.clone();
        } else if changed || self.recovered_at.is_none() {
            self.recovered_at = Some(f64::INFINITY);
        }
        let acting = self.acting(ceph, pool);
        let undersized = acting.len() < pool.size as usize;
        let inactive = (self.complete(&acting) as u32) < pool.min_size.min(pool.size.max(1));
        note(&mut self.undersized_since, undersized, at);
        note(&mut self.inactive_since, inactive, at);
    }

    /// Who serves: where the copies belong, or still the old owners while new ones are filled.
    fn acting(&self, ceph: &Ceph, pool: &Pool) -> Vec<u32> {
        let alive: Vec<u32> = self.held.iter().copied().filter(|id| ceph.osds.get(id).is_some_and(|o| o.up)).collect();
        let moving = self.recovered_at.is_some() && alive.len() >= pool.size as usize;
        if moving { alive.into_iter().take(pool.size as usize).collect() } else { self.up.clone() }
    }

    fn complete(&self, acting: &[u32]) -> usize {
        acting.iter().filter(|id| self.held.contains(id)).count()
    }

    fn report(&self, ceph: &Ceph, pool: &Pool, seed: u32, objects: u64, now: Time) -> PgReport {
        let acting = self.acting(ceph, pool);
        let complete = self.complete(&acting);
        let missing = u64::from(pool.size).saturating_sub(complete as u64);
        let degraded = objects * missing;
        let moved = acting.iter().filter(|id| !self.up.contains(id)).count() as u64;
        let state = self.state(pool, &acting, complete, degraded > 0, now);
        PgReport {
            pool: pool.id,
            seed,
            state,
            up: self.up.clone(),
            acting,
            objects,
            degraded,
            misplaced: objects * moved,
            undersized_since: self.undersized_since,
            inactive_since: self.inactive_since,
        }
    }

    /// The state's words in Ceph's order.
    fn state(&self, pool: &Pool, acting: &[u32], complete: usize, degraded: bool, now: Time) -> String {
        if acting.is_empty() {
            return if self.held.is_empty() { "unknown".into() } else { "stale+undersized+degraded+peered".into() };
        }
        if complete == 0 {
            return "down".into();
        }
        let mut words = vec![];
        let active = complete as u32 >= pool.min_size;
        let undersized = acting.len() < pool.size as usize;
        let remapped = acting.iter().any(|id| !self.up.contains(id));
        if active {
            words.push("active");
        }
        if !undersized && self.recovered_at.is_none() && active {
            words.push("clean");
        }
        if self.recovered_at.is_some() && !remapped && active {
            let soon = self.recovered_at.is_some_and(|at| at - now < 3.0);
            words.push(if soon { "recovering" } else { "recovery_wait" });
        }
        if undersized {
            words.push("undersized");
        }
        if degraded {
            words.push("degraded");
        }
        if remapped {
            words.push("remapped");
            let soon = self.recovered_at.is_some_and(|at| at - now < 3.0);
            words.push(if soon { "backfilling" } else { "backfill_wait" });
        }
        if !active {
            words.push("peered");
        }
        words.join("+")
    }
}

fn note(since: &mut Option<Time>, holds: bool, at: Time) {
    if holds {
        since.get_or_insert(at);
    } else {
        *since = None;
    }
}
