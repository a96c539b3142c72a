//! The life of an object, with what is easily forgotten in it.

use serde_json::json;

use super::{Findings, Mistake, Subject};
use crate::config::Config;
use crate::core::{Core, PlanOptions};
use crate::plan::Action;
use crate::schema::Block;
use crate::state::{Address, Instance, State};
use crate::value::Value;
use crate::walk::{Query, written};

/// From its creation to its end.
pub(super) async fn lives(core: &mut Core, subject: &Subject, findings: &mut Findings) {
    core.state = State::default();
    if findings.fine("creating it", core.apply(&subject.config).await).is_none() {
        return cleaned(core, subject).await;
    }
    rests(core, subject, &subject.config, "created", findings).await;
    is_imported(core, subject, findings).await;
    is_listed(core, subject, findings).await;
    if let Some(changed) = &subject.changed {
        let before = instance(core, subject);
        becomes(core, subject, changed, &[Action::Update], "changed", findings).await;
        if identity(before.as_ref()) != identity(instance(core, subject).as_ref()) {
            findings.add(Mistake::IdentityChanged, "by a change in place");
        }
    }
    if let Some(replaced) = &subject.replaced {
        becomes(core, subject, replaced, &[Action::DeleteThenCreate, Action::CreateThenDelete], "replaced", findings)
            .await;
    }
    ends(core, subject, findings).await;
    cleaned(core, subject).await;
}

fn instance(core: &Core, subject: &Subject) -> Option<Instance> {
    core.state.get(&subject.address).cloned()
}

fn identity(instance: Option<&Instance>) -> Value {
    instance.map_or(Value::Null, Instance::identity_value)
}

/// What is there stays what it is.
async fn rests(core: &mut Core, subject: &Subject, config: &Config, when: &str, findings: &mut Findings) {
    let ty = crate::state::Address::from(subject.address.as_str()).ty;
    if core.schemas().identities.contains_key(&ty) && identity(instance(core, subject).as_ref()) == Value::Null {
        findings.add(Mistake::IdentityMissing, format!("when it was {when}"));
    }
    let Some(plan) = findings.fine("planning again", core.plan(config).await) else { return };
    if !plan.is_empty() {
        let told: Vec<String> =
            plan.actions().iter().map(|(address, action)| format!("{address}: {action:?}")).collect();
        findings.add(Mistake::PlanAfterApply, format!("when it was {when}: {}", told.join(", ")));
    }
    if plan.drift().contains(&subject.address) {
        findings.add(Mistake::Drift, format!("when it was {when}"));
    }
    let before = instance(core, subject);
    if findings.fine("refreshing", core.refresh().await).is_some()
        && identity(before.as_ref()) != identity(instance(core, subject).as_ref())
    {
        findings.add(Mistake::IdentityChanged, format!("by a refresh when it was {when}"));
    }
}

/// It becomes something else, in the way that was expected.
async fn becomes(
    core: &mut Core,
    subject: &Subject,
    config: &Config,
    expected: &[Action],
    what: &str,
    findings: &mut Findings,
) {
    let Some(plan) = findings.fine(&format!("planning it {what}"), core.plan(config).await) else { return };
    let action = plan.action(&subject.address);
    if !expected.contains(&action) {
        findings.add(Mistake::OtherAction, format!("it was to be {what}: {action:?}"));
    }
    if findings.fine(&format!("having it {what}"), core.apply_plan(plan).await).is_some() {
        rests(core, subject, config, what, findings).await;
    }
}

/// It is forgotten and found again, by its id and by its identity.
async fn is_imported(core: &mut Core, subject: &Subject, findings: &mut Findings) {
    let Some(known) = instance(core, subject) else { return };
    let before = core.state.clone();
    let id = match subject.id.strip_prefix("${self.").and_then(|rest| rest.strip_suffix('}')) {
        Some(name) => crate::value::to_json(&known.get(name)).trim_matches('"').to_owned(),
        None => subject.id.clone(),
    };
    let address = crate::state::Address::from(subject.address.as_str());
    core.state.instances.remove(&address);
    if findings.fine("importing it by its id", core.import(&subject.address, &id).await).is_some() {
        found_again(core, subject, &known, "by its id", findings).await;
    }
    if let Value::Object(_) = known.identity_value() {
        core.state = before.clone();
        core.state.instances.remove(&address);
        let config = subject.config.clone().import_by_identity(&subject.address, known.identity_value());
        let planned = core.plan(&config).await;
        if let Some(plan) = findings.fine("importing it by its identity", planned) {
            if let Some(found) = plan.refreshed.get(&subject.address).cloned() {
                core.state.instances.insert(address, found);
            }
            found_again(core, subject, &known, "by its identity", findings).await;
        }
    }
    core.state = before;
}

async fn found_again(core: &mut Core, subject: &Subject, known: &Instance, how: &str, findings: &mut Findings) {
    let found = instance(core, subject);
    if identity(found.as_ref()) != known.identity_value() {
        findings.add(Mistake::IdentityChanged, format!("by an import {how}"));
    }
    let Some(plan) = findings.fine("planning what was imported", core.plan(&subject.config).await) else { return };
    // What nobody can find out may have to be set; the object itself stays.
    if !matches!(plan.action(&subject.address), Action::NoOp | Action::Update) {
        findings.add(Mistake::ImportReplaces, format!("{how}: {:?}", plan.action(&subject.address)));
    }
}

/// It is in the list of its kind, and what is generated for it plans nothing.
async fn is_listed(core: &mut Core, subject: &Subject, findings: &mut Findings) {
    let address = Address::from(subject.address.as_str());
    let Some(known) = instance(core, subject).filter(|_| core.schemas().lists.contains_key(&address.ty)) else {
        return;
    };
    let asked = Query { include_resource: true, generate: true, limit: i64::MAX };
    let listed = core.query(&address.ty, json!({}), &asked).await;
    let Some((all, _)) = findings.fine("listing all of its kind", listed) else { return };
    let Some(found) = all.into_iter().find(|found| found.identity == known.identity_value()) else {
        findings.add(Mistake::NotListed, format!("{} is not in the list", subject.address));
        return;
    };
    let before = core.state.clone();
    core.state.instances.remove(&address);
    let schemas = core.schemas().clone();
    let block = schemas.resource(&address.ty);
    // What nobody tells, and has to be written, a person has to write.
    let untold = |block: &Block| block.attributes.values().any(|a| a.required && a.write_only);
    if let Some(config) = found.config.filter(|_| block.is_some_and(|block| !untold(block))) {
        let config = Config::new()
            .resource(&subject.address, written(&config))
            .import_by_identity(&subject.address, found.identity.clone());
        match core.plan(&config).await {
            Ok(plan) => {
                let action = plan.action(&subject.address);
                if action != Action::NoOp {
                    findings.add(Mistake::Generated, format!("{} would be changed: {action:?}", subject.address));
                }
                let imported = plan.refreshed.get(&subject.address).map(|imported| imported.attributes.clone());
                if imported != Some(Instance::new(&found.state).attributes) {
                    findings.add(Mistake::NotListed, format!("{}: {:?}", subject.address, found.state));
                }
            }
            Err(said) => findings.add(Mistake::Generated, format!("{}: {said}", subject.address)),
        }
    }
    core.state = before;
}

/// It ends, and once more.
async fn ends(core: &mut Core, subject: &Subject, findings: &mut Findings) {
    let last = subject
        .destroyable
        .as_ref()
        .or(subject.replaced.as_ref())
        .or(subject.changed.as_ref())
        .unwrap_or(&subject.config);
    if let Some(destroyable) = &subject.destroyable {
        findings.fine("making it destroyable", core.apply(destroyable).await);
    }
    let before = core.state.clone();
    if findings.fine("destroying it", core.destroy(last).await).is_none() {
        return;
    }
    core.state = before.clone();
    let unread = PlanOptions { destroy: true, refresh: false, ..PlanOptions::default() };
    let again = match core.plan_with(last, &unread).await {
        Ok(plan) => core.apply_plan(plan).await,
        Err(said) => Err(said),
    };
    if let Err(said) = again {
        findings.add(Mistake::DestroyOfMissing, said.to_string());
    }
    core.state = before;
    match core.refresh().await {
        Ok(_) if instance(core, subject).is_none() => {}
        Ok(_) => findings.add(Mistake::ReadOfMissing, "it is found"),
        Err(said) => findings.add(Mistake::ReadOfMissing, said.to_string()),
    }
}

/// Whatever failed: nothing is left for the next.
async fn cleaned(core: &mut Core, subject: &Subject) {
    if !core.state.is_empty() {
        let last = subject.destroyable.as_ref().unwrap_or(&subject.config);
        // What cannot be destroyed has been told.
        let _ = core.apply(last).await;
        let _ = core.destroy(last).await;
    }
    core.state = State::default();
}
