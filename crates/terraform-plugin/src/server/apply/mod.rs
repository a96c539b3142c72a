//! ApplyResourceChange: create, update, delete. Whatever happens, the reply says what exists, with private data and
//! identity: what is left out there is lost.

mod create;
mod delete;
mod update;

use std::sync::Arc;

use tfplugin6::apply_resource_change::{Request, Response};
use tfplugin6::{DynamicValue, ResourceIdentityData};

use super::{Server, wire};
use crate::cx::Cx;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::error::Error;
use crate::journal::Verb;
use crate::model::Operation;
use crate::plan::{self, Contradiction};
use crate::private::Private;
use crate::provider::Provider;
use crate::registry::{AnyResource, Attributes, ObjectInfo};
use crate::value::Value;

/// What is stored afterwards.
struct Stored {
    state: DynamicValue,
    identity: Option<ResourceIdentityData>,
    private: Vec<u8>,
}

/// A decoded request.
struct Apply<A> {
    object: Arc<dyn AnyResource<A>>,
    prior: Option<Attributes>,
    planned: Option<Attributes>,
    config: Attributes,
}

impl<P: Provider> Server<P> {
    pub(super) async fn apply(&self, request: Request) -> Response {
        // A task of its own, so that an answer that nobody waits for any more does not end the work in mid-air: what
        // runs sees the signal to stop, and comes to an end in order.
        let server = self.clone();
        let prior = Stored::prior(&request);
        match tokio::spawn(async move { server.apply_to_the_end(request).await }).await {
            Ok(response) => response,
            Err(panic) => {
                let error = Error::new("The provider has a bug and panicked", panic.to_string());
                prior.reply(error.into_diagnostics())
            }
        }
    }

    async fn apply_to_the_end(&self, request: Request) -> Response {
        let mut said = Diagnostics::default();
        let stored = match self.try_apply(&request, &mut said).await {
            Ok(stored) => stored,
            // Nothing was begun.
            Err(error) => {
                said.extend(error.into_diagnostics());
                Stored::prior(&request)
            }
        };
        stored.reply(said)
    }

    async fn try_apply(&self, request: &Request, said: &mut Diagnostics) -> Result<Stored, Error> {
        let object = self.resource(&request.type_name)?;
        let info = object.info();
        let prior = wire::decode_object(request.prior_state.as_ref(), info)?;
        let planned = wire::decode_object(request.planned_state.as_ref(), info)?;
        let config = wire::decode_object(request.config.as_ref(), info)?.unwrap_or_default();
        let apply = Apply { object, prior, planned, config };
        match (&apply.prior, &apply.planned) {
            (None, Some(planned)) => self.create(&apply, planned, request, said).await,
            (Some(prior), Some(planned)) => self.update(&apply, prior, planned, request, said).await,
            (Some(prior), None) => self.delete(&apply, prior, request, said).await,
            (None, None) => Ok(Stored { state: wire::null(), identity: None, private: Vec::new() }),
        }
    }

    /// What an operation that writes has at hand; an error if it is not to begin any more. A create or a removal comes with
    /// its entry of the journal, not written yet.
    async fn writing(
        &self,
        object: &ObjectInfo,
        operation: Operation,
        attributes: &Attributes,
        private: &[u8],
    ) -> Result<Arc<Cx<P::Api>>, Error> {
        let private = Private::decode(private);
        let private = if operation == Operation::Delete { private } else { private.kept() };
        let cx = self.cx(object, operation, Some(attributes))?.with_private(private);
        if cx.stop.is_cancelled() {
            return Err(Error::new("Stopped before anything was written", "Apply again."));
        }
        let verb = match operation {
            Operation::Create => Verb::Create,
            Operation::Delete => Verb::Remove,
            _ => return Ok(Arc::new(cx)),
        };
        let (_, journal, _) = self.api()?;
        let intent = journal.intent(verb, object.name, &object.schema().attributes, attributes);
        Ok(Arc::new(cx.with_intent(Arc::new(intent))))
    }

    /// The state after something was made or changed: the plan, completed by what was found.
    fn held(
        &self,
        apply: &Apply<P::Api>,
        planned: &Attributes,
        found: &Attributes,
        finished: bool,
        said: &mut Diagnostics,
    ) -> Attributes {
        let info = apply.object.info();
        let (mut state, mut contradictions) = plan::hold(&info.schema().attributes, planned, found);
        contradictions.retain(|c| !is_ready(info, c));
        if !finished {
            // The plan is echoed where the object is not that far yet; what is left to do is what `ready` says.
            contradictions.clear();
        }
        if let Some(name) = info.ready {
            // What the plan promised must stand.
            let ready = match planned.get(name) {
                Some(Value::Bool(promised)) => *promised,
                _ => finished && (contradictions.is_empty() || self.0.strict),
            };
            state.insert(name.to_owned(), Value::Bool(ready));
        }
        let left_open = info.ready.is_some_and(|name| state.get(name) == Some(&Value::Bool(false)));
        said.extend(contradictions.into_iter().map(|c| contradiction(c, left_open, self.0.strict)));
        state
    }
}

fn is_ready(info: &ObjectInfo, contradiction: &Contradiction) -> bool {
    info.ready.is_some_and(|name| contradiction.path == name.into())
}

fn contradiction(found: Contradiction, left_open: bool, strict: bool) -> Diagnostic {
    let (path, planned, now) = (found.path, found.planned, found.found);
    let what = if found.sensitive {
        "The values are sensitive and not shown.".to_owned()
    } else {
        format!("Planned was {}, found is {}.", show(&planned), show(&now))
    };
    if strict {
        let summary = format!("The provider has a bug: {path} came out otherwise than planned");
        let cure = "For its author: a computed attribute that changes together with others is planned as it was, unless \
                    `Resource::plan` sets it to `Attr::Unknown`; texts that mean the same are told by `same`.";
        return Diagnostic::error(summary, format!("{what}\n{cure}")).at(path);
    }
    let cure = match left_open {
        true => "The state holds the planned value, with `ready = false`: the next plan looks at it again.",
        false => "The state holds the planned value; the next refresh shows what is there.",
    };
    Diagnostic::warning(format!("{path} came out otherwise than planned"), format!("{what}\n{cure}")).at(path)
}

/// A value for a message, cut where it gets long.
fn show(value: &Value) -> String {
    const ENOUGH: usize = 200;
    let text = value.to_string();
    match text.char_indices().nth(ENOUGH) {
        Some((cut, _)) => format!("{} ...", &text[..cut]),
        None => text,
    }
}

/// Why an object is not finished, as warnings.
fn unfinished(why: Error, info: &ObjectInfo, said: &mut Diagnostics) {
    let cure = match info.ready {
        Some(_) => "It is kept with `ready = false`: apply again to finish it.",
        None => "It is kept: apply again to finish it.",
    };
    said.extend(why.into_warnings().map(|mut warning| {
        let gap = if warning.detail.is_empty() { "" } else { "\n" };
        warning.detail = format!("{}{gap}{cure}", warning.detail);
        warning
    }));
}

impl Stored {
    /// Everything as it was.
    fn prior(request: &Request) -> Self {
        Self {
            state: request.prior_state.clone().unwrap_or_else(wire::null),
            identity: request.planned_identity.clone(),
            private: request.planned_private.to_vec(),
        }
    }

    fn reply(self, said: Diagnostics) -> Response {
        Response {
            new_state: Some(self.state),
            private: self.private.into(),
            diagnostics: wire::diagnostics(said),
            legacy_type_system: false,
            new_identity: self.identity,
        }
    }
}

/// What is stored of an object that exists. The identity that was there is kept as long as the key is not known.
fn stored<A>(
    object: &dyn AnyResource<A>,
    cx: &Cx<A>,
    state: Attributes,
    identity: Option<&ResourceIdentityData>,
) -> Result<Stored, Error> {
    let info = object.info();
    let found = wire::encode_identity(object.key(&state), info)?;
    Ok(Stored {
        identity: found.or_else(|| identity.cloned()),
        state: wire::encode_object(state, info)?,
        private: cx.private.encode(),
    })
}
