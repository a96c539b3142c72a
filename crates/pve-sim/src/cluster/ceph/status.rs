//! The JSON documents of Ceph's status commands.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::crush::TreeNode;
use super::{Ceph, Mon, Osd, Pool, Time};

/// What an empty BlueStore OSD uses.
/// Belief: about 27 MiB on small disks of current releases.
const OSD_BASE_USE: u64 = 27 << 20;
/// Feature bits as 16.2 printed them.
const FEATURES: u64 = 4_540_138_314_316_775_423;

/// `[v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0]`.
pub(super) fn mon_addrs(mon: &Mon) -> String {
    format!("[v2:{0}:3300/0,v1:{0}:6789/0]", mon.ip)
}

/// `2026-11-22T21:51:09.740779+0000`.
pub(super) fn stamp(at: Time) -> String {
    let micros = (at * 1e6) as i64;
    let time = jiff::Timestamp::from_microsecond(micros).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    time.strftime("%Y-%m-%dT%H:%M:%S.%6f+0000").to_string()
}

fn fraction(weight: u32) -> f64 {
    f64::from(weight) / 65536.0
}

/// Numbers that are printed as whole ones when they are.
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 { json!(value as i64) } else { json!(value) }
}

impl Ceph {
    // ---- monitors and managers ----

    /// Monitors in the order of their addresses, which is their rank.
    pub fn mons_by_rank(&self) -> Vec<&Mon> {
        let mut mons: Vec<&Mon> = self.mons.iter().collect();
        mons.sort_by_key(|m| m.ip.split('.').map(|p| p.parse::<u32>().unwrap_or(0)).collect::<Vec<_>>());
        mons
    }

    fn quorum_ranks(&self) -> Vec<usize> {
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
            names.extend(["quincy", "reef", "squid"]);
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

    fn standbys(&self) -> Vec<&super::Mgr> {
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

    // ---- OSDs ----

    /// `osd stat`.
    pub fn osd_stat_json(&self) -> Value {
        json!({
            "epoch": self.epoch, "num_osds": self.osds.len(), "num_up_osds": self.osds.values().filter(|o| o.up).count(),
            "osd_up_since": self.up_change as u64, "num_in_osds": self.osds.values().filter(|o| o.is_in()).count(),
            "osd_in_since": self.in_change as u64,
            "num_remapped_pgs": self.report().pgs.iter().filter(|pg| pg.has("remapped")).count(),
        })
    }

    /// Bytes used on an OSD as last reported.
    pub fn osd_used(&self, id: u32) -> u64 {
        let base = self.osds.get(&id).filter(|o| o.booted && o.device.is_some()).map_or(0, |_| OSD_BASE_USE);
        base + self.report().bytes.get(&id).copied().unwrap_or(0)
    }

    fn node_json(&self, node: &TreeNode) -> Value {
        let mut out = json!({"id": node.id, "name": node.name, "type": node.kind(), "type_id": node.type_id});
        if let Some(class) = &node.class {
            out["device_class"] = json!(class);
        }
        if node.depth > 0 {
            out["pool_weights"] = json!({});
        }
        if node.id >= 0 {
            out["crush_weight"] = number(fraction(node.weight));
            out["depth"] = json!(node.depth);
        } else {
            out["children"] = json!(node.children);
        }
        out
    }

    fn osd_json(osd: &Osd, out: &mut Value) {
        out["exists"] = json!(1);
        out["status"] = json!(if osd.up { "up" } else { "down" });
        out["reweight"] = number(fraction(osd.reweight));
        out["primary_affinity"] = number(osd.primary_affinity);
    }

    /// OSDs that are not in the CRUSH tree.
    fn strays(&self) -> Vec<TreeNode> {
        let placed = self.crush.devices();
        let stray = |id: u32| TreeNode {
            id: id as i32,
            name: format!("osd.{id}"),
            type_id: 0,
            class: None,
            weight: 0,
            depth: 0,
            children: vec![],
        };
        self.osds.keys().filter(|id| !placed.contains(id)).map(|id| stray(*id)).collect()
    }

    /// `osd tree`.
    pub fn osd_tree_json(&self) -> Value {
        let show = |node: &TreeNode| {
            let mut out = self.node_json(node);
            if let Some(osd) = u32::try_from(node.id).ok().and_then(|id| self.osds.get(&id)) {
                Self::osd_json(osd, &mut out);
            }
            out
        };
        let nodes: Vec<Value> = self.crush.walk(false).iter().map(show).collect();
        let stray: Vec<Value> = self.strays().iter().map(show).collect();
        json!({"nodes": nodes, "stray": stray})
    }

    /// `osd crush tree`, with or without shadow trees.
    pub fn crush_tree_json(&self, shadows: bool) -> Value {
        let nodes: Vec<Value> = self.crush.walk(shadows).iter().map(|n| self.node_json(n)).collect();
        json!({"nodes": nodes, "stray": []})
    }

    /// `osd df` (`tree`: with the buckets).
    pub fn osd_df_json(&self, tree: bool) -> Value {
        let counts = self.report().pgs_by_osd();
        let usage = |ids: &[u32]| {
            let size: u64 = ids.iter().filter_map(|id| self.osds.get(id)).map(Osd::size).sum();
            (size, ids.iter().map(|id| self.osd_used(*id)).sum::<u64>())
        };
        let all: Vec<u32> = self.osds.iter().filter(|(_, o)| o.up || o.is_in()).map(|(id, _)| *id).collect();
        let (total, total_used) = usage(&all);
        let average = percent(total_used, total);
        let (mut nodes, mut vars) = (vec![], vec![]);
        for node in self.crush.walk(false) {
            if node.id < 0 && !tree {
                continue;
            }
            let ids = if node.id >= 0 { vec![node.id as u32] } else { self.below(&node) };
            let (size, used) = usage(&ids);
            let mut out = self.node_json(&node);
            let utilization = percent(used, size);
            let var = if average > 0.0 { utilization / average } else { 0.0 };
            out["kb"] = json!(size / 1024);
            out["kb_used"] = json!(used / 1024);
            out["kb_used_data"] = json!(used.saturating_sub(OSD_BASE_USE) / 1024);
            out["kb_used_omap"] = json!(0);
            out["kb_used_meta"] = json!(used.min(OSD_BASE_USE) / 1024);
            out["kb_avail"] = json!(size.saturating_sub(used) / 1024);
            out["utilization"] = number(utilization);
            out["var"] = number(var);
            out["reweight"] = json!(-1);
            out["pgs"] = json!(0);
            if let Some(osd) = u32::try_from(node.id).ok().and_then(|id| self.osds.get(&id)) {
                out["reweight"] = number(fraction(osd.reweight));
                out["status"] = json!(if osd.up { "up" } else { "down" });
                out["pgs"] = json!(counts.get(&(node.id as u32)).copied().unwrap_or(0));
                vars.push(var);
            }
            nodes.push(out);
        }
        let deviation =
            (vars.iter().map(|v| (v * average - average).powi(2)).sum::<f64>() / vars.len().max(1) as f64).sqrt();
        json!({"nodes": nodes, "stray": [], "summary": {
            "total_kb": total / 1024, "total_kb_used": total_used / 1024, "total_kb_used_data": 0,
            "total_kb_used_omap": 0, "total_kb_used_meta": 0, "total_kb_avail": (total.saturating_sub(total_used)) / 1024,
            "average_utilization": number(average), "min_var": number(vars.iter().copied().fold(f64::INFINITY, f64::min).min(1e9)),
            "max_var": number(vars.iter().copied().fold(0.0, f64::max)), "dev": number(deviation)}})
    }

    fn below(&self, node: &TreeNode) -> Vec<u32> {
        let mut out = vec![];
        for child in &node.children {
            match u32::try_from(*child) {
                Ok(osd) => out.push(osd),
                Err(_) => {
                    let children = self.crush.bucket(*child).map(|b| b.items.iter().map(|(i, _)| *i).collect());
                    let inner = TreeNode { children: children.unwrap_or_default(), ..node.clone() };
                    out.extend(self.below(&inner));
                }
            }
        }
        out
    }

    /// `osd dump`.
    pub fn osd_dump_json(&self) -> Value {
        let (flags, flags_num) = self.all_flags();
        let mut set = flags.clone();
        set.sort_unstable();
        let nodes: BTreeMap<&String, Vec<&String>> =
            self.bucket_flags.iter().map(|(name, flags)| (name, flags.iter().collect())).collect();
        json!({
            "epoch": self.epoch, "fsid": self.fsid(), "created": stamp(self.created), "modified": stamp(self.now()),
            "last_up_change": stamp(self.up_change), "last_in_change": stamp(self.in_change),
            "flags": flags.join(","), "flags_num": flags_num, "flags_set": set, "crush_version": self.crush.version(),
            "full_ratio": 0.949_999_988_079_071, "backfillfull_ratio": 0.899_999_976_158_142_1,
            "nearfull_ratio": 0.850_000_023_841_857_9, "cluster_snapshot": "", "pool_max": self.pool_max,
            "max_osd": self.max_osd, "require_min_compat_client": "luminous", "min_compat_client": "jewel",
            "require_osd_release": self.release.name(),
            "pools": self.pools.values().map(|p| self.pool_json(p, "pool")).collect::<Vec<_>>(),
            "osds": self.osds.iter().map(|(id, o)| self.osd_dump_row(*id, o)).collect::<Vec<_>>(),
            "osd_xinfo": self.osds.keys().map(|id| json!({"osd": id})).collect::<Vec<_>>(),
            "pg_upmap": [], "pg_upmap_items": [], "pg_temp": [], "primary_temp": [], "blocklist": {}, "range_blocklist": {},
            "erasure_code_profiles": {}, "removed_snaps_queue": [], "new_removed_snaps": [], "new_purged_snaps": [],
            "crush_node_flags": nodes, "device_class_flags": {},
            "stretch_mode": {"stretch_mode_enabled": false, "stretch_bucket_count": 0, "degraded_stretch_mode": 0,
                "recovering_stretch_mode": 0, "stretch_mode_bucket": 0},
        })
    }

    fn osd_dump_row(&self, id: u32, osd: &Osd) -> Value {
        let mut state = vec!["exists".to_string()];
        if osd.up {
            state.push("up".into());
        }
        state.extend(osd.flags.iter().cloned());
        state.sort();
        let ip = self.daemon_ip(&osd.node);
        let port = 6800 + id * 8;
        let addr = |n: u32| format!("{ip}:{}/{}", port + n, 20_000 + id);
        json!({"osd": id, "uuid": osd.uuid, "up": u8::from(osd.up), "in": u8::from(osd.is_in()),
            "weight": number(fraction(osd.reweight)), "primary_affinity": number(osd.primary_affinity),
            "last_clean_begin": 0, "last_clean_end": 0, "up_from": osd.up_from, "up_thru": osd.up_from,
            "down_at": osd.down_at, "lost_at": 0, "public_addr": addr(1), "cluster_addr": addr(3),
            "heartbeat_back_addr": addr(7), "heartbeat_front_addr": addr(5), "state": state})
    }

    // ---- pools ----

    /// A pool as `osd dump` (`id_key` `pool`) and `osd pool ls detail` (`pool_id`) have it.
    pub fn pool_json(&self, pool: &Pool, id_key: &str) -> Value {
        let flags: Vec<&str> = pool.flags.iter().map(String::as_str).collect();
        let mut out = json!({
            "pool_name": pool.name, "create_time": stamp(pool.created), "flags": 1, "flags_names": flags.join(","),
            "type": 1, "size": pool.size, "min_size": pool.min_size, "crush_rule": pool.crush_rule,
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
            "erasure_code_profile": "", "hit_set_params": {"type": "none"}, "hit_set_period": 0, "hit_set_count": 0,
            "use_gmt_hitset": pool.use_gmt_hitset, "min_read_recency_for_promote": 0, "min_write_recency_for_promote": 0,
            "hit_set_grade_decay_rate": 0, "hit_set_search_last_n": 0, "grade_table": [], "stripe_width": 0,
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
        (free as f64 * 0.95 / f64::from(pool.size.max(1))) as u64
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
                let raw = stored * u64::from(p.size);
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

    // ---- placement groups and the whole ----

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
            "fsmap": {"epoch": 1, "by_rank": [], "up:standby": 0},
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

fn percent(used: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { 100.0 * used as f64 / total as f64 }
}
