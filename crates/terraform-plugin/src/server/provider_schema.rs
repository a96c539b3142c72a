//! GetProviderSchema: asked of every first process of a run.

use std::sync::OnceLock;

use tfplugin6::ServerCapabilities;
use tfplugin6::get_provider_schema::{Request, Response};

use super::Server;
use crate::provider::Provider;

/// What is offered beyond the minimum.
pub(super) fn capabilities<P: Provider>() -> ServerCapabilities {
    ServerCapabilities {
        plan_destroy: true,
        get_provider_schema_optional: true,
        move_resource_state: !P::moves().is_empty(),
        generate_resource_config: false,
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
        Response {
            provider: Some(self.0.config.schema().to_proto()),
            resource_schemas: resources.map(|(n, o)| (Self::full(n), o.info().schema().to_proto())).collect(),
            data_source_schemas: data_sources.map(|(n, o)| (Self::full(n), o.info().schema().to_proto())).collect(),
            server_capabilities: Some(capabilities::<P>()),
            ..Response::default()
        }
    }
}
