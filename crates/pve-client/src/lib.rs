#![doc = include_str!("../README.md")]

mod answer;
pub mod api;
mod auth;
mod circle;
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
mod upload;
pub mod version;
pub mod wire;

pub use auth::Session;
pub use client::{Client, Quiet, Writing};
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
pub use upload::Upload;
