//! What Terraform asks a provider for beside resources and data sources: functions, actions, ephemeral resources.

use bytes::Bytes;
use tfplugin6 as tf;
use tfplugin6::invoke_action::event::Type as Event;

use super::{Phase, Walk, decode, message};
use crate::config::Config;
use crate::core::Core;
use crate::diagnostics::{By, Diagnostics, Rule};
use crate::path::Path;
use crate::provider::call;
use crate::rules;
use crate::schema::Block;
use crate::state::State;
use crate::types::Type;
use crate::value::{Value, convert};

/// Why a call of a function has no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// In the provider's words, or in core's.
    pub text: String,
    /// Which argument it is about, counted from the left.
    pub argument: Option<i64>,
}

/// How an action went.
#[derive(Clone, Debug, Default)]
pub struct Invoked {
    /// What it told on the way.
    pub progress: Vec<String>,
    /// What it said in the end, and what is held against it; errors if it failed.
    pub said: Diagnostics,
}

/// Calls a function, in a process of its own that is not configured.
pub(crate) async fn call_function(core: &Core, name: &str, arguments: &[Value]) -> Result<Value, CallError> {
    let fault = |text: String, argument: Option<usize>| CallError {
        text,
        argument: argument.and_then(|place| i64::try_from(place).ok()),
    };
    let unknown = || fault(format!("There is no function named \"{name}\"."), None);
    let function = core.schemas.functions.get(name).ok_or_else(unknown)?;
    let read = |json: &[u8]| Type::from_json(json).map_err(|what| fault(what, None));
    let mut messages = Vec::new();
    for (place, argument) in arguments.iter().enumerate() {
        let parameter = function.parameters.get(place).or(function.variadic_parameter.as_ref());
        let parameter = parameter.ok_or_else(|| fault("Too many function arguments".to_owned(), Some(place)))?;
        if argument.is_null() && !parameter.allow_null_value {
            return Err(fault("argument must not be null".to_owned(), Some(place)));
        }
        if !argument.is_wholly_known() && !parameter.allow_unknown_values {
            return Ok(Value::UNKNOWN);
        }
        let ty = read(&parameter.r#type)?;
        let value = convert(argument, &ty, &Path::ROOT).map_err(|(_, what)| fault(what, Some(place)))?;
        messages.push(message(&value, &ty));
    }
    if arguments.len() < function.parameters.len() {
        return Err(fault("Not enough function arguments".to_owned(), None));
    }
    let mut said = Diagnostics::default();
    let request = tf::call_function::Request { name: name.to_owned(), arguments: messages };
    let provider = core.process();
    let answer = call!(provider, &mut said, name, "CallFunction", call_function(request));
    let answer = answer.ok_or_else(|| fault(said.to_string(), None))?;
    if let Some(error) = answer.error {
        return Err(CallError { text: error.text, argument: error.function_argument });
    }
    let returns = read(&function.r#return.clone().unwrap_or_default().r#type)?;
    let value =
        decode(answer.result.as_ref(), &returns).map_err(|(path, what)| fault(format!("{path}: {what}"), None))?;
    if value.is_wholly_known() {
        Ok(value)
    } else {
        Err(fault("it answers something that is not known".to_owned(), None))
    }
}

/// `terraform apply -invoke=action.TYPE.NAME`. Ctrl-C is pressed after the first line for which `enough` is true.
pub(crate) async fn invoke(core: &Core, ty: &str, said: &Value, mut enough: impl FnMut(&str) -> bool) -> Invoked {
    let mut invoked = Invoked::default();
    if let Err(wrong) = try_invoke(core, ty, said, &mut enough, &mut invoked).await {
        invoked.said.take(wrong);
    }
    invoked
}

async fn try_invoke(
    core: &Core,
    ty: &str,
    said: &Value,
    enough: &mut dyn FnMut(&str) -> bool,
    invoked: &mut Invoked,
) -> Result<(), Diagnostics> {
    let empty = Config::new();
    let schemas = core.schemas.clone();
    let address = format!("action.{ty}.a");
    let mut walk = Walk::started(core, &empty, State::default(), Phase::Validate).await;
    let Some(schema) = schemas.actions.get(ty) else {
        walk.said.error(By::Configuration, &address, Path::ROOT, "Invalid action type", ty);
        return Err(walk.said);
    };
    let block = &schema.block;
    let Some(config) = walk.coerced(block, &address, said) else { return Err(walk.said) };
    let config = Some(message(&config, &block.ty()));
    let request = tf::validate_action_config::Request { type_name: ty.to_owned(), config: config.clone() };
    let answer =
        call!(walk.provider, &mut walk.said, &address, "ValidateActionConfig", validate_action_config(request));
    walk.take(answer.map(|answer| answer.diagnostics), &address)?;
    invoked.said.take(walk.said);

    let mut walk = Walk::configured(core, &empty, State::default(), Phase::Plan).await?;
    let request = tf::plan_action::Request {
        action_type: ty.to_owned(),
        config: config.clone(),
        client_capabilities: Some(walk.capabilities()),
    };
    let answer = call!(walk.provider, &mut walk.said, &address, "PlanAction", plan_action(request));
    let deferred = answer.as_ref().and_then(|answer| answer.deferred);
    walk.take(answer.map(|answer| answer.diagnostics), &address)?;
    if walk.refused_deferral(deferred.as_ref(), &address) {
        return Err(walk.said);
    }
    invoked.said.take(walk.said);

    let mut walk = Walk::configured(core, &empty, State::default(), Phase::Apply).await?;
    let request = tf::invoke_action::Request {
        action_type: ty.to_owned(),
        config,
        client_capabilities: Some(walk.capabilities()),
    };
    let answer = call!(walk.provider, &mut walk.said, &address, "InvokeAction", invoke_action(request));
    let Some(mut events) = answer else { return Err(walk.said) };
    let (mut completed, mut stopped) = (0, false);
    loop {
        let event = match events.message().await {
            Ok(Some(event)) => event,
            Ok(None) => break,
            Err(status) => {
                let (summary, detail) = ("Plugin error", status.to_string());
                walk.said.error(By::Rule(Rule::RpcFailed), &address, Path::ROOT, summary, detail);
                break;
            }
        };
        match event.r#type {
            Some(Event::Progress(progress)) => {
                if !stopped && enough(&progress.message) {
                    stopped = true;
                    let request = tf::stop_provider::Request {};
                    call!(walk.provider, &mut walk.said, &address, "StopProvider", stop_provider(request));
                }
                invoked.progress.push(progress.message);
            }
            Some(Event::Completed(end)) => {
                completed += 1;
                walk.said.said(&end.diagnostics, &address);
            }
            None => walk.malformed(&address, "an event without content, on which Terraform panics"),
        }
    }
    match completed {
        1 => {}
        0 => walk.malformed(&address, "a stream that ends without having completed, which Terraform takes for success"),
        _ => walk.malformed(&address, "a stream that completes more than once"),
    }
    invoked.said.take(walk.said);
    Ok(())
}

/// Opens an ephemeral resource, renews it so often, and closes it; what was opened.
pub(crate) async fn open(
    core: &Core,
    ty: &str,
    said: &Value,
    renewals: usize,
) -> Result<(Value, Diagnostics), Diagnostics> {
    let empty = Config::new();
    let schemas = core.schemas.clone();
    let address = format!("ephemeral.{ty}.a");
    let mut walk = Walk::configured(core, &empty, State::default(), Phase::Plan).await?;
    let Some(schema) = schemas.ephemeral.get(ty) else {
        walk.said.error(By::Configuration, &address, Path::ROOT, "Invalid ephemeral resource type", ty);
        return Err(walk.said);
    };
    let block = &schema.block;
    let Some(config) = walk.coerced(block, &address, said) else { return Err(walk.said) };
    let sent = Some(message(&config, &block.ty()));
    let request = tf::validate_ephemeral_resource_config::Request { type_name: ty.to_owned(), config: sent.clone() };
    let answer = call!(
        walk.provider,
        &mut walk.said,
        &address,
        "ValidateEphemeralResourceConfig",
        validate_ephemeral_resource_config(request)
    );
    walk.take(answer.map(|answer| answer.diagnostics), &address)?;
    // Terraform says here that it can do nothing.
    let request = tf::open_ephemeral_resource::Request {
        type_name: ty.to_owned(),
        config: sent,
        client_capabilities: Some(tf::ClientCapabilities::default()),
    };
    let answer =
        call!(walk.provider, &mut walk.said, &address, "OpenEphemeralResource", open_ephemeral_resource(request));
    let Some(opened) = answer else { return Err(walk.said) };
    walk.said.said(&opened.diagnostics, &address);
    if walk.said.failed() || walk.refused_deferral(opened.deferred.as_ref(), &address) {
        return Err(walk.said);
    }
    let Some(result) = walk.decoded(opened.result.as_ref(), &block.ty(), &address) else { return Err(walk.said) };
    walk.hold_opened(block, &config, &result, &address);
    let mut renewing = opened.private.clone();
    for _ in 0..renewals {
        let request = tf::renew_ephemeral_resource::Request { type_name: ty.to_owned(), private: renewing };
        let answer =
            call!(walk.provider, &mut walk.said, &address, "RenewEphemeralResource", renew_ephemeral_resource(request));
        let Some(answer) = answer else { return Err(walk.said) };
        walk.said.said(&answer.diagnostics, &address);
        renewing = answer.private;
    }
    // As Terraform does: what was remembered at the opening, whatever the renewals said.
    let private: Option<Bytes> = opened.private;
    let request = tf::close_ephemeral_resource::Request { type_name: ty.to_owned(), private };
    let answer =
        call!(walk.provider, &mut walk.said, &address, "CloseEphemeralResource", close_ephemeral_resource(request));
    walk.take(answer.map(|answer| answer.diagnostics), &address)?;
    Ok((result, walk.said))
}

impl Walk<'_> {
    /// What was said of it; all that was said so far if it failed.
    fn take(&mut self, said: Option<Vec<tf::Diagnostic>>, address: &str) -> Result<(), Diagnostics> {
        self.said.said(&said.unwrap_or_default(), address);
        if self.said.failed() { Err(std::mem::take(&mut self.said)) } else { Ok(()) }
    }

    fn malformed(&mut self, address: &str, what: &str) {
        let detail = format!("Provider {} answers with {what}.", self.long_name());
        self.said.hold(Rule::Malformed, address, &Path::ROOT, "Provider produced an invalid answer", detail);
    }

    /// What was opened is held to what was configured, as a plan is.
    fn hold_opened(&mut self, block: &Block, config: &Value, result: &Value, address: &str) {
        for broken in rules::plan::broken(block, &Value::Null, config, result) {
            let summary = "Provider produced invalid ephemeral resource instance";
            let detail = format!("Provider {} opened {address}{}.", self.long_name(), broken.told());
            self.said.hold(broken.rule, address, &broken.path, summary, detail);
        }
        if !result.is_wholly_known() {
            self.malformed(address, "an ephemeral value that is not wholly known");
        }
    }
}
