//! What a provider offers beside resources, and what it does not: every call of the protocol has an answer that makes sense.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::json;
use tfplugin6 as tf;
use tonic::{Code, Response, Status, Streaming};

use super::wire::{configurable, put};
use super::{Findings, Mistake};
use crate::core::Core;
use crate::provider::Provider;
use crate::schema::{Block, Schema};
use crate::schemas::Schemas;
use crate::value::Value;
use crate::walk::{Query, message};

/// A type that nobody has.
const NOBODYS: &str = "no_such_type";

/// Makes a call whose answer is one message: what is said in it.
macro_rules! said {
    ($talk:expr, $rpc:literal, $method:ident($request:expr)) => {{
        let answer = $talk.provider.client($rpc).$method($request).await;
        answer.map(|answer| answer.into_inner().diagnostics)
    }};
}

/// Talks with a configured provider about all but resources.
pub(super) async fn offers(provider: &Provider, schemas: &Schemas, findings: &mut Findings) {
    let mut talk = Talk { provider: provider.clone(), findings };
    talk.data_sources(&schemas.data_sources).await;
    talk.lists(&schemas.lists).await;
    talk.generated(schemas).await;
    talk.ephemeral(&schemas.ephemeral).await;
    talk.actions(&schemas.actions).await;
    talk.functions(schemas).await;
}

struct Talk<'a> {
    provider: Provider,
    findings: &'a mut Findings,
}

impl Talk<'_> {
    async fn data_sources(&mut self, declared: &BTreeMap<String, Schema>) {
        for (name, unknown) in asked(declared) {
            let type_name = || name.clone();
            let request = tf::validate_data_resource_config::Request { type_name: type_name(), config: unknown };
            let said = said!(self, "ValidateDataResourceConfig", validate_data_resource_config(request));
            self.accepted("ValidateDataResourceConfig", &name, said);
            let request = tf::validate_data_resource_config::Request { type_name: type_name(), config: nonsense() };
            let said = said!(self, "ValidateDataResourceConfig", validate_data_resource_config(request));
            self.refused("ValidateDataResourceConfig", &name, said);
            let request =
                tf::read_data_source::Request { type_name: type_name(), config: nonsense(), ..Default::default() };
            let said = said!(self, "ReadDataSource", read_data_source(request));
            self.refused("ReadDataSource", &name, said);
        }
        let any = !declared.is_empty();
        let request = tf::validate_data_resource_config::Request { type_name: NOBODYS.to_owned(), config: nothing() };
        let said = said!(self, "ValidateDataResourceConfig", validate_data_resource_config(request));
        self.undeclared("ValidateDataResourceConfig", any, said);
        let request =
            tf::read_data_source::Request { type_name: NOBODYS.to_owned(), config: nothing(), ..Default::default() };
        let said = said!(self, "ReadDataSource", read_data_source(request));
        self.undeclared("ReadDataSource", any, said);
    }

    async fn lists(&mut self, declared: &BTreeMap<String, Schema>) {
        let validate = |type_name: &str, config| tf::validate_list_resource_config::Request {
            type_name: type_name.to_owned(),
            config,
            ..Default::default()
        };
        for (name, unknown) in asked(declared) {
            let request = validate(&name, unknown);
            let said = said!(self, "ValidateListResourceConfig", validate_list_resource_config(request));
            self.accepted("ValidateListResourceConfig", &name, said);
            let request = validate(&name, nonsense());
            let said = said!(self, "ValidateListResourceConfig", validate_list_resource_config(request));
            self.refused("ValidateListResourceConfig", &name, said);
            let request =
                tf::list_resource::Request { type_name: name.clone(), config: nonsense(), ..Default::default() };
            let answer = self.provider.client("ListResource").list_resource(request).await;
            let said = first(answer).await.map(|event| event.map(|event| event.diagnostic).unwrap_or_default());
            self.refused("ListResource", &name, said);
        }
        let any = !declared.is_empty();
        let request = validate(NOBODYS, nothing());
        let said = said!(self, "ValidateListResourceConfig", validate_list_resource_config(request));
        self.undeclared("ValidateListResourceConfig", any, said);
        let request =
            tf::list_resource::Request { type_name: NOBODYS.to_owned(), config: nothing(), ..Default::default() };
        let answer = self.provider.client("ListResource").list_resource(request).await;
        let said = first(answer).await.map(|event| event.map(|event| event.diagnostic).unwrap_or_default());
        self.undeclared("ListResource", any, said);
    }

    /// Configurations of what makes no sense are refused, where any are generated.
    async fn generated(&mut self, schemas: &Schemas) {
        let able = schemas.able.generate_resource_config;
        let generate =
            |type_name: &str, state| tf::generate_resource_config::Request { type_name: type_name.to_owned(), state };
        let request = generate(NOBODYS, nothing());
        let said = said!(self, "GenerateResourceConfig", generate_resource_config(request));
        self.undeclared("GenerateResourceConfig", able, said);
        for name in schemas.resources.keys().filter(|_| able) {
            let request = generate(name, nonsense());
            let said = said!(self, "GenerateResourceConfig", generate_resource_config(request));
            self.refused("GenerateResourceConfig", name, said);
        }
    }

    async fn ephemeral(&mut self, declared: &BTreeMap<String, Schema>) {
        let validate = |type_name: &str, config| tf::validate_ephemeral_resource_config::Request {
            type_name: type_name.to_owned(),
            config,
        };
        for (name, unknown) in asked(declared) {
            let request = validate(&name, unknown);
            let said = said!(self, "ValidateEphemeralResourceConfig", validate_ephemeral_resource_config(request));
            self.accepted("ValidateEphemeralResourceConfig", &name, said);
            let request = tf::open_ephemeral_resource::Request {
                type_name: name.clone(),
                config: nonsense(),
                ..Default::default()
            };
            let said = said!(self, "OpenEphemeralResource", open_ephemeral_resource(request));
            self.refused("OpenEphemeralResource", &name, said);
        }
        let (any, type_name) = (!declared.is_empty(), || NOBODYS.to_owned());
        let request = validate(NOBODYS, nothing());
        let said = said!(self, "ValidateEphemeralResourceConfig", validate_ephemeral_resource_config(request));
        self.undeclared("ValidateEphemeralResourceConfig", any, said);
        let request =
            tf::open_ephemeral_resource::Request { type_name: type_name(), config: nothing(), ..Default::default() };
        let said = said!(self, "OpenEphemeralResource", open_ephemeral_resource(request));
        self.undeclared("OpenEphemeralResource", any, said);
        let request = tf::renew_ephemeral_resource::Request { type_name: type_name(), ..Default::default() };
        let said = said!(self, "RenewEphemeralResource", renew_ephemeral_resource(request));
        self.undeclared("RenewEphemeralResource", any, said);
        let request = tf::close_ephemeral_resource::Request { type_name: type_name(), ..Default::default() };
        let said = said!(self, "CloseEphemeralResource", close_ephemeral_resource(request));
        self.undeclared("CloseEphemeralResource", any, said);
    }

    async fn actions(&mut self, declared: &BTreeMap<String, Schema>) {
        let validate =
            |type_name: &str, config| tf::validate_action_config::Request { type_name: type_name.to_owned(), config };
        for (name, unknown) in asked(declared) {
            let request = validate(&name, unknown);
            let said = said!(self, "ValidateActionConfig", validate_action_config(request));
            self.accepted("ValidateActionConfig", &name, said);
            let request =
                tf::invoke_action::Request { action_type: name.clone(), config: nonsense(), ..Default::default() };
            let answer = self.provider.client("InvokeAction").invoke_action(request).await;
            let said = self.whole(&name, answer).await;
            self.refused("InvokeAction", &name, said);
        }
        let (any, action_type) = (!declared.is_empty(), || NOBODYS.to_owned());
        let request = validate(NOBODYS, nothing());
        let said = said!(self, "ValidateActionConfig", validate_action_config(request));
        self.undeclared("ValidateActionConfig", any, said);
        let request = tf::plan_action::Request { action_type: action_type(), config: nothing(), ..Default::default() };
        let said = said!(self, "PlanAction", plan_action(request));
        self.undeclared("PlanAction", any, said);
        let request =
            tf::invoke_action::Request { action_type: action_type(), config: nothing(), ..Default::default() };
        let answer = self.provider.client("InvokeAction").invoke_action(request).await;
        let said = first(answer).await.map(|event| match event.and_then(|event| event.r#type) {
            Some(tf::invoke_action::event::Type::Completed(completed)) => completed.diagnostics,
            _ => Vec::new(),
        });
        self.undeclared("InvokeAction", any, said);
    }

    /// What an action that makes no sense says in the end: one event that completes, and nothing that is no event.
    async fn whole(
        &mut self,
        name: &str,
        answer: Result<Response<Streaming<tf::invoke_action::Event>>, Status>,
    ) -> Result<Vec<tf::Diagnostic>, Status> {
        let (mut events, mut said, mut ends) = (answer?.into_inner(), Vec::new(), 0);
        while let Some(event) = events.message().await? {
            match event.r#type {
                Some(tf::invoke_action::event::Type::Completed(completed)) => {
                    ends += 1;
                    said.extend(completed.diagnostics);
                }
                Some(tf::invoke_action::event::Type::Progress(_)) => {}
                None => {
                    self.findings.add(Mistake::Unanswered, format!("InvokeAction of {name}: an event without content"))
                }
            }
        }
        if ends != 1 {
            self.findings.add(Mistake::Unanswered, format!("InvokeAction of {name}: completed {ends} times"));
        }
        Ok(said)
    }

    async fn functions(&mut self, schemas: &Schemas) {
        match self.provider.client("GetFunctions").get_functions(tf::get_functions::Request {}).await {
            Ok(answer) => {
                let mut told: Vec<String> = answer.into_inner().functions.into_keys().collect();
                told.sort();
                let mut offered: Vec<String> = schemas.functions.keys().cloned().collect();
                offered.sort();
                if told != offered {
                    self.findings.add(Mistake::Metadata, format!("told functions {told:?}, offered {offered:?}"));
                }
            }
            // Core never asks.
            Err(status) if status.code() == Code::Unimplemented => {}
            Err(status) => self.findings.add(Mistake::Metadata, status.to_string()),
        }
        for (name, function) in &schemas.functions {
            let arguments = function.parameters.iter().filter_map(|_| nonsense()).collect();
            let request = tf::call_function::Request { name: name.clone(), arguments };
            let answer = self.provider.client("CallFunction").call_function(request).await;
            let said = answer.map(|answer| {
                let error = answer.into_inner().error;
                error.map(|error| tf::Diagnostic { severity: 1, summary: error.text, ..Default::default() })
            });
            self.refused("CallFunction", name, said.map(|said| said.into_iter().collect()));
        }
        let request = tf::call_function::Request { name: "no_such_function".to_owned(), arguments: Vec::new() };
        let answer = self.provider.client("CallFunction").call_function(request).await;
        let said = answer.map(|answer| {
            let error = answer.into_inner().error;
            error.map(|error| tf::Diagnostic { severity: 1, summary: error.text, ..Default::default() })
        });
        self.undeclared("CallFunction", !schemas.functions.is_empty(), said.map(|said| said.into_iter().collect()));
    }

    /// Errors among diagnostics; and none without a word.
    fn errors(&mut self, rpc: &str, said: Vec<tf::Diagnostic>) -> Vec<String> {
        if said.iter().any(|one| one.summary.trim().is_empty()) {
            self.findings.add(Mistake::Wordless, format!("{rpc} said something without a summary"));
        }
        said.into_iter().filter(|one| one.severity == 1).map(|one| format!("{}: {}", one.summary, one.detail)).collect()
    }

    /// What is not known yet is nothing to complain about.
    fn accepted(&mut self, rpc: &str, name: &str, said: Result<Vec<tf::Diagnostic>, Status>) {
        match said {
            Ok(said) => {
                let errors = self.errors(rpc, said);
                if !errors.is_empty() {
                    self.findings.add(Mistake::UnknownRefused, format!("{rpc} of {name}: {}", errors.join("; ")));
                }
            }
            Err(status) => self.findings.add(Mistake::Unanswered, format!("{rpc} of {name}: {status}")),
        }
    }

    /// What makes no sense is refused in words.
    fn refused(&mut self, rpc: &str, name: &str, said: Result<Vec<tf::Diagnostic>, Status>) {
        match said {
            Ok(said) => {
                if self.errors(rpc, said).is_empty() {
                    self.findings.add(Mistake::NonsenseTaken, format!("{rpc} of {name} with bytes that are no value"));
                }
            }
            Err(status) => self.findings.add(Mistake::StatusInsteadOfDiagnostic, format!("{rpc} of {name}: {status}")),
        }
    }

    /// A type that is not declared is refused: in words, where there are others of its kind.
    fn undeclared(&mut self, rpc: &str, others: bool, said: Result<Vec<tf::Diagnostic>, Status>) {
        match said {
            Ok(said) => {
                if self.errors(rpc, said).is_empty() {
                    self.findings.add(Mistake::Undeclared, format!("{rpc} of what is not declared is answered"));
                }
            }
            Err(status) if status.code() == Code::Unimplemented && !others => {}
            Err(status) if status.code() == Code::Unimplemented => {
                self.findings.add(Mistake::Unanswered, format!("{rpc}: {status}"));
            }
            Err(status) => self.findings.add(Mistake::StatusInsteadOfDiagnostic, format!("{rpc}: {status}")),
        }
    }
}

/// Asks each list for all and for one.
pub(super) async fn lists(core: &Core, findings: &mut Findings) {
    for ty in core.schemas().lists.keys() {
        for limit in [1, i64::MAX] {
            let asked = Query { limit, ..Query::default() };
            if let Err(said) = core.query(ty, json!({}), &asked).await
                && !said.rules().is_empty()
            {
                findings.add(Mistake::Failed, format!("listing {ty}: {said}"));
            }
        }
    }
}

/// Each type with a configuration in which nothing is known yet.
fn asked(declared: &BTreeMap<String, Schema>) -> Vec<(String, Option<tf::DynamicValue>)> {
    let unknown = |block: &Block| {
        let empty = block.empty();
        let all = configurable(block, &empty);
        all.iter().fold(empty, |config, path| put(&config, &path.0, &Value::UNKNOWN))
    };
    let of = |block: &Block| Some(message(&unknown(block), &block.ty()));
    declared.iter().map(|(name, schema)| (name.clone(), of(&schema.block))).collect()
}

fn nonsense() -> Option<tf::DynamicValue> {
    Some(tf::DynamicValue { msgpack: Bytes::from_static(b"\xc1\xff"), json: Bytes::new() })
}

/// An object without attributes.
fn nothing() -> Option<tf::DynamicValue> {
    Some(tf::DynamicValue { msgpack: Bytes::from_static(b"\x80"), json: Bytes::new() })
}

/// What comes first in a stream, if anything does.
async fn first<T>(answer: Result<Response<Streaming<T>>, Status>) -> Result<Option<T>, Status> {
    answer?.into_inner().message().await
}
