//! ValidateProviderConfig, ValidateResourceConfig, ValidateDataResourceConfig, ValidateActionConfig,
//! ValidateEphemeralResourceConfig: nobody is asked, anything may be unknown.

use tfplugin6::{
    DynamicValue, validate_action_config as action, validate_data_resource_config as data,
    validate_ephemeral_resource_config as ephemeral, validate_provider_config as provider,
    validate_resource_config as resource,
};

use super::guard::guard_now;
use super::{Server, wire};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::error::Error;
use crate::model::{Fault, Object};
use crate::plan::Say;
use crate::provider::Provider;
use crate::registry::{Attributes, ObjectInfo};
use crate::schema::{Attribute, read_only, validate};
use crate::value::Value;

impl<P: Provider> Server<P> {
    pub(super) async fn validate_provider(&self, request: provider::Request) -> provider::Response {
        let own = |config: &Attributes| {
            let mut say = Say::default();
            P::validate(&P::Config::decode_plan(config)?, &mut say);
            Ok(say.into_said())
        };
        let found = look(request.config.as_ref(), &self.0.config, own, |_| None);
        provider::Response { diagnostics: wire::diagnostics(found) }
    }

    pub(super) async fn validate_resource(&self, request: resource::Request) -> resource::Response {
        let allowed = request.client_capabilities.is_some_and(|c| c.write_only_attributes_allowed);
        let found = match self.resource(&request.type_name) {
            Ok(object) => look(
                request.config.as_ref(),
                object.info(),
                |config| object.validate(config),
                |config| if allowed { None } else { write_only(&object.info().schema().attributes, config) },
            ),
            Err(error) => error.into_diagnostics(),
        };
        resource::Response { diagnostics: wire::diagnostics(found) }
    }

    pub(super) async fn validate_data(&self, request: data::Request) -> data::Response {
        let found = match self.data_source(&request.type_name) {
            Ok(object) => look(request.config.as_ref(), object.info(), |config| object.validate(config), |_| None),
            Err(error) => error.into_diagnostics(),
        };
        data::Response { diagnostics: wire::diagnostics(found) }
    }

    pub(super) async fn validate_action(&self, request: action::Request) -> action::Response {
        let found = match self.action(&request.type_name) {
            Ok(object) => look(request.config.as_ref(), object.info(), |config| object.validate(config), |_| None),
            Err(error) => error.into_diagnostics(),
        };
        action::Response { diagnostics: wire::diagnostics(found) }
    }

    pub(super) async fn validate_ephemeral(&self, request: ephemeral::Request) -> ephemeral::Response {
        let found = match self.ephemeral(&request.type_name) {
            Ok(object) => look(request.config.as_ref(), object.info(), |config| object.validate(config), |_| None),
            Err(error) => error.into_diagnostics(),
        };
        ephemeral::Response { diagnostics: wire::diagnostics(found) }
    }
}

/// The schema's checks, and if they find nothing, the object's own.
fn look(
    config: Option<&DynamicValue>,
    object: &ObjectInfo,
    own: impl FnOnce(&Attributes) -> Result<Vec<Diagnostic>, Fault>,
    client: impl FnOnce(&Attributes) -> Option<Diagnostic>,
) -> Diagnostics {
    let work = || {
        let Some(config) = wire::decode_object(config, object)? else { return Ok(Diagnostics::default()) };
        let config = Value::Object(config);
        let mut found = read_only(&object.schema().attributes, &config);
        found.extend(validate(object.schema(), &config));
        let Value::Object(config) = config else { return Ok(found) };
        found.extend(client(&config));
        if !found.has_errors() {
            found.extend(own(&config).map_err(Error::from)?);
        }
        Ok(found)
    };
    guard_now(work).unwrap_or_else(Error::into_diagnostics)
}

/// The first write-only attribute that is set, for clients that would store it.
fn write_only(attributes: &[Attribute], config: &Attributes) -> Option<Diagnostic> {
    let set = |a: &&Attribute| a.write_only && config.get(&a.name).is_some_and(|v| *v != Value::Null);
    let name = &attributes.iter().find(set)?.name;
    let summary = format!("{name} needs a newer Terraform");
    let detail = "It is write-only: it must not be stored, and this version of Terraform would store it. Terraform 1.11 \
                  and OpenTofu 1.11 can do without.";
    Some(Diagnostic::error(summary, detail).at(name.as_str()))
}
