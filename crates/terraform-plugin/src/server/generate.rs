//! GenerateResourceConfig: the configuration under which what was imported stays as it is.

use tfplugin6::DynamicValue;
use tfplugin6::generate_resource_config::{Request, Response};

use super::guard::guard_now;
use super::{Server, wire};
use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::plan;
use crate::provider::Provider;
use crate::registry::{AnyResource, Attributes};
use crate::schema::validate;
use crate::value::Value;

impl<P: Provider> Server<P> {
    pub(super) async fn generate(&self, request: Request) -> Response {
        match guard_now(|| self.try_generate(&request)) {
            Ok(config) => Response { config: Some(config), diagnostics: Vec::new() },
            Err(error) => Response { config: None, diagnostics: wire::failure(error) },
        }
    }

    fn try_generate(&self, request: &Request) -> Result<DynamicValue, Error> {
        let object = self.resource(&request.type_name)?;
        let info = object.info();
        // Of what was listed without its attributes nothing is known.
        let state = wire::decode_object(request.state.as_ref(), info)?.unwrap_or_else(|| wire::blank(info));
        wire::encode_object(configured(object.as_ref(), &state), info)
    }
}

/// What would have to be written for an object to stay as it is.
pub(crate) fn configured<A>(object: &dyn AnyResource<A>, state: &Attributes) -> Attributes {
    let schema = object.info().schema();
    plan::configuration(schema, state, |config| {
        let mut said: Diagnostics = validate(schema, &Value::Object(config.clone()));
        if !said.has_errors()
            && let Ok(more) = object.validate(config)
        {
            said.extend(more);
        }
        said
    })
}
