//! MoveResourceState: which object it is that another type's state holds. Terraform reads it right after, and that does the
//! work. Terraform asks only providers that offer it, OpenTofu asks all.

use std::collections::BTreeMap;

use serde_json::value::{RawValue, to_raw_value};
use tfplugin6::move_resource_state::{Request, Response};

use super::guard::guard_now;
use super::import::unfit;
use super::{Server, wire};
use crate::error::Error;
use crate::moved::Move;
use crate::private::Private;
use crate::provider::Provider;
use crate::registry::ObjectInfo;
use crate::resource::Stored;
use crate::value::{Value, json};

impl<P: Provider> Server<P> {
    pub(super) async fn move_state(&self, request: Request) -> Response {
        self.try_move(&request)
            .unwrap_or_else(|error| Response { diagnostics: wire::failure(error), ..Response::default() })
    }

    fn try_move(&self, request: &Request) -> Result<Response, Error> {
        let object = self.resource(&request.target_type_name)?;
        let info = object.info();
        let summary = format!("A {} cannot become a {}", request.source_type_name, request.target_type_name);
        let cure = "Use a `removed` block for the old address and an `import` block for the new one.";
        let to_this = |way: &&Move| way.to == info.name;
        let Some(way) = P::moves()
            .iter()
            .filter(to_this)
            .find(|way| way.is_of(&request.source_provider_address, &request.source_type_name))
        else {
            let known: Vec<String> = P::moves().iter().filter(to_this).map(told).collect();
            let known = match known.as_slice() {
                [] => "It takes over objects of no other type.".to_owned(),
                known => format!("It takes over {}.", known.join("; ")),
            };
            return Err(Error::new(summary, format!("{known} {cure}")));
        };
        let unreadable =
            |why: String| Error::new(summary.clone(), format!("The other state cannot be read: {why}. {cure}"));
        let stored = request.source_state.as_ref().map(|raw| raw.json.as_ref()).unwrap_or_default();
        let other: Stored = serde_json::from_slice(stored).map_err(|error| unreadable(error.to_string()))?;
        let mut state = wire::blank(info);
        state.extend(decoded(&guard_now(|| Ok((way.becomes)(&other)))?, info).map_err(unreadable)?);
        let key = object.key(&state).ok_or_else(|| {
            let fields = info.key.join(", ");
            Error::new(summary.clone(), format!("The other state does not tell which one it is ({fields}). {cure}"))
        })?;
        if let Some(why) = unfit(info, &key) {
            return Err(Error::new(summary, format!("{why}\n{cure}")));
        }
        Ok(Response {
            target_state: Some(wire::encode_object(state, info)?),
            target_private: Private::imported().encode().into(),
            target_identity: wire::encode_identity(Some(key), info)?,
            diagnostics: Vec::new(),
        })
    }
}

/// Attributes of the type, those that are told.
fn decoded(told: &Stored, info: &ObjectInfo) -> Result<BTreeMap<String, Value>, String> {
    let raw: BTreeMap<&String, Box<RawValue>> = told
        .iter()
        .filter(|(_, value)| !value.is_null())
        .map(|(name, value)| to_raw_value(value).map(|value| (name, value)))
        .collect::<Result<_, _>>()
        .map_err(|error| error.to_string())?;
    let text = serde_json::to_vec(&raw).map_err(|error| error.to_string())?;
    match json::decode(&text, info.ty()).map_err(|error| error.to_string())? {
        Value::Object(attributes) => Ok(attributes.into_iter().filter(|(name, _)| told.contains_key(name)).collect()),
        _ => Ok(BTreeMap::new()),
    }
}

/// A way as a message names it: `proxmox_ceph_pool of bpg/proxmox`.
fn told(way: &Move) -> String {
    format!("{} of {}", way.from.join(", "), way.provider)
}
