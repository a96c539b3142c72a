//! A whole Proxmox VE cluster in one process, over HTTPS, for tests and demos.
//!
//! [`Sim::start`] gives addresses, a password and a token; what answers there behaves as PVE 9.2 does, with state,
//! tasks, locks, permissions and a clock that runs faster than the real one. Nothing is ever answered with an invented
//! success: what is not simulated is refused with 501 and listed under `GET /unmodelled` of the control address.
//!
//! `kernel/` is what every area stands on, `cluster/` the state, `api/` the handlers, `truth/` the facts.

pub mod api;
#[cfg(test)]
mod bed;
pub mod cluster;
pub mod kernel;
pub mod shape;
mod shell;
mod sim;
pub mod sshd;
pub mod truth;

pub use kernel::terminate;
pub use sim::{Options, Running, Sim};
