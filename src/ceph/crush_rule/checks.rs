//! What is looked at before a rule is made or redefined: what it names exists, and the pools that use it find room.

use pve_client::api::ceph::crush::CrushMap;
use terraform_plugin::Cx;

use super::{CrushRule, copies, placed_by};
use crate::ceph::durability;
use crate::ceph::placement::Rule;
use crate::ceph::topology::Topology;
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// The check before a write: the pools that use the rule find room.
pub(super) async fn fits(cx: &Cx<Pve>, want: &CrushRule) -> Result<(), Problem> {
    let shape = want.shape();
    let mut topology = Topology::existing(&cx.api).await?;
    let rule = Rule {
        name: want.name.clone(),
        failure_domain: shape.failure_domain,
        root: shape.root,
        device_class: shape.device_class,
    };
    topology.rules.insert(want.name.clone(), rule);
    let pools = cx.client.ceph().pools().await.during("Cannot list the pools")?;
    for pool in pools.iter().filter(|pool| placed_by(pool, &want.name)) {
        if let Some(found) = durability::unplaceable(&pool.name, &want.name, copies(pool), &topology) {
            let detail = format!("{}\nNothing was written.", found.detail);
            return Err(Problem::new(found.summary, detail).at("failure_domain"));
        }
    }
    Ok(())
}

/// Whether the map knows everything that the rule names. Ceph accepts levels of which there is nothing, and such a rule
/// places nothing.
pub(in crate::ceph) fn nameable(want: &CrushRule, map: &CrushMap) -> Result<(), Problem> {
    let (shape, hierarchy) = (want.shape(), map.hierarchy());
    let refuse = |attribute: &'static str, (summary, detail): (String, String)| {
        Err(Problem::new(summary, format!("{detail} Nothing was written.")).at(attribute))
    };
    if map.bucket(&shape.root).is_none() {
        let roots: Vec<_> = map.buckets.iter().filter(|b| b.kind == "root").map(|b| b.name.as_str()).collect();
        let summary = format!("CRUSH root \"{}\" does not exist", shape.root);
        return refuse("root", (summary, format!("There are: {}.", listed(roots))));
    }
    if !map.has_type(&shape.failure_domain) {
        return refuse("failure_domain", unknown_domain(&shape.failure_domain, map));
    }
    if let Some(class) = &shape.device_class
        && hierarchy.osds_under(&shape.root, Some(class)).is_empty()
    {
        let summary = format!("No OSD has device class \"{class}\"");
        let classes = listed(map.device_classes().into_iter().collect());
        let detail = format!(
            "Below \"{}\" there is nothing that the rule could choose. There are classes: {classes}. If the OSDs are made in \
             the same run, let the rule wait for them with `depends_on`.",
            shape.root
        );
        return refuse("device_class", (summary, detail));
    }
    // Hosts come with their first OSD.
    let comes_with_osds = ["osd", "host"].contains(&shape.failure_domain.as_str());
    let none_yet = hierarchy.osds_under(&shape.root, None).is_empty();
    if hierarchy.domains(&shape).is_empty() && !(comes_with_osds && none_yet) {
        let summary = format!("Nothing below \"{}\" is a {}", shape.root, shape.failure_domain);
        let levels = hierarchy.levels(&shape.root, shape.device_class.as_deref());
        let detail = format!(
            "Ceph would take the rule, and no pool could place a single copy by it. There are OSDs below: {}.",
            listed(map.types.values().map(String::as_str).filter(|kind| levels.contains(kind)).collect())
        );
        return refuse("failure_domain", (summary, detail));
    }
    Ok(())
}

pub(super) fn unknown_domain(failure_domain: &str, map: &CrushMap) -> (String, String) {
    let kinds = listed(map.types.values().map(String::as_str).collect());
    (format!("CRUSH knows no level \"{failure_domain}\""), format!("There are: {kinds}."))
}

fn listed(names: Vec<&str>) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}
