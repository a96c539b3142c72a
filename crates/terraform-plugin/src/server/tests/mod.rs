//! The calls of the protocol, made directly.

mod apply;
mod journal;
mod list;
mod moved;
mod objects;
mod plan;
mod provider;
mod read;
mod timeouts;
mod world;

use std::sync::Arc;

use tfplugin6 as tf;

use super::*;
use crate::value::{Value, dynamic};
use world::{Test, World};

/// A configured provider in a world of its own.
struct Harness {
    server: Server<Test>,
    world: Arc<World>,
    data: Arc<tempfile::TempDir>,
}

impl Harness {
    async fn new(world: &'static str) -> Self {
        Self::with(world, false).await
    }

    async fn with(world: &'static str, strict: bool) -> Self {
        Self::beside(world, strict, Arc::new(tempfile::tempdir().unwrap())).await
    }

    /// With Terraform's data in this folder.
    async fn beside(world: &'static str, strict: bool, data: Arc<tempfile::TempDir>) -> Self {
        let server = Server::<Test>::with(StopToken::new(), strict, data.path().to_owned());
        let harness = Self { server, world: World::named(world), data };
        assert_eq!(harness.configure(world.into()).await, [""; 0]);
        harness
    }

    async fn configure(&self, world: Value) -> Vec<String> {
        let config = encoded(&Value::object([("world", world)]), self.server.0.config.ty());
        let request = tf::configure_provider::Request { config, ..Default::default() };
        said(&self.server.configure(request).await.diagnostics)
    }

    fn object(&self) -> Arc<dyn AnyResource<world::Api>> {
        self.server.resource("test_thing").unwrap()
    }

    fn message(&self, value: &Value) -> Option<tf::DynamicValue> {
        encoded(value, self.object().info().ty())
    }

    fn value(&self, message: &Option<tf::DynamicValue>) -> Value {
        let message = message.as_ref().expect("a value is always said");
        assert!(!message.msgpack.is_empty(), "null is said, not left out");
        dynamic::from_proto(Some(message), self.object().info().ty()).unwrap()
    }

    fn identity(&self, identity: &Option<tf::ResourceIdentityData>) -> Value {
        let message = identity.as_ref().and_then(|i| i.identity_data.as_ref());
        dynamic::from_proto(message, &self.object().info().identity_type()).unwrap()
    }

    async fn plan(&self, prior: &Value, config: &Value, private: &[u8]) -> tf::plan_resource_change::Response {
        let request = tf::plan_resource_change::Request {
            type_name: "test_thing".to_owned(),
            prior_state: self.message(prior),
            // Not looked at: the same follows from prior state and configuration.
            proposed_new_state: self.message(config),
            config: self.message(config),
            prior_private: private.to_vec().into(),
            prior_identity: identity_of(prior),
            ..Default::default()
        };
        self.server.plan(request).await
    }

    /// Plans and applies.
    async fn apply(&self, prior: &Value, config: &Value, private: &[u8]) -> tf::apply_resource_change::Response {
        let planned = self.plan(prior, config, private).await;
        assert_eq!(errors(&planned.diagnostics), [""; 0]);
        self.apply_planned(prior, config, planned).await
    }

    async fn apply_planned(
        &self,
        prior: &Value,
        config: &Value,
        planned: tf::plan_resource_change::Response,
    ) -> tf::apply_resource_change::Response {
        let request = tf::apply_resource_change::Request {
            type_name: "test_thing".to_owned(),
            prior_state: self.message(prior),
            planned_state: planned.planned_state,
            config: self.message(config),
            planned_private: planned.planned_private,
            planned_identity: planned.planned_identity,
            ..Default::default()
        };
        self.server.apply(request).await
    }

    /// The state and private data after a create that goes well.
    async fn created(&self, config: &Value) -> (Value, Vec<u8>) {
        let response = self.apply(&Value::Null, config, b"").await;
        assert_eq!(errors(&response.diagnostics), [""; 0]);
        (self.value(&response.new_state), response.private.to_vec())
    }

    async fn read(&self, state: &Value, private: &[u8]) -> tf::read_resource::Response {
        let request = tf::read_resource::Request {
            type_name: "test_thing".to_owned(),
            current_state: self.message(state),
            private: private.to_vec().into(),
            current_identity: identity_of(state),
            ..Default::default()
        };
        self.server.read(request).await
    }
}

fn encoded(value: &Value, ty: &crate::value::Type) -> Option<tf::DynamicValue> {
    Some(dynamic::to_proto(value, ty).unwrap())
}

/// A thing with these attributes and null for the rest.
fn thing(set: &[(&str, Value)]) -> Value {
    let mut all: Attributes =
        <world::Thing as crate::Object>::attributes().into_iter().map(|a| (a.name, Value::Null)).collect();
    for (name, value) in set {
        assert!(all.insert((*name).to_owned(), value.clone()).is_some(), "there is no attribute {name}");
    }
    Value::Object(all)
}

fn changed(state: &Value, set: &[(&str, Value)]) -> Value {
    let mut state = state.clone();
    for (name, value) in set {
        assert!(state.set(&crate::Path::attr(*name), value.clone()));
    }
    state
}

fn get<'a>(state: &'a Value, name: &str) -> &'a Value {
    state.attribute(name).unwrap()
}

fn identity_of(state: &Value) -> Option<tf::ResourceIdentityData> {
    let name = state.attribute("name")?.clone();
    let ty = crate::value::Type::object([("name", crate::value::Type::String)]);
    Some(tf::ResourceIdentityData { identity_data: encoded(&Value::object([("name", name)]), &ty) })
}

/// Severity, attribute and text of messages: `error note: It exists`.
fn said(diagnostics: &[tf::Diagnostic]) -> Vec<String> {
    let one = |d: &tf::Diagnostic| {
        let severity = match d.severity {
            1 => "error",
            2 => "warning",
            other => panic!("severity {other} is dropped by Terraform"),
        };
        let path = d.attribute.as_ref().map(|a| format!(" at {} steps", a.steps.len())).unwrap_or_default();
        format!("{severity}{path}: {} {}", d.summary, d.detail).trim_end().to_owned()
    };
    diagnostics.iter().map(one).collect()
}

fn errors(diagnostics: &[tf::Diagnostic]) -> Vec<String> {
    said(diagnostics).into_iter().filter(|text| text.starts_with("error")).collect()
}
