//! The life of a plain object.

use std::collections::BTreeSet;
use std::sync::Arc;

use pve_client::{Area, Lock, Request};
use terraform_plugin::schema::Attribute;
use terraform_plugin::{
    Change, Created, Cx, Deleted, Diagnostic, Error, Failed, Findings, Key, Listed, Need, Read, Resource, Say,
    Unwritten, Updated, require, require_removable,
};

use super::requests::{self, Settings, collection, filled, place};
use super::wire::Live;
use super::{Builtin, Right, Section, Sight, Told};
use crate::absence;
use crate::error::{During, Problem};
use crate::evidence;
use crate::named::Named;
use crate::pve::Pve;
use crate::rights;

/// How often a change that met somebody else's is worked out anew.
const READINGS: u32 = 3;

/// What it takes to plan and to apply it.
pub fn needs<S: Section>() -> Vec<Need> {
    let Right { path, any } = S::FAMILY.write;
    let sight = match S::FAMILY.sight {
        Sight::With(Right { path, any }) => Some(Need::to_plan(path, any)),
        Sight::All => None,
    };
    let also = S::FAMILY.also.iter().map(|right| Need::to_apply(right.path, right.any));
    sight.into_iter().chain([Need::to_apply(path, any)]).chain(also).collect()
}

/// Warns of the rights that the apply will need: to write it, and to see it, without which nobody could tell what became of
/// it.
pub async fn plan<S: Section>(cx: &Cx<Pve>, change: &mut Change<S>, say: &mut Say<S>) {
    let key = S::Key::decode(&S::encode_plan(&change.plan)).ok().or_else(|| change.prior_key());
    if let Some(key) = key {
        let Right { path, any } = S::FAMILY.write;
        rights::warn_any(cx, change, say, &filled::<S>(path, &key), any).await;
        for Right { path, any } in S::FAMILY.also {
            // What is no part of the key is for the object itself to say.
            let path = filled::<S>(path, &key);
            if !path.contains('{') {
                rights::warn_any(cx, change, say, &path, any).await;
            }
        }
        if let Sight::With(Right { path, any }) = S::FAMILY.sight {
            rights::warn_any(cx, change, say, &filled::<S>(path, &key), any).await;
        }
    }
    S::planned(cx, change, say).await;
}

/// Tells what exists already, and what the object itself has to say.
pub async fn possible<S: Section>(
    cx: &Cx<Pve>,
    want: &S::Plan,
    prior: Option<&S>,
    found: &mut Findings<S>,
) -> Result<(), Error> {
    if prior.is_none()
        && let Ok(key) = S::Key::decode(&S::encode_plan(want))
        && S::builtin(&key) == Builtin::No
    {
        match find::<S>(cx, &key).await {
            Ok(Some(_)) => found.exists(named::<S>(&key).existing()),
            Ok(None) => {}
            // One of another type has its name.
            Err(problem) if problem.pve().is_none() => found.mendable(problem),
            Err(problem) => return Err(problem.into()),
        }
    }
    S::possible(cx, want, prior, found).await
}

/// What the object itself has to say, if it is there.
pub async fn removable<S: Section>(cx: &Cx<Pve>, was: &S, found: &mut Findings<S>) -> Result<(), Error> {
    match find::<S>(cx, &key_of(was)?).await? {
        Some(_) => S::removable(cx, was, found).await,
        None => Ok(()),
    }
}

/// Makes it, or changes what PVE brings along.
pub async fn create<S: Section + Resource<Pve>>(
    cx: &Cx<Pve>,
    want: &S,
    unwritten: Unwritten<S>,
) -> Result<Created<S>, Failed> {
    let key = unwritten.check(key_of(want))?;
    let there = unwritten.check(find::<S>(cx, &key).await)?;
    if let Some(live) = there {
        if S::builtin(&key) != Builtin::No {
            // Nothing of it is new: what fails here leaves it as it was, or changed as it was to be.
            let changed = unwritten.check(change(cx, &key, &S::default(), want).await)?;
            unwritten.check(S::change_apart(cx, &S::default(), want).await)?;
            return Ok(unwritten.take_over(want.clone()).made(changed));
        }
        let agrees = |live: &S| Settings::difference(want, live, want).is_empty() && replaces_nothing(want, live);
        if let Some(live) = unwritten.check(named::<S>(&key).left_behind(cx, Some(live), agrees).await)? {
            return Ok(unwritten.take_over(want.clone()).made(live));
        }
    }
    unwritten.check(require(cx, want, None).await)?;
    let doing = format!("Cannot create {}", called::<S>(&key));
    let request = Settings::all(want).post::<S>(&key);
    let request = async {
        let answer =
            cx.client.write::<serde::de::IgnoredAny>(Lock::File(S::FAMILY.file), &[S::FAMILY.area], request).await;
        answer.during(&doing).map_err(|problem| match problem.is_refused() {
            true => at_fault::<S>(problem),
            // Whether it arrived has to be settled first.
            false => problem,
        })
    };
    let (answer, written) = unwritten.send(want.clone(), request).await?;
    let (path, privileges) = match S::FAMILY.sight {
        Sight::All => (String::new(), [].as_slice()),
        Sight::With(right) => (filled::<S>(right.path, &key), right.any),
    };
    let sight = if privileges.is_empty() { evidence::Sight::All } else { evidence::Sight::With(&path, privileges) };
    match evidence::arrived(cx, answer, find::<S>(cx, &key), sight).await {
        Ok(Ok(live)) => Ok(written.made(live)),
        Ok(Err(problem)) => written.undo(at_fault::<S>(problem), must_be_absent::<S>(cx, &key)).await,
        Err(problem) => Ok(written.leave(problem)),
    }
}

/// Reads it.
pub async fn read<S: Section>(cx: &Cx<Pve>, key: &S::Key) -> Result<Read<S>, Error> {
    let found = find::<S>(cx, key).await;
    match S::FAMILY.sight {
        Sight::All => absence::answer(&cx.client, found).await,
        Sight::With(Right { path, any }) => {
            absence::answer_if_visible(&cx.client, &filled::<S>(path, key), any, found).await
        }
    }
}

/// Sends what differs from what is there.
pub async fn update<S: Section + Resource<Pve>>(cx: &Cx<Pve>, prior: &S, want: &S) -> Result<Updated<S>, Error> {
    let key = key_of(want)?;
    require(cx, want, Some(prior)).await?;
    let changed = change(cx, &key, prior, want).await?;
    S::change_apart(cx, prior, want).await?;
    Ok(Updated::Done(changed))
}

/// Removes it, if it is there and may go.
pub async fn delete<S: Section + Resource<Pve>>(cx: &Cx<Pve>, was: &S) -> Result<Deleted<S>, Error> {
    let key = key_of(was)?;
    if S::builtin(&key) == Builtin::Stays {
        cx.warn(Diagnostic::warning(
            "What PVE brings along stays as it is",
            format!("{} is PVE's own: it cannot be removed. Its settings are left as they are.", called::<S>(&key)),
        ));
        return Ok(Deleted::Gone);
    }
    if find::<S>(cx, &key).await?.is_none() && is_visible::<S>(cx, &key).await? {
        return Ok(Deleted::Gone);
    }
    require_removable(cx, was).await?;
    let request = Request::delete(place::<S>(&key));
    let answer = cx.client.write::<serde::de::IgnoredAny>(Lock::File(S::FAMILY.file), &[S::FAMILY.area], request).await;
    match answer.during(format!("Cannot remove {}", called::<S>(&key))) {
        Err(problem) if !problem.is_absent() => Err(problem.into()),
        _ => Ok(Deleted::Gone),
    }
}

/// All that there are, for the data source in the plural.
pub async fn list<S: Section + Listed<Pve>>(cx: &Cx<Pve>) -> Result<Vec<S>, Error> {
    must_see_all(cx, S::FAMILY.sight, S::PLURAL).await?;
    let entries = entries::<S>(cx, S::FAMILY.path).await.during(format!("Cannot list `{}`", S::PLURAL))?;
    let mut all = Vec::with_capacity(entries.len());
    for live in entries.iter().filter(|live| wrong_kind::<S>(live).is_none()) {
        let Some(key) = requests::key_of_entry::<S>(live) else { continue };
        let model = match S::FAMILY.told {
            Told::InTheList => Some(from_live::<S>(live, &key)?),
            Told::ByItself => find::<S>(cx, &key).await?,
        };
        all.extend(model);
    }
    Ok(all)
}

/// An error unless all objects are seen that a list has, whatever their ids.
pub async fn must_see_all(cx: &Cx<Pve>, sight: Sight, plural: &str) -> Result<(), Error> {
    let Sight::With(Right { path, any }) = sight else { return Ok(()) };
    // The path above all of them: with the privilege there, none is left out.
    let above = path.split("/{").next().filter(|path| !path.is_empty()).unwrap_or("/");
    let ours = cx.client.access().on(above).await.during("Cannot read our own permissions")?;
    if any.iter().any(|privilege| ours.has(privilege) && (above == path || ours.propagates(privilege))) {
        return Ok(());
    }
    Err(Error::new(
        format!("Not all of `{plural}` may be seen"),
        format!(
            "PVE leaves out of its list what the user or token may not see, and a list that may be short is none. Give it {} \
             on {above}, propagated.",
            any.join(" or ")
        ),
    ))
}

/// The object as it is; none if whoever was asked does not know it.
pub async fn find<S: Section>(cx: &Cx<Pve>, key: &S::Key) -> Result<Option<S>, Problem> {
    let doing = || format!("Cannot read {}", called::<S>(key));
    let live = match S::FAMILY.told {
        Told::InTheList => {
            let entries = entries::<S>(cx, &collection::<S>(key)).await;
            match entries {
                Ok(entries) => entries.iter().find(|live| requests::is::<S>(live, key)).cloned(),
                Err(error) if error.is_absent() => None,
                Err(error) => return Err(Problem::during(doing(), error)),
            }
        }
        Told::ByItself => match cx.client.shared::<Live>(S::FAMILY.area, Request::get(place::<S>(key))).await {
            Ok(live) => Some(Live::clone(&live)),
            Err(error) if error.is_absent() => None,
            Err(error) => return Err(Problem::during(doing(), error)),
        },
    };
    live.map(|live| from_live(&live, key)).transpose()
}

async fn entries<S: Section>(cx: &Cx<Pve>, path: &str) -> Result<Arc<Vec<Live>>, pve_client::Error> {
    let request =
        S::FAMILY.listed_with.iter().fold(Request::get(path), |request, (name, value)| request.param(*name, value));
    cx.client.shared(S::FAMILY.area, request).await
}

/// The ids that a list of PVE shows, to see whether what is named exists.
pub async fn ids(cx: &Cx<Pve>, path: &str, area: Area, parameter: &str) -> Result<BTreeSet<String>, Problem> {
    let entries: Arc<Vec<Live>> =
        cx.client.shared(area, Request::get(path)).await.during(format!("Cannot list /{path}"))?;
    Ok(entries.iter().filter_map(|live| live.get(parameter)?.as_str()).map(str::to_owned).collect())
}

/// For the end of a sentence: what there is, or that there is nothing.
pub fn listed(ids: &BTreeSet<String>) -> String {
    if ids.is_empty() { "none".to_owned() } else { ids.iter().map(String::as_str).collect::<Vec<_>>().join(", ") }
}

/// What of [`super::Family::fixed`] is otherwise: its name, and what it is.
fn wrong_kind<S: Section>(live: &Live) -> Option<(&'static str, String)> {
    S::FAMILY.fixed.iter().find_map(|(name, wanted)| {
        let is = live.get(*name).and_then(|json| json.as_str()).unwrap_or_default();
        (is != *wanted).then(|| (*name, is.to_owned()))
    })
}

/// The object that PVE has told of.
pub fn from_live<S: Section>(live: &Live, key: &S::Key) -> Result<S, Problem> {
    if let Some((name, is)) = wrong_kind::<S>(live) {
        return Err(Problem::new(
            format!("{} \"{key}\" is of {name} {is}", S::FAMILY.what),
            format!("`pve_{}` manages another {name} only. Nothing was written. Choose another id.", S::NAME),
        )
        .at(S::Key::FIELDS[0]));
    }
    let mut said = live.clone();
    for (name, meant) in S::FAMILY.meant {
        said.entry(*name).or_insert_with(|| (*meant).into());
    }
    requests::model(&said, key).map_err(|what| {
        Problem::new(format!("Cannot read {}", called::<S>(key)), format!("PVE's answer is not understood: {what}"))
    })
}

/// Reads, compares and writes in one turn of the file's queue, so that no change of ours comes in between; where somebody
/// else's does, and PVE notices by the digest, once more.
pub async fn change<S: Section>(cx: &Cx<Pve>, key: &S::Key, prior: &S, want: &S) -> Result<S, Problem> {
    let doing = format!("Cannot change {}", called::<S>(key));
    let gone =
        || Problem::new(doing.clone(), "It is gone: somebody removed it meanwhile. Apply again to make it anew.");
    let turn = cx.client.begin_write(Lock::File(S::FAMILY.file), &[S::FAMILY.area]).await.during(&doing)?;
    let mut readings = 1;
    loop {
        let (live, digest) = match S::FAMILY.digest {
            false => (find::<S>(cx, key).await?.ok_or_else(gone)?, None),
            true => match cx.client.call::<Live>(Request::get(place::<S>(key))).await {
                Ok(live) => {
                    let digest = live.get("digest").and_then(|json| json.as_str()).map(str::to_owned);
                    (from_live::<S>(&live, key)?, digest)
                }
                Err(error) if error.is_absent() => return Err(gone()),
                Err(error) => return Err(Problem::during(&doing, error)),
            },
        };
        let settings = Settings::difference(want, &live, prior);
        if settings.is_empty() {
            break;
        }
        let request = settings.put(key, want, digest.as_deref());
        match turn.send::<serde::de::IgnoredAny>(request).await.during(&doing) {
            Ok(_) => break,
            Err(problem) if problem.is_modified() && readings < READINGS => readings += 1,
            Err(problem) => return Err(at_fault::<S>(problem)),
        }
    }
    drop(turn);
    find::<S>(cx, key).await?.ok_or_else(gone)
}

/// Whether what cannot be changed is as it is wanted, or left open.
fn replaces_nothing<S: Section>(want: &S, live: &S) -> bool {
    let (want, live) = (want.encode(), live.encode());
    let fixed = |a: &&Attribute| a.replace && !a.write_only && !a.local;
    S::attributes().iter().filter(fixed).all(|a| want[&a.name].is_null() || want[&a.name] == live[&a.name])
}

/// What it is called where it is to be made.
pub fn named<S: Section>(key: &S::Key) -> Named {
    Named {
        kind: format!("pve_{}", S::NAME),
        attribute: S::Key::FIELDS[0],
        key: key.to_string(),
        what: format!("{} \"{key}\"", S::FAMILY.what),
    }
}

/// An error if it exists.
pub async fn must_be_absent<S: Section>(cx: &Cx<Pve>, key: &S::Key) -> Result<(), Problem> {
    named::<S>(key).must_be_absent(find::<S>(cx, key).await?)
}

/// Whether we would see the object if it were there.
async fn is_visible<S: Section>(cx: &Cx<Pve>, key: &S::Key) -> Result<bool, Problem> {
    let Sight::With(Right { path, any }) = S::FAMILY.sight else { return Ok(true) };
    let ours = cx.client.access().on(&filled::<S>(path, key)).await.during("Cannot read our own permissions")?;
    Ok(ours.has_any(any))
}

/// A refusal of PVE, at the attribute that it is about, if that can be told.
fn at_fault<S: Section>(problem: Problem) -> Problem {
    let words = problem.pve().map(ToString::to_string).unwrap_or_default();
    let Some((_, attribute)) = S::FAMILY.blames.iter().find(|(part, _)| words.contains(part)) else {
        return problem.with_attributes(requests::attribute::<S>);
    };
    if !problem.is_refused() {
        return problem.at(*attribute);
    }
    // What is missing is not the object itself, so that it says too little alone.
    let told = match problem.is_absent() {
        true => Problem::new(problem.doing(), format!("PVE: {}. Nothing was written.", words.trim_end_matches('.'))),
        false => problem,
    };
    told.at(*attribute).unsent()
}

fn called<S: Section>(key: &S::Key) -> String {
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

fn key_of<S: Section>(model: &S) -> Result<S::Key, Problem> {
    model.key().ok_or_else(|| {
        Problem::new(format!("{} without a key", S::FAMILY.what), "This is a bug of the provider. Nothing was written.")
    })
}
