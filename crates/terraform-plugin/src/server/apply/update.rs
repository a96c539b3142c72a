//! Update, and the end of a creation that was left unfinished.

use std::sync::Arc;

use tfplugin6::apply_resource_change::Request;

use super::super::guard::guard;
use super::super::read::refreshed;
use super::super::{Server, wire};
use super::{Apply, Stored, stored, unfinished};
use crate::cx::Cx;
use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::model::Operation;
use crate::outcome::{Read, Updated};
use crate::plan;
use crate::private::Private;
use crate::provider::Provider;
use crate::registry::Attributes;
use crate::value::Value;

impl<P: Provider> Server<P> {
    pub(super) async fn update(
        &self,
        apply: &Apply<P::Api>,
        prior: &Attributes,
        planned: &Attributes,
        request: &Request,
        said: &mut Diagnostics,
    ) -> Result<Stored, Error> {
        let object = apply.object.as_ref();
        let info = object.info();
        let attributes = &info.schema().attributes;
        if plan::differ_locally_only(attributes, prior, planned) {
            // Nobody outside is concerned.
            return Ok(Stored {
                state: wire::encode_object(planned.clone(), info)?,
                identity: wire::encode_identity(object.key(planned), info)?
                    .or_else(|| request.planned_identity.clone()),
                private: request.planned_private.to_vec(),
            });
        }
        let want = plan::with_write_only(attributes, planned, &apply.config);
        let cx = self.writing(info, Operation::Update, planned, &request.planned_private).await?;
        let end = guard(object.update(Arc::clone(&cx), prior.clone(), want)).await;
        said.extend(cx.take_warnings());
        let (found, why) = match end {
            Ok(Updated::Done(found)) => (found, None),
            Ok(Updated::Unfinished(found, why)) => (found, Some(why.midway())),
            Ok(Updated::Promised(found, why)) => {
                let state = self.held(apply, planned, &found, false, said);
                unfinished(why, info, said);
                return stored(object, &cx, state, request.planned_identity.as_ref());
            }
            Err(error) => {
                let found = self.look_again(apply, prior, &cx).await;
                // An update has no token that proves that nothing was written; that all is as it was does.
                if found.is_some() {
                    cx.private.promise(false);
                }
                let as_before = found.as_ref().is_some_and(|found| plan::differ_locally_only(attributes, prior, found));
                said.extend(if as_before { error } else { error.midway() }.into_diagnostics());
                let state = found.unwrap_or_else(|| prior.clone());
                return stored(object, &cx, state, request.planned_identity.as_ref());
            }
        };
        cx.private.promise(false);
        if why.is_none() && info.ready.is_some_and(|name| planned.get(name) == Some(&Value::Unknown)) {
            cx.over(info.name, object.place(prior)).await;
        }
        let state = self.held(apply, planned, &found, why.is_none(), said);
        if let Some(why) = why {
            unfinished(why, info, said);
        }
        stored(object, &cx, state, request.planned_identity.as_ref())
    }

    /// What is there after an update has failed half-way; none if that cannot be found out. An object that is gone stays in
    /// the state until the next refresh says so: an error must not make Terraform forget it.
    async fn look_again(&self, apply: &Apply<P::Api>, prior: &Attributes, cx: &Cx<P::Api>) -> Option<Attributes> {
        let object = apply.object.as_ref();
        let looking = async {
            let private = Private::decode(&cx.private.encode());
            let cx = self.cx(object.info(), Operation::Read, Some(prior))?.with_private(private);
            guard(object.read(Arc::new(cx), prior.clone(), false)).await
        };
        match looking.await {
            Ok(Read::Found(model)) => Some(refreshed(object, Some(prior), &model)),
            Ok(Read::Gone | Read::Unreachable(_)) => None,
            Err(error) => {
                tracing::debug!(%error, "the object could not be read after its update had failed");
                None
            }
        }
    }
}
