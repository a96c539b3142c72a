//! The life of what one call makes and one call ends, with no task behind it: sections, relations, and what is always there.

use std::fmt::Debug;

use terraform_plugin::{
    Change, Created, Cx, Deleted, Diagnostic, Error, Failed, Findings, Key, Keyed, Need, Read, Say, Unwritten, Updated,
};

use super::Builtin;
use crate::ground::absence;
use crate::ground::error::Problem;
use crate::ground::evidence;
use crate::ground::named::Named;
use crate::ground::pve::Pve;
use crate::ground::rights;

/// What differs between the lives of different objects. Sections have it from their family.
pub trait Life: Keyed + Default + Debug + PartialEq {
    /// What it is in a sentence, before its key: `Access control entry`.
    const WHAT: &'static str;

    /// What it takes to plan and to apply it.
    fn needs() -> Vec<Need>;

    /// As [`terraform_plugin::Resource::left_out`].
    fn left_out() -> &'static [(&'static str, &'static str)] {
        &[]
    }

    /// As [`terraform_plugin::Resource::validate`].
    fn validate(config: &Self::Plan, say: &mut Say<Self>) {
        let _ = (config, say);
    }

    /// What writing it takes, in its place.
    fn write(key: &Self::Key) -> Vec<OwnRight>;

    /// What ending it takes, in its place, where that is something else.
    fn removal(key: &Self::Key) -> Option<OwnRight> {
        let _ = key;
        None
    }

    /// What seeing it takes, in its place; none where everybody sees it or is refused.
    fn sight(key: &Self::Key) -> Option<OwnRight>;

    /// It as it is; none if whoever was asked does not know it.
    fn find(cx: &Cx<Pve>, key: &Self::Key) -> impl Future<Output = Result<Option<Self>, Problem>> + Send;

    /// Makes it. What is known of it by then.
    fn make(cx: &Cx<Pve>, want: &Self) -> impl Future<Output = Result<Self, Problem>> + Send;

    /// Ends it.
    fn end(cx: &Cx<Pve>, was: &Self) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Changes it, and reads it again. Where PVE has no call for that, making it says it again in other words.
    fn change(cx: &Cx<Pve>, prior: &Self, want: &Self) -> impl Future<Output = Result<Self, Problem>> + Send {
        let _ = prior;
        async {
            Self::make(cx, want).await?;
            let key = key_of(want)?;
            Self::find(cx, &key).await?.ok_or_else(|| gone::<Self>(format!("Cannot change {}", called::<Self>(&key))))
        }
    }

    /// Whether PVE brings this one along: then it is changed in place of being made.
    fn builtin(key: &Self::Key) -> Builtin {
        let _ = key;
        Builtin::No
    }

    /// Whether what is there, made by a run that was cut off, is what is wanted.
    fn agrees(want: &Self, live: &Self) -> bool {
        let (want, live) = (want.encode(), live.encode());
        Self::attributes()
            .iter()
            .filter(|a| !a.local)
            .all(|a| want[&a.name].is_null() || want[&a.name] == live[&a.name])
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

    /// What speaks against making it, at the attribute that it is about.
    fn blame(problem: Problem) -> Problem {
        problem
    }

    /// As [`terraform_plugin::Resource::plan`], after the common part.
    fn planned(cx: &Cx<Pve>, change: &mut Change<Self>, say: &mut Say<Self>) -> impl Future<Output = ()> + Send {
        let _ = (cx, change, say);
        async {}
    }

    /// As [`terraform_plugin::Resource::possible`]; whether it exists is found out already.
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

/// A [`super::Right`] at a place that is known.
#[derive(Clone, Debug)]
pub struct OwnRight {
    /// The place.
    pub path: String,
    /// One of these.
    pub any: &'static [&'static str],
}

/// What it takes to plan and to apply it.
pub fn needs<L: Life>() -> Vec<Need> {
    L::needs()
}

/// Warns of the rights that the apply will need: to write it, and to see it, without which nobody could tell what became of
/// it.
pub async fn plan<L: Life>(cx: &Cx<Pve>, change: &mut Change<L>, say: &mut Say<L>) {
    if let Some(key) = L::Key::decode(&L::encode_plan(&change.plan)).ok().or_else(|| change.prior_key()) {
        let removal = L::removal(&key).filter(|_| change.is_destroy());
        let write = removal.map_or_else(|| L::write(&key), |right| vec![right]);
        for right in write.into_iter().chain(L::sight(&key)) {
            rights::warn_any(cx, change, say, &right.path, right.any).await;
        }
    }
    L::planned(cx, change, say).await;
}

/// Tells whether it is there already, and what it has to say itself.
pub async fn possible<L: Life>(
    cx: &Cx<Pve>,
    want: &L::Plan,
    prior: Option<&L>,
    found: &mut Findings<L>,
) -> Result<(), Error> {
    if prior.is_none()
        && let Ok(key) = L::Key::decode(&L::encode_plan(want))
        && L::builtin(&key) == Builtin::No
    {
        match L::find(cx, &key).await {
            Ok(Some(_)) => found.exists(named::<L>(&key).existing()),
            Ok(None) => {}
            // One of another type has its name.
            Err(problem) if problem.pve().is_none() => found.mendable(problem),
            Err(problem) => return Err(problem.into()),
        }
    }
    L::possible(cx, want, prior, found).await
}

/// What it has to say itself, if it is there.
pub async fn removable<L: Life>(cx: &Cx<Pve>, was: &L, found: &mut Findings<L>) -> Result<(), Error> {
    match L::find(cx, &key_of(was)?).await? {
        Some(_) => L::removable(cx, was, found).await,
        None => Ok(()),
    }
}

/// Makes it, or changes what PVE brings along. Whether it is there is asked once before and once after.
pub async fn create<L: Life>(cx: &Cx<Pve>, want: &L, unwritten: Unwritten<L>) -> Result<Created<L>, Failed> {
    let key = unwritten.check(key_of(want))?;
    let there = unwritten.check(L::find(cx, &key).await)?;
    if there.is_some() && L::builtin(&key) != Builtin::No {
        // Nothing of it is new: what fails here leaves it as it was, or changed as it was to be.
        unwritten.check(must_be_possible(cx, want, None).await)?;
        let changed = unwritten.check(L::change(cx, &L::default(), want).await)?;
        let settled = unwritten.check(L::settle(cx, want, Some(want), changed).await)?;
        return Ok(unwritten.take_over(want.clone()).made(settled));
    }
    let agrees = |live: &L| L::agrees(want, live);
    if let Some(live) = unwritten.check(named::<L>(&key).left_behind(cx, there, agrees).await)? {
        let written = unwritten.take_over(want.clone());
        return Ok(written.settle(|_| L::settle(cx, want, None, live)).await);
    }
    unwritten.check(must_be_possible(cx, want, None).await)?;
    let (answer, written) = unwritten.send(want.clone(), L::make(cx, want)).await?;
    let known = answer.as_ref().ok().cloned();
    if let Some(known) = &known {
        written.note(known.clone());
    }
    let sight = L::sight(&key);
    let sight = match &sight {
        Some(OwnRight { path, any }) => evidence::Sight::With(path, any),
        None => evidence::Sight::All,
    };
    match evidence::arrived(cx, answer, L::find(cx, &key), sight).await {
        Ok(Ok(live)) => Ok(written.settle(|_| L::settle(cx, want, known.as_ref(), live)).await),
        Ok(Err(problem)) => written.undo(L::blame(problem), must_be_absent::<L>(cx, &key)).await,
        Err(problem) => Ok(written.leave(problem)),
    }
}

/// Reads it.
pub async fn read<L: Life>(cx: &Cx<Pve>, key: &L::Key, prior: Option<&L>) -> Result<Read<L>, Error> {
    let found = L::find(cx, key).await;
    let read = match L::sight(key) {
        None => absence::answer(&cx.client, found).await?,
        Some(OwnRight { path, any }) => absence::answer_if_visible(&cx.client, &path, any, found).await?,
    };
    Ok(match read {
        Read::Found(live) => Read::Found(L::kept(live, prior)),
        other => other,
    })
}

/// Changes it.
pub async fn update<L: Life>(cx: &Cx<Pve>, prior: &L, want: &L) -> Result<Updated<L>, Error> {
    must_be_possible(cx, want, Some(prior)).await?;
    let changed = L::change(cx, prior, want).await?;
    Ok(Updated::Done(L::settle(cx, want, Some(prior), changed).await?))
}

/// Ends it, if it is there and may go.
pub async fn delete<L: Life>(cx: &Cx<Pve>, was: &L) -> Result<Deleted<L>, Error> {
    let key = key_of(was)?;
    if L::builtin(&key) == Builtin::Stays {
        cx.warn(Diagnostic::warning(
            "What PVE brings along stays as it is",
            format!("{} is PVE's own: it cannot be removed. Its settings are left as they are.", called::<L>(&key)),
        ));
        return Ok(Deleted::Gone);
    }
    // It may be there unseen; where it is not, ending it changes nothing or is refused.
    if L::find(cx, &key).await?.is_none() && is_visible::<L>(cx, &key).await {
        return Ok(Deleted::Gone);
    }
    let mut found = Findings::default();
    L::removable(cx, was, &mut found).await?;
    found.verdict()?;
    match L::end(cx, was).await {
        Err(problem) if !problem.is_absent() => Err(problem.into()),
        _ => Ok(Deleted::Gone),
    }
}

/// As [`terraform_plugin::require`], where it is known already whether it is there.
async fn must_be_possible<L: Life>(cx: &Cx<Pve>, want: &L, prior: Option<&L>) -> Result<(), Error> {
    let plan = L::decode_plan(&want.encode())?;
    let mut found = Findings::default();
    L::possible(cx, &plan, prior, &mut found).await?;
    found.verdict()
}

/// Whether we would see it if it were there.
async fn is_visible<L: Life>(cx: &Cx<Pve>, key: &L::Key) -> bool {
    let Some(OwnRight { path, any }) = L::sight(key) else { return true };
    cx.client.access().on(&path).await.is_ok_and(|ours| ours.has_any(any))
}

/// What it is called where it is to be made.
fn named<L: Life>(key: &L::Key) -> Named {
    Named {
        kind: format!("pve_{}", L::NAME),
        attribute: L::Key::FIELDS[0],
        key: key.to_string(),
        what: format!("{} \"{key}\"", L::WHAT),
    }
}

/// An error if it is there.
async fn must_be_absent<L: Life>(cx: &Cx<Pve>, key: &L::Key) -> Result<(), Problem> {
    named::<L>(key).must_be_absent(L::find(cx, key).await?)
}

/// The error of whoever would change it.
pub(super) fn gone<L: Life>(doing: String) -> Problem {
    Problem::new(doing, "It is gone: somebody removed it meanwhile. Apply again to make it anew.")
}

/// As messages call it.
pub(super) fn called<L: Life>(key: &L::Key) -> String {
    format!("{} \"{key}\"", lower(L::WHAT))
}

/// For the middle of a sentence: abbreviations stay as they are.
fn lower(what: &str) -> String {
    let abbreviated = what.chars().nth(1).is_some_and(char::is_uppercase);
    let mut chars = what.chars();
    match chars.next() {
        Some(first) if !abbreviated => first.to_lowercase().chain(chars).collect(),
        _ => what.to_owned(),
    }
}

/// The key of a model in which everything is known.
pub fn key_of<L: Life>(model: &L) -> Result<L::Key, Problem> {
    model.key().ok_or_else(|| {
        Problem::new(format!("{} without a key", L::WHAT), "This is a bug of the provider. Nothing was written.")
    })
}
