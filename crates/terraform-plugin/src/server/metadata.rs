//! GetMetadata: names alone. Terraform and OpenTofu never ask; other hosts do.

use tfplugin6::get_metadata::{
    ActionMetadata, DataSourceMetadata, EphemeralMetadata, FunctionMetadata, ListResourceMetadata, Request,
    ResourceMetadata, Response,
};

use super::Server;
use crate::provider::Provider;

impl<P: Provider> Server<P> {
    pub(super) async fn metadata(&self, _: Request) -> Response {
        let registry = &self.0.registry;
        Response {
            server_capabilities: Some(super::provider_schema::capabilities::<P>()),
            resources: registry.resources.keys().map(|n| ResourceMetadata { type_name: Self::full(n) }).collect(),
            data_sources: registry
                .data_sources
                .keys()
                .map(|n| DataSourceMetadata { type_name: Self::full(n) })
                .collect(),
            functions: registry.functions.keys().map(|n| FunctionMetadata { name: (*n).to_owned() }).collect(),
            ephemeral_resources: registry
                .ephemeral
                .keys()
                .map(|n| EphemeralMetadata { type_name: Self::full(n) })
                .collect(),
            actions: registry.actions.keys().map(|n| ActionMetadata { type_name: Self::full(n) }).collect(),
            list_resources: registry.lists.keys().map(|n| ListResourceMetadata { type_name: Self::full(n) }).collect(),
            ..Response::default()
        }
    }
}
