//! `terraform plan`.

use std::collections::BTreeSet;

use super::object::Object;
use super::plan::Wanted;
use super::{Phase, Walk, validate};
use crate::config::{Config, Name, Part, Resource};
use crate::core::{Core, PlanOptions};
use crate::diagnostics::{By, Diagnostics};
use crate::path::{Path, Step};
use crate::plan::{Action, Change, Plan, Reason};
use crate::state::{Address, Instance, InstanceKey, State};
use crate::value::Value;

/// What is going to be done.
pub(crate) async fn plan(core: &Core, config: &Config, options: &PlanOptions) -> Result<Plan, Diagnostics> {
    let mut said = validate(core, config).await;
    if said.failed() {
        return Err(said);
    }
    let (state, moved) = super::moves::moved(core, config).await?;
    let mut walk = Walk::configured(core, config, state, Phase::Plan).await?;
    let mut changes = walk.all(options).await;
    if options.destroy && !walk.said.failed() {
        said.take(std::mem::take(&mut walk.said));
        walk = Walk::configured(core, config, walk.state, Phase::Plan).await?;
        changes = walk.everything_goes().await;
    }
    for change in &mut changes {
        change.moved_from = moved.iter().find(|(_, to)| *to == change.address).map(|(from, _)| from.clone());
    }
    let mut outputs = std::collections::BTreeMap::new();
    for (name, expr) in &config.outputs {
        if walk.failed.is_empty() && !options.destroy {
            let value = walk.scope(None, None).value(expr);
            outputs.extend(walk.evaluated(&format!("output.{name}"), value).map(|value| (name.clone(), value)));
        }
    }
    said.take(walk.said);
    if said.failed() {
        return Err(said);
    }
    let mut warnings = said.warnings;
    let mut once = Vec::new();
    warnings.retain(|warning| {
        !once.contains(warning) && {
            once.push(warning.clone());
            true
        }
    });
    Ok(Plan { changes, refreshed: walk.state, warnings, outputs, config: config.clone(), prior: core.state.clone() })
}

impl Walk<'_> {
    async fn all(&mut self, options: &PlanOptions) -> Vec<Change> {
        let mut changes = Vec::new();
        let mut configured = BTreeSet::new();
        // A cycle has been found by the validation.
        for resource in self.config.in_order().unwrap_or_default() {
            if self.blocked(resource) {
                self.failed.insert(resource.address.clone());
                continue;
            }
            let Some(instances) = self.expanded(resource) else {
                self.failed.insert(resource.address.clone());
                continue;
            };
            for (address, each) in instances {
                configured.insert(address.clone());
                let wanted = Wanted { resource, address: &address, each: &each };
                let change = if address.data {
                    self.planned_data(&wanted).await
                } else {
                    self.planned_resource(&wanted, options, &changes).await
                };
                match change {
                    Ok(change) => {
                        if change.as_ref().is_some_and(|change| change.action != Action::NoOp) {
                            self.pending.insert(resource.address.clone());
                        }
                        changes.extend(change);
                    }
                    Err(Failed) => {
                        self.failed.insert(resource.address.clone());
                    }
                }
            }
        }
        let orphans: Vec<(Address, Instance)> = self.state.instances.clone().into_iter().collect();
        for (address, instance) in orphans {
            if configured.contains(&address) || self.failed.contains(&address.resource()) {
                continue;
            }
            if address.data {
                self.state.instances.remove(&address);
            } else {
                changes.extend(self.planned_orphan(&address, &instance, options).await);
            }
        }
        for (n, (address, instance)) in self.state.deposed.clone().into_iter().enumerate() {
            if let Some(Some(object)) = self.current(&address, &instance, options).await {
                self.state.deposed[n].1 = self.stored(&address.ty, &object);
                let change = self.planned_destruction(&address, &object, Reason::None).await;
                changes.extend(change.map(|change| Change { deposed: true, ..change }));
            }
        }
        changes
    }

    /// An object as it is now: from the state, read where that is wanted. `Some(None)` when it is gone.
    async fn current(
        &mut self,
        address: &Address,
        instance: &Instance,
        options: &PlanOptions,
    ) -> Option<Option<Object>> {
        let object = self.upgraded(address, instance).await?;
        if options.refresh { self.refreshed(address, &object).await } else { Some(Some(object)) }
    }

    async fn planned_resource(
        &mut self,
        wanted: &Wanted<'_>,
        options: &PlanOptions,
        changes: &[Change],
    ) -> Result<Option<Change>, Failed> {
        let address = wanted.address;
        let import = self.config.imports.iter().find(|import| import.to == *address);
        let mut importing = false;
        let prior = match (self.state.instances.get(address).cloned(), import) {
            (Some(instance), _) => self.current(address, &instance, options).await.ok_or(Failed)?,
            (None, Some(import)) => {
                importing = true;
                Some(self.imported(address, &import.by).await.ok_or(Failed)?)
            }
            (None, None) => None,
        };
        let needs = self.config.needs(&address.resource()).into_iter().filter(|needed| !needed.data);
        match &prior {
            Some(object) => {
                let dependencies: BTreeSet<Address> = object.dependencies.iter().cloned().chain(needs).collect();
                let object = Object { dependencies: dependencies.into_iter().collect(), ..object.clone() };
                let stored = self.stored(&address.ty, &object);
                self.state.instances.insert(address.clone(), stored);
            }
            None => {
                self.state.instances.remove(address);
            }
        }
        if options.refresh_only {
            self.seen.insert(address.clone(), prior.map_or(Value::Null, |prior| prior.value));
            return Ok(None);
        }
        let by_request = options.replace.iter().any(|replaced| Address::from(replaced.as_str()) == *address);
        let triggered = wanted.resource.replace_triggered_by.iter().any(|name| is_triggered(name, changes));
        let forced = by_request.then_some(Reason::ByRequest).or(triggered.then_some(Reason::ByTriggers));
        let change = self.planned(wanted, prior.as_ref(), None, forced).await.ok_or(Failed)?;
        if change.action.is_replace() && !self.may_be_destroyed(wanted.resource, address) {
            return Err(Failed);
        }
        self.seen.insert(address.clone(), change.after.clone());
        Ok(Some(Change { importing, ..change }))
    }

    /// What is no longer configured goes, or is forgotten.
    async fn planned_orphan(
        &mut self,
        address: &Address,
        instance: &Instance,
        options: &PlanOptions,
    ) -> Option<Change> {
        let removed = self.config.removed.iter().find(|(from, _)| *from == *address || *from == address.resource());
        let forgotten = removed.is_some_and(|(_, destroy)| !destroy);
        if forgotten {
            let before = instance.value();
            return Some(Change { action: Action::Forget, ..gone(address, before) });
        }
        let Some(object) = self.current(address, instance, options).await? else {
            self.state.instances.remove(address);
            return None;
        };
        let stored = self.stored(&address.ty, &object);
        self.state.instances.insert(address.clone(), stored);
        if options.refresh_only {
            return None;
        }
        let resource: Option<&Resource> =
            self.config.resources.iter().find(|resource| resource.address == address.resource());
        let reason = if resource.is_some() { Reason::InstanceKey } else { Reason::NoResourceConfig };
        if let Some(resource) = resource
            && !self.may_be_destroyed(resource, address)
        {
            return None;
        }
        self.planned_destruction(address, &object, reason).await
    }

    /// `terraform destroy`: after everything has been read.
    async fn everything_goes(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        let State { instances, deposed } = self.state.clone();
        let current = instances.into_iter().map(|(address, instance)| (address, instance, false));
        let deposed = deposed.into_iter().map(|(address, instance)| (address, instance, true));
        for (address, instance, deposed) in current.chain(deposed).filter(|(address, ..)| !address.data) {
            let Some(object) = self.upgraded(&address, &instance).await else { continue };
            let resource = self.config.resources.iter().find(|resource| resource.address == address.resource());
            if resource.is_some_and(|resource| !self.may_be_destroyed(resource, &address)) {
                continue;
            }
            let change = self.planned_destruction(&address, &object, Reason::None).await;
            changes.extend(change.map(|change| Change { deposed, ..change }));
        }
        changes
    }
}

/// It has been said why.
pub(crate) struct Failed;

fn gone(address: &Address, before: Value) -> Change {
    Change {
        address: address.clone(),
        deposed: false,
        action: Action::Delete,
        reason: Reason::NoResourceConfig,
        before,
        after: Value::Null,
        replace_paths: Vec::new(),
        importing: false,
        moved_from: None,
        private: bytes::Bytes::new(),
        identity: None,
    }
}

/// Whether something that is named in `replace_triggered_by` changes.
fn is_triggered(name: &Name, changes: &[Change]) -> bool {
    let Some((address, rest)) = name.address() else { return false };
    let concerns = |change: &&Change| {
        change.address == address || address.key == InstanceKey::None && change.address.resource() == address
    };
    let step = |part: &Part| match part {
        Part::Attribute(name) => Step::Attribute(name.clone()),
        Part::Index(n) => Step::Index(*n),
        Part::Key(key) => Step::Key(key.clone()),
    };
    let path = Path(rest.iter().map(step).collect());
    changes.iter().filter(concerns).any(|change| {
        let changes = change.action == Action::Update || change.action.is_replace();
        changes && (path == Path::ROOT || path.find(&change.before) != path.find(&change.after))
    })
}

impl Walk<'_> {
    /// Says something of the configuration.
    pub(crate) fn refuse(&mut self, address: &Address, summary: &str, detail: String) {
        self.said.error(By::Configuration, &address.to_string(), Path::ROOT, summary, detail);
    }
}
