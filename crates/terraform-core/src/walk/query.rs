//! `terraform query`: what exists, and the configuration that would be written for it.

use std::collections::BTreeMap;

use tfplugin6 as tf;

use super::{Phase, Walk, message};
use crate::config::{Config, Expr};
use crate::core::Core;
use crate::diagnostics::{Diagnostics, Rule};
use crate::path::Path;
use crate::provider::{answered, call};
use crate::rules::stored;
use crate::schema::Block;
use crate::state::{Address, State};
use crate::value::Value;

/// How a list is asked for.
#[derive(Clone, Debug)]
pub struct Query {
    /// Whether each object is told as a whole.
    pub include_resource: bool,
    /// How many at the most.
    pub limit: i64,
    /// Whether the configuration of each is wanted, as with `-generate-config-out`.
    pub generate: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self { include_resource: false, limit: 100, generate: false }
    }
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// What it is called.
    pub name: String,
    /// What it is imported by.
    pub identity: Value,
    /// What it is, if that was asked for.
    pub state: Value,
    /// What would be written for it, if that was asked for and the provider can.
    pub config: Option<Value>,
}

/// The objects of a type.
pub(crate) async fn query(
    core: &Core,
    ty: &str,
    config: &Expr,
    asked: &Query,
) -> Result<(Vec<Found>, Diagnostics), Diagnostics> {
    let empty = Config::new();
    let mut walk = Walk::configured(core, &empty, State::default(), Phase::Plan).await?;
    let found = walk.listed(ty, config, asked).await;
    match found {
        Some(found) if !walk.said.failed() => Ok((found, walk.said)),
        _ => Err(walk.said),
    }
}

impl Walk<'_> {
    async fn listed(&mut self, ty: &str, config: &Expr, asked: &Query) -> Option<Vec<Found>> {
        let named = format!("list.{ty}");
        let schemas = self.core.schemas.clone();
        let (Some(list), Some(block), Some(identity)) =
            (schemas.lists.get(ty), schemas.resource(ty), schemas.identities.get(ty))
        else {
            self.no_such_type(&Address::from(format!("{ty}.list").as_str()));
            return None;
        };
        let said = self.scope(None, None).value(config);
        let said = self.evaluated(&named, said)?;
        let value = self.coerced(&list.block, &named, &said)?;
        let config = Some(message(&value, &list.block.ty()));
        let request = tf::validate_list_resource_config::Request {
            type_name: ty.to_owned(),
            config: config.clone(),
            ..Default::default()
        };
        let answer = call!(
            self.provider,
            &mut self.said,
            &named,
            "ValidateListResourceConfig",
            validate_list_resource_config(request)
        )?;
        if self.failed_by(&answer.diagnostics, &named) {
            return None;
        }
        let request = tf::list_resource::Request {
            type_name: ty.to_owned(),
            config,
            include_resource_object: asked.include_resource,
            limit: asked.limit,
        };
        let answer = self.provider.client("ListResource").list_resource(request).await;
        let mut events = answered("ListResource", &named, answer, &mut self.said)?;
        let mut all = Vec::new();
        // What comes after enough is not listened to.
        while i64::try_from(all.len()).is_ok_and(|n| n < asked.limit) {
            let event = match events.message().await {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(status) => {
                    answered::<()>("ListResource", &named, Err(status), &mut self.said);
                    return None;
                }
            };
            if self.failed_by(&event.diagnostic, &named) {
                return Some(all);
            }
            let told = event.identity.as_ref().and_then(|told| told.identity_data.as_ref());
            let Some(told) = told else {
                if event.diagnostic.is_empty() {
                    let summary = format!("missing identity data in ListResource event for {ty}");
                    self.said.hold(Rule::ListedWithoutIdentity, &named, &Path::ROOT, &summary, String::new());
                    return None;
                }
                continue;
            };
            let identity = self.decoded(Some(told), &identity.ty(), &named)?;
            let state = match &event.resource_object {
                Some(state) => self.decoded(Some(state), &block.ty(), &named)?,
                None => Value::Null,
            };
            self.is_fit_to_keep(block, &state, &named, asked.include_resource)?;
            let config = match asked.generate && schemas.able.generate_resource_config {
                true => Some(self.generated(ty, &state).await?),
                false => None,
            };
            all.push(Found { name: event.display_name, identity, state, config });
        }
        Some(all)
    }

    fn is_fit_to_keep(&mut self, block: &Block, state: &Value, named: &str, wanted: bool) -> Option<()> {
        let wrong = if wanted && state.is_null() {
            Some("it is asked for as a whole, and nothing is told of it".to_owned())
        } else if let Some(path) = stored::unknown(state).first() {
            Some(format!("{path} is unknown"))
        } else {
            stored::write_only(block, state).first().map(|path| format!("{path} is write-only, and told"))
        };
        let Some(wrong) = wrong else { return Some(()) };
        self.said.hold(Rule::ListedUnfit, named, &Path::ROOT, "Provider produced invalid list result", wrong);
        None
    }

    /// What would be written for an object.
    pub(crate) async fn generated(&mut self, ty: &str, state: &Value) -> Option<Value> {
        let schemas = self.core.schemas.clone();
        let block = schemas.resource(ty)?;
        let request = tf::generate_resource_config::Request {
            type_name: ty.to_owned(),
            state: Some(message(state, &block.ty())),
        };
        let answer =
            call!(self.provider, &mut self.said, ty, "GenerateResourceConfig", generate_resource_config(request))?;
        if self.failed_by(&answer.diagnostics, ty) {
            return None;
        }
        self.decoded(answer.config.as_ref(), &block.ty(), ty)
    }
}

/// What is written down of a generated configuration: what is set.
#[must_use]
pub fn written(config: &Value) -> Value {
    match config {
        Value::Object(attributes) => Value::Object(set(attributes)),
        Value::Map(entries) => Value::Map(set(entries)),
        Value::List(elements) => Value::List(elements.iter().map(written).collect()),
        other => other.clone(),
    }
}

fn set(of: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    of.iter().filter(|(_, value)| !value.is_null()).map(|(name, value)| (name.clone(), written(value))).collect()
}
