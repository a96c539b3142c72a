//! UpgradeResourceState: asked for every object in every run, whether its version differs or not. Nobody is asked.

use std::collections::BTreeMap;

use serde_json::value::RawValue;
use tfplugin6::upgrade_resource_state::{Request, Response};

use super::guard::guard_now;
use super::{Server, wire};
use crate::error::Error;
use crate::provider::Provider;
use crate::registry::AnyResource;
use crate::resource::Stored;
use crate::value::{Value, json};

impl<P: Provider> Server<P> {
    pub(super) async fn upgrade_state(&self, request: Request) -> Response {
        let upgraded = guard_now(|| {
            let object = self.resource(&request.type_name)?;
            let state = upgrade(object.as_ref(), &request)?;
            Ok((wire::encode(&state, object.info().ty())?, object, state))
        });
        let upgraded = match upgraded {
            Ok((encoded, object, state)) => {
                if let Value::Object(attributes) = &state {
                    self.see(object.as_ref(), attributes).await;
                }
                Ok(encoded)
            }
            Err(error) => Err(error),
        };
        match upgraded {
            Ok(state) => Response { upgraded_state: Some(state), diagnostics: Vec::new() },
            Err(error) => Response { upgraded_state: None, diagnostics: wire::failure(error) },
        }
    }
}

fn upgrade<A>(object: &dyn AnyResource<A>, request: &Request) -> Result<Value, Error> {
    let info = object.info();
    let stored = request.raw_state.as_ref().map(|raw| raw.json.as_ref()).unwrap_or_default();
    if stored.is_empty() {
        let detail = "It is in a form from before Terraform 0.12, when this provider did not exist.";
        return Err(Error::new(format!("The stored state of a {} cannot be read", info.name), detail));
    }
    let unreadable = |error: &dyn std::fmt::Display| {
        Error::new(format!("The stored state of a {} cannot be read", info.name), format!("{error}."))
    };
    // The decoder fills what the schema has gained and drops what it has lost.
    let decode = |json: &[u8]| json::decode(json, info.ty()).map_err(|error| unreadable(&error));
    if request.version == info.version {
        return decode(stored);
    }
    let before: Stored = serde_json::from_slice(stored).map_err(|error| unreadable(&error))?;
    let raw: BTreeMap<String, &RawValue> = serde_json::from_slice(stored).map_err(|error| unreadable(&error))?;
    let after = object.upgrade(request.version, before.clone())?;
    // What the upgrade has not touched keeps its digits: JSON numbers may have more of them than an f64.
    let one = |(name, value): (String, serde_json::Value)| match raw.get(&name) {
        Some(raw) if before.get(&name) == Some(&value) => Ok((name, (*raw).to_owned())),
        _ => serde_json::value::to_raw_value(&value).map(|raw| (name, raw)),
    };
    let text = after
        .into_iter()
        .map(one)
        .collect::<Result<BTreeMap<String, Box<RawValue>>, _>>()
        .and_then(|all| serde_json::to_vec(&all))
        .map_err(|error| unreadable(&error))?;
    decode(&text)
}
