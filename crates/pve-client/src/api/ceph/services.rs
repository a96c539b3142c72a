//! Monitors, managers, and what may be stopped.

use serde::Deserialize;

use crate::wire;

/// A monitor in `GET ceph/mon`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Monitor {
    /// Its id, by convention the node's name.
    pub name: String,
    /// The node.
    #[serde(default)]
    pub host: Option<String>,
    /// Whether it is part of the quorum. Live.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub quorum: bool,
    /// `running`, `stopped`, `unknown`; some seconds old.
    #[serde(default)]
    pub state: String,
    /// `10.0.0.1:6789/0`.
    #[serde(default)]
    pub addr: Option<String>,
    /// Its place.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub rank: Option<i64>,
    /// `19.2.3`; absent if it does not run.
    #[serde(default)]
    pub ceph_version_short: Option<String>,
    /// Whether its unit is enabled.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub service: bool,
    /// Whether its directory exists.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub direxists: bool,
}

/// A manager in `GET ceph/mgr`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Manager {
    /// Its id, by convention the node's name.
    pub name: String,
    /// The node.
    #[serde(default)]
    pub host: Option<String>,
    /// `active`, `standby`, `stopped`, `unknown`.
    #[serde(default)]
    pub state: String,
    /// `19.2.3`; absent if it does not run.
    #[serde(default)]
    pub ceph_version_short: Option<String>,
}

/// A metadata server in `GET ceph/mds`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MetadataServer {
    /// Its id, by convention the node's name.
    pub name: String,
    /// The node.
    #[serde(default)]
    pub host: Option<String>,
    /// Ceph's word (`up:active`, `up:standby` ...), or `stopped`, `unknown`.
    #[serde(default)]
    pub state: String,
    /// The file system that it serves or follows.
    #[serde(default)]
    pub fs_name: Option<String>,
}

/// A file system in `GET ceph/fs`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FileSystem {
    /// Its name.
    pub name: String,
    /// The pool of its metadata.
    #[serde(default)]
    pub metadata_pool: Option<String>,
    /// The first pool of its data.
    #[serde(default)]
    pub data_pool: Option<String>,
}

/// A kind of daemon that PVE makes by a call of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// A monitor.
    Monitor,
    /// A manager.
    Manager,
    /// A metadata server.
    MetadataServer,
}

impl Daemon {
    /// `mon`, `mgr`, `mds`: in paths, tasks and names of services.
    pub fn name(self) -> &'static str {
        match self {
            Self::Monitor => "mon",
            Self::Manager => "mgr",
            Self::MetadataServer => "mds",
        }
    }
}

/// What is to be done with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceAction {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Restart it.
    Restart,
}

impl ServiceAction {
    /// The last part of the path.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Stop => "stop",
            Self::Restart => "restart",
        }
    }
}

/// What might be dangerous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Risk {
    /// Stopping the daemon.
    Stop,
    /// Destroying it with its data.
    Destroy,
}

impl Risk {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Destroy => "destroy",
        }
    }
}

/// `GET ceph/cmd-safety`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Safety {
    /// The answer.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub safe: bool,
    /// Why, in Ceph's words; may be missing.
    #[serde(default, deserialize_with = "wire::text")]
    pub status: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_recorded_services_old_and_new() {
        let answer = r#"[{"ceph_version":"ceph version 16.2.15 (618f) pacific (stable)","quorum":1,"state":"running","direxists":true,"name":"pve2",
              "addr":"127.0.0.12:6789/0","service":true,"host":"pve2","rank":1,"ceph_version_short":"16.2.15"},
            {"ceph_version_short":null,"host":"pve3","rank":"2","name":"pve3","addr":"127.0.0.13:6789/0","service":1,"state":"stopped","direxists":"1","ceph_version":null}]"#;
        let monitors: Vec<Monitor> = serde_json::from_str(answer).unwrap();
        assert!(monitors[0].quorum && monitors[0].service && !monitors[1].quorum && monitors[1].service);
        assert_eq!((monitors[1].rank, &monitors[1].ceph_version_short), (Some(2), &None));
        let answer = r#"[{"direxists":true,"state":"stopped","host":"pve3","name":"pve3","service":true}]"#;
        let managers: Vec<Manager> = serde_json::from_str(answer).unwrap();
        assert_eq!(managers[0].state, "stopped");
    }

    #[test]
    fn reads_recorded_safety_old_and_new() {
        let read = |text: &str| serde_json::from_str::<Safety>(text).unwrap();
        assert!(
            read(r#"{"safe":true}"#).safe && read(r#"{"safe":1,"status":"x"}"#).safe && !read(r#"{"safe":0}"#).safe
        );
    }
}
