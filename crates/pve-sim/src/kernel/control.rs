//! The control address: power, faults, the clock, and what can be seen from outside of the cluster.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::faults::Fault;
use super::ssh::carry_out;
use super::world::World;
use crate::shape::DiskShape;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Power {
    on: bool,
    /// Switched off, the node's address refuses what the other nodes send there, instead of not answering.
    #[serde(default)]
    refuses: bool,
}

/// Whether a node's corosync is out of reach.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Corosync {
    blocked: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Advance {
    seconds: f64,
}

/// A command on a node, without a terminal around it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(default)]
    argv: Vec<String>,
    /// In place of that, a line as sshd is given it.
    #[serde(default)]
    line: Option<String>,
    /// What it reads, in base64.
    #[serde(default)]
    input: Option<String>,
}

/// What somebody at the node does with a file: writes it, puts a link there, or takes away what is there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    path: String,
    #[serde(default)]
    content: Option<String>,
    #[serde(default)]
    link: Option<String>,
}

/// What runs inside a guest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Inside {
    refuses_unplug: bool,
}

fn file(world: &World, node: &str, file: File) -> Result<Value, String> {
    world.with(|cluster| {
        let now = cluster.now.unix();
        let files = &mut cluster.nodes.get_mut(node).ok_or_else(|| format!("no node '{node}'"))?.files;
        files.at(now);
        match (file.content, file.link) {
            (Some(content), _) => files.write(&file.path, content.as_bytes(), false)?,
            (None, Some(to)) => files.link(&file.path, to),
            (None, None) => files.remove(&file.path),
        }
        Ok(Value::Null)
    })
}

fn shell(world: &World, node: &str, typed: &Typed) -> Result<Value, String> {
    if !world.with(|cluster| cluster.nodes.online(node)) {
        return Err(format!("{node} is off"));
    }
    let argv = &typed.argv;
    if let Some(line) = &typed.line {
        let input = STANDARD.decode(typed.input.as_deref().unwrap_or_default()).map_err(|error| error.to_string())?;
        let said = carry_out(world, node, line, &input);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        return Ok(json!({ "status": said.status, "stdout": text(&said.stdout), "stderr": text(&said.stderr) }));
    }
    let missing = || format!("{}: command not found\n", argv.first().map_or("", String::as_str));
    Ok(match world.routes().program(world, node, argv) {
        Some(output) => json!({ "status": output.status, "stdout": output.stdout, "stderr": output.stderr }),
        None => json!({ "status": 127, "stdout": "", "stderr": missing() }),
    })
}

/// Answers a request to the control address: status and body.
pub(crate) fn answer(world: &World, method: &str, path: &str, body: &[u8]) -> (u16, Value) {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let result = match (method, parts.as_slice()) {
        ("POST", ["nodes", node, "power"]) => read(body).and_then(|power| set_power(world, node, &power)),
        ("POST", ["nodes", node, "reinstall"]) => world.with(|cluster| cluster.reinstall(node)).map(|()| Value::Null),
        ("POST", ["nodes", node, "corosync"]) => read(body)
            .and_then(|Corosync { blocked }| world.with(|cluster| cluster.block_corosync(node, blocked)))
            .map(|()| Value::Null),
        ("POST", ["nodes", node, "disks"]) => read(body)
            .and_then(|disk: DiskShape| world.with(|cluster| cluster.add_disk(node, disk)))
            .map(|()| Value::Null),
        ("POST", ["nodes", node, "disks", serial, "kill"]) => {
            world.with(|cluster| cluster.kill_disk(node, serial)).map(|osds| json!({ "osds": osds }))
        }
        ("POST", ["nodes", node, "shell"]) => read(body).and_then(|typed: Typed| shell(world, node, &typed)),
        ("POST", ["nodes", node, "file"]) => read(body).and_then(|of: File| file(world, node, of)),
        ("POST", ["guests", vmid]) => read(body).and_then(|inside: Inside| set_inside(world, vmid, &inside)),
        ("GET", ["requests"]) => Ok(world.with(|cluster| json!(cluster.requests))),
        ("DELETE", ["requests"]) => {
            world.with(|cluster| cluster.requests.clear());
            Ok(Value::Null)
        }
        ("GET", ["concurrency"]) => Ok(world.with(|cluster| cluster.concurrency.told())),
        ("DELETE", ["concurrency"]) => {
            world.with(|cluster| cluster.concurrency.clear());
            Ok(Value::Null)
        }
        ("GET", ["state"]) => Ok(world.with(|cluster| cluster.canonical())),
        ("POST", ["faults"]) => {
            read(body).and_then(|fault: Fault| world.with(|cluster| cluster.faults.add(fault))).map(|()| Value::Null)
        }
        ("GET", ["faults"]) => Ok(world.with(|cluster| json!(cluster.faults.all()))),
        ("DELETE", ["faults"]) => {
            world.with(|cluster| {
                cluster.faults.clear();
                cluster.lasting.clear();
            });
            Ok(Value::Null)
        }
        ("POST", ["clock", "advance"]) => read(body).and_then(|Advance { seconds }| advance(world, seconds)),
        ("GET", ["clock"]) => Ok(clock(world)),
        ("GET", ["unmodelled"]) => Ok(world.with(|cluster| {
            cluster.unmodelled.iter().map(|(call, count)| json!({ "call": call, "count": count })).collect()
        })),
        _ => return (404, json!({ "error": format!("no {method} {path} here") })),
    };
    match result {
        Ok(value) => (200, value),
        Err(error) => (400, json!({ "error": error })),
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

fn set_power(world: &World, node: &str, power: &Power) -> Result<Value, String> {
    world.with(|cluster| match cluster.knows(node) {
        true => {
            cluster.set_power(node, power.on);
            if let Some(node) = cluster.nodes.get_mut(node).filter(|node| !node.on) {
                node.refuses = power.refuses;
            }
            Ok(Value::Null)
        }
        false => Err(format!("no node '{node}': there are {}", cluster.nodes.names().join(", "))),
    })
}

fn set_inside(world: &World, vmid: &str, inside: &Inside) -> Result<Value, String> {
    world.with(|cluster| {
        let guest = vmid.parse().ok().and_then(|number| cluster.guests.get_mut(number));
        guest.ok_or_else(|| format!("no guest '{vmid}'"))?.refuses_unplug = inside.refuses_unplug;
        Ok(Value::Null)
    })
}

fn advance(world: &World, seconds: f64) -> Result<Value, String> {
    let span = Duration::try_from_secs_f64(seconds).map_err(|error| error.to_string())?;
    world.advance(span);
    Ok(clock(world))
}

fn clock(world: &World) -> Value {
    let now = world.with(|cluster| cluster.now);
    json!({ "now": now.format("%Y-%m-%dT%H:%M:%SZ"), "unix": now.unix(), "factor": world.factor() })
}
