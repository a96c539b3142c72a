#![doc = include_str!("../README.md")]

mod choose;
mod harm;
mod hash;
mod log;
mod room;
mod sample;
mod share;
mod tree;

pub use choose::{ONE, Step, Tunables, place};
pub use harm::most_on_hosts;
pub use hash::hash2;
pub use room::{ENOUGH, room};
pub use sample::Sample;
pub use share::shares;
pub use tree::{Map, Tree};

/// A weight from a number as maps have it (TiB, usually), rounded as Ceph's compiler of maps does.
pub fn weight_of(number: f64) -> u32 {
    (number as f32 * ONE as f32) as u32
}
