//! An action begun from a shell: for clients without actions, and for hands.

use std::sync::Arc;

use futures_util::FutureExt;

use crate::action::Progress;
use crate::cx::Cx;
use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::model::Operation;
use crate::plan;
use crate::provider::Provider;
use crate::registry::{AnyAction, Attributes, panicked};
use crate::schema::{Attribute, Rule, validate};
use crate::stop::StopToken;
use crate::value::{Number, Type, Value, json};

/// An action and what it is to be done with, from the words of a command line: `guest_power vmid=101 to=start`.
pub struct Act<P: Provider> {
    action: Arc<dyn AnyAction<P::Api>>,
    config: Attributes,
}

/// The words make no action: what is wrong with them, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActError(pub String);

impl std::fmt::Display for ActError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ActError {}

impl<P: Provider> std::fmt::Debug for Act<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Act").field("action", &self.action.info().name).finish_non_exhaustive()
    }
}

impl<P: Provider> Act<P> {
    /// All actions with what they take, a line each, without the provider's prefix. What is in brackets may be left out.
    pub fn usage() -> Vec<String> {
        P::registry().actions.values().map(|action| usage(action.as_ref())).collect()
    }

    /// From a name, with or without the provider's prefix, and words of the form `key=value`. A list's elements are separated by
    /// commas; objects are JSON. Everything is checked as in a configuration.
    pub fn parse(name: &str, words: &[String]) -> Result<Self, ActError> {
        let mut registry = P::registry();
        let short = name.strip_prefix(P::NAME).and_then(|rest| rest.strip_prefix('_')).unwrap_or(name);
        let Some(action) = registry.actions.remove(short) else {
            let known = registry.actions.into_keys().collect::<Vec<_>>().join(", ");
            return Err(ActError(format!("there is no action {name}; there are: {known}")));
        };
        let schema = action.info().schema();
        let mut config: Attributes = schema.attributes.iter().map(|a| (a.name.clone(), Value::Null)).collect();
        for word in words {
            let told = |what: String| ActError(format!("{what}\nusage: {}", usage(action.as_ref())));
            let Some((key, text)) = word.split_once('=') else {
                return Err(told(format!("\"{word}\" is not of the form key=value")));
            };
            let Some(attribute) = schema.attributes.iter().find(|attribute| attribute.name == key) else {
                return Err(told(format!("{short} takes no {key}")));
            };
            let value = read(text, &attribute.ty()).map_err(|what| told(format!("{key} {what}")))?;
            if config.insert(key.to_owned(), value).is_some_and(|before| before != Value::Null) {
                return Err(told(format!("{key} is given twice")));
            }
        }
        let mut found = validate(schema, &Value::Object(config.clone()));
        if !found.has_errors() {
            found.extend(action.validate(&config).map_err(|fault| ActError(fault.to_string()))?);
        }
        let wrong = found.iter().filter(|said| said.severity == crate::Severity::Error);
        let wrong: Vec<String> = wrong.map(|said| format!("{}: {}", said.summary, said.detail)).collect();
        if !wrong.is_empty() {
            return Err(ActError(format!("{}\nusage: {}", wrong.join("\n"), usage(action.as_ref()))));
        }
        let config = plan::configured(&schema.attributes, &config);
        Ok(Self { action, config })
    }

    /// Does it. What is said besides are warnings, or errors if it failed.
    pub async fn invoke(self, api: P::Api, stop: StopToken, progress: Progress) -> Diagnostics {
        let timeout = self.action.info().timeout(Operation::Update, Some(&self.config));
        let cx = Arc::new(Cx::new(Arc::new(api), stop, timeout));
        let work = self.action.invoke(Arc::clone(&cx), self.config, progress);
        let done = std::panic::AssertUnwindSafe(work).catch_unwind().await;
        let mut said = cx.take_warnings();
        if let Err(error) = done.unwrap_or_else(|panic| Err(panicked(panic.as_ref()))) {
            said.extend(Error::into_diagnostics(error));
        }
        said
    }
}

/// `guest_power vmid=NUMBER to=TEXT [timeout=TEXT]`
fn usage<A>(action: &dyn AnyAction<A>) -> String {
    let one = |attribute: &Attribute| {
        let word = format!("{}={}", attribute.name, what(&attribute.ty()));
        if attribute.rule == Rule::Required { word } else { format!("[{word}]") }
    };
    let info = action.info();
    let words: Vec<String> = info.schema().attributes.iter().map(one).collect();
    [info.name.to_owned()].into_iter().chain(words).collect::<Vec<_>>().join(" ")
}

fn what(ty: &Type) -> String {
    match ty {
        Type::String => "TEXT".to_owned(),
        Type::Number => "NUMBER".to_owned(),
        Type::Bool => "true|false".to_owned(),
        Type::List(element) | Type::Set(element) => format!("{},..", what(element)),
        _ => "JSON".to_owned(),
    }
}

fn read(text: &str, ty: &Type) -> Result<Value, String> {
    match ty {
        Type::String => Ok(text.into()),
        Type::Number => text.parse::<Number>().map(Value::from).map_err(|_| "must be a number".to_owned()),
        Type::Bool => text.parse::<bool>().map(Value::from).map_err(|_| "must be true or false".to_owned()),
        Type::List(element) | Type::Set(element) => {
            let elements = text.split(',').filter(|part| !part.is_empty()).map(|part| read(part, element));
            Ok(Value::List(elements.collect::<Result<_, _>>()?))
        }
        other => as_json(text, other),
    }
}

fn as_json(text: &str, ty: &Type) -> Result<Value, String> {
    json::decode(text.as_bytes(), ty).map_err(|error| format!("must be JSON of its type ({error})"))
}
