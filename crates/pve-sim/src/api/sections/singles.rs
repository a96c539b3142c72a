//! What each node has one of, and that is never made: read and changed as a whole. Recording 52.

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::MODIFIED;
use crate::cluster::sections::Entry;
use crate::kernel::{Call, PveError, Routes};

/// One of its kind.
struct Single {
    path: &'static str,
    /// What is there as long as nobody has changed it.
    usual: &'static [(&'static str, &'static str)],
    /// Whether a change says everything: what it leaves out is gone.
    whole: bool,
    /// Whether answers tell the digest of what was set.
    digest: bool,
    /// Before it is stored.
    stored: fn(&Entry) -> Result<(), PveError>,
    /// Before it is shown.
    shows: fn(&Call<'_>, &mut Map<String, Value>),
}

const PLAIN: Single =
    Single { path: "", usual: &[], whole: false, digest: false, stored: |_| Ok(()), shows: |_, _| {} };

static SINGLES: &[Single] = &[
    Single { path: "/nodes/{node}/config", digest: true, shows: note, ..PLAIN },
    Single {
        path: "/nodes/{node}/dns",
        usual: &[("dns1", "10.98.76.254"), ("search", "lab.example")],
        whole: true,
        shows: |_, answer| answer.retain(|_, value| value != ""),
        ..PLAIN
    },
    Single {
        path: "/nodes/{node}/time",
        usual: &[("timezone", "Etc/UTC")],
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
        r.put(single.path, update);
    }
}

impl Single {
    fn of(call: &Call<'_>) -> &'static Single {
        // Only the routes of these lead here.
        SINGLES.iter().find(|single| single.path == call.path).expect("one for each route")
    }

    fn usual(&self) -> Entry {
        self.usual.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect()
    }

    fn get(&self, call: &Call<'_>) -> Entry {
        let kept = call.cluster.sections.get(self.path, call.params.need("node"));
        kept.cloned().unwrap_or_else(|| self.usual())
    }
}

fn digest(entry: &Entry) -> String {
    Sha1::digest(json!(entry).to_string()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn read(call: &mut Call<'_>) -> Result<Value, PveError> {
    let single = Single::of(call);
    let entry = single.get(call);
    let mut answer: Map<String, Value> = entry.clone().into_iter().collect();
    (single.shows)(call, &mut answer);
    if single.digest && !entry.is_empty() {
        answer.insert("digest".to_owned(), json!(digest(&entry)));
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
    if call.params.text("digest").is_some_and(|known| known != digest(&before)) {
        return Err(PveError::new(MODIFIED));
    }
    let gone = call.params.list("delete");
    let mut entry = if single.whole { Entry::new() } else { before };
    let given = call.params.texts().filter(|(name, _)| !["node", "delete", "digest"].contains(name));
    entry.extend(given.map(|(name, text)| (name.to_owned(), json!(text))));
    entry.retain(|name, _| !gone.contains(name));
    (single.stored)(&entry)?;
    let node = call.params.need("node").to_owned();
    match entry == single.usual() {
        true => drop(call.cluster.sections.remove(single.path, &node)),
        false => call.cluster.sections.insert(single.path, node, entry),
    }
    Ok(Value::Null)
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
