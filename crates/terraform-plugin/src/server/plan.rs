//! PlanResourceChange: the schema's rules, then the object's own say.

use std::sync::Arc;

use tfplugin6::plan_resource_change::{Request, Response};

use super::guard::guard;
use super::{Server, wire};
use crate::cx::Cx;
use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::error::Error;
use crate::held::Oddity;
use crate::model::Operation;
use crate::path::Path;
use crate::plan::{self, Ahead, Found};
use crate::private::Private;
use crate::provider::Provider;
use crate::registry::{AnyResource, Attributes, Hook};
use crate::value::Value;

impl<P: Provider> Server<P> {
    pub(super) async fn plan(&self, request: Request) -> Response {
        let mut said = Diagnostics::default();
        let mut response = match self.try_plan(&request, &mut said).await {
            Ok(response) => response,
            Err(error) => {
                said.extend(error.into_diagnostics());
                // Terraform looks no further than the error; the prior state says that nothing was planned.
                Response {
                    planned_state: request.prior_state.clone(),
                    planned_private: request.prior_private.clone(),
                    planned_identity: request.prior_identity.clone(),
                    ..Response::default()
                }
            }
        };
        response.diagnostics = wire::diagnostics(said);
        response
    }

    async fn try_plan(&self, request: &Request, said: &mut Diagnostics) -> Result<Response, Error> {
        let object = self.resource(&request.type_name)?;
        let info = object.info();
        let prior = wire::decode_object(request.prior_state.as_ref(), info)?;
        let config = wire::decode_object(request.config.as_ref(), info)?;
        // Of what a `moved` block has brought here no more is known than which one it is: all else would be planned as a change.
        if prior.is_some() && Private::decode(&request.prior_private).take_imported() {
            let detail = "It comes from another type, and has not been read since. Plan without `-refresh=false`.";
            return Err(Error::new(format!("What this {} is like is not known yet", info.name), detail));
        }
        let Some(config) = config else { return self.plan_destroy(object.as_ref(), prior, request, said).await };

        let attributes = &info.schema().attributes;
        let planned = plan::plan(info, &config, prior.as_ref());
        // A replacement is planned as a create in the end, with the private data of what it replaces; of that plan the removal
        // gets what was handed on to it.
        let private = Private::decode(&request.prior_private);
        let private = if prior.is_some() { private.kept() } else { private.on_its_way() };
        let cx = self.looking(object.as_ref(), &planned, private);
        let hook = Hook { prior: prior.clone(), config: Some(config.clone()), plan: Some(planned.clone()) };
        let (mut planned, replace) = own_say(object.as_ref(), &cx, hook, planned, said).await?;
        if cx.is_err() && prior.as_ref().is_some_and(|prior| !plan::differ_locally_only(attributes, prior, &planned)) {
            plan::without_its_say(attributes, info.key, &mut planned);
        }

        if self.0.strict {
            said.extend(plan::self_check(attributes, &config, prior.as_ref(), &planned));
        }
        let requires_replace = match &prior {
            Some(prior) => plan::replacements(attributes, prior, &planned, replace),
            None => Vec::new(),
        };
        if let Ok(cx) = &cx {
            let ahead =
                Planned { prior: prior.as_ref(), planned: &planned, config: &config, replaced: &requires_replace };
            self.look_ahead(object.as_ref(), cx, ahead, said).await?;
            said.told_once();
        }
        let replaces = prior.is_none() || !requires_replace.is_empty();
        let private = match &cx {
            Ok(cx) => cx.private.planned(replaces),
            Err(private) => private.planned(replaces),
        };
        let planned_identity = match wire::encode_identity(object.key(&planned), info)? {
            None if prior.is_some() => request.prior_identity.clone(),
            identity => identity,
        };
        Ok(Response {
            planned_state: Some(wire::encode_object(planned, info)?),
            requires_replace: requires_replace.iter().filter_map(Into::into).collect(),
            planned_private: private.into(),
            planned_identity,
            ..Response::default()
        })
    }

    async fn plan_destroy(
        &self,
        object: &dyn AnyResource<P::Api>,
        prior: Option<Attributes>,
        request: &Request,
        said: &mut Diagnostics,
    ) -> Result<Response, Error> {
        let private = Private::decode(&request.prior_private).kept();
        let cx = self.looking(object, &Attributes::new(), private);
        let hook = Hook { prior: prior.clone(), config: None, plan: None };
        own_say(object, &cx, hook, Attributes::new(), said).await?;
        if let (Ok(cx), Some(prior)) = (&cx, &prior) {
            let name = object.info().name;
            if object.place(prior).is_some_and(|place| self.0.held.go(name, &place)) {
                said.push(renamed::<P>(name));
            }
            let found = guard(object.removable(Arc::clone(cx), prior.clone())).await?;
            said.extend(self.foretold(found, Ahead::Removal(&Self::full(name)), true));
            said.extend(cx.take_warnings());
        }
        let private = match &cx {
            Ok(cx) => cx.private.planned(false),
            Err(private) => private.planned(false),
        };
        Ok(Response {
            planned_state: Some(wire::null()),
            planned_private: private.into(),
            planned_identity: request.prior_identity.clone(),
            ..Response::default()
        })
    }

    /// What a plan has at hand; without the API, the private data alone. As long as the provider's configuration is not
    /// known, the schema's rules are all there is.
    fn looking(&self, object: &dyn AnyResource<P::Api>, planned: &Attributes, private: Private) -> Looking<P> {
        match self.cx(object.info(), Operation::Read, Some(planned)) {
            Ok(cx) => Ok(Arc::new(cx.with_private(private))),
            Err(error) => {
                tracing::debug!(%error, "planned without the API");
                Err(private)
            }
        }
    }

    /// What the apply would say, as far as it can be known by now.
    async fn look_ahead(
        &self,
        object: &dyn AnyResource<P::Api>,
        cx: &Arc<Cx<P::Api>>,
        Planned { prior, planned, config, replaced }: Planned<'_>,
        said: &mut Diagnostics,
    ) -> Result<(), Error> {
        let (name, schema) = (object.info().name, object.info().schema());
        let kind = Self::full(name);
        let place = object.place(planned);
        match prior {
            // What takes its place is planned once more, as a create.
            Some(prior) if !replaced.is_empty() => {
                if let Some(place) = object.place(prior) {
                    self.0.held.replace(name, place);
                }
                let found = guard(object.removable(Arc::clone(cx), prior.clone())).await?;
                let told = self.foretold(found, Ahead::Removal(&kind), true);
                // Terraform shows no plan beside an error, so nothing else would say why.
                let why = plan::why_replaced(schema, prior, planned, replaced);
                said.extend(told.into_iter().map(|told| match told.severity {
                    Severity::Error => {
                        Diagnostic { detail: format!("{}\n{why}", told.detail).trim_start().to_owned(), ..told }
                    }
                    Severity::Warning => told,
                }));
            }
            Some(prior) => {
                let kept = place.filter(|place| object.place(prior).as_ref() == Some(place));
                if kept.is_some_and(|place| self.0.held.keep(name, &place).is_some()) {
                    said.push(twice::<P>(name));
                }
                if !plan::differ_locally_only(&schema.attributes, prior, planned) {
                    let asked = plan::asked(planned, config);
                    let found = guard(object.possible(Arc::clone(cx), asked, Some(prior.clone()))).await?;
                    said.extend(self.foretold(found, Ahead::Apply(&kind), false));
                }
            }
            None => {
                match place.as_ref().and_then(|place| self.0.held.come(name, place)) {
                    Some(Oddity::Renamed) => said.push(renamed::<P>(name)),
                    Some(Oddity::Twice) => said.push(twice::<P>(name)),
                    None => {}
                }
                let found = guard(object.possible(Arc::clone(cx), plan::asked(planned, config), None)).await?;
                // What exists is no news if this state holds it, or was about to make it when a run was cut off. Terraform may
                // have shown it while that looked.
                let held = match place.filter(|_| found.says_exists()) {
                    Some(place) => {
                        let (_, journal, _) = self.api()?;
                        self.0.held.holds(name, &place)
                            || journal.expects(name, &place, &schema.attributes, planned).await
                    }
                    None => false,
                };
                said.extend(self.foretold(found, Ahead::Apply(&kind), held));
            }
        }
        said.extend(cx.take_warnings());
        Ok(())
    }

    /// What was found, as messages of the plan.
    fn foretold(&self, found: Found, ahead: Ahead<'_>, held: bool) -> Vec<Diagnostic> {
        found.foretold(ahead, held, |error| self.is_news(error))
    }
}

/// What is planned.
struct Planned<'a> {
    prior: Option<&'a Attributes>,
    planned: &'a Attributes,
    config: &'a Attributes,
    /// The attributes because of which it is to be replaced.
    replaced: &'a [Path],
}

/// What a plan has at hand, or the private data alone.
type Looking<P> = Result<Arc<Cx<<P as Provider>::Api>>, Private>;

/// The object's own `plan`: what it made of the plan, and what it wants replaced.
async fn own_say<A>(
    object: &dyn AnyResource<A>,
    cx: &Result<Arc<Cx<A>>, Private>,
    hook: Hook,
    planned: Attributes,
    said: &mut Diagnostics,
) -> Result<(Attributes, Vec<Path>), Error> {
    let Ok(cx) = cx else { return Ok((planned, Vec::new())) };
    let destroy = hook.config.is_none();
    let hooked = guard(object.plan(Arc::clone(cx), hook)).await;
    said.extend(cx.take_warnings());
    let hooked = hooked?;
    said.extend(hooked.said);
    if destroy {
        return Ok((planned, Vec::new()));
    }
    let merged = plan::merge(Value::Object(planned), &Value::Object(hooked.before), Value::Object(hooked.after));
    match merged {
        Value::Object(planned) => Ok((planned, hooked.replace)),
        _ => Err(Error::new("The provider has a bug: it planned something that is no object", "")),
    }
}

/// Two blocks, one object: the second would fail.
fn twice<P: Provider>(name: &str) -> Diagnostic {
    let kind = Server::<P>::full(name);
    Diagnostic::warning(
        format!("Two blocks name one {kind}"),
        "What this block plans another one makes, or two instances of one block do. Only one of them can have it: the apply of \
         the other fails, or the two take turns in changing it. Remove one of the two (a provider is not told their names), or give it another name.",
    )
}

/// Two blocks, one object: it would be destroyed and made anew.
fn renamed<P: Provider>(name: &str) -> Diagnostic {
    let kind = Server::<P>::full(name);
    Diagnostic::warning(
        format!("A {kind} is destroyed and made anew under another name"),
        format!(
            "One block of this plan destroys the very object that another one makes. If the block was only renamed (or a \
             key of its `for_each`), say so, with your names in place of OLD and NEW, and nothing is destroyed:\n\n\
             moved {{\n  from = {kind}.OLD\n  to   = {kind}.NEW\n}}"
        ),
    )
}
