//! `moved` blocks: objects under other addresses, and of other types.

use tfplugin6 as tf;

use super::object::Object;
use super::{Phase, Walk};
use crate::config::Config;
use crate::core::Core;
use crate::diagnostics::{By, Diagnostics, Rule};
use crate::path::Path;
use crate::provider::call;
use crate::rules::stored;
use crate::state::{Address, Instance, InstanceKey, State};

/// The state with everything under its new address, and what was moved.
pub(crate) async fn moved(core: &Core, config: &Config) -> Result<(State, Vec<(Address, Address)>), Diagnostics> {
    let mut state = core.state.clone();
    let mut done = Vec::new();
    for (from, to) in &config.moves {
        let named =
            |address: &Address| *address == *from || from.key == InstanceKey::None && address.resource() == *from;
        let concerned: Vec<Address> = state.instances.keys().filter(|address| named(address)).cloned().collect();
        for old in concerned {
            let key = if old == *from { to.key.clone() } else { old.key.clone() };
            let new = to.instance(key);
            if state.instances.contains_key(&new) {
                continue;
            }
            let Some(mut instance) = state.instances.remove(&old) else { continue };
            if old.ty != new.ty || instance.provider.is_some() {
                instance = of_another_type(core, config, &old, &new, &instance).await?;
            }
            state.instances.insert(new.clone(), instance);
            done.push((old, new));
        }
    }
    Ok((state, done))
}

/// An object of another type, on a process of its own that is not configured.
async fn of_another_type(
    core: &Core,
    config: &Config,
    old: &Address,
    new: &Address,
    instance: &Instance,
) -> Result<Instance, Diagnostics> {
    let mut walk = Walk::started(core, config, State::default(), Phase::Plan).await;
    let object = walk.moved_object(old, new, instance).await;
    object.map(|object| walk.stored(&new.ty, &object)).ok_or(walk.said)
}

impl Walk<'_> {
    async fn moved_object(&mut self, old: &Address, new: &Address, instance: &Instance) -> Option<Object> {
        let named = new.to_string();
        let schemas = self.core.schemas.clone();
        let Some(block) = schemas.resource(&new.ty) else {
            self.no_such_type(new);
            return None;
        };
        if !schemas.able.move_resource_state {
            let detail = format!(
                "The provider {} does not support moved operations across resource types and providers.",
                self.short_name()
            );
            self.said.error(
                By::Rule(Rule::MoveNotOffered),
                &named,
                Path::ROOT,
                "Unsupported `moved` across resource types",
                detail,
            );
            return None;
        }
        let request = tf::move_resource_state::Request {
            source_provider_address: instance.provider.clone().unwrap_or_else(|| self.core.address.clone()),
            source_type_name: old.ty.clone(),
            source_schema_version: instance.schema_version,
            source_state: Some(tf::RawState { json: instance.attributes.clone().into(), ..Default::default() }),
            target_type_name: new.ty.clone(),
            source_private: instance.private.clone(),
            source_identity: instance
                .identity
                .as_ref()
                .map(|(_, json)| tf::RawState { json: json.clone().into(), ..Default::default() }),
            ..Default::default()
        };
        let answer = call!(self.provider, &mut self.said, &named, "MoveResourceState", move_resource_state(request))?;
        if self.failed_by(&answer.diagnostics, &named) {
            return None;
        }
        let value = self.decoded(answer.target_state.as_ref(), &block.ty(), &named)?;
        let identity = self.decoded_identity(&new.ty, answer.target_identity.as_ref(), &named);
        let summary = "Provider returned invalid value";
        let mut hold = |rule, path: &Path, detail: String| self.said.hold(rule, &named, path, summary, detail);
        if let Some(path) = stored::write_only(block, &value).first() {
            let detail = format!(
                "The provider returned a value for the write-only attribute \"{named}{path}\" during an across type move operation to {named}. Write-only attributes cannot be read back from the provider."
            );
            hold(Rule::MoveWriteOnly, path, detail);
            return None;
        }
        let during = format!("The provider returned an invalid value during an across type move operation to {named}");
        if value.is_null() {
            hold(Rule::MoveNull, &Path::ROOT, format!("{during}: it is null."));
            return None;
        }
        if let Some(path) = stored::unknown(&value).first() {
            hold(Rule::MoveUnknown, path, format!("{during}: {path} is not known."));
            return None;
        }
        if self.unknown_identity(identity.as_ref(), &named, "planned", &format!(" for the move from {old} to {new}")) {
            return None;
        }
        let dependencies = instance.dependencies.clone();
        let create_before_destroy = instance.create_before_destroy;
        Some(Object {
            value,
            private: answer.target_private,
            identity,
            tainted: instance.tainted,
            dependencies,
            create_before_destroy,
        })
    }
}
