//! GetFunctions: OpenTofu asks for names that the schema does not have. There are none.

use tfplugin6::get_functions::{Request, Response};

use super::Server;
use crate::provider::Provider;

impl<P: Provider> Server<P> {
    pub(super) async fn functions(&self, _: Request) -> Response {
        Response::default()
    }
}
