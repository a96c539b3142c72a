//! `terraform validate`: each block once, before anything is known.

use tfplugin6 as tf;

use super::{Phase, Walk, message};
use crate::config::Config;
use crate::core::Core;
use crate::diagnostics::{By, Diagnostics};
use crate::path::Path;
use crate::provider::call;
use crate::state::{Address, InstanceKey, State};
use crate::value::Value;

/// What is said of a configuration.
pub(crate) async fn validate(core: &Core, config: &Config) -> Diagnostics {
    let mut walk = Walk::started(core, config, State::default(), Phase::Validate).await;
    for what in &config.wrong {
        walk.said.error(By::Configuration, "", Path::ROOT, "Invalid configuration", what.clone());
    }
    let block = &core.schemas.provider.block;
    let said = walk.scope(None, None).value(&core.provider_config);
    if let Some(said) = walk.evaluated("provider", said)
        && let Some(value) = walk.coerced(block, "provider", &said)
        && value != block.empty()
    {
        walk.validate_provider(&value).await;
    }
    let resources = match config.in_order() {
        Ok(resources) => resources,
        Err(cycle) => {
            walk.said.error(By::Configuration, "", Path::ROOT, cycle, "");
            return walk.said;
        }
    };
    for resource in resources {
        // Which instance it will be is not known yet.
        let key = match (&resource.for_each, &resource.count) {
            (Some(_), _) => Some(InstanceKey::Key(String::new())),
            (_, Some(_)) => Some(InstanceKey::Number(0)),
            _ => None,
        };
        let mut scope = walk.scope(None, None);
        match key {
            Some(InstanceKey::Key(_)) => scope.each = Some((Value::UNKNOWN, Value::UNKNOWN)),
            Some(InstanceKey::Number(_)) => scope.count = Some(Value::UNKNOWN),
            _ => {}
        }
        let said = scope.value(&resource.body);
        let named = resource.address.to_string();
        let Some(said) = walk.evaluated(&named, said) else { continue };
        let schemas = if resource.address.data { &core.schemas.data_sources } else { &core.schemas.resources };
        let Some(schema) = schemas.get(&resource.address.ty) else {
            walk.no_such_type(&resource.address);
            continue;
        };
        if let Some(value) = walk.coerced(&schema.block, &named, &said) {
            walk.validate_one(&resource.address, &value).await;
        }
    }
    walk.said
}

impl Walk<'_> {
    /// What a provider says of a configuration; whether it takes it.
    pub(crate) async fn validate_one(&mut self, address: &Address, config: &Value) -> bool {
        let named = address.to_string();
        let schemas = self.core.schemas.clone();
        let schemas = if address.data { &schemas.data_sources } else { &schemas.resources };
        let Some(schema) = schemas.get(&address.ty) else { return false };
        let (type_name, config) = (address.ty.clone(), Some(message(config, &schema.block.ty())));
        let diagnostics = if address.data {
            let request = tf::validate_data_resource_config::Request { type_name, config };
            let answer = call!(
                self.provider,
                &mut self.said,
                &named,
                "ValidateDataResourceConfig",
                validate_data_resource_config(request)
            );
            answer.map(|answer| answer.diagnostics)
        } else {
            let request = tf::validate_resource_config::Request {
                type_name,
                config,
                client_capabilities: Some(self.capabilities()),
            };
            let answer = call!(
                self.provider,
                &mut self.said,
                &named,
                "ValidateResourceConfig",
                validate_resource_config(request)
            );
            answer.map(|answer| answer.diagnostics)
        };
        diagnostics.is_some_and(|diagnostics| !self.failed_by(&diagnostics, &named))
    }
}
