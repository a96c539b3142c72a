//! A provider that does nothing, for any schema: it gives back what it is sent.
//!
//! A plan with it takes the time that Terraform itself needs, and the protocol. It serves the bytes of another provider's
//! replies: `ECHO_SCHEMA` names a file with the reply to GetProviderSchema, `ECHO_IDENTITIES` one with that to
//! GetResourceIdentitySchemas.

use std::process::ExitCode;

use prost::Message;
use terraform_plugin::StopToken;
use terraform_plugin::serve::{Options, serve};
use tfplugin6::provider_server::Provider;
use tfplugin6::{
    DynamicValue, ResourceIdentityData, configure_provider, get_provider_schema, get_resource_identity_schemas,
    plan_resource_change, read_resource, stop_provider, upgrade_resource_identity, upgrade_resource_state,
    validate_provider_config, validate_resource_config,
};
use tonic::{Request, Response, Status};

struct Echo {
    schema: get_provider_schema::Response,
    identities: get_resource_identity_schemas::Response,
}

/// A reply read from the file that a variable names.
fn recorded<M: Message + Default>(variable: &str) -> M {
    let path = std::env::var_os(variable).unwrap_or_else(|| panic!("{variable} is not set"));
    let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    M::decode(bytes.as_slice()).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What the state file says. Terraform takes JSON as well as MessagePack.
fn as_stored(raw: Option<tfplugin6::RawState>) -> Option<DynamicValue> {
    raw.map(|raw| DynamicValue { json: raw.json, ..DynamicValue::default() })
}

#[tonic::async_trait]
impl Provider for Echo {
    async fn get_provider_schema(
        &self,
        _: Request<get_provider_schema::Request>,
    ) -> Result<Response<get_provider_schema::Response>, Status> {
        Ok(Response::new(self.schema.clone()))
    }

    async fn get_resource_identity_schemas(
        &self,
        _: Request<get_resource_identity_schemas::Request>,
    ) -> Result<Response<get_resource_identity_schemas::Response>, Status> {
        Ok(Response::new(self.identities.clone()))
    }

    async fn validate_provider_config(
        &self,
        _: Request<validate_provider_config::Request>,
    ) -> Result<Response<validate_provider_config::Response>, Status> {
        Ok(Response::new(validate_provider_config::Response::default()))
    }

    async fn configure_provider(
        &self,
        _: Request<configure_provider::Request>,
    ) -> Result<Response<configure_provider::Response>, Status> {
        Ok(Response::new(configure_provider::Response::default()))
    }

    async fn validate_resource_config(
        &self,
        _: Request<validate_resource_config::Request>,
    ) -> Result<Response<validate_resource_config::Response>, Status> {
        Ok(Response::new(validate_resource_config::Response::default()))
    }

    async fn upgrade_resource_state(
        &self,
        request: Request<upgrade_resource_state::Request>,
    ) -> Result<Response<upgrade_resource_state::Response>, Status> {
        let upgraded_state = as_stored(request.into_inner().raw_state);
        Ok(Response::new(upgrade_resource_state::Response { upgraded_state, ..Default::default() }))
    }

    async fn upgrade_resource_identity(
        &self,
        request: Request<upgrade_resource_identity::Request>,
    ) -> Result<Response<upgrade_resource_identity::Response>, Status> {
        let identity_data = as_stored(request.into_inner().raw_identity);
        let upgraded_identity = Some(ResourceIdentityData { identity_data });
        Ok(Response::new(upgrade_resource_identity::Response { upgraded_identity, ..Default::default() }))
    }

    async fn read_resource(
        &self,
        request: Request<read_resource::Request>,
    ) -> Result<Response<read_resource::Response>, Status> {
        let request = request.into_inner();
        Ok(Response::new(read_resource::Response {
            new_state: request.current_state,
            new_identity: request.current_identity,
            private: request.private,
            ..Default::default()
        }))
    }

    async fn plan_resource_change(
        &self,
        request: Request<plan_resource_change::Request>,
    ) -> Result<Response<plan_resource_change::Response>, Status> {
        let request = request.into_inner();
        Ok(Response::new(plan_resource_change::Response {
            // Not what Terraform proposes: for attributes that are both optional and computed that may be a change.
            planned_state: request.prior_state,
            planned_identity: request.prior_identity,
            planned_private: request.prior_private,
            ..Default::default()
        }))
    }

    async fn stop_provider(
        &self,
        _: Request<stop_provider::Request>,
    ) -> Result<Response<stop_provider::Response>, Status> {
        Ok(Response::new(stop_provider::Response::default()))
    }
}

fn main() -> ExitCode {
    let options = Options {
        name: "terraform-provider-echo",
        version: "0.1.0",
        address: "registry.terraform.io/terraform-plugin/echo",
    };
    serve(options, |_: StopToken| Echo { schema: recorded("ECHO_SCHEMA"), identities: recorded("ECHO_IDENTITIES") })
}
