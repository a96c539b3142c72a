//! What becomes of each kind of operation when something goes wrong with one of its requests: every fault times every
//! operation, in several small configurations which together have every type of resource.
//!
//! An undisturbed run tells the requests of each operation and the state that it comes to. A disturbed one either succeeds
//! or says what went wrong and what to do; the state is true in both cases: once the fault is gone, the same command comes
//! to what an undisturbed run makes, and on the way nothing that exists is planned anew, forgotten or tainted.

mod bench;
mod cell;
mod fault;
mod operation;
mod point;
mod scene;
mod verdict;

pub use bench::{Bench, Undisturbed};
pub use cell::{Cell, Converged, cells};
pub use fault::{Aim, FAULTS, Fault, Login};
pub use operation::Operation;
pub use point::Point;
pub use scene::{SCENES, Scene};
