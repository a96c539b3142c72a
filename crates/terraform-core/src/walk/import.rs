//! Objects that exist already.

use tfplugin6 as tf;

use super::object::Object;
use super::{Phase, Walk};
use crate::config::{By, Config};
use crate::core::Core;
use crate::diagnostics::{Diagnostics, Rule};
use crate::path::Path;
use crate::provider::call;
use crate::rules::stored;
use crate::state::{Address, InstanceKey, State};
use crate::types::Type;
use crate::value::{Value, convert};

/// `terraform import`: the state with the object in it.
pub(crate) async fn import(core: &Core, address: &str, id: &str) -> (State, Diagnostics) {
    let (address, config) = (Address::from(address), Config::new());
    let mut walk = match Walk::configured(core, &config, core.state.clone(), Phase::Plan).await {
        Ok(walk) => walk,
        Err(said) => return (core.state.clone(), said),
    };
    if walk.state.instances.contains_key(&address) {
        let detail = format!(
            "Terraform is already managing a remote object for {address}. To import to this address you must first remove the existing object from the state."
        );
        walk.refuse(&address, "Resource already managed by Terraform", detail);
        return (walk.state, walk.said);
    }
    if let Some(object) = walk.imported(&address, &By::Id(Value::from(id).into())).await {
        let stored = walk.stored(&address.ty, &object);
        walk.state.instances.insert(address, stored);
    }
    (walk.state, walk.said)
}

impl Walk<'_> {
    /// An object that is found by its id or its identity, and read.
    pub(crate) async fn imported(&mut self, address: &Address, by: &By) -> Option<Object> {
        let named = address.to_string();
        let schemas = self.core.schemas.clone();
        let Some(block) = schemas.resource(&address.ty) else {
            self.no_such_type(address);
            return None;
        };
        let key = (!matches!(address.key, InstanceKey::None)).then_some((&address.key, &Value::Null));
        let mut request = tf::import_resource_state::Request {
            type_name: address.ty.clone(),
            client_capabilities: Some(self.capabilities()),
            ..Default::default()
        };
        let with = match by {
            By::Id(id) => {
                let id = self.scope(key, None).value(id);
                let id = self.evaluated(&named, id)?;
                let Ok(Value::String(id)) = convert(&id, &Type::String, &Path::ROOT) else {
                    self.refuse(
                        address,
                        "Invalid import id argument",
                        "The import ID value must be a string that is known.".to_owned(),
                    );
                    return None;
                };
                request.id.clone_from(&id);
                format!("ID {id}")
            }
            By::Identity(identity) => {
                let said = self.scope(key, None).value(identity);
                let said = self.evaluated(&named, said)?;
                let identity = self.given_identity(address, &said)?;
                request.identity = self.identity_message(&address.ty, Some(&identity));
                format!("identity {}", crate::value::to_json(&identity))
            }
        };
        let answer =
            call!(self.provider, &mut self.said, &named, "ImportResourceState", import_resource_state(request))?;
        if self.failed_by(&answer.diagnostics, &named) || self.refused_deferral(answer.deferred.as_ref(), &named) {
            return None;
        }
        let mut hold = |rule, summary: &str, detail: String| self.said.hold(rule, &named, &Path::ROOT, summary, detail);
        let one = match answer.imported_resources.as_slice() {
            [one] => one,
            [] => {
                let detail =
                    format!("While attempting to import with {with}, the provider returned no instance states.");
                hold(Rule::ImportNothing, "Import returned no resources", detail);
                return None;
            }
            several => {
                let detail = format!(
                    "While attempting to import with {with}, the provider returned {} instance states.",
                    several.len()
                );
                hold(Rule::ImportSeveral, "Multiple import states not supported", detail);
                return None;
            }
        };
        if one.type_name.is_empty() {
            hold(Rule::ImportWithoutType, &format!("import of {named} didn't set type"), String::new());
            return None;
        }
        let value = self.decoded(one.state.as_ref(), &block.ty(), &named)?;
        let identity = self.decoded_identity(&address.ty, one.identity.as_ref(), &named);
        let mut hold =
            |rule, path: &Path, summary: &str, detail: String| self.said.hold(rule, &named, path, summary, detail);
        if matches!(by, By::Identity(_)) && identity.is_none() {
            hold(
                Rule::ImportWithoutIdentity,
                &Path::ROOT,
                &format!("import of {named} didn't return an identity"),
                String::new(),
            );
            return None;
        }
        if let Some(path) = stored::write_only(block, &value).first() {
            let detail = format!(
                "While attempting to import with {with}, the provider returned a value for the write-only attribute \"{named}{path}\". Write-only attributes cannot be read back from the provider."
            );
            hold(Rule::ImportWriteOnly, path, "Import returned a non-null value for a write-only attribute", detail);
            return None;
        }
        if value.is_null() {
            let detail =
                format!("While attempting to import with {with}, the provider returned an instance with no state.");
            hold(Rule::ImportNull, &Path::ROOT, "Import returned null resource", detail);
            return None;
        }
        if let Some(path) = stored::unknown(&value).first() {
            let detail = format!(
                "While attempting to import with {with}, the provider returned an instance with unknown values at {path}."
            );
            hold(Rule::ImportUnknown, path, "Import returned unknown values", detail);
            return None;
        }
        let object = Object {
            value,
            private: one.private.clone(),
            identity,
            tainted: false,
            dependencies: Vec::new(),
            create_before_destroy: false,
        };
        let Some(object) = self.refreshed(address, &object).await? else {
            let detail = format!(
                "While attempting to import an existing object to \"{named}\", the provider detected that no object exists with the given {}. Only pre-existing objects can be imported; check that the id is correct and that it is associated with the provider's configured region or endpoint, or use \"terraform apply\" to create a new remote object for this resource.",
                if matches!(by, By::Id(_)) { "id" } else { "identity" }
            );
            self.said.error(
                crate::diagnostics::By::Rule(Rule::ImportMissing),
                &named,
                Path::ROOT,
                "Cannot import non-existent remote object",
                detail,
            );
            return None;
        };
        Some(object)
    }

    /// An identity as it is written, in the shape of its schema.
    fn given_identity(&mut self, address: &Address, said: &Value) -> Option<Value> {
        let schemas = self.core.schemas.clone();
        let Some(schema) = schemas.identities.get(&address.ty) else {
            let detail = format!("Resource type {} has no identity.", address.ty);
            self.refuse(address, "Resource type does not support import by identity", detail);
            return None;
        };
        let mut identity = std::collections::BTreeMap::new();
        for (name, (ty, required)) in &schema.attributes {
            let value = said.attribute(name);
            if value.is_null() && *required {
                self.refuse(
                    address,
                    "Invalid identity",
                    format!("The attribute \"{name}\" is required for an import."),
                );
                return None;
            }
            match convert(&value, ty, &Path::ROOT.attribute(name)) {
                Ok(value) => identity.insert(name.clone(), value),
                Err((path, what)) => {
                    self.refuse(address, "Invalid identity", format!("{path}: {what}"));
                    return None;
                }
            };
        }
        Some(Value::Object(identity))
    }
}
