//! `/nodes/{node}/status`, `/nodes/{node}/time`.

use std::time::Duration;

use serde_json::{Value, json};

use crate::cluster::nodes::Node;
use crate::kernel::{Call, PveError, Routes};

pub(crate) fn routes(r: &mut Routes) {
    r.get("/nodes/{node}/status", status);
    r.post("/nodes/{node}/status", command);
    r.get("/nodes/{node}/time", time);
}

/// From the answer until the node begins with it.
const DELAY: Duration = Duration::from_secs(2);
/// Belief: until it is off; its guests are stopped by then.
const SHUTDOWN: Duration = Duration::from_secs(15);

const KERNEL: &str = "6.17.2-1-pve";
const KERNEL_VERSION: &str = "#1 SMP PREEMPT_DYNAMIC PMX 6.17.2-1 (2025-10-21T11:55Z)";

fn status(call: &mut Call<'_>) -> Result<Value, PveError> {
    let profile = &call.cluster.profile;
    // The pipeline has found the node and seen that it is on.
    let Some(node) = call.cluster.nodes.get(&call.node) else { return Err(PveError::new("no such node")) };
    let (total, used) = (node.memory, node.memory_used());
    let (root, root_used) = (Node::ROOT_SIZE, Node::ROOT_USED);
    Ok(json!({
        "uptime": node.uptime(call.now()),
        "idle": 0,
        "wait": 0,
        "cpu": 0.02,
        "loadavg": ["0.10", "0.08", "0.05"],
        "kversion": format!("Linux {KERNEL} {KERNEL_VERSION}"),
        "current-kernel": { "sysname": "Linux", "release": KERNEL, "version": KERNEL_VERSION, "machine": "x86_64" },
        "boot-info": { "mode": "efi", "secureboot": 0 },
        "cpuinfo": {
            "cpus": node.cpus, "cores": node.cpus, "sockets": 1, "model": "Simulated CPU", "vendor": "GenuineIntel",
            "mhz": "2400.000", "hvm": "1", "user_hz": 100, "family": "6", "flags": "fpu vme de pse tsc msr vmx",
        },
        "memory": { "total": total, "used": used, "free": total - used, "available": total - used },
        "swap": { "total": 0, "used": 0, "free": 0 },
        "ksm": { "shared": 0 },
        "rootfs": { "total": root, "used": root_used, "free": root - root_used, "avail": root - root_used },
        "pveversion": format!("pve-manager/{}/{}", node.pve.as_deref().unwrap_or(&profile.pve), profile.repoid),
    }))
}

/// Switches the node off, or starts it anew: it has answered before that.
fn command(call: &mut Call<'_>) -> Result<Value, PveError> {
    let (node, again) = (call.node.clone(), call.params.text("command") == Some("reboot"));
    call.cluster.after(DELAY + SHUTDOWN, move |cluster| match again {
        true => cluster.reset_node(&node),
        false => cluster.set_power(&node, false),
    });
    Ok(Value::Null)
}

fn time(call: &mut Call<'_>) -> Result<Value, PveError> {
    let now = call.now().unix();
    Ok(json!({ "time": now, "localtime": now, "timezone": "Etc/UTC" }))
}
