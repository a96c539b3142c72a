//! PVE's plain objects: a section of a configuration file that is made, read, changed and removed by one call each, with no
//! task behind it. What they have in common is here, once; what is odd about one of them stands in its own file.

mod family;
pub mod life;
pub mod nodes;
pub mod ordered;
mod own;
mod parts;
mod requests;
mod resource;
mod seek;
#[cfg(test)]
mod tests;

use std::fmt::Debug;

use pve_client::Area;
use terraform_plugin::{Change, Cx, Error, Findings, Keyed, Need, Say};

use crate::ground::error::Problem;
use crate::ground::pve::Pve;

pub use crate::ground::wire::{Live, Spelling};
#[cfg(test)]
pub use family::from_live;
pub use family::{change, creation, end as ended, find as found, ids, listed, made, must_see_all, written};
pub use life::{key_of, said_again};
pub use own::OwnRight;
pub use parts::{Bandwidth, WORDS};
pub(crate) use resource::{lives, plain};
pub(crate) use seek::sought;
pub use seek::{offline, seek, sees_all};

/// A plain object: its model, in which of a few ways PVE treats it, and what is odd about it. Each method does what its family
/// tells unless it is written.
///
/// What only holds or does not hold between others (somebody has a role somewhere) is one as well: it finds, makes and ends
/// itself, and of its family only the name counts.
pub trait Section: Keyed + Default + Debug + PartialEq {
    /// What it shares with others of its kind.
    const FAMILY: Family;

    /// Parameters of PVE's that are left out, each with the reason: for its page, and for the test that holds every section to
    /// PVE's description of its calls.
    const LEFT_OUT: &'static [(&'static str, &'static str)] = &[];

    /// Attributes that stand otherwise to PVE's parameters than by name, type, limits and the calls that take them, each with
    /// the reason.
    #[cfg_attr(
        not(test),
        allow(dead_code, reason = "for the test that holds every section to PVE's description of its calls")
    )]
    const UNLIKE: &'static [(&'static str, &'static str)] = &[];

    /// As [`terraform_plugin::Resource::needs`].
    fn needs() -> Vec<Need> {
        own::needs::<Self>()
    }

    /// What writing it takes, in its place.
    fn write(key: &Self::Key) -> Vec<OwnRight> {
        own::write::<Self>(key)
    }

    /// What ending it takes, in its place, where that is something else.
    fn removal(key: &Self::Key) -> Option<OwnRight> {
        own::removal::<Self>(key)
    }

    /// What seeing it takes, in its place; none where everybody sees it or is refused.
    fn sight(key: &Self::Key) -> Option<OwnRight> {
        own::sight::<Self>(key)
    }

    /// As [`terraform_plugin::Resource::validate`].
    fn validate(config: &Self::Plan, say: &mut Say<Self>) {
        let _ = (config, say);
    }

    /// What is odd about it, when it has been read: `live` is all that PVE said.
    fn seen(&mut self, live: &Live) {
        let _ = live;
    }

    /// Its path, where that has to be found out; none where there is no such place.
    fn lies(cx: &Cx<Pve>, key: &Self::Key) -> impl Future<Output = Result<Option<String>, Problem>> + Send {
        let _ = cx;
        std::future::ready(Ok(Some(requests::place::<Self>(key))))
    }

    /// It as it is; none if whoever was asked does not know it.
    fn find(cx: &Cx<Pve>, key: &Self::Key) -> impl Future<Output = Result<Option<Self>, Problem>> + Send {
        family::find(cx, key)
    }

    /// Makes it. What is known of it by then, where PVE's answer tells what is told once only.
    fn make(cx: &Cx<Pve>, want: &Self) -> impl Future<Output = Result<Self, Problem>> + Send {
        async {
            made::<Self, serde::de::IgnoredAny>(cx, want, creation(want)?).await?;
            Ok(want.clone())
        }
    }

    /// Changes it, and reads it again.
    fn change(cx: &Cx<Pve>, prior: &Self, want: &Self) -> impl Future<Output = Result<Self, Problem>> + Send {
        async {
            let changed = change(cx, &life::key_of(want)?, prior, want).await?;
            Self::change_apart(cx, prior, want).await?;
            Ok(changed)
        }
    }

    /// Changes what PVE has calls of its own for; [`Family::apart`] names it. Called after each change.
    fn change_apart(cx: &Cx<Pve>, prior: &Self, want: &Self) -> impl Future<Output = Result<(), Problem>> + Send {
        let _ = (cx, prior, want);
        async { Ok(()) }
    }

    /// Ends it.
    fn end(cx: &Cx<Pve>, was: &Self) -> impl Future<Output = Result<(), Problem>> + Send {
        family::end(cx, was)
    }

    /// Whether what is there, made by a run that was cut off, is what is wanted.
    fn agrees(want: &Self, live: &Self) -> bool {
        family::is_as_wanted(want, live)
    }

    /// What is left to do once it is there and was read. `known`: what PVE told when it was made, or the state before a change;
    /// none if that is lost.
    fn settle(
        cx: &Cx<Pve>,
        want: &Self,
        known: Option<&Self>,
        live: Self,
    ) -> impl Future<Output = Result<Self, Problem>> + Send {
        let _ = (cx, want, known);
        async { Ok(live) }
    }

    /// What was read, with what only the state knows.
    fn kept(live: Self, prior: Option<&Self>) -> Self {
        let _ = prior;
        live
    }

    /// Whether PVE brings this one along: then it is changed in place of being made.
    fn builtin(key: &Self::Key) -> Builtin {
        let _ = key;
        match Self::FAMILY.made {
            Made::Already => Builtin::Resets,
            Made::InTheCollection | Made::InItsPlace => Builtin::No,
        }
    }

    /// As [`terraform_plugin::Resource::plan`], after the common part.
    fn planned(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) -> impl Future<Output = ()> + Send {
        let _ = (cx, change, say);
        async {}
    }

    /// As [`terraform_plugin::Resource::possible`], after the common part: whether it exists is found out already.
    fn possible(
        cx: &Cx<Pve>,
        want: &Self::Plan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (cx, want, prior, found);
        async { Ok(()) }
    }

    /// As [`terraform_plugin::Resource::removable`]: it is there, or may be there unseen.
    fn removable(
        cx: &Cx<Pve>,
        was: &Self,
        found: &mut Findings<Self>,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (cx, was, found);
        async { Ok(()) }
    }
}

/// How PVE treats objects of one kind. A path is a template: `{userid}` is the attribute of that name.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// What it is in a sentence, before its key: `Group`.
    pub what: &'static str,
    /// The collection, as PVE's schema has it: `access/groups`. What is one of its kind: its place.
    pub path: &'static str,
    /// The file that it lies in, which PVE locks for each write: `user.cfg`.
    pub file: &'static str,
    /// What changes with it.
    pub area: Area,
    /// What writing it takes.
    pub write: Right,
    /// What writing it takes besides.
    pub also: &'static [Right],
    /// What removing it takes, where that is something else than [`Family::write`] and [`Family::also`].
    pub removal: Option<Right>,
    /// Who sees it. PVE leaves out of most lists what one may not see.
    pub sight: Sight,
    /// Where the whole of it is read.
    pub told: Told,
    /// How a setting is taken away again.
    pub unset: Unset,
    /// Whether a change may carry the digest of the file that was read, so that a colleague's change is noticed.
    pub digest: bool,
    /// Parameters that are the same for all of them, sent at creation and compared when read: `("type", "rbd")`.
    pub fixed: &'static [(&'static str, &'static str)],
    /// Whether a change has to carry [`Family::fixed`] as well.
    pub fixed_in_changes: bool,
    /// Attributes that PVE demands in each change, whether they change or not.
    pub always: &'static [&'static str],
    /// Attributes that only a creation takes; later they are changed by calls of their own.
    pub apart: &'static [&'static str],
    /// Where it is made.
    pub made: Made,
    /// Whether what changes and removes it is sent to the collection, with the key among the parameters.
    pub in_parameters: bool,
    /// Whether it is a POST that changes it.
    pub posted: bool,
    /// What answers call the key, where they do not call it as the parameter of a creation: `plugin`.
    pub listed_as: Option<&'static str>,
    /// What a list is asked for: `("full", "1")`.
    pub listed_with: &'static [(&'static str, &'static str)],
    /// What PVE means where it says nothing, of what has to be there: `("pool", "rbd")`.
    pub meant: &'static [(&'static str, &'static str)],
    /// Words of a refusal that name no parameter, and the attribute that they are about. The first that fits.
    pub blames: &'static [(&'static str, &'static str)],
    /// Attributes that PVE writes in a way that their types do not tell.
    pub spelt: &'static [(&'static str, Spelling)],
}

impl Family {
    /// What most are like.
    pub const PLAIN: Self = Self {
        what: "",
        path: "",
        file: "",
        area: Area::Cluster,
        write: Right { path: "/", any: &["Sys.Modify"] },
        also: &[],
        removal: None,
        sight: Sight::All,
        told: Told::InTheList,
        unset: Unset::Delete,
        digest: false,
        fixed: &[],
        fixed_in_changes: false,
        always: &[],
        apart: &[],
        made: Made::InTheCollection,
        in_parameters: false,
        posted: false,
        listed_as: None,
        listed_with: &[],
        meant: &[],
        blames: &[],
        spelt: &[],
    };
}

/// A place in PVE's tree of permissions, and the privileges of which one is needed there.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    /// A template, such as `/access/realm/{realm}`.
    pub path: &'static str,
    /// One of these, which may be several together, such as `Sys.Audit and Sys.Modify`.
    pub any: &'static [&'static str],
}

/// Who sees an object.
#[derive(Clone, Copy, Debug)]
pub enum Sight {
    /// Whoever may read at all: the call fails without the right, or there is none.
    All,
    /// Only who has this; others get answers without it.
    With(Right),
}

/// Where the whole of an object is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The list says everything: one call for all of them.
    InTheList,
    /// The list says too little.
    ByItself,
}

/// How a setting is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unset {
    /// `delete=a,b`.
    Delete,
    /// `delete=a&delete=b`: where the parameter is an array.
    DeleteEach,
    /// An empty text. (`user.cfg`.)
    EmptyText,
    /// By not being said: a change says everything.
    Whole,
}

/// Where an object is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Made {
    /// POST to the collection, with the key among the parameters.
    InTheCollection,
    /// POST to its own place.
    InItsPlace,
    /// It is one of its kind and always there: [`Family::path`] is its place, for GET and PUT.
    Already,
}

/// Whether PVE brings an object along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Builtin {
    /// It is made and removed like any other.
    No,
    /// It is always there; removing it means to leave it as it is.
    Stays,
    /// It is always there; removing it means to have PVE's own settings again.
    Resets,
}
