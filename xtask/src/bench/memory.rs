//! What is resident after a refresh: the provider is asked for every object of a state, as Terraform asks.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde_json::Value;
use tfplugin6::provider_client::ProviderClient;
use tfplugin6::{
    DynamicValue, RawState, configure_provider, get_provider_schema, read_resource, upgrade_resource_state,
};
use tonic::transport::Channel;

use super::host::{Identity, MESSAGE_LIMIT, Plugin};
use super::mib;

/// Terraform's parallelism.
const AT_ONCE: usize = 10;

/// MiB resident after all objects of the state were read.
pub(super) async fn after_refresh(program: &Path, environment: &[(String, String)], state: &Value) -> Result<f64> {
    let identity = Identity::new()?;
    let plugin = Plugin::start(program, &identity, environment)?;
    let connection = plugin.connect(&identity).await?;
    let client = ProviderClient::new(connection.channel)
        .max_decoding_message_size(MESSAGE_LIMIT)
        .max_encoding_message_size(MESSAGE_LIMIT);
    configure(client.clone()).await?;
    let objects = objects(state);
    ensure!(!objects.is_empty(), "the state is empty");
    stream::iter(objects)
        .map(|object| read(client.clone(), object))
        .buffer_unordered(AT_ONCE)
        .try_for_each(|()| async { Ok(()) })
        .await?;
    Ok(mib(plugin.resident()?))
}

/// `provider "pve" {}`: every attribute is null.
async fn configure(mut client: ProviderClient<Channel>) -> Result<()> {
    let schema = client.get_provider_schema(get_provider_schema::Request {}).await?.into_inner();
    let block = schema.provider.and_then(|schema| schema.block).context("the provider has no schema")?;
    let nulls: serde_json::Map<String, Value> = block.attributes.into_iter().map(|a| (a.name, Value::Null)).collect();
    let config = DynamicValue { json: serde_json::to_vec(&nulls)?.into(), ..DynamicValue::default() };
    let request = configure_provider::Request {
        terraform_version: "1.15.5".to_owned(),
        config: Some(config),
        ..configure_provider::Request::default()
    };
    let reply = client.configure_provider(request).await?.into_inner();
    ensure!(reply.diagnostics.is_empty(), "the provider cannot be configured: {:?}", reply.diagnostics);
    Ok(())
}

/// The objects of a state: type, version of the schema, attributes.
fn objects(state: &Value) -> Vec<(String, i64, Value)> {
    let resources = state["resources"].as_array().into_iter().flatten();
    let of_resource = |resource: &Value| {
        let kind = resource["type"].as_str().unwrap_or_default().to_owned();
        let instances = resource["instances"].as_array().cloned().unwrap_or_default();
        instances.into_iter().map(move |mut instance| {
            (kind.clone(), instance["schema_version"].as_i64().unwrap_or(0), instance["attributes"].take())
        })
    };
    resources.flat_map(of_resource).collect()
}

async fn read(
    mut client: ProviderClient<Channel>,
    (type_name, version, attributes): (String, i64, Value),
) -> Result<()> {
    let raw_state = Some(RawState { json: serde_json::to_vec(&attributes)?.into(), ..RawState::default() });
    let request = upgrade_resource_state::Request { type_name: type_name.clone(), version, raw_state };
    let upgraded = client.upgrade_resource_state(request).await?.into_inner();
    ensure!(upgraded.diagnostics.is_empty(), "{type_name}: {:?}", upgraded.diagnostics);
    let request = read_resource::Request {
        type_name: type_name.clone(),
        current_state: upgraded.upgraded_state,
        ..read_resource::Request::default()
    };
    let reply = client.read_resource(request).await?.into_inner();
    ensure!(reply.diagnostics.is_empty(), "{type_name}: {:?}", reply.diagnostics);
    Ok(())
}
