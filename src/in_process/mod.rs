//! The provider without Terraform: its calls, made as Terraform makes them, against a simulated cluster in this process. A
//! life of an object takes milliseconds here.

mod acme_accounts;
mod adopted;
mod as_root;
mod beside;
mod blind;
mod bridges;
mod ceph_cluster;
mod ceph_install;
mod colleagues;
mod conforms;
mod container_mishaps;
mod container_moves;
mod container_waits;
mod containers;
mod contents;
mod crush_buckets;
mod daemons;
mod described;
mod disk_moves;
mod erasure_pools;
mod failover;
mod faults;
mod filesystems;
mod forms;
mod ha;
mod ha_rules;
mod handed_over;
mod in_use;
mod joins;
mod lives;
mod locked_out;
mod machine_lives;
mod machine_made;
mod machine_mishaps;
mod machine_reports;
mod machine_settings;
mod machines;
mod matrix;
mod midway;
mod moves;
mod on_nodes;
mod osds;
mod own_pool;
mod partitions;
mod placements;
mod plain;
mod pools;
mod proxies;
mod queried;
mod random_machines;
mod rules;
mod run_after;
mod sections;
mod shared_reads;
mod snapshots;
mod storages;
mod taken_over;
mod unseen;
mod variants;
mod versions;
mod walks;
mod work;
mod wrong;

use std::marker::PhantomData;

use pve_sim::{Options, Running, Sim};
use serde_json::Value as Json;
use terraform_plugin::model::{Model, Object};
use terraform_plugin::value::{Type, Value, dynamic};
use terraform_plugin::{Server, StopToken};
use tfplugin6 as tf;
use tfplugin6::provider_server::Provider as _;
use tonic::Request;

use crate::provider::{PveConfig, PveProvider};

/// A provider, and the cluster that it is configured for.
struct Rig {
    server: Server<PveProvider>,
    sim: Running,
    /// Where Terraform would keep its data.
    data: tempfile::TempDir,
}

/// What was answered: a value, or the errors.
type Told<T> = Result<T, Vec<String>>;

/// An object as Terraform keeps it.
#[derive(Clone, Debug)]
struct Kept<M> {
    state: Value,
    private: Vec<u8>,
    model: PhantomData<M>,
}

/// What is planned for an object.
#[derive(Debug)]
struct Planned<M> {
    prior: Value,
    config: Json,
    planned: Value,
    private: Vec<u8>,
    replaces: bool,
    warnings: Vec<String>,
    model: PhantomData<M>,
}

impl<M> Planned<M> {
    fn is_empty(&self) -> bool {
        self.prior == self.planned
    }
}

fn ty<M: Model>() -> Type {
    M::schema().implied_type()
}

/// The types of resources that are offered: the plain ones, or the others.
fn resources(plain: bool) -> Vec<String> {
    let described = terraform_plugin::docs_json::<PveProvider>();
    let all = described["resources"].as_object().unwrap();
    all.iter().filter(|(_, object)| object["plain"] == plain).map(|(name, _)| name.clone()).collect()
}

fn type_name<M: Model>() -> String {
    format!("pve_{}", M::NAME)
}

fn message(value: &Value, ty: &Type) -> Option<tf::DynamicValue> {
    Some(dynamic::to_proto(value, ty).unwrap())
}

fn json(value: &Json) -> Option<tf::DynamicValue> {
    Some(tf::DynamicValue { json: value.to_string().into_bytes().into(), ..tf::DynamicValue::default() })
}

/// Errors, or else the warnings.
fn judge(said: &[tf::Diagnostic]) -> Told<Vec<String>> {
    let told = |severity| {
        let of = said.iter().filter(move |d| d.severity() == severity);
        of.map(|d| format!("{}: {}", d.summary, d.detail)).collect::<Vec<_>>()
    };
    let errors = told(tf::diagnostic::Severity::Error);
    if errors.is_empty() { Ok(told(tf::diagnostic::Severity::Warning)) } else { Err(errors) }
}

impl Rig {
    /// A provider for a cluster; time goes fast there.
    async fn of(shape: &str) -> Self {
        Self::with(shape, None).await
    }

    /// The same, where disks move at so many bytes a second.
    async fn at_rate(shape: &str, bandwidth: u64) -> Self {
        Self::with(shape, Some(bandwidth)).await
    }

    async fn with(shape: &str, bandwidth: Option<u64>) -> Self {
        let shape = pve_sim::shape::Shape::from_yaml(shape).unwrap();
        let shape = pve_sim::shape::Shape { web: acceptance_tests::Web::everywhere(), ..shape };
        let options = Options { shape, factor: 600.0, seed: Some(1), bandwidth, ..Options::default() };
        let sim = Sim::start(options).await.unwrap();
        let data = tempfile::tempdir().unwrap();
        let rig = Self { server: Server::beside(StopToken::new(), data.path().join("ours")), sim, data };
        rig.configure().await;
        rig
    }

    /// As each of Terraform's commands begins: what was read before is forgotten.
    async fn configure(&self) {
        self.configured(&self.server).await;
    }

    /// A provider of somebody else, for the same cluster.
    async fn another(&self) -> Server<PveProvider> {
        let server = Server::beside(StopToken::new(), self.data.path().join("theirs"));
        self.configured(&server).await;
        server
    }

    async fn configured(&self, server: &Server<PveProvider>) {
        self.configured_but(server, &Json::Null).await;
    }

    /// The same, with some of the configuration otherwise. What is warned of.
    async fn configured_but(&self, server: &Server<PveProvider>, otherwise: &Json) -> Vec<String> {
        let mut whole = serde_json::json!({
            "username": self.sim.username,
            "password": self.sim.password,
            "api_token": self.sim.api_token,
            "ssh": self.sim.ssh_block(),
        });
        for (name, value) in otherwise.as_object().into_iter().flatten() {
            whole[name] = value.clone();
        }
        self.configured_as(server, &whole).await
    }

    /// The same with these credentials and no others.
    async fn configure_as(&self, credentials: &Json) {
        self.configured_as(&self.server, credentials).await;
    }

    async fn configured_as(&self, server: &Server<PveProvider>, said: &Json) -> Vec<String> {
        let endpoints: Json =
            self.sim.endpoints.iter().map(|(name, url)| (name.clone(), Json::from(url.as_str()))).collect();
        let mut config = serde_json::json!({ "endpoints": endpoints, "fingerprints": self.sim.fingerprints });
        config.as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
        let known: Vec<String> = PveConfig::attributes().into_iter().map(|attribute| attribute.name).collect();
        assert!(config.as_object().unwrap().keys().all(|name| known.contains(name)));
        let request = tf::configure_provider::Request { config: json(&config), ..Default::default() };
        judge(&server.configure_provider(Request::new(request)).await.unwrap().into_inner().diagnostics).unwrap()
    }

    /// What was asked of the cluster since that was forgotten: `GET /nodes/pve1/disks/list`.
    async fn asked(&self) -> Vec<String> {
        let seen = self.control("GET", "/requests", &Json::Null).await;
        let one = |seen: &Json| format!("{} {}", seen["method"].as_str().unwrap(), seen["path"].as_str().unwrap());
        seen.as_array().unwrap().iter().map(one).collect()
    }

    async fn forget_requests(&self) {
        self.control("DELETE", "/requests", &Json::Null).await;
    }

    async fn validate<M: Model>(&self, config: &Json) -> Told<()> {
        validate::<M>(&self.server, config).await
    }

    async fn plan<M: Model>(&self, prior: Option<&Kept<M>>, config: &Json) -> Told<Planned<M>> {
        plan::<M>(&self.server, prior, config).await
    }

    async fn apply<M: Model>(&self, planned: Planned<M>) -> Told<(Kept<M>, Vec<String>)> {
        apply(&self.server, planned).await
    }

    async fn read<M: Model>(&self, kept_before: &Kept<M>) -> Told<Kept<M>> {
        self.refresh(kept_before).await.map(|(kept, _)| kept)
    }

    /// Read, with what was warned of.
    async fn refresh<M: Model>(&self, kept_before: &Kept<M>) -> Told<(Kept<M>, Vec<String>)> {
        let request = tf::read_resource::Request {
            type_name: type_name::<M>(),
            current_state: message(&kept_before.state, &ty::<M>()),
            private: kept_before.private.clone().into(),
            ..Default::default()
        };
        let answer = self.server.read_resource(Request::new(request)).await.unwrap().into_inner();
        let warnings = judge(&answer.diagnostics)?;
        Ok((kept(answer.new_state.as_ref(), &answer.private), warnings))
    }

    async fn import<M: Model>(&self, id: &str) -> Told<Kept<M>> {
        let request =
            tf::import_resource_state::Request { type_name: type_name::<M>(), id: id.to_owned(), ..Default::default() };
        let answer = self.server.import_resource_state(Request::new(request)).await.unwrap().into_inner();
        judge(&answer.diagnostics)?;
        let one = &answer.imported_resources[0];
        self.read(&kept(one.state.as_ref(), &one.private)).await
    }

    /// Planned and applied, with what was warned of in the apply.
    async fn bring<M: Model>(&self, prior: Option<&Kept<M>>, config: &Json) -> Told<(Kept<M>, Vec<String>)> {
        self.validate::<M>(config).await?;
        self.apply(self.plan(prior, config).await?).await
    }

    async fn destroy<M: Model>(&self, kept: &Kept<M>) -> Told<()> {
        let planned = Planned {
            prior: kept.state.clone(),
            config: Json::Null,
            planned: Value::Null,
            private: kept.private.clone(),
            replaces: false,
            warnings: Vec::new(),
            model: PhantomData::<M>,
        };
        self.apply(planned).await.map(|_| ())
    }
}

fn kept<M: Model>(state: Option<&tf::DynamicValue>, private: &[u8]) -> Kept<M> {
    Kept { state: dynamic::from_proto(state, &ty::<M>()).unwrap(), private: private.to_vec(), model: PhantomData }
}

async fn validate<M: Model>(server: &Server<PveProvider>, config: &Json) -> Told<()> {
    let request = tf::validate_resource_config::Request {
        type_name: type_name::<M>(),
        config: json(config),
        client_capabilities: Some(tf::ClientCapabilities { write_only_attributes_allowed: true, ..Default::default() }),
    };
    let answer = server.validate_resource_config(Request::new(request)).await.unwrap().into_inner();
    judge(&answer.diagnostics).map(drop)
}

async fn plan<M: Model>(server: &Server<PveProvider>, prior: Option<&Kept<M>>, config: &Json) -> Told<Planned<M>> {
    let prior_state = prior.map_or(Value::Null, |kept| kept.state.clone());
    let request = tf::plan_resource_change::Request {
        type_name: type_name::<M>(),
        prior_state: message(&prior_state, &ty::<M>()),
        config: json(config),
        prior_private: prior.map(|kept| kept.private.clone()).unwrap_or_default().into(),
        ..Default::default()
    };
    let answer = server.plan_resource_change(Request::new(request)).await.unwrap().into_inner();
    let warnings = judge(&answer.diagnostics)?;
    Ok(Planned {
        prior: prior_state,
        config: config.clone(),
        planned: dynamic::from_proto(answer.planned_state.as_ref(), &ty::<M>()).unwrap(),
        private: answer.planned_private.to_vec(),
        replaces: !answer.requires_replace.is_empty(),
        warnings,
        model: PhantomData,
    })
}

async fn apply<M: Model>(server: &Server<PveProvider>, planned: Planned<M>) -> Told<(Kept<M>, Vec<String>)> {
    assert!(!planned.replaces, "a replacement is two applies");
    let request = tf::apply_resource_change::Request {
        type_name: type_name::<M>(),
        prior_state: message(&planned.prior, &ty::<M>()),
        planned_state: message(&planned.planned, &ty::<M>()),
        config: json(&planned.config),
        planned_private: planned.private.into(),
        ..Default::default()
    };
    let answer = server.apply_resource_change(Request::new(request)).await.unwrap().into_inner();
    let warnings = judge(&answer.diagnostics)?;
    Ok((kept(answer.new_state.as_ref(), &answer.private), warnings))
}
