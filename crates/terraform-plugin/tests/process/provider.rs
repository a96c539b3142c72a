//! A provider that offers just enough to be talked to.

use std::process::ExitCode;

use terraform_plugin::StopToken;
use terraform_plugin::serve::{Options, serve};
use tfplugin6::provider_server::Provider;
use tfplugin6::{Schema, call_function, get_metadata, get_provider_schema, schema, stop_provider};
use tonic::{Request, Response, Status};

struct Bare;

#[tonic::async_trait]
impl Provider for Bare {
    async fn get_provider_schema(
        &self,
        _: Request<get_provider_schema::Request>,
    ) -> Result<Response<get_provider_schema::Response>, Status> {
        tracing::info!(asked = true, "schema");
        let provider = Some(Schema { version: 0, block: Some(schema::Block::default()) });
        Ok(Response::new(get_provider_schema::Response { provider, ..get_provider_schema::Response::default() }))
    }

    /// Panics, on request.
    async fn get_metadata(
        &self,
        _: Request<get_metadata::Request>,
    ) -> Result<Response<get_metadata::Response>, Status> {
        panic!("asked to panic");
    }

    /// Gives its first argument back.
    async fn call_function(
        &self,
        request: Request<call_function::Request>,
    ) -> Result<Response<call_function::Response>, Status> {
        let result = request.into_inner().arguments.into_iter().next();
        Ok(Response::new(call_function::Response { result, error: None }))
    }

    async fn stop_provider(
        &self,
        _: Request<stop_provider::Request>,
    ) -> Result<Response<stop_provider::Response>, Status> {
        Ok(Response::new(stop_provider::Response::default()))
    }
}

pub(crate) fn main() -> ExitCode {
    let options =
        Options { name: "terraform-provider-bare", version: "0.0.1", address: "registry.terraform.io/acme/bare" };
    serve(options, |_: StopToken| Bare)
}
