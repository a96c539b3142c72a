//! Finding what exists: what `terraform query` asks for, and whoever wants to take over what others have made.

use std::collections::BTreeMap;
use std::future::Future;

use crate::cx::Cx;
use crate::error::Error;
use crate::look::Listed;
use crate::model::{Key, Keyed};
use crate::resource::Resource;
use crate::value::Value;

/// A resource of which all objects can be found. What is [`Listed`] can; others say here how.
pub trait Queried<A: Send + Sync + 'static>: Resource<A> {
    /// Attributes that only [`Queried::seek`] tells, since a state does not know them: what is asked for at creation alone, and
    /// found out about by [`Seen::knowing`].
    const TELLS: &'static [&'static str] = &[];

    /// All of them, each as far as the API tells without being asked for each. An error where nothing can be said of any;
    /// where some could not be looked for, [`Seen::Missed`] stands for them.
    fn seek(cx: &Cx<A>) -> impl Future<Output = Result<Vec<Seen<Self>>, Error>> + Send;
}

impl<A: Send + Sync + 'static, R: Listed<A>> Queried<A> for R {
    async fn seek(cx: &Cx<A>) -> Result<Vec<Seen<Self>>, Error> {
        let seen = |object: R| match object.incomplete() {
            None => Seen::whole(object),
            Some(why) => Seen::Missed(why),
        };
        Ok(R::list(cx).await?.into_iter().map(seen).collect())
    }
}

/// Something that was found.
#[derive(Clone, Debug)]
pub enum Seen<R: Keyed> {
    /// All of it.
    Whole(Box<R>),
    /// That it is there. It is read where more is asked for.
    There {
        /// Its key.
        key: R::Key,
        /// What people call it.
        title: String,
        /// What else the list tells of it, by attribute: it is not read where that tells against it.
        known: BTreeMap<String, Value>,
    },
    /// Nobody knows whether there is something: why.
    Missed(Error),
}

impl<R: Keyed> Seen<R> {
    /// All of it.
    pub fn whole(object: R) -> Self {
        Self::Whole(Box::new(object))
    }

    /// That it is there, under its key's name.
    pub fn there(key: R::Key) -> Self {
        Self::There { title: key.to_string(), known: key.encode(), key }
    }

    /// Under another name.
    #[must_use]
    pub fn titled(self, name: impl Into<String>) -> Self {
        match self {
            Self::There { key, known, .. } => Self::There { key, known, title: name.into() },
            other => other,
        }
    }

    /// And that an attribute of it is so.
    #[must_use]
    pub fn knowing(mut self, attribute: &str, value: impl Into<Value>) -> Self {
        if let Self::There { known, .. } = &mut self {
            known.insert(attribute.to_owned(), value.into());
        }
        self
    }
}
