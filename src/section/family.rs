//! Plain objects: what their family tells of their life.

use std::collections::BTreeSet;
use std::sync::Arc;

use pve_client::{Area, Lock, Request};
use serde::de::DeserializeOwned;
use terraform_plugin::schema::Attribute;
use terraform_plugin::{Cx, Error, Findings, Key, Listed};

use super::life::{self, called};
use super::requests::{self, Settings, collection};
use super::{Made, OwnRight, Right, Section, Sight, Told, Unset};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::ground::wire::Live;

/// How often a change that met somebody else's is worked out anew.
const READINGS: u32 = 3;

/// Ends it: takes it away, or what the state holds of what is always there.
pub async fn end<S: Section>(cx: &Cx<Pve>, was: &S) -> Result<(), Problem> {
    let key = life::key_of(was)?;
    let doing = format!("Cannot remove {}", called::<S>(&key));
    let Some(path) = S::lies(cx, &key).await? else { return Ok(()) };
    let request = match S::FAMILY.made {
        Made::InTheCollection | Made::InItsPlace => requests::about::<S>(Request::delete(path), &key),
        Made::Already => {
            let settings = Settings::taken_away(was);
            if settings.is_empty() {
                return Ok(());
            }
            settings.put(path, was, None)
        }
    };
    written::<S, serde::de::IgnoredAny>(cx, request).await.during(doing)?;
    Ok(())
}

/// Tells what is taken away of what is always there, when it is first brought to what is configured.
pub(super) async fn foretell<S: Section>(cx: &Cx<Pve>, want: &S::Plan, found: &mut Findings<S>) -> Result<(), Error> {
    let Ok(key) = S::Key::decode(&S::encode_plan(want)) else { return Ok(()) };
    let Some(live) = find::<S>(cx, &key).await? else { return Ok(()) };
    let unwanted = Settings::unwanted(want, &live);
    if !unwanted.is_empty() {
        let unwanted = unwanted.join(", ");
        found.notice(Problem::new(
            "What is set in PVE and not configured is taken away",
            format!(
                "{} \"{key}\" is there already, with what is not in this configuration: {unwanted}. Configure it to keep it, or import it \
                 first (the id is \"{key}\") to see each value in the plan.",
                S::FAMILY.what
            ),
        ));
    }
    Ok(())
}

/// The request that makes it.
pub fn creation<S: Section>(want: &S) -> Result<Request, Problem> {
    let key = life::key_of(want)?;
    match S::FAMILY.made {
        Made::InTheCollection | Made::InItsPlace => Ok(Settings::all(want).post::<S>(&key)),
        // It was not found, so it is not shown to us.
        Made::Already => {
            let sight = S::sight(&key).map(|right| (right.path, right.any.join(" or ")));
            let (path, any) = sight.unwrap_or_default();
            Err(Problem::new(
                format!("Cannot change {}", called::<S>(&key)),
                format!("The user or token may not see all of it. Nothing was written. Give it {any} on {path}."),
            )
            .unsent())
        }
    }
}

/// Makes it, and passes PVE's answer on.
pub async fn made<S: Section, T: DeserializeOwned>(cx: &Cx<Pve>, want: &S, request: Request) -> Result<T, Problem> {
    let doing = format!("Cannot create {}", called::<S>(&life::key_of(want)?));
    written::<S, T>(cx, request).await.during(doing).map_err(|problem| match problem.is_refused() {
        true => at_fault::<S>(problem),
        // Whether it arrived has to be settled first.
        false => problem,
    })
}

/// Sends a request that writes the file.
pub async fn written<S: Section, T: DeserializeOwned>(cx: &Cx<Pve>, request: Request) -> Result<T, pve_client::Error> {
    cx.client.write(Lock::File(S::FAMILY.file), &[S::FAMILY.area], request).await
}

/// Whether what is there is all that is wanted.
pub fn is_as_wanted<S: Section>(want: &S, live: &S) -> bool {
    Settings::difference(want, live, want).is_empty() && replaces_nothing(want, live)
}

/// All that there are, for the data source in the plural.
pub async fn list<S: Section + Listed<Pve>>(cx: &Cx<Pve>) -> Result<Vec<S>, Error> {
    must_see_all(cx, S::FAMILY.sight, S::PLURAL).await?;
    let entries = entries_of_kind::<S>(cx).await.during(format!("Cannot list `{}`", S::PLURAL))?;
    let mut all = Vec::with_capacity(entries.len());
    for (key, live) in &entries {
        let model = match S::FAMILY.told {
            Told::InTheList => Some(from_live::<S>(live, key)?),
            Told::ByItself => find::<S>(cx, key).await?,
        };
        all.extend(model);
    }
    Ok(all)
}

/// The entries of the family's list that are of its kind, by key.
pub(super) async fn entries_of_kind<S: Section>(cx: &Cx<Pve>) -> Result<Vec<(S::Key, Live)>, pve_client::Error> {
    let entries = entries::<S>(cx, S::FAMILY.path).await?;
    let of_kind = entries.iter().filter(|live| wrong_kind::<S>(live).is_none());
    Ok(of_kind.filter_map(|live| Some((requests::key_of_entry::<S>(live)?, live.clone()))).collect())
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
    let told = match S::FAMILY.made {
        Made::Already => {
            // Who may not see it is refused, or shown a part.
            if let Some(OwnRight { path, any }) = S::sight(key)
                && !cx.client.access().on(&path).await.during(doing())?.has_any(any)
            {
                return Ok(None);
            }
            Told::ByItself
        }
        Made::InTheCollection | Made::InItsPlace => S::FAMILY.told,
    };
    let live = match told {
        Told::InTheList => {
            let entries = entries::<S>(cx, &collection::<S>(key)).await;
            match entries {
                Ok(entries) => {
                    let found = entries.iter().find(|live| requests::is::<S>(live, key)).cloned();
                    // What has no name may be the one that is looked for.
                    if found.is_none() && !entries.iter().all(requests::is_named::<S>) {
                        return Err(not_understood::<S>(key, "an entry of its list has no name."));
                    }
                    found
                }
                Err(error) if error.is_absent() => None,
                Err(error) => return Err(Problem::during(doing(), error)),
            }
        }
        Told::ByItself => {
            let Some(path) = S::lies(cx, key).await? else { return Ok(None) };
            match cx.client.shared::<Live>(S::FAMILY.area, Request::get(path)).await {
                Ok(live) => Some(Live::clone(&live)),
                Err(error) if error.is_absent() => None,
                Err(error) => {
                    let problem = Problem::during(doing(), error);
                    let of_a_node = S::Key::FIELDS.contains(&"node");
                    return Err(if of_a_node { problem.node_at_fault() } else { problem });
                }
            }
        }
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
    requests::model(&said, key).map_err(|what| not_understood::<S>(key, &what))
}

fn not_understood<S: Section>(key: &S::Key, what: &str) -> Problem {
    let told = format!(
        "PVE's answer is not understood: {what}\nCheck that `endpoints` (PVE_ENDPOINTS) leads to PVE itself, not to something \
         between that answers in its place; then apply again: what is there is looked at first."
    );
    Problem::new(format!("Cannot read {}", called::<S>(key)), told)
}

/// Reads, compares and writes in one turn of the file's queue, so that no change of ours comes in between; where somebody
/// else's does, and PVE notices by the digest, once more.
pub async fn change<S: Section>(cx: &Cx<Pve>, key: &S::Key, prior: &S, want: &S) -> Result<S, Problem> {
    let doing = format!("Cannot change {}", called::<S>(key));
    let Some(path) = S::lies(cx, key).await? else { return Err(life::lost::<S>(cx, key).await) };
    let turn = cx.client.begin_write(Lock::File(S::FAMILY.file), &[S::FAMILY.area]).await.during(&doing)?;
    let mut readings = 1;
    loop {
        let (live, digest) = match S::FAMILY.digest {
            false => match find::<S>(cx, key).await? {
                Some(live) => (live, None),
                None => return Err(life::lost::<S>(cx, key).await),
            },
            true => match cx.client.call::<Live>(Request::get(path.clone())).await {
                Ok(live) => {
                    let digest = live.get("digest").and_then(|json| json.as_str()).map(str::to_owned);
                    (from_live::<S>(&live, key)?, digest)
                }
                Err(error) if error.is_absent() => return Err(life::lost::<S>(cx, key).await),
                Err(error) => return Err(Problem::during(&doing, error)),
            },
        };
        let mut settings = Settings::difference(want, &live, prior);
        if settings.is_empty() {
            break;
        }
        if S::FAMILY.unset == Unset::Whole {
            settings = Settings::all(want);
        }
        let request = settings.put(path.clone(), want, digest.as_deref());
        match turn.send::<serde::de::IgnoredAny>(request).await.during(&doing) {
            Ok(_) => break,
            Err(problem) if problem.is_modified() && readings < READINGS => readings += 1,
            Err(problem) => return Err(at_fault::<S>(problem)),
        }
    }
    drop(turn);
    match find::<S>(cx, key).await? {
        Some(live) => Ok(live),
        None => Err(life::lost::<S>(cx, key).await),
    }
}

/// Whether what cannot be changed is as it is wanted, or left open.
fn replaces_nothing<S: Section>(want: &S, live: &S) -> bool {
    let (want, live) = (want.encode(), live.encode());
    let fixed = |a: &&Attribute| a.replace && !a.write_only && !a.local;
    S::attributes().iter().filter(fixed).all(|a| want[&a.name].is_null() || want[&a.name] == live[&a.name])
}

/// A refusal of PVE, at the attribute that it is about, if that can be told.
pub(super) fn at_fault<S: Section>(problem: Problem) -> Problem {
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
