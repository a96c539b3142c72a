//! Lists that many ask for at once are fetched once.
//!
//! A fetched value lives two seconds. Every write of ours begins a new generation of the areas it touches, at its start
//! and again when it (or its task) ends: what was fetched before, and what is being fetched at that moment, is handed
//! to nobody who asks afterwards. So nobody reads, after a write, what was there before it.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use crate::{Client, Error, Request};

/// How long a fetched value lives.
const LIFE: Duration = Duration::from_secs(2);

/// A part of the cluster that is read as a whole and changed by writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Area {
    /// PVE's version.
    Version,
    /// The cluster's options and membership.
    Cluster,
    /// The nodes and their state.
    Nodes,
    /// Running and finished tasks.
    Tasks,
    /// The nodes' disks.
    Disks,
    /// The storages' configuration and state.
    Storage,
    /// What lies on the storages.
    Content,
    /// Which guests there are, where and in which state.
    Guests,
    /// The configuration of the guest with this vmid.
    GuestConfig(u32),
    /// HA resources, rules and their state.
    Ha,
    /// Users, groups, roles, tokens, realms, ACLs, resource pools.
    Access,
    /// What else is in a configuration file of the cluster, such as `notifications.cfg`.
    File(&'static str),
    /// Ceph's overall state.
    CephStatus,
    /// Ceph's monitors and managers.
    CephMons,
    /// Ceph's OSDs.
    CephOsds,
    /// Ceph's pools.
    CephPools,
    /// Ceph's CRUSH map and rules.
    Crush,
    /// Ceph's configuration.
    CephConfig,
}

type Value = Arc<dyn Any + Send + Sync>;
type Fetch = Shared<BoxFuture<'static, Result<Value, Error>>>;

/// What is asked for, and as which type.
#[derive(PartialEq, Eq, Hash, Clone)]
struct Key {
    uri: String,
    root: bool,
    kind: TypeId,
}

/// The place of one read in its area's present generation; a new generation begins without it.
struct Entry {
    area: Area,
    state: Fetched,
}

enum Fetched {
    Running { fetch: Fetch, number: u64 },
    Done { value: Value, at: Instant },
}

#[derive(Default)]
struct Table {
    entries: HashMap<Key, Entry>,
    fetches: u64,
}

/// The shared reads of a client. Clones are the same.
#[derive(Default, Clone)]
pub(crate) struct SharedReads(Arc<Mutex<Table>>);

impl SharedReads {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    /// A write to these areas begins or ends: nothing fetched so far is valid any more.
    pub(crate) fn bump(&self, areas: &[Area]) {
        self.table().entries.retain(|_, entry| !areas.contains(&entry.area));
    }

    /// Nothing that was fetched counts any more.
    pub(crate) fn forget(&self) {
        self.table().entries.clear();
    }

    /// A valid value, or the fetch to wait for: one that runs already, or that of `fetch`.
    fn look_up<F>(&self, area: Area, key: Key, fetch: impl FnOnce() -> F) -> Result<Value, Fetch>
    where
        F: Future<Output = Result<Value, Error>> + Send + 'static,
    {
        let mut table = self.table();
        if let Some(entry) = table.entries.get(&key)
            && entry.area == area
        {
            match &entry.state {
                Fetched::Done { value, at } if at.elapsed() < LIFE => return Ok(value.clone()),
                Fetched::Running { fetch, .. } => return Err(fetch.clone()),
                Fetched::Done { .. } => {}
            }
        }
        // What nobody will get any more need not stay in memory.
        table.entries.retain(|_, entry| !matches!(&entry.state, Fetched::Done { at, .. } if at.elapsed() >= LIFE));
        table.fetches += 1;
        let number = table.fetches;
        let fetch = self.start(key.clone(), number, fetch());
        table.entries.insert(key, Entry { area, state: Fetched::Running { fetch: fetch.clone(), number } });
        Err(fetch)
    }

    /// Starts a fetch that goes on when its first reader is gone, since others may be waiting.
    fn start<F>(&self, key: Key, number: u64, fetch: F) -> Fetch
    where
        F: Future<Output = Result<Value, Error>> + Send + 'static,
    {
        let shared = self.clone();
        let name = format!("GET {}", key.uri);
        let task = tokio::spawn(async move {
            let result = fetch.await;
            shared.finish(&key, number, &result);
            result
        });
        let ended = |joined: Result<Result<Value, Error>, tokio::task::JoinError>| {
            joined.unwrap_or_else(|error| {
                Err(Error::Protocol { request: name, message: format!("the read broke off: {error}") })
            })
        };
        task.map(ended).boxed().shared()
    }

    /// Keeps what was fetched, if nobody has written and no later fetch has taken the place meanwhile.
    fn finish(&self, key: &Key, number: u64, result: &Result<Value, Error>) {
        let mut table = self.table();
        let Some(entry) = table.entries.get_mut(key) else { return };
        if !matches!(&entry.state, Fetched::Running { number: running, .. } if *running == number) {
            return;
        }
        match result {
            Ok(value) => entry.state = Fetched::Done { value: value.clone(), at: Instant::now() },
            Err(_) => {
                table.entries.remove(key);
            }
        }
    }
}

impl Client {
    /// Reads something that many readers want: whoever comes while it is being fetched, or within two seconds after,
    /// gets the same value, unless a write to the area came in between. Errors are shared, but not kept.
    pub async fn shared<T>(&self, area: Area, request: Request) -> Result<Arc<T>, Error>
    where
        T: DeserializeOwned + Send + Sync + 'static,
    {
        let key = Key { uri: request.uri(), root: request.needs_root(), kind: TypeId::of::<T>() };
        let name = request.describe();
        let client = self.clone();
        let fetch = || async move { client.call::<T>(request).await.map(|value| Arc::new(value) as Value) };
        let fetched = match self.inner.shared.look_up(area, key, fetch) {
            Ok(value) => Ok(value),
            Err(fetch) => fetch.await,
        };
        let wrong = || Error::Protocol { request: name, message: "a shared read changed its type".to_owned() };
        fetched?.downcast::<T>().map_err(|_| wrong())
    }
}

#[cfg(test)]
mod schedules;
#[cfg(test)]
mod tests;
