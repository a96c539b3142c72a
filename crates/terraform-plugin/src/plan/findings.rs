//! What speaks against a write: looked for at plan with what is known by then, and again right before the write.

use std::marker::PhantomData;

use crate::diagnostics::{Diagnostic, Severity};
use crate::error::Error;
use crate::path::Step;

/// How sure a finding is, seen from a plan. Right before the write they are all sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Grade {
    /// Nothing that any plan could hold mends it.
    Certain,
    /// Something else of the same plan, another configuration or time may mend it.
    Mendable,
    /// The object exists already: mendable, and no news if this very state holds it.
    Exists,
    /// Something that it needs is missing: mendable, and no news if this very plan makes it.
    Missing { coming: bool },
    /// No hindrance, but worth knowing before the plan is approved.
    Notice,
    /// Something could not be looked at.
    Unseen,
}

/// What holds for every object of the plan alike.
const UNSEEN: &str = "What the apply depends on cannot be looked at now";

/// What speaks against a write.
#[derive(Debug)]
pub struct Findings<M> {
    ahead: bool,
    found: Vec<(Grade, Error)>,
    model: PhantomData<fn(M)>,
}

/// What a look ahead has found, whatever the object.
#[derive(Debug, Default)]
pub(crate) struct Found(Vec<(Grade, Error)>);

/// What is looked ahead to, with the type of the object in full.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Ahead<'a> {
    Apply(&'a str),
    Removal(&'a str),
}

impl<M> Default for Findings<M> {
    fn default() -> Self {
        Self { ahead: false, found: Vec::new(), model: PhantomData }
    }
}

impl<M> Findings<M> {
    /// For a plan.
    pub(crate) fn ahead() -> Self {
        Self { ahead: true, ..Self::default() }
    }

    /// Whether this is a plan: what other objects of it are going to bring counts then. Right before a write only what is
    /// there does.
    pub fn is_plan(&self) -> bool {
        self.ahead
    }

    /// Cannot work, whatever else is planned: an error of the plan. Only for what the named thing itself contradicts.
    pub fn certain(&mut self, error: impl Into<Error>) {
        self.found.push((Grade::Certain, error.into()));
    }

    /// Cannot work as things are; another object of the same plan, or time, may mend it: a warning of the plan with the words
    /// of the later error, under a summary that all such warnings of a type share.
    pub fn mendable(&mut self, error: impl Into<Error>) {
        self.found.push((Grade::Mendable, error.into()));
    }

    /// What is to be made exists already. As [`Findings::mendable`]; not said at plan of an object that this state holds: it
    /// is being replaced.
    pub fn exists(&mut self, error: impl Into<Error>) {
        self.found.push((Grade::Exists, error.into()));
    }

    /// Something that it needs is missing. As [`Findings::mendable`]; not said at plan if it is `coming`, which
    /// [`crate::Cx::comes`] tells.
    pub fn missing(&mut self, coming: bool, error: impl Into<Error>) {
        self.found.push((Grade::Missing { coming }, error.into()));
    }

    /// No hindrance, but worth knowing before the plan is approved. Said at plan only, under its own summary, which therefore
    /// names no object: Terraform shows one of those that are equal, and counts the others.
    pub fn notice(&mut self, error: impl Into<Error>) {
        self.found.push((Grade::Notice, error.into()));
    }

    /// Passes a check on: its error is [`Findings::mendable`].
    pub fn check<T, E: Into<Error>>(&mut self, result: Result<T, E>) -> Option<T> {
        result.map_err(|error| self.mendable(error)).ok()
    }

    /// Whether anything was found that hinders.
    pub fn is_empty(&self) -> bool {
        self.found.iter().all(|(grade, _)| *grade == Grade::Notice)
    }

    /// As an error, right before the write: for who looks at its own part of [`crate::Resource::possible`] alone, since the rest
    /// is known. [`crate::require`] looks at all of it.
    pub fn verdict(self) -> Result<(), Error> {
        let hindrances = self.found.into_iter().filter(|(grade, _)| *grade != Grade::Notice);
        match hindrances.map(|(_, error)| error).reduce(Error::and) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// For the plan; with why something could not be looked at.
    pub(crate) fn seen(mut self, looked: Result<(), Error>) -> Found {
        self.found.extend(looked.err().map(|error| (Grade::Unseen, error)));
        Found(self.found)
    }
}

impl Found {
    /// Whether what is to be made exists.
    pub(crate) fn says_exists(&self) -> bool {
        self.0.iter().any(|(grade, _)| *grade == Grade::Exists)
    }

    /// As messages of a plan. `held`: this state holds the object. `first`: whether what lasts was not told yet.
    pub(crate) fn foretold(self, ahead: Ahead<'_>, held: bool, first: impl Fn(&Error) -> bool) -> Vec<Diagnostic> {
        let mut said = Vec::new();
        for (grade, error) in self.0 {
            match grade {
                Grade::Exists if held => {}
                Grade::Missing { coming: true } => {}
                _ if error.is_lasting() => {
                    if first(&error) {
                        said.extend(error.into_diagnostics());
                    }
                }
                Grade::Unseen if error.is_everywhere() => {
                    if first(&error) {
                        let details =
                            error.into_diagnostics().into_iter().map(|d| Diagnostic::warning(UNSEEN, d.detail));
                        said.extend(details);
                    }
                }
                Grade::Certain => said.extend(error.into_diagnostics()),
                Grade::Notice => said.extend(error.into_warnings()),
                _ => said.extend(error.into_diagnostics().into_iter().map(|later| warning(grade, ahead, later))),
            }
        }
        said
    }
}

/// A later error as a warning. What differs from object to object is in the detail: Terraform shows one of the warnings that
/// have a summary in common, and how many more there are.
fn warning(grade: Grade, ahead: Ahead<'_>, later: Diagnostic) -> Diagnostic {
    let at = match later.path.steps().first() {
        Some(Step::Attribute(name)) => format!(" ({name})"),
        _ => String::new(),
    };
    let summary = match (grade, ahead) {
        (Grade::Exists, Ahead::Apply(kind)) => format!("A {kind} that is to be made exists already"),
        (Grade::Unseen, Ahead::Apply(kind)) => format!("What the apply of a {kind} depends on cannot be looked at now"),
        (Grade::Unseen, Ahead::Removal(kind)) => {
            format!("What the removal of a {kind} depends on cannot be looked at now")
        }
        (_, Ahead::Apply(kind)) => format!("The apply of a {kind} would fail as things are now{at}"),
        (_, Ahead::Removal(kind)) => format!("The removal of a {kind} would fail as things are now{at}"),
    };
    let detail = format!("{}\n{}", later.summary, later.detail);
    Diagnostic { severity: Severity::Warning, summary, detail: detail.trim_end().to_owned(), path: later.path }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found() -> Findings<()> {
        let mut found = Findings::default();
        found.certain(Error::new("shrinks", ""));
        found.mendable(Error::new("no such rule", "Found: a"));
        found.exists(Error::new("exists", "import it"));
        found.missing(true, Error::new("no storage", ""));
        found.notice(Error::new("erases", ""));
        found
    }

    /// Severity, summary and detail.
    fn told(found: Found, held: bool) -> Vec<(Severity, String, String)> {
        let told = found.foretold(Ahead::Apply("test_vm"), held, |_| true);
        told.into_iter().map(|d| (d.severity, d.summary, d.detail)).collect()
    }

    #[test]
    fn a_plan_tells_all_and_fails_by_what_is_certain() {
        let say = |severity, summary: &str, detail: &str| (severity, summary.to_owned(), detail.to_owned());
        let all = [
            say(Severity::Error, "shrinks", ""),
            say(Severity::Warning, "The apply of a test_vm would fail as things are now", "no such rule\nFound: a"),
            say(Severity::Warning, "A test_vm that is to be made exists already", "exists\nimport it"),
            say(Severity::Warning, "erases", ""),
            say(Severity::Warning, "What the apply of a test_vm depends on cannot be looked at now", "asleep"),
        ];
        let seen = || found().seen(Err(Error::new("asleep", "")));
        assert_eq!(told(seen(), false), all);
        assert_eq!(told(seen(), true), [all[0].clone(), all[1].clone(), all[3].clone(), all[4].clone()]);
    }

    #[test]
    fn warnings_of_one_kind_have_one_summary() {
        let of = |name: &str, at: &str| {
            let mut found = Findings::<()>::default();
            found.missing(false, Error::new(format!("Storage {name} does not exist"), "").at(at));
            told(found.seen(Ok(())), false).remove(0).1
        };
        assert_eq!(of("a", "storage"), of("b", "storage"));
        assert_eq!(of("a", "storage"), "The apply of a test_vm would fail as things are now (storage)");
        assert_ne!(of("a", "storage"), of("a", "node"), "one would hide the other");
    }

    #[test]
    fn before_the_write_every_hindrance_is_an_error_and_a_notice_is_none() {
        let text = found().verdict().unwrap_err().text();
        assert_eq!(text, "shrinks\nno such rule\nFound: a\nexists\nimport it\nno storage");
        let mut harmless = Findings::<()>::default();
        harmless.notice(Error::new("erases", ""));
        assert!(harmless.is_empty() && harmless.verdict().is_ok());
    }

    #[test]
    fn what_no_plan_mends_is_an_error_and_told_once() {
        let unseen = || Findings::<()>::default().seen(Err(Error::new("wrong password", "").lasting()));
        assert_eq!(told(unseen(), false), [(Severity::Error, "wrong password".to_owned(), String::new())]);
        assert!(unseen().foretold(Ahead::Removal("test_vm"), true, |_| false).is_empty());
        // What is so for all is told once, too, as what it is.
        let unseen = || Findings::<()>::default().seen(Err(Error::new("no pool seen", "no cluster yet").everywhere()));
        let once = (Severity::Warning, UNSEEN.to_owned(), "no cluster yet".to_owned());
        assert_eq!(told(unseen(), false), [once]);
        assert!(unseen().foretold(Ahead::Apply("test_vm"), false, |_| false).is_empty());
        let mut found = Findings::<()>::default();
        found.mendable(Error::new("wrong password", "").lasting());
        assert_eq!(told(found.seen(Ok(())), false)[0].0, Severity::Error);
    }
}
