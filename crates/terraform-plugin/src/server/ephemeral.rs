//! OpenEphemeralResource, RenewEphemeralResource, CloseEphemeralResource.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tfplugin6::{
    DynamicValue, close_ephemeral_resource as close, open_ephemeral_resource as open, renew_ephemeral_resource as renew,
};

use super::guard::guard;
use super::{Server, wire};
use crate::cx::Cx;
use crate::diagnostics::Diagnostics;
use crate::ephemeral::Opened;
use crate::error::Error;
use crate::model::Operation;
use crate::plan;
use crate::private::Private;
use crate::provider::Provider;
use crate::registry::AnyEphemeral;

impl<P: Provider> Server<P> {
    pub(super) async fn open_ephemeral(&self, request: open::Request) -> open::Response {
        let mut said = Diagnostics::default();
        let mut response = match self.try_open(&request, &mut said).await {
            Ok((result, renew_at, private)) => open::Response {
                result: Some(result),
                renew_at: renew_at.map(timestamp),
                private: Some(private.into()),
                ..Default::default()
            },
            Err(error) => {
                said.extend(error.into_diagnostics());
                open::Response::default()
            }
        };
        response.diagnostics = wire::diagnostics(said);
        response
    }

    async fn try_open(
        &self,
        request: &open::Request,
        said: &mut Diagnostics,
    ) -> Result<(DynamicValue, Option<SystemTime>, Vec<u8>), Error> {
        let object = self.ephemeral(&request.type_name)?;
        let info = object.info();
        let attributes = &info.schema().attributes;
        let config = wire::decode_object(request.config.as_ref(), info)?.unwrap_or_else(|| wire::blank(info));
        let config = plan::configured(attributes, &config);
        let cx = Arc::new(self.cx(info, Operation::Read, Some(&config))?);
        let opened = guard(object.open(Arc::clone(&cx), config.clone())).await;
        said.extend(cx.take_warnings());
        let Opened { result, renew_at } = opened?;
        let result = wire::encode_object(plan::refresh(attributes, Some(&config), &result), info)?;
        Ok((result, renew_at, cx.private.encode()))
    }

    pub(super) async fn renew_ephemeral(&self, request: renew::Request) -> renew::Response {
        let mut said = Diagnostics::default();
        let renewed = async {
            let (object, cx) = self.opened(&request.type_name, request.private.as_deref())?;
            let renew_at = guard(object.renew(Arc::clone(&cx))).await;
            said.extend(cx.take_warnings());
            Ok((renew_at?.map(timestamp), cx.private.encode()))
        };
        let (renew_at, private) = match renewed.await {
            Ok((renew_at, private)) => (renew_at, Some(private.into())),
            Err(error) => {
                said.extend(Error::into_diagnostics(error));
                (None, request.private)
            }
        };
        renew::Response { diagnostics: wire::diagnostics(said), renew_at, private }
    }

    pub(super) async fn close_ephemeral(&self, request: close::Request) -> close::Response {
        let mut said = Diagnostics::default();
        let closed = async {
            let (object, cx) = self.opened(&request.type_name, request.private.as_deref())?;
            let closed = guard(object.close(Arc::clone(&cx))).await;
            said.extend(cx.take_warnings());
            closed
        };
        if let Err(error) = closed.await {
            said.extend(error.into_diagnostics());
        }
        close::Response { diagnostics: wire::diagnostics(said) }
    }

    /// What was opened, with what it remembers.
    #[allow(clippy::type_complexity)]
    fn opened(
        &self,
        type_name: &str,
        private: Option<&[u8]>,
    ) -> Result<(Arc<dyn AnyEphemeral<P::Api>>, Arc<Cx<P::Api>>), Error> {
        let object = self.ephemeral(type_name)?;
        let cx = self.cx(object.info(), Operation::Read, None)?;
        let cx = cx.with_private(Private::decode(private.unwrap_or_default()));
        Ok((object, Arc::new(cx)))
    }
}

/// What lies before 1970 is over, as 1970 is.
fn timestamp(time: SystemTime) -> prost_types::Timestamp {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    prost_types::Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or(0),
    }
}
