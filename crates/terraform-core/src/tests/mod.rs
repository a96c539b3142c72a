//! The judge, judged: against a provider that answers whatever a test wants.

mod conform;
pub(crate) mod fake;
mod kept;
mod lies;
mod life;
mod together;
