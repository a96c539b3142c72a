//! The three answers of a read.

/// What a read found.
#[derive(Clone, Debug, PartialEq)]
pub enum Read<M> {
    /// The object as it is.
    Found(M),
    /// It does not exist, and that is certain: Terraform will plan to create it.
    Gone,
    /// Nobody could be asked: the state is kept as it was, with a warning, and nothing is planned because of it.
    Unreachable(Unreachable),
}

impl<M> Read<M> {
    /// Nobody could be asked.
    pub fn unreachable(about: impl Into<String>, why: impl Into<String>) -> Self {
        Self::Unreachable(Unreachable { about: about.into(), why: why.into() })
    }
}

/// Why nobody could be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreachable {
    /// What does not answer, at the beginning of a sentence: `Node sgp is offline`. Warned about once a process.
    pub about: String,
    /// What is known about it, in sentences.
    pub why: String,
}
