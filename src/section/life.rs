//! The life of what one call makes and one call ends, with no task behind it: sections, relations, and what is always there.

use terraform_plugin::{
    Change, Created, Cx, Deleted, Diagnostic, Error, Failed, Findings, Key, Need, Read, Say, Unwritten, Updated,
};

pub use super::family::list;
use super::{Builtin, Made, OwnRight, Section, family};
use crate::ground::absence;
use crate::ground::error::Problem;
use crate::ground::evidence;
use crate::ground::named::Named;
use crate::ground::pve::Pve;
use crate::ground::rights;

/// What it takes to plan and to apply it.
pub fn needs<S: Section>() -> Vec<Need> {
    S::needs()
}

/// What of PVE's it does not offer.
pub fn left_out<S: Section>() -> &'static [(&'static str, &'static str)] {
    S::LEFT_OUT
}

/// Looks at the configuration alone.
pub fn validate<S: Section>(config: &S::Plan, say: &mut Say<S>) {
    S::validate(config, say);
}

/// Warns of the rights that the apply will need: to write it, and to see it, without which nobody could tell what became of
/// it.
pub async fn plan<S: Section>(cx: &Cx<Pve>, change: &mut Change<S>, say: &mut Say<S>) {
    if let Some(key) = S::Key::decode(&S::encode_plan(&change.plan)).ok().or_else(|| change.prior_key()) {
        let removal = S::removal(&key).filter(|_| change.is_destroy());
        let write = removal.map_or_else(|| S::write(&key), |right| vec![right]);
        for right in write.into_iter().chain(S::sight(&key)) {
            rights::warn_any(cx, change, say, &right.path, right.any).await;
        }
    }
    S::planned(cx, change, say).await;
}

/// Tells whether it is there already, and what it has to say itself.
pub async fn possible<S: Section>(
    cx: &Cx<Pve>,
    want: &S::Plan,
    prior: Option<&S>,
    found: &mut Findings<S>,
) -> Result<(), Error> {
    let mut refused = None;
    if prior.is_none()
        && let Ok(key) = S::Key::decode(&S::encode_plan(want))
        && S::builtin(&key) == Builtin::No
    {
        match S::find(cx, &key).await {
            Ok(Some(_)) => found.exists(named::<S>(&key).existing()),
            Ok(None) => {}
            // One of another type has its name.
            Err(problem) if problem.pve().is_none() => found.mendable(problem),
            Err(problem) if is_refusal(&problem) => refused = Some(problem),
            Err(problem) => return Err(problem.into()),
        }
    }
    if S::FAMILY.made == Made::Already && prior.is_none() && found.is_plan() {
        family::foretell::<S>(cx, want, found).await?;
    }
    let looked = S::possible(cx, want, prior, found).await;
    match refused {
        // What it needs is missing, which says more than that one may not look there.
        Some(problem) if found.is_empty() => Err(problem.into()),
        _ => looked,
    }
}

/// Whether PVE says that one may not ask: in some places it says so of what is missing, too.
fn is_refusal(problem: &Problem) -> bool {
    matches!(problem.pve(), Some(pve_client::Error::Permission(_)))
}

/// What it has to say itself, if it is there.
pub async fn removable<S: Section>(cx: &Cx<Pve>, was: &S, found: &mut Findings<S>) -> Result<(), Error> {
    match S::find(cx, &key_of(was)?).await? {
        Some(_) => S::removable(cx, was, found).await,
        None => Ok(()),
    }
}

/// Makes it, or changes what PVE brings along. Whether it is there is asked once before and once after.
pub async fn create<S: Section>(cx: &Cx<Pve>, want: &S, unwritten: Unwritten<S>) -> Result<Created<S>, Failed> {
    let key = unwritten.check(key_of(want))?;
    let there = match S::find(cx, &key).await {
        Err(problem) if is_refusal(&problem) => {
            unwritten.check(must_be_possible(cx, want, None).await)?;
            unwritten.check(Err(problem))?
        }
        there => unwritten.check(there)?,
    };
    if there.is_some() && S::builtin(&key) != Builtin::No {
        // Nothing of it is new: what fails here leaves it as it was, or changed as it was to be.
        unwritten.check(must_be_possible(cx, want, None).await)?;
        let changed = unwritten.check(S::change(cx, &S::default(), want).await)?;
        let settled = unwritten.check(S::settle(cx, want, Some(want), changed).await)?;
        return Ok(unwritten.take_over(want.clone()).made(settled));
    }
    let agrees = |live: &S| S::agrees(want, live);
    if let Some(live) = unwritten.check(named::<S>(&key).left_behind(cx, there, agrees).await)? {
        let written = unwritten.take_over(want.clone());
        return Ok(written.settle(|_| S::settle(cx, want, None, live)).await);
    }
    unwritten.check(must_be_possible(cx, want, None).await)?;
    let (answer, written) = unwritten.send(want.clone(), S::make(cx, want)).await?;
    let known = answer.as_ref().ok().cloned();
    if let Some(known) = &known {
        written.note(known.clone());
    }
    let sight = S::sight(&key);
    let sight = match &sight {
        Some(OwnRight { path, any }) => evidence::Sight::With(path, any),
        None => evidence::Sight::All,
    };
    match evidence::arrived(cx, answer, S::find(cx, &key), sight).await {
        Ok(Ok(live)) => Ok(written.settle(|_| S::settle(cx, want, known.as_ref(), live)).await),
        Ok(Err(problem)) => written.undo(family::at_fault::<S>(problem), must_be_absent::<S>(cx, &key)).await,
        Err(problem) => Ok(written.leave(problem)),
    }
}

/// Reads it.
pub async fn read<S: Section>(cx: &Cx<Pve>, key: &S::Key, prior: Option<&S>) -> Result<Read<S>, Error> {
    let found = S::find(cx, key).await;
    let read = match S::sight(key) {
        None => absence::answer(&cx.client, found).await?,
        Some(OwnRight { path, any }) => absence::answer_if_visible(&cx.client, &path, any, found).await?,
    };
    Ok(match read {
        Read::Found(live) => Read::Found(S::kept(live, prior)),
        other => other,
    })
}

/// Changes it.
pub async fn update<S: Section>(cx: &Cx<Pve>, prior: &S, want: &S) -> Result<Updated<S>, Error> {
    must_be_possible(cx, want, Some(prior)).await?;
    let changed = S::change(cx, prior, want).await?;
    Ok(Updated::Done(S::settle(cx, want, Some(prior), changed).await?))
}

/// Ends it, if it is there and may go.
pub async fn delete<S: Section>(cx: &Cx<Pve>, was: &S) -> Result<Deleted<S>, Error> {
    let key = key_of(was)?;
    if S::builtin(&key) == Builtin::Stays {
        cx.warn(Diagnostic::warning(
            "What PVE brings along stays as it is",
            format!("{} is PVE's own: it cannot be removed. Its settings are left as they are.", called::<S>(&key)),
        ));
        return Ok(Deleted::Gone);
    }
    // It may be there unseen; where it is not, ending it changes nothing or is refused.
    if S::find(cx, &key).await?.is_none() && is_visible::<S>(cx, &key).await {
        return Ok(Deleted::Gone);
    }
    let mut found = Findings::default();
    S::removable(cx, was, &mut found).await?;
    found.verdict()?;
    match S::end(cx, was).await {
        Err(problem) if !problem.is_absent() => Err(problem.into()),
        _ => Ok(Deleted::Gone),
    }
}

/// As [`terraform_plugin::require`], where it is known already whether it is there.
async fn must_be_possible<S: Section>(cx: &Cx<Pve>, want: &S, prior: Option<&S>) -> Result<(), Error> {
    let plan = S::decode_plan(&want.encode())?;
    let mut found = Findings::default();
    S::possible(cx, &plan, prior, &mut found).await?;
    found.verdict()
}

/// Whether we would see it if it were there.
async fn is_visible<S: Section>(cx: &Cx<Pve>, key: &S::Key) -> bool {
    let Some(OwnRight { path, any }) = S::sight(key) else { return true };
    cx.client.access().on(&path).await.is_ok_and(|ours| ours.has_any(any))
}

/// What it is called where it is to be made.
fn named<S: Section>(key: &S::Key) -> Named {
    Named {
        kind: format!("pve_{}", S::NAME),
        attribute: S::Key::FIELDS[0],
        key: key.to_string(),
        what: format!("{} \"{key}\"", S::FAMILY.what),
    }
}

/// Changes what PVE has no call to change, by making it again in other words; reads it then.
pub async fn said_again<S: Section>(cx: &Cx<Pve>, want: &S) -> Result<S, Problem> {
    S::make(cx, want).await?;
    let key = key_of(want)?;
    match S::find(cx, &key).await? {
        Some(live) => Ok(live),
        None => Err(lost::<S>(cx, &key).await),
    }
}

/// An error if it is there.
async fn must_be_absent<S: Section>(cx: &Cx<Pve>, key: &S::Key) -> Result<(), Problem> {
    named::<S>(key).must_be_absent(S::find(cx, key).await?)
}

/// The error of whoever would change it and does not find it: it is gone, or is not shown.
pub(super) async fn lost<S: Section>(cx: &Cx<Pve>, key: &S::Key) -> Problem {
    let doing = format!("Cannot change {}", called::<S>(key));
    match S::sight(key) {
        Some(OwnRight { path, any }) if !is_visible::<S>(cx, key).await => Problem::new(
            doing,
            format!(
                "The user or token may not see it, so nobody can tell what it is like. Give it {} on {path}.",
                any.join(" or ")
            ),
        ),
        _ => Problem::new(doing, "It is gone: somebody removed it meanwhile. Apply again to make it anew."),
    }
}

/// As messages call it.
pub(super) fn called<S: Section>(key: &S::Key) -> String {
    format!("{} \"{key}\"", lower(S::FAMILY.what))
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
pub fn key_of<S: Section>(model: &S) -> Result<S::Key, Problem> {
    model.key().ok_or_else(|| {
        Problem::new(format!("{} without a key", S::FAMILY.what), "This is a bug of the provider. Nothing was written.")
    })
}
