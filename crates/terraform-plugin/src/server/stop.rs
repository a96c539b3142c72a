//! StopProvider: Ctrl-C. Answers at once; what runs sees the signal and cuts its waiting short.

use std::sync::PoisonError;

use tfplugin6::stop_provider::{Request, Response};

use super::Server;
use crate::provider::Provider;
use crate::stop::StopReason;

impl<P: Provider> Server<P> {
    pub(super) async fn stop(&self, _: Request) -> Response {
        let session = self.0.session.read().unwrap_or_else(PoisonError::into_inner);
        session.stop.stop(StopReason::Asked);
        Response::default()
    }
}
