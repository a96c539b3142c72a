//! What an operation has at hand.

use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::diagnostics::{Diagnostic, Diagnostics, Severity};
use crate::private::Private;
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
    warnings: Mutex<Diagnostics>,
}

impl<A> Cx<A> {
    /// Made by the framework for every call; public for the tests of providers.
    pub fn new(api: Arc<A>, stop: StopToken, timeout: Duration) -> Self {
        Self { api, stop, timeout, private: Private::default(), warnings: Mutex::default() }
    }

    pub(crate) fn with_private(self, private: Private) -> Self {
        Self { private, ..self }
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

impl<A> Deref for Cx<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.api
    }
}
