//! What only holds or does not hold between others, such as that somebody has a role somewhere: it is joined and parted, and
//! nothing of it is changed.

use std::fmt::Debug;

use terraform_plugin::{
    Change, Created, Cx, Deleted, Error, Failed, Findings, Key, Keyed, Need, Object, Read, Resource, Say, Unwritten,
    Updated, require, require_removable,
};

use super::Right;
use crate::absence;
use crate::error::Problem;
use crate::evidence;
use crate::named::Named;
use crate::pve::Pve;
use crate::rights;

/// A relation between others.
pub trait Relation: Keyed + Default + Debug + PartialEq {
    /// What it is in a sentence, before its key: `Access`.
    const WHAT: &'static str;

    /// What it takes to plan and to apply it.
    const NEEDS: &'static [Need];

    /// What writing it takes, in this place.
    fn write(key: &Self::Key) -> OwnRight;

    /// What seeing it takes, in this place.
    fn sight(key: &Self::Key) -> OwnRight;

    /// The relation, if it holds.
    fn find(cx: &Cx<Pve>, key: &Self::Key) -> impl Future<Output = Result<Option<Self>, Problem>> + Send;

    /// Makes it hold, in these words.
    fn join(cx: &Cx<Pve>, want: &Self) -> impl Future<Output = Result<(), Problem>> + Send;

    /// Ends it.
    fn part(cx: &Cx<Pve>, was: &Self) -> impl Future<Output = Result<(), Problem>> + Send;

    /// As [`terraform_plugin::Resource::possible`], after the common part.
    fn possible(
        cx: &Cx<Pve>,
        want: &Self::Plan,
        found: &mut Findings<Self>,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (cx, want, found);
        async { Ok(()) }
    }

    /// As [`terraform_plugin::Resource::removable`].
    fn removable(
        cx: &Cx<Pve>,
        was: &Self,
        found: &mut Findings<Self>,
    ) -> impl Future<Output = Result<(), Error>> + Send {
        let _ = (cx, was, found);
        async { Ok(()) }
    }
}

/// A [`Right`] at a place that is known.
#[derive(Clone, Debug)]
pub struct OwnRight {
    /// The place.
    pub path: String,
    /// One of these.
    pub any: &'static [&'static str],
}

impl From<Right> for OwnRight {
    fn from(right: Right) -> Self {
        Self { path: right.path.to_owned(), any: right.any }
    }
}

/// What it takes to plan and to apply it.
pub fn needs<R: Relation>() -> Vec<Need> {
    R::NEEDS.to_vec()
}

/// Warns of the rights that the apply will need.
pub async fn plan<R: Relation>(cx: &Cx<Pve>, change: &mut Change<R>, say: &mut Say<R>) {
    if let Some(key) = R::Key::decode(&R::encode_plan(&change.plan)).ok().or_else(|| change.prior_key()) {
        for right in [R::write(&key), R::sight(&key)] {
            rights::warn_any(cx, change, say, &right.path, right.any).await;
        }
    }
}

/// Tells whether it holds already, and what the relation itself has to say.
pub async fn possible<R: Relation>(
    cx: &Cx<Pve>,
    want: &R::Plan,
    prior: Option<&R>,
    found: &mut Findings<R>,
) -> Result<(), Error> {
    if prior.is_none()
        && let Ok(key) = R::Key::decode(&R::encode_plan(want))
        && R::find(cx, &key).await?.is_some()
    {
        found.exists(named::<R>(&key).existing());
    }
    R::possible(cx, want, found).await
}

/// What the relation itself has to say.
pub async fn removable<R: Relation>(cx: &Cx<Pve>, was: &R, found: &mut Findings<R>) -> Result<(), Error> {
    R::removable(cx, was, found).await
}

/// Makes it hold.
pub async fn create<R: Relation + Resource<Pve>>(
    cx: &Cx<Pve>,
    want: &R,
    unwritten: Unwritten<R>,
) -> Result<Created<R>, Failed> {
    let key = unwritten.check(key_of(want))?;
    if let Some(live) = unwritten.check(R::find(cx, &key).await)? {
        let agrees = |live: &R| agrees(want, live);
        if let Some(live) = unwritten.check(named::<R>(&key).left_behind(cx, Some(live), agrees).await)? {
            return Ok(unwritten.take_over(want.clone()).made(live));
        }
    }
    unwritten.check(require(cx, want, None).await)?;
    let (answer, written) = unwritten.send(want.clone(), R::join(cx, want)).await?;
    let OwnRight { path, any } = R::sight(&key);
    match evidence::arrived(cx, answer, R::find(cx, &key), evidence::Sight::With(&path, any)).await {
        Ok(Ok(live)) => Ok(written.made(live)),
        Ok(Err(problem)) => written.undo(problem, must_not_hold::<R>(cx, &key)).await,
        Err(problem) => Ok(written.leave(problem)),
    }
}

/// Looks whether it holds.
pub async fn read<R: Relation>(cx: &Cx<Pve>, key: &R::Key) -> Result<Read<R>, Error> {
    let OwnRight { path, any } = R::sight(key);
    absence::answer_if_visible(&cx.client, &path, any, R::find(cx, key).await).await
}

/// Says it again in other words.
pub async fn update<R: Relation + Resource<Pve>>(cx: &Cx<Pve>, prior: &R, want: &R) -> Result<Updated<R>, Error> {
    require(cx, want, Some(prior)).await?;
    R::join(cx, want).await?;
    let key = key_of(want)?;
    let gone = || Problem::new(format!("{} \"{key}\" is gone", R::WHAT), "Somebody removed it meanwhile. Apply again.");
    Ok(Updated::Done(R::find(cx, &key).await?.ok_or_else(gone)?))
}

/// Ends it, if it holds.
pub async fn delete<R: Relation + Resource<Pve>>(cx: &Cx<Pve>, was: &R) -> Result<Deleted<R>, Error> {
    let key = key_of(was)?;
    if R::find(cx, &key).await?.is_some() {
        require_removable(cx, was).await?;
        R::part(cx, was).await?;
        return Ok(Deleted::Gone);
    }
    let OwnRight { path, any } = R::sight(&key);
    match cx.client.access().on(&path).await {
        Ok(ours) if ours.has_any(any) => Ok(Deleted::Gone),
        // It may hold unseen; where it does not, ending it changes nothing or is refused.
        _ => match R::part(cx, was).await {
            Err(problem) if !problem.is_absent() => Err(problem.into()),
            _ => Ok(Deleted::Gone),
        },
    }
}

fn agrees<R: Object>(want: &R, live: &R) -> bool {
    let (want, live) = (want.encode(), live.encode());
    R::attributes().iter().filter(|a| !a.local).all(|a| want[&a.name].is_null() || want[&a.name] == live[&a.name])
}

fn named<R: Relation>(key: &R::Key) -> Named {
    Named {
        kind: format!("pve_{}", R::NAME),
        attribute: R::Key::FIELDS[0],
        key: key.to_string(),
        what: format!("{} \"{key}\"", R::WHAT),
    }
}

async fn must_not_hold<R: Relation>(cx: &Cx<Pve>, key: &R::Key) -> Result<(), Problem> {
    named::<R>(key).must_be_absent(R::find(cx, key).await?)
}

fn key_of<R: Relation>(model: &R) -> Result<R::Key, Problem> {
    model.key().ok_or_else(|| {
        Problem::new(format!("{} without a key", R::WHAT), "This is a bug of the provider. Nothing was written.")
    })
}
