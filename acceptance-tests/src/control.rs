//! The simulated cluster's control interface: requests seen, faults, power, clock, state.

use std::collections::BTreeMap;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sim::Sim;

/// A request that the cluster has answered.
#[derive(Clone, Debug, Deserialize)]
pub struct Seen {
    /// The node that was asked.
    pub node: String,
    /// The client's address and port: what has the same came over one connection.
    pub peer: String,
    /// `GET`, `POST`, ...
    pub method: String,
    /// Below `/api2/json`.
    pub path: String,
    /// Parameters of query and body, secrets masked.
    #[serde(default)]
    pub params: Value,
    /// HTTP status; none when no answer was given.
    #[serde(default)]
    pub status: Option<u16>,
}

impl Seen {
    /// Whether it can have changed something. Logging in changes nothing.
    pub fn mutates(&self) -> bool {
        self.method != "GET" && !self.path.ends_with("/access/ticket")
    }
}

/// What went on at the same time.
#[derive(Clone, Debug, Deserialize)]
pub struct Concurrency {
    /// The most requests in flight at each node.
    pub in_flight: BTreeMap<String, usize>,
    /// The most writes that were under way for each of PVE's locks.
    pub at_once: BTreeMap<String, usize>,
    /// Writes that met.
    pub overlaps: Vec<Value>,
}

/// The most requests that one client may have in flight at an endpoint.
const IN_FLIGHT: usize = 4;

impl Concurrency {
    /// Whether it is what a single client may do: few requests in flight, and one write a lock.
    pub fn must_be_orderly(&self) -> anyhow::Result<()> {
        ensure!(self.in_flight.values().all(|most| *most <= IN_FLIGHT), "too many in flight: {:?}", self.in_flight);
        ensure!(self.overlaps.is_empty(), "writes met at a lock: {:?}", self.overlaps);
        Ok(())
    }
}

impl Sim {
    /// What went on at the same time since the start, or since [`Sim::forget_concurrency`].
    pub fn concurrency(&self) -> anyhow::Result<Concurrency> {
        Ok(serde_json::from_value(self.get("/concurrency")?)?)
    }

    /// Begins that record anew.
    pub fn forget_concurrency(&self) -> anyhow::Result<()> {
        self.delete("/concurrency")
    }

    /// Everything that was asked since the start, or since [`Sim::forget_requests`].
    pub fn requests(&self) -> anyhow::Result<Vec<Seen>> {
        Ok(serde_json::from_value(self.get("/requests")?)?)
    }

    /// The requests that can have changed something.
    pub fn mutations(&self) -> anyhow::Result<Vec<Seen>> {
        Ok(self.requests()?.into_iter().filter(Seen::mutates).collect())
    }

    /// Begins the record anew.
    pub fn forget_requests(&self) -> anyhow::Result<()> {
        self.delete("/requests")
    }

    /// The whole cluster in a form for comparing two runs.
    pub fn state(&self) -> anyhow::Result<Value> {
        self.get("/state")
    }

    /// Calls that were answered 501 because they are not simulated.
    pub fn unmodelled(&self) -> anyhow::Result<Value> {
        self.get("/unmodelled")
    }

    /// Has something go wrong; the shape of a fault is described in `pve-sim`'s documentation.
    pub fn fault(&self, fault: &Value) -> anyhow::Result<()> {
        self.post("/faults", fault)
    }

    /// The faults, each with how many requests have matched it so far (`seen`) and, if it
    /// could signal nobody, why (`missed`).
    pub fn faults(&self) -> anyhow::Result<Value> {
        self.get("/faults")
    }

    /// Ends all faults.
    pub fn clear_faults(&self) -> anyhow::Result<()> {
        self.delete("/faults")
    }

    /// Switches a node on or off.
    pub fn power(&self, node: &str, on: bool) -> anyhow::Result<()> {
        self.post(&format!("/nodes/{node}/power"), &json!({ "on": on }))
    }

    /// Has a disk die.
    pub fn kill_disk(&self, node: &str, serial: &str) -> anyhow::Result<()> {
        self.post(&format!("/nodes/{node}/disks/{serial}/kill"), &json!({}))
    }

    /// A disk is put into a node, written as in the cluster's file.
    pub fn put_in(&self, node: &str, disk: &Value) -> anyhow::Result<()> {
        self.post(&format!("/nodes/{node}/disks"), disk)
    }

    /// Lets simulated time pass at once.
    pub fn advance(&self, seconds: u64) -> anyhow::Result<()> {
        self.post("/clock/advance", &json!({ "seconds": seconds }))
    }

    fn get(&self, path: &str) -> anyhow::Result<Value> {
        let url = format!("{}{path}", self.control());
        let mut answer = ureq::get(&url).call().with_context(|| url.clone())?;
        Ok(answer.body_mut().with_config().limit(256 << 20).read_json()?)
    }

    fn post(&self, path: &str, body: &Value) -> anyhow::Result<()> {
        let url = format!("{}{path}", self.control());
        ureq::post(&url).send_json(body).with_context(|| format!("{url} {body}"))?;
        Ok(())
    }

    fn delete(&self, path: &str) -> anyhow::Result<()> {
        let url = format!("{}{path}", self.control());
        ureq::delete(&url).call().with_context(|| url.clone())?;
        Ok(())
    }
}
