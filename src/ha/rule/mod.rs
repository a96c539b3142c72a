//! HA's rules: what both sorts have in common.

pub mod feasible;
pub mod nodes;
pub mod planned;
pub mod together;

use std::collections::BTreeSet;

use pve_client::Area;
use pve_client::api::ha::resource::Sid;
use serde_json::Value as Json;
use terraform_plugin::value::Value;
use terraform_plugin::{Attr, Cx, Error, Findings};

use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;
use crate::section::{Family, Right, Spelling, listed};

/// What all rules are like.
pub const RULE: Family = Family {
    what: "HA rule",
    path: "cluster/ha/rules",
    file: "ha/rules.cfg",
    area: Area::Ha,
    write: Right { path: "/", any: &["Sys.Console"] },
    digest: true,
    fixed_in_changes: true,
    // PVE 9.0 and 9.1 stumble over a change without them.
    always: &["resources"],
    blames: &[("unmanaged resource", "resources"), ("is invalid", "resources"), ("non-existent node", "nodes")],
    spelt: &[("disable", SET_OR_NOT)],
    ..Family::PLAIN
};

/// A switch that counts as on as soon as it is stored, and that nothing but its removal turns off.
pub const SET_OR_NOT: Spelling = Spelling {
    texts: |value| match value {
        Value::Bool(true) => vec!["1".to_owned()],
        _ => Vec::new(),
    },
    value: |json| Ok(if *json == Json::Null { Value::Null } else { Value::Bool(true) }),
};

/// Nodes with their priorities: `pve1:2,pve2`.
pub const PRIORITIES: Spelling = Spelling {
    texts: |value| match value {
        Value::Map(nodes) if !nodes.is_empty() => vec![nodes.iter().map(spelt).collect::<Vec<_>>().join(",")],
        _ => Vec::new(),
    },
    value: |json| {
        let expected = || format!("expected nodes with priorities, got {json}");
        let text = match json {
            Json::Null => return Ok(Value::Null),
            json => json.as_str().ok_or_else(expected)?,
        };
        let one = |part: &str| -> Result<(String, Value), String> {
            let (node, priority) = part.split_once(':').unwrap_or((part, "0"));
            Ok((node.to_owned(), priority.parse::<u64>().map_err(|_| expected())?.into()))
        };
        let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
        Ok(Value::Map(parts.map(one).collect::<Result<_, _>>()?))
    },
};

fn spelt((node, priority): (&String, &Value)) -> String {
    match priority {
        Value::Number(number) if number.to_string() != "0" => format!("{node}:{number}"),
        _ => node.clone(),
    }
}

/// The check of each resource of a rule.
pub fn a_sid(text: &String) -> Result<(), String> {
    match text.parse::<Sid>() {
        Ok(_) => Ok(()),
        Err(_) if text.parse::<u32>().is_ok() => {
            Err(format!("must name the kind of guest too: did you mean `vm:{text}`?"))
        }
        Err(_) => Err("must be vm:ID or ct:ID, such as vm:101".to_owned()),
    }
}

/// What of a planned set of resources is known by now; none as long as one is not.
pub fn sids<'a>(planned: impl IntoIterator<Item = &'a Attr<String>>) -> Option<BTreeSet<Sid>> {
    planned.into_iter().map(|sid| sid.text()?.parse().ok()).collect()
}

/// Whether the cluster has rules: PVE 8 has groups.
pub async fn exist(cx: &Cx<Pve>) -> Result<bool, Problem> {
    Ok(cx.client.version().await.during("Cannot ask for the version")?.version.major >= 9)
}

/// PVE 8 has no rules.
pub async fn there_are<M>(cx: &Cx<Pve>, found: &mut Findings<M>) -> Result<bool, Error> {
    if exist(cx).await? {
        return Ok(true);
    }
    found.certain(
        Problem::new(
            "This cluster has no rules of HA",
            "They came with PVE 9. Nothing was written. On PVE 8 a group says on which nodes guests run (`pve_ha_group`), and becomes \
             a rule when the cluster is upgraded.",
        )
        .at("rule"),
    );
    Ok(false)
}

/// Every resource has to be under HA before a rule names it.
pub async fn are_managed<M>(cx: &Cx<Pve>, sids: &BTreeSet<Sid>, found: &mut Findings<M>) -> Result<(), Error> {
    let all = cx.client.ha().resources().await.during("Cannot list what is under HA")?;
    for sid in sids.iter().filter(|sid| !all.iter().any(|resource| resource.sid == **sid)) {
        let problem = Problem::new(
            format!("{sid} is not under HA"),
            "A rule can only name what is under HA by then. Nothing was written. Put it there by `pve_ha_resource`, and name it here by a \
             reference, such as `pve_ha_resource.NAME.sid`, so that it comes first.",
        );
        found.missing(cx.comes("ha_resource", &sid.to_string()), problem.at("resources"));
    }
    Ok(())
}

/// PVE refuses a node that is not there.
pub async fn nodes_are_there<'a, M>(
    cx: &Cx<Pve>,
    named: impl Iterator<Item = &'a str>,
    found: &mut Findings<M>,
) -> Result<(), Error> {
    let all = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    let there: BTreeSet<String> = all.iter().map(|entry| entry.node.clone()).collect();
    for node in named.filter(|node| !there.contains(*node)) {
        let what = format!("Nothing was written. There are: {}.", listed(&there));
        let problem = Problem::new(format!("The cluster has no node \"{node}\""), what).at("nodes");
        found.missing(cx.comes("cluster_member", node), problem);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_written_as_pve_writes_them() {
        let nodes = (PRIORITIES.value)(&Json::from("pve3:5,pve1")).unwrap();
        assert_eq!((PRIORITIES.texts)(&nodes), ["pve1,pve3:5"]);
        assert!((PRIORITIES.value)(&Json::from("pve1:x")).is_err());
        assert!((PRIORITIES.texts)(&Value::Null).is_empty());
    }

    #[test]
    fn a_rule_is_disabled_by_whatever_is_stored() {
        assert_eq!((SET_OR_NOT.value)(&Json::from(0)).unwrap(), Value::Bool(true));
        assert!((SET_OR_NOT.texts)(&Value::Bool(false)).is_empty());
    }
}
