//! What is looked at before a bucket is made, changed or destroyed.

use std::collections::{BTreeMap, BTreeSet};

use pve_client::api::ceph::crush::{CrushMap, Step as RuleStep};
use terraform_plugin::{Cx, Findings};

use super::CrushBucket;
use super::steps::{self, Wanted};
use crate::ceph::crush_rule::CrushRule;
use crate::ceph::durability;
use crate::ceph::placement::{Copies, Member};
use crate::ceph::pools_going;
use crate::ceph::topology::{Place, Topology};
use crate::ground::error::{During, Problem};
use crate::ground::pve::Pve;

/// Whether the map has what it names, and in an order that Ceph takes.
pub(super) async fn names(
    cx: &Cx<Pve>,
    want: &Wanted,
    map: &CrushMap,
    found: &mut Findings<CrushBucket>,
) -> Result<(), Problem> {
    let level = |kind: &str| map.types.iter().find(|(_, name)| *name == kind).map(|(level, _)| *level);
    let Some(own) = level(&want.kind) else {
        let kinds: Vec<&str> = map.types.values().map(String::as_str).collect();
        let detail = format!("There are: {}. Nothing was written.", kinds.join(", "));
        found.certain(Problem::new(format!("CRUSH knows no level \"{}\"", want.kind), detail).at("type"));
        return Ok(());
    };
    if let Some(parent) = &want.parent {
        match map.bucket(parent) {
            None => {
                let buckets: Vec<&str> = map.buckets.iter().map(|bucket| bucket.name.as_str()).collect();
                let detail = format!("There are: {}. Nothing was written.", buckets.join(", "));
                let problem = Problem::new(format!("CRUSH has no bucket \"{parent}\""), detail);
                found.missing(cx.comes("ceph_crush_bucket", parent), problem.at("parent"));
            }
            Some(above) if level(&above.kind).is_some_and(|above| above <= own) => {
                let problem = Problem::new(
                    format!("A {} is not below a {}", want.kind, above.kind),
                    format!(
                        "\"{parent}\" is a {}, and CRUSH's levels go up: {}. Nothing was written.",
                        above.kind,
                        map.types.values().map(String::as_str).collect::<Vec<_>>().join(", ")
                    ),
                );
                found.mendable(problem.at("parent"));
            }
            Some(_) => {}
        }
    }
    for host in &want.hosts {
        if let Some(bucket) = map.bucket(host).filter(|bucket| bucket.kind != "host") {
            let detail = "Name hosts, as the nodes are called; a bucket of another level names this one as its `parent`. Nothing \
                          was written.";
            found.certain(Problem::new(format!("\"{host}\" is a {}, no host", bucket.kind), detail).at("hosts"));
        }
    }
    let nodes = cx.client.nodes().list().await.during("Cannot list the cluster's nodes")?;
    for host in want.hosts.iter().filter(|host| map.bucket(host).is_none()) {
        if !nodes.iter().any(|node| node.node == **host) {
            let names: Vec<&str> = nodes.iter().map(|node| node.node.as_str()).collect();
            let detail =
                format!("Neither CRUSH nor the cluster has it. Nodes: {}. Nothing was written.", names.join(", "));
            found.mendable(Problem::new(format!("There is no host \"{host}\""), detail).at("hosts"));
        }
    }
    let others = cx.ledger.with(|all: &mut BTreeMap<String, Place>| all.clone());
    let twice = |host: &&String| others.get(*host).is_some_and(|place| place.bucket != want.name);
    for host in want.hosts.iter().filter(twice) {
        let other = others.get(host).map(|place| place.bucket.clone()).unwrap_or_default();
        let detail =
            format!("Bucket \"{other}\" of this configuration names it as well. Nothing was written. Remove one.");
        found.certain(Problem::new(format!("Host \"{host}\" would be in two buckets"), detail).at("hosts"));
    }
    Ok(())
}

/// What becomes of the pools when hosts move.
pub(super) async fn moves(
    cx: &Cx<Pve>,
    want: &Wanted,
    map: &CrushMap,
    found: &mut Findings<CrushBucket>,
) -> Result<(), Problem> {
    let (coming, leaving) = moving(map, want);
    let all: BTreeSet<&String> = coming.iter().chain(&leaving).collect();
    let before = Topology::existing(&cx.api).await?;
    let held = before.members.iter().filter(|member| all.contains(&member.host)).count();
    if held == 0 {
        return Ok(());
    }
    // Above a bucket that is not there yet nobody knows what is.
    let above_is_known = want.parent.as_ref().is_none_or(|parent| map.bucket(parent).is_some());
    let members =
        if above_is_known { placed(&before.members, map, want, &coming, &leaving) } else { before.members.clone() };
    let after = Topology { members, ..before.clone() };
    let going = pools_going(cx);
    for pool in cx.client.ceph().pools().await.during("Cannot list the pools")?.iter() {
        let Some(rule) = &pool.crush_rule_name else { continue };
        let copies = Copies { size: pool.size as usize, min_size: pool.min_size as usize };
        let unplaceable = |topology: &Topology| durability::unplaceable(&pool.name, rule, copies, topology);
        if unplaceable(&before).is_none()
            && let Some(finding) = unplaceable(&after)
        {
            let goes = found.is_plan() && going.contains(&pool.name);
            let detail = format!("{} Nothing was written.", finding.detail);
            found.missing(goes, Problem::new(finding.summary, detail).at("hosts"));
        }
    }
    let names: Vec<&str> = all.into_iter().map(String::as_str).collect();
    let detail = format!(
        "{} with {held} OSDs: Ceph moves whatever the rules then place elsewhere, in the background. A move between buckets \
         that no rule tells apart may move data, too.",
        names.join(", ")
    );
    found.notice(Problem::new("Hosts move in the CRUSH hierarchy", detail).at("hosts"));
    Ok(())
}

/// The hosts that come into the bucket and those that leave it, as far as the map has them.
fn moving(map: &CrushMap, want: &Wanted) -> (BTreeSet<String>, BTreeSet<String>) {
    let there = map.bucket(&want.name).map(|bucket| steps::hosts(map, bucket)).unwrap_or_default();
    let coming = want.hosts.difference(&there).filter(|host| map.bucket(host).is_some()).cloned().collect();
    let leaving = want.leaving.intersection(&there).cloned().collect();
    (coming, leaving)
}

/// The OSDs once the hosts have moved.
fn placed(
    members: &[Member],
    map: &CrushMap,
    want: &Wanted,
    coming: &BTreeSet<String>,
    leaving: &BTreeSet<String>,
) -> Vec<Member> {
    let hierarchy = map.hierarchy();
    let above = want.parent.clone().or_else(|| steps::parent(map, &want.name).map(|parent| parent.name.clone()));
    let above = above.unwrap_or_else(|| steps::DEFAULT_ROOT.to_owned());
    let mut up: BTreeMap<String, String> =
        hierarchy.above(&above).map(|bucket| (bucket.kind.clone(), bucket.name.clone())).collect();
    if let Some(bucket) = map.bucket(&above) {
        up.insert(bucket.kind.clone(), bucket.name.clone());
    }
    let one = |member: &Member| {
        let (comes, leaves) = (coming.contains(&member.host), leaving.contains(&member.host));
        if !comes && !leaves {
            return member.clone();
        }
        let mut above = up.clone();
        above.insert("host".to_owned(), member.host.clone());
        if comes {
            above.insert(want.kind.clone(), want.name.clone());
        }
        Member { above, ..member.clone() }
    };
    members.iter().map(one).collect()
}

/// What still needs the bucket: others below it, and rules that begin at it.
pub(super) fn users(cx: &Cx<Pve>, name: &str, map: &CrushMap, found: &mut Findings<CrushBucket>) {
    let Some(bucket) = map.bucket(name) else { return };
    let hosts = steps::hosts(map, bucket);
    let below: Vec<&str> =
        bucket.items.iter().map(|item| item.name.as_str()).filter(|item| !hosts.contains(*item)).collect();
    if !below.is_empty() {
        let going = cx.going::<CrushBucket>();
        let all_go = below.iter().all(|item| going.iter().any(|other| other.name == **item));
        let detail = format!("Below it are: {}. Nothing was destroyed. Put them elsewhere first.", below.join(", "));
        found.missing(all_go, Problem::new(format!("CRUSH bucket \"{name}\" is not empty"), detail));
    }
    let begins = |step: &RuleStep| matches!(step, RuleStep::Take { root, .. } if root == name);
    let rules: Vec<&str> =
        map.rules.iter().filter(|rule| rule.steps.iter().any(begins)).map(|r| r.name.as_str()).collect();
    if !rules.is_empty() {
        let going = cx.going::<CrushRule>();
        let all_go = rules.iter().all(|rule| going.iter().any(|other| other.name == **rule));
        let detail = format!("Rules begin at it: {}. Nothing was destroyed. Destroy them first.", rules.join(", "));
        found.missing(all_go, Problem::new(format!("CRUSH bucket \"{name}\" is in use"), detail));
    }
}
