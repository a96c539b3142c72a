//! An action without its type.

use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::object::{Attributes, ObjectInfo};
use crate::action::{Action, Progress};
use crate::cx::Cx;
use crate::diagnostics::Diagnostic;
use crate::error::Error;
use crate::model::Fault;
use crate::plan::Say;

/// An action without its type.
pub(crate) trait AnyAction<A>: Send + Sync {
    fn info(&self) -> &ObjectInfo;

    fn validate(&self, config: &Attributes) -> Result<Vec<Diagnostic>, Fault>;

    fn plan(&self, cx: Arc<Cx<A>>, config: Attributes) -> BoxFuture<'static, Result<Vec<Diagnostic>, Error>>;

    fn invoke(&self, cx: Arc<Cx<A>>, config: Attributes, progress: Progress) -> BoxFuture<'static, Result<(), Error>>;
}

pub(super) struct Registered<X> {
    info: ObjectInfo,
    model: PhantomData<fn() -> X>,
}

impl<X: crate::model::Model> Registered<X> {
    pub(super) fn new<A: Send + Sync + 'static>() -> Self
    where
        X: Action<A>,
    {
        let mut info = ObjectInfo::of::<X>();
        info.needs = X::needs;
        Self { info, model: PhantomData }
    }
}

impl<A: Send + Sync + 'static, X: Action<A>> AnyAction<A> for Registered<X> {
    fn info(&self) -> &ObjectInfo {
        &self.info
    }

    fn validate(&self, config: &Attributes) -> Result<Vec<Diagnostic>, Fault> {
        let mut say = Say::default();
        X::validate(&X::decode_plan(config)?, &mut say);
        Ok(say.into_said())
    }

    fn plan(&self, cx: Arc<Cx<A>>, config: Attributes) -> BoxFuture<'static, Result<Vec<Diagnostic>, Error>> {
        async move {
            let mut say = Say::default();
            X::plan(&cx, &X::decode_plan(&config)?, &mut say).await;
            Ok(say.into_said())
        }
        .boxed()
    }

    fn invoke(&self, cx: Arc<Cx<A>>, config: Attributes, progress: Progress) -> BoxFuture<'static, Result<(), Error>> {
        async move { X::invoke(&cx, X::decode(&config)?, &progress).await }.boxed()
    }
}
