//! Delete.

use std::sync::Arc;

use tfplugin6::apply_resource_change::Request;

use super::super::guard::guard;
use super::super::{Server, wire};
use super::{Apply, Stored, stored};
use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::model::Operation;
use crate::provider::Provider;
use crate::registry::Attributes;

impl<P: Provider> Server<P> {
    pub(super) async fn delete(
        &self,
        apply: &Apply<P::Api>,
        prior: &Attributes,
        request: &Request,
        said: &mut Diagnostics,
    ) -> Result<Stored, Error> {
        let object = apply.object.as_ref();
        let cx = self.writing(object.info(), Operation::Delete, prior, &request.planned_private)?;
        let end = guard(object.delete(Arc::clone(&cx), prior.clone())).await;
        said.extend(cx.take_warnings());
        match end {
            Ok(()) => Ok(Stored { state: wire::null(), identity: None, private: Vec::new() }),
            Err(error) => {
                said.extend(error.into_diagnostics());
                stored(object, &cx, prior.clone(), request.planned_identity.as_ref())
            }
        }
    }
}
