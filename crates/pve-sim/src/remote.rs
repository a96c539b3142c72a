//! What is asked of a simulator that runs already: through its control address, which `PVE_SIM_CONTROL` names.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use clap::{Subcommand, ValueEnum};
use pve_sim::shape::{Size, parse_duration};
use serde_json::{Value, json};

/// Verbs against a running simulator.
#[derive(Subcommand)]
pub(crate) enum Verb {
    /// Switch a node off, as if its plug were pulled, or on again
    Node {
        #[command(subcommand)]
        power: NodePower,
    },
    /// Let a disk die, or put a new one in
    Disk {
        #[command(subcommand)]
        change: DiskChange,
    },
    /// Show the simulated time, or put it forward
    Clock {
        /// How far: +30s, +5m, +2h, +2d, +1w
        #[arg(value_name = "+DURATION", value_parser = parse_forward)]
        forward: Option<Duration>,
    },
    /// Show the requests that the nodes answered so far
    Requests {
        /// Only those that change something
        #[arg(long)]
        writes: bool,
        /// Everything that was recorded of them
        #[arg(long)]
        json: bool,
    },
    /// Show the whole cluster's state, in a form in which two runs can be compared
    State,
}

#[derive(Subcommand)]
pub(crate) enum NodePower {
    /// Off
    Off {
        name: String,
        /// Return only when what is asked for has come to pass
        #[arg(long, value_enum)]
        wait: Option<Wait>,
    },
    /// On
    On {
        name: String,
        /// Return only when what is asked for has come to pass
        #[arg(long, value_enum)]
        wait: Option<Wait>,
    },
}

/// What is waited for.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Wait {
    /// Each guest that HA is to keep started runs on a node that is on
    Relocated,
}

#[derive(Subcommand)]
pub(crate) enum DiskChange {
    /// The disk is gone, and the OSDs on it go down for good
    Kill { node: String, serial: String },
    /// An empty disk is put in
    Add {
        node: String,
        serial: String,
        #[arg(long, default_value = "64G")]
        size: Size,
        /// Its kernel path [default: the first free one]
        #[arg(long)]
        path: Option<String>,
    },
}

fn parse_forward(text: &str) -> Result<Duration, String> {
    let Some(span) = text.strip_prefix('+') else {
        return Err(format!("the clock goes forward only: +{}", text.trim_start_matches('-')));
    };
    parse_duration(span)
}

/// How often a state that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// After how many simulated seconds a relocation is given up: PVE takes two to three minutes.
const GIVEN_UP: u64 = 1800;

/// Does what was asked.
pub(crate) fn run(verb: &Verb) -> Result<()> {
    let control = Control::of_environment()?;
    match verb {
        Verb::Node { power: NodePower::Off { name, wait } } => switch(&control, name, false, *wait),
        Verb::Node { power: NodePower::On { name, wait } } => switch(&control, name, true, *wait),
        Verb::Disk { change: DiskChange::Kill { node, serial } } => {
            let answer = control.post(&format!("/nodes/{node}/disks/{serial}/kill"), &json!({}))?;
            let osds: Vec<String> =
                answer["osds"].as_array().into_iter().flatten().map(|id| format!("osd.{id}")).collect();
            match osds.as_slice() {
                [] => say(&format!("{serial} of {node} is dead")),
                osds => say(&format!("{serial} of {node} is dead, and with it {}", osds.join(", "))),
            }
        }
        Verb::Disk { change: DiskChange::Add { node, serial, size, path } } => {
            let path = match path {
                Some(path) => path.clone(),
                None => control.free_path(node)?,
            };
            control
                .post(&format!("/nodes/{node}/disks"), &json!({ "path": path, "size": size.0, "serial": serial }))?;
            say(&format!("{node} has {serial} as {path}"))
        }
        Verb::Clock { forward } => {
            let now = match forward {
                Some(span) => control.post("/clock/advance", &json!({ "seconds": span.as_secs_f64() }))?,
                None => control.get("/clock")?,
            };
            say(now["now"].as_str().unwrap_or_default())
        }
        Verb::Requests { writes, json } => requests(&control, *writes, *json),
        Verb::State => say(&format!("{:#}", control.get("/state")?)),
    }
}

/// Prints; whoever reads may have gone, which is an error and no panic. Nothing makes no line.
fn say(text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    Ok(writeln!(std::io::stdout().lock(), "{text}")?)
}

fn requests(control: &Control, writes: bool, json: bool) -> Result<()> {
    let mut all = control.get("/requests")?;
    if let Some(list) = all.as_array_mut() {
        list.retain(|request| !writes || request["method"] != "GET");
    }
    if json {
        return say(&format!("{all:#}"));
    }
    let mut lines = Vec::new();
    for request in all.as_array().into_iter().flatten() {
        let text = |key: &str| match &request[key] {
            Value::String(text) => text.clone(),
            Value::Null => "-".to_owned(),
            other => other.to_string(),
        };
        lines.push([text("status"), text("method"), text("path"), text("params"), text("user")].join(" "));
    }
    say(&lines.join("\n"))
}

fn switch(control: &Control, node: &str, on: bool, wait: Option<Wait>) -> Result<()> {
    control.post(&format!("/nodes/{node}/power"), &json!({ "on": on }))?;
    let Some(Wait::Relocated) = wait else { return Ok(()) };
    let now = || Ok::<_, anyhow::Error>(control.get("/clock")?["unix"].as_u64().unwrap_or_default());
    let begun = now()?;
    loop {
        let missing = not_running(&control.get("/state")?);
        if missing.is_empty() {
            return Ok(());
        }
        std::thread::sleep(LOOK);
        let passed = now()?.saturating_sub(begun);
        ensure!(passed < GIVEN_UP, "after {passed} simulated seconds these do not run: {}", missing.join(", "));
        if passed == 0 && control.stands_still()? {
            bail!("the clock stands still, so that nothing happens: put it forward with 'pve-sim clock +3m'");
        }
    }
}

/// What HA is to keep started and does not run on a node that is on.
fn not_running(state: &Value) -> Vec<String> {
    let on = |node: &Value| {
        state["nodes"].as_array().into_iter().flatten().any(|known| known["name"] == *node && known["on"] == true)
    };
    let resources = state["ha"]["resources"].as_array().into_iter().flatten();
    let started = resources.filter(|resource| matches!(resource["state"].as_str(), None | Some("started" | "enabled")));
    let sids = started.filter_map(|resource| resource["sid"].as_str());
    let runs = |sid: &&str| {
        let guest = &state["guests"][sid.trim_start_matches("vm:")];
        guest["running"] == true && on(&guest["node"]) && state["ha"]["services"][*sid] == "started"
    };
    sids.filter(|sid| !runs(sid)).map(str::to_owned).collect()
}

/// The control address of a running simulator.
struct Control {
    address: String,
}

impl Control {
    fn of_environment() -> Result<Self> {
        let url = std::env::var("PVE_SIM_CONTROL").context(
            "PVE_SIM_CONTROL is not set: it is inside of 'pve-sim run', and 'control' in what 'pve-sim serve' prints",
        )?;
        let address = url.strip_prefix("http://").unwrap_or(&url).trim_end_matches('/').to_owned();
        Ok(Control { address })
    }

    fn get(&self, path: &str) -> Result<Value> {
        self.ask("GET", path, "")
    }

    fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask("POST", path, &body.to_string())
    }

    /// One request over a connection of its own.
    fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value> {
        let address = &self.address;
        let mut stream = TcpStream::connect(address).with_context(|| format!("no simulator answers at {address}"))?;
        let length = body.len();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\n");
        stream.write_all(format!("{head}Connection: close\r\n\r\n{body}").as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).with_context(|| format!("the answer of {address}"))?;
        let (head, body) = answer.split_once("\r\n\r\n").with_context(|| format!("{address} speaks no HTTP"))?;
        let value: Value = serde_json::from_str(body).with_context(|| format!("{address} answers no JSON"))?;
        match head.split(' ').nth(1) {
            Some("200") => Ok(value),
            _ => bail!("{}", value["error"].as_str().unwrap_or("the simulator refuses")),
        }
    }

    /// Whether the simulated time moves by itself.
    fn stands_still(&self) -> Result<bool> {
        Ok(self.get("/clock")?["factor"] == 0.0)
    }

    /// The first letter that no disk of the node has.
    fn free_path(&self, node: &str) -> Result<String> {
        let state = self.get("/state")?;
        let known = state["nodes"].as_array().into_iter().flatten().find(|known| known["name"] == node);
        let disks =
            known.with_context(|| format!("no node '{node}'"))?["disks"].as_array().cloned().unwrap_or_default();
        let taken = |path: &String| disks.iter().any(|disk| disk["path"] == path.as_str());
        let free = ('b'..='z').map(|letter| format!("/dev/sd{letter}")).find(|path| !taken(path));
        free.context("all letters are taken: say --path")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ha_keeps_started_is_waited_for() {
        let state = |node: &str, running: bool, service: &str| {
            json!({
                "nodes": [{ "name": "pve1", "on": false }, { "name": "pve2", "on": true }],
                "ha": {
                    "resources": [{ "sid": "vm:1", "state": null }, { "sid": "vm:2", "state": "stopped" }],
                    "services": { "vm:1": service, "vm:2": "stopped" },
                },
                "guests": { "1": { "node": node, "running": running }, "2": { "node": "pve1", "running": false } },
            })
        };
        assert_eq!(not_running(&state("pve1", true, "started")), ["vm:1"]);
        assert_eq!(not_running(&state("pve2", false, "started")), ["vm:1"]);
        assert_eq!(not_running(&state("pve2", true, "fence")), ["vm:1"]);
        assert_eq!(not_running(&state("pve2", true, "started")), [""; 0]);
    }

    #[test]
    fn the_clock_goes_forward_only() {
        assert_eq!(parse_forward("+5m"), Ok(Duration::from_secs(300)));
        assert_eq!(parse_forward("+2d"), Ok(Duration::from_secs(172_800)));
        assert_eq!(parse_forward("-5m"), Err("the clock goes forward only: +5m".to_owned()));
        assert!(parse_forward("5m").is_err() && parse_forward("+soon").is_err());
    }
}
