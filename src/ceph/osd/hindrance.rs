//! Why a device cannot become an OSD, and whether that can change before the apply comes to it.

use crate::ground::error::Problem;

/// A reason why a device cannot be used.
#[derive(Debug)]
pub struct Hindrance {
    /// How much of a hindrance it is.
    pub grade: Grade,
    /// The reason, in words.
    problem: Problem,
}

/// How much of a hindrance something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grade {
    /// Nothing that is planned can change it.
    Certain,
    /// Something may change it before the apply comes to it.
    Mendable,
    /// An OSD lies there: this one.
    Carries(u32),
}

impl Hindrance {
    pub(super) fn new(grade: Grade, problem: Problem) -> Self {
        Self { grade, problem }
    }
}

impl From<Hindrance> for Problem {
    fn from(hindrance: Hindrance) -> Self {
        hindrance.problem
    }
}

impl From<Hindrance> for terraform_plugin::Error {
    fn from(hindrance: Hindrance) -> Self {
        hindrance.problem.into()
    }
}
