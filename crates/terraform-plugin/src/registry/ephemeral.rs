//! An ephemeral resource without its type.

use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::object::{Attributes, ObjectInfo};
use crate::cx::Cx;
use crate::diagnostics::Diagnostic;
use crate::ephemeral::{Ephemeral, Opened};
use crate::error::Error;
use crate::model::Fault;
use crate::plan::Say;

/// An ephemeral resource without its type.
pub(crate) trait AnyEphemeral<A>: Send + Sync {
    fn info(&self) -> &ObjectInfo;

    fn validate(&self, config: &Attributes) -> Result<Vec<Diagnostic>, Fault>;

    fn open(&self, cx: Arc<Cx<A>>, config: Attributes) -> BoxFuture<'static, Result<Opened<Attributes>, Error>>;

    fn renew(&self, cx: Arc<Cx<A>>) -> BoxFuture<'static, Result<Option<SystemTime>, Error>>;

    fn close(&self, cx: Arc<Cx<A>>) -> BoxFuture<'static, Result<(), Error>>;
}

pub(super) struct Registered<E> {
    info: ObjectInfo,
    model: PhantomData<fn() -> E>,
}

impl<E: crate::model::Model> Registered<E> {
    pub(super) fn new<A: Send + Sync + 'static>() -> Self
    where
        E: Ephemeral<A>,
    {
        let mut info = ObjectInfo::of::<E>();
        info.needs = E::needs;
        Self { info, model: PhantomData }
    }
}

impl<A: Send + Sync + 'static, E: Ephemeral<A>> AnyEphemeral<A> for Registered<E> {
    fn info(&self) -> &ObjectInfo {
        &self.info
    }

    fn validate(&self, config: &Attributes) -> Result<Vec<Diagnostic>, Fault> {
        let mut say = Say::default();
        E::validate(&E::decode_plan(config)?, &mut say);
        Ok(say.into_said())
    }

    fn open(&self, cx: Arc<Cx<A>>, config: Attributes) -> BoxFuture<'static, Result<Opened<Attributes>, Error>> {
        async move {
            let Opened { result, renew_at } = E::open(&cx, E::decode(&config)?).await?;
            Ok(Opened { result: result.encode(), renew_at })
        }
        .boxed()
    }

    fn renew(&self, cx: Arc<Cx<A>>) -> BoxFuture<'static, Result<Option<SystemTime>, Error>> {
        async move { E::renew(&cx).await }.boxed()
    }

    fn close(&self, cx: Arc<Cx<A>>) -> BoxFuture<'static, Result<(), Error>> {
        async move { E::close(&cx).await }.boxed()
    }
}
