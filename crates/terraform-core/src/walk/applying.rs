//! `terraform apply PLAN`.

use std::collections::BTreeSet;

use super::apply::Step;
use super::object::Object;
use super::plan::Wanted;
use super::{Phase, Walk};
use crate::config::Resource;
use crate::core::Core;
use crate::diagnostics::Diagnostics;
use crate::plan::{Action, Applied, Change, Plan};
use crate::state::{Address, State};
use crate::value::Value;

/// The state after it, and what was done.
pub(crate) async fn apply(core: &Core, plan: Plan) -> (State, Result<Applied, Diagnostics>) {
    let Plan { changes, refreshed, warnings, config, .. } = plan;
    let mut applied = Applied { done: Vec::new(), warnings };
    if changes.iter().all(|change| change.action == Action::NoOp) {
        return (refreshed, Ok(applied));
    }
    let mut walk = match Walk::configured(core, &config, refreshed.clone(), Phase::Apply).await {
        Ok(walk) => walk,
        Err(said) => return (refreshed, Err(said)),
    };
    for change in changes.iter().filter(|change| change.action == Action::Forget) {
        walk.state.instances.remove(&change.address);
        applied.done.push((change.address.to_string(), change.action));
    }
    let goes = |change: &&Change| !change.deposed && matches!(change.action, Action::Delete | Action::DeleteThenCreate);
    let going: Vec<&Change> = changes.iter().filter(goes).collect();
    walk.all_go(&going, &mut applied).await;
    for resource in config.in_order().unwrap_or_default() {
        walk.come(resource, &changes, &mut applied).await;
    }
    // Those whose successors are there, and those that were left over.
    for (address, instance) in std::mem::take(&mut walk.state.deposed) {
        let private = changes.iter().find(|change| change.address == address).map(|change| change.private.clone());
        let kept = match walk.upgraded(&address, &instance).await {
            Some(object) if !walk.failed.contains(&address.resource()) => {
                let step = Step {
                    action: Action::Delete,
                    before: &object.value,
                    after: &Value::Null,
                    config: &Value::Null,
                    private: private.unwrap_or_default(),
                    identity: None,
                    prior: Some(&object),
                };
                let (kept, _) = walk.made(&address, &step).await;
                applied.done.push((address.to_string(), Action::Delete));
                kept.map(|kept| walk.stored(&address.ty, &kept))
            }
            _ => Some(instance),
        };
        walk.state.deposed.extend(kept.map(|kept| (address, kept)));
    }
    let Walk { mut said, state, .. } = walk;
    applied.warnings.append(&mut said.warnings);
    if said.failed() {
        said.warnings = applied.warnings;
        return (state, Err(said));
    }
    (state, Ok(applied))
}

impl Walk<'_> {
    /// Destroys what goes, each after whatever needs it.
    async fn all_go(&mut self, going: &[&Change], applied: &mut Applied) {
        let mut left: Vec<&Change> = going.to_vec();
        let mut stays: BTreeSet<Address> = BTreeSet::new();
        while !left.is_empty() {
            let needs = |walk: &Self, other: &Address, address: &Address| {
                walk.state
                    .instances
                    .get(other)
                    .is_some_and(|instance| instance.dependencies.contains(&address.resource()))
            };
            let waits = |change: &&Change| {
                let others = left.iter().filter(|other| other.address.resource() != change.address.resource());
                others.into_iter().any(|other| needs(self, &other.address, &change.address))
            };
            let (waiting, mut ready): (Vec<&Change>, Vec<&Change>) = left.iter().copied().partition(waits);
            left = waiting;
            if ready.is_empty() {
                // A circle of dependencies that a state holds and no configuration can: in any order.
                ready = std::mem::take(&mut left);
            }
            for change in ready {
                let address = &change.address;
                if stays.iter().any(|other| needs(self, other, address)) {
                    stays.insert(address.clone());
                    self.failed.insert(address.resource());
                    continue;
                }
                if self.goes(change).await {
                    applied.done.push((address.to_string(), Action::Delete));
                } else {
                    stays.insert(address.clone());
                    self.failed.insert(address.resource());
                }
            }
        }
    }

    async fn goes(&mut self, change: &Change) -> bool {
        let address = &change.address;
        let Some(instance) = self.state.instances.get(address).cloned() else { return true };
        let Some(object) = self.upgraded(address, &instance).await else { return false };
        let step = Step {
            action: Action::Delete,
            before: &change.before,
            after: &Value::Null,
            config: &Value::Null,
            private: change.private.clone(),
            identity: if change.action == Action::Delete { change.identity.as_ref() } else { None },
            prior: Some(&object),
        };
        let (kept, failed) = self.made(address, &step).await;
        match kept {
            Some(kept) => {
                let stored = self.stored(&address.ty, &kept);
                self.state.instances.insert(address.clone(), stored);
            }
            None => {
                self.state.instances.remove(address);
            }
        }
        !failed
    }

    /// Makes and changes the instances of a resource.
    async fn come(&mut self, resource: &Resource, changes: &[Change], applied: &mut Applied) {
        let is_of = |change: &&Change| change.address.resource() == resource.address && change.action != Action::Delete;
        // Where everything goes, nothing comes, and nothing is looked at.
        if !resource.address.data && !changes.iter().any(|change| is_of(&change)) {
            return;
        }
        if self.blocked(resource) {
            self.failed.insert(resource.address.clone());
            return;
        }
        let Some(instances) = self.expanded(resource) else {
            self.failed.insert(resource.address.clone());
            return;
        };
        for (address, each) in instances {
            let wanted = Wanted { resource, address: &address, each: &each };
            let change = changes.iter().find(|change| change.address == address && !change.deposed);
            let fine = match change {
                Some(change) if change.action == Action::Read => self.read_late(&wanted).await,
                Some(change) if change.action != Action::NoOp => self.comes(&wanted, change, applied).await,
                _ => self.stays(&address),
            };
            if !fine {
                self.failed.insert(resource.address.clone());
            }
        }
    }

    /// What did not change is what it was.
    fn stays(&mut self, address: &Address) -> bool {
        let schemas = self.core.schemas.clone();
        let schemas = if address.data { &schemas.data_sources } else { &schemas.resources };
        let Some(schema) = schemas.get(&address.ty) else { return false };
        let value = self.state.instances.get(address).and_then(|instance| instance.typed(&schema.block.ty()).ok());
        self.seen.insert(address.clone(), value.unwrap_or(Value::Null));
        true
    }

    async fn read_late(&mut self, wanted: &Wanted<'_>) -> bool {
        let Some(config) = self.configured_value(wanted.resource, wanted.address, wanted.each) else { return false };
        let Some(value) = self.read(wanted.address, &config).await else { return false };
        self.hold(&wanted.resource.postconditions, wanted.address, wanted.each, Some(value))
    }

    async fn comes(&mut self, wanted: &Wanted<'_>, change: &Change, applied: &mut Applied) -> bool {
        let Wanted { resource, address, each } = *wanted;
        if change.action == Action::DeleteThenCreate && self.state.instances.contains_key(address) {
            return false;
        }
        let mut deposed = None;
        if change.action == Action::CreateThenDelete {
            deposed = self.state.instances.remove(address);
        }
        let fine = self.comes_now(wanted, change, applied).await;
        if let Some(instance) = deposed {
            if fine || self.state.instances.contains_key(address) {
                self.state.deposed.push((address.clone(), instance));
            } else {
                // Nothing came: it stays what it was.
                self.state.instances.insert(address.clone(), instance);
            }
        }
        fine && {
            let value = self.seen.get(address).cloned();
            self.hold(&resource.postconditions, address, each, value)
        }
    }

    async fn comes_now(&mut self, wanted: &Wanted<'_>, change: &Change, applied: &mut Applied) -> bool {
        let Wanted { resource, address, each } = *wanted;
        let prior = match self.state.instances.get(address).cloned() {
            Some(instance) => match self.upgraded(address, &instance).await {
                Some(object) => Some(object),
                None => return false,
            },
            None => None,
        };
        let forced = change.action.is_replace().then_some(change.reason);
        let Some(now) = self.planned(wanted, prior.as_ref(), Some(change), forced).await else { return false };
        if !self.is_same_plan(change, &now) {
            return false;
        }
        if now.action == Action::NoOp {
            return self.stays(address);
        }
        let Some(config) = self.configured_value(resource, address, each) else { return false };
        if !config.is_wholly_known() {
            self.refuse(
                address,
                "Configuration contains unknown value",
                format!("configuration for {address} still contains unknown values during apply"),
            );
            return false;
        }
        let action = if now.action.is_replace() { Action::Create } else { now.action };
        let before = if action == Action::Create { Value::Null } else { now.before.clone() };
        let step = Step {
            action,
            before: &before,
            after: &now.after,
            config: &config,
            private: now.private.clone(),
            identity: now.identity.as_ref(),
            prior: prior.as_ref(),
        };
        let (kept, failed) = self.made(address, &step).await;
        let needs = self.config.needs(&address.resource()).into_iter().filter(|needed| !needed.data);
        match kept {
            Some(kept) => {
                let object = Object {
                    dependencies: needs.collect(),
                    create_before_destroy: resource.create_before_destroy,
                    ..kept
                };
                let stored = self.stored(&address.ty, &object);
                self.state.instances.insert(address.clone(), stored);
                self.seen.insert(address.clone(), object.value);
            }
            None => {
                self.state.instances.remove(address);
            }
        }
        if !failed {
            applied.done.push((address.to_string(), action));
        }
        !failed
    }
}
