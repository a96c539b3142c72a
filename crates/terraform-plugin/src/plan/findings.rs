//! What speaks against a write: looked for at plan with what is known by then, and again right before the write.

use std::marker::PhantomData;

use crate::diagnostics::Diagnostic;
use crate::error::Error;

/// How sure a finding is, seen from a plan. Right before the write they are all sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grade {
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
}

/// What speaks against a write.
#[derive(Debug)]
pub struct Findings<M> {
    ahead: bool,
    found: Vec<(Grade, Error)>,
    model: PhantomData<fn(M)>,
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
    /// of the later error.
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

    /// No hindrance, but worth knowing before the plan is approved. Said at plan only.
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

    /// As an error, right before the write.
    pub fn verdict(self) -> Result<(), Error> {
        let hindrances = self.found.into_iter().filter(|(grade, _)| *grade != Grade::Notice);
        match hindrances.map(|(_, error)| error).reduce(Error::and) {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    /// As messages of a plan. `held`: this state holds the object.
    pub(crate) fn foretold(self, held: bool) -> Vec<Diagnostic> {
        let mut said = Vec::new();
        for (grade, error) in self.found {
            match grade {
                Grade::Certain => said.extend(error.into_diagnostics()),
                Grade::Exists if held => {}
                Grade::Missing { coming: true } => {}
                Grade::Exists | Grade::Mendable | Grade::Missing { .. } | Grade::Notice => {
                    said.extend(error.into_warnings())
                }
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostics::Severity;

    fn found() -> Findings<()> {
        let mut found = Findings::default();
        found.certain(Error::new("shrinks", ""));
        found.mendable(Error::new("no such rule", ""));
        found.exists(Error::new("exists", ""));
        found.missing(true, Error::new("no storage", ""));
        found.notice(Error::new("erases", ""));
        found
    }

    #[test]
    fn a_plan_tells_all_and_fails_by_what_is_certain() {
        let told = |held| -> Vec<(Severity, String)> {
            found().foretold(held).into_iter().map(|d| (d.severity, d.summary)).collect()
        };
        let say = |severity, text: &str| (severity, text.to_owned());
        let all = [
            say(Severity::Error, "shrinks"),
            say(Severity::Warning, "no such rule"),
            say(Severity::Warning, "exists"),
            say(Severity::Warning, "erases"),
        ];
        assert_eq!(told(false), all);
        assert_eq!(told(true), [all[0].clone(), all[1].clone(), all[3].clone()]);
    }

    #[test]
    fn before_the_write_every_hindrance_is_an_error_and_a_notice_is_none() {
        assert_eq!(found().verdict().unwrap_err().text(), "shrinks\nno such rule\nexists\nno storage");
        let mut harmless = Findings::<()>::default();
        harmless.notice(Error::new("erases", ""));
        assert!(harmless.is_empty() && harmless.verdict().is_ok());
    }
}
