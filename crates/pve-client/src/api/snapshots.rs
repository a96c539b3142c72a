//! Snapshots of guests, and templates.

use std::sync::Arc;

use serde::Deserialize;

use crate::api::cluster::GuestKind;
use crate::api::qemu::config::Config;
use crate::{Area, Client, Error, Lock, Request, Task, wire};

/// `/nodes/{node}/qemu/{vmid}/snapshot` and what stands beside it, or the same of a container.
#[derive(Clone, Copy)]
pub struct Snapshots<'a> {
    client: &'a Client,
    kind: GuestKind,
    node: &'a str,
    vmid: u32,
}

/// What a guest was like once, in `GET snapshot`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Snapshot {
    /// Its name. `current` is no snapshot, but the guest as it is.
    pub name: String,
    /// Its own notes.
    #[serde(default, deserialize_with = "wire::opt_text")]
    pub description: Option<String>,
    /// Unix seconds.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub snaptime: Option<i64>,
    /// The snapshot that the guest had come from.
    #[serde(default, deserialize_with = "wire::opt_text")]
    pub parent: Option<String>,
    /// `prepare` or `delete` as long as it is no whole one: a task works on it, or was interrupted.
    #[serde(default, deserialize_with = "wire::opt_text")]
    pub snapstate: Option<String>,
    /// Whether it holds the memory of a VM that ran.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub vmstate: bool,
}

/// What can be done with a guest's disks, in `GET feature`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Feature {
    /// Whether all of them can.
    #[serde(rename = "hasFeature", default, deserialize_with = "wire::boolean")]
    pub has: bool,
    /// The nodes that have all storages.
    #[serde(default)]
    pub nodes: Vec<String>,
}

/// The guest as it is.
const CURRENT: &str = "current";

impl<'a> Snapshots<'a> {
    pub(super) fn new(client: &'a Client, kind: GuestKind, node: &'a str, vmid: u32) -> Self {
        Self { client, kind, node, vmid }
    }

    fn request(&self, make: fn(String) -> Request, rest: &str) -> Request {
        let kind = match self.kind {
            GuestKind::Qemu => "qemu",
            GuestKind::Lxc => "lxc",
        };
        make(format!("nodes/{}/{kind}/{}/{rest}", self.node, self.vmid)).node(self.node)
    }

    async fn task(&self, request: Request) -> Result<Task, Error> {
        let areas = [Area::GuestConfig(self.vmid), Area::Guests, Area::Content];
        self.client.write_task(Lock::Vm(self.vmid), &areas, request).await
    }

    /// All of them, in no order. `GET snapshot`
    pub async fn list(&self) -> Result<Vec<Snapshot>, Error> {
        let all: Arc<Vec<Snapshot>> =
            self.client.shared(Area::GuestConfig(self.vmid), self.request(Request::get, "snapshot")).await?;
        Ok(all.iter().filter(|one| one.name != CURRENT).cloned().collect())
    }

    /// What a VM was configured as when one was made. `GET snapshot/{snapname}/config`
    pub async fn config(&self, name: &str) -> Result<Arc<Config>, Error> {
        let request = self.request(Request::get, &format!("snapshot/{name}/config"));
        self.client.shared(Area::GuestConfig(self.vmid), request).await
    }

    /// Makes one; with `memory`, what a VM that runs has in its memory is kept too. `POST snapshot`
    pub async fn make(&self, name: &str, description: Option<&str>, memory: bool) -> Result<Task, Error> {
        let request = self.request(Request::post, "snapshot").param("snapname", name).opt("description", description);
        // Containers have no such parameter.
        self.task(if memory { request.flag("vmstate", true) } else { request }).await
    }

    /// Changes the notes of one. `PUT snapshot/{snapname}/config`
    pub async fn describe(&self, name: &str, description: &str) -> Result<(), Error> {
        let request = self.request(Request::put, &format!("snapshot/{name}/config")).param("description", description);
        self.client.write::<()>(Lock::Vm(self.vmid), &[Area::GuestConfig(self.vmid)], request).await
    }

    /// Removes one. Those that came from it come from its parent then. `DELETE snapshot/{snapname}`
    pub async fn delete(&self, name: &str) -> Result<Task, Error> {
        self.task(self.request(Request::delete, &format!("snapshot/{name}"))).await
    }

    /// Brings the guest back to what it was. It is stopped hard; one whose memory was kept runs afterwards, another one if it
    /// is to be started, by a task of its own. `POST snapshot/{snapname}/rollback`
    pub async fn roll_back(&self, name: &str, start: bool) -> Result<Task, Error> {
        let request = self.request(Request::post, &format!("snapshot/{name}/rollback"));
        self.task(if start { request.flag("start", true) } else { request }).await
    }

    /// Whether all disks of the guest can be snapshotted. `GET feature`
    pub async fn possible(&self) -> Result<Feature, Error> {
        self.client.call(self.request(Request::get, "feature").param("feature", "snapshot")).await
    }

    /// Makes the VM a template; of one that is one already, `disk` is made the base of linked clones as well. `POST template`
    pub async fn to_template(&self, disk: Option<&str>) -> Result<Task, Error> {
        self.task(self.request(Request::post, "template").opt("disk", disk)).await
    }
}

impl Client {
    /// The snapshots of a guest: `/nodes/{node}/qemu/{vmid}/snapshot`. It is only known on the node that owns it now.
    pub fn snapshots<'a>(&'a self, kind: GuestKind, node: &'a str, vmid: u32) -> Snapshots<'a> {
        Snapshots::new(self, kind, node, vmid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_recorded_snapshots() {
        let answer = r#"[{"parent":"s1","snaptime":1795982746,"name":"s2","vmstate":0,"description":""},
            {"name":"s1","snaptime":1795982744,"vmstate":0,"description":"neu"},
            {"parent":"s1","running":0,"digest":"0670","name":"current","description":"You are here!"}]"#;
        let all: Vec<Snapshot> = serde_json::from_str(answer).unwrap();
        assert_eq!(
            (all[0].parent.as_deref(), all[1].snaptime, all[1].vmstate),
            (Some("s1"), Some(1_795_982_744), false)
        );
        assert_eq!((all[2].name.as_str(), all[2].snaptime, all[0].snapstate.as_deref()), (CURRENT, None, None));
        let feature: Feature = serde_json::from_str(r#"{"nodes":["pve2"],"hasFeature":1}"#).unwrap();
        assert!(feature.has && feature.nodes == ["pve2"]);
    }
}
