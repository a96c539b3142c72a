//! What was about to be written, kept beside Terraform's own data so that a run which is killed leaves a trace.
//!
//! Before the first write of a create or a removal an entry says what is intended: type, place, a digest of the plan, what
//! the provider talks to, and which state it is for. When the answer has been given the entry is marked, for Terraform can
//! die between our answer and its own write; it is struck out once a later run shows the object in the state, or its removal
//! has ended. An object that exists already may be taken over only if such an entry names it: that somebody like us has made
//! it proves nothing about *this* state.
//!
//! Each entry is a file of its own, locked by the process that works on it, so that neither another alias nor a provider
//! left behind by a killed Terraform is robbed of it.

mod entry;
mod origin;

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::registry::Attributes;
use crate::schema::{Attribute, Kind, Nesting};
use crate::value::Value;
pub(crate) use entry::Verb;
use entry::{Entry, Kept};
use origin::Origin;

/// What the journal asks the API.
pub(crate) struct Ask {
    /// What the provider talks to.
    pub(crate) scope: Box<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>,
    /// What leads there and nowhere else, as far as the configuration tells.
    pub(crate) way: Option<String>,
    /// The time by the API's clock.
    pub(crate) clock: Box<dyn Fn() -> i64 + Send + Sync>,
}

/// How often, and how far apart, an entry that another process works on is looked at. A provider left behind lives for some
/// seconds.
const LOOKS: u32 = 60;
const PAUSE: Duration = Duration::from_millis(500);

/// What the provider talks to. The same way leads to the same, whatever that is called by now: a run that made a cluster began
/// before it had a name.
struct Here {
    way: Option<String>,
    scope: Option<String>,
}

impl Here {
    fn is_of(&self, entry: &Entry) -> bool {
        (self.way.is_some() && entry.way == self.way) || self.scope.as_ref() == Some(&entry.scope)
    }
}

/// The journal of one configured provider.
pub(crate) struct Journal {
    dir: PathBuf,
    /// Whether the folder was there when the process began.
    kept: bool,
    origin: Origin,
    scope: OnceCell<String>,
    ask: Ask,
    /// The files of the entries that this process works on or has dealt with.
    own: Mutex<BTreeSet<PathBuf>>,
    /// Entries that were dealt with; their locks end with the process.
    done: Mutex<Vec<Kept>>,
    /// The creations that former runs have noted.
    left: OnceLock<Mutex<Vec<(PathBuf, Entry)>>>,
}

/// That something is about to be written, or was.
pub(crate) struct Intent {
    journal: Arc<Journal>,
    verb: Verb,
    kind: &'static str,
    digest: String,
    kept: Mutex<Option<Kept>>,
    /// What the object has jotted down about itself.
    note: Mutex<Option<String>>,
    /// Whether this run has written it.
    written: AtomicBool,
    /// Whether a run that was cut off had written it before.
    carries_on: AtomicBool,
}

/// What a run that was cut off was about to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Former {
    /// What the object is outside of Terraform (see [`crate::Resource::place`]).
    pub place: Option<String>,
    /// When it was about to begin, in seconds since 1970 by the API's clock (see [`crate::Provider::clock`]).
    pub begun: i64,
    /// What it had jotted down (see [`crate::Cx::jot`]).
    pub note: Option<String>,
}

impl Former {
    fn of(entry: &Entry) -> Self {
        Self { place: entry.place.clone(), begun: entry.begun, note: entry.note.clone() }
    }
}

impl Journal {
    /// `data_dir` is where Terraform keeps its own data, `provider` the provider's name.
    pub(crate) fn new(data_dir: &Path, provider: &str, ask: Ask) -> Self {
        let dir = data_dir.join(format!("{provider}-journal"));
        Self {
            kept: dir.is_dir(),
            dir,
            origin: Origin::read(data_dir),
            scope: OnceCell::new(),
            ask,
            own: Mutex::default(),
            done: Mutex::default(),
            left: OnceLock::new(),
        }
    }

    /// Whether former runs would have left their notes here.
    pub(crate) fn was_kept(&self) -> bool {
        self.kept
    }

    /// Whether a former run of this state was about to make this, with this plan.
    pub(crate) async fn expects(
        &self,
        kind: &str,
        place: &str,
        attributes: &[Attribute],
        planned: &Attributes,
    ) -> bool {
        let digest = digest(attributes, planned);
        let fits = |entry: &Entry| {
            entry.verb == Verb::Create && entry.digest == digest && entry.place.as_deref() == Some(place)
        };
        self.find(kind, false, fits).await.map(|kept| self.release(kept)).is_some()
    }

    /// What is about to be written, before anything is written down.
    pub(crate) fn intent(
        self: &Arc<Self>,
        verb: Verb,
        kind: &'static str,
        attributes: &[Attribute],
        planned: &Attributes,
    ) -> Intent {
        let digest = digest(attributes, planned);
        Intent {
            journal: Arc::clone(self),
            verb,
            kind,
            digest,
            kept: Mutex::default(),
            note: Mutex::default(),
            written: AtomicBool::new(false),
            carries_on: AtomicBool::new(false),
        }
    }

    /// The state holds this: what a former run has noted of its creation is struck out. The folder is read once a process, and
    /// nobody is asked where the entry was written on the way to here.
    pub(crate) async fn arrived(&self, kind: &str, place: &str) {
        let fits = |entry: &Entry| entry.kind == kind && entry.place.as_deref() == Some(place);
        // The lock must not be held while somebody is asked.
        let fitting: Vec<Entry> =
            self.left().iter().filter(|(_, entry)| fits(entry)).map(|(_, entry)| entry.clone()).collect();
        if fitting.is_empty() {
            return;
        }
        let here = self.here(&fitting).await;
        self.left().retain(|(path, entry)| {
            let arrived = fits(entry) && here.is_of(entry);
            if arrived && let Some(kept) = entry::take(vec![path.clone()], |found| found == entry) {
                kept.strike();
            }
            !arrived
        });
    }

    fn left(&self) -> MutexGuard<'_, Vec<(PathBuf, Entry)>> {
        self.left.get_or_init(|| Mutex::new(self.left_behind())).lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn left_behind(&self) -> Vec<(PathBuf, Entry)> {
        entry::fitting(&self.dir, |_| false, |entry| entry.verb == Verb::Create && entry.origin == self.origin)
    }

    /// Whether a run that was cut off was removing this.
    pub(crate) async fn was_removing(&self, kind: &str, place: &str) -> bool {
        let removing = |entry: &Entry| entry.verb == Verb::Remove && entry.place.as_deref() == Some(place);
        self.find(kind, false, removing).await.map(|kept| self.release(kept)).is_some()
    }

    /// Whether another process of this state is making this just now: a provider that a killed Terraform has left behind, or
    /// another apply.
    pub(crate) async fn is_being_made(&self, kind: &str, place: &str) -> bool {
        let making = |entry: &Entry| {
            let same = entry.kind == kind && entry.origin == self.origin && entry.place.as_deref() == Some(place);
            same && entry.verb == Verb::Create
        };
        let mut candidates = entry::fitting(&self.dir, |path| self.is_own(path), making);
        if candidates.is_empty() {
            return false;
        }
        let here = self.here(candidates.iter().map(|(_, entry)| entry)).await;
        candidates.retain(|(_, entry)| here.is_of(entry));
        let worked_on = !candidates.is_empty();
        worked_on && entry::take(candidates.into_iter().map(|(path, _)| path).collect(), making).is_none()
    }

    /// Strikes out all that runs which were cut off had begun with this: it is gone, or all that it should be.
    pub(crate) async fn over(&self, kind: &str, place: &str) {
        while let Some(kept) = self.find(kind, false, |entry| entry.place.as_deref() == Some(place)).await {
            kept.strike();
        }
    }

    /// An entry that no other process works on. `patient`: one that is worked on is waited for, since a provider that a
    /// killed Terraform has left behind comes to its end in order, and then its entry says what it has left.
    async fn find(&self, kind: &str, patient: bool, fits: impl Fn(&Entry) -> bool) -> Option<Kept> {
        let ours = |entry: &Entry| entry.kind == kind && entry.origin == self.origin && fits(entry);
        for look in 0..LOOKS {
            let mut candidates = entry::fitting(&self.dir, |path| self.is_own(path), ours);
            if candidates.is_empty() {
                return None;
            }
            let here = self.here(candidates.iter().map(|(_, entry)| entry)).await;
            candidates.retain(|(_, entry)| here.is_of(entry));
            if candidates.is_empty() {
                return None;
            }
            let paths = candidates.into_iter().map(|(path, _)| path).collect();
            let found = entry::take(paths, |entry| ours(entry) && here.is_of(entry));
            if found.is_some() || !patient {
                return found.inspect(|kept| self.own(kept));
            }
            if look == 0 {
                tracing::info!(kind, "another process works on what the journal names: waiting for its end");
            }
            tokio::time::sleep(PAUSE).await;
        }
        None
    }

    /// Entries of this process are never taken for another's.
    fn own(&self, kept: &Kept) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).insert(kept.path().to_owned());
    }

    fn is_own(&self, path: &Path) -> bool {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    /// The way, not in clear: it is only compared.
    fn way(&self) -> Option<String> {
        self.ask.way.as_ref().map(|way| hex::encode(Sha256::digest(way)))
    }

    /// What tells whether these are about what the provider talks to. Nobody is asked where each came by the same way.
    async fn here(&self, entries: impl IntoIterator<Item = &Entry>) -> Here {
        let here = Here { way: self.way(), scope: None };
        if entries.into_iter().all(|entry| here.is_of(entry)) {
            return here;
        }
        Here { scope: Some(self.scope().await), ..here }
    }

    /// What cannot be told yet is asked for again: a run may make what it talks to.
    async fn scope(&self) -> String {
        let told = self.scope.get_or_try_init(|| async {
            let told = (self.ask.scope)().await;
            if told.is_empty() { Err(()) } else { Ok(told) }
        });
        told.await.cloned().unwrap_or_default()
    }

    /// Gives an entry back.
    fn release(&self, kept: Kept) {
        self.own.lock().unwrap_or_else(PoisonError::into_inner).remove(kept.path());
    }

    /// Keeps an entry locked until the process ends: another alias of this run must not take it for a killed run's.
    fn keep(&self, kept: Kept) {
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(kept);
    }
}

impl Intent {
    /// The same intent of a run that was cut off: of this state, with the same plan, and for `place` if that is known. From
    /// now on it is this run's.
    pub(crate) async fn former(&self, place: Option<&str>) -> Option<Former> {
        if let Some(kept) = &*self.kept()
            && !self.written.load(Ordering::Relaxed)
        {
            return Some(Former::of(&kept.entry));
        }
        let fits = |entry: &Entry| {
            entry.verb == self.verb
                && entry.digest == self.digest
                && place.is_none_or(|place| entry.place.as_deref() == Some(place))
        };
        let kept = self.journal.find(self.kind, true, fits).await?;
        let former = Former::of(&kept.entry);
        *self.kept() = Some(kept);
        Some(former)
    }

    /// Writes the intent down, synced to disk.
    pub(crate) async fn write(&self, place: Option<String>) -> std::io::Result<()> {
        let entry = Entry {
            verb: self.verb,
            kind: self.kind.to_owned(),
            place,
            digest: self.digest.clone(),
            scope: self.journal.scope().await,
            way: self.journal.way(),
            origin: self.journal.origin.clone(),
            begun: (self.journal.ask.clock)(),
            note: self.note.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            answered: false,
        };
        if self.kept().is_none() {
            // What such a run has left and nothing came of is this run's now.
            self.former(entry.place.as_deref()).await;
        }
        let kept = self.kept().take();
        self.carries_on.store(kept.is_some(), Ordering::Relaxed);
        let written = match kept {
            Some(mut kept) => kept.rewrite(entry).map(|()| kept),
            None => Kept::create(&self.journal.dir, entry),
        }?;
        self.journal.own(&written);
        *self.kept() = Some(written);
        self.written.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// Whether a run that was cut off had begun the same with this object: its entry is this run's now.
    pub(crate) fn carries_on(&self, verb: Verb, kind: &str) -> bool {
        self.verb == verb && self.kind == kind && self.carries_on.load(Ordering::Relaxed)
    }

    /// Something that the entry shall say beside the place.
    pub(crate) fn jot(&self, note: String) {
        *self.note.lock().unwrap_or_else(PoisonError::into_inner) = Some(note);
    }

    /// Terraform is being told, and the API has chosen the place if that was open: the entry stays until a later run shows that it has listened.
    pub(crate) fn answered(&self, place: Option<String>) {
        if let Some(mut kept) = self.kept().take() {
            let place = place.or_else(|| kept.entry.place.clone());
            let entry = Entry { answered: true, place, ..kept.entry.clone() };
            if let Err(error) = kept.rewrite(entry) {
                tracing::warn!(%error, "an entry of the journal could not be marked");
            }
            self.journal.keep(kept);
        }
    }

    /// Nothing came of it, or it is over. What a former run has written and this one has not touched stays.
    pub(crate) fn strike(&self) {
        match self.kept().take() {
            Some(kept) if self.written.load(Ordering::Relaxed) => kept.strike(),
            Some(kept) => self.journal.release(kept),
            None => {}
        }
    }

    fn kept(&self) -> MutexGuard<'_, Option<Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("dir", &self.dir).finish_non_exhaustive()
    }
}

impl fmt::Debug for Intent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Intent").field("verb", &self.verb).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Of what the API is asked for: nothing local, and nothing secret, not even as a digest.
fn digest(attributes: &[Attribute], planned: &Attributes) -> String {
    hex::encode(Sha256::digest(format!("{:?}", asked_for(attributes, planned))))
}

fn asked_for(attributes: &[Attribute], values: &Attributes) -> Attributes {
    let shown = attributes.iter().filter(|a| !(a.local || a.sensitive || a.write_only));
    let one = |attribute: &Attribute| {
        let value = values.get(&attribute.name)?;
        let value = match (&attribute.kind, value) {
            (Kind::Nested(Nesting::Single, inner), Value::Object(object)) => Value::Object(asked_for(inner, object)),
            (Kind::Nested(_, inner), Value::Map(map)) => Value::Map(each(inner, map)),
            (Kind::Nested(_, inner), Value::List(list)) => {
                let one = |value: &Value| match value {
                    Value::Object(object) => Value::Object(asked_for(inner, object)),
                    other => other.clone(),
                };
                Value::List(list.iter().map(one).collect())
            }
            (_, other) => other.clone(),
        };
        Some((attribute.name.clone(), value))
    };
    shown.filter_map(one).collect()
}

fn each(inner: &[Attribute], map: &Attributes) -> Attributes {
    let one = |(key, value): (&String, &Value)| {
        let value = match value {
            Value::Object(object) => Value::Object(asked_for(inner, object)),
            other => other.clone(),
        };
        (key.clone(), value)
    };
    map.iter().map(one).collect()
}

#[cfg(test)]
mod tests;
