//! GetFunctions, which only OpenTofu asks, and CallFunction: answered by a provider that is not configured.

use std::collections::BTreeMap;

use tfplugin6 as tf;
use tfplugin6::{call_function, get_functions};

use super::guard::guard_now;
use super::{Server, wire};
use crate::error::Error;
use crate::function::FunctionError;
use crate::provider::Provider;
use crate::registry::AnyFunction;

impl<P: Provider> Server<P> {
    /// What each function takes and answers.
    pub(super) fn function_signatures(&self) -> BTreeMap<String, tf::Function> {
        self.0.registry.functions.iter().map(|(name, function)| ((*name).to_owned(), function.to_proto())).collect()
    }

    pub(super) async fn functions(&self, _: get_functions::Request) -> get_functions::Response {
        get_functions::Response { functions: self.function_signatures(), diagnostics: Vec::new() }
    }

    pub(super) async fn call_function(&self, request: call_function::Request) -> call_function::Response {
        let Some(function) = self.0.registry.functions.get(request.name.as_str()) else {
            let text =
                format!("There is no function {}. This version of the provider does not offer it.", request.name);
            return failed(text, None);
        };
        match guard_now(|| Ok(answer(function, &request.arguments))) {
            Ok(Ok(result)) => call_function::Response { result: Some(result), error: None },
            Ok(Err(error)) => failed(error.text().to_owned(), function.argument(&error)),
            Err(panic) => failed(panic.to_string(), None),
        }
    }
}

fn answer(function: &AnyFunction, arguments: &[tf::DynamicValue]) -> Result<tf::DynamicValue, FunctionError> {
    let told = |error: Error| FunctionError::new(error.to_string());
    let mut values = Vec::with_capacity(arguments.len());
    for (place, argument) in arguments.iter().enumerate() {
        // What is too much is counted by the function.
        let Some(ty) = function.argument_type(place) else { break };
        values.push(wire::decode(Some(argument), &ty).map_err(told)?);
    }
    values.extend(arguments.iter().skip(values.len()).map(|_| crate::value::Value::Null));
    wire::encode(&function.call(values)?, &function.returns().ty()).map_err(told)
}

fn failed(text: String, argument: Option<usize>) -> call_function::Response {
    let function_argument = argument.and_then(|place| i64::try_from(place).ok());
    call_function::Response { result: None, error: Some(tf::FunctionError { text, function_argument }) }
}
