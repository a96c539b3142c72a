//! What nodes have to have for a guest besides its volumes: bridges, and devices behind mappings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pve_client::api::qemu::config::Config;
use pve_client::property_string::PropertyString;
use pve_client::{Area, Request};
use serde::Deserialize;
use terraform_plugin::Cx;

use super::local::{Ends, Hindrance};
use crate::ground::pve::Pve;
use crate::vm::vm::bridges;

/// What of it the nodes lack. A node that cannot tell, and a mapping that is not shown to us, are no hindrances.
pub async fn look(cx: &Cx<Pve>, nodes: &[String], config: &Config) -> Vec<Hindrance> {
    let mut lacking = of_bridges(cx, nodes, config).await;
    lacking.extend(of_mappings(cx, nodes, config).await);
    lacking.into_iter().map(|what| Hindrance { what, ends: Ends::WithAChange }).collect()
}

async fn of_bridges(cx: &Cx<Pve>, nodes: &[String], config: &Config) -> Vec<String> {
    let mut cards: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (number, net) in &config.nets {
        if let Some(bridge) = &net.bridge {
            cards.entry(bridge).or_default().push(format!("net{number}"));
        }
    }
    let mut lacking: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for node in nodes {
        if cards.is_empty() {
            break;
        }
        let Ok(there) = bridges::bridges(cx, node).await else { continue };
        for bridge in cards.keys().filter(|bridge| !there.iter().any(|name| name == *bridge)) {
            lacking.entry(bridge).or_default().push(node);
        }
    }
    let mut told = Vec::new();
    for (bridge, nodes) in lacking {
        if bridges::sees_all(cx, bridge).await {
            told.push(format!("{}: the bridge {bridge} is not on {}", cards[bridge].join(", "), nodes.join(", ")));
        }
    }
    told
}

/// An entry of `GET /cluster/mapping/KIND`.
#[derive(Deserialize)]
struct Mapping {
    id: String,
    #[serde(default)]
    map: Vec<String>,
}

async fn of_mappings(cx: &Cx<Pve>, nodes: &[String], config: &Config) -> Vec<String> {
    let mut told = Vec::new();
    for (key, value) in &config.other {
        let kind = match key.trim_end_matches(|c: char| c.is_ascii_digit()) {
            "hostpci" => "pci",
            "usb" => "usb",
            "virtiofs" => "dir",
            _ => continue,
        };
        let settings = value.parse::<PropertyString>().unwrap_or_default();
        let id = match kind {
            "dir" => settings.default_value().or_else(|| settings.get("dirid")),
            _ => settings.get("mapping"),
        };
        let Some(id) = id else { continue };
        let request = Request::get(format!("cluster/mapping/{kind}"));
        let area = Area::File(match kind {
            "pci" => "mapping/pci.cfg",
            "usb" => "mapping/usb.cfg",
            _ => "mapping/directory.cfg",
        });
        let Ok(all) = cx.client.shared::<Vec<Mapping>>(area, request).await else { continue };
        let all: Arc<Vec<Mapping>> = all;
        let Some(mapping) = all.iter().find(|mapping| mapping.id == id) else { continue };
        let has: BTreeSet<String> = mapping
            .map
            .iter()
            .filter_map(|entry| Some(entry.parse::<PropertyString>().ok()?.get("node")?.to_owned()))
            .collect();
        let missing: Vec<&str> = nodes.iter().filter(|node| !has.contains(*node)).map(String::as_str).collect();
        if !missing.is_empty() {
            told.push(format!("{key}: the mapping {id} has nothing for {}", missing.join(", ")));
        }
    }
    told
}
