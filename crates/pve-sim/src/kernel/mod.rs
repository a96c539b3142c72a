//! What every simulated area stands on: time, tasks, locks, the way of a request, faults and power.

mod abrupt;
pub(crate) mod calendar;
pub mod call;
pub mod clock;
pub(crate) mod concurrency;
pub(crate) mod control;
pub mod error;
pub mod events;
pub mod faults;
pub(crate) mod http;
pub mod ids;
pub(crate) mod kill;
pub mod locks;
mod multipart;
mod older;
pub mod params;
mod permission;
pub(crate) mod pipeline;
pub(crate) mod pvesh;
pub mod record;
pub mod routes;
pub mod schema;
pub mod ssh;
pub mod tasks;
pub(crate) mod tls;
pub mod world;

pub use call::Call;
pub use error::PveError;
pub use kill::terminate;
pub(crate) use permission::normalise_path;
pub use routes::Routes;
