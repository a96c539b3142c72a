//! UpgradeResourceIdentity: asked when the stored identity has another version than the schema's.

use tfplugin6::upgrade_resource_identity::{Request, Response};

use super::{Server, wire};
use crate::error::Error;
use crate::provider::Provider;
use crate::value::{Value, json};

impl<P: Provider> Server<P> {
    pub(super) async fn upgrade_identity(&self, request: Request) -> Response {
        match self.try_upgrade_identity(&request) {
            Ok(identity) => Response { upgraded_identity: identity, diagnostics: Vec::new() },
            Err(error) => Response { upgraded_identity: None, diagnostics: wire::failure(error) },
        }
    }

    fn try_upgrade_identity(&self, request: &Request) -> Result<Option<tfplugin6::ResourceIdentityData>, Error> {
        let object = self.resource(&request.type_name)?;
        let info = object.info();
        let lost = |why: String| {
            let summary = format!("The stored identity of a {} cannot be read", info.name);
            Error::new(summary, format!("{why} Remove the object from the state and import it."))
        };
        let stored = request.raw_identity.as_ref().map(|raw| raw.json.as_ref()).unwrap_or_default();
        let identity = json::decode(stored, &info.identity_type()).map_err(|error| lost(format!("{error}.")))?;
        let key = match &identity {
            Value::Object(attributes) => object.key(attributes),
            _ => None,
        };
        let fields = info.key.join(", ");
        let key = key.ok_or_else(|| lost(format!("It must hold {fields}.")))?;
        wire::encode_identity(Some(key), info)
    }
}
