//! Walks over a configuration and a state: what the commands are made of.

mod apply;
mod applying;
mod beside;
mod data;
mod ignore;
mod import;
mod instances;
mod moves;
mod object;
mod plan;
mod planning;
mod query;
mod validate;

use std::collections::{BTreeMap, BTreeSet};

use tfplugin6 as tf;

pub(crate) use applying::apply;
pub use beside::{CallError, Invoked};
pub(crate) use beside::{call_function, invoke, open};
pub(crate) use import::import;
pub(crate) use planning::plan;
pub(crate) use query::query;
pub use query::{Found, Query, written};
pub(crate) use validate::validate;

use crate::config::{Config, Resources, Scope};
use crate::core::Core;
use crate::diagnostics::{By, Diagnostics, Rule};
use crate::path::Path;
use crate::provider::{Provider, call};
use crate::schema::{Block, coerce};
use crate::state::{Address, InstanceKey, State};
use crate::types::Type;
use crate::value::{Value, read_json, read_msgpack, write_msgpack};

/// One walk, with a process of the provider.
pub(crate) struct Walk<'a> {
    pub core: &'a Core,
    pub provider: Provider,
    pub config: &'a Config,
    pub phase: Phase,
    pub state: State,
    pub said: Diagnostics,
    /// What each instance is, as far as it is known by now.
    pub seen: BTreeMap<Address, Value>,
    /// Of which resources there are how many.
    pub shapes: BTreeMap<Address, Shape>,
    /// Resources with something still to be done.
    pub pending: BTreeSet<Address>,
    /// Resources that failed: what uses them is left alone.
    pub failed: BTreeSet<Address>,
}

/// Which of Terraform's walks it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Validate,
    Plan,
    Apply,
}

/// How the instances of a resource are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    One,
    Count,
    Each,
}

impl<'a> Walk<'a> {
    /// With a provider that is configured; unless it refused.
    pub(crate) async fn configured(
        core: &'a Core,
        config: &'a Config,
        state: State,
        phase: Phase,
    ) -> Result<Self, Diagnostics> {
        let mut walk = Self::started(core, config, state, phase).await;
        let block = &core.schemas.provider.block;
        let said = walk.scope(None, None).value(&core.provider_config);
        let said = walk.evaluated("provider", said).unwrap_or(Value::Null);
        let Some(value) = walk.coerced(block, "provider", &said) else { return Err(walk.said) };
        walk.validate_provider(&value).await;
        if walk.said.failed() {
            return Err(walk.said);
        }
        let request = tf::configure_provider::Request {
            terraform_version: "1.15.5".to_owned(),
            config: Some(message(&value, &block.ty())),
            client_capabilities: Some(walk.capabilities()),
        };
        let answer = call!(walk.provider, &mut walk.said, "", "ConfigureProvider", configure_provider(request));
        walk.said.said(&answer.unwrap_or_default().diagnostics, "");
        if walk.said.failed() { Err(walk.said) } else { Ok(walk) }
    }

    /// With a provider that knows nothing yet.
    pub(crate) async fn started(core: &'a Core, config: &'a Config, state: State, phase: Phase) -> Self {
        let provider = core.process();
        let mut said = Diagnostics::default();
        if !core.schemas.able.get_provider_schema_optional
            && let Err(wrong) = crate::schemas::Schemas::of(&provider).await
        {
            said.take(wrong);
        }
        let (seen, shapes, pending, failed) = Default::default();
        Self { core, provider, config, phase, state, said, seen, shapes, pending, failed }
    }

    pub(crate) async fn validate_provider(&mut self, value: &Value) {
        let request = tf::validate_provider_config::Request {
            config: Some(message(value, &self.core.schemas.provider.block.ty())),
        };
        let answer =
            call!(self.provider, &mut self.said, "", "ValidateProviderConfig", validate_provider_config(request));
        self.said.said(&answer.unwrap_or_default().diagnostics, "");
    }

    pub(crate) fn capabilities(&self) -> tf::ClientCapabilities {
        tf::ClientCapabilities {
            // So does 1.15.5: a provider that defers whenever it may would never do anything.
            deferral_allowed: self.phase == Phase::Apply,
            write_only_attributes_allowed: true,
            store_planned_private: self.core.speaks_6_11,
            computed_blocks_allowed: self.core.speaks_6_11,
        }
    }

    /// What names stand for: in an instance, or outside of any.
    pub(crate) fn scope(&self, key: Option<(&InstanceKey, &Value)>, this: Option<Value>) -> Scope<'_> {
        let (mut each, mut count) = (None, None);
        match key {
            Some((InstanceKey::Key(key), value)) => each = Some((key.as_str().into(), value.clone())),
            Some((InstanceKey::Number(n), _)) => count = Some(i64::try_from(*n).unwrap_or(i64::MAX).into()),
            _ => {}
        }
        let (locals, variables) = (&self.config.locals, &self.config.variables);
        Scope { resources: self, locals, variables, each, count, this, own: Vec::new() }
    }

    /// A value, or an error of the configuration.
    pub(crate) fn evaluated(&mut self, address: &str, value: Result<Value, String>) -> Option<Value> {
        match value {
            Ok(value) => Some(value),
            Err(what) => {
                self.said.error(By::Configuration, address, Path::ROOT, "Invalid expression", what);
                None
            }
        }
    }

    /// What is configured, in the shape of the schema; or it is refused.
    pub(crate) fn coerced(&mut self, block: &Block, address: &str, said: &Value) -> Option<Value> {
        let (value, refused) = coerce(block, said);
        let fine = refused.is_empty();
        for one in refused {
            self.said.error(By::Configuration, address, one.path, one.summary, one.detail);
        }
        fine.then_some(value)
    }

    /// A value from a provider; or it is held against it.
    pub(crate) fn decoded(&mut self, answer: Option<&tf::DynamicValue>, ty: &Type, address: &str) -> Option<Value> {
        match decode(answer, ty) {
            Ok(value) => Some(value),
            Err((path, what)) => {
                self.said.error(By::Rule(Rule::Malformed), address, path.clone(), format!("{path}: {what}"), "");
                None
            }
        }
    }

    /// An identity from a provider, if there is one.
    pub(crate) fn decoded_identity(
        &mut self,
        ty: &str,
        answer: Option<&tf::ResourceIdentityData>,
        address: &str,
    ) -> Option<Value> {
        let identity = self.core.schemas.identities.get(ty)?.ty();
        let value = self.decoded(answer?.identity_data.as_ref(), &identity, address)?;
        (!value.is_null()).then_some(value)
    }

    pub(crate) fn identity_message(&self, ty: &str, identity: Option<&Value>) -> Option<tf::ResourceIdentityData> {
        let schema = self.core.schemas.identities.get(ty)?;
        Some(tf::ResourceIdentityData { identity_data: Some(message(identity?, &schema.ty())) })
    }

    /// Whether a provider put something off that it was not allowed to.
    pub(crate) fn refused_deferral(&mut self, deferred: Option<&tf::Deferred>, address: &str) -> bool {
        let Some(deferred) = deferred else { return false };
        let detail = format!(
            "The provider signaled a deferred action for \"{address}\" (reason {}), but in this context deferrals are disabled.",
            deferred.reason
        );
        self.said.hold(
            Rule::Deferred,
            address,
            &Path::ROOT,
            "Provider deferred changes when Terraform did not allow deferrals",
            detail,
        );
        true
    }

    /// The provider, as complaints about results name it.
    pub(crate) fn long_name(&self) -> String {
        crate::value::quoted(&format!("provider[{}]", crate::value::quoted(&self.core.address)))
    }

    /// The provider, as complaints about plans name it.
    pub(crate) fn short_name(&self) -> String {
        crate::value::quoted(&self.core.address)
    }
}

impl Resources for Walk<'_> {
    fn whole(&self, address: &Address) -> Option<Value> {
        if self.phase == Phase::Validate {
            let declared = self.config.resources.iter().any(|resource| resource.address == *address);
            return declared.then_some(Value::UNKNOWN);
        }
        let of = || self.seen.iter().filter(|(instance, _)| instance.resource() == *address);
        match self.shapes.get(address)? {
            Shape::One => self.seen.get(address).cloned(),
            Shape::Count => Some(Value::List(of().map(|(_, value)| value.clone()).collect())),
            Shape::Each => {
                let key = |address: &Address| {
                    if let InstanceKey::Key(key) = &address.key { key.clone() } else { String::new() }
                };
                Some(Value::Object(of().map(|(address, value)| (key(address), value.clone())).collect()))
            }
        }
    }
}

/// A value for the wire.
pub(crate) fn message(value: &Value, ty: &Type) -> tf::DynamicValue {
    tf::DynamicValue { msgpack: write_msgpack(value, ty).into(), json: bytes::Bytes::new() }
}

/// A value from the wire. What is empty in both forms is null.
pub(crate) fn decode(answer: Option<&tf::DynamicValue>, ty: &Type) -> Result<Value, (Path, String)> {
    match answer {
        Some(value) if !value.msgpack.is_empty() => {
            read_msgpack(&value.msgpack, ty).map_err(|fault| (fault.path, fault.what))
        }
        Some(value) if !value.json.is_empty() => {
            let text = std::str::from_utf8(&value.json).map_err(|_| (Path::ROOT, "no UTF-8".to_owned()))?;
            read_json(text, ty).map_err(|what| (Path::ROOT, what))
        }
        _ => Ok(Value::Null),
    }
}
