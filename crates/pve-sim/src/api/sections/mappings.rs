//! `/cluster/mapping`: names for devices and folders of nodes. Recording 53.

use serde_json::{Map, Value, json};
use sha1::{Digest, Sha1};

use super::{PLAIN, Row};
use crate::kernel::{Call, PveError, Routes};
use crate::shell::files::Kind;

const MAPPING: Row = Row {
    digest: Some(|contents| Sha1::digest(contents).iter().map(|byte| format!("{byte:02x}")).collect()),
    digest_in_list: true,
    again: &["map"],
    forgiving: true,
    failed: Some("hardware mapping failed"),
    shown: Some(&["description", "live-migration-capable", "map", "mdev"]),
    lists: list,
    seen: |call, name| {
        let path = format!("{}/{name}", call.path.trim_start_matches("/cluster"));
        call.may_any(&path, &["Mapping.Use", "Mapping.Modify", "Mapping.Audit"])
    },
    deletable: |name| match name {
        "description" | "live-migration-capable" | "mdev" => Ok(()),
        "map" => Err(PveError::new("unable to delete required option 'map'")),
        _ => Err(PveError::new(format!("no such option '{name}'"))),
    },
    shows: |row, _, _, answer, _| drop(answer.insert("type".to_owned(), json!(kind(row)))),
    ..PLAIN
};

pub(super) static ROWS: &[Row] = &[
    Row {
        path: "/cluster/mapping/dir",
        file: "mapping/directory.cfg",
        failed: Some("directory mapping failed"),
        exists: |name| PveError::new(format!("dir ID '{name}' already defined")),
        missing: |verb, name| missing("dir", verb, name),
        asked: folders,
        ..MAPPING
    },
    Row {
        path: "/cluster/mapping/pci",
        file: "mapping/pci.cfg",
        exists: |name| PveError::new(format!("pci ID '{name}' already defined")),
        missing: |verb, name| missing("pci", verb, name),
        ..MAPPING
    },
    Row {
        path: "/cluster/mapping/usb",
        file: "mapping/usb.cfg",
        exists: |name| PveError::new(format!("usb ID '{name}' already defined")),
        missing: |verb, name| missing("usb", verb, name),
        ..MAPPING
    },
];

pub(super) fn routes(r: &mut Routes) {
    r.get("/cluster/mapping", |_| Ok(json!([{ "name": "dir" }, { "name": "pci" }, { "name": "usb" }])));
}

fn kind(row: &Row) -> &str {
    row.path.rsplit('/').next().unwrap_or_default()
}

fn missing(kind: &str, verb: &str, name: &str) -> PveError {
    match verb {
        "PUT" => PveError::new(format!("{kind} ID '{name}' does not exist")),
        _ => PveError::new(format!("mapping '{name}' not found")),
    }
}

/// What a map's text says.
fn parts(text: &str) -> Map<String, Value> {
    let parts = text.split(',').filter_map(|part| part.split_once('='));
    parts.map(|(key, value)| (key.to_owned(), json!(value))).collect()
}

/// The folders of the node that is asked have to be there, those of others may be anywhere.
fn folders(call: &Call<'_>) -> Result<(), PveError> {
    let maps: Vec<Map<String, Value>> = call.params.list("map").iter().map(|text| parts(text)).collect();
    let of = |map: &Map<String, Value>, key: &str| map.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    for (n, map) in maps.iter().enumerate() {
        let (node, path) = (of(map, "node"), of(map, "path"));
        if maps[..n].iter().any(|other| of(other, "node") == node) {
            let times = maps.iter().filter(|other| of(other, "node") == node).count();
            return Err(PveError::new(format!("Node '{node}' is specified {times} times.")));
        }
        if node != call.node {
            continue;
        }
        let files = call.cluster.nodes.get(&node).map(|node| &node.files);
        match files.and_then(|files| files.at_path(&files.real(&path))).map(|inode| &inode.kind) {
            Some(Kind::Folder) => {}
            Some(_) => return Err(PveError::new(format!("Path {path} exists, but is not a directory"))),
            None => return Err(PveError::new(format!("Path {path} does not exist"))),
        }
    }
    Ok(())
}

/// With `check-node`, what PVE finds wrong on that node.
fn list(call: &mut Call<'_>) -> Result<Value, PveError> {
    let row = Row::of(call);
    let mut answer = super::list(call)?;
    let Some(node) = call.params.text("check-node") else { return Ok(answer) };
    for shown in answer.as_array_mut().into_iter().flatten() {
        let maps: Vec<_> = shown["map"].as_array().into_iter().flatten().filter_map(Value::as_str).map(parts).collect();
        let here: Vec<_> = maps.iter().filter(|map| map.get("node").is_some_and(|its| its == node)).collect();
        let say = |severity: &str, message: String| json!({ "severity": severity, "message": message });
        let text = |map: &Map<String, Value>, key: &str| map.get(key).and_then(Value::as_str).map(str::to_owned);
        // No node has devices of its own that could be given away.
        let lost = |map: &&Map<String, Value>| {
            let device = match kind(row) {
                "pci" => text(map, "path")?.split(';').next()?.to_owned(),
                "usb" => text(map, "path").or_else(|| text(map, "id"))?,
                _ => return None,
            };
            Some(say("error", format!("Invalid configuration: {} device '{device}' not found\n", kind(row))))
        };
        let checks: Vec<Value> = match here.is_empty() {
            true => vec![say("warning", format!("No mapping for node {node}."))],
            false => here.iter().copied().filter_map(|map| lost(&map)).collect(),
        };
        let called = if kind(row) == "usb" { "errors" } else { "checks" };
        shown[called] = checks.into();
    }
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::bed::Bed;
    use crate::shape::Shape;

    const PCI: &str = "/cluster/mapping/pci";

    #[tokio::test]
    async fn a_change_says_the_whole_map_and_may_take_the_rest_away() {
        let bed = Bed::new(Shape::default());
        let map = "node=pve1,path=0000:01:00.0,id=10de:1234";
        bed.ok("POST", PCI, &[("id", "gpu"), ("map", map), ("mdev", "1"), ("description", "d")]).await;
        let one = format!("{PCI}/gpu");
        let refusal = bed.refusal("PUT", &one, &[("delete", "mdev")]).await;
        assert_eq!(refusal, (500, "update hardware mapping failed: missing value for required option 'map'".into()));
        let refusal = bed.refusal("PUT", &one, &[("map", map), ("delete", "map")]).await;
        assert_eq!(refusal, (500, "update hardware mapping failed: unable to delete required option 'map'".into()));
        bed.ok("PUT", &one, &[("map", map), ("map", "node=pve2,path=0000:02:00.0,id=10de:1234"), ("delete", "mdev")])
            .await;
        let shown = bed.ok("GET", &one, &[]).await;
        assert_eq!(shown["map"], json!([map, "node=pve2,path=0000:02:00.0,id=10de:1234"]));
        assert_eq!((&shown["mdev"], &shown["description"]), (&json!(null), &json!("d")));
    }
}
