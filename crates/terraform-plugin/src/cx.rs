//! What an operation has at hand.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::held::Held;
use crate::model::Model;
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
    warnings: Mutex<Diagnostics>,
}

impl<A> Cx<A> {
    /// Made by the framework for every call; public for the tests of providers.
    pub fn new(api: Arc<A>, stop: StopToken, timeout: Duration) -> Self {
        Self { api, stop, timeout, private: Private::default(), held: Arc::default(), warnings: Mutex::default() }
    }

    pub(crate) fn with_private(self, private: Private) -> Self {
        Self { private, ..self }
    }

    pub(crate) fn with_held(self, held: Arc<Held>) -> Self {
        Self { held, ..self }
    }

    /// The objects of a type that this state holds, as far as this process has seen it: those that are in the
    /// configuration, and those that are not any more. Never all of it is certain to have been seen.
    pub fn held<M: Model>(&self) -> Vec<M> {
        models(self.held.all(M::NAME))
    }

    /// Those of them that are planned to be destroyed or replaced, as far as that is known by now.
    pub fn going<M: Model>(&self) -> Vec<M> {
        models(self.held.going(M::NAME))
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

    /// What was told so far, taken out.
    pub fn take_warnings(&self) -> Diagnostics {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
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
