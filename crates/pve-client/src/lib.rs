//! Proxmox VE's HTTP API: authentication, failover, tasks, shared reads, ordered writes.
//!
//! ```no_run
//! # async fn example() -> Result<(), pve_client::Error> {
//! use pve_client::{Area, Client, Config, Lock, Patience, Request};
//!
//! let client = Client::new(Config::default().endpoint("pve1", "https://192.0.2.11:8006").login("root@pam", "secret"))?;
//! let version: serde_json::Value = client.call(Request::get("version")).await?;
//! let pool = Request::post("nodes/pve1/ceph/pool").node("pve1").param("name", "vm").param("size", 3);
//! let mut task = client.write_task(Lock::CephPool, &[Area::CephPools], pool).await?;
//! task.wait(&Patience::default(), |progress| println!("{:?}", progress.lines)).await?;
//! # let _ = version;
//! # Ok(())
//! # }
//! ```

mod answer;
pub mod api;
mod auth;
mod client;
pub mod config;
mod connection;
pub mod error;
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
pub use connection::{BoxedIo, Endpoint, Io};
pub use error::Error;
pub use locks::Lock;
pub use request::{Request, segment};
pub use secret::Secret;
pub use shared::Area;
pub use task::{Patience, Progress, Task};
pub use upid::{NotAUpid, Upid};
