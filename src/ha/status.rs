//! `pve_ha_status`: what HA does at this moment.

use std::collections::BTreeMap;

use terraform_plugin::{Cx, DataSource, Error, Model, Nested};

use crate::error::During;
use crate::pve::Pve;

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
    /// The nodes' agents, in PVE's own words, by node.
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
    async fn read(cx: &Cx<Pve>, _config: Self) -> Result<Self, Error> {
        let status = cx.client.ha().status().await.during("Cannot read HA's status")?;
        let service = |s: &pve_client::api::ha::status::Service| HaService {
            node: s.node.clone(),
            state: Some(s.state.clone()),
            request_state: s.request_state.clone(),
        };
        Ok(Self {
            quorate: Some(status.quorate),
            master: status.master.as_ref().map(|master| master.node.clone()),
            agents: Some(status.agents.iter().map(|agent| (agent.node.clone(), agent.status.clone())).collect()),
            services: Some(status.services.iter().map(|s| (s.sid.to_string(), service(s))).collect()),
        })
    }
}
