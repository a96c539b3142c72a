//! Proxmox VE's HTTP API: authentication, failover, tasks, shared reads, ordered writes.
//!
//! ```no_run
//! # async fn example() -> Result<(), pve_client::Error> {
//! use pve_client::api::ceph::pool::PoolParams;
//! use pve_client::{Client, Config, Patience};
//!
//! let client = Client::new(Config::default().endpoint("pve1", "https://192.0.2.11:8006").login("root@pam", "secret"))?;
//! println!("PVE {}", client.version().await?.version);
//! if client.ceph().pool("vm").await?.is_none() {
//!     let params = PoolParams { size: Some(3), min_size: Some(2), ..PoolParams::default() };
//!     let mut task = client.ceph().create_pool("vm", &params).await?;
//!     task.wait(&Patience::default(), |progress| println!("{:?}", progress.lines)).await?;
//! }
//! # Ok(())
//! # }
//! ```
//!
//! [`api`] has the typed calls, [`shell`] what PVE's API cannot do. A call that is not there is made with
//! [`Client::call`], [`Client::write`] or [`Client::write_task`] and a [`Request`].

mod answer;
pub mod api;
mod auth;
mod client;
pub mod config;
mod connection;
pub mod error;
#[cfg(test)]
mod fuzz;
mod locks;
pub mod property_string;
mod request;
mod secret;
mod shared;
pub mod shell;
pub mod size;
mod task;
#[cfg(test)]
mod testing;
mod upid;
pub mod version;
pub mod wire;

pub use client::{Client, Writing};
pub use config::Config;
pub(crate) use connection::BoxedIo;
pub use connection::{Endpoint, Proxies};
pub use error::Error;
pub use locks::Lock;
pub use request::{Request, segment};
pub use secret::Secret;
pub use shared::Area;
pub use task::{Patience, Progress, Task};
pub use upid::{NotAUpid, Upid};
