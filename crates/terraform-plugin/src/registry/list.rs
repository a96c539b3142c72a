//! A list of objects without their type.

use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use super::object::Attributes;
use crate::cx::Cx;
use crate::error::Error;
use crate::listing::{Queried, Seen};
use crate::model::Key;

/// Something that was found, without its type.
pub(crate) enum AnySeen {
    There {
        /// The import id.
        id: String,
        key: Attributes,
        title: String,
        /// What is known of it: of one that was seen as a whole, everything.
        known: Attributes,
        whole: bool,
    },
    Missed(Error),
}

/// A list of objects without their type.
pub(crate) trait AnyList<A>: Send + Sync {
    fn seek(&self, cx: Arc<Cx<A>>) -> BoxFuture<'static, Result<Vec<AnySeen>, Error>>;

    /// Attributes that no state knows.
    fn tells(&self) -> &'static [&'static str];
}

pub(super) struct Registered<R>(PhantomData<fn() -> R>);

impl<R> Registered<R> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<A: Send + Sync + 'static, R: Queried<A>> AnyList<A> for Registered<R> {
    fn seek(&self, cx: Arc<Cx<A>>) -> BoxFuture<'static, Result<Vec<AnySeen>, Error>> {
        async move { Ok(R::seek(&cx).await?.into_iter().filter_map(any).collect()) }.boxed()
    }

    fn tells(&self) -> &'static [&'static str] {
        R::TELLS
    }
}

/// What has no key yet is nothing that could be taken over.
fn any<R: crate::model::Keyed>(seen: Seen<R>) -> Option<AnySeen> {
    let there = |key: R::Key, title: String, known, whole| AnySeen::There {
        id: key.to_string(),
        key: key.encode(),
        title,
        known,
        whole,
    };
    Some(match seen {
        Seen::Whole(object) => {
            let key = object.key()?;
            let title = key.to_string();
            there(key, title, object.encode(), true)
        }
        Seen::There { key, title, known } => there(key, title, known, false),
        Seen::Missed(why) => AnySeen::Missed(why),
    })
}
