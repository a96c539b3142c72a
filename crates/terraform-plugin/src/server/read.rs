//! ReadResource: what exists, or that nobody could be asked. Null is answered only on a certain "does not exist".

use std::sync::{Arc, PoisonError};

use tfplugin6::ResourceIdentityData;
use tfplugin6::read_resource::{Request, Response};

use super::guard::guard;
use super::{Server, wire};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::error::Error;
use crate::model::Operation;
use crate::outcome::{Read, Unreachable};
use crate::plan;
use crate::private::Private;
use crate::provider::Provider;
use crate::registry::{AnyResource, Attributes};
use crate::value::Value;

/// The state after a read, with what goes with it.
struct Answer {
    state: Option<tfplugin6::DynamicValue>,
    identity: Option<ResourceIdentityData>,
    private: Vec<u8>,
}

impl<P: Provider> Server<P> {
    pub(super) async fn read(&self, request: Request) -> Response {
        let mut said = Diagnostics::default();
        let answer = match self.try_read(&request, &mut said).await {
            Ok(answer) => answer,
            // The state stays as it was: nothing has been learnt.
            Err(error) => {
                // An import that is not told of would be taken for done.
                if error.is_everywhere() || self.is_news(&error) || Private::decode(&request.private).take_imported() {
                    said.extend(error.into_diagnostics());
                }
                kept(&request)
            }
        };
        Response {
            new_state: answer.state,
            diagnostics: wire::diagnostics(said),
            private: answer.private.into(),
            deferred: None,
            new_identity: answer.identity,
        }
    }

    async fn try_read(&self, request: &Request, said: &mut Diagnostics) -> Result<Answer, Error> {
        let object = self.resource(&request.type_name)?;
        let info = object.info();
        let Some(state) = wire::decode_object(request.current_state.as_ref(), info)? else {
            return Ok(Answer { state: Some(wire::null()), identity: None, private: Vec::new() });
        };
        let private = Private::decode(&request.private);
        let imported = private.take_imported();
        let place = object.place(&state);
        if !imported {
            self.see(object.as_ref(), &state).await;
        }
        if object.key(&state).is_none() && !imported {
            said.push(unidentified(info.name));
            return Ok(kept(request));
        }
        let cx = match self.cx(info, Operation::Read, Some(&state)) {
            Ok(cx) => Arc::new(cx.with_private(private)),
            Err(error) if !imported => {
                self.unreachable_once(&not_configured(error), said);
                return Ok(kept(request));
            }
            Err(error) => return Err(error),
        };
        let found = guard(object.read(Arc::clone(&cx), state.clone(), imported)).await;
        said.extend(cx.take_warnings());
        cx.take_unreachable().iter().for_each(|why| self.unreachable_once(why, said));
        match found? {
            Read::Found(model) => {
                cx.private.promise(false);
                let prior = (!imported).then_some(&state);
                let mut now = refreshed(object.as_ref(), prior, &model);
                if imported {
                    carry(&state, &mut now);
                }
                let state = now;
                let now = object.place(&state);
                if now != place {
                    self.0.held.forget(info.name, place.as_deref());
                }
                self.0.held.see(info.name, now, &state);
                self.0.held.refreshed();
                let identity = wire::encode_identity(object.key(&state), info)?;
                let identity = identity.or_else(|| request.current_identity.clone());
                let state = Some(wire::encode_object(state, info)?);
                Ok(Answer { state, identity, private: cx.private.encode() })
            }
            // It was never said to be there.
            Read::Gone if cx.is_promised() => {
                self.0.held.refreshed();
                Ok(kept(request))
            }
            Read::Gone => {
                self.0.held.forget(info.name, place.as_deref());
                cx.over(info.name, place).await;
                Ok(Answer { state: Some(wire::null()), identity: None, private: Vec::new() })
            }
            Read::Unreachable(why) if imported => {
                let told = format!("{}\nNothing was imported. Apply again when it answers.", why.why);
                Err(Error::new(why.about, told.trim_start().to_owned()))
            }
            Read::Unreachable(why) => {
                self.unreachable_once(&why, said);
                Ok(kept(request))
            }
        }
    }

    /// Warns once a process about what does not answer: every object behind it would say the same.
    fn unreachable_once(&self, why: &Unreachable, said: &mut Diagnostics) {
        // An insert leaves nothing half done.
        let mut known = self.0.told.lock().unwrap_or_else(PoisonError::into_inner);
        if known.insert(why.about.clone()) {
            let summary = format!("{}; its objects are kept as last seen", why.about);
            said.push(Diagnostic::warning(summary, why.why.clone()));
        }
    }
}

/// The state after an object was found. `ready` is a latch: a read may turn it on, never off. What was imported is
/// ready.
pub(super) fn refreshed<A>(object: &dyn AnyResource<A>, prior: Option<&Attributes>, model: &Attributes) -> Attributes {
    let info = object.info();
    let mut state = plan::refresh(&info.schema().attributes, prior, model);
    if let Some(name) = info.ready {
        let is_true = |attributes: &Attributes| attributes.get(name) == Some(&Value::Bool(true));
        let ready = prior.is_none_or(|prior| is_true(prior) || is_true(model));
        state.insert(name.to_owned(), Value::Bool(ready));
    }
    state
}

/// What a `moved` block has brought along and nobody can be asked for, such as a secret that was shown once. An import brings
/// nothing but the key.
fn carry(brought: &Attributes, found: &mut Attributes) {
    for (name, value) in found.iter_mut().filter(|(_, value)| **value == Value::Null) {
        if let Some(known) = brought.get(name) {
            *value = known.clone();
        }
    }
}

fn kept(request: &Request) -> Answer {
    Answer {
        state: request.current_state.clone(),
        identity: request.current_identity.clone(),
        private: request.private.to_vec(),
    }
}

fn unidentified(name: &str) -> Diagnostic {
    Diagnostic::warning(
        format!("A {name} is not identified yet, and is kept as last seen"),
        "Its creation was interrupted before its key was known. The next apply looks for it and finishes it.",
    )
}

fn not_configured(error: Error) -> Unreachable {
    Unreachable { about: "The provider's configuration is not known yet".to_owned(), why: error.to_string() }
}
