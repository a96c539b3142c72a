//! What HA does at this moment.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

use super::resource::Sid;
use crate::wire;

/// `GET /cluster/ha/status/current`, sorted by what its entries are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HaStatus {
    /// Whether the node that answered has a majority with it.
    pub quorate: bool,
    /// The manager; `None` until there was one.
    pub master: Option<Watch>,
    /// The agents on the nodes.
    pub agents: Vec<Watch>,
    /// `armed`, `standby`, `disarming`, `disarmed`; since PVE 9.2.
    pub fencing: Option<String>,
    /// The resources.
    pub services: Vec<Service>,
}

/// The manager or an agent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Watch {
    /// Its node.
    pub node: String,
    /// `pve1 (active, watchdog active, DATE)`, `... old timestamp - dead? ...`
    #[serde(default)]
    pub status: String,
    /// When it last said something, Unix seconds.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub timestamp: Option<i64>,
}

impl Watch {
    /// What it is doing, without the time at which it said so: `active`, `idle`, `maintenance mode` ...
    pub fn state(&self) -> &str {
        let told = self.status.split_once('(').map_or(self.status.as_str(), |(_, told)| told);
        told.split([',', ')']).next().unwrap_or_default().trim()
    }

    /// Whether it has been silent for too long.
    pub fn is_dead(&self) -> bool {
        self.status.contains("old timestamp - dead?")
    }
}

/// A resource as HA sees it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Service {
    /// Its name.
    pub sid: Sid,
    /// Where it is.
    #[serde(default)]
    pub node: Option<String>,
    /// `queued`, `starting`, `started`, `stopping`, `stopped`, `disabled`, `ignored`, `deleting`, `migrate`, `fence`,
    /// `recovery`, `freeze`, `error` ...
    #[serde(default)]
    pub state: String,
    /// The manager's raw state; `None` if it has not seen the resource yet.
    #[serde(default)]
    pub crm_state: Option<String>,
    /// What was asked for.
    #[serde(default)]
    pub request_state: Option<String>,
    /// In effect.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub max_restart: Option<u32>,
    /// In effect.
    #[serde(default, deserialize_with = "wire::opt_number")]
    pub max_relocate: Option<u32>,
    /// In effect.
    #[serde(default, deserialize_with = "wire::opt_boolean")]
    pub failback: Option<bool>,
    /// In a sentence.
    #[serde(default)]
    pub status: String,
}

impl Service {
    /// HA has given up on it; it leaves this state only through `disabled`.
    pub fn is_error(&self) -> bool {
        self.state == "error"
    }
}

impl HaStatus {
    /// A resource by name.
    pub fn service(&self, sid: Sid) -> Option<&Service> {
        self.services.iter().find(|service| service.sid == sid)
    }
}

impl<'de> Deserialize<'de> for HaStatus {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(tag = "type", rename_all = "lowercase")]
        enum Entry {
            Quorum {
                #[serde(default, deserialize_with = "wire::boolean")]
                quorate: bool,
            },
            Master(Watch),
            Lrm(Watch),
            Fencing {
                #[serde(default, rename = "armed-state")]
                armed: Option<String>,
            },
            Service(Service),
            #[serde(other)]
            Other,
        }
        let mut status = Self::default();
        for entry in Vec::<Entry>::deserialize(d)? {
            match entry {
                Entry::Quorum { quorate } => status.quorate = quorate,
                Entry::Master(watch) => status.master = Some(watch),
                Entry::Lrm(watch) => status.agents.push(watch),
                Entry::Fencing { armed } => status.fencing = armed,
                Entry::Service(service) => status.services.push(service),
                Entry::Other => {}
            }
        }
        Ok(status)
    }
}

/// `GET /cluster/ha/status/manager_status`, the parts that nothing else tells.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ManagerStatus {
    /// The manager's node.
    pub master_node: Option<String>,
    /// `online`, `maintenance`, `unknown`, `fence`, `gone`, by node.
    pub node_status: BTreeMap<String, String>,
    /// The manager's notes on each resource, by its name.
    pub service_status: BTreeMap<String, ServiceNote>,
}

/// The manager's note on a resource.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct ServiceNote {
    /// Raw state.
    pub state: String,
    /// Where it is.
    pub node: String,
    /// Where it is being moved to.
    pub target: Option<String>,
    /// Whether it has been seen running since it was started.
    #[serde(deserialize_with = "wire::boolean")]
    pub running: bool,
    /// Nodes on which it could not be started.
    pub failed_nodes: Vec<String>,
    /// The node that it left for that node's maintenance, and to which it goes back.
    pub maintenance_node: Option<String>,
}

impl<'de> Deserialize<'de> for ManagerStatus {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Answer {
            #[serde(default)]
            manager_status: Inner,
        }
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct Inner {
            master_node: Option<String>,
            node_status: BTreeMap<String, String>,
            service_status: BTreeMap<String, ServiceNote>,
        }
        let Inner { master_node, node_status, service_status } = Answer::deserialize(d)?.manager_status;
        Ok(Self { master_node, node_status, service_status })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_recorded_status() {
        let answer = r#"[{"node":"pve1","type":"quorum","status":"OK","quorate":1,"id":"quorum"},
            {"timestamp":1795368818,"type":"master","node":"pve2","status":"pve2 (active, Sun Nov 22 17:33:38 2026)","id":"master"},
            {"status":"armed (CRM watchdog active)","armed-state":"armed","node":"pve2","type":"fencing","id":"fencing"},
            {"id":"lrm:pve1","status":"pve1 (old timestamp - dead?, Sun Nov 22 17:33:41 2026)","node":"pve1","type":"lrm","timestamp":1795368821},
            {"sid":"vm:100","state":"request_stop","failback":1,"max_relocate":1,"node":"pve1","type":"service","status":"vm:100 (pve1, request_stop)",
             "max_restart":1,"crm_state":"request_stop","id":"service:vm:100","request_state":"started"},
            {"sid":"vm:101","state":"queued","type":"service","id":"service:vm:101","node":"pve1"},
            {"type":"of-tomorrow","id":"x","status":"y"}]"#;
        let status: HaStatus = serde_json::from_str(answer).unwrap();
        assert!(status.quorate && status.agents[0].is_dead() && !status.master.as_ref().unwrap().is_dead());
        assert_eq!(status.fencing.as_deref(), Some("armed"));
        let service = status.service(Sid::vm(100)).unwrap();
        assert_eq!((service.state.as_str(), service.failback, service.is_error()), ("request_stop", Some(true), false));
        assert_eq!(status.service(Sid::vm(101)).unwrap().crm_state, None);
    }

    #[test]
    fn a_state_has_no_clock() {
        for (status, state) in [
            ("pve1 (active, Sun Nov 22 17:33:38 2026)", "active"),
            ("pve1 (idle, watchdog standby, Sun Nov 22 17:33:38 2026)", "idle"),
            ("pve2 (disarm mode, watchdog released, Sun Nov  1 07:03:08 2026)", "disarm mode"),
            ("pve3 (old timestamp - dead?, watchdog standby, Sun Nov 22 17:33:41 2026)", "old timestamp - dead?"),
            ("pve1 (unable to read lrm status)", "unable to read lrm status"),
            ("", ""),
        ] {
            let watch = Watch { node: "pve1".into(), status: status.into(), timestamp: None };
            assert_eq!(watch.state(), state, "{status}");
        }
    }

    #[test]
    fn reads_recorded_notes() {
        let empty = r#"{"manager_status":{"node_status":{}},"quorum":{"node":"pve1","quorate":"1"}}"#;
        assert_eq!(serde_json::from_str::<ManagerStatus>(empty).unwrap(), ManagerStatus::default());
        let answer = r#"{"lrm_status":{},"quorum":{"node":"pve1","quorate":"1"},"manager_status":{"timestamp":1795368818,"master_node":"pve2",
            "node_status":{"pve1":"online"},"service_status":{"vm:100":{"node":"pve1","state":"error","uid":"W","running":1,"failed_nodes":["pve1","pve2"]}}}}"#;
        let status: ManagerStatus = serde_json::from_str(answer).unwrap();
        assert_eq!(status.service_status["vm:100"].failed_nodes.len(), 2);
        assert!(status.service_status["vm:100"].running);
    }
}
