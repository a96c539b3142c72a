//! PlanResourceChange: the schema's rules, then the object's own say.

use std::sync::Arc;

use tfplugin6::plan_resource_change::{Request, Response};

use super::guard::guard;
use super::{Server, wire};
use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::model::Operation;
use crate::plan;
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
        let Some(config) = config else { return self.plan_destroy(object.as_ref(), prior, request, said).await };

        let attributes = &info.schema().attributes;
        let planned = plan::plan(info, &config, prior.as_ref());
        // A replacement is planned as a create in the end, with the private data of what it replaces.
        let private = if prior.is_some() { Private::decode(&request.prior_private) } else { Private::default() };
        let hook = Hook { prior: prior.clone(), config: Some(config.clone()), plan: Some(planned.clone()) };
        let (planned, replace, private) = self.own_say(object.as_ref(), hook, planned, private, said).await?;

        if self.0.strict {
            said.extend(plan::self_check(attributes, &config, prior.as_ref(), &planned));
        }
        let requires_replace = match &prior {
            Some(prior) => plan::replacements(attributes, prior, &planned, replace),
            None => Vec::new(),
        };
        let planned_identity = match wire::encode_identity(object.key(&planned), info)? {
            None if prior.is_some() => request.prior_identity.clone(),
            identity => identity,
        };
        Ok(Response {
            planned_state: Some(wire::encode_object(planned, info)?),
            requires_replace: requires_replace.iter().filter_map(Into::into).collect(),
            planned_private: private.encode().into(),
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
        let hook = Hook { prior, config: None, plan: None };
        let private = Private::decode(&request.prior_private);
        self.own_say(object, hook, Attributes::new(), private, said).await?;
        Ok(Response {
            planned_state: Some(wire::null()),
            planned_private: request.prior_private.clone(),
            planned_identity: request.prior_identity.clone(),
            ..Response::default()
        })
    }

    /// The object's own `plan`, if the API is there. As long as the provider's configuration is not known, the schema's
    /// rules are all there is.
    async fn own_say(
        &self,
        object: &dyn AnyResource<P::Api>,
        hook: Hook,
        planned: Attributes,
        private: Private,
        said: &mut Diagnostics,
    ) -> Result<(Attributes, Vec<crate::path::Path>, Private), Error> {
        let cx = match self.cx(object.info(), Operation::Read, Some(&planned)) {
            Ok(cx) => Arc::new(cx.with_private(private)),
            Err(error) => {
                tracing::debug!(%error, "planned without the API");
                return Ok((planned, Vec::new(), private));
            }
        };
        let destroy = hook.config.is_none();
        let hooked = guard(object.plan(Arc::clone(&cx), hook)).await;
        said.extend(cx.take_warnings());
        let hooked = hooked?;
        said.extend(hooked.said);
        let private = Private::decode(&cx.private.encode());
        if destroy {
            return Ok((planned, Vec::new(), private));
        }
        let merged = plan::merge(Value::Object(planned), &Value::Object(hooked.before), Value::Object(hooked.after));
        match merged {
            Value::Object(planned) => Ok((planned, hooked.replace, private)),
            _ => Err(Error::new("The provider has a bug: it planned something that is no object", "")),
        }
    }
}
