//! What an operation has at hand.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::held::Held;
use crate::journal::{Former, Intent, Journal, Verb};
use crate::model::Model;
use crate::notices::Notices;
use crate::outcome::Unreachable;
use crate::private::Private;
use crate::registry::Attributes;
use crate::stop::StopToken;

/// What an operation has at hand: the provider's API, the signal to stop, its time limit, its private data.
/// Dereferences to the API.
#[derive(Debug)]
pub struct Cx<A> {
    /// What `configure` made.
    pub api: Arc<A>,
    /// Goes off at Ctrl-C, and when Terraform is gone. A create then answers `unfinished`; nothing new is written.
    pub stop: StopToken,
    /// How long this operation may take, by `timeouts` or the object's default. Nothing enforces it but the operation.
    pub timeout: Duration,
    /// What the object remembers beside its attributes.
    pub private: Private,
    held: Arc<Held>,
    journal: Option<Arc<Journal>>,
    intent: Option<Arc<Intent>>,
    warnings: Mutex<Diagnostics>,
    unreachable: Mutex<Vec<Unreachable>>,
    notices: Notices,
}

impl<A> Cx<A> {
    /// Made by the framework for every call; public for the tests of providers.
    pub fn new(api: Arc<A>, stop: StopToken, timeout: Duration) -> Self {
        Self {
            api,
            stop,
            timeout,
            private: Private::default(),
            held: Arc::default(),
            journal: None,
            intent: None,
            warnings: Mutex::default(),
            unreachable: Mutex::default(),
            notices: Notices::default(),
        }
    }

    pub(crate) fn with_notices(self, notices: Notices) -> Self {
        Self { notices, ..self }
    }

    pub(crate) fn with_private(self, private: Private) -> Self {
        Self { private, ..self }
    }

    pub(crate) fn with_held(self, held: Arc<Held>) -> Self {
        Self { held, ..self }
    }

    pub(crate) fn with_journal(self, journal: Arc<Journal>) -> Self {
        Self { journal: Some(journal), ..self }
    }

    pub(crate) fn with_intent(self, intent: Arc<Intent>) -> Self {
        Self { intent: Some(intent), ..self }
    }

    /// Whether the object of the state was promised ([`crate::Unwritten::promise`]) and has not been seen to exist since.
    pub fn is_promised(&self) -> bool {
        self.private.is_promised()
    }

    /// Writes down what is about to be written. Without that the work goes on, and a run that is killed leaves no trace.
    pub(crate) async fn write_down(&self, place: Option<String>) {
        let Some(intent) = &self.intent else { return };
        if let Err(error) = intent.write(place).await {
            tracing::warn!(%error, "the journal cannot be written");
            self.warn(Diagnostic::warning(
                "The journal cannot be written",
                format!(
                    "Terraform's data folder (TF_DATA_DIR, else .terraform) takes no notes: {error}. If this run is killed, what \
                     it was making has to be imported."
                ),
            ));
        }
    }

    /// The entry of what was not written after all, or is over, goes.
    pub(crate) fn nothing_came_of_it(&self) {
        if let Some(intent) = &self.intent {
            intent.strike();
        }
    }

    /// Whether another process of this state is making this.
    pub(crate) async fn is_being_made(&self, kind: &str, place: &str) -> bool {
        match &self.journal {
            Some(journal) => journal.is_being_made(kind, place).await,
            None => false,
        }
    }

    /// Terraform is being told what exists.
    pub(crate) fn answered(&self, place: Option<String>) {
        if let Some(intent) = &self.intent {
            intent.answered(place);
        }
    }

    /// What runs that were cut off had begun with the object at this place is over.
    pub(crate) async fn over(&self, name: &str, place: Option<String>) {
        if let (Some(journal), Some(place)) = (&self.journal, place) {
            journal.over(name, &place).await;
        }
    }

    /// In a create, before the first write: something by which the next run, should this one be killed, recognises the object
    /// beyond doubt. No secrets: it is kept in clear.
    pub fn jot(&self, note: impl Into<String>) {
        if let Some(intent) = &self.intent {
            intent.jot(note.into());
        }
    }

    /// In a create: whether a run for this very state, with the same plan, was cut off while it made the object at `place`
    /// (or any place, if it is chosen by the API). What exists there may then be taken over, once the API confirms it.
    pub async fn former(&self, place: Option<&str>) -> Option<Former> {
        self.intent.as_ref()?.former(place).await
    }

    /// Whether the journal of former runs was kept: what it does not name, this state was not about to make. `false` where the
    /// folder is thrown away between runs, and in the first of all.
    pub fn journal_was_kept(&self) -> bool {
        self.journal.as_ref().is_some_and(|journal| journal.was_kept())
    }

    /// Whether a run for this state was cut off while it removed this object.
    pub async fn was_removing<M: Model>(&self, place: &str) -> bool {
        if self.intent.as_ref().is_some_and(|intent| intent.carries_on(Verb::Remove, M::NAME)) {
            return true;
        }
        match &self.journal {
            Some(journal) => journal.was_removing(M::NAME, place).await,
            None => false,
        }
    }

    /// The objects of a type that this state holds, as far as this process has seen it: those that are in the
    /// configuration, and those that are not any more. Never all of it is certain to have been seen.
    pub fn held<M: Model>(&self) -> Vec<M> {
        models(self.held.all(M::NAME))
    }

    /// Whether this process has read objects of the state. Where it has not (`terraform destroy` refreshes in one process and
    /// plans in another, `-refresh=false` in none), [`Cx::held`] knows only what was planned before: what depends on the
    /// object, nothing that it depends on.
    pub fn refreshed(&self) -> bool {
        self.held.is_refreshed()
    }

    /// Those of them that are planned to be destroyed or replaced, as far as that is known by now.
    pub fn going<M: Model>(&self) -> Vec<M> {
        models(self.held.going(M::NAME))
    }

    /// Those of [`Cx::going`] that are to be replaced: what refers to one is planned after it, and may go along.
    pub fn replaced<M: Model>(&self) -> Vec<M> {
        models(self.held.replaced(M::NAME))
    }

    /// Whether an object of this type (without the provider's prefix: `ceph_pool`) is planned to be made, as far as this
    /// process knows. What a reference leads to has been planned before; what a literal names may come later, or in another
    /// process: no is no evidence.
    pub fn comes(&self, name: &str, place: &str) -> bool {
        self.held.comes(name, place)
    }

    /// Tells the user something without failing.
    pub fn warn(&self, diagnostic: Diagnostic) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        warnings.push(Diagnostic { severity: Severity::Warning, ..diagnostic });
    }

    /// In a read that has found its object all the same: something does not answer. Warned about once a process, together
    /// with [`Read::Unreachable`](crate::Read::Unreachable).
    pub fn unreachable(&self, about: impl Into<String>, why: impl Into<String>) {
        let mut unreachable = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        unreachable.push(Unreachable { about: about.into(), why: why.into() });
    }

    /// What was told so far, taken out; with what waits to be told with any object.
    pub fn take_warnings(&self) -> Diagnostics {
        let mut warnings = std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner));
        warnings.extend(self.notices.take());
        warnings
    }

    /// What was said not to answer, taken out.
    pub fn take_unreachable(&self) -> Vec<Unreachable> {
        std::mem::take(&mut *self.unreachable.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What a state of an older version holds may not fit; it is left out.
fn models<M: Model>(all: Vec<Attributes>) -> Vec<M> {
    all.iter().filter_map(|attributes| M::decode(attributes).ok()).collect()
}

impl<A> Deref for Cx<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.api
    }
}
