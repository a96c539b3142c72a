//! A simulated Ceph cluster: monitors, managers, OSDs, CRUSH, pools, placement groups, health and
//! the `ceph` command line. A plain state machine: methods take the simulated time, [`Ceph::advance`]
//! lets everything happen that is due by then, and nothing here knows of HTTP or PVE's permissions.
//!
//! What a real Ceph 16.2 answered is replayed against this in `tests/ceph_golden.rs`.

mod autoscale;
pub mod cli;
pub mod config;
pub mod crush;
mod erasure;
mod errno;
mod flags;
mod fs;
mod health;
mod life;
mod mon;
mod osd;
mod pg;
mod pool;
mod pools;
mod purge;
mod release;
mod safety;
mod services;
mod setup;
mod side;
mod status;

#[cfg(test)]
mod tests;

pub use cli::{Output, run};
pub use erasure::{Chunks, DEFAULT_PROFILE, Profile};
pub use errno::{Errno, Refusal};
pub use flags::FLAGS;
pub use fs::{FileSystem, Mds};
pub use mon::{Mgr, Mon};
pub use osd::{Leftover, Osd, OsdDevice, lv_name};
pub use pg::{PgReport, Report};
pub use pool::{Autoscale, EC_OVERWRITES, Image, POOL_FLAGS, Pool, PoolOption};
pub use pools::NewPool;
pub use release::Release;
pub use safety::{OkToStop, SafeToDestroy};
pub(crate) use setup::class_of;
pub use side::{Role, SideVolume};

use std::collections::{BTreeMap, BTreeSet};

use config::{ConfFile, ConfigDb};
use crush::CrushMap;

/// Simulated time: seconds since the Unix epoch.
pub type Time = f64;

/// What a PVE node has of Ceph.
#[derive(Debug, Clone, Default)]
pub struct NodeCeph {
    /// Packages are installed.
    pub installed: bool,
    /// They are being installed, or that was cut off: every call then says that they are not there.
    pub installing: bool,
}

/// The whole of Ceph in the cluster.
#[derive(Debug, Clone)]
pub struct Ceph {
    /// Which release answers.
    pub release: Release,
    /// Packages per PVE node.
    pub nodes: BTreeMap<String, NodeCeph>,
    /// `/etc/pve/ceph.conf`; absent before `init`.
    pub conf: Option<ConfFile>,
    /// `/etc/pve/priv/ceph.client.admin.keyring` exists.
    pub keyring: bool,
    /// Monitors in the order of their creation.
    pub mons: Vec<Mon>,
    /// Managers in the order of their creation; the first seen one is active.
    pub mgrs: Vec<Mgr>,
    /// Metadata servers in the order of their creation.
    pub mdss: Vec<Mds>,
    /// File systems in the order of their creation.
    pub filesystems: Vec<FileSystem>,
    /// The CRUSH map.
    pub crush: CrushMap,
    /// OSDs by id.
    pub osds: BTreeMap<u32, Osd>,
    /// Volumes of OSDs that are no longer in the map.
    pub leftovers: Vec<Leftover>,
    /// Volumes for databases and logs.
    pub side_volumes: Vec<SideVolume>,
    /// Pools by id.
    pub pools: BTreeMap<u32, Pool>,
    /// Erasure code profiles by name.
    pub profiles: BTreeMap<String, Profile>,
    /// The monitors' configuration database.
    pub config: ConfigDb,
    /// OSD map flags that are set.
    pub flags: BTreeSet<String>,
    /// Flags on CRUSH buckets.
    pub bucket_flags: BTreeMap<String, BTreeSet<String>>,
    pgs: pg::PgMap,
    pool_max: u32,
    max_osd: u32,
    monmap_epoch: u32,
    election_epoch: u32,
    epoch: u32,
    /// Changes with anything that moves PGs beside the CRUSH map: in/out weights, pools.
    mapping: u64,
    created: Time,
    now: Time,
    up_change: Time,
    in_change: Time,
    quorum_since: Time,
    next_autoscale: Time,
}

impl Ceph {
    /// No package installed anywhere.
    pub fn absent(release: Release, now: Time) -> Self {
        Self {
            release,
            nodes: BTreeMap::new(),
            conf: None,
            keyring: false,
            mons: vec![],
            mgrs: vec![],
            mdss: vec![],
            filesystems: vec![],
            crush: CrushMap::default(),
            osds: BTreeMap::new(),
            leftovers: vec![],
            side_volumes: vec![],
            pools: BTreeMap::new(),
            profiles: BTreeMap::from([(DEFAULT_PROFILE.to_owned(), Profile::default())]),
            config: ConfigDb::default(),
            flags: BTreeSet::new(),
            bucket_flags: BTreeMap::new(),
            pgs: pg::PgMap::default(),
            pool_max: 0,
            max_osd: 0,
            monmap_epoch: 0,
            election_epoch: 0,
            epoch: 1,
            mapping: 0,
            created: now,
            now,
            up_change: now,
            in_change: now,
            quorum_since: now,
            next_autoscale: now + 60.0,
        }
    }

    /// The cluster's id, once initialised.
    pub fn fsid(&self) -> &str {
        self.conf.as_ref().and_then(|c| c.get("global")?.get("fsid")).map_or("", String::as_str)
    }

    /// The time up to which everything has happened.
    pub fn now(&self) -> Time {
        self.now
    }

    /// A pool by name.
    pub fn pool_named(&self, name: &str) -> Option<&Pool> {
        self.pools.values().find(|p| p.name == name)
    }

    fn pool_named_mut(&mut self, name: &str) -> Option<&mut Pool> {
        self.pools.values_mut().find(|p| p.name == name)
    }

    /// What holds for an option of the monitors: the file beats the database.
    pub fn mon_option(&self, name: &str) -> String {
        let file = self.conf.as_ref().and_then(|c| {
            let section = |s: &str| c.get(s).and_then(|s| s.get(name));
            section("mon").or_else(|| section("global"))
        });
        let stored = || self.config.get("mon", &[], name).unwrap_or_else(|_| config::default_of(name).to_string());
        file.cloned().unwrap_or_else(stored)
    }

    fn mon_number(&self, name: &str) -> f64 {
        self.mon_option(name).parse().unwrap_or(0.0)
    }

    /// In/out weights for placement.
    pub fn weights(&self) -> crush::Weights {
        self.osds.iter().map(|(id, osd)| (*id, osd.reweight)).collect()
    }

    /// The latest report of the placement groups, as the manager has it (it lags by seconds).
    pub fn report(&self) -> &Report {
        self.pgs.report()
    }

    /// Notes a change of the map: a new epoch, and PGs have to be looked at.
    fn changed(&mut self) {
        self.epoch += 1;
        self.pgs.touch(self.now);
    }

    /// Notes a change of the map that no PG cares for.
    fn noted(&mut self) {
        self.epoch += 1;
    }

    fn remapped(&mut self) {
        self.mapping += 1;
        self.changed();
    }
}
