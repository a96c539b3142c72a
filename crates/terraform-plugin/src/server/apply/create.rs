//! Create. An error goes without a state, a state goes without an error: Terraform would mark the object as tainted,
//! and rebuild it.

use std::sync::Arc;

use tfplugin6::apply_resource_change::Request;

use super::super::{Server, wire};
use super::{Apply, Stored, stored, unfinished};
use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::model::Operation;
use crate::plan;
use crate::provider::Provider;
use crate::registry::{Attributes, CreateEnd};

impl<P: Provider> Server<P> {
    pub(super) async fn create(
        &self,
        apply: &Apply<P::Api>,
        planned: &Attributes,
        request: &Request,
        said: &mut Diagnostics,
    ) -> Result<Stored, Error> {
        let object = apply.object.as_ref();
        let info = object.info();
        let want = plan::with_write_only(&info.schema().attributes, planned, &apply.config);
        let cx = self.writing(info, Operation::Create, planned, &request.planned_private).await?;
        let end = object.create(Arc::clone(&cx), want).await;
        said.extend(cx.take_warnings());
        self.0.held.came(info.name, object.place(planned).as_deref());
        let (found, why) = match end {
            CreateEnd::Failed(error) => {
                cx.nothing_came_of_it();
                let place = object.place(planned);
                let held = place.as_deref().is_some_and(|place| self.0.held.holds(info.name, place));
                let making = match &place {
                    Some(place) if !held => cx.is_being_made(info.name, place).await,
                    _ => false,
                };
                said.extend(error.held_here(held).made_elsewhere(making).into_diagnostics());
                return Ok(Stored { state: wire::null(), identity: None, private: Vec::new() });
            }
            CreateEnd::Made(found) => (found, None),
            CreateEnd::Unfinished(found, why) => (found, Some(why.midway())),
            CreateEnd::Promised(found, why) => {
                // The journal tells of what was sent, and nothing was.
                cx.nothing_came_of_it();
                cx.private.promise(true);
                (found, Some(why))
            }
        };
        let place = object.place(&found);
        self.0.held.see(info.name, place.clone(), &found);
        if !cx.is_promised() {
            cx.answered(place.clone());
        }
        // What a run that was cut off had left of its predecessor.
        cx.over(info.name, place).await;
        let state = self.held(apply, planned, &found, why.is_none(), said);
        if let Some(why) = why {
            unfinished(why, info, said);
        }
        stored(object, &cx, state, None)
    }
}
