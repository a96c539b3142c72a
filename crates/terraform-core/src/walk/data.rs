//! Data sources.

use tfplugin6 as tf;

use super::plan::Wanted;
use super::planning::Failed;
use super::{Walk, message};
use crate::diagnostics::Rule;
use crate::path::Path;
use crate::plan::{Action, Change, Reason};
use crate::provider::call;
use crate::rules::{propose, stored};
use crate::state::{Address, Instance};
use crate::value::Value;

impl Walk<'_> {
    /// Reads a data source, or plans to, where it cannot be read yet.
    pub(crate) async fn planned_data(&mut self, wanted: &Wanted<'_>) -> Result<Option<Change>, Failed> {
        let Wanted { resource, address, each } = *wanted;
        if !self.hold(&resource.preconditions, address, each, None) {
            return Err(Failed);
        }
        let config = self.configured_value(resource, address, each).ok_or(Failed)?;
        let waits = |depended: &Address| {
            self.pending.contains(depended)
                || self.config.needs(depended).iter().any(|needed| self.pending.contains(needed))
        };
        let reason = if !config.is_wholly_known() {
            Reason::ConfigUnknown
        } else if resource.depends_on.iter().any(waits) {
            Reason::DependencyPending
        } else {
            let value = self.read(address, &config).await.ok_or(Failed)?;
            let holds = self.hold(&resource.postconditions, address, each, Some(value));
            return if holds { Ok(None) } else { Err(Failed) };
        };
        let schemas = self.core.schemas.clone();
        let schema = schemas.data_sources.get(&address.ty).ok_or(Failed)?;
        let after = propose::awaited(&schema.block, &config);
        self.seen.insert(address.clone(), after.clone());
        self.state.instances.remove(address);
        Ok(Some(Change {
            address: address.clone(),
            deposed: false,
            action: Action::Read,
            reason,
            before: Value::Null,
            after,
            replace_paths: Vec::new(),
            importing: false,
            moved_from: None,
            private: bytes::Bytes::new(),
            identity: None,
        }))
    }

    /// Reads a data source and keeps what it tells.
    pub(crate) async fn read(&mut self, address: &Address, config: &Value) -> Option<Value> {
        let named = address.to_string();
        if !self.validate_one(address, config).await {
            return None;
        }
        let schemas = self.core.schemas.clone();
        let schema = schemas.data_sources.get(&address.ty)?;
        let ty = schema.block.ty();
        let request = tf::read_data_source::Request {
            type_name: address.ty.clone(),
            config: Some(message(config, &ty)),
            client_capabilities: Some(self.capabilities()),
            ..Default::default()
        };
        let answer = call!(self.provider, &mut self.said, &named, "ReadDataSource", read_data_source(request))?;
        if self.failed_by(&answer.diagnostics, &named) || self.refused_deferral(answer.deferred.as_ref(), &named) {
            return None;
        }
        let value = self.decoded(answer.state.as_ref(), &ty, &named)?;
        if value.is_null() {
            let detail = format!("Provider {} produced a null value for {named}.", self.long_name());
            self.said.hold(Rule::DataNull, &named, &Path::ROOT, "Provider produced null object", detail);
            return None;
        }
        if let Some(path) = stored::unknown(&value).first() {
            let detail =
                format!("Provider {} produced a value for {named} that is not wholly known.", self.long_name());
            self.said.hold(Rule::DataUnknown, &named, path, "Provider produced invalid object", detail);
            return None;
        }
        let instance = Instance { schema_version: schema.version, ..Instance::new(&value) };
        self.state.instances.insert(address.clone(), instance);
        self.seen.insert(address.clone(), value.clone());
        Some(value)
    }
}
