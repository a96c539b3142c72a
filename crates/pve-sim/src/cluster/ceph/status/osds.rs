//! OSDs: the tree, their fill level, the map.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::super::crush::TreeNode;
use super::super::{Ceph, Osd};
use super::{number, stamp};

/// What an empty BlueStore OSD uses.
/// Belief: about 27 MiB on small disks of current releases.
const OSD_BASE_USE: u64 = 27 << 20;
fn fraction(weight: u32) -> f64 {
    f64::from(weight) / 65536.0
}

impl Ceph {
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
        out["status"] = json!(match osd.up {
            true => "up",
            false if osd.destroyed => "destroyed",
            false => "down",
        });
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

    pub(super) fn below(&self, node: &TreeNode) -> Vec<u32> {
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
        let profiles: BTreeMap<&String, Value> =
            self.profiles.iter().map(|(name, profile)| (name, profile.json())).collect();
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
            "erasure_code_profiles": profiles, "removed_snaps_queue": [], "new_removed_snaps": [], "new_purged_snaps": [],
            "crush_node_flags": nodes, "device_class_flags": {},
            "stretch_mode": {"stretch_mode_enabled": false, "stretch_bucket_count": 0, "degraded_stretch_mode": 0,
                "recovering_stretch_mode": 0, "stretch_mode_bucket": 0},
        })
    }

    /// `osd metadata` of one: what its daemon told when it came up last; `None` while it never has.
    pub fn osd_metadata_json(&self, id: u32) -> Option<Value> {
        let osd = self.osds.get(&id).filter(|osd| osd.booted)?;
        let device = osd.device.as_ref();
        let name = device.and_then(|device| device.path.rsplit('/').next()).unwrap_or_default();
        let rotational = device.is_none_or(|device| device.kind == "hdd");
        let row = self.osd_dump_row(id, osd);
        Some(json!({
            "id": id, "arch": "x86_64", "back_addr": row["cluster_addr"], "front_addr": row["public_addr"],
            "bluestore_bdev_devices": name, "bluestore_bdev_size": osd.size().to_string(),
            "ceph_release": self.release.name(), "ceph_version": self.release.long(),
            "ceph_version_short": self.release.short(), "default_device_class": device.map_or("hdd", |d| d.kind.as_str()),
            "devices": name, "hostname": osd.node, "os": "Linux", "osd_data": format!("/var/lib/ceph/osd/ceph-{id}"),
            "osd_objectstore": "bluestore", "rotational": if rotational { "1" } else { "0" },
        }))
    }

    fn osd_dump_row(&self, id: u32, osd: &Osd) -> Value {
        let mut state = vec!["exists".to_string()];
        if osd.up {
            state.push("up".into());
        }
        if osd.destroyed {
            state.push("destroyed".into());
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
}

fn percent(used: u64, total: u64) -> f64 {
    if total == 0 { 0.0 } else { 100.0 * used as f64 / total as f64 }
}
