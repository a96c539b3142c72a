//! Probes made from PVE's schema, for every served route: each limit and one beyond, each missing parameter, an unknown
//! one, each value of an enumeration. The answer must be PVE's 400 with exactly the error fields that follow.
//!
//! The schema is read here as plain JSON, not by the types that the check itself uses. Each probe carries an unknown
//! parameter, so that none is ever carried out, and leaves out what else is required: both are among the errors.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::bed::Bed;
use crate::cluster::access::ROOT;
use crate::shape::Shape;

const UNKNOWN: &str = "zz-probe";

/// A value for a parameter and whether PVE takes it.
struct Probe {
    value: String,
    good: bool,
}

fn probes(schema: &Value) -> Vec<Probe> {
    let mut probes = Vec::new();
    let mut add = |value: String, good: bool| probes.push(Probe { value, good });
    let number = |key: &str| schema[key].as_f64().or_else(|| schema[key].as_str()?.parse().ok());
    let length = |key: &str| schema[key].as_u64().and_then(|length| usize::try_from(length).ok());
    // What else a value must look like is not in the schema: nothing is known to be good then.
    let plain = schema.get("format").is_none() && schema.get("pattern").is_none();
    match schema["type"].as_str().unwrap_or("string") {
        "boolean" => {
            add("1".into(), plain);
            add("2".into(), false);
            add("true".into(), false);
        }
        "integer" | "number" => add("abc".into(), false),
        "array" => return probes,
        _ => {}
    }
    let limits = [
        (number("maximum").map(|max| max + 1.0), number("maximum")),
        (number("minimum").map(|min| min - 1.0), number("minimum")),
    ];
    for (beyond, limit) in limits {
        beyond.into_iter().for_each(|number| add(number.to_string(), false));
        limit.filter(|_| plain).into_iter().for_each(|number| add(number.to_string(), true));
    }
    let lengths = [
        (length("maxLength").map(|max| max + 1), length("maxLength")),
        (length("minLength").and_then(|min| min.checked_sub(1)), length("minLength")),
    ];
    for (beyond, limit) in lengths {
        beyond.into_iter().for_each(|length| add("a".repeat(length), false));
        limit.filter(|_| plain).into_iter().for_each(|length| add("a".repeat(length), true));
    }
    for value in schema["enum"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        add(format!("{value}-not"), false);
        if plain {
            add(value.to_owned(), true);
        }
    }
    for (key, inner) in schema["format"].as_object().into_iter().flatten() {
        let bad = self::probes(inner).into_iter().filter(|probe| !probe.good && !probe.value.is_empty());
        // Property strings take more words for a boolean.
        let bad = bad.filter(|probe| inner["type"] != "boolean" || probe.value == "2");
        bad.for_each(|probe| add(format!("{key}={}", probe.value), false));
    }
    probes
}

/// Something that exists, or looks as if, for each parameter in a path.
fn sample<'a>(name: &str, schema: &'a Value) -> &'a str {
    if let Some(first) = schema["enum"][0].as_str() {
        return first;
    }
    match name {
        "id" if schema["format"] == "pve-replication-job-id" => "100-0",
        "node" => "pve1",
        "vmid" => "100",
        "userid" => "root@pam",
        "upid" => "UPID:pve1:00000001:00000001:6B000000:x:100:root@pam:",
        "osdid" | "pos" => "0",
        "realm" => "pam",
        "sid" => "vm:100",
        "volume" => "local:iso/a.iso",
        _ => "sample",
    }
}

fn path_names(path: &str) -> BTreeSet<String> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).map(str::to_owned).collect()
}

/// The path with samples in it, and `value` for the parameter `name`.
fn concrete(method: &Value, name: &str, value: &str) -> String {
    let part = |part: &str| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
        Some(bound) if bound == name => value.to_owned(),
        Some(bound) => sample(bound, &method["parameters"][bound]).to_owned(),
        None => part.to_owned(),
    };
    method["path"].as_str().unwrap().split('/').map(part).collect::<Vec<_>>().join("/")
}

/// The error fields of the 400 that this request gets; other answers come back as a text.
async fn error_fields(bed: &Bed, verb: &str, path: &str, params: &[(&str, &str)]) -> Result<BTreeSet<String>, String> {
    let reply = bed.send(bed.ticket(ROOT), verb, path, params).await;
    if reply.status != 400 || reply.reason.as_deref() != Some("Parameter verification failed.") {
        return Err(format!("{} {:?}", reply.status, reply.reason));
    }
    let body: Map<String, Value> = serde_json::from_str(&reply.body).unwrap();
    Ok(body["errors"].as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect())
}

#[tokio::test]
async fn every_served_route_refuses_what_pve_refuses() {
    let bed = Bed::new(Shape::default());
    let schema: Value = serde_json::from_str(crate::truth::API).unwrap();
    let served: BTreeSet<(String, String)> =
        bed.world.routes().served().map(|route| (route.method.method.clone(), route.method.path.clone())).collect();
    let (mut tried, mut failures) = (0, Vec::new());
    for method in schema["methods"].as_array().unwrap() {
        let (verb, path) = (method["method"].as_str().unwrap(), method["path"].as_str().unwrap());
        if !served.contains(&(verb.to_owned(), path.to_owned())) || method["additionalProperties"] == 1 {
            continue;
        }
        let in_path = path_names(path);
        let parameters = method["parameters"].as_object().unwrap();
        let required: BTreeSet<String> = parameters
            .iter()
            .filter(|(name, schema)| schema["optional"] != 1 && schema["optional"] != "1" && !in_path.contains(*name))
            .map(|(name, _)| name.clone())
            .collect();
        let mut missing = required.clone();
        missing.insert(UNKNOWN.to_owned());
        // What decides on further parameters is among them, in a place of its own.
        let choices = method["oneOf"].as_array().into_iter().flatten();
        missing.extend(choices.map(|choice| choice["by"].as_str().unwrap().to_owned()));
        let mut check = |what: String, got: Result<BTreeSet<String>, String>, want: BTreeSet<String>| {
            tried += 1;
            if got.as_ref() != Ok(&want) {
                failures.push(format!("{verb} {path} {what}: got {got:?}, want {want:?}"));
            }
        };
        // An unknown parameter, and everything that is required missing.
        let got = error_fields(&bed, verb, &concrete(method, "", ""), &[(UNKNOWN, "1")]).await;
        check("unknown and missing".to_owned(), got, missing.clone());
        for (name, schema) in parameters.iter().filter(|(name, _)| *name != "node") {
            let name = name.replace("[n]", "0");
            for Probe { value, good } in probes(schema) {
                let bound = in_path.contains(&name);
                // An empty part of a path, or one with a slash, is another path.
                if bound && (value.is_empty() || value.contains('/')) {
                    continue;
                }
                let (path, params) = match bound {
                    true => (concrete(method, &name, &value), vec![(UNKNOWN, "1")]),
                    false => (concrete(method, "", ""), vec![(UNKNOWN, "1"), (name.as_str(), value.as_str())]),
                };
                let mut want = missing.clone();
                if good {
                    want.remove(&name)
                } else {
                    want.insert(name.clone())
                };
                if let Some(other) = schema["requires"].as_str() {
                    want.insert(other.to_owned());
                }
                let got = error_fields(&bed, verb, &path, &params).await;
                check(format!("{name}={value}"), got, want);
            }
        }
    }
    assert!(failures.is_empty(), "{} of {tried}:\n{}", failures.len(), failures.join("\n"));
    assert!(tried > 100, "{tried}");
}
