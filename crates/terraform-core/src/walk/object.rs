//! Objects that are kept: from the state, and as they are found.

use bytes::Bytes;
use tfplugin6 as tf;

use super::{Walk, message};
use crate::diagnostics::{By, Rule};
use crate::path::Path;
use crate::provider::call;
use crate::rules::stored;
use crate::state::{Address, Instance};
use crate::value::{Value, read_json, strip_json, to_json};

/// An object, by its schema.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Object {
    pub value: Value,
    pub private: Bytes,
    pub identity: Option<Value>,
    pub tainted: bool,
    pub dependencies: Vec<Address>,
    pub create_before_destroy: bool,
}

impl Walk<'_> {
    /// An object as the state keeps it.
    pub(crate) fn stored(&self, ty: &str, object: &Object) -> Instance {
        let identity = self.core.schemas.identities.get(ty).zip(object.identity.as_ref());
        Instance {
            schema_version: self.core.schemas.resources.get(ty).map_or(0, |schema| schema.version),
            attributes: to_json(&object.value),
            private: object.private.clone(),
            identity: identity.map(|(schema, value)| (schema.version, to_json(value))),
            tainted: object.tainted,
            dependencies: object.dependencies.clone(),
            create_before_destroy: object.create_before_destroy,
            provider: None,
        }
    }

    /// An object from the state, in the shape of today's schema.
    pub(crate) async fn upgraded(&mut self, address: &Address, instance: &Instance) -> Option<Object> {
        let named = address.to_string();
        let schemas = self.core.schemas.clone();
        let Some(schema) = schemas.resources.get(&address.ty) else {
            self.no_such_type(address);
            return None;
        };
        if instance.schema_version > schema.version {
            let detail = format!(
                "The current state of {named} was created by a newer provider version than is currently selected. Upgrade the provider to work with this state."
            );
            self.said.error(
                By::Rule(Rule::NewerState),
                &named,
                Path::ROOT,
                "Resource instance managed by newer provider version",
                detail,
            );
            return None;
        }
        let ty = schema.block.ty();
        let mut json = instance.attributes.clone();
        if instance.schema_version == schema.version {
            json = strip_json(&json, &ty).unwrap_or(json);
        }
        let request = tf::upgrade_resource_state::Request {
            type_name: address.ty.clone(),
            version: instance.schema_version,
            raw_state: Some(tf::RawState { json: json.into(), ..Default::default() }),
        };
        let answer =
            call!(self.provider, &mut self.said, &named, "UpgradeResourceState", upgrade_resource_state(request))?;
        if self.failed_by(&answer.diagnostics, &named) {
            return None;
        }
        let value = self.decoded(answer.upgraded_state.as_ref(), &ty, &named)?;
        let summary = "Invalid resource state upgrade";
        if value.is_null() {
            let detail = format!(
                "The {} provider upgraded the state for {named} from a previous version, but produced an invalid result: it is null.",
                self.core.address
            );
            self.said.hold(Rule::UpgradeNull, &named, &Path::ROOT, summary, detail);
            return None;
        }
        if let Some(path) = stored::write_only(&schema.block, &value).first() {
            let detail = format!(
                "While attempting to upgrade state of resource {named}, the provider {} returned a value for the write-only attribute \"{named}{path}\". Write-only attributes cannot be read back from the provider.",
                self.short_name()
            );
            self.said.hold(Rule::UpgradeWriteOnly, &named, path, summary, detail);
            return None;
        }
        if let Some(path) = stored::unknown(&value).first() {
            let detail = format!(
                "The {} provider upgraded the state for {named} from a previous version, but produced an invalid result: it contains unknown values at {path}.",
                self.core.address
            );
            self.said.hold(Rule::UpgradeUnknown, &named, path, summary, detail);
            return None;
        }
        let identity = match &instance.identity {
            Some((version, json)) => self.upgraded_identity(address, *version, json).await?,
            None => None,
        };
        Some(Object {
            value,
            private: instance.private.clone(),
            identity,
            tainted: instance.tainted,
            dependencies: instance.dependencies.clone(),
            create_before_destroy: instance.create_before_destroy,
        })
    }

    /// Nothing outside is a failure, nothing inside no identity.
    async fn upgraded_identity(&mut self, address: &Address, version: i64, json: &str) -> Option<Option<Value>> {
        let named = address.to_string();
        let schemas = self.core.schemas.clone();
        let Some(schema) = schemas.identities.get(&address.ty) else { return Some(None) };
        if version == schema.version {
            return match read_json(json, &schema.ty()) {
                Ok(identity) => Some(Some(identity)),
                Err(what) => {
                    self.said.error(By::Rule(Rule::Malformed), &named, Path::ROOT, format!("identity: {what}"), "");
                    None
                }
            };
        }
        let request = tf::upgrade_resource_identity::Request {
            type_name: address.ty.clone(),
            version,
            raw_identity: Some(tf::RawState { json: json.to_owned().into(), ..Default::default() }),
        };
        let answer = call!(
            self.provider,
            &mut self.said,
            &named,
            "UpgradeResourceIdentity",
            upgrade_resource_identity(request)
        )?;
        if self.failed_by(&answer.diagnostics, &named) {
            return None;
        }
        let upgraded = answer.upgraded_identity.and_then(|identity| identity.identity_data);
        let identity = self.decoded(upgraded.as_ref(), &schema.ty(), &named)?;
        if !identity.is_wholly_known() {
            let detail = format!(
                "The {} provider upgraded the identity for {named} from a previous version, but produced an invalid result: it contains unknown values.",
                self.core.address
            );
            self.said.hold(
                Rule::IdentityUpgradeUnknown,
                &named,
                &Path::ROOT,
                "Invalid resource identity upgrade",
                detail,
            );
            return None;
        }
        Some(Some(identity))
    }

    /// An object as it is found: `Some(None)` when it is gone.
    pub(crate) async fn refreshed(&mut self, address: &Address, object: &Object) -> Option<Option<Object>> {
        let named = address.to_string();
        let schemas = self.core.schemas.clone();
        let block = schemas.resource(&address.ty)?;
        let ty = block.ty();
        let request = tf::read_resource::Request {
            type_name: address.ty.clone(),
            current_state: Some(message(&object.value, &ty)),
            private: object.private.clone(),
            client_capabilities: Some(self.capabilities()),
            current_identity: self.identity_message(&address.ty, object.identity.as_ref()),
            ..Default::default()
        };
        let answer = call!(self.provider, &mut self.said, &named, "ReadResource", read_resource(request))?;
        if self.failed_by(&answer.diagnostics, &named) || self.refused_deferral(answer.deferred.as_ref(), &named) {
            return None;
        }
        let value = self.decoded(answer.new_state.as_ref(), &ty, &named)?;
        if value.is_null() {
            return Some(None);
        }
        let summary = "Provider produced invalid object";
        let invalid = |what: String, path: &Path| {
            format!("Provider {} planned an invalid value for {named}{path} during refresh: {what}.", self.short_name())
        };
        if let Some(path) = stored::write_only(block, &value).first() {
            let detail = format!(
                "Provider {} returned a value for the write-only attribute \"{named}{path}\" during refresh. Write-only attributes cannot be read back from the provider.",
                self.short_name()
            );
            self.said.hold(Rule::ReadWriteOnly, &named, path, summary, detail);
            return None;
        }
        if let Some(path) = stored::unknown(&value).first() {
            let detail = invalid("it is not known".to_owned(), path);
            self.said.hold(Rule::ReadUnknown, &named, path, summary, detail);
            return None;
        }
        let identity = self.decoded_identity(&address.ty, answer.new_identity.as_ref(), &named);
        if self.unknown_identity(identity.as_ref(), &named, "planned", " during refresh") {
            return None;
        }
        Some(Some(Object {
            value: stored::normalized(block, &value),
            private: answer.private,
            identity,
            ..object.clone()
        }))
    }

    /// Whether an identity is not known where it has to be.
    pub(crate) fn unknown_identity(&mut self, identity: Option<&Value>, address: &str, verb: &str, when: &str) -> bool {
        let unknown = identity.is_some_and(|identity| !identity.is_wholly_known());
        if unknown {
            let detail =
                format!("Provider {} {verb} an identity with unknown values for {address}{when}.", self.short_name());
            self.said.hold(Rule::IdentityUnknown, address, &Path::ROOT, "Provider produced invalid identity", detail);
        }
        unknown
    }

    /// Takes over what a provider said; whether it failed.
    pub(crate) fn failed_by(&mut self, diagnostics: &[tf::Diagnostic], address: &str) -> bool {
        let before = self.said.errors.len();
        self.said.said(diagnostics, address);
        self.said.errors.len() > before
    }

    pub(crate) fn no_such_type(&mut self, address: &Address) {
        let (kind, ty) = (if address.data { "data source" } else { "resource type" }, &address.ty);
        let detail = format!("The provider {} does not support {kind} \"{ty}\".", self.core.address);
        self.said.error(By::Configuration, &address.to_string(), Path::ROOT, format!("Invalid {kind}"), detail);
    }
}
