//! What the user is to be told beside every object.

use std::sync::{Arc, Mutex, PoisonError};

use crate::diagnostics::{Diagnostic, Diagnostics, Severity};

/// Warnings that belong to no object: about the provider's configuration, or about what the API came across. Clones are
/// the same list.
///
/// `configure` gets it in [`Start`](crate::Start), and may keep it for later. Each warning is told once, with the next
/// answer to Terraform that can carry one: that to `ConfigureProvider`, or that about whichever object comes next.
#[derive(Clone, Debug, Default)]
pub struct Notices(Arc<Mutex<Diagnostics>>);

impl Notices {
    /// Tells the user something without failing.
    pub fn warn(&self, diagnostic: Diagnostic) {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.push(Diagnostic { severity: Severity::Warning, ..diagnostic });
    }

    /// What waits to be told, taken out.
    pub fn take(&self) -> Diagnostics {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
