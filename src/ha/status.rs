//! `pve_ha_status`: what HA does at this moment.

use std::collections::BTreeMap;

use pve_client::api::ha::status::{HaStatus as Live, Service};
use terraform_plugin::{Cx, DataSource, Error, Model, Need, Nested};

use crate::ground::error::During;
use crate::ground::pve::Pve;

/// What HA does at this moment: where guests run, and whether their nodes' agents are alive.
#[derive(Model, Clone, Debug, Default, PartialEq)]
#[model(name = "ha_status", area = "HA")]
pub struct HaStatus {
    /// Whether the cluster has its quorum.
    #[attr(computed)]
    pub quorate: Option<bool>,
    /// The node whose manager decides. Null until HA was used for the first time.
    #[attr(computed)]
    pub master: Option<String>,
    /// What the nodes' agents do, in PVE's own words, by node: `active`, `idle`, `wait_for_agent_lock`,
    /// `maintenance mode`, `old timestamp - dead?`, ...
    #[attr(computed)]
    pub agents: Option<BTreeMap<String, String>>,
    /// The guests under HA, by `vm:ID`.
    #[attr(computed)]
    pub services: Option<BTreeMap<String, HaService>>,
}

/// A guest under HA.
#[derive(Nested, Clone, Debug, Default, PartialEq)]
pub struct HaService {
    /// The node it runs on, or is to run on.
    #[attr(computed)]
    pub node: Option<String>,
    /// What HA says of it: `started`, `stopped`, `fence`, `recovery`, `error`, ...
    #[attr(computed)]
    pub state: Option<String>,
    /// What was asked for.
    #[attr(computed)]
    pub request_state: Option<String>,
}

impl DataSource<Pve> for HaStatus {
    fn needs() -> Vec<Need> {
        vec![Need::to_plan("/", &["Sys.Audit"])]
    }

    async fn read(cx: &Cx<Pve>, _config: Self) -> Result<Self, Error> {
        let status = cx.client.ha().status().await.during("Cannot read HA's status")?;
        Ok(Self::from_live(&status))
    }
}

impl HaStatus {
    /// States only. PVE's own texts end in the time at which they were written, and an output made of those would differ
    /// at every plan.
    fn from_live(live: &Live) -> Self {
        let service = |s: &Service| HaService {
            node: s.node.clone(),
            state: Some(s.state.clone()),
            request_state: s.request_state.clone(),
        };
        let agents = live.agents.iter().map(|agent| (agent.node.clone(), agent.state().to_owned()));
        Self {
            quorate: Some(live.quorate),
            master: live.master.as_ref().map(|master| master.node.clone()),
            agents: Some(agents.collect()),
            services: Some(live.services.iter().map(|s| (s.sid.to_string(), service(s))).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_has_changed_differs() {
        let at = |clock: &str, dead: &str| {
            let answer = format!(
                r#"[{{"id":"quorum","type":"quorum","node":"pve1","quorate":1,"status":"OK"}},
                {{"id":"master","type":"master","node":"pve2","timestamp":1,"status":"pve2 (active, Sun Nov 22 {clock} 2026)"}},
                {{"id":"lrm:pve1","type":"lrm","node":"pve1","status":"pve1 (active, watchdog active, Sun Nov 22 {clock} 2026)"}},
                {{"id":"lrm:pve3","type":"lrm","node":"pve3","status":"pve3 ({dead}, Sun Nov 22 {clock} 2026)"}}]"#
            );
            HaStatus::from_live(&serde_json::from_str(&answer).unwrap())
        };
        let (first, later) = (at("17:33:38", "idle"), at("17:34:02", "idle"));
        assert_eq!(first, later);
        assert_ne!(later, at("17:34:02", "old timestamp - dead?"));
        assert_eq!(first.agents.unwrap()["pve1"], "active");
    }
}
