//! How many hosts may die, as far as the configuration tells: arithmetic over OSDs, rules and pools.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::plan::device_name;

/// Hosts with their OSDs, and the pools, as a configuration knows them.
#[derive(Debug, Default, PartialEq)]
pub struct Layout {
    /// By host, what names each OSD: a number once there is one, else the disk; with the device class, where it is told.
    pub hosts: BTreeMap<String, Vec<Osd>>,
    pub pools: Vec<Pool>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Osd {
    pub name: String,
    pub class: Option<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Pool {
    pub name: String,
    pub size: usize,
    pub min_size: usize,
    /// What no two copies share, where the rule is of this configuration.
    pub domain: Option<String>,
    pub class: Option<String>,
}

/// What a pool bears.
#[derive(Debug, PartialEq)]
pub struct Bears {
    /// So many hosts, whichever, may die and I/O goes on; and so many and nothing is lost.
    pub with_io: usize,
    pub without_loss: usize,
    pub hosts: usize,
    /// Not every copy finds a place.
    pub undersized: bool,
}

impl Layout {
    pub fn of(resources: &[(&str, &Json)]) -> Self {
        let mut layout = Self::default();
        let all = |kind: &'static str| resources.iter().filter(move |(of, _)| *of == kind).map(|(_, values)| *values);
        let text = |value: &Json| value.as_str().map(str::to_owned);
        for osd in all("pve_ceph_osd") {
            let Some(node) = text(&osd["node"]) else { continue };
            let named = device_name(&osd["device"]);
            let part = osd["device"]["partition"].as_u64().map_or_else(String::new, |part| format!("/{part}"));
            let disk = named.map_or_else(|| "new disk".to_owned(), |named| format!("{named}{part}"));
            let name = osd["osd_id"].as_u64().map_or(disk, |id| format!("osd.{id}"));
            // One that is told to be out holds nothing.
            if osd["in"] != false {
                layout.hosts.entry(node).or_default().push(Osd { name, class: text(&osd["crush_device_class"]) });
            }
        }
        for pool in all("pve_ceph_pool") {
            // PVE makes pools of three copies, of which two are enough.
            let number =
                |name: &str, usual: usize| pool[name].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(usual);
            let rule = text(&pool["crush_rule"]).unwrap_or_else(|| "replicated_rule".to_owned());
            let named = all("pve_ceph_crush_rule").find(|known| known["name"] == rule.as_str());
            let domain = match named {
                Some(known) => text(&known["failure_domain"]),
                None => (rule == "replicated_rule").then(|| "host".to_owned()),
            };
            layout.pools.push(Pool {
                name: text(&pool["name"]).unwrap_or_default(),
                size: number("size", 3),
                min_size: number("min_size", 2),
                domain,
                class: named.and_then(|known| text(&known["device_class"])),
            });
        }
        layout
    }

    /// How many copies each host has room for, most first. `None` where the rule, or what it chooses between, is not of this
    /// configuration.
    fn room(&self, pool: &Pool) -> Option<Vec<(&str, usize)>> {
        let most = match pool.domain.as_deref()? {
            "osd" => usize::MAX,
            "host" => 1,
            _ => return None,
        };
        let fits = |osd: &&Osd| pool.class.is_none() || osd.class.is_none() || osd.class == pool.class;
        let room = self.hosts.iter().map(|(host, osds)| (host.as_str(), osds.iter().filter(fits).count().min(most)));
        let mut room: Vec<_> = room.filter(|(_, osds)| *osds > 0).collect();
        room.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
        (!room.is_empty()).then_some(room)
    }

    /// What it bears at the worst placement; `None` where that is not told by this configuration.
    pub fn bears(&self, pool: &Pool) -> Option<Bears> {
        let room: Vec<usize> = self.room(pool)?.into_iter().map(|(_, osds)| osds).collect();
        let places: usize = room.iter().sum();
        let copies = pool.size.min(places);
        // The worst placement: as many copies as fit on the hosts that die, which are those with the most room.
        let left = |dead: usize| copies - room.iter().take(dead).sum::<usize>().min(copies);
        let most = |enough: usize| (0..room.len()).take_while(|dead| left(*dead) >= enough).last().unwrap_or(0);
        let ever = left(0) >= pool.min_size;
        Some(Bears {
            with_io: if ever { most(pool.min_size) } else { 0 },
            without_loss: most(1),
            hosts: room.len(),
            undersized: copies < pool.size,
        })
    }

    /// On which hosts the copies lie if they lie as badly as the rule allows: how many on each, most first.
    pub fn worst(&self, pool: &Pool) -> Option<BTreeMap<&str, usize>> {
        let mut left = pool.size;
        let worst = self.room(pool)?.into_iter().filter_map(|(host, room)| {
            let here = room.min(left);
            left -= here;
            (here > 0).then_some((host, here))
        });
        Some(worst.collect())
    }
}

impl std::fmt::Display for Bears {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let of = |n: usize| match n {
            0 => "none".to_owned(),
            n => format!("any {n}"),
        };
        write!(
            f,
            "I/O goes on when {} of {} hosts die, nothing is lost when {} die",
            of(self.with_io),
            self.hosts,
            of(self.without_loss)
        )?;
        if self.undersized { f.write_str("; there is no room for every copy (undersized)") } else { Ok(()) }
    }
}
