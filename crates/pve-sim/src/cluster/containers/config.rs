//! A container's settings: normal forms, JSON types, which of them a running one takes at once.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cluster::guests::Config;
use crate::cluster::guests::config::normalise_tags;
use crate::kernel::ids::Ids;
use crate::kernel::params::{property, split_list};

/// Options that come back as JSON numbers.
const NUMERIC: [&str; 12] = [
    "console",
    "cores",
    "cpuunits",
    "debug",
    "memory",
    "onboot",
    "protection",
    "swap",
    "template",
    "tty",
    "unprivileged",
    "cpus",
];

/// Options that a running container takes at once.
const LIVE: [&str; 13] = [
    "description",
    "onboot",
    "startup",
    "protection",
    "hostname",
    "hookscript",
    "cores",
    "tags",
    "lock",
    "memory",
    "swap",
    "cpulimit",
    "cpuunits",
];

/// The keys of a parameter that is a property string.
fn keys(key: &str) -> Option<&'static property::Keys> {
    property::keys("POST", "/nodes/{node}/lxc", key)
}

/// Whether a key is the prefix and a number.
pub fn numbered(key: &str, prefix: &str) -> bool {
    key.strip_prefix(prefix).is_some_and(|n| n.parse::<u32>().is_ok())
}

/// Whether a key is the root file system or a mount point.
pub fn is_mount(key: &str) -> bool {
    key == "rootfs" || numbered(key, "mp")
}

/// A value in the form in which PVE keeps it; an address is made up for a network device without one.
///
/// # Errors
/// What the property string has wrong.
pub fn normalise(key: &str, value: &str, ids: &mut Ids) -> Result<String, String> {
    Ok(match key {
        "tags" => normalise_tags(value),
        "nameserver" | "searchdomain" => split_list(value).collect::<Vec<_>>().join(" "),
        "description" => value.trim_end_matches('\n').to_owned(),
        _ if numbered(key, "net") => net(key, value, ids)?,
        _ if is_mount(key) => mount(key, value)?,
        _ => value.to_owned(),
    })
}

fn net(key: &str, value: &str, ids: &mut Ids) -> Result<String, String> {
    let Some(keys) = keys(key) else { return Ok(value.to_owned()) };
    let mut parts = property::parse(key, keys, value)?;
    parts.entry("hwaddr".to_owned()).or_insert_with(|| {
        let tail = ids.hex(6).to_uppercase();
        format!("BC:24:11:{}:{}:{}", &tail[..2], &tail[2..4], &tail[4..])
    });
    parts.entry("type".to_owned()).or_insert_with(|| "veth".to_owned());
    let name = parts.remove("name").unwrap_or_default();
    let rest = parts.iter().map(|(key, value)| format!(",{key}={value}"));
    Ok(format!("name={name}{}", rest.collect::<String>()))
}

fn mount(key: &str, value: &str) -> Result<String, String> {
    match keys(key) {
        Some(keys) => property::print(keys, &property::parse(key, keys, value)?),
        None => Ok(value.to_owned()),
    }
}

/// A value as PVE types it in JSON. Each line of the description ends with a newline, the last one too.
pub fn to_json(key: &str, value: &str) -> Value {
    match value.parse::<i64>() {
        Ok(number) if NUMERIC.contains(&key) => json!(number),
        _ if key == "description" => json!(format!("{value}\n")),
        _ => json!(value),
    }
}

/// Lines for LXC itself, which PVE keeps and shows apart, and which no call can set.
pub fn is_raw(key: &str) -> bool {
    key.starts_with("lxc.")
}

/// What is in force and what is pending, as `GET config` shows it: a value that is 0 stays in sight though it is about to
/// go.
pub fn view(config: &Config) -> BTreeMap<String, String> {
    let mut values = config.values.clone();
    values.retain(|key, value| !config.pending_delete.contains_key(key) || value == "0");
    values.extend(config.pending.clone());
    values
}

/// Whether a running container takes a new value of this key at once.
pub fn sets_live(config: &Config, key: &str) -> bool {
    let new = !config.values.contains_key(key);
    LIVE.contains(&key) || numbered(key, "net") || (new && (numbered(key, "mp") || numbered(key, "dev")))
}

/// Whether a running container lets go of this key at once. Of network devices only the first ten.
pub fn unsets_live(key: &str) -> bool {
    let net = key.strip_prefix("net").and_then(|n| n.parse::<u32>().ok());
    LIVE.contains(&key) || numbered(key, "unused") || net.is_some_and(|n| n < 10)
}
