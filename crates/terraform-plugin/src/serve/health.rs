//! gRPC's health check. Terraform never asks; other hosts of plugins do.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use tfplugin6::health::health_check_response::ServingStatus;
use tfplugin6::health::health_server::{Health, HealthServer};
use tfplugin6::health::{HealthCheckRequest, HealthCheckResponse, HealthListRequest, HealthListResponse};
use tonic::codegen::BoxStream;
use tonic::{Request, Response, Status};

/// The name under which go-plugin's hosts look for a plugin; the empty name is the server as a whole.
const PLUGIN: &str = "plugin";

/// Reports the plugin as serving, which it is as long as it answers.
pub(super) fn service() -> HealthServer<impl Health> {
    HealthServer::new(Serving)
}

struct Serving;

fn known(service: &str) -> bool {
    service.is_empty() || service == PLUGIN
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl Health for Serving {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        if known(&request.get_ref().service) {
            Ok(Response::new(answer(ServingStatus::Serving)))
        } else {
            Err(Status::not_found("unknown service"))
        }
    }

    async fn list(&self, _: Request<HealthListRequest>) -> Result<Response<HealthListResponse>, Status> {
        let statuses = BTreeMap::from([(PLUGIN.to_owned(), answer(ServingStatus::Serving))]);
        Ok(Response::new(HealthListResponse { statuses }))
    }

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<BoxStream<HealthCheckResponse>>, Status> {
        let status =
            if known(&request.get_ref().service) { ServingStatus::Serving } else { ServingStatus::ServiceUnknown };
        // One answer, and then none: nothing here ever changes.
        let answers = stream::once(async move { Ok(answer(status)) }).chain(stream::pending());
        Ok(Response::new(answers.boxed()))
    }
}
