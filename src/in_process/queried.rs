//! What exists is found, by lists and by the command, and taken over from an empty directory.

use std::collections::{BTreeMap, BTreeSet};

use pve_sim::shape::{CephStage, GuestShape, Shape};
use serde_json::{Value as Json, json};
use terraform_core::{Config, Query, State, written};
use terraform_plugin::value::{Type, Value, json as codec};
use terraform_plugin::{Object, Severity, StopToken};

use super::lives::{Bench, examples, provider_block, read, serials};
use crate::provider::PveConfig;
use crate::verbs::query;

/// What the provider's block says, for the command.
fn block(bench: &Bench) -> BTreeMap<String, Value> {
    let mut said = provider_block(&bench.sim);
    let attributes = PveConfig::attributes();
    let known = ["api_token", "endpoints", "fingerprints", "password", "username"];
    for attribute in &attributes {
        if !known.contains(&attribute.name.as_str()) {
            said[&attribute.name] = Json::Null;
        }
    }
    let ty = Type::Object(attributes.iter().map(|a| (a.name.clone(), a.ty())).collect());
    match codec::decode(said.to_string().as_bytes(), &ty).unwrap() {
        Value::Object(attributes) => attributes,
        other => panic!("{other:?}"),
    }
}

/// A cluster on which `examples/ha-vm-on-ceph` was applied, with what else people have.
async fn applied() -> Bench {
    let mut shape = Shape::default();
    shape.ceph.stage = CephStage::Monitors;
    shape.guests.push(GuestShape::ready(101, "pve1"));
    let disks: Json = shape.nodes.iter().map(|node| (node.name.clone(), serials(node))).collect();
    let mut bench = Bench::of(shape).await;
    let text = read(&examples().join("ha-vm-on-ceph").join("main.tf"));
    let config = Config::from_hcl(&text).unwrap().variable("osd_disks", disks);
    let more = Config::from_hcl(
        r#"
        resource "pve_pool" "web" { poolid = "web" }
        resource "pve_pool_member" "web" {
          poolid = pve_pool.web.poolid
          member = "101"
        }
        resource "pve_group" "admins" { groupid = "admins" }
        resource "pve_user" "joe" {
          userid = "joe@pve"
          groups = [pve_group.admins.groupid]
        }
        resource "pve_token" "ci" {
          userid = pve_user.joe.userid
          tokenid = "ci"
        }
        resource "pve_acl" "admins" {
          path   = "/pool/web"
          roleid = "PVEVMAdmin"
          who    = "@admins"
          depends_on = [pve_group.admins, pve_pool.web]
        }
        resource "pve_firewall_rules" "existing" {
          place = "vm/101"
          rules = [{ type = "in", action = "ACCEPT", macro = "SSH" }]
        }
        resource "pve_firewall_options" "existing" {
          place = "vm/101"
          enable = true
        }
        resource "pve_notification_gotify" "alerts" {
          name   = "alerts"
          server = "https://gotify.example.com"
          token  = "secret"
        }
        resource "pve_realm_openid" "home" {
          realm      = "home"
          issuer_url = "https://id.example.com"
          client_id  = "pve"
          client_key = "hush"
        }
        resource "pve_node_config" "first" {
          node        = "pve1"
          description = "Says $${this} \"aloud\"\nin two lines"
        }
        "#,
    )
    .unwrap();
    bench.core.apply(&config).await.unwrap_or_else(|said| panic!("{said}"));
    let state = std::mem::take(&mut bench.core.state);
    bench.core.apply(&more).await.unwrap_or_else(|said| panic!("{said}"));
    bench.core.state.instances.extend(state.instances);
    bench
}

/// Types and identities.
fn known(state: &State) -> BTreeSet<(String, String)> {
    let of = state.instances.iter().map(|(address, instance)| {
        (address.ty.clone(), instance.identity.as_ref().map(|(_, identity)| identity.clone()).unwrap_or_default())
    });
    of.filter(|(ty, _)| ty != "pve_vm_disk_move").collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_cluster_is_taken_over_by_what_the_command_writes() {
    let mut bench = applied().await;
    let made = std::mem::take(&mut bench.core.state);
    // What is read in a terminal is no write.
    let writes =
        |bench: &Bench| bench.writes().into_iter().filter(|sent| !sent.ends_with("/termproxy")).collect::<Vec<_>>();
    let written = writes(&bench);
    let (files, said) = query::found(block(&bench), &BTreeSet::new(), &StopToken::new()).await.unwrap();
    assert!(!said.has_errors(), "{said:?}");
    let text = files.in_one();
    for reference in [
        "sid          = \"vm:${pve_vm.",
        "pool    = pve_ceph_pool.",
        "crush_rule        = pve_ceph_crush_rule.",
        "groups    = [pve_group.admins.groupid]",
        "member = pve_vm.",
        "who    = \"@${pve_group.admins.groupid}\"",
        "path   = \"/pool/${pve_pool.web.poolid}\"",
        "place  = \"vm/${pve_vm.",
        "storage = pve_storage_rbd.",
        "token  = var.notification_gotify_alerts_token",
        "client_key = var.realm_openid_home_client_key",
    ] {
        let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain(&text).contains(&plain(reference)), "no {reference} in\n{text}");
    }
    let config = Config::from_hcl(&text).unwrap_or_else(|error| panic!("{error}\n{text}"));
    assert!(!text.contains("hush"), "a secret stands in it:\n{text}");
    let config =
        config.variable("notification_gotify_alerts_token", "secret").variable("realm_openid_home_client_key", "hush");
    let plan = bench.core.plan(&config).await.unwrap_or_else(|said| panic!("{said}\n{text}"));
    assert_eq!(plan.actions(), [], "{text}");
    bench.core.apply_plan(plan).await.unwrap_or_else(|said| panic!("{said}"));
    assert!(bench.core.plan(&config).await.unwrap().is_empty());
    assert_eq!(writes(&bench), written, "taking over writes nothing");
    let missing: Vec<_> = known(&made).difference(&known(&bench.core.state)).cloned().collect();
    assert_eq!(missing, [], "not taken over");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_list_tells_what_can_be_taken_over_as_it_is() {
    let mut bench = applied().await;
    bench.core.state = State::default();
    let lists: Vec<String> = bench.core.schemas().lists.keys().cloned().collect();
    let asked = Query { include_resource: true, generate: true, limit: i64::MAX };
    let mut config = Config::new();
    for ty in &lists {
        let (found, _) = bench.core.query(ty, json!({}), &asked).await.unwrap_or_else(|said| panic!("{ty}: {said}"));
        for (n, found) in found.into_iter().enumerate() {
            let address = format!("{ty}.n{n}");
            let mut body = written(found.config.as_ref().unwrap());
            if let (terraform_core::Value::Object(body), "pve_notification_gotify") = (&mut body, ty.as_str()) {
                body.insert("token".to_owned(), "secret".into());
            }
            config = config.resource(&address, body).import_by_identity(&address, found.identity);
        }
    }
    let plan = bench.core.plan(&config).await.unwrap_or_else(|said| panic!("{said}"));
    assert_eq!(plan.actions(), []);
}

#[test]
fn what_cannot_be_listed_is_known() {
    let told = terraform_plugin::docs_json::<crate::provider::PveProvider>();
    let names = |kind: &str| told[kind].as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    // Files and units are reached by SSH alone, a move is nothing that is there, and of what lies on storages nobody tells where it
    // came from.
    let others = [
        "pve_appliance_template",
        "pve_node_file",
        "pve_node_service",
        "pve_oci_image",
        "pve_storage_download",
        "pve_storage_file",
        "pve_vm_disk_move",
    ];
    let unlisted: Vec<String> = names("resources").difference(&names("lists")).cloned().collect();
    assert_eq!(unlisted, others);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_that_is_narrowed_down_asks_no_more_than_it_must() {
    let mut shape = Shape::default();
    for (vmid, node) in [(101, "pve1"), (102, "pve2"), (103, "pve2")] {
        shape.guests.push(GuestShape::ready(vmid, node));
    }
    let bench = Bench::of(shape).await;
    let of = async |ty: &str, filter: Json, whole: bool| {
        let asked = Query { include_resource: whole, ..Query::default() };
        let (found, _) = bench.core.query(ty, filter, &asked).await.unwrap_or_else(|said| panic!("{said}"));
        let requests = bench.sim.world.control("GET", "/requests", &Json::Null).unwrap();
        let paths = requests.as_array().unwrap().iter().filter_map(|seen| seen["path"].as_str());
        let configs = paths.filter(|path| path.ends_with("/config")).count();
        bench.sim.world.control("DELETE", "/requests", &Json::Null).unwrap();
        (found.len(), configs)
    };
    assert_eq!(of("pve_vm", json!({}), false).await, (3, 0), "names alone come from the cluster's list");
    assert_eq!(of("pve_vm", json!({"node": "pve2"}), false).await, (2, 0));
    assert_eq!(of("pve_vm", json!({"node": "pve1"}), true).await, (1, 1));
    assert_eq!(of("pve_vm", json!({"tags": ["none-has-it"]}), true).await, (0, 0));
    assert_eq!(of("pve_vm", json!({"pool": "web"}), true).await, (0, 0));
    assert_eq!(of("pve_storage_dir", json!({"content": ["iso"]}), false).await, (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_is_off_makes_the_list_short_and_that_is_said() {
    let bench = Bench::with_ceph().await;
    bench.sim.world.control("POST", "/nodes/pve3/power", &json!({"on": false})).unwrap();
    bench.sim.world.advance(std::time::Duration::from_secs(300));
    for ty in ["pve_node_dns", "pve_apt_repository", "pve_firewall_options"] {
        let said = bench.core.query(ty, json!({}), &Query::default()).await.unwrap_err();
        assert!(said.to_string().contains("pve3"), "{ty}: {said}");
        assert!(said.to_string().contains("is missing from this list"), "{ty}: {said}");
    }
    let types = BTreeSet::from(["pve_node_dns".to_owned()]);
    let (files, said) = query::found(block(&bench), &types, &StopToken::new()).await.unwrap();
    assert!(said.has_errors(), "{said:?}");
    assert_eq!(files.in_one().matches("import {").count(), 2, "what answers is there all the same");
    // Who reaches no shell is not told of it by an error, unless that is asked for.
    let mut by_token = block(&bench);
    by_token
        .extend([("username", Value::Null), ("password", Value::Null)].map(|(name, value)| (name.to_owned(), value)));
    let (_, said) = query::found(by_token.clone(), &BTreeSet::new(), &StopToken::new()).await.unwrap();
    let of_shells = |said: &terraform_plugin::Diagnostic| said.summary.contains("pve_disk_partition");
    assert!(said.iter().any(|one| of_shells(one) && one.severity == Severity::Warning), "{said:?}");
    // Without its disk it could be neither written down nor imported.
    let types = BTreeSet::from(["pve_ceph_osd".to_owned()]);
    let (files, said) = query::found(block(&bench), &types, &StopToken::new()).await.unwrap();
    assert_eq!(files.in_one().matches("import {").count(), 4, "{}", files.in_one());
    let left_out = said.iter().filter(|one| one.severity == Severity::Error && one.summary.ends_with(" is left out"));
    assert_eq!(left_out.count(), 2, "{said:?}");
    let unknown = query::found(block(&bench), &BTreeSet::from(["pve_vm_disk_move".to_owned()]), &StopToken::new())
        .await
        .unwrap_err();
    assert!(unknown.starts_with("`pve_vm_disk_move` cannot be listed. These can: pve_acl,"), "{unknown}");
}
