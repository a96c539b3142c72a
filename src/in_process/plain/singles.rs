//! What there is one of: the cluster's options, and the settings of each node.

use serde_json::{Value as Json, json};

use super::super::{Rig, forms};
use super::{life, merged};
use crate::cluster::options::ClusterOptions;
use crate::node::config::NodeConfig;
use crate::node::dns::NodeDns;
use crate::node::hosts::NodeHosts;
use crate::node::time::NodeTime;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_live() {
    let rig = Rig::of("{}").await;
    let full = json!({
        "bwlimit": {"clone": 100, "move_disk": 200}, "consent_text": "Hello", "console": "html5",
        "crs": {"ha": "static", "ha_rebalance_on_start": true}, "description": "The *lab*\nin the cellar", "email_from": "pve@lab.example",
        "fencing": "watchdog", "ha": {"shutdown_policy": "migrate"}, "http_proxy": "http://proxy.lab.example:3128", "keyboard": "de",
        "language": "de", "location": "latitude=48.2,longitude=16.3,name=Wien", "mac_prefix": "BC:24:12", "max_workers": 6,
        "migration": {"type": "secure", "network": "10.98.76.0/24"}, "next_id": {"lower": 200, "upper": 300},
        "notify": {"package_updates": "always"}, "registered_tags": ["z", "a"], "replication": {"type": "insecure"},
        "tag_style": {"case_sensitive": true, "color_map": ["b:00ff00:000000", "a:ff0000"], "ordering": "config", "shape": "full"},
        "u2f": {"appid": "https://x.example"}, "user_tag_access": {"user_allow": "list", "user_allow_list": ["b", "a"]},
        "webauthn": {"id": "lab.example", "origin": "https://pve.lab.example", "rp": "lab", "allow_subdomains": false},
    });
    let some = json!({
        "keyboard": "fr", "migration": {"type": "insecure"}, "next_id": {"lower": 500}, "tag_style": {"shape": "none"}, "mac_prefix": "BC:24:11",
    });
    life::<ClusterOptions>(&rig, "cluster", &[json!({"console": "vv"}), full, some, json!({"keyboard": "de"})]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_live() {
    let rig = Rig::of("{}").await;
    let node = |more: Json| merged(json!({"node": "pve2"}), more);
    let full = json!({
        "description": "Node *two*", "ballooning_target": 70, "startall_onboot_delay": 5, "location": "name=Wien",
        "wakeonlan": {"mac": "BC:24:11:00:00:03", "bind_interface": "vmbr0", "broadcast_address": "192.0.2.255"},
    });
    let woken = json!({"wakeonlan": {"mac": "BC:24:11:00:00:04"}, "ballooning_target": 80, "startall_onboot_delay": 0});
    life::<NodeConfig>(&rig, "pve2", &[node(json!({"description": "a"})), node(full), node(woken.clone())]).await;
    let said = rig.bring::<NodeConfig>(None, &json!({"node": "pve9", "description": "a"})).await.unwrap_err();
    assert!(said[0].contains("pve9"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_set_and_not_configured_is_told_before_it_goes() {
    let rig = Rig::of("{}").await;
    let set = |parameters: &[(&str, &str)]| {
        let set = parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        rig.sim.world.with(|cluster| cluster.options.set.extend(set));
    };
    set(&[("language", "de"), ("keyboard", "fr")]);
    let config = json!({"keyboard": "de"});
    let planned = rig.plan::<ClusterOptions>(None, &config).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("configuration: language.")), "{:?}", planned.warnings);
    let (made, _) = rig.apply(planned).await.unwrap();
    let options = || rig.sim.world.with(|cluster| cluster.canonical()["options"].clone());
    assert_eq!(options(), json!({"keyboard": "de"}));
    // What somebody sets meanwhile is no part of the state, and stays when that goes.
    set(&[("language", "fr")]);
    rig.destroy(&made).await.unwrap();
    assert_eq!(options(), json!({"language": "fr"}));
    let wrong = json!({"next_id": {"lower": 300, "upper": 200}});
    let told = rig.bring::<ClusterOptions>(None, &wrong).await.unwrap_err();
    assert!(told[0].contains("boundary rule"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_sees_a_part_of_the_options_takes_it_for_nothing() {
    let rig = Rig::of("{users: [{userid: weak@pve, password: longenough1}]}").await;
    let (made, _) = rig.bring::<ClusterOptions>(None, &json!({"keyboard": "de"})).await.unwrap();
    rig.configure_as(&json!({"username": "weak@pve", "password": "longenough1", "api_token": null})).await;
    let (read, warnings) = rig.refresh(&made).await.unwrap();
    assert_eq!(read.state, made.state, "what is not seen is kept");
    assert!(warnings.iter().any(|told| told.contains("may not see /")), "{warnings:?}");
    let told = rig.bring::<ClusterOptions>(None, &json!({"keyboard": "fr"})).await.unwrap_err();
    assert!(told[0].contains("Sys.Audit on /") && told[0].contains("Nothing was written"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_cannot_do_without_stays_as_it_is() {
    let rig = Rig::of("{}").await;
    let dns = |more: Json| merged(json!({"node": "pve1", "search": "home.example"}), more);
    let shown = |what: &str| {
        rig.sim.world.with(|c| c.canonical()["sections"][format!("/nodes/{{node}}/{what}")]["pve1"].clone())
    };
    let planned = rig.plan::<NodeDns>(None, &dns(json!({}))).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("configuration: dns1.")), "{:?}", planned.warnings);
    let all = json!({"dns1": "192.0.2.53", "dns2": "192.0.2.54", "dns3": "2001:db8::53"});
    let (made, said) = rig.bring::<NodeDns>(None, &dns(all)).await.unwrap();
    assert_eq!(said, [""; 0]);
    let (made, _) = rig.bring(Some(&made), &dns(json!({"dns1": "192.0.2.1"}))).await.unwrap();
    assert_eq!(shown("dns"), json!({"search": "home.example", "dns1": "192.0.2.1"}));
    rig.destroy(&rig.read(&made).await.unwrap()).await.unwrap();
    assert_eq!(shown("dns")["search"], "home.example");
    let left = rig.import::<NodeDns>("pve1").await.unwrap();
    assert!(rig.plan(Some(&left), &dns(json!({"dns1": "192.0.2.1"}))).await.unwrap().is_empty());
    rig.configure().await;
    forms::every_form::<NodeDns>(&rig, &dns(json!({})), &forms::no_maps, &[]).await;

    let zone = |zone: &str| json!({"node": "pve1", "timezone": zone});
    let (made, _) = rig.bring::<NodeTime>(None, &zone("Europe/Vienna")).await.unwrap();
    let (made, _) = rig.bring(Some(&made), &zone("Asia/Tokyo")).await.unwrap();
    let told = rig.bring(Some(&made), &zone("Mars/X")).await.unwrap_err();
    assert!(told[0].contains("No such timezone"), "{told:?}");
    rig.destroy(&made).await.unwrap();
    assert_eq!(shown("time")["timezone"], "Asia/Tokyo");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_are_written_whole_and_against_what_was_read() {
    let rig = Rig::of("{}").await;
    let hosts = |data: &str| json!({"node": "pve2", "data": data});
    let own = "127.0.0.1 localhost\n10.0.0.2 pve2.lab.example pve2\n";
    let (made, said) = rig.bring::<NodeHosts>(None, &hosts(own)).await.unwrap();
    assert_eq!(said, [""; 0]);
    let imported = rig.import::<NodeHosts>("pve2").await.unwrap();
    assert!(rig.plan(Some(&imported), &hosts(own)).await.unwrap().is_empty());
    let more = format!("{own}192.0.2.200 printer\n");
    rig.forget_requests().await;
    let (made, _) = rig.bring(Some(&made), &hosts(&more)).await.unwrap();
    let seen = rig.control("GET", "/requests", &Json::Null).await;
    let posted = seen.as_array().unwrap().iter().find(|seen| seen["method"] == "POST").unwrap();
    assert_eq!((&posted["path"], &posted["params"]["data"]), (&json!("/nodes/pve2/hosts"), &json!(more)));
    assert_eq!(posted["params"]["digest"].as_str().unwrap().len(), 40);
    let told = rig.bring(Some(&made), &hosts("pve2 10.0.0.2\n")).await.unwrap_err();
    assert!(told[0].contains("Invalid IP 'pve2'"), "{told:?}");
    for (data, warned) in [("10.0.0.2 pve2.lab.example\n", true), ("10.0.0.2 pve2\n", false)] {
        let planned = rig.plan(Some(&made), &hosts(data)).await.unwrap();
        assert_eq!(planned.warnings.iter().any(|told| told.contains("its own name")), warned, "{data}");
    }
    rig.destroy(&made).await.unwrap();
    rig.configure().await;
    forms::every_form::<NodeHosts>(&rig, &hosts(own), &forms::no_maps, &[]).await;
}
