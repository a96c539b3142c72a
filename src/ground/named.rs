//! An object that is known by a key of the user's own, where it is to be made: it may exist already, and then nothing but our
//! journal and what it is like tells whose it is.

use terraform_plugin::Cx;

use crate::ground::error::{Problem, exists};
use crate::ground::evidence;
use crate::ground::pve::Pve;

/// What the object is called.
#[derive(Clone, Debug)]
pub struct Named {
    /// Its type of resource.
    pub kind: String,
    /// The attribute that is its key.
    pub attribute: &'static str,
    /// Its key, which is its import id too.
    pub key: String,
    /// As messages say it: `Storage "ceph"`.
    pub what: String,
}

impl Named {
    /// The error that it exists already, with the `import` block.
    pub fn existing(&self) -> Problem {
        exists(&self.kind, &self.what, &self.key).at(self.attribute)
    }

    /// An error if it was `found`.
    pub fn must_be_absent<T>(&self, found: Option<T>) -> Result<(), Problem> {
        found.map_or(Ok(()), |_| Err(self.existing()))
    }

    /// What was `found`, if it is there because a run for this state was cut off while making it: it is then as it is wanted,
    /// which `agrees` tells. An error if it is there otherwise. For what is made without a task.
    pub async fn left_behind<T>(
        &self,
        cx: &Cx<Pve>,
        found: Option<T>,
        agrees: impl FnOnce(&T) -> bool,
    ) -> Result<Option<T>, Problem> {
        let Some(live) = found else { return Ok(None) };
        let agrees = agrees(&live);
        match agrees && evidence::is_of_former_run(cx, &self.what, &self.key).await {
            true => Ok(Some(live)),
            false => Err(self.existing()),
        }
    }
}
