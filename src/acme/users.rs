//! The nodes whose certificates need what is to go: PVE does not ask them.

use std::collections::BTreeSet;
use std::sync::Arc;

use pve_client::property_string::PropertyString;
use pve_client::{Area, Error as PveError, Request};
use terraform_plugin::Cx;

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::section::Live;

/// The nodes whose settings of ACME, by name, are like these. One that does not answer is not among them.
pub async fn users(cx: &Cx<Pve>, is: impl Fn(&[(&str, PropertyString)]) -> bool) -> Result<BTreeSet<String>, Problem> {
    let all = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    let mut users = BTreeSet::new();
    for node in all.iter().map(|entry| &entry.node) {
        let request = Request::get(format!("nodes/{node}/config"));
        let config: Result<Arc<Live>, _> = cx.client.shared(Area::Nodes, request).await;
        let config = match config {
            Ok(config) => config,
            Err(PveError::NodeUnreachable { .. }) => continue,
            Err(error) => return Err(Problem::during(format!("Cannot read the configuration of node {node}"), error)),
        };
        let of_acme = config.iter().filter(|(name, _)| name.starts_with("acme"));
        let settings: Vec<_> =
            of_acme.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?.parse().ok()?))).collect();
        if is(&settings) {
            users.insert(node.clone());
        }
    }
    Ok(users)
}

/// Whether a node's certificate is ordered by this account: it names it, or none where it is PVE's usual one.
pub fn names_account(settings: &[(&str, PropertyString)], account: &str) -> bool {
    let named = settings.iter().find(|(name, _)| *name == "acme").and_then(|(_, acme)| acme.get("account"));
    !settings.is_empty() && named.unwrap_or("default") == account
}

/// Whether a name of a node is proved by this plugin.
pub fn names_plugin(settings: &[(&str, PropertyString)], plugin: &str) -> bool {
    settings.iter().any(|(name, domain)| name.starts_with("acmedomain") && domain.get("plugin") == Some(plugin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings<'a>(all: &[(&'a str, &str)]) -> Vec<(&'a str, PropertyString)> {
        all.iter().map(|(name, value)| (*name, value.parse().unwrap())).collect()
    }

    #[test]
    fn who_names_no_account_means_the_usual_one() {
        let says = |all: &[(&str, &str)], account: &str| names_account(&settings(all), account);
        assert!(says(&[("acme", "account=ours,domains=a.example")], "ours"));
        assert!(!says(&[("acme", "account=ours,domains=a.example")], "default"));
        assert!(says(&[("acme", "domains=a.example")], "default"));
        assert!(says(&[("acmedomain0", "domain=a.example,plugin=cf")], "default"));
        assert!(!says(&[("acmedomain0", "domain=a.example,plugin=cf")], "ours"));
        assert!(!says(&[], "default"));
    }

    #[test]
    fn a_plugin_is_named_for_a_name_alone() {
        let of = settings(&[("acme", "account=cf"), ("acmedomain3", "domain=a.example,plugin=own")]);
        assert!(names_plugin(&of, "own") && !names_plugin(&of, "cf"));
    }
}
