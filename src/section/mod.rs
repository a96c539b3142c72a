//! PVE's plain objects: a section of a configuration file that is made, read, changed and removed by one call each, with no
//! task behind it. What they have in common is here, once; what is odd about one of them stands in its own file.

mod family;
pub mod life;
pub mod ordered;
mod parts;
mod requests;
#[cfg(test)]
mod tests;
mod wire;

use std::fmt::Debug;

use pve_client::Area;
use serde_json::Value as Json;
use terraform_plugin::value::Value;
use terraform_plugin::{Change, Cx, Error, Findings, Keyed, Say};

use crate::ground::error::Problem;
use crate::ground::pve::Pve;

#[cfg(test)]
pub use family::from_live;
pub use family::{change, creation, ids, list, listed, made, must_see_all, written};
pub use life::{Life, OwnRight};
pub use parts::{Bandwidth, WORDS};
pub use wire::Live;

/// A plain object: its model, and in which of a few ways PVE treats it.
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

    /// What is odd about it, when it has been read: `live` is all that PVE said.
    fn seen(&mut self, live: &Live) {
        let _ = live;
    }

    /// Makes it, where PVE's answer tells what is told once only. What is known of it by then.
    fn make(cx: &Cx<Pve>, want: &Self) -> impl Future<Output = Result<Self, Problem>> + Send {
        async {
            made::<Self, serde::de::IgnoredAny>(cx, want, creation(want)?).await?;
            Ok(want.clone())
        }
    }

    /// Changes what PVE has calls of its own for; [`Family::apart`] names it. Called after each change.
    fn change_apart(cx: &Cx<Pve>, prior: &Self, want: &Self) -> impl Future<Output = Result<(), Problem>> + Send {
        let _ = (cx, prior, want);
        async { Ok(()) }
    }

    /// As [`Life::agrees`].
    fn agrees(want: &Self, live: &Self) -> bool {
        family::is_as_wanted(want, live)
    }

    /// As [`Life::settle`].
    fn settle(
        cx: &Cx<Pve>,
        want: &Self,
        known: Option<&Self>,
        live: Self,
    ) -> impl Future<Output = Result<Self, Problem>> + Send {
        let _ = (cx, want, known);
        async { Ok(live) }
    }

    /// As [`Life::kept`].
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

    /// As [`terraform_plugin::Resource::removable`]: it is there.
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
        listed_with: &[],
        meant: &[],
        blames: &[],
        spelt: &[],
    };
}

/// How PVE writes the value of an attribute.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// The texts that PVE takes: one, or one for each element; none for what is not there.
    pub texts: fn(&Value) -> Vec<String>,
    /// The value that PVE means; `Err` says what was expected.
    pub value: fn(&Json) -> Result<Value, String>,
}

/// A place in PVE's tree of permissions, and the privileges of which one is needed there.
#[derive(Clone, Copy, Debug)]
pub struct Right {
    /// A template, such as `/access/realm/{realm}`.
    pub path: &'static str,
    /// One of these.
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

/// Makes a type that has a [`Life`] a resource. It is plain unless something else is said.
macro_rules! lives {
    ($object:ty) => {
        crate::section::lives!($object, plain = true);
    };
    ($object:ty, plain = $plain:literal) => {
        impl terraform_plugin::Resource<crate::ground::pve::Pve> for $object {
            const PLAIN: bool = $plain;

            fn needs() -> Vec<terraform_plugin::Need> {
                crate::section::life::needs::<Self>()
            }

            fn left_out() -> &'static [(&'static str, &'static str)] {
                <Self as crate::section::Life>::left_out()
            }

            fn validate(config: &<Self as terraform_plugin::Object>::Plan, say: &mut terraform_plugin::Say<Self>) {
                <Self as crate::section::Life>::validate(config, say);
            }

            async fn plan(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                change: &mut terraform_plugin::Change<Self>,
                say: &mut terraform_plugin::Say<Self>,
            ) {
                crate::section::life::plan(cx, change, say).await;
            }

            async fn possible(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                want: &<Self as terraform_plugin::Object>::Plan,
                prior: Option<&Self>,
                found: &mut terraform_plugin::Findings<Self>,
            ) -> Result<(), terraform_plugin::Error> {
                crate::section::life::possible(cx, want, prior, found).await
            }

            async fn removable(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                was: &Self,
                found: &mut terraform_plugin::Findings<Self>,
            ) -> Result<(), terraform_plugin::Error> {
                crate::section::life::removable(cx, was, found).await
            }

            async fn create(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                want: &Self,
                unwritten: terraform_plugin::Unwritten<Self>,
            ) -> Result<terraform_plugin::Created<Self>, terraform_plugin::Failed> {
                crate::section::life::create(cx, want, unwritten).await
            }

            async fn read(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                key: &Self::Key,
                prior: Option<&Self>,
            ) -> Result<terraform_plugin::Read<Self>, terraform_plugin::Error> {
                crate::section::life::read(cx, key, prior).await
            }

            async fn update(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                prior: &Self,
                want: &Self,
            ) -> Result<terraform_plugin::Updated<Self>, terraform_plugin::Error> {
                crate::section::life::update(cx, prior, want).await
            }

            async fn delete(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
                was: &Self,
            ) -> Result<terraform_plugin::Deleted<Self>, terraform_plugin::Error> {
                crate::section::life::delete(cx, was).await
            }
        }
    };
}
pub(crate) use lives;

/// Makes a plain object a resource; with a name in the plural, one that can be listed.
macro_rules! plain {
    ($section:ty, $plural:literal) => {
        crate::section::plain!($section);

        impl terraform_plugin::Listed<crate::ground::pve::Pve> for $section {
            const PLURAL: &'static str = $plural;

            async fn list(
                cx: &terraform_plugin::Cx<crate::ground::pve::Pve>,
            ) -> Result<Vec<Self>, terraform_plugin::Error> {
                crate::section::list(cx).await
            }
        }
    };
    ($section:ty) => {
        crate::section::lives!($section);
    };
}
pub(crate) use plain;
