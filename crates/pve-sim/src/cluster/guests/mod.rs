//! Guests: their configurations, in the normal forms that PVE keeps, their disks and their power.
//!
//! - [`config`], [`drive`], [`net`], [`size`]: texts and their normal forms; nothing there knows of a cluster.
//! - `list`: which guests exist and where; `disks`: their volumes; `change`: what a change of the configuration does.
//! - `clone`, `restore`: guests made from others, and from backups; `migrate`: guests on their way to another node.
//! - `snapshots`: made, rolled back to, deleted; `template`: a guest that becomes the source of clones;
//!   `vzdump`: backups.
//! - `power`: starting and ending; `moving`: a disk on its way to another storage; `giving`: a disk given to another
//!   guest; `figures`: what status answers show; `hot`: which changes a running guest takes at once; `agent`: what the
//!   guest agent says.

pub mod agent;
pub mod change;
pub mod clone;
pub mod config;
pub mod cpu;
mod create;
mod disks;
pub mod drive;
mod figures;
pub mod giving;
mod hot;
mod list;
pub mod migrate;
pub mod moving;
pub mod net;
pub mod power;
pub mod restore;
pub mod size;
pub mod snapshots;
pub mod template;
pub mod vzdump;

pub use change::Change;
pub use config::Config;
pub use create::defaults;
pub use figures::cpus;
pub use list::{Guest, Guests, Kind, Running};
