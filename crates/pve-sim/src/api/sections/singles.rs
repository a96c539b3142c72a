//! What each node has one of, and that is never made: read and changed as a whole. Recording 52.

use std::net::IpAddr;

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::MODIFIED;
use crate::cluster::nodes::Node;
use crate::cluster::sections::Entry;
use crate::kernel::{Call, PveError, Routes};

/// One of its kind.
struct Single {
    path: &'static str,
    /// What is there as long as nobody has changed it.
    usual: fn(&Call<'_>) -> Entry,
    /// Whether it is a POST that changes it.
    posted: bool,
    /// Whether a change says everything: what it leaves out is gone.
    whole: bool,
    /// The digest, where answers tell one.
    digest: fn(&Entry) -> Option<String>,
    /// Before it is stored.
    stored: fn(&Entry) -> Result<(), PveError>,
    /// Before it is shown.
    shows: fn(&Call<'_>, &mut Map<String, Value>),
}

const PLAIN: Single = Single {
    path: "",
    usual: |_| Entry::new(),
    posted: false,
    whole: false,
    digest: |_| None,
    stored: |_| Ok(()),
    shows: |_, _| {},
};

static SINGLES: &[Single] = &[
    Single {
        path: "/nodes/{node}/config",
        // Where nothing is set there is no file.
        digest: |entry| (!entry.is_empty()).then(|| sha1(&json!(entry).to_string())),
        shows: note,
        ..PLAIN
    },
    Single {
        path: "/nodes/{node}/dns",
        usual: |_| of(&[("dns1", "10.98.76.254"), ("search", "lab.example")]),
        whole: true,
        shows: |_, answer| answer.retain(|_, value| value != ""),
        ..PLAIN
    },
    Single {
        path: "/nodes/{node}/hosts",
        usual: known_hosts,
        posted: true,
        whole: true,
        digest: |entry| Some(sha1(entry.get("data")?.as_str()?)),
        stored: hosts,
        ..PLAIN
    },
    Single {
        path: "/nodes/{node}/time",
        usual: |_| of(&[("timezone", "Etc/UTC")]),
        stored: zone,
        shows: |call, answer| {
            // Belief: PVE::API2::Nodes: the local time is the time with the zone's offset; every zone is UTC here.
            answer.insert("time".to_owned(), json!(call.now().seconds()));
            answer.insert("localtime".to_owned(), json!(call.now().seconds()));
        },
        ..PLAIN
    },
];

pub(super) fn routes(r: &mut Routes) {
    for single in SINGLES {
        r.get(single.path, read);
        match single.posted {
            true => r.post(single.path, update),
            false => r.put(single.path, update),
        }
    }
}

impl Single {
    fn of(call: &Call<'_>) -> &'static Single {
        // Only the routes of these lead here.
        SINGLES.iter().find(|single| single.path == call.path).expect("one for each route")
    }

    fn get(&self, call: &Call<'_>) -> Entry {
        let kept = call.cluster.sections.get(self.path, call.params.need("node"));
        kept.cloned().unwrap_or_else(|| (self.usual)(call))
    }
}

fn of(settings: &[(&str, &str)]) -> Entry {
    settings.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
}

fn sha1(text: &str) -> String {
    Sha1::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let single = Single::of(call);
    let entry = single.get(call);
    let mut answer: Map<String, Value> = entry.clone().into_iter().collect();
    (single.shows)(call, &mut answer);
    if let Some(digest) = (single.digest)(&entry) {
        answer.insert("digest".to_owned(), json!(digest));
    }
    if let Some(only) = call.params.text("property").filter(|only| *only != "all") {
        answer.retain(|name, _| name == only);
    }
    Ok(Value::Object(answer))
}

/// What is set and taken away at once is gone. Values come back as texts.
fn update(call: &mut Call<'_>) -> Result<Value, PveError> {
    let single = Single::of(call);
    let before = single.get(call);
    if call.params.text("digest").is_some_and(|known| (single.digest)(&before).is_some_and(|is| is != known)) {
        return Err(PveError::new(MODIFIED));
    }
    let gone = call.params.list("delete");
    let mut entry = if single.whole { Entry::new() } else { before };
    let given = call.params.texts().filter(|(name, _)| !["node", "delete", "digest"].contains(name));
    entry.extend(given.map(|(name, text)| (name.to_owned(), json!(text))));
    entry.retain(|name, _| !gone.contains(name));
    (single.stored)(&entry)?;
    let node = call.params.need("node").to_owned();
    match entry == (single.usual)(call) {
        true => drop(call.cluster.sections.remove(single.path, &node)),
        false => call.cluster.sections.insert(single.path, node, entry),
    }
    Ok(Value::Null)
}

/// All nodes know each other.
fn known_hosts(call: &Call<'_>) -> Entry {
    let line = |node: &Node| format!("{} {name}.lab.example {name}\n", node.ip, name = node.name);
    let nodes: String = call.cluster.nodes.iter().map(line).collect();
    of(&[("data", &format!("127.0.0.1 localhost.localdomain localhost\n{nodes}"))])
}

/// Belief: PVE::API2::Nodes looks at the first word of each line as an address, and at the others as names.
fn hosts(entry: &Entry) -> Result<(), PveError> {
    let text = entry.get("data").and_then(Value::as_str).unwrap_or_default();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let mut words = line.split_whitespace();
        let address = words.next().unwrap_or_default();
        if address.parse::<IpAddr>().is_err() {
            return Err(PveError::param("data", format!("Invalid IP '{address}'")));
        }
        let is_name = |name: &&str| name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
        if let Some(name) = words.find(|name| !is_name(name)) {
            return Err(PveError::param("data", format!("Invalid Hostname '{name}'")));
        }
    }
    Ok(())
}

/// PVE ends a note by a line feed.
fn note(_: &Call<'_>, answer: &mut Map<String, Value>) {
    if let Some(Value::String(text)) = answer.get_mut("description")
        && !text.is_empty()
    {
        text.push('\n');
    }
}

/// Belief: PVE::API2::Nodes looks for the file in `/usr/share/zoneinfo`; here the areas of its folders are known.
fn zone(entry: &Entry) -> Result<(), PveError> {
    const AREAS: [&str; 11] = [
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Etc",
        "Europe",
        "Indian",
        "Pacific",
    ];
    let zone = entry.get("timezone").and_then(Value::as_str).unwrap_or_default();
    let known =
        zone == "UTC" || zone.split_once('/').is_some_and(|(area, place)| AREAS.contains(&area) && !place.is_empty());
    if known { Ok(()) } else { Err(PveError::param("timezone", "No such timezone")) }
}
