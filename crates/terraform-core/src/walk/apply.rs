//! One change, made.

use bytes::Bytes;
use tfplugin6 as tf;

use super::object::Object;
use super::{Walk, message};
use crate::diagnostics::Rule;
use crate::path::Path;
use crate::plan::Action;
use crate::provider::call;
use crate::rules::{self, stored};
use crate::state::Address;
use crate::value::Value;

/// What a provider is asked to make real: one object, in one step.
pub(crate) struct Step<'a> {
    pub action: Action,
    pub before: &'a Value,
    pub after: &'a Value,
    pub config: &'a Value,
    pub private: Bytes,
    pub identity: Option<&'a Value>,
    /// What is kept of it now.
    pub prior: Option<&'a Object>,
}

impl Walk<'_> {
    /// Has a change made, and judges what is said to have become. What is to be kept of it, and whether it failed.
    pub(crate) async fn made(&mut self, address: &Address, step: &Step<'_>) -> (Option<Object>, bool) {
        let named = address.to_string();
        let errors = self.said.errors.len();
        let schemas = self.core.schemas.clone();
        let Some(block) = schemas.resource(&address.ty) else {
            self.no_such_type(address);
            return (step.prior.cloned(), true);
        };
        let ty = block.ty();
        let request = tf::apply_resource_change::Request {
            type_name: address.ty.clone(),
            prior_state: Some(message(step.before, &ty)),
            planned_state: Some(message(step.after, &ty)),
            config: Some(message(step.config, &ty)),
            planned_private: step.private.clone(),
            planned_identity: self.identity_message(&address.ty, step.identity),
            ..Default::default()
        };
        let answer =
            call!(self.provider, &mut self.said, &named, "ApplyResourceChange", apply_resource_change(request));
        let deletes = step.action == Action::Delete;
        let (mut private, mut identity, mut legacy, mut value) = (Bytes::new(), None, false, None);
        if let Some(answer) = answer {
            self.said.said(&answer.diagnostics, &named);
            value = self.decoded(answer.new_state.as_ref(), &ty, &named);
            identity = self.decoded_identity(&address.ty, answer.new_identity.as_ref(), &named);
            (private, legacy) = (answer.private, answer.legacy_type_system);
        }
        // Without an answer that can be read, what was there is believed to be there still.
        let mut value = value.unwrap_or_else(|| if deletes { Value::Null } else { step.before.clone() });
        let summary = "Provider produced invalid object";
        let write_only = stored::write_only(block, &value);
        for path in &write_only {
            let detail = format!(
                "Provider {} returned a value for the write-only attribute \"{named}{path}\" after apply. Write-only attributes cannot be read back from the provider.",
                self.long_name()
            );
            self.said.hold(Rule::ResultWriteOnly, &named, path, summary, detail);
        }
        if !write_only.is_empty() {
            return (step.prior.cloned(), true);
        }
        let summary = "Provider returned invalid result object after apply";
        for path in stored::unknown(&value) {
            let detail = format!(
                "After the apply operation, the provider still indicated an unknown value for {named}{path}. All values must be known after apply, so this is always a bug in the provider and should be reported in the provider's own repository. Terraform will still save the other known object values in the state."
            );
            self.said.error(crate::diagnostics::By::Rule(Rule::ResultUnknown), &named, path, summary, detail);
        }
        value = value.unknown_as_null();
        if self.unknown_identity(identity.as_ref(), &named, "returned", " after apply") {
            identity = None;
        }
        if !deletes && !legacy && self.said.errors.len() == errors {
            for one in rules::result::broken(Rule::ResultInconsistent, block, step.after, &value) {
                let rule = if value.is_null() { Rule::ResultNull } else { one.rule };
                let detail = format!(
                    "When applying changes to {named}, provider {} produced an unexpected new value: {}.",
                    self.long_name(),
                    one.told()
                );
                self.said.hold(rule, &named, &one.path, "Provider produced inconsistent result after apply", detail);
            }
        }
        if self.said.errors.len() == errors && deletes != value.is_null() {
            let (rule, what) = if deletes {
                (Rule::ResultNotNull, "Delete plan, the provider returned a non-null object")
            } else {
                (Rule::ResultNull, "plan, the provider returned a null object")
            };
            let detail = format!(
                "After applying a {what} for {named}. Destroying should always produce a null value, and nothing else should."
            );
            self.said.hold(rule, &named, &Path::ROOT, summary, detail);
        }
        let failed = self.said.errors.len() > errors;
        let (was_tainted, dependencies) =
            step.prior.map_or((false, Vec::new()), |prior| (prior.tainted, prior.dependencies.clone()));
        let create_before_destroy = step.prior.is_some_and(|prior| prior.create_before_destroy);
        let kept = match (failed, value.is_null()) {
            (true, true) => step.prior.cloned(),
            (false, true) => None,
            (failed, false) => {
                // What failed in the making is to be made anew; what failed otherwise is what it was.
                let tainted = failed && (was_tainted || step.action == Action::Create);
                Some(Object { value, private, identity, tainted, dependencies, create_before_destroy })
            }
        };
        (kept, failed)
    }
}
