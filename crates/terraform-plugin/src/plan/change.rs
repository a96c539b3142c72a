//! A planned change, as the object's own `plan` sees it.

use crate::diagnostics::Diagnostic;
use crate::model::{Attr, Keyed, Object};
use crate::path::Path;

/// A planned change. The schema's rules have been applied to [`Change::plan`] already.
#[derive(Debug)]
pub struct Change<M: Object> {
    /// What is there; none when it is to be created. (A replacement is planned twice: as a change, then as a create.)
    pub prior: Option<M>,
    /// What is configured; null throughout when the object is to be destroyed.
    pub config: M::Plan,
    /// What is planned. Attributes that the configuration leaves to the provider may be set here: to a value, which the
    /// apply must then produce exactly, or to unknown. Null throughout when the object is to be destroyed.
    pub plan: M::Plan,
    prior_plan: Option<M::Plan>,
    destroy: bool,
    replace: Vec<Path>,
}

impl<M: Object> Change<M> {
    pub(crate) fn new(prior: Option<(M, M::Plan)>, config: Option<M::Plan>, plan: Option<M::Plan>) -> Self {
        let (prior, prior_plan) = prior.unzip();
        let destroy = config.is_none();
        Self {
            prior,
            prior_plan,
            config: config.unwrap_or_default(),
            plan: plan.unwrap_or_default(),
            destroy,
            replace: Vec::new(),
        }
    }

    /// Whether the object is to be made.
    pub fn is_create(&self) -> bool {
        self.prior.is_none()
    }

    /// Whether the object is to be destroyed.
    pub fn is_destroy(&self) -> bool {
        self.destroy
    }

    /// Whether the object is to be changed in place, as far as known.
    pub fn is_update(&self) -> bool {
        !self.is_create() && !self.is_destroy()
    }

    /// Whether nothing is to be done, as far as known.
    pub fn is_no_op(&self) -> bool {
        !self.destroy && self.prior_plan.as_ref() == Some(&self.plan)
    }

    /// Whether the plan says something else about an attribute than what is there. On a create: whether it says anything.
    pub fn changed<T: PartialEq>(&self, attribute: impl Fn(&M::Plan) -> &Attr<T>) -> bool {
        match &self.prior_plan {
            Some(prior) => attribute(prior) != attribute(&self.plan),
            None => !attribute(&self.plan).is_null(),
        }
    }

    /// Has the object replaced because of an attribute that differs.
    pub fn replace(&mut self, path: impl Into<Path>) {
        self.replace.push(path.into());
    }

    pub(crate) fn into_parts(self) -> (M::Plan, Vec<Path>) {
        (self.plan, self.replace)
    }
}

impl<M: Keyed> Change<M> {
    /// The key of what is there.
    pub fn prior_key(&self) -> Option<M::Key> {
        self.prior.as_ref()?.key()
    }
}

/// Where `validate` and `plan` put what they have to say.
#[derive(Debug)]
pub struct Say<M> {
    diagnostics: Vec<Diagnostic>,
    model: std::marker::PhantomData<fn(M)>,
}

impl<M> Default for Say<M> {
    fn default() -> Self {
        Self { diagnostics: Vec::new(), model: std::marker::PhantomData }
    }
}

impl<M> Say<M> {
    /// Fails, because of an attribute (`"size"`) or the object as a whole (`Path::root()`).
    pub fn error(&mut self, at: impl Into<Path>, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Diagnostic::error(summary, detail).at(at));
    }

    /// Warns about an attribute or the object as a whole.
    pub fn warning(&mut self, at: impl Into<Path>, summary: impl Into<String>, detail: impl Into<String>) {
        self.push(Diagnostic::warning(summary, detail).at(at));
    }

    /// Any message.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// What was said so far.
    pub fn said(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// What was said.
    pub fn into_said(self) -> Vec<Diagnostic> {
        self.diagnostics
    }
}
