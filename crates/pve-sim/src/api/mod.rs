//! The handlers, in a tree like PVE's own URL tree: what answers `/nodes/{node}/tasks` is in `nodes/node/tasks.rs`.
//!
//! # Adding a family of endpoints
//!
//! One file with `pub(crate) fn routes(r: &mut Routes)`, one line in the `mod.rs` above it. Login, permission, the right
//! node and the parameters have been checked against PVE's schema before a handler runs; it does what is left:
//!
//! ```ignore
//! pub(crate) fn routes(r: &mut Routes) {
//!     r.get("/nodes/{node}/lamps", list);              // paths and names exactly as in truth/api.json
//!     r.post("/nodes/{node}/lamps/{lamp}/light", light);
//! }
//!
//! fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
//!     let lamps = call.cluster.lamps.iter().filter(|l| call.may(&format!("/lamps/{}", l.name), &["Lamp.Audit"]));
//!     Ok(lamps.map(|lamp| json!({ "lamp": lamp.name, "lit": u8::from(lamp.lit) })).collect())
//! }
//!
//! fn light(call: &mut Call<'_>) -> Result<Value, PveError> {
//!     call.need_quorum()?;                              // 500 `cluster not ready - no quorum?`
//!     let lamp = call.params.need("lamp").to_owned();   // required: the check has made sure of it
//!     let slow = call.params.flag("slowly").unwrap_or(false);
//!     if call.cluster.lamps.get(&lamp).is_none() {
//!         return Err(PveError::new(format!("no such lamp '{lamp}'")));      // 500; PveError::param(..) is a 400
//!     }
//!     let steps = Steps::new()
//!         .lock(Lock::file("lamps.cfg"))                // held until the task ends; PVE's text after ten seconds
//!         .wait(Duration::from_secs(if slow { 30 } else { 1 }))             // simulated time
//!         .run(move |t| {
//!             t.log(format!("lighting {lamp}"));
//!             t.cluster.lamps.light(&lamp).map_err(|e| e.to_string())       // Err: `TASK ERROR: ...`
//!         });
//!     Ok(call.task("lamplight", lamp_id, steps))        // the UPID, at once
//! }
//! ```
//!
//! A call that writes at once asks `call.lock(..)?` before it changes anything. Work that fits no chain of steps
//! implements `Job` (a closure from `&mut TaskCx` to `Next` does). What happens by itself is entered with
//! `cluster.after(span, ..)` or `cluster.every(period, ..)`. A websocket is had with `call.upgrade(..)`. A new part of
//! the state is described in `cluster/mod.rs`. A family of plain sections of a configuration file is no more than a row in
//! `sections/`. Tests call handlers through `bed::Bed`; `sim/probes.rs` holds the new
//! routes against the schema by itself. What was never recorded from PVE gets a comment `// Belief: source`.

mod access;
mod cluster;
mod firewall;
mod index;
mod nodes;
mod pools;
mod sections;
mod storage;
mod version;

use crate::kernel::Routes;

/// The calls that are served, each with its method and its path as PVE's schema writes it.
pub fn served() -> Vec<(&'static str, &'static str)> {
    let routes = routes();
    routes.served().map(|route| (route.method.method.as_str(), route.method.path.as_str())).collect()
}

/// PVE's API with every handler there is.
pub(crate) fn routes() -> Routes {
    let mut r = Routes::new();
    version::routes(&mut r);
    index::routes(&mut r);
    access::routes(&mut r);
    cluster::routes(&mut r);
    firewall::routes(&mut r);
    nodes::routes(&mut r);
    pools::routes(&mut r);
    sections::routes(&mut r);
    storage::routes(&mut r);
    r
}
