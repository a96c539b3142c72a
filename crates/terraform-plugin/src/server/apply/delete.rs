//! Delete.

use std::sync::Arc;

use tfplugin6::apply_resource_change::Request;

use super::super::guard::guard;
use super::super::read::refreshed;
use super::super::{Server, wire};
use super::{Apply, Stored, stored};
use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::model::Operation;
use crate::outcome::{Deleted, Read};
use crate::provider::Provider;
use crate::registry::Attributes;
use crate::value::Value;

impl<P: Provider> Server<P> {
    pub(super) async fn delete(
        &self,
        apply: &Apply<P::Api>,
        prior: &Attributes,
        request: &Request,
        said: &mut Diagnostics,
    ) -> Result<Stored, Error> {
        let object = apply.object.as_ref();
        let cx = self.writing(object.info(), Operation::Delete, prior, &request.planned_private).await?;
        let place = object.place(prior);
        if cx.is_promised() {
            // Nothing was ever sent; unless a run that was cut off has, or somebody else, there is nothing to remove.
            match guard(object.read(Arc::clone(&cx), prior.clone(), false)).await? {
                Read::Found(_) => {}
                Read::Gone => {
                    self.0.held.forget(object.info().name, place.as_deref());
                    cx.over(object.info().name, place).await;
                    return Ok(Stored { state: wire::null(), identity: None, private: Vec::new() });
                }
                Read::Unreachable(why) => return Err(Error::new(why.about, why.why)),
            }
        }
        cx.write_down(place.clone()).await;
        let end = guard(object.delete(Arc::clone(&cx), prior.clone())).await;
        said.extend(cx.take_warnings());
        match end {
            Ok(Deleted::Gone) => {
                self.0.held.forget(object.info().name, place.as_deref());
                cx.nothing_came_of_it();
                cx.over(object.info().name, place).await;
                Ok(Stored { state: wire::null(), identity: None, private: Vec::new() })
            }
            Ok(Deleted::Unfinished(left, why)) => {
                said.extend(why.midway().into_diagnostics());
                cx.answered(place);
                let mut left = refreshed(object, Some(prior), &left);
                if let Some(name) = object.info().ready {
                    left.insert(name.to_owned(), Value::Bool(false));
                }
                stored(object, &cx, left, request.planned_identity.as_ref())
            }
            Err(error) => {
                // The object is as it was.
                cx.nothing_came_of_it();
                said.extend(error.into_diagnostics());
                stored(object, &cx, prior.clone(), request.planned_identity.as_ref())
            }
        }
    }
}
