//! The instances of a resource.

use super::{Shape, Walk};
use crate::config::{Condition, Resource};
use crate::diagnostics::By;
use crate::path::Path;
use crate::state::{Address, InstanceKey};
use crate::value::Value;

impl Walk<'_> {
    /// The instances that are configured, each with what `each.value` is.
    pub(crate) fn expanded(&mut self, resource: &Resource) -> Option<Vec<(Address, Value)>> {
        let address = &resource.address;
        let named = address.to_string();
        let refuse = |walk: &mut Self, what: &str, detail: &str| {
            walk.said.error(By::Configuration, &named, Path::ROOT, what, detail);
        };
        if let Some(for_each) = &resource.for_each {
            self.shapes.insert(address.clone(), Shape::Each);
            let value = self.scope(None, None).value(for_each);
            let value = self.evaluated(&named, value)?;
            let keys: Vec<(String, Value)> = match value {
                Value::Unknown(_) => {
                    refuse(
                        self,
                        "Invalid for_each argument",
                        "The keys depend on values that cannot be determined until apply.",
                    );
                    return None;
                }
                Value::Object(of) | Value::Map(of) => of.into_iter().collect(),
                Value::Set(of) => {
                    of.into_iter().filter_map(|one| Some((one.as_str()?.to_owned(), one.clone()))).collect()
                }
                _ => {
                    refuse(self, "Invalid for_each argument", "A map or a set of strings is wanted.");
                    return None;
                }
            };
            return Some(
                keys.into_iter().map(|(key, value)| (address.instance(InstanceKey::Key(key)), value)).collect(),
            );
        }
        if let Some(count) = &resource.count {
            self.shapes.insert(address.clone(), Shape::Count);
            let value = self.scope(None, None).value(count);
            let value = self.evaluated(&named, value)?;
            let Value::Number(number) = &value else {
                refuse(self, "Invalid count argument", "A number that is known is wanted.");
                return None;
            };
            let Some(count) = number.as_i64().and_then(|count| usize::try_from(count).ok()) else {
                refuse(self, "Invalid count argument", "A whole number that is not negative is wanted.");
                return None;
            };
            return Some((0..count).map(|n| (address.instance(InstanceKey::Number(n)), Value::Null)).collect());
        }
        self.shapes.insert(address.clone(), Shape::One);
        Some(vec![(address.clone(), Value::Null)])
    }

    /// What is configured for an instance.
    pub(crate) fn configured_value(&mut self, resource: &Resource, address: &Address, each: &Value) -> Option<Value> {
        let named = address.to_string();
        let schemas = self.core.schemas.clone();
        let schemas = if address.data { &schemas.data_sources } else { &schemas.resources };
        let Some(schema) = schemas.get(&address.ty) else {
            self.no_such_type(address);
            return None;
        };
        let said = self.scope(Some((&address.key, each)), None).value(&resource.body);
        let said = self.evaluated(&named, said)?;
        self.coerced(&schema.block, &named, &said)
    }

    /// Whether conditions hold, or may yet turn out to.
    pub(crate) fn hold(
        &mut self,
        conditions: &[Condition],
        address: &Address,
        each: &Value,
        this: Option<Value>,
    ) -> bool {
        let named = address.to_string();
        let what = if this.is_some() { "postcondition" } else { "precondition" };
        let mut hold = true;
        for condition in conditions {
            let scope = self.scope(Some((&address.key, each)), this.clone());
            let (value, message) = (scope.value(&condition.condition), scope.value(&condition.message));
            let Some(value) = self.evaluated(&named, value) else { return false };
            if value == Value::Bool(false) {
                let message = message.ok().and_then(|message| message.as_str().map(str::to_owned)).unwrap_or_default();
                self.said.error(By::Configuration, &named, Path::ROOT, format!("Resource {what} failed"), message);
                hold = false;
            }
        }
        hold
    }

    /// Whether something that a resource uses failed.
    pub(crate) fn blocked(&self, resource: &Resource) -> bool {
        self.config.uses(resource).iter().any(|used| self.failed.contains(used))
    }
}
