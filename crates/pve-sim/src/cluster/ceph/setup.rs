//! Ceph as a cluster's shape describes it, settled long before the simulation begins.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Autoscale, Ceph, NewPool, OsdDevice, Release, Time};
use crate::cluster::nodes::Node;
use crate::kernel::ids::Ids;
use crate::shape::{CephPoolShape, CephShape, CephStage, Media, OsdShape};

/// The device class an OSD takes by itself.
pub(crate) fn class_of(media: Media) -> &'static str {
    match media {
        Media::Hdd => "hdd",
        Media::Ssd => "ssd",
        Media::Nvme => "nvme",
    }
}

/// How long before the start each step was taken: long enough that everything has settled.
const BEFORE: f64 = 7200.0;

impl Ceph {
    /// Ceph on these nodes at `now`.
    pub fn new(shape: &CephShape, nodes: &mut [Node], release: &str, now: Time, ids: &mut Ids) -> Self {
        let release = Release::from_number(release).unwrap_or_else(Release::tentacle);
        let mut at = now - BEFORE;
        let mut ceph = Self::absent(release, at);
        if shape.stage >= CephStage::Installed {
            nodes.iter().for_each(|n| ceph.install(&n.name));
        }
        if shape.stage >= CephStage::Initialised {
            ceph.initialise(&ids.uuid(), Some("10.0.0.0/24"), None, None, None);
        }
        if shape.stage >= CephStage::Monitors {
            let chosen = |n: &&mut Node| shape.mons.as_ref().is_none_or(|names| names.contains(&n.name));
            for node in nodes.iter_mut().filter(chosen) {
                at += 60.0;
                ceph.make_mon(&node.name, &node.name, &node.ip, at);
                if shape.mgrs.as_ref().is_none_or(|names| names.contains(&node.name)) {
                    ceph.add_mgr(&node.name, &node.name, at);
                }
            }
            ceph.make_osds(shape, nodes, at + 60.0, ids);
            at += 1200.0;
            ceph.advance(at);
            ceph.make_rules_and_pools(shape, at);
            shape.mdss.iter().for_each(|node| ceph.make_mds(node, node, at));
            ceph.advance(at + 60.0);
            for fs in &shape.filesystems {
                // A shape that names pools which are not there gets no file system, which the first look shows.
                let _ = ceph.new_fs(&fs.name, &fs.metadata_pool, &fs.data_pool, at + 60.0);
            }
        }
        for node in nodes.iter().filter(|n| !n.on) {
            ceph.set_power(&node.name, false, at);
        }
        ceph.advance(now);
        ceph
    }

    /// What `pveceph init` writes, on the first call.
    pub fn initialise(
        &mut self,
        fsid: &str,
        network: Option<&str>,
        cluster_network: Option<&str>,
        size: Option<i64>,
        min_size: Option<i64>,
    ) {
        if self.conf.is_none() {
            for (key, value) in [
                ("fsid", fsid),
                ("auth_client_required", "cephx"),
                ("auth_cluster_required", "cephx"),
                ("auth_service_required", "cephx"),
                ("mon_allow_pool_delete", "true"),
            ] {
                self.set_conf("global", key, value);
            }
            self.set_conf("global", "osd_pool_default_size", &size.unwrap_or(3).to_string());
            self.set_conf("global", "osd_pool_default_min_size", &min_size.unwrap_or(2).to_string());
            self.set_conf("client", "keyring", "/etc/pve/priv/$cluster.$name.keyring");
            self.keyring = true;
        }
        if let Some(network) = network {
            self.set_conf("global", "public_network", network);
            self.set_conf("global", "cluster_network", cluster_network.unwrap_or(network));
        }
    }

    /// A monitor as PVE makes it: with its lines in the file, and the first one with an option of its own.
    pub fn make_mon(&mut self, name: &str, node: &str, ip: &str, now: Time) {
        if self.mons.is_empty() {
            self.set_conf("client.crash", "keyring", "/etc/pve/ceph/$cluster.$name.keyring");
            self.set_conf("global", "ms_bind_ipv4", "true");
            self.set_conf("global", "ms_bind_ipv6", "false");
            // These sections and options are known.
            let _ = self.config.set("mon", "auth_allow_insecure_global_id_reclaim", "false", false);
            if self.release.major() < 17 {
                let _ = self.config.set("global", "osd_pool_default_pg_autoscale_mode", "warn", false);
            }
        }
        self.add_mon(name, node, ip, now);
        self.set_conf(&format!("mon.{name}"), "public_addr", ip);
        self.write_mon_host();
    }

    /// A metadata server as PVE makes it: with its lines in the file.
    pub fn make_mds(&mut self, name: &str, node: &str, now: Time) {
        self.set_conf("mds", "keyring", "/var/lib/ceph/mds/ceph-$id/keyring");
        self.set_conf(&format!("mds.{name}"), "host", node);
        self.set_conf(&format!("mds.{name}"), "mds_standby_for_name", "pve");
        self.add_mds(name, node, now);
    }

    /// `mon_host` of the file follows the monitors.
    pub fn write_mon_host(&mut self) {
        let hosts: Vec<String> = self.mons_by_rank().iter().map(|m| m.ip.clone()).collect();
        self.set_conf("global", "mon_host", &hosts.join(" "));
    }

    fn make_osds(&mut self, shape: &CephShape, nodes: &mut [Node], at: Time, ids: &mut Ids) {
        let every_disk = || {
            let disks = nodes.iter().flat_map(|n| n.disks.iter().map(|d| (n.name.clone(), d)));
            let free = disks.filter(|(_, d)| d.used.is_none() && d.partitions.is_empty());
            let osd = |(node, d): (String, &crate::shape::DiskShape)| OsdShape {
                node,
                device: Some(d.path.clone()),
                size: None,
                class: None,
            };
            free.map(osd).collect::<Vec<_>>()
        };
        let wanted = match &shape.osds {
            Some(osds) => osds.clone(),
            None if shape.stage == CephStage::Ready => every_disk(),
            None => vec![],
        };
        for (n, osd) in wanted.iter().enumerate() {
            let path = osd.device.clone().unwrap_or_default();
            let mut node = nodes.iter_mut().find(|node| node.name == osd.node);
            let found = node.as_deref().and_then(|n| n.device(&path)).map(|d| (d.size, class_of(d.disk.media)));
            if let Some(node) = node.as_mut() {
                node.set_used(&path, Some("LVM"));
            }
            let device = OsdDevice {
                path,
                size: osd.size.map(|s| s.0).or(found.map(|f| f.0)).unwrap_or(64 << 30),
                kind: found.map_or("hdd", |f| f.1).into(),
                encrypted: false,
                vg: format!("ceph-{}", ids.uuid()),
                created: at,
                dead: false,
            };
            self.create_osd(&ids.uuid(), &osd.node, device, osd.class.as_deref(), at + n as f64);
        }
    }

    fn make_rules_and_pools(&mut self, shape: &CephShape, at: Time) {
        for rule in &shape.rules {
            let root = rule.root.as_deref().unwrap_or("default");
            // A shape that names what is not there gets no rule, which the first look shows.
            let _ = self.crush.create_rule(&rule.name, root, &rule.failure_domain, rule.device_class.as_deref());
            if let Some(id) = rule.id {
                self.crush.renumber_rule(&rule.name, id);
            }
        }
        for pool in &shape.pools {
            self.make_pool(pool, at);
        }
    }

    fn make_pool(&mut self, pool: &CephPoolShape, at: Time) {
        let new = NewPool {
            pg_num: Some(pool.pg_num.unwrap_or(32)),
            size: pool.size,
            rule: pool.crush_rule.clone(),
            autoscale: Some(Autoscale::Warn),
            ..NewPool::default()
        };
        // Ids are handed out in order: the next one is the one that is wanted.
        if let Some(id) = pool.id {
            self.pool_max = self.pool_max.max(id.saturating_sub(1));
        }
        if self.create_pool(&pool.name, new, at).is_ok() {
            let application = pool.application.as_deref().unwrap_or("rbd");
            // The pool is new, so that its first application is never refused.
            let _ = self.enable_application(&pool.name, application, true, at);
            if let Some(min_size) = pool.min_size {
                let _ = self.set_pool(&pool.name, "min_size", &min_size.to_string(), true, at);
            }
        }
    }

    /// For comparing two runs: without uuids, epochs and times.
    pub fn canonical(&self) -> Value {
        let osds: BTreeMap<String, Value> = self
            .osds
            .iter()
            .map(|(id, osd)| {
                let path = osd.device.as_ref().map(|d| d.path.clone());
                let before = self.osds.range(..*id).filter(|(_, other)| {
                    let on = |osd: &super::Osd| osd.device.as_ref().map(|d| d.path.clone()).filter(|p| !p.is_empty());
                    other.node == osd.node && on(other).is_some() && on(other) == on(osd)
                });
                let nth = match before.count() {
                    0 => String::new(),
                    n => format!(" #{}", n + 1),
                };
                let name = format!("{} {}{nth}", osd.node, path.unwrap_or_else(|| format!("osd.{id}")));
                let class = self.crush.class_of(*id);
                let encrypted = osd.device.as_ref().is_some_and(|d| d.encrypted);
                (name, json!({"up": osd.up, "in": osd.is_in(), "class": class, "encrypted": encrypted}))
            })
            .collect();
        let mut sides: BTreeMap<String, BTreeMap<&str, usize>> = BTreeMap::new();
        for volume in &self.side_volumes {
            let what = if volume.osd.is_some() { volume.role.word() } else { "nobody's" };
            *sides.entry(format!("{} {}", volume.node, volume.path)).or_default().entry(what).or_default() += 1;
        }
        let pools: BTreeMap<&str, Value> = self
            .pools
            .values()
            .map(|p| {
                let rule = self.crush.rule(p.crush_rule).map(|r| r.name.clone());
                let images: BTreeMap<&String, u64> = p.images.iter().map(|(n, i)| (n, i.size)).collect();
                // What the autoscaler comes to depends on when it looked.
                let pg_num = (p.autoscale != Autoscale::On).then_some(p.pg_num_target);
                let pool = json!({"size": p.size, "min_size": p.min_size, "pg_num": pg_num, "crush_rule": rule,
                    "pg_autoscale_mode": p.autoscale.word(), "options": p.options_json(),
                    "applications": p.applications_json(), "flags": p.flags, "images": images, "profile": p.profile()});
                (p.name.as_str(), pool)
            })
            .collect();
        let rules: BTreeMap<&str, Value> = self
            .crush
            .rules()
            .map(|r| {
                let domain = super::crush::TYPES[r.domain()];
                let mut rule = json!({"root": self.crush.name_of(r.take()), "failure_domain": domain});
                if let Some(chunks) = r.chunks {
                    rule["chunks"] = json!(chunks);
                }
                (r.name.as_str(), rule)
            })
            .collect();
        let profiles: BTreeMap<&String, Value> =
            self.profiles.iter().map(|(name, profile)| (name, profile.json())).collect();
        let mons: BTreeMap<&str, bool> = self.mons.iter().map(|m| (m.name.as_str(), m.in_quorum)).collect();
        let mut mgrs: Vec<&str> = self.mgrs.iter().map(|m| m.name.as_str()).collect();
        mgrs.sort_unstable();
        let mdss: BTreeMap<&str, &str> =
            self.mdss.iter().map(|m| (m.daemon.name.as_str(), m.daemon.node.as_str())).collect();
        let filesystems: BTreeMap<&str, bool> =
            self.filesystems.iter().map(|fs| (fs.name.as_str(), fs.joinable)).collect();
        // Hosts come with OSDs, and stay without.
        let above =
            |b: &&super::crush::Bucket| !b.is_shadow() && !["host", "osd"].contains(&super::crush::TYPES[b.type_id]);
        let buckets: BTreeMap<&str, Value> = self
            .crush
            .buckets()
            .filter(above)
            .filter(|bucket| bucket.name != "default")
            .map(|bucket| {
                let parent = self.crush.parent_of(bucket.id).map(|parent| parent.name.clone());
                let mut items: Vec<String> = bucket.items.iter().map(|(id, _)| self.crush.name_of(*id)).collect();
                items.sort_unstable();
                let kind = super::crush::TYPES[bucket.type_id];
                (bucket.name.as_str(), json!({"type": kind, "parent": parent, "items": items}))
            })
            .collect();
        // What PVE writes of daemons is rewritten as a whole by whoever writes it.
        let conf: Vec<&String> =
            self.conf.iter().flat_map(|conf| conf.keys().filter(|key| key.contains('.'))).collect();
        let installed: Vec<&String> = self.nodes.keys().filter(|name| self.installed(name)).collect();
        json!({"installed": installed, "initialised": self.conf.is_some(), "mons": mons, "mgrs": mgrs, "mdss": mdss,
            "filesystems": filesystems, "buckets": buckets, "conf": conf, "osds": osds, "volumes": sides,
            "pools": pools, "profiles": profiles, "rules": rules, "config": self.config.dump(), "flags": self.user_flags()})
    }
}
