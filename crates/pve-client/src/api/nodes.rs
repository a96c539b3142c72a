//! Nodes and their tasks.

use std::sync::Arc;

use serde::Deserialize;

use crate::{Area, Client, Error, Request, Upid, segment, wire};

/// `/nodes`.
#[derive(Clone, Copy)]
pub struct Nodes<'a> {
    client: &'a Client,
}

/// A node in `GET /nodes`. Figures are missing for offline nodes and without Sys.Audit, and about 15 s old.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NodeEntry {
    /// Its name.
    pub node: String,
    /// `online`, `offline`, `unknown`. Live.
    #[serde(default)]
    pub status: String,
    /// Processors.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub maxcpu: Option<u32>,
    /// Load, 0 to 1.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub cpu: Option<f64>,
    /// Bytes of memory.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub maxmem: Option<u64>,
    /// Bytes of memory in use.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub mem: Option<u64>,
    /// Seconds since boot.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub uptime: Option<u64>,
    /// SHA-256 of its certificate, `AA:BB:...`.
    #[serde(default)]
    pub ssl_fingerprint: Option<String>,
}

impl NodeEntry {
    /// Whether it is online.
    pub fn is_online(&self) -> bool {
        self.status == "online"
    }
}

/// `/nodes/{node}`.
#[derive(Clone, Copy)]
pub struct Node<'a> {
    client: &'a Client,
    node: &'a str,
}

/// `GET /nodes/{node}/status`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct NodeStatus {
    /// `pve-manager/9.2.11/14a22df3`.
    #[serde(default)]
    pub pveversion: String,
    /// Kernel.
    #[serde(default)]
    pub kversion: String,
    /// Seconds since boot.
    #[serde(default, deserialize_with = "wire::number")]
    pub uptime: u64,
    /// Memory in bytes.
    #[serde(default)]
    pub memory: Memory,
    /// Processors.
    #[serde(default)]
    pub cpuinfo: CpuInfo,
}

/// Memory in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// All of it.
    #[serde(deserialize_with = "wire::number")]
    pub total: u64,
    /// In use.
    #[serde(deserialize_with = "wire::number")]
    pub used: u64,
    /// Unused.
    #[serde(deserialize_with = "wire::number")]
    pub free: u64,
}

/// Processors.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct CpuInfo {
    /// Name.
    pub model: String,
    /// Threads.
    #[serde(deserialize_with = "wire::number")]
    pub cpus: u32,
    /// Sockets.
    #[serde(deserialize_with = "wire::number")]
    pub sockets: u32,
}

/// A VM in `GET /nodes/{node}/qemu`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct VmEntry {
    /// Its number.
    #[serde(deserialize_with = "wire::number")]
    pub vmid: u32,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// `running`, `stopped`.
    #[serde(default)]
    pub status: String,
    /// `backup`, `create`, `migrate` ... while something works on it.
    #[serde(default)]
    pub lock: Option<String>,
    /// Whether it is a template.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub template: bool,
}

/// A task in a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TaskEntry {
    /// Its name.
    pub upid: String,
    /// Where it runs.
    pub node: String,
    /// `qmmove`, `cephcreatepool` ...
    #[serde(rename = "type")]
    pub kind: String,
    /// What it is about: the vmid, the pool's name, the disk.
    #[serde(default, deserialize_with = "wire::text")]
    pub id: String,
    /// `user@realm`; for a token `user@realm!token` is split into this and `tokenid`.
    #[serde(default)]
    pub user: String,
    /// The token, if one was used.
    #[serde(default)]
    pub tokenid: Option<String>,
    /// Unix seconds by the clock of its node.
    #[serde(default, deserialize_with = "wire::number")]
    pub starttime: i64,
    /// Unix seconds; `None` while it runs.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub endtime: Option<i64>,
    /// `OK`, `WARNINGS: N`, an error text; absent or `RUNNING` while it runs.
    #[serde(default)]
    pub status: Option<String>,
}

impl TaskEntry {
    /// Whether it has not ended.
    pub fn is_running(&self) -> bool {
        self.endtime.is_none() && self.status.as_deref().is_none_or(|status| status == "RUNNING")
    }

    /// Whether it ended well.
    pub fn is_success(&self) -> bool {
        self.status.as_deref().is_some_and(|status| status == "OK" || status.starts_with("WARNINGS: "))
    }
}

/// Which tasks to list. Everything is optional.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaskFilter {
    /// Exactly this type.
    pub kind: Option<String>,
    /// Exactly this vmid as the task's id (PVE filters only guests' tasks by id; others are filtered here).
    pub id: Option<String>,
    /// Started by this user.
    pub user: Option<String>,
    /// Started at this time or later; Unix seconds by the node's clock.
    pub since: Option<i64>,
    /// At most so many, newest first; 500 if not given.
    pub limit: Option<u32>,
}

impl<'a> Nodes<'a> {
    pub(super) fn new(client: &'a Client) -> Self {
        Self { client }
    }

    /// All nodes that we may see. `GET /nodes`
    pub async fn list(&self) -> Result<Arc<Vec<NodeEntry>>, Error> {
        self.client.shared(Area::Nodes, Request::get("nodes")).await
    }

    /// A node by name, from the list of [`Nodes::list`].
    pub async fn find(&self, node: &str) -> Result<Option<NodeEntry>, Error> {
        Ok(self.list().await?.iter().find(|entry| entry.node == node).cloned())
    }
}

impl<'a> Node<'a> {
    pub(super) fn new(client: &'a Client, node: &'a str) -> Self {
        Self { client, node }
    }

    /// Hardware, kernel, version. `GET /nodes/{node}/status`
    pub async fn status(&self) -> Result<NodeStatus, Error> {
        self.client.call(Request::get(format!("nodes/{}/status", self.node)).node(self.node)).await
    }

    /// The version of PVE on it. `GET /nodes/{node}/version`
    pub async fn version(&self) -> Result<Arc<super::PveVersion>, Error> {
        self.client.shared(Area::Version, Request::get(format!("nodes/{}/version", self.node)).node(self.node)).await
    }

    /// The VMs on this node that we may see; live, unlike the cluster's list. `GET /nodes/{node}/qemu`
    pub async fn vms(&self) -> Result<Arc<Vec<VmEntry>>, Error> {
        self.client.shared(Area::Guests, Request::get(format!("nodes/{}/qemu", self.node)).node(self.node)).await
    }

    /// The containers on this node that we may see, likewise. `GET /nodes/{node}/lxc`
    pub async fn containers(&self) -> Result<Arc<Vec<VmEntry>>, Error> {
        self.client.shared(Area::Guests, Request::get(format!("nodes/{}/lxc", self.node)).node(self.node)).await
    }

    /// Tasks of this node, running ones included, newest first: the evidence where an answer was lost.
    /// `GET /nodes/{node}/tasks?source=all`. Without Sys.Audit on the node only our own.
    pub async fn tasks(&self, filter: &TaskFilter) -> Result<Vec<TaskEntry>, Error> {
        let vmid = filter.id.as_deref().and_then(|id| id.parse::<u32>().ok()).filter(|id| *id >= 100);
        let request = Request::get(format!("nodes/{}/tasks", self.node))
            .node(self.node)
            .param("source", "all")
            .param("limit", filter.limit.unwrap_or(500))
            .opt("typefilter", filter.kind.as_deref())
            .opt("vmid", vmid)
            .opt("since", filter.since);
        let mut tasks: Vec<TaskEntry> = self.client.call(request).await?;
        // PVE's user filter is a substring match and knows nothing of tokens; ids other than vmids it cannot filter.
        tasks.retain(|task| filter.matches(task));
        Ok(tasks)
    }

    /// How a task has ended, as `OK` or an error's text; `None` while it runs. `GET /nodes/{node}/tasks/{upid}/status`
    pub async fn task_status(&self, upid: &Upid) -> Result<Option<String>, Error> {
        #[derive(Deserialize)]
        struct Status {
            exitstatus: Option<String>,
        }
        let path = format!("nodes/{}/tasks/{}/status", self.node, segment(upid.as_str()));
        let status: Status = self.client.call(Request::get(path).node(self.node)).await?;
        Ok(status.exitstatus)
    }

    /// The first lines of a task's log; `limit` 0 is all of it. `GET /nodes/{node}/tasks/{upid}/log`
    pub async fn task_log(&self, upid: &Upid, limit: u32) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Line {
            t: String,
        }
        let path = format!("nodes/{}/tasks/{}/log", self.node, segment(upid.as_str()));
        let lines: Vec<Line> = self.client.call(Request::get(path).node(self.node).param("limit", limit)).await?;
        Ok(lines.into_iter().map(|line| line.t).collect())
    }
}

impl TaskFilter {
    fn matches(&self, task: &TaskEntry) -> bool {
        let user = match &task.tokenid {
            Some(token) if !task.user.contains('!') => format!("{}!{token}", task.user),
            _ => task.user.clone(),
        };
        self.kind.as_ref().is_none_or(|kind| *kind == task.kind)
            && self.id.as_ref().is_none_or(|id| *id == task.id)
            && self.user.as_ref().is_none_or(|wanted| *wanted == user)
            && self.since.is_none_or(|since| task.starttime >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASKS: &str = r#"[
        {"status":"OK","starttime":1795370367,"type":"qmdestroy","user":"root@pam","upid":"UPID:pve1:0000291F:00070B18:6B032D7F:qmdestroy:200:root@pam:","node":"pve1","id":"200","endtime":1795370367,"pid":10527,"pstart":461592},
        {"status":"RUNNING","starttime":1795370370,"type":"qmmove","user":"root@pam","tokenid":"tf","upid":"UPID:pve1:0000291F:00070B18:6B032D82:qmmove:200:root@pam!tf:","node":"pve1","id":200},
        {"saved":"1","endtime":1795369349,"id":"mgr.pve3","node":"pve3","user":"root@pam","upid":"UPID:pve3:0000622C:00057D65:6B032985:cephdestroymgr:mgr.pve3:root@pam:","type":"cephdestroymgr","starttime":1795369349,"status":"ceph manager directory '/var/lib/ceph/mgr/ceph-pve3' not found"}]"#;

    #[test]
    fn reads_recorded_tasks() {
        let tasks: Vec<TaskEntry> = serde_json::from_str(TASKS).unwrap();
        assert!(tasks[0].is_success() && !tasks[0].is_running());
        assert!(tasks[1].is_running() && !tasks[1].is_success());
        assert!(!tasks[2].is_success() && !tasks[2].is_running());
    }

    #[test]
    fn filters_by_token_id_and_time() {
        let tasks: Vec<TaskEntry> = serde_json::from_str(TASKS).unwrap();
        let count = |filter: TaskFilter| tasks.iter().filter(|task| filter.matches(task)).count();
        assert_eq!(count(TaskFilter { user: Some("root@pam!tf".into()), ..TaskFilter::default() }), 1);
        assert_eq!(count(TaskFilter { user: Some("root@pam".into()), ..TaskFilter::default() }), 2);
        assert_eq!(
            count(TaskFilter { id: Some("200".into()), kind: Some("qmmove".into()), ..TaskFilter::default() }),
            1
        );
        assert_eq!(count(TaskFilter { since: Some(1_795_370_368), ..TaskFilter::default() }), 1);
    }

    #[test]
    fn reads_recorded_nodes() {
        let answer = r#"[{"node":"pve3","cpu":0.17,"status":"online","id":"node/pve3","maxmem":25276510208,"uptime":4634,"type":"node","maxcpu":2},
            {"node":"pve9","status":"offline","id":"node/pve9","type":"node"}]"#;
        let nodes: Vec<NodeEntry> = serde_json::from_str(answer).unwrap();
        assert!(nodes[0].is_online() && !nodes[1].is_online());
        assert_eq!((nodes[0].maxcpu, nodes[1].maxcpu), (Some(2), None));
        let status = r#"{"memory":{"used":4203016192,"free":19996467200,"available":21073494016,"total":25276510208},
            "cpuinfo":{"mhz":"2445.430","hvm":"","model":"AMD EPYC","sockets":1,"cpus":2},"pveversion":"pve-manager/9.2.11/14a22df3",
            "loadavg":["0.86"],"kversion":"Linux 6.18","uptime":4643}"#;
        let status: NodeStatus = serde_json::from_str(status).unwrap();
        assert_eq!((status.memory.total, status.cpuinfo.cpus), (25276510208, 2));
    }
}
