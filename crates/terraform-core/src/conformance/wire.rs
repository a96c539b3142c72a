//! What is said on the wire: values in all their forms, and what makes no sense.

use bytes::Bytes;
use rmpv::Value as Packed;
use tfplugin6 as tf;
use tonic::{Code, Response, Status};

use super::{Findings, Mistake, Subject};
use crate::config::Config;
use crate::core::Core;
use crate::number::Number;
use crate::path::Path;
use crate::provider::Provider;
use crate::rules::{plan, propose, stored};
use crate::schema::{Attribute, Block, Kind, Nesting};
use crate::state::{Address, State};
use crate::types::Type;
use crate::value::{Refinement, Value, to_json, write_msgpack};
use crate::walk::{Phase, Walk, decode, message};

/// Talks with a configured provider about a resource.
pub(super) async fn talks(core: &mut Core, subject: &Subject, findings: &mut Findings) {
    let address = Address::from(subject.address.as_str());
    let schemas = core.schemas.clone();
    let Some(schema) = schemas.resources.get(&address.ty) else {
        findings.add(Mistake::Failed, format!("there is no {}", address.ty));
        return;
    };
    let config = Config::new();
    let walk = Walk::configured(core, &config, State::default(), Phase::Plan).await;
    let Some(walk) = findings.fine("configuring the provider", walk) else { return };
    let mut table = Table {
        provider: walk.provider.clone(),
        ty: address.ty.clone(),
        block: &schema.block,
        version: schema.version,
        findings,
    };
    drop(walk);
    let Some(config) = written(core, subject, &address).await else { return };
    table.unknown_everywhere(&config).await;
    table.numbers_in_every_form(&config).await;
    table.the_same_twice(&config).await;
    table.private_of_another(&config).await;
    table.states(&config).await;
    table.nonsense().await;
    table.itself(core).await;
}

/// What is configured for the resource, as far as that is known before anything exists.
async fn written(core: &Core, subject: &Subject, address: &Address) -> Option<Value> {
    let mut walk = Walk::started(core, &subject.config, State::default(), Phase::Validate).await;
    let resource = subject.config.resources.iter().find(|resource| resource.address == address.resource())?;
    walk.configured_value(resource, address, &Value::UNKNOWN)
}

struct Table<'a> {
    provider: Provider,
    ty: String,
    block: &'a Block,
    version: i64,
    findings: &'a mut Findings,
}

impl Table<'_> {
    fn capable() -> Option<tf::ClientCapabilities> {
        Some(tf::ClientCapabilities { write_only_attributes_allowed: true, ..Default::default() })
    }

    /// Errors among diagnostics; and none without a word.
    fn errors(&mut self, said: &[tf::Diagnostic]) -> Vec<String> {
        if said.iter().any(|one| one.summary.trim().is_empty()) {
            self.findings.add(Mistake::Wordless, format!("{} said something without a summary", self.ty));
        }
        said.iter().filter(|one| one.severity == 1).map(|one| format!("{}: {}", one.summary, one.detail)).collect()
    }

    async fn validate(&mut self, config: tf::DynamicValue) -> Result<Vec<String>, Status> {
        let request = tf::validate_resource_config::Request {
            type_name: self.ty.clone(),
            config: Some(config),
            client_capabilities: Self::capable(),
        };
        let answer = self.provider.client("ValidateResourceConfig").validate_resource_config(request).await?;
        Ok(self.errors(&answer.into_inner().diagnostics))
    }

    /// Plans to make it: what is planned, or what is said against it.
    async fn plan(
        &mut self,
        config: tf::DynamicValue,
        proposed: tf::DynamicValue,
        private: &'static [u8],
    ) -> Result<Value, String> {
        let ty = self.block.ty();
        let request = tf::plan_resource_change::Request {
            type_name: self.ty.clone(),
            prior_state: Some(message(&Value::Null, &ty)),
            proposed_new_state: Some(proposed),
            config: Some(config),
            prior_private: Bytes::from_static(private),
            client_capabilities: Self::capable(),
            ..Default::default()
        };
        let answer = self.provider.client("PlanResourceChange").plan_resource_change(request).await;
        let answer = answer.map_err(|status| status.to_string())?.into_inner();
        let errors = self.errors(&answer.diagnostics);
        if !errors.is_empty() {
            return Err(errors.join("; "));
        }
        decode(answer.planned_state.as_ref(), &ty).map_err(|(path, what)| format!("{path}: {what}"))
    }

    async fn plan_value(&mut self, config: &Value, private: &'static [u8]) -> Result<Value, String> {
        let ty = self.block.ty();
        let proposed = propose::proposed(self.block, &Value::Null, config);
        self.plan(message(config, &ty), message(&proposed, &ty), private).await
    }

    /// Each attribute that can be configured, unknown: on the whole, and inside of what is there.
    async fn unknown_everywhere(&mut self, config: &Value) {
        let forms =
            [Value::UNKNOWN, Value::Unknown(Some(Box::new(Refinement { not_null: true, ..Refinement::default() })))];
        for path in configurable(self.block, config) {
            for form in &forms {
                let unknown = put(config, &path.0, form);
                let ty = self.block.ty();
                match self.validate(message(&unknown, &ty)).await {
                    Ok(errors) if errors.is_empty() => {}
                    Ok(errors) => self
                        .findings
                        .add(Mistake::UnknownRefused, format!("{path} when validated: {}", errors.join("; "))),
                    Err(status) => {
                        self.findings.add(Mistake::UnknownRefused, format!("{path} when validated: {status}"))
                    }
                }
                match self.plan_value(&unknown, b"").await {
                    Ok(planned) => {
                        for broken in plan::broken(self.block, &Value::Null, &unknown, &planned) {
                            self.findings
                                .add(Mistake::UnknownRefused, format!("{path} when planned: {}", broken.told()));
                        }
                    }
                    Err(what) => self.findings.add(Mistake::UnknownRefused, format!("{path} when planned: {what}")),
                }
            }
        }
    }

    /// Each number that is configured, in each form in which MessagePack has it.
    async fn numbers_in_every_form(&mut self, config: &Value) {
        let Ok(expected) = self.plan_value(config, b"").await else { return };
        let ty = self.block.ty();
        for form in [Form::Text, Form::Float, Form::Unsigned] {
            let proposed = propose::proposed(self.block, &Value::Null, config);
            let (config, proposed) = (in_form(config, &ty, form), in_form(&proposed, &ty, form));
            match self.plan(config, proposed, b"").await {
                Ok(planned) if planned == expected => {}
                Ok(_) => self.findings.add(Mistake::NumberForm, format!("{form:?}: another plan")),
                Err(what) => self.findings.add(Mistake::NumberForm, format!("{form:?}: {what}")),
            }
        }
    }

    async fn the_same_twice(&mut self, config: &Value) {
        let (once, twice) = (self.plan_value(config, b"").await, self.plan_value(config, b"").await);
        match (once, twice) {
            (Ok(once), Ok(twice)) if once == twice => {}
            (Ok(once), Ok(twice)) => {
                self.findings
                    .add(Mistake::NotDeterministic, format!("{} and then {}", to_json(&once), to_json(&twice)));
            }
            (Err(what), _) | (_, Err(what)) => self.findings.add(Mistake::Failed, format!("planning it: {what}")),
        }
    }

    /// The second plan of a replacement has nothing before it, and what the first one kept for itself.
    async fn private_of_another(&mut self, config: &Value) {
        let Ok(expected) = self.plan_value(config, b"").await else { return };
        match self.plan_value(config, b"{\"kept\":\"by another version\"}").await {
            Ok(planned) if planned == expected => {}
            Ok(_) => self.findings.add(Mistake::PrivateConfuses, "another plan"),
            Err(what) => self.findings.add(Mistake::PrivateConfuses, what),
        }
    }

    async fn upgrade(&mut self, json: &str) -> Result<Value, String> {
        let request = tf::upgrade_resource_state::Request {
            type_name: self.ty.clone(),
            version: self.version,
            raw_state: Some(tf::RawState { json: json.to_owned().into(), ..Default::default() }),
        };
        let answer = self.provider.client("UpgradeResourceState").upgrade_resource_state(request).await;
        let answer = answer.map_err(|status| status.to_string())?.into_inner();
        let errors = self.errors(&answer.diagnostics);
        if !errors.is_empty() {
            return Err(errors.join("; "));
        }
        decode(answer.upgraded_state.as_ref(), &self.block.ty()).map_err(|(path, what)| format!("{path}: {what}"))
    }

    /// States of the present version: as they are, pretty, and with an attribute missing.
    async fn states(&mut self, config: &Value) {
        let Ok(planned) = self.plan_value(config, b"").await else { return };
        let state = planned.unknown_as_null();
        if !stored::write_only(self.block, &state).is_empty() {
            return;
        }
        let json = to_json(&state);
        match self.upgrade(&spread(&json)).await {
            Ok(upgraded) if upgraded == state => {}
            Ok(upgraded) => self.findings.add(Mistake::UpgradeChanges, format!("{json} into {}", to_json(&upgraded))),
            Err(what) => self.findings.add(Mistake::UpgradeChanges, what),
        }
        let Value::Object(attributes) = &state else { return };
        for name in attributes
            .keys()
            .filter(|name| self.block.attributes.get(*name).is_some_and(|attribute| !attribute.required))
        {
            let mut fewer = attributes.clone();
            fewer.remove(name);
            match self.upgrade(&to_json(&Value::Object(fewer))).await {
                // What is filled in may be a default.
                Ok(Value::Object(upgraded)) if upgraded.contains_key(name) => {}
                Ok(_) => self.findings.add(Mistake::AttributeMissing, format!("{name}: not there")),
                Err(what) => self.findings.add(Mistake::AttributeMissing, format!("{name}: {what}")),
            }
        }
        self.large_numbers(&state).await;
    }

    /// Whole numbers that no float holds: in a state they may be too large, but never others.
    async fn large_numbers(&mut self, state: &Value) {
        let Ok(large) = "9007199254740993".parse::<Number>() else { return };
        let large = Value::Number(large);
        let numbers = |attribute: &&Attribute| matches!(attribute.kind, Kind::Plain(Type::Number));
        let names = self.block.attributes.iter().filter(|(_, attribute)| numbers(attribute)).map(|(name, _)| name);
        for name in names.cloned().collect::<Vec<_>>() {
            let with = put(state, &Path::ROOT.attribute(&name).0, &large);
            if let Ok(upgraded) = self.upgrade(&to_json(&with)).await
                && upgraded.attribute(&name) != large
            {
                let other = upgraded.attribute(&name);
                self.findings.add(
                    Mistake::NumberForm,
                    format!("{name}: {} in a state becomes {}", to_json(&large), to_json(&other)),
                );
            }
        }
    }

    /// What makes no sense is refused in words.
    fn refused<T>(
        &mut self,
        doing: &str,
        answer: Result<Response<T>, Status>,
        said: impl FnOnce(T) -> Vec<tf::Diagnostic>,
    ) {
        match answer {
            Ok(answer) => {
                let said = said(answer.into_inner());
                if self.errors(&said).is_empty() {
                    self.findings.add(Mistake::NonsenseTaken, doing.to_owned());
                }
            }
            Err(status) => self.findings.add(Mistake::StatusInsteadOfDiagnostic, format!("{doing}: {status}")),
        }
    }

    async fn nonsense(&mut self) {
        let nonsense = || Some(tf::DynamicValue { msgpack: Bytes::from_static(b"\xc1\xff"), json: Bytes::new() });
        for (ty, value) in
            [("no_such_type".to_owned(), Some(message(&Value::Null, &self.block.ty()))), (self.ty.clone(), nonsense())]
        {
            let what = if ty == self.ty { "bytes that are no value" } else { "a type that does not exist" };
            let of = |rpc: &str| format!("{rpc} of {what}");
            let type_name = || ty.clone();
            let request = tf::validate_resource_config::Request {
                type_name: type_name(),
                config: value.clone(),
                ..Default::default()
            };
            let answer = self.provider.client("ValidateResourceConfig").validate_resource_config(request).await;
            self.refused(&of("ValidateResourceConfig"), answer, |answer| answer.diagnostics);
            let request = tf::plan_resource_change::Request {
                type_name: type_name(),
                prior_state: value.clone(),
                config: value.clone(),
                proposed_new_state: value.clone(),
                ..Default::default()
            };
            let answer = self.provider.client("PlanResourceChange").plan_resource_change(request).await;
            self.refused(&of("PlanResourceChange"), answer, |answer| answer.diagnostics);
            let request = tf::apply_resource_change::Request {
                type_name: type_name(),
                prior_state: value.clone(),
                config: value.clone(),
                planned_state: value.clone(),
                ..Default::default()
            };
            let answer = self.provider.client("ApplyResourceChange").apply_resource_change(request).await;
            self.refused(&of("ApplyResourceChange"), answer, |answer| answer.diagnostics);
            let request = tf::read_resource::Request {
                type_name: type_name(),
                current_state: value.clone(),
                ..Default::default()
            };
            let answer = self.provider.client("ReadResource").read_resource(request).await;
            self.refused(&of("ReadResource"), answer, |answer| answer.diagnostics);
            let json = if ty == self.ty { "[1" } else { "{}" };
            let request = tf::upgrade_resource_identity::Request {
                type_name: type_name(),
                version: 0,
                raw_identity: Some(tf::RawState { json: json.into(), ..Default::default() }),
            };
            let answer = self.provider.client("UpgradeResourceIdentity").upgrade_resource_identity(request).await;
            self.refused(&of("UpgradeResourceIdentity"), answer, |answer| answer.diagnostics);
            let request = tf::upgrade_resource_state::Request {
                type_name: type_name(),
                version: self.version,
                raw_state: Some(tf::RawState { json: json.into(), ..Default::default() }),
            };
            let answer = self.provider.client("UpgradeResourceState").upgrade_resource_state(request).await;
            self.refused(&of("UpgradeResourceState"), answer, |answer| answer.diagnostics);
            if ty != self.ty {
                let request = tf::import_resource_state::Request {
                    type_name: type_name(),
                    id: "x".to_owned(),
                    ..Default::default()
                };
                let answer = self.provider.client("ImportResourceState").import_resource_state(request).await;
                self.refused(&of("ImportResourceState"), answer, |answer| answer.diagnostics);
                let request = tf::move_resource_state::Request {
                    target_type_name: type_name(),
                    source_type_name: self.ty.clone(),
                    ..Default::default()
                };
                let answer = self.provider.client("MoveResourceState").move_resource_state(request).await;
                self.refused(&of("MoveResourceState"), answer, |answer| answer.diagnostics);
            }
        }
    }

    /// What it says of itself, and what it does not offer.
    async fn itself(&mut self, core: &Core) {
        let schemas = core.schemas();
        match self.provider.client("GetMetadata").get_metadata(tf::get_metadata::Request {}).await {
            Ok(answer) => {
                let answer = answer.into_inner();
                let mut told: Vec<String> = answer.resources.into_iter().map(|one| one.type_name).collect();
                told.extend(answer.data_sources.into_iter().map(|one| format!("data.{}", one.type_name)));
                told.extend(answer.list_resources.into_iter().map(|one| format!("list.{}", one.type_name)));
                told.sort();
                let mut offered: Vec<String> = schemas.resources.keys().cloned().collect();
                offered.extend(schemas.data_sources.keys().map(|name| format!("data.{name}")));
                offered.extend(schemas.lists.keys().map(|name| format!("list.{name}")));
                offered.sort();
                if told != offered {
                    self.findings.add(Mistake::Metadata, format!("told {told:?}, offered {offered:?}"));
                }
            }
            // Core never asks.
            Err(status) if status.code() == Code::Unimplemented => {}
            Err(status) => self.findings.add(Mistake::Metadata, status.to_string()),
        }
        match self.provider.client("StopProvider").stop_provider(tf::stop_provider::Request {}).await {
            Ok(answer) if answer.get_ref().error.is_empty() => {}
            Ok(answer) => self.findings.add(Mistake::StopRefused, answer.into_inner().error),
            Err(status) => self.findings.add(Mistake::StopRefused, status.to_string()),
        }
        let states = self.provider.client("GetStates").get_states(tf::get_states::Request::default()).await;
        if states.is_ok() {
            self.findings.add(Mistake::Undeclared, "a state store answers");
        }
    }
}

/// Where something can be configured: each attribute, and what is inside of those that are there.
pub(super) fn configurable(block: &Block, config: &Value) -> Vec<Path> {
    fn of_attributes<'a>(
        attributes: impl Iterator<Item = (&'a String, &'a Attribute)>,
        value: &Value,
        path: &Path,
        found: &mut Vec<Path>,
    ) {
        for (name, attribute) in attributes.filter(|(_, attribute)| !attribute.is_decided_by_provider()) {
            let (inner, path) = (value.attribute(name), path.attribute(name));
            found.push(path.clone());
            match &attribute.kind {
                Kind::Nested(nested)
                    if matches!(nested.nesting, Nesting::Single | Nesting::Group) && !inner.is_null() =>
                {
                    of_attributes(nested.attributes.iter(), &inner, &path, found);
                }
                Kind::Nested(nested) if nested.nesting != Nesting::Set => {
                    for (step, element) in inner.children() {
                        of_attributes(nested.attributes.iter(), element, &path.then(step), found);
                    }
                }
                Kind::Plain(Type::List(_) | Type::Map(_)) => {
                    found.extend(inner.children().into_iter().map(|(step, _)| path.then(step)))
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    of_attributes(block.attributes.iter(), config, &Path::ROOT, &mut found);
    found
}

/// The value with another one at that place.
pub(super) fn put(value: &Value, path: &[crate::path::Step], other: &Value) -> Value {
    use crate::path::Step;
    let Some((step, rest)) = path.split_first() else { return other.clone() };
    let mut value = value.clone();
    let place = match (&mut value, step) {
        (Value::Object(of) | Value::Map(of), Step::Attribute(name) | Step::Key(name)) => of.get_mut(name),
        (Value::List(of), Step::Index(n)) => of.get_mut(*n),
        _ => None,
    };
    if let Some(place) = place {
        *place = put(place, rest, other);
    }
    value
}

/// How a number may be written.
#[derive(Clone, Copy, Debug)]
enum Form {
    Text,
    Float,
    Unsigned,
}

/// A value for the wire, whose numbers are written so, where they can be.
fn in_form(value: &Value, ty: &Type, form: Form) -> tf::DynamicValue {
    fn rewritten(packed: Packed, ty: &Type, form: Form) -> Packed {
        match (packed, ty) {
            (Packed::Integer(whole), Type::Number) => match (form, whole.as_f64(), whole.as_u64()) {
                (Form::Text, ..) => Packed::from(whole.to_string()),
                (Form::Float, Some(float), _) => Packed::F64(float),
                (Form::Unsigned, _, Some(unsigned)) => Packed::from(unsigned),
                _ => Packed::Integer(whole),
            },
            (Packed::Array(of), Type::List(ty) | Type::Set(ty)) => {
                Packed::Array(of.into_iter().map(|one| rewritten(one, ty, form)).collect())
            }
            (Packed::Map(of), Type::Map(ty)) => {
                Packed::Map(of.into_iter().map(|(key, one)| (key, rewritten(one, ty, form))).collect())
            }
            (Packed::Map(of), Type::Object(types)) => {
                let one = |(key, one): (Packed, Packed)| {
                    let ty = key.as_str().and_then(|name| types.get(name)).cloned().unwrap_or(Type::Dynamic);
                    (key, rewritten(one, &ty, form))
                };
                Packed::Map(of.into_iter().map(one).collect())
            }
            (other, _) => other,
        }
    }
    let bytes = write_msgpack(value, ty);
    // What has just been written can be read.
    let packed = rmpv::decode::read_value(&mut bytes.as_slice()).unwrap_or(Packed::Nil);
    let mut msgpack = Vec::new();
    // Writing into memory does not fail.
    let _ = rmpv::encode::write_value(&mut msgpack, &rewritten(packed, ty, form));
    tf::DynamicValue { msgpack: msgpack.into(), json: Bytes::new() }
}

/// The same JSON over several lines. A colon within a text stays as it is.
fn spread(json: &str) -> String {
    let (mut text, mut inside, mut escaped) = (String::new(), false, false);
    for c in json.chars() {
        match c {
            ':' if !inside => text.push_str(" :\n  "),
            _ => text.push(c),
        }
        inside ^= c == '"' && !escaped;
        escaped = inside && c == '\\' && !escaped;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spread_means_the_same() {
        let json = r#"{"a":"{\"b\":1}","c\\":{"d":":"}}"#;
        let (before, after): (serde_json::Value, serde_json::Value) =
            (serde_json::from_str(json).unwrap(), serde_json::from_str(&spread(json)).unwrap());
        assert_eq!(before, after);
        assert!(spread(json).lines().count() > 3);
    }
}
