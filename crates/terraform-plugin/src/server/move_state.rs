//! MoveResourceState: not offered. Terraform asks only providers that offer it, OpenTofu asks all.

use tfplugin6::move_resource_state::{Request, Response};

use super::{Server, wire};
use crate::error::Error;
use crate::provider::Provider;

impl<P: Provider> Server<P> {
    pub(super) async fn move_state(&self, request: Request) -> Response {
        let error = Error::new(
            format!("A {} cannot become a {}", request.source_type_name, request.target_type_name),
            "This provider does not take over objects from other types. Use a `removed` block for the old address and \
             an `import` block for the new one.",
        );
        Response { diagnostics: wire::failure(error), ..Response::default() }
    }
}
