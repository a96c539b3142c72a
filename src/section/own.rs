//! What it takes to write and to see an object, in its place, as its family tells.

use terraform_plugin::Need;

use super::requests::filled;
use super::{Right, Section, Sight};

/// A [`Right`] at a place that is known.
#[derive(Clone, Debug)]
pub struct OwnRight {
    /// The place.
    pub path: String,
    /// One of these.
    pub any: &'static [&'static str],
}

fn own<S: Section>(right: Right, key: &S::Key) -> OwnRight {
    OwnRight { path: filled::<S>(right.path, key), any: right.any }
}

pub(super) fn needs<S: Section>() -> Vec<Need> {
    let Right { path, any } = S::FAMILY.write;
    let sight = match S::FAMILY.sight {
        Sight::With(Right { path, any }) => Some(Need::to_plan(path, any)),
        Sight::All => None,
    };
    let also = S::FAMILY.also.iter().chain(&S::FAMILY.removal);
    let also = also.map(|right| Need::to_apply(right.path, right.any));
    sight.into_iter().chain([Need::to_apply(path, any)]).chain(also).collect()
}

pub(super) fn write<S: Section>(key: &S::Key) -> Vec<OwnRight> {
    let also = S::FAMILY.also.iter().map(|right| own::<S>(*right, key));
    // What is no part of the key is for the object itself to say.
    [own::<S>(S::FAMILY.write, key)].into_iter().chain(also.filter(|right| !right.path.contains('{'))).collect()
}

pub(super) fn removal<S: Section>(key: &S::Key) -> Option<OwnRight> {
    S::FAMILY.removal.map(|right| own::<S>(right, key))
}

pub(super) fn sight<S: Section>(key: &S::Key) -> Option<OwnRight> {
    match S::FAMILY.sight {
        Sight::All => None,
        Sight::With(right) => Some(own::<S>(right, key)),
    }
}
