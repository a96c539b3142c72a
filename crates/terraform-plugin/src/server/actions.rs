//! PlanAction and InvokeAction.

use std::sync::Arc;

use futures_util::stream;
use tfplugin6::invoke_action::event::{Completed, Progress as Told, Type};
use tfplugin6::invoke_action::{Event, Request as Invoke};
use tfplugin6::plan_action::{Request as Ahead, Response};
use tokio::sync::mpsc;
use tonic::codegen::BoxStream;

use super::guard::guard;
use super::{Server, wire};
use crate::action::Progress;
use crate::diagnostics::Diagnostics;
use crate::error::Error;
use crate::model::Operation;
use crate::plan;
use crate::provider::Provider;
use crate::registry::{Attributes, ObjectInfo};
use crate::stop::StopReason;

impl<P: Provider> Server<P> {
    pub(super) async fn plan_action(&self, request: Ahead) -> Response {
        let mut said = Diagnostics::default();
        if let Err(error) = self.try_plan_action(&request, &mut said).await {
            said.extend(error.into_diagnostics());
        }
        Response { diagnostics: wire::diagnostics(said), deferred: None }
    }

    async fn try_plan_action(&self, request: &Ahead, said: &mut Diagnostics) -> Result<(), Error> {
        let action = self.action(&request.action_type)?;
        let config = configured(action.info(), request.config.as_ref())?;
        // Where the provider itself is not known yet, nobody can be asked; the apply will tell.
        let Ok(cx) = self.cx(action.info(), Operation::Read, None) else { return Ok(()) };
        let cx = Arc::new(cx);
        let looked = guard(action.plan(Arc::clone(&cx), config)).await;
        said.extend(cx.take_warnings());
        said.extend(looked?);
        Ok(())
    }

    /// Begins, and answers with what it tells on the way and, as the last event, with how it ended. The work goes on in a task
    /// of its own: whoever stops listening stops it as Ctrl-C does, and it comes to an orderly end.
    pub(super) fn invoke_action(&self, request: Invoke) -> BoxStream<Event> {
        let (events, told) = mpsc::unbounded_channel();
        let server = self.clone();
        tokio::spawn(async move {
            let mut said = Diagnostics::default();
            let tell = events.clone();
            let progress = Progress::to(move |message| {
                // Nobody listens any more.
                let _ = tell.send(Event { r#type: Some(Type::Progress(Told { message })) });
            });
            if let Err(error) = server.try_invoke(&request, progress, events.closed(), &mut said).await {
                said.extend(error.into_diagnostics());
            }
            let completed = Completed { diagnostics: wire::diagnostics(said) };
            let _ = events.send(Event { r#type: Some(Type::Completed(completed)) });
        });
        // The end is the end, even if something that the action has left running still speaks.
        Box::pin(stream::unfold(Some(told), async |told| {
            let mut told = told?;
            let event = told.recv().await?;
            let over = matches!(event.r#type, Some(Type::Completed(_)));
            Some((Ok(event), (!over).then_some(told)))
        }))
    }

    async fn try_invoke(
        &self,
        request: &Invoke,
        progress: Progress,
        unheard: impl Future<Output = ()>,
        said: &mut Diagnostics,
    ) -> Result<(), Error> {
        let action = self.action(&request.action_type)?;
        let config = configured(action.info(), request.config.as_ref())?;
        let mut cx = self.cx(action.info(), Operation::Update, Some(&config))?;
        if cx.stop.is_cancelled() {
            return Err(Error::new("Stopped before anything was done", "Nothing was written."));
        }
        let stop = cx.stop.child();
        cx.stop = stop.clone();
        let cx = Arc::new(cx);
        let work = guard(action.invoke(Arc::clone(&cx), config, progress));
        let unheard = async {
            unheard.await;
            stop.stop(StopReason::Asked);
            std::future::pending::<()>().await;
        };
        let done = tokio::select! {
            done = work => done,
            () = unheard => Ok(()),
        };
        said.extend(cx.take_warnings());
        done
    }
}

/// What is configured, with defaults.
fn configured(info: &ObjectInfo, config: Option<&tfplugin6::DynamicValue>) -> Result<Attributes, Error> {
    let config = wire::decode_object(config, info)?.unwrap_or_else(|| wire::blank(info));
    Ok(plan::configured(&info.schema().attributes, &config))
}
