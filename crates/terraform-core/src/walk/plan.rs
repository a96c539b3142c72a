//! The plan for one instance.

use bytes::Bytes;
use tfplugin6 as tf;

use super::ignore::ignored;
use super::object::Object;
use super::{Phase, Walk, message};
use crate::config::Resource;
use crate::diagnostics::{By, Rule};
use crate::path::Path;
use crate::plan::{Action, Change, Reason};
use crate::provider::call;
use crate::rules::{self, propose, replace, stored};
use crate::schema::Block;
use crate::state::Address;
use crate::value::Value;

/// What a provider planned.
struct Planned {
    value: Value,
    private: Bytes,
    identity: Option<Value>,
    replace: Vec<Path>,
    legacy: bool,
}

/// What a provider is asked to plan.
struct Asked<'a> {
    prior: &'a Value,
    config: &'a Value,
    private: Bytes,
    identity: Option<&'a Value>,
    /// What the first of two plans kept, where Terraform tells.
    planned_private: Bytes,
}

/// An instance that is configured.
pub(crate) struct Wanted<'a> {
    pub resource: &'a Resource,
    pub address: &'a Address,
    pub each: &'a Value,
}

impl Walk<'_> {
    /// What is going to be done with an instance that is configured.
    ///
    /// `earlier` is what was planned before, in the apply; `forced` is why it is to be made anew in any case.
    pub(crate) async fn planned(
        &mut self,
        wanted: &Wanted<'_>,
        prior: Option<&Object>,
        earlier: Option<&Change>,
        forced: Option<Reason>,
    ) -> Option<Change> {
        let Wanted { resource, address, each } = *wanted;
        let named = address.to_string();
        if !self.hold(&resource.preconditions, address, each, None) {
            return None;
        }
        let written = self.configured_value(resource, address, each)?;
        if !self.validate_one(address, &written).await {
            return None;
        }
        let schemas = self.core.schemas.clone();
        let block = schemas.resource(&address.ty)?;
        // A creation that failed is begun again, as if nothing were there.
        let tainted = prior.filter(|prior| prior.tainted);
        let prior = prior.filter(|prior| !prior.tainted);
        let prior_value = prior.map_or(Value::Null, |prior| prior.value.clone());
        let config = ignored(block, &resource.ignore, &prior_value, &written);
        let asked = Asked {
            prior: &prior_value,
            config: &config,
            private: prior.map(|prior| prior.private.clone()).unwrap_or_default(),
            identity: prior.and_then(|prior| prior.identity.as_ref()),
            planned_private: Bytes::new(),
        };
        let mut plan = self.ask(block, address, &asked, true).await?;
        if !plan.legacy && !self.is_valid(block, &named, &prior_value, &config, &plan.value) {
            return None;
        }
        let replace_paths = match replace::replacing(block, &plan.replace, &prior_value, &plan.value) {
            Ok(paths) => paths,
            Err(path) => {
                let detail = format!(
                    "Provider {} has indicated \"requires replacement\" on {named} for a non-existent attribute path {path}.",
                    self.short_name()
                );
                self.said.hold(Rule::PlanReplacePath, &named, &path, "Provider produced invalid plan", detail);
                return None;
            }
        };
        let other = if resource.create_before_destroy { Action::CreateThenDelete } else { Action::DeleteThenCreate };
        let (mut action, mut reason) = match (prior, forced) {
            (None, _) => (Action::Create, Reason::None),
            (_, Some(reason)) => (other, reason),
            _ if plan.value == prior_value => (Action::NoOp, Reason::None),
            _ if !replace_paths.is_empty() => (other, Reason::CannotUpdate),
            _ => (Action::Update, Reason::None),
        };
        if matches!(action, Action::NoOp | Action::Update)
            && self.unknown_identity(plan.identity.as_ref(), &named, "returned", "")
        {
            return None;
        }
        if action.is_replace() {
            // What another object will be is planned from nothing, and from the configuration as it is written.
            let again = Asked {
                prior: &Value::Null,
                config: &written,
                private: plan.private.clone(),
                identity: plan.identity.as_ref(),
                planned_private: if self.core.speaks_6_11 { plan.private.clone() } else { Bytes::new() },
            };
            plan = self.ask(block, address, &again, false).await?;
        }
        let mut before = prior_value;
        if let (Action::Create, Some(tainted)) = (action, tainted) {
            (action, reason, before) = (other, Reason::Tainted, tainted.value.clone());
        }
        if let (Action::Create, Some(earlier)) = (action, earlier)
            && earlier.action.is_replace()
        {
            (action, reason, before) = (earlier.action, earlier.reason, earlier.before.clone());
        }
        if self.phase == Phase::Plan && !self.hold(&resource.postconditions, address, each, Some(plan.value.clone())) {
            return None;
        }
        Some(Change {
            address: address.clone(),
            deposed: false,
            action,
            reason,
            before,
            after: plan.value,
            replace_paths,
            importing: false,
            moved_from: None,
            private: plan.private,
            identity: plan.identity,
        })
    }

    /// One call. Only in the `first` of two are warnings told.
    async fn ask(&mut self, block: &Block, address: &Address, asked: &Asked<'_>, first: bool) -> Option<Planned> {
        let named = address.to_string();
        let ty = block.ty();
        let proposed = propose::proposed(block, asked.prior, asked.config);
        let request = tf::plan_resource_change::Request {
            type_name: address.ty.clone(),
            prior_state: Some(message(asked.prior, &ty)),
            proposed_new_state: Some(message(&proposed, &ty)),
            config: Some(message(asked.config, &ty)),
            prior_private: asked.private.clone(),
            client_capabilities: Some(self.capabilities()),
            prior_identity: self.identity_message(&address.ty, asked.identity),
            planned_private: asked.planned_private.clone(),
            ..Default::default()
        };
        let answer = call!(self.provider, &mut self.said, &named, "PlanResourceChange", plan_resource_change(request))?;
        let warned = self.said.warnings.len();
        if self.failed_by(&answer.diagnostics, &named) {
            return None;
        }
        if !first {
            self.said.warnings.truncate(warned);
        }
        if self.refused_deferral(answer.deferred.as_ref(), &named) {
            return None;
        }
        let value = self.decoded(answer.planned_state.as_ref(), &ty, &named)?;
        let identity = self.decoded_identity(&address.ty, answer.planned_identity.as_ref(), &named);
        let write_only = stored::write_only(block, &value);
        for path in &write_only {
            let detail = format!(
                "Provider {} returned a value for the write-only attribute \"{named}{path}\" during planning. Write-only attributes cannot be read back from the provider.",
                self.short_name()
            );
            self.said.hold(Rule::PlanWriteOnly, &named, path, "Provider produced invalid plan", detail);
        }
        write_only.is_empty().then(|| Planned {
            value,
            private: answer.planned_private,
            identity,
            replace: answer.requires_replace.iter().map(Path::from_proto).collect(),
            legacy: answer.legacy_type_system,
        })
    }

    fn is_valid(&mut self, block: &Block, address: &str, prior: &Value, config: &Value, planned: &Value) -> bool {
        let broken = rules::plan::broken(block, prior, config, planned);
        for one in &broken {
            let detail =
                format!("Provider {} planned an invalid value for {address}{}.", self.short_name(), one.told());
            self.said.hold(one.rule, address, &one.path, "Provider produced invalid plan", detail);
        }
        broken.is_empty()
    }

    /// The plan to destroy an object.
    pub(crate) async fn planned_destruction(
        &mut self,
        address: &Address,
        object: &Object,
        reason: Reason,
    ) -> Option<Change> {
        let named = address.to_string();
        let schemas = self.core.schemas.clone();
        let block = schemas.resource(&address.ty)?;
        let (mut private, mut identity) = (object.private.clone(), object.identity.clone());
        if schemas.able.plan_destroy {
            let ty = block.ty();
            let nothing = message(&Value::Null, &ty);
            let request = tf::plan_resource_change::Request {
                type_name: address.ty.clone(),
                prior_state: Some(message(&object.value, &ty)),
                proposed_new_state: Some(nothing.clone()),
                config: Some(nothing),
                prior_private: private,
                client_capabilities: Some(self.capabilities()),
                prior_identity: self.identity_message(&address.ty, identity.as_ref()),
                ..Default::default()
            };
            let answer =
                call!(self.provider, &mut self.said, &named, "PlanResourceChange", plan_resource_change(request))?;
            if self.failed_by(&answer.diagnostics, &named) || self.refused_deferral(answer.deferred.as_ref(), &named) {
                return None;
            }
            let value = self.decoded(answer.planned_state.as_ref(), &ty, &named)?;
            if !value.is_null() {
                let detail = format!("Provider {} planned a non-null destroy value for {named}.", self.short_name());
                self.said.hold(Rule::PlanDestroyNotNull, &named, &Path::ROOT, "Provider produced invalid plan", detail);
                return None;
            }
            private = answer.planned_private;
            identity = self.decoded_identity(&address.ty, answer.planned_identity.as_ref(), &named);
        }
        Some(Change {
            address: address.clone(),
            deposed: false,
            action: Action::Delete,
            reason,
            before: object.value.clone(),
            after: Value::Null,
            replace_paths: Vec::new(),
            importing: false,
            moved_from: None,
            private,
            identity,
        })
    }

    /// Whether what is planned now, knowing more, is what was planned before.
    pub(crate) fn is_same_plan(&mut self, earlier: &Change, now: &Change) -> bool {
        let named = earlier.address.to_string();
        let summary = "Provider produced inconsistent final plan";
        let intro = format!(
            "When expanding the plan for {named} to include new values learned so far during apply, provider {}",
            self.short_name()
        );
        let became_nothing = earlier.action == Action::Update && now.action == Action::NoOp;
        if earlier.action != now.action && !became_nothing {
            let detail = format!("{intro} changed the planned action from {:?} to {:?}.", earlier.action, now.action);
            self.said.hold(Rule::FinalPlanAction, &named, &Path::ROOT, summary, detail);
            return false;
        }
        let schemas = self.core.schemas.clone();
        let Some(block) = schemas.resource(&earlier.address.ty) else { return false };
        let broken = rules::result::broken(Rule::FinalPlanValue, block, &earlier.after, &now.after);
        for one in &broken {
            let detail = format!("{intro} produced an invalid new value for {}.", one.told());
            self.said.hold(one.rule, &named, &one.path, summary, detail);
        }
        broken.is_empty()
    }

    /// Whether an object may be destroyed, as far as the configuration goes.
    pub(crate) fn may_be_destroyed(&mut self, resource: &Resource, address: &Address) -> bool {
        if resource.prevent_destroy {
            let named = address.to_string();
            let detail = format!(
                "Resource {named} has lifecycle.prevent_destroy set, but the plan calls for this resource to be destroyed."
            );
            self.said.error(By::Configuration, &named, Path::ROOT, "Instance cannot be destroyed", detail);
        }
        !resource.prevent_destroy
    }
}
