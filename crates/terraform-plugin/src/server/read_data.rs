//! ReadDataSource.

use std::sync::Arc;

use tfplugin6::DynamicValue;
use tfplugin6::read_data_source::{Request, Response};

use super::guard::guard;
use super::{Server, wire};
use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::model::Operation;
use crate::plan;
use crate::provider::Provider;

impl<P: Provider> Server<P> {
    pub(super) async fn read_data(&self, request: Request) -> Response {
        let mut said = Diagnostics::default();
        let state = match self.try_read_data(&request, &mut said).await {
            Ok(state) => Some(state),
            Err(error) => {
                said.extend(error.into_diagnostics());
                None
            }
        };
        Response { state, diagnostics: wire::diagnostics(said), deferred: None }
    }

    async fn try_read_data(&self, request: &Request, said: &mut Diagnostics) -> Result<DynamicValue, Error> {
        let object = self.data_source(&request.type_name)?;
        let info = object.info();
        let attributes = &info.schema().attributes;
        let config = wire::decode_object(request.config.as_ref(), info)?.unwrap_or_else(|| wire::blank(info));
        let config = plan::configured(attributes, &config);
        let cx = Arc::new(self.cx(info, Operation::Read, Some(&config))?);
        let found = guard(object.read(Arc::clone(&cx), config.clone())).await;
        said.extend(cx.take_warnings());
        wire::encode_object(plan::refresh(attributes, Some(&config), &found?), info)
    }
}
