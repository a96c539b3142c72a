//! What a data source can do.

use std::future::Future;

use crate::cx::Cx;
use crate::error::Error;
use crate::model::Model;
use crate::plan::Say;
use crate::resource::Need;

/// Something that Terraform looks up. `A` is the provider's API.
pub trait DataSource<A: Send + Sync + 'static>: Model {
    /// Whether it looks up a plain object.
    const PLAIN: bool = false;

    /// What somebody has to be allowed to do, to look it up: for the docs, and to have rights given.
    fn needs() -> Vec<Need> {
        Vec::new()
    }

    /// Looks at a configuration without asking anybody; anything in it may be unknown.
    fn validate(config: &Self::Plan, say: &mut Say<Self>) {
        let _ = (config, say);
    }

    /// Looks it up. `config` holds what was configured; the rest is to be filled in. There is no "gone" and no
    /// "unreachable": an empty answer would plan the destruction of what was made for each of its elements.
    fn read(cx: &Cx<A>, config: Self) -> impl Future<Output = Result<Self, Error>> + Send;
}
