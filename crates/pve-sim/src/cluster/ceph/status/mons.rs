//! Monitors and managers.

use serde_json::{Value, json};

use super::super::{Ceph, Mgr, Mon};
use super::stamp;

/// Feature bits as 16.2 printed them.
const FEATURES: u64 = 4_540_138_314_316_775_423;

/// `[v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0]`.
pub(crate) fn mon_addrs(mon: &Mon) -> String {
    format!("[v2:{0}:3300/0,v1:{0}:6789/0]", mon.ip)
}

impl Ceph {
    /// Monitors in the order of their addresses, which is their rank.
    pub fn mons_by_rank(&self) -> Vec<&Mon> {
        let mut mons: Vec<&Mon> = self.mons.iter().collect();
        mons.sort_by_key(|m| m.ip.split('.').map(|p| p.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>());
        mons
    }

    pub(super) fn quorum_ranks(&self) -> Vec<usize> {
        self.mons_by_rank().iter().enumerate().filter(|(_, m)| m.in_quorum).map(|(i, _)| i).collect()
    }

    /// Names of the monitors in quorum, by rank.
    pub fn quorum_names(&self) -> Vec<String> {
        self.mons_by_rank().into_iter().filter(|m| m.in_quorum).map(|m| m.name.clone()).collect()
    }

    fn features(&self) -> Value {
        let mut names =
            vec!["kraken", "luminous", "mimic", "osdmap-prune", "nautilus", "octopus", "pacific", "elector-pinging"];
        if self.release.major() >= 17 {
            names.extend(["quincy", "reef"]);
        }
        if self.release.major() >= 19 {
            names.push("squid");
        }
        if self.release.major() >= 20 {
            names.push("tentacle");
        }
        json!(names)
    }

    /// `mon dump`.
    pub fn monmap_json(&self) -> Value {
        let mons: Vec<Value> = self
            .mons_by_rank()
            .iter()
            .enumerate()
            .map(|(rank, mon)| {
                let ip = &mon.ip;
                json!({
                    "rank": rank, "name": mon.name,
                    "public_addrs": {"addrvec": [
                        {"type": "v2", "addr": format!("{ip}:3300"), "nonce": 0},
                        {"type": "v1", "addr": format!("{ip}:6789"), "nonce": 0}]},
                    "addr": format!("{ip}:6789/0"), "public_addr": format!("{ip}:6789/0"),
                    "priority": 0, "weight": 0, "crush_location": "{}",
                })
            })
            .collect();
        let when = |t| stamp(t).replace("+0000", "Z");
        json!({
            "epoch": self.monmap_epoch, "fsid": self.fsid(), "modified": when(self.quorum_since), "created": when(self.created),
            "min_mon_release": self.release.major(), "min_mon_release_name": self.release.name(),
            "election_strategy": 1, "disallowed_leaders: ": "", "stretch_mode": false, "tiebreaker_mon": "",
            "removed_ranks: ": "", "features": {"persistent": self.features(), "optional": []}, "mons": mons,
        })
    }

    /// `quorum_status`.
    pub fn quorum_status_json(&self) -> Value {
        let names = self.quorum_names();
        json!({
            "election_epoch": self.election_epoch, "quorum": self.quorum_ranks(), "quorum_names": names,
            "quorum_leader_name": names.first(), "quorum_age": (self.now() - self.quorum_since) as u64,
            "features": {"quorum_con": FEATURES.to_string(), "quorum_mon": self.features()}, "monmap": self.monmap_json(),
        })
    }

    /// `mon stat`.
    pub fn mon_stat_json(&self) -> Value {
        let quorum: Vec<Value> = self
            .mons_by_rank()
            .iter()
            .enumerate()
            .filter(|(_, m)| m.in_quorum)
            .map(|(rank, m)| json!({"rank": rank, "name": m.name}))
            .collect();
        json!({"epoch": self.monmap_epoch, "min_mon_release_name": self.release.name(), "num_mons": self.mons.len(),
            "leader": self.quorum_names().first(), "quorum": quorum})
    }

    pub(super) fn standbys(&self) -> Vec<&Mgr> {
        self.mgrs.iter().filter(|m| m.seen).skip(1).collect()
    }

    /// `mgr stat`.
    pub fn mgr_stat_json(&self) -> Value {
        let active = self.active_mgr();
        json!({"epoch": 3 + self.mgrs.len(), "available": active.is_some(), "active_name": active.map_or("", |m| m.name.as_str()),
            "num_standby": self.standbys().len()})
    }

    /// `mgr dump`, without the descriptions of modules.
    pub fn mgr_dump_json(&self) -> Value {
        let active = self.active_mgr();
        let addr = active.map(|m| self.daemon_ip(&m.node)).unwrap_or_default();
        let client = |name: &str, nonce: u32| json!({"name": name, "addrvec": [{"type": "v2", "addr": format!("{addr}:0"), "nonce": nonce}]});
        let standbys: Vec<Value> = self
            .standbys()
            .iter()
            .enumerate()
            .map(|(i, m)| {
                json!({"gid": 4129 + i * 10, "name": m.name, "mgr_features": FEATURES, "available_modules": modules()})
            })
            .collect();
        json!({
            "epoch": 3 + self.mgrs.len(), "active_gid": if active.is_some() { 4108 } else { 0 },
            "active_name": active.map_or("", |m| m.name.as_str()),
            "active_addrs": {"addrvec": [
                {"type": "v2", "addr": format!("{addr}:6800"), "nonce": 4323},
                {"type": "v1", "addr": format!("{addr}:6801"), "nonce": 4323}]},
            "active_addr": format!("{addr}:6801/4323"), "active_change": stamp(self.created),
            "active_mgr_features": FEATURES, "available": active.is_some(), "standbys": standbys,
            "modules": ["iostat", "nfs", "restful"], "available_modules": modules(), "services": {},
            "always_on_modules": always_on(), "last_failure_osd_epoch": 0,
            "active_clients": [client("rbd_support", 1_395_487_324), client("volumes", 2_871_887_067)],
        })
    }

    /// The address a daemon without one of its own takes: the node's in the public network, which on
    /// a loopback network is the first there.
    pub fn daemon_ip(&self, node: &str) -> String {
        let ip = self.mons.iter().find(|m| m.node == node).map_or("127.0.0.1", |m| m.ip.as_str());
        if ip.starts_with("127.") { "127.0.0.1".into() } else { ip.into() }
    }
}

/// The manager's modules, without their options.
fn modules() -> Vec<Value> {
    const NAMES: [&str; 26] = [
        "alerts",
        "balancer",
        "crash",
        "devicehealth",
        "influx",
        "insights",
        "iostat",
        "localpool",
        "mirroring",
        "nfs",
        "orchestrator",
        "osd_support",
        "pg_autoscaler",
        "progress",
        "prometheus",
        "rbd_support",
        "restful",
        "selftest",
        "snap_schedule",
        "stats",
        "status",
        "telegraf",
        "telemetry",
        "test_orchestrator",
        "volumes",
        "zabbix",
    ];
    let module = |name: &&str| {
        let error = if *name == "influx" { "influxdb python module not found" } else { "" };
        json!({"name": name, "can_run": error.is_empty(), "error_string": error, "module_options": {}})
    };
    NAMES.iter().map(module).collect()
}

/// Modules that cannot be switched off, by release.
fn always_on() -> Value {
    let old = ["balancer", "crash", "devicehealth", "orchestrator_cli", "progress", "rbd_support", "status", "volumes"];
    let new = [
        "balancer",
        "crash",
        "devicehealth",
        "orchestrator",
        "pg_autoscaler",
        "progress",
        "rbd_support",
        "status",
        "telemetry",
        "volumes",
    ];
    json!({"nautilus": old, "octopus": new, "pacific": new})
}
