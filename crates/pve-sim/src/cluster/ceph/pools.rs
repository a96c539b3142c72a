//! Making, changing and deleting pools, with Ceph's own refusals.

use std::collections::BTreeMap;

use super::errno::{Errno, Refusal};
use super::pool::PoolOption;
use super::{Autoscale, Ceph, EC_OVERWRITES, Pool, Time};

/// PGs go away one at a time.
/// Belief: about 5 s each in the recordings of an empty pool.
const MERGE: f64 = 5.0;
/// The manager looks at the targets.
const SPLIT: f64 = 1.0;
/// `mgr_max_pg_num_change`; 8 became 136 in the recordings.
const SPLIT_AT_ONCE: u32 = 128;

/// What `osd pool create` takes.
#[derive(Debug, Clone, Default)]
pub struct NewPool {
    /// PGs; default `osd_pool_default_pg_num`.
    pub pg_num: Option<u32>,
    /// PGs for placement; default `pg_num`.
    pub pgp_num: Option<u32>,
    /// Rule by name; default the first one, for an erasure coded pool one that is made for it.
    pub rule: Option<String>,
    /// The profile of an erasure coded pool.
    pub profile: Option<String>,
    /// Copies; default `osd_pool_default_size`.
    pub size: Option<u32>,
    /// Mode; default `osd_pool_default_pg_autoscale_mode`.
    pub autoscale: Option<Autoscale>,
    /// Options to begin with.
    pub options: BTreeMap<String, PoolOption>,
    /// `--bulk`.
    pub bulk: bool,
}

impl Ceph {
    /// `osd pool create`. `Ok(None)`: a pool of that name is there already and was left alone.
    pub fn create_pool(&mut self, name: &str, new: NewPool, now: Time) -> Result<Option<u32>, Refusal> {
        self.advance(now);
        if self.pool_named(name).is_some() {
            return Ok(None);
        }
        let erasure = match &new.profile {
            Some(profile) => Some(self.chunks(name, profile, new.rule.as_deref())?),
            None => None,
        };
        let (chunks, erasure_rule) = erasure.unzip();
        let rule = match &new.rule {
            _ if erasure_rule.is_some() => erasure_rule.unwrap_or_default(),
            Some(rule) => {
                let id = self.rule_id(rule, |r| format!("specified rule {r} doesn't exist"))?;
                self.fitting_rule(id, false)?
            }
            None => self.crush.rules().next().map(|r| r.id).ok_or_else(|| {
                Refusal::new(
                    Errno::NoEnt,
                    "No suitable CRUSH rule exists, check 'osd pool default crush *' config options",
                )
            })?,
        };
        let size = match &chunks {
            Some(chunks) => chunks.k + chunks.m,
            None => new.size.unwrap_or(self.mon_number("osd_pool_default_size") as u32).max(1),
        };
        let min_size = match &chunks {
            Some(chunks) => chunks.k + u32::from(chunks.m > 1),
            None => self.default_min_size(size),
        };
        let pg_num = new.pg_num.filter(|n| *n > 0).unwrap_or(self.mon_number("osd_pool_default_pg_num") as u32);
        self.check_pg_range(pg_num)?;
        let pgp_num = new.pgp_num.filter(|n| *n > 0).unwrap_or(pg_num);
        if pgp_num > pg_num {
            return Err(Refusal::new(
                Errno::Range,
                format!(
                    "'pgp_num' must be greater than 0 and lower or equal than 'pg_num', which in this case is {pg_num}"
                ),
            ));
        }
        self.check_pg_budget(None, pg_num, size)?;
        let mode = Autoscale::parse(&self.mon_option("osd_pool_default_pg_autoscale_mode")).unwrap_or(Autoscale::On);
        self.pool_max += 1;
        let id = self.pool_max;
        let pool = Pool {
            id,
            name: name.into(),
            chunks,
            size,
            min_size,
            pg_num,
            pgp_num,
            pg_num_target: pg_num,
            pgp_num_target: pgp_num,
            next_step: None,
            crush_rule: rule,
            autoscale: new.autoscale.unwrap_or(mode),
            flags: vec!["hashpspool".into()],
            use_gmt_hitset: true,
            fast_read: false,
            bulk: new.bulk,
            options: new.options,
            applications: BTreeMap::new(),
            images: BTreeMap::new(),
            other: (0, 0),
            created: now,
            last_change: self.epoch + 1,
        };
        self.pools.insert(id, pool);
        self.remapped();
        Ok(Some(id))
    }

    /// What Ceph makes of `min_size` when `size` is set.
    fn default_min_size(&self, size: u32) -> u32 {
        match self.mon_number("osd_pool_default_min_size") as u32 {
            0 => size - size / 2,
            given => given.min(size),
        }
    }

    fn rule_id(&self, name: &str, missing: impl Fn(&str) -> String) -> Result<u32, Refusal> {
        self.crush.rule_named(name).map(|r| r.id).ok_or_else(|| Refusal::new(Errno::NoEnt, missing(name)))
    }

    /// The rule, if it is made for such a pool.
    fn fitting_rule(&self, id: u32, erasure: bool) -> Result<u32, Refusal> {
        match self.crush.rule(id).is_some_and(|rule| rule.chunks.is_some()) == erasure {
            true => Ok(id),
            false => Err(Refusal::new(Errno::Inval, "(22) Invalid argument")),
        }
    }

    fn check_pg_range(&self, pg_num: u32) -> Result<(), Refusal> {
        let max = self.mon_number("mon_max_pool_pg_num") as u32;
        if (1..=max).contains(&pg_num) {
            return Ok(());
        }
        let text = format!(
            "'pg_num' must be greater than 0 and less than or equal to {max} (you may adjust 'mon max pool pg num' for higher values)"
        );
        Err(Refusal::new(Errno::Range, text))
    }

    /// The cluster-wide limit of PG copies per OSD.
    fn check_pg_budget(&self, pool: Option<u32>, pg_num: u32, size: u32) -> Result<(), Refusal> {
        let others: u64 = self
            .pools
            .values()
            .filter(|p| Some(p.id) != pool)
            .map(|p| u64::from(p.pg_num_target) * u64::from(p.size))
            .sum();
        let total = others + u64::from(pg_num) * u64::from(size);
        let limit = self.mon_number("mon_max_pg_per_osd") as u64;
        let osds = self.osds.values().filter(|o| o.is_in()).count().max(1) as u64;
        if total <= limit * osds {
            return Ok(());
        }
        let text = match pool {
            None => format!(
                " pg_num {pg_num} size {size} would mean {total} total pgs, which exceeds max {} (mon_max_pg_per_osd {limit} * num_in_osds {osds})",
                limit * osds
            ),
            Some(id) => format!(
                "pool id {id} pg_num {pg_num} size {size} would mean {total} total pgs, which exceeds max {} (mon_max_pg_per_osd {limit} * num_in_osds {osds})",
                limit * osds
            ),
        };
        Err(Refusal::new(Errno::Range, text))
    }

    /// `osd pool delete`, the confirmation already given. `Ok(false)`: no such pool.
    pub fn delete_pool(&mut self, name: &str, now: Time) -> Result<bool, Refusal> {
        self.advance(now);
        let Some(pool) = self.pool_named(name) else { return Ok(false) };
        let perm = |text: &str| Err(Refusal::new(Errno::Perm, text));
        if self.mon_option("mon_allow_pool_delete") != "true" {
            return perm(
                "pool deletion is disabled; you must first set the mon_allow_pool_delete config option to true before you can destroy a pool",
            );
        }
        if pool.flag("nodelete") {
            return perm("pool deletion is disabled; you must unset nodelete flag for the pool first");
        }
        let id = pool.id;
        if self.has_fs(id) {
            return Err(Refusal::new(Errno::Busy, format!("pool '{name}' is in use by CephFS")));
        }
        self.pools.remove(&id);
        self.remapped();
        Ok(true)
    }

    /// `osd pool set`; the text for stderr comes back.
    pub fn set_pool(&mut self, name: &str, var: &str, val: &str, sure: bool, now: Time) -> Result<String, Refusal> {
        self.advance(now);
        let Some(id) = self.pool_named(name).map(|p| p.id) else {
            return Err(Refusal::new(Errno::NoEnt, format!("unrecognized pool '{name}'")));
        };
        match var {
            "size" => self.set_size(id, integer(val)?, sure)?,
            "min_size" => self.set_min_size(id, integer(val)?)?,
            "pg_num" => self.set_pg_num(id, integer(val)?)?,
            "pgp_num" => self.set_pgp_num(id, integer(val)?)?,
            "crush_rule" => {
                let rule = self.rule_id(val, |r| format!("crush rule {r} does not exist"))?;
                let erasure = self.pools.get(&id).is_some_and(|pool| pool.chunks.is_some());
                let rule = self.fitting_rule(rule, erasure)?;
                self.edit(id, |p| p.crush_rule = rule);
            }
            "pg_autoscale_mode" => {
                let text = format!("specified invalid mode {val}");
                let mode = Autoscale::parse(val).ok_or_else(|| Refusal::new(Errno::Inval, text))?;
                self.edit(id, |p| p.autoscale = mode);
            }
            "pg_num_min" | "pg_num_max" => {
                let value = integer(val)?;
                let target = self.pools.get(&id).map_or(0, |p| p.pg_num_target);
                let (over, sign) = if var == "pg_num_min" {
                    (value > i64::from(target), '>')
                } else {
                    (value < i64::from(target) && value > 0, '<')
                };
                if over {
                    let text = format!("specified {var} {value} {sign} pg_num {target}");
                    return Err(Refusal::new(Errno::Inval, text));
                }
                self.edit(id, |p| p.set_option(var, PoolOption::Int(value)));
            }
            "target_size_bytes" => {
                let bytes = size(val)?;
                self.edit(id, |p| p.set_option(var, PoolOption::Int(bytes)));
            }
            "target_size_ratio" => {
                let ratio = float(val)?;
                if ratio < 0.0 {
                    return Err(Refusal::new(Errno::Inval, "target_size_ratio cannot be negative"));
                }
                self.edit(id, |p| p.set_option(var, PoolOption::Float(ratio)));
            }
            "bulk" => {
                let on = switch(val)?;
                self.edit(id, |p| p.bulk = on);
            }
            "use_gmt_hitset" => {
                let on = switch(val)?;
                self.edit(id, |p| p.use_gmt_hitset = on);
            }
            "fast_read" => {
                return Err(Refusal::new(Errno::Inval, "fast read is not supported in replication pool"));
            }
            EC_OVERWRITES => {
                let on = switch(val)?;
                if self.pools.get(&id).is_some_and(|pool| pool.chunks.is_none()) {
                    let text = "ec overwrites can only be enabled for an erasure coded pool";
                    return Err(Refusal::new(Errno::Inval, text));
                }
                self.edit(id, |p| p.set_flag(var, on));
            }
            flag if super::POOL_FLAGS.contains(&flag) => {
                let on = switch(val)?;
                self.edit(id, |p| p.set_flag(flag, on));
            }
            number if NUMBERS.contains(&number) => {
                let value = float(val)?;
                let value = if value.fract() == 0.0 { PoolOption::Int(value as i64) } else { PoolOption::Float(value) };
                self.edit(id, |p| p.set_option(number, value));
            }
            other => return Err(Refusal::new(Errno::Inval, format!("unrecognized variable '{other}'"))),
        }
        Ok(format!("set pool {id} {var} to {val}"))
    }

    fn edit(&mut self, id: u32, change: impl FnOnce(&mut Pool)) {
        let epoch = self.epoch + 1;
        if let Some(pool) = self.pools.get_mut(&id) {
            change(pool);
            pool.last_change = epoch;
        }
        self.changed();
    }

    fn set_size(&mut self, id: u32, size: i64, sure: bool) -> Result<(), Refusal> {
        let refuse = |errno, text: &str| Err(Refusal::new(errno, text));
        if self.pools.get(&id).is_some_and(|pool| pool.chunks.is_some()) {
            return refuse(Errno::NotSup, "can not change the size of an erasure-coded pool");
        }
        if !(1..=10).contains(&size) {
            return refuse(Errno::Inval, "pool size must be between 1 and 10");
        }
        if size == 1 && self.mon_option("mon_allow_pool_size_one") != "true" {
            return refuse(Errno::Perm, "configuring pool size as 1 is disabled by default.");
        }
        if size == 1 && !sure {
            return refuse(
                Errno::Perm,
                "WARNING: setting pool size 1 could lead to data loss without recovery. If you are *ABSOLUTELY CERTAIN* that is what you want, pass the flag --yes-i-really-mean-it.",
            );
        }
        let size = size as u32;
        let Some(pool) = self.pools.get(&id) else { return Ok(()) };
        if pool.flag("nosizechange") {
            return refuse(
                Errno::Perm,
                "pool size change is disabled; you must unset nosizechange flag for the pool first",
            );
        }
        if size > pool.size {
            self.check_pg_budget(Some(id), pool.pg_num_target, size)?;
        }
        let min_size = self.default_min_size(size);
        self.edit(id, |p| {
            p.size = size;
            p.min_size = min_size;
        });
        Ok(())
    }

    fn set_min_size(&mut self, id: u32, value: i64) -> Result<(), Refusal> {
        let Some(pool) = self.pools.get(&id) else { return Ok(()) };
        if pool.flag("nosizechange") {
            return Err(Refusal::new(
                Errno::Perm,
                "pool min size change is disabled; you must unset nosizechange flag for the pool first",
            ));
        }
        let least = pool.chunks.as_ref().map_or(1, |chunks| chunks.k);
        if value < i64::from(least) || value > i64::from(pool.size) {
            let text = format!("pool min_size must be between {least} and size, which is set to {}", pool.size);
            return Err(Refusal::new(Errno::Inval, text));
        }
        self.edit(id, |p| p.min_size = value as u32);
        Ok(())
    }

    fn set_pg_num(&mut self, id: u32, value: i64) -> Result<(), Refusal> {
        let Some(pool) = self.pools.get(&id) else { return Ok(()) };
        if pool.flag("nopgchange") {
            let text = "pool pg_num change is disabled; you must unset nopgchange flag for the pool first";
            return Err(Refusal::new(Errno::Perm, text));
        }
        let value = u32::try_from(value).unwrap_or(0);
        self.check_pg_range(value)?;
        for (name, wrong, sign) in [("pg_num_min", true, '<'), ("pg_num_max", false, '>')] {
            let limit = pool.option(name).unwrap_or(0.0) as u32;
            if limit > 0 && ((wrong && value < limit) || (!wrong && value > limit)) {
                let text = format!("specified pg_num {value} {sign} {name} {limit}");
                return Err(Refusal::new(Errno::Inval, text));
            }
        }
        if value > pool.pg_num {
            self.check_pg_budget(Some(id), value, pool.size)?;
        }
        self.retarget(id, value);
        Ok(())
    }

    fn set_pgp_num(&mut self, id: u32, value: i64) -> Result<(), Refusal> {
        let Some(pool) = self.pools.get(&id) else { return Ok(()) };
        let target = pool.pg_num_target;
        if value < 1 || value > i64::from(target) {
            let text = if value < 1 {
                "specified pgp_num must > 0, but you set to 0".to_string()
            } else {
                format!("specified pgp_num {value} > pg_num {target}")
            };
            return Err(Refusal::new(Errno::Inval, text));
        }
        let due = self.now + SPLIT;
        self.edit(id, |p| {
            p.pgp_num_target = value as u32;
            p.next_step.get_or_insert(due);
        });
        Ok(())
    }

    /// Sets where the PG numbers of a pool go; the manager takes them there step by step.
    pub(super) fn retarget(&mut self, id: u32, pg_num: u32) {
        let now = self.now;
        self.edit(id, |p| {
            p.pg_num_target = pg_num;
            p.pgp_num_target = pg_num;
            let wait = if pg_num < p.pg_num { MERGE } else { SPLIT };
            p.next_step = (p.pg_num != pg_num || p.pgp_num != pg_num).then_some(now + wait);
        });
    }

    /// `osd pool application enable`; the text for stderr comes back.
    pub fn enable_application(&mut self, name: &str, app: &str, sure: bool, now: Time) -> Result<String, Refusal> {
        self.advance(now);
        let missing = || Refusal::new(Errno::NoEnt, format!("unrecognized pool '{name}'"));
        let pool = self.pool_named_mut(name).ok_or_else(missing)?;
        if !pool.applications.is_empty() && !pool.applications.contains_key(app) && !sure {
            let text = format!(
                "Are you SURE? Pool '{name}' already has an enabled application; pass --yes-i-really-mean-it to proceed anyway"
            );
            return Err(Refusal::new(Errno::Perm, text));
        }
        pool.applications.entry(app.into()).or_default();
        self.noted();
        Ok(format!("enabled application '{app}' on pool '{name}'"))
    }

    /// `osd pool application disable`.
    pub fn disable_application(&mut self, name: &str, app: &str, sure: bool, now: Time) -> Result<String, Refusal> {
        self.advance(now);
        let missing = || Refusal::new(Errno::NoEnt, format!("unrecognized pool '{name}'"));
        let pool = self.pool_named_mut(name).ok_or_else(missing)?;
        if !sure {
            let text = "Are you SURE? Disabling an application within a pool might result in loss of application functionality; pass --yes-i-really-mean-it to proceed anyway";
            return Err(Refusal::new(Errno::Perm, text));
        }
        if pool.applications.remove(app).is_none() {
            return Ok(format!("application '{app}' is not enabled on pool '{name}'"));
        }
        self.noted();
        Ok(format!("disable application '{app}' on pool '{name}'"))
    }

    /// The manager keeps a pool of its own as soon as an OSD can hold it.
    pub(super) fn make_manager_pool(&mut self) {
        let (name, app) = self.release.manager_pool();
        let ready = self.mgrs.iter().any(|m| m.seen) && self.osds.values().any(|o| o.up);
        if !ready || self.pool_named(name).is_some() {
            return;
        }
        let options = [("pg_num_min", 1), ("pg_num_max", 32)];
        let new = NewPool {
            pg_num: Some(1),
            options: options.into_iter().map(|(k, v)| (k.to_string(), PoolOption::Int(v))).collect(),
            ..NewPool::default()
        };
        let made = self.create_pool(name, new, self.now);
        if let (Ok(Some(_)), Some(pool)) = (made, self.pool_named_mut(name)) {
            pool.applications.entry(app.into()).or_default();
        }
    }
}

/// Options that are plain numbers and need no check here.
const NUMBERS: [&str; 8] = [
    "scrub_min_interval",
    "scrub_max_interval",
    "deep_scrub_interval",
    "recovery_priority",
    "recovery_op_priority",
    "scrub_priority",
    "pg_autoscale_bias",
    "compression_required_ratio",
];

fn integer(val: &str) -> Result<i64, Refusal> {
    let text = format!("error parsing integer value '{val}': Expected option value to be integer, got '{val}'");
    val.parse().map_err(|_| Refusal::new(Errno::Inval, text))
}

fn float(val: &str) -> Result<f64, Refusal> {
    let text = format!("error parsing floating point value '{val}': Expected option value to be float, got '{val}'");
    val.parse().map_err(|_| Refusal::new(Errno::Inval, text))
}

fn switch(val: &str) -> Result<bool, Refusal> {
    match val {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => Err(Refusal::new(Errno::Inval, "expecting value 'true', 'false', '0', or '1'")),
    }
}

/// `10G`, binary.
fn size(val: &str) -> Result<i64, Refusal> {
    let bad = |what: &str| Refusal::new(Errno::Inval, format!("error parsing unit value '{val}': {what}"));
    let digits = val.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let power = match &val[digits.len()..] {
        "" | "B" => 0,
        "K" | "Ki" => 1,
        "M" | "Mi" => 2,
        "G" | "Gi" => 3,
        "T" | "Ti" => 4,
        "P" | "Pi" => 5,
        _ => return Err(bad("strict_iecstrtoll: unit prefix not recognized")),
    };
    let number: i64 = digits.parse().map_err(|_| bad("strict_iecstrtoll: value should be integer"))?;
    number.checked_mul(1 << (10 * power)).ok_or_else(|| bad("strict_iecstrtoll: value seems to be too large"))
}

/// One step of a pool towards its targets: splitting at once, placement by small steps (no more
/// than `misplaced` of the PGs at a time), merging one PG after another.
pub(super) fn step(pool: &mut Pool, now: Time, misplaced: f64) {
    if pool.pg_num < pool.pg_num_target {
        // No more than this many at a time.
        pool.pg_num = pool.pg_num_target.min(pool.pg_num + SPLIT_AT_ONCE);
    } else if pool.pg_num > pool.pg_num_target {
        pool.pg_num -= 1;
        pool.pgp_num = pool.pgp_num.min(pool.pg_num);
    }
    if pool.pgp_num < pool.pgp_num_target.min(pool.pg_num) {
        let stride = ((f64::from(pool.pg_num) * misplaced) as u32).max(1);
        pool.pgp_num = (pool.pgp_num + stride).min(pool.pgp_num_target).min(pool.pg_num);
    } else if pool.pgp_num > pool.pgp_num_target && pool.pg_num == pool.pg_num_target {
        pool.pgp_num = pool.pgp_num_target;
    }
    let wait = if pool.pg_num > pool.pg_num_target { MERGE } else { SPLIT };
    let done = pool.pg_num == pool.pg_num_target && pool.pgp_num == pool.pgp_num_target;
    pool.next_step = (!done).then_some(now + wait);
}
