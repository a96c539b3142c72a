//! A data source without its type.

use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::object::{Attributes, ObjectInfo};
use crate::cx::Cx;
use crate::data_source::DataSource;
use crate::diagnostics::Diagnostic;
use crate::error::Error;
use crate::model::Fault;
use crate::plan::Say;

/// A data source without its type.
pub(crate) trait AnyDataSource<A>: Send + Sync {
    fn info(&self) -> &ObjectInfo;

    fn validate(&self, config: &Attributes) -> Result<Vec<Diagnostic>, Fault>;

    fn read(&self, cx: Arc<Cx<A>>, config: Attributes) -> BoxFuture<'static, Result<Attributes, Error>>;
}

pub(super) struct Registered<D> {
    info: ObjectInfo,
    model: PhantomData<fn() -> D>,
}

impl<D: crate::model::Model> Registered<D> {
    pub(super) fn new<A: Send + Sync + 'static>() -> Self
    where
        D: DataSource<A>,
    {
        let mut info = ObjectInfo::of::<D>();
        info.plain = D::PLAIN;
        info.needs = D::needs;
        Self { info, model: PhantomData }
    }
}

impl<A: Send + Sync + 'static, D: DataSource<A>> AnyDataSource<A> for Registered<D> {
    fn info(&self) -> &ObjectInfo {
        &self.info
    }

    fn validate(&self, config: &Attributes) -> Result<Vec<Diagnostic>, Fault> {
        let mut say = Say::default();
        D::validate(&D::decode_plan(config)?, &mut say);
        Ok(say.into_said())
    }

    fn read(&self, cx: Arc<Cx<A>>, config: Attributes) -> BoxFuture<'static, Result<Attributes, Error>> {
        async move {
            let found = D::read(&cx, D::decode(&config)?).await?;
            Ok(found.encode())
        }
        .boxed()
    }
}
