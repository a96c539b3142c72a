//! ConfigureProvider: makes the API, once a process (several times in debug mode).

use std::sync::{Arc, PoisonError};

use futures_util::FutureExt;
use tfplugin6::configure_provider::{Request, Response};

use super::guard::guard;
use super::{ApiState, Server, Session, wire};
use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::journal::{Ask, Journal};
use crate::model::Object;
use crate::model::checks::holds_unknown;
use crate::notices::Notices;
use crate::plan;
use crate::provider::{Provider, Start};

impl<P: Provider> Server<P> {
    pub(super) async fn configure(&self, request: Request) -> Response {
        Response { diagnostics: wire::diagnostics(self.try_configured(request).await) }
    }

    pub(super) async fn try_configured(&self, request: Request) -> Diagnostics {
        let notices = Notices::default();
        let configured = self.try_configure(request, &notices).await;
        let mut said = notices.take();
        if let Err(error) = configured {
            said.extend(error.into_diagnostics());
        }
        said
    }

    async fn try_configure(&self, request: Request, notices: &Notices) -> Result<(), Error> {
        let info = &self.0.config;
        let config = wire::decode_object(request.config.as_ref(), info)?.unwrap_or_else(|| wire::blank(info));
        let unknown = config.values().any(holds_unknown);
        let config = plan::configured(&info.schema().attributes, &config);
        let config = P::Config::decode_plan(&config)?;
        let stop = self.0.process.child();
        let data_dir = self.0.data_dir.clone();
        let terraform_version = request.terraform_version;
        let start = Start { stop: stop.clone(), terraform_version, data_dir, notices: notices.clone() };
        let api = match guard(P::configure(config, start)).await {
            Ok(api) => {
                let api = Arc::new(api);
                let journal = Journal::new(&self.0.data_dir, P::NAME, ask::<P>(&api));
                ApiState::Ready(api, Arc::new(journal))
            }
            // In a plan, what the configuration refers to may not exist yet. The apply configures once more.
            Err(error) if unknown => {
                tracing::debug!(%error, "the provider's configuration is not known yet");
                ApiState::Waiting(error)
            }
            Err(error) => return Err(error),
        };
        self.0.held.begin();
        self.0.told.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let session = Session { stop, api, notices: notices.clone() };
        *self.0.session.write().unwrap_or_else(PoisonError::into_inner) = session;
        Ok(())
    }
}

/// What the journal asks the API.
fn ask<P: Provider>(api: &Arc<P::Api>) -> Ask {
    let (asked, clocked) = (Arc::clone(api), Arc::clone(api));
    let scope = move || {
        let api = Arc::clone(&asked);
        async move { P::scope(&api).await }.boxed()
    };
    Ask { scope: Box::new(scope), way: P::way(api), clock: Box::new(move || P::clock(&clocked)) }
}
