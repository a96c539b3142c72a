//! ImportResourceState: the key alone. Terraform reads the object right after, and that does the work.

use std::sync::Arc;

use tfplugin6::import_resource_state::{ImportedResource, Request, Response};

use super::guard::guard;
use super::{Server, wire};
use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::model::Operation;
use crate::private::Private;
use crate::provider::Provider;
use crate::registry::{Attributes, ObjectInfo};
use crate::schema::{Attribute, Schema, validate};
use crate::value::Value;

/// Why nobody could configure an object of this key: what it is imported as would be replaced by the next apply.
pub(super) fn unfit(info: &ObjectInfo, key: &Attributes) -> Option<String> {
    let is_key = |attribute: &&Attribute| info.key.contains(&attribute.name.as_str());
    let attributes = info.schema().attributes.iter().filter(is_key).cloned().collect();
    let wrong = validate(&Schema { attributes, ..Schema::default() }, &Value::Object(key.clone()));
    let wrong: Vec<String> = wrong.into_iter().map(|diagnostic| diagnostic.detail).collect();
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

impl<P: Provider> Server<P> {
    pub(super) async fn import(&self, request: Request) -> Response {
        let mut said = Diagnostics::default();
        let imported_resources = match self.try_import(&request, &mut said).await {
            Ok(imported) => vec![imported],
            Err(error) => {
                said.extend(error.into_diagnostics());
                Vec::new()
            }
        };
        Response { imported_resources, diagnostics: wire::diagnostics(said), deferred: None }
    }

    async fn try_import(&self, request: &Request, said: &mut Diagnostics) -> Result<ImportedResource, Error> {
        let object = self.resource(&request.type_name)?;
        let info = object.info();
        let key = match request.identity.as_ref().and_then(|identity| identity.identity_data.as_ref()) {
            None => object.parse_id(&request.id)?,
            Some(identity) => {
                let identity = wire::decode(Some(identity), &info.identity_type())?;
                let key = match &identity {
                    Value::Object(attributes) => object.key(attributes),
                    _ => None,
                };
                key.ok_or_else(|| {
                    let detail = format!("It must set {}.", info.key.join(", "));
                    Error::new("The identity to import is not complete", detail)
                })?
            }
        };
        if let Some(why) = unfit(info, &key) {
            let what = if request.id.is_empty() {
                "The identity to import".to_owned()
            } else {
                format!("Import id {:?}", request.id)
            };
            return Err(Error::new(format!("{what} does not fit"), why));
        }
        let cx = Arc::new(self.cx(info, Operation::Read, None)?);
        let allowed = guard(object.import(Arc::clone(&cx), key.clone())).await;
        said.extend(cx.take_warnings());
        allowed?;
        let mut state = wire::blank(info);
        state.extend(key.clone());
        Ok(ImportedResource {
            type_name: request.type_name.clone(),
            state: Some(wire::encode_object(state, info)?),
            private: Private::imported().encode().into(),
            identity: wire::encode_identity(Some(key), info)?,
        })
    }
}
