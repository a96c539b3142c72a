//! The configuration: `/etc/pve/ceph.conf` and the monitors' own database.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::errno::{Errno, Refusal};

/// How a value is checked and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Bool,
    Int,
    Uint,
    Float,
    Size,
    Str,
}

struct OptionInfo {
    name: &'static str,
    kind: Kind,
    basic: bool,
    default: &'static str,
    runtime: bool,
}

const fn option(name: &'static str, kind: Kind, default: &'static str) -> OptionInfo {
    OptionInfo { name, kind, basic: false, default, runtime: true }
}

/// The options the simulator knows; Ceph has some two thousand, others are "unrecognized" here.
const OPTIONS: [OptionInfo; 34] = [
    option("auth_allow_insecure_global_id_reclaim", Kind::Bool, "true"),
    option("bluestore_block_db_size", Kind::Size, "0"),
    option("bluestore_block_wal_size", Kind::Size, "100663296"),
    option("mon_allow_pool_delete", Kind::Bool, "false"),
    option("mon_allow_pool_size_one", Kind::Bool, "false"),
    option("mon_data_avail_warn", Kind::Int, "30"),
    option("mon_max_pg_per_osd", Kind::Uint, "250"),
    option("mon_max_pool_pg_num", Kind::Uint, "65536"),
    option("mon_osd_down_out_interval", Kind::Int, "600"),
    option("mon_osd_down_out_subtree_limit", Kind::Str, "rack"),
    option("mon_osd_min_down_reporters", Kind::Uint, "2"),
    option("mon_osd_min_in_ratio", Kind::Float, "0.750000"),
    option("mon_osd_report_timeout", Kind::Int, "900"),
    option("mon_osd_reporter_subtree_level", Kind::Str, "host"),
    option("mon_pg_stuck_threshold", Kind::Int, "60"),
    option("mon_target_pg_per_osd", Kind::Uint, "100"),
    option("mon_warn_on_pool_no_redundancy", Kind::Bool, "true"),
    option("osd_heartbeat_grace", Kind::Int, "20"),
    option("osd_heartbeat_interval", Kind::Int, "6"),
    option("osd_max_backfills", Kind::Uint, "1"),
    option("osd_max_scrubs", Kind::Int, "1"),
    option("osd_mclock_max_capacity_iops_hdd", Kind::Float, "315.000000"),
    option("osd_mclock_max_capacity_iops_ssd", Kind::Float, "21500.000000"),
    OptionInfo { name: "osd_memory_target", kind: Kind::Size, basic: true, default: "4294967296", runtime: true },
    OptionInfo { name: "osd_op_num_shards", kind: Kind::Int, basic: false, default: "0", runtime: false },
    option("osd_pool_default_min_size", Kind::Uint, "0"),
    option("osd_pool_default_pg_autoscale_mode", Kind::Str, "on"),
    option("osd_pool_default_pg_num", Kind::Uint, "32"),
    option("osd_pool_default_pgp_num", Kind::Uint, "0"),
    option("osd_pool_default_size", Kind::Uint, "3"),
    option("osd_recovery_max_active", Kind::Uint, "0"),
    option("paxos_propose_interval", Kind::Float, "1.000000"),
    option("rbd_cache", Kind::Bool, "true"),
    option("target_max_misplaced_ratio", Kind::Float, "0.050000"),
];

/// Options that only the file may hold.
const SPECIAL: [&str; 6] = ["fsid", "mon_host", "keyring", "host", "public_addr", "mon_dns_srv_name"];

fn info(name: &str) -> Option<&'static OptionInfo> {
    OPTIONS.iter().find(|o| o.name == name)
}

/// A stored value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Normalised text.
    pub value: String,
}

/// `ceph.conf`: sections in order, keys with underscores.
pub type ConfFile = BTreeMap<String, BTreeMap<String, String>>;

/// The monitors' configuration database, keyed by section, mask (may be empty) and option.
#[derive(Debug, Clone, Default)]
pub struct ConfigDb {
    values: BTreeMap<(u8, String, String, String), Stored>,
}

/// Where the dump puts a section: `global`, daemon types, single daemons in the order of Ceph's
/// entity types.
fn rank(section: &str) -> u8 {
    match section.split_once('.').map(|(kind, _)| kind) {
        None if section == "global" => 0,
        None => 1,
        Some("mon") => 2,
        Some("mds") => 3,
        Some("osd") => 4,
        Some("client") => 5,
        Some(_) => 6,
    }
}

fn known_section(section: &str) -> bool {
    let kind = section.split('.').next().unwrap_or_default();
    section == "global" || matches!(kind, "mon" | "mgr" | "osd" | "mds" | "client")
}

/// Splits `osd/class:ssd` into section and mask.
fn split_target(who: &str) -> (String, String) {
    let (section, mask) = who.split_once('/').unwrap_or((who, ""));
    (section.to_string(), mask.to_string())
}

impl ConfigDb {
    /// `config set`. `force` takes unknown options.
    pub fn set(&mut self, who: &str, name: &str, value: &str, force: bool) -> Result<(), Refusal> {
        let refuse = |text: String| Err(Refusal::new(Errno::Inval, text));
        let name = name.replace([' ', '-'], "_");
        let (section, mask) = split_target(who);
        if !known_section(&section) {
            return refuse(format!("unrecognized config target '{who}'"));
        }
        if SPECIAL.contains(&name.as_str()) {
            return refuse(format!("{name} is special and cannot be stored by the mon"));
        }
        let value = match info(&name) {
            Some(info) => {
                parse(info.kind, value).map_err(|e| Refusal::new(Errno::Inval, format!("error parsing value: {e}")))?
            }
            None if force => value.to_string(),
            None => return refuse(format!("unrecognized config option '{name}'")),
        };
        self.values.insert((rank(&section), section, name, mask), Stored { value });
        Ok(())
    }

    /// `config rm`; removing what is not there is fine.
    pub fn remove(&mut self, who: &str, name: &str) -> Result<(), Refusal> {
        let (section, mask) = split_target(who);
        if !known_section(&section) {
            return Err(Refusal::new(Errno::Inval, format!("unrecognized config target '{who}'")));
        }
        self.values.remove(&(rank(&section), section, name.replace([' ', '-'], "_"), mask));
        Ok(())
    }

    /// All values as `config dump -f json` has them.
    pub fn dump(&self) -> Vec<Value> {
        // Masked values come before the plain one, as their keys sort in the monitors' store.
        let mut rows: Vec<_> = self.values.iter().collect();
        rows.sort_by_key(|((rank, section, name, mask), _)| {
            (*rank, section.clone(), name.clone(), mask.is_empty(), mask.clone())
        });
        rows.into_iter()
            .map(|((_, section, name, mask), stored)| {
                let (level, runtime) = level(name);
                let mut row = json!({"section": section, "name": name, "value": stored.value, "level": level,
                    "can_update_at_runtime": runtime, "mask": mask});
                match mask.split_once(':') {
                    Some(("class", class)) => row["device_class"] = json!(class),
                    Some((kind, place)) => {
                        row["location_type"] = json!(kind);
                        row["location_value"] = json!(place);
                    }
                    None => {}
                }
                row
            })
            .collect()
    }

    /// What holds for an entity (`osd`, `osd.0`); `masks` are the `TYPE:VALUE` pairs that fit it,
    /// weaker first.
    fn lookup(&self, who: &str, masks: &[String], name: &str) -> Option<(&str, &str)> {
        let kind = who.split('.').next().unwrap_or(who);
        let mut found = None;
        let mut sections = vec!["global", kind];
        if who.contains('.') {
            sections.push(who);
        }
        for section in sections {
            for mask in std::iter::once("").chain(masks.iter().map(String::as_str)) {
                let key = (rank(section), section.to_string(), name.to_string(), mask.to_string());
                if let Some((key, stored)) = self.values.get_key_value(&key) {
                    found = Some((stored.value.as_str(), key.1.as_str()));
                }
            }
        }
        found
    }

    /// `config get WHO KEY`.
    pub fn get(&self, who: &str, masks: &[String], name: &str) -> Result<String, Refusal> {
        if !known_section(who) {
            return Err(Refusal::new(Errno::Inval, format!("unrecognized entity '{who}'")));
        }
        let name = name.replace([' ', '-'], "_");
        let Some(info) = info(&name) else {
            return Err(Refusal::new(Errno::NoEnt, format!("unrecognized key '{name}'")));
        };
        Ok(self.lookup(who, masks, &name).map_or(info.default, |(v, _)| v).to_string())
    }

    /// `config get WHO -f json`: everything that is set for an entity.
    pub fn get_all(&self, who: &str, masks: &[String]) -> Result<Value, Refusal> {
        if !known_section(who) {
            return Err(Refusal::new(Errno::Inval, format!("unrecognized entity '{who}'")));
        }
        let mut out = json!({});
        for (_, _, name, _) in self.values.keys() {
            if let Some((value, section)) = self.lookup(who, masks, name) {
                out[name] =
                    json!({"value": value, "section": section, "mask": {}, "can_update_at_runtime": level(name).1});
            }
        }
        Ok(out)
    }

    /// Drops what is stored for one daemon alone, such as `osd.3`.
    pub fn forget_daemon(&mut self, daemon: &str) {
        self.values.retain(|(_, section, _, _), _| section != daemon);
    }
}

/// The default of an option the simulator knows.
pub(super) fn default_of(name: &str) -> &'static str {
    info(name).map_or("", |i| i.default)
}

fn level(name: &str) -> (&'static str, bool) {
    match info(name) {
        None => ("unknown", false),
        Some(i) => (if i.basic { "basic" } else { "advanced" }, i.runtime),
    }
}

/// Checks and normalises a value, with Ceph's own complaints.
fn parse(kind: Kind, value: &str) -> Result<String, String> {
    match kind {
        Kind::Str => Ok(value.to_string()),
        Kind::Bool => match value {
            "true" | "1" => Ok("true".into()),
            "false" | "0" => Ok("false".into()),
            other => match other.parse::<i64>() {
                Ok(n) => Ok((n != 0).to_string()),
                Err(_) => Err(format!("Expected option value to be integer, got '{other}'")),
            },
        },
        Kind::Int => match value.parse::<i64>() {
            Ok(n) => Ok(n.to_string()),
            Err(_) => Err(format!("Expected option value to be integer, got '{value}'")),
        },
        Kind::Float => value
            .parse::<f64>()
            .map(|f| format!("{f:.6}"))
            .map_err(|_| format!("Expected option value to be float, got '{value}'")),
        Kind::Uint => units(value, 1000),
        Kind::Size => units(value, 1024),
    }
}

/// `2G` and the like. Counts take decimal prefixes, sizes binary ones.
fn units(value: &str, base: u64) -> Result<String, String> {
    let digits = value.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = &value[digits.len()..];
    if value.is_empty() {
        return Err("strict_sistrtoll: value not specified".into());
    }
    let power = match unit {
        "" | "B" => 0,
        "K" | "k" | "Ki" => 1,
        "M" | "Mi" => 2,
        "G" | "Gi" => 3,
        "T" | "Ti" => 4,
        "P" | "Pi" => 5,
        _ => return Err("strict_si_cast: unit prefix not recognized".into()),
    };
    match digits.parse::<i64>() {
        Ok(n) if n < 0 => Err("strict_sistrtoll: value should not be negative".into()),
        Ok(n) => (n as u64)
            .checked_mul(base.pow(power))
            .map(|n| n.to_string())
            .ok_or_else(|| "strict_sistrtoll: value seems to be too large".into()),
        Err(_) => Err("strict_si_cast: unit prefix not recognized".into()),
    }
}
