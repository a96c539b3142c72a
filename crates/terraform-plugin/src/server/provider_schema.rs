//! GetProviderSchema: asked of every first process of a run.

use std::sync::OnceLock;

use tfplugin6::get_provider_schema::{Request, Response};
use tfplugin6::{ActionSchema, ServerCapabilities};

use super::Server;
use crate::provider::Provider;
use crate::registry::ObjectInfo;

/// What is offered beyond the minimum.
pub(super) fn capabilities<P: Provider>() -> ServerCapabilities {
    ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: !P::moves().is_empty(),
        generate_resource_config: true,
    }
}

/// Made at the first question and kept.
#[derive(Default)]
pub(super) struct Answer(OnceLock<Response>);

impl<P: Provider> Server<P> {
    pub(super) async fn provider_schema(&self, _: Request) -> Response {
        self.0.schema.0.get_or_init(|| self.make_schema()).clone()
    }

    fn make_schema(&self) -> Response {
        let registry = &self.0.registry;
        let resources = registry.resources.iter();
        let data_sources = registry.data_sources.iter();
        let ephemeral = registry.ephemeral.iter();
        let actions = registry.actions.iter();
        let action =
            |object: &ObjectInfo| ActionSchema { schema: Some(object.schema().to_proto_of_what_is_only_configured()) };
        let lists = registry.lists.keys().filter_map(|n| Some((Self::full(n), self.list_schema(n)?.to_proto())));
        Response {
            provider: Some(self.0.config.schema().to_proto()),
            resource_schemas: resources.map(|(n, o)| (Self::full(n), o.info().schema().to_proto())).collect(),
            data_source_schemas: data_sources.map(|(n, o)| (Self::full(n), o.info().schema().to_proto())).collect(),
            functions: self.function_signatures(),
            ephemeral_resource_schemas: ephemeral.map(|(n, o)| (Self::full(n), o.info().schema().to_proto())).collect(),
            action_schemas: actions.map(|(n, o)| (Self::full(n), action(o.info()))).collect(),
            server_capabilities: Some(capabilities::<P>()),
            list_resource_schemas: lists.collect(),
            ..Response::default()
        }
    }
}
