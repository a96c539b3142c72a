//! What every provider should stand, whatever it provides: mistakes that are made by nearly everybody once, and that
//! Terraform shows late, or only to some users.
//!
//! [`Core`] finds what Terraform itself refuses while it goes about its work. This goes looking: it gives unknown values in
//! every place, numbers in every form, states with attributes missing, types that do not exist, bytes that are nonsense; it
//! destroys what is gone, plans twice, and keeps one process for everything as a debugger does.

mod life;
mod offered;
mod wire;

use std::fmt;

use crate::config::Config;
use crate::core::Core;
use crate::diagnostics::Diagnostics;
use crate::state::State;
use crate::walk::{Phase, Walk};

/// A resource to try it on.
#[derive(Clone, Debug)]
pub struct Subject {
    /// Its address in the configurations, such as `toy_note.a`.
    pub address: String,
    /// What makes it, and whatever it needs.
    pub config: Config,
    /// What changes it in place, if anything does.
    pub changed: Option<Config>,
    /// What replaces it, if anything does.
    pub replaced: Option<Config>,
    /// What allows it to be destroyed, where that has to be applied first.
    pub destroyable: Option<Config>,
    /// What it is imported by; where it is chosen by the provider, the attribute that holds it as `${self.NAME}`.
    pub id: String,
}

macro_rules! mistakes {
    ($($(#[doc = $doc:literal])* $name:ident,)*) => {
        /// What a provider does wrong.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Mistake {
            $($(#[doc = $doc])* $name,)*
        }

        impl Mistake {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name,)*];
        }
    };
}

mistakes! {
    /// A command failed that should not.
    Failed,
    /// The plan after an apply is not empty.
    PlanAfterApply,
    /// A refresh finds something where nothing happened.
    Drift,
    /// The same question is answered by another plan.
    NotDeterministic,
    /// There is an identity schema, and no identity.
    IdentityMissing,
    /// Another identity without another object.
    IdentityChanged,
    /// Something else is planned than was to be expected: no change in place, no replacement.
    OtherAction,
    /// An import plans to make it anew.
    ImportReplaces,
    /// To destroy what is gone is an error.
    DestroyOfMissing,
    /// To read what is gone is an error, or finds it.
    ReadOfMissing,
    /// An unknown value is refused, or taken for none.
    UnknownRefused,
    /// A number in one of its forms is refused, or taken for another.
    NumberForm,
    /// A state in which an attribute is missing is refused.
    AttributeMissing,
    /// A state of the present version is changed by an upgrade.
    UpgradeChanges,
    /// Something that is not offered, or makes no sense, is answered by a status of gRPC instead of a diagnostic.
    StatusInsteadOfDiagnostic,
    /// Something that makes no sense is taken.
    NonsenseTaken,
    /// What is kept for itself by the first of two plans confuses the second.
    PrivateConfuses,
    /// To stop is an error.
    StopRefused,
    /// What is told of itself is not what is offered.
    Metadata,
    /// A diagnostic without a word.
    Wordless,
    /// What is not declared is answered.
    Undeclared,
    /// What is declared is not.
    Unanswered,
    /// It is not in the list of its kind, or is told there otherwise than by its import.
    NotListed,
    /// The configuration that is generated for it is refused, or would change it.
    Generated,
}

/// A mistake, and how it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub mistake: Mistake,
    /// What was done, and what came of it.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.mistake, self.what)
    }
}

/// All that was found, so far.
#[derive(Debug, Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(&mut self, mistake: Mistake, what: impl Into<String>) {
        self.0.push(Finding { mistake, what: what.into() });
    }

    fn once(self) -> Vec<Finding> {
        let mut found = Vec::new();
        for finding in self.0 {
            if !found.contains(&finding) {
                found.push(finding);
            }
        }
        found
    }

    /// Something that should have gone well.
    fn fine<T>(&mut self, doing: &str, result: Result<T, Diagnostics>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(said) => {
                self.add(Mistake::Failed, format!("{doing}: {said}"));
                None
            }
        }
    }
}

/// Tries everything on a resource that does not exist yet, and leaves nothing behind. What is found is told once.
pub async fn conforms(core: &mut Core, subject: &Subject) -> Vec<Finding> {
    let mut findings = Findings::default();
    wire::talks(core, subject, &mut findings).await;
    life::lives(core, subject, &mut findings).await;
    // As a debugger has it: one process sees every phase.
    core.keep_one_process(true);
    life::lives(core, subject, &mut findings).await;
    core.keep_one_process(false);
    findings.once()
}

/// Tries all that is offered beside resources, and what is not offered. What is found is told once.
pub async fn offers(core: &Core) -> Vec<Finding> {
    let (mut findings, config) = (Findings::default(), Config::new());
    let walk = Walk::configured(core, &config, State::default(), Phase::Plan).await;
    if let Some(walk) = findings.fine("configuring the provider", walk) {
        offered::offers(&walk.provider, core.schemas(), &mut findings).await;
        offered::lists(core, &mut findings).await;
    }
    findings.once()
}
