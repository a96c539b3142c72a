//! Compares what PVE answered with what the simulator answers, and says where they differ.

use std::fmt;

use serde_json::{Map, Value};

use super::names::Names;
use super::normalise;
use super::progress;
use super::recording::Exchange;

/// What the simulator answered.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) reason: String,
    /// The decoded JSON, the empty string for no body, or the text of a body that is no JSON.
    pub(crate) body: Value,
}

/// Something that differs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Difference {
    /// `status`, `reason`, or the place in the body: `data[sid=vm:100].state`, `errors.vmid`, `message`.
    pub(crate) place: String,
    pub(crate) kind: Kind,
}

/// How something differs.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// Another value of the same JSON type.
    Value { recorded: Value, live: Value },
    /// Another JSON type.
    Type { recorded: Value, live: Value },
    /// PVE has it, the simulator has not.
    Missing(Value),
    /// The simulator has it, PVE has not.
    Extra(Value),
    /// The same things in another order.
    Order { recorded: Vec<String>, live: Vec<String> },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = &self.place;
        match &self.kind {
            Kind::Value { recorded, live } => write!(f, "{place}\n    PVE  {recorded}\n    sim  {live}"),
            Kind::Type { recorded, live } => {
                write!(f, "{place}\n    PVE  {recorded} ({})\n    sim  {live} ({})", type_of(recorded), type_of(live))
            }
            Kind::Missing(recorded) => write!(f, "{place}\n    PVE  {}\n    sim  has none", brief(recorded)),
            Kind::Extra(live) => write!(f, "{place}\n    PVE  has none\n    sim  {}", brief(live)),
            Kind::Order { recorded, live } => {
                write!(f, "{place} (order)\n    PVE  {}\n    sim  {}", recorded.join(" "), live.join(" "))
            }
        }
    }
}

/// A value in a line that can be read.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= 300 { text } else { format!("{} ...", text.chars().take(300).collect::<String>()) }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

/// All differences between a recorded answer and a live one. `configured` tells whether a text was set by a request of the
/// recording; `names` learns what the live run calls otherwise.
pub(crate) fn compare(
    recorded: &Exchange,
    live: &Reply,
    names: &mut Names,
    configured: &dyn Fn(&str) -> bool,
) -> Vec<Difference> {
    let mut comparison = Comparison { path: &recorded.request.path, names, configured, differences: Vec::new() };
    comparison.exactly("status", &recorded.status.into(), &live.status.into());
    comparison.exactly("reason", &recorded.reason.as_str().into(), &live.reason.as_str().into());
    let path = &recorded.request.path;
    let is_log = path.contains("/tasks/") && path.ends_with("/log");
    let drawn = is_log.then(|| progress::drawn_together(&recorded.response, &live.body));
    let (recorded_body, live_body) =
        drawn.as_ref().map_or((&recorded.response, &live.body), |(ours, theirs)| (ours, theirs));
    match (recorded_body, live_body) {
        (Value::Object(recorded), Value::Object(live)) => comparison.objects("", recorded, live),
        // No body at all was written down as null.
        (Value::Null, Value::String(live)) if live.is_empty() => {}
        (recorded, live) => comparison.exactly("body", recorded, live),
    }
    comparison.differences
}

struct Comparison<'a> {
    path: &'a str,
    names: &'a mut Names,
    configured: &'a dyn Fn(&str) -> bool,
    differences: Vec<Difference>,
}

impl Comparison<'_> {
    fn differs(&mut self, place: &str, kind: Kind) {
        self.differences.push(Difference { place: place.to_owned(), kind });
    }

    /// No rule applies.
    fn exactly(&mut self, place: &str, recorded: &Value, live: &Value) {
        if recorded != live {
            let (recorded, live) = (recorded.clone(), live.clone());
            let same_type = std::mem::discriminant(&recorded) == std::mem::discriminant(&live);
            self.differs(place, if same_type { Kind::Value { recorded, live } } else { Kind::Type { recorded, live } });
        }
    }

    fn values(&mut self, place: &str, recorded: &Value, live: &Value) {
        match (recorded, live) {
            (Value::Object(recorded), Value::Object(live)) => self.objects(place, recorded, live),
            (Value::Array(recorded), Value::Array(live)) => self.lists(place, recorded, live),
            (Value::String(recorded_text), Value::String(live_text)) => {
                if !self.texts_agree(place, recorded_text, live_text) {
                    self.exactly(place, recorded, live);
                }
            }
            _ if recorded == live => {}
            _ if normalise::rule_for(self.path, place).is_some() && normalise::rule_accepts(recorded, live) => {}
            _ => self.exactly(place, recorded, live),
        }
    }

    fn texts_agree(&mut self, place: &str, recorded: &str, live: &str) -> bool {
        if !place.starts_with("data") {
            return recorded == live;
        }
        normalise::texts_agree(recorded, live, self.names, self.configured)
            || normalise::rule_for(self.path, place).is_some()
            || (normalise::is_unordered_text(self.path, place) && sorted_parts(recorded) == sorted_parts(live))
    }

    fn objects(&mut self, place: &str, recorded: &Map<String, Value>, live: &Map<String, Value>) {
        // The results of the local resource managers are keyed by ids that the run hands out.
        if place.starts_with("data.lrm_status.") && place.ends_with(".results") {
            return self.lists(place, &keyed_by_uid(recorded), &keyed_by_uid(live));
        }
        for (key, value) in recorded {
            let inner = join(place, key);
            match live.get(key) {
                Some(other) => self.values(&inner, value, other),
                None => self.differs(&inner, Kind::Missing(value.clone())),
            }
        }
        for (key, value) in live.iter().filter(|(key, _)| !recorded.contains_key(*key)) {
            self.differs(&join(place, key), Kind::Extra(value.clone()));
        }
    }

    fn lists(&mut self, place: &str, recorded: &[Value], live: &[Value]) {
        let unordered = normalise::is_unordered_list(self.path, place);
        if let Some(key) = identity(recorded, live) {
            return self.lists_by(key, place, recorded, live, unordered);
        }
        let (mut recorded, mut live) = (recorded.to_vec(), live.to_vec());
        if unordered {
            recorded.sort_by_key(Value::to_string);
            live.sort_by_key(Value::to_string);
        }
        for (index, value) in recorded.iter().enumerate() {
            let inner = format!("{place}[{index}]");
            match live.get(index) {
                Some(other) => self.values(&inner, value, other),
                None => self.differs(&inner, Kind::Missing(value.clone())),
            }
        }
        for (index, value) in live.iter().enumerate().skip(recorded.len()) {
            self.differs(&format!("{place}[{index}]"), Kind::Extra(value.clone()));
        }
    }

    /// Lists of objects that a key tells apart: each is compared with its namesake, the order by itself.
    fn lists_by(&mut self, key: &str, place: &str, recorded: &[Value], live: &[Value], unordered: bool) {
        let id = |value: &Value| text_of(&value[key]);
        let mut common = Vec::new();
        for value in recorded {
            let inner = format!("{place}[{key}={}]", id(value));
            match live.iter().find(|other| id(other) == id(value)) {
                Some(other) => {
                    common.push(id(value));
                    self.values(&inner, value, other);
                }
                None => self.differs(&inner, Kind::Missing(value.clone())),
            }
        }
        for value in live.iter().filter(|value| recorded.iter().all(|other| id(other) != id(value))) {
            self.differs(&format!("{place}[{key}={}]", id(value)), Kind::Extra(value.clone()));
        }
        let live_order: Vec<String> = live.iter().map(id).filter(|id| common.contains(id)).collect();
        if !unordered && live_order != common {
            self.differs(place, Kind::Order { recorded: common, live: live_order });
        }
    }
}

/// The key that tells the elements of both lists apart, if there is one.
fn identity(recorded: &[Value], live: &[Value]) -> Option<&'static str> {
    const KEYS: [&str; 17] = [
        "id",
        "sid",
        "pool_name",
        "volid",
        "storage",
        "vmid",
        "key",
        "rule",
        "node",
        "name",
        "subdir",
        "realm",
        "roleid",
        "userid",
        "groupid",
        "devpath",
        "iface",
    ];
    let distinct = |list: &[Value], key: &str| {
        let mut ids: Vec<String> = list.iter().map(|value| text_of(&value[key])).collect();
        ids.sort();
        ids.windows(2).all(|pair| pair[0] != pair[1])
    };
    KEYS.into_iter().find(|key| {
        let has_key = |value: &Value| value.get(key).is_some_and(|id| id.is_string() || id.is_number());
        !(recorded.is_empty() && live.is_empty())
            && recorded.iter().chain(live).all(has_key)
            && distinct(recorded, key)
            && distinct(live, key)
    })
}

fn keyed_by_uid(results: &Map<String, Value>) -> Vec<Value> {
    let mut list: Vec<Value> = results.values().cloned().collect();
    list.sort_by_key(|result| text_of(&result["sid"]));
    list
}

fn text_of(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn join(place: &str, key: &str) -> String {
    if place.is_empty() { key.to_owned() } else { format!("{place}.{key}") }
}

fn sorted_parts(text: &str) -> Vec<&str> {
    let mut parts: Vec<&str> = text.split(',').collect();
    parts.sort_unstable();
    parts
}
