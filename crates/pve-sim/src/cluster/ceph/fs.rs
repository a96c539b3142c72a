//! Metadata servers, and the file systems that they serve.

use serde_json::{Value, json};

use super::{Ceph, Errno, Mgr, PoolOption, Refusal, Time};

/// A metadata server that was chosen makes the file system's first directory.
/// Belief: a second or two; it was seen at that once.
const CREATING: f64 = 2.0;

/// A metadata server.
#[derive(Debug, Clone, PartialEq)]
pub struct Mds {
    /// As for a manager: what it is called, where it runs, whether it is seen.
    pub daemon: Mgr,
    /// The file system that it serves, and since when.
    pub serves: Option<(String, Time)>,
}

/// A file system.
#[derive(Debug, Clone, PartialEq)]
pub struct FileSystem {
    /// Its name.
    pub name: String,
    /// Number of the pool with its metadata.
    pub metadata_pool: u32,
    /// Number of the pool with its data.
    pub data_pool: u32,
    /// Whether metadata servers may serve it.
    pub joinable: bool,
}

impl Mds {
    /// In Ceph's words; none if it is not seen.
    pub fn state(&self, now: Time) -> Option<&'static str> {
        match &self.serves {
            _ if !self.daemon.seen => None,
            None => Some("up:standby"),
            Some((_, since)) if now - since < CREATING => Some("up:creating"),
            Some(_) => Some("up:active"),
        }
    }
}

impl Ceph {
    /// Adds a metadata server, seen a moment later.
    pub fn add_mds(&mut self, name: &str, node: &str, now: Time) {
        self.advance(now);
        let (name, node) = (name.to_owned(), node.to_owned());
        let daemon = Mgr { name, node, running: true, settles_at: Some(now + 1.0), seen: false };
        self.mdss.push(Mds { daemon, serves: None });
    }

    /// Takes a metadata server away; false if there is none.
    pub fn remove_mds(&mut self, name: &str, now: Time) -> bool {
        self.advance(now);
        let before = self.mdss.len();
        self.mdss.retain(|mds| mds.daemon.name != name);
        self.serve();
        self.mdss.len() < before
    }

    /// A metadata server has come or gone.
    pub(super) fn mds_settles(&mut self, i: usize) {
        if let Some(mds) = self.mdss.get_mut(i) {
            mds.daemon.settles_at = None;
            mds.daemon.seen = mds.daemon.running;
            mds.serves = mds.serves.take().filter(|_| mds.daemon.seen);
        }
        self.serve();
    }

    /// Each file system that nobody serves gets one of those that stand by: the last, as recorded.
    fn serve(&mut self) {
        let now = self.now;
        for fs in self.filesystems.iter().filter(|fs| fs.joinable) {
            let serves = |mds: &Mds| mds.serves.as_ref().is_some_and(|(served, _)| *served == fs.name);
            if self.mdss.iter().any(serves) {
                continue;
            }
            if let Some(next) = self.mdss.iter_mut().rev().find(|mds| mds.daemon.seen && mds.serves.is_none()) {
                next.serves = Some((fs.name.clone(), now));
            }
        }
    }

    /// How many stand by.
    pub fn standby_mdss(&self) -> usize {
        self.mdss.iter().filter(|mds| mds.daemon.seen && mds.serves.is_none()).count()
    }

    /// `fs new` on pools that are there.
    pub fn new_fs(&mut self, name: &str, metadata: &str, data: &str, now: Time) -> Result<(), Refusal> {
        self.advance(now);
        let id = |pool: &str| {
            let missing = || Refusal::new(Errno::NoEnt, format!("pool '{pool}' does not exist"));
            self.pool_named(pool).map(|pool| pool.id).ok_or_else(missing)
        };
        let (metadata_pool, data_pool) = (id(metadata)?, id(data)?);
        let fs = FileSystem { name: name.to_owned(), metadata_pool, data_pool, joinable: true };
        for (id, usage) in [(fs.metadata_pool, "metadata"), (fs.data_pool, "data")] {
            let Some(pool) = self.pools.get_mut(&id) else { continue };
            pool.applications.entry("cephfs".to_owned()).or_default().insert(usage.to_owned(), name.to_owned());
            if usage == "metadata" {
                pool.options.insert("pg_num_min".to_owned(), PoolOption::Int(16));
                pool.options.insert("pg_autoscale_bias".to_owned(), PoolOption::Float(4.0));
            }
        }
        self.filesystems.push(fs);
        self.serve();
        Ok(())
    }

    /// `fs fail`: those that serve it begin anew.
    pub fn fail_fs(&mut self, name: &str, now: Time) -> Result<String, Refusal> {
        self.advance(now);
        let Some(fs) = self.filesystems.iter_mut().find(|fs| fs.name == name) else {
            return Err(Refusal::new(Errno::NoEnt, format!("Filesystem not found: '{name}'")));
        };
        fs.joinable = false;
        let serves = |mds: &&mut Mds| mds.serves.as_ref().is_some_and(|(served, _)| served == name);
        for mds in self.mdss.iter_mut().filter(serves) {
            mds.serves = None;
            mds.daemon.seen = false;
            // Belief: about as long as one that was just made.
            mds.daemon.settles_at = mds.daemon.running.then_some(now + 1.0);
        }
        Ok(format!("{name} marked not joinable; MDS cannot join the cluster. All MDS ranks marked failed."))
    }

    /// `fs set NAME joinable true|false`.
    pub fn set_fs_joinable(&mut self, name: &str, joinable: bool, now: Time) -> Result<String, Refusal> {
        self.advance(now);
        // Belief: these words, and those of a file system that is not there, which `fs fail` was recorded with.
        let missing = || Refusal::new(Errno::NoEnt, format!("Filesystem not found: '{name}'"));
        self.filesystems.iter_mut().find(|fs| fs.name == name).ok_or_else(missing)?.joinable = joinable;
        self.serve();
        Ok(match joinable {
            true => format!("{name} marked joinable; MDS may join as newly active."),
            false => format!("{name} marked not joinable; MDS cannot join as newly active."),
        })
    }

    /// Whether a metadata server is active for the file system, or for any if none is named.
    pub fn serves_fs(&self, name: Option<&str>) -> bool {
        let this = |fs: &str| name.is_none_or(|name| name == fs);
        self.mdss.iter().any(|mds| mds.serves.as_ref().is_some_and(|(served, _)| this(served)))
    }

    /// `fs rm`; false if there is none.
    pub fn remove_fs(&mut self, name: &str, now: Time) -> Result<bool, Refusal> {
        self.advance(now);
        if self.mdss.iter().any(|mds| mds.serves.as_ref().is_some_and(|(served, _)| served == name)) {
            let text = "all MDS daemons must be inactive/failed before removing filesystem. See `ceph fs fail`.";
            return Err(Refusal::new(Errno::Inval, text));
        }
        let before = self.filesystems.len();
        self.filesystems.retain(|fs| fs.name != name);
        Ok(self.filesystems.len() < before)
    }

    /// Whether a file system lies on the pool.
    pub(super) fn has_fs(&self, pool: u32) -> bool {
        self.filesystems.iter().any(|fs| [fs.metadata_pool, fs.data_pool].contains(&pool))
    }

    /// `mds ok-to-stop`.
    pub fn mds_ok_to_stop(&self, name: &str) -> Result<String, Refusal> {
        let serves = self.mdss.iter().any(|mds| mds.daemon.name == name && mds.serves.is_some());
        if serves && self.standby_mdss() == 0 {
            // Belief: the words around the number are recorded; the number is what the server gives itself.
            let text = "insufficent standby MDS daemons to stop active gids 4115 and/or standby gids ";
            return Err(Refusal::new(Errno::Busy, text));
        }
        Ok(format!("should be safe to stop [{name}]"))
    }

    /// The `fsmap` of the status.
    pub(super) fn fsmap_json(&self) -> Value {
        let rank = |(n, fs): (usize, &FileSystem)| {
            let serves = |mds: &&Mds| mds.serves.as_ref().is_some_and(|(served, _)| *served == fs.name);
            let mds = self.mdss.iter().find(serves)?;
            Some(
                json!({ "filesystem_id": n + 1, "rank": 0, "name": mds.daemon.name, "status": mds.state(self.now), "gid": 4115 }),
            )
        };
        let by_rank: Vec<Value> = self.filesystems.iter().enumerate().filter_map(rank).collect();
        let up = by_rank.len();
        let mut map =
            json!({ "epoch": 1 + self.filesystems.len(), "by_rank": by_rank, "up:standby": self.standby_mdss() });
        if !self.filesystems.is_empty() {
            (map["id"], map["in"], map["max"]) = (json!(1), json!(1), json!(1));
            map["up"] = json!(up);
        }
        map
    }
}
