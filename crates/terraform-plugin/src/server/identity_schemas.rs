//! GetResourceIdentitySchemas: asked beside GetProviderSchema.

use std::sync::Arc;

use tfplugin6::get_resource_identity_schemas::{Request, Response};

use super::Server;
use crate::provider::Provider;
use crate::registry::AnyResource;
use crate::schema::identity_to_proto;

impl<P: Provider> Server<P> {
    pub(super) async fn identity_schemas(&self, _: Request) -> Response {
        let one = |(name, object): (&&str, &Arc<dyn AnyResource<P::Api>>)| {
            (Self::full(name), identity_to_proto(0, &object.info().identity()))
        };
        Response { identity_schemas: self.0.registry.resources.iter().map(one).collect(), diagnostics: Vec::new() }
    }
}
