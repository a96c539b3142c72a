//! Where a node's packages come from.

use serde_json::{Value as Json, json};

use super::super::Rig;
use super::life;
use crate::node::apt::repository::AptRepository;
use crate::node::apt::standard::AptStandardRepository;

/// A cluster as PVE's installer leaves it, and what a node takes packages from.
fn sources(rig: &Rig, node: usize) -> Vec<String> {
    let apt = rig.sim.world.with(|cluster| cluster.canonical()["nodes"][node]["apt"].clone());
    let component = |entry: &Json| format!("{} {}", entry[1].as_str().unwrap(), entry[3][0].as_str().unwrap());
    apt.as_array().unwrap().iter().map(component).collect()
}

const FREE: &str = "http://download.proxmox.com/debian/pve pve-no-subscription";
const PAID: &str = "https://enterprise.proxmox.com/debian/pve pve-enterprise";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn standard_repositories_live() {
    let rig = Rig::of("{}").await;
    for handle in ["no-subscription", "ceph-tentacle-no-subscription", "ceph-squid-test"] {
        let config = json!({"node": "pve2", "handle": handle});
        life::<AptStandardRepository>(&rig, &format!("pve2/{handle}"), &[config]).await;
    }
    let paid = |enabled: bool| json!({"node": "pve2", "handle": "enterprise", "enabled": enabled});
    life::<AptStandardRepository>(&rig, "pve2/enterprise", &[paid(true), paid(false)]).await;
    assert!(sources(&rig, 1).contains(&PAID.to_owned()), "it is as the installer leaves it");
    // No file has named this one before.
    let before = sources(&rig, 1);
    let (made, _) = rig
        .bring::<AptStandardRepository>(None, &json!({"node": "pve2", "handle": "ceph-tentacle-enterprise"}))
        .await
        .unwrap();
    assert_eq!(sources(&rig, 1).len(), before.len() + 1);
    rig.destroy(&rig.read(&made).await.unwrap()).await.unwrap();
    assert_eq!(sources(&rig, 1), before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_disabled_is_enabled_where_it_stands_and_what_is_enabled_is_never_added() {
    let rig = Rig::of("{}").await;
    let config = json!({"node": "pve1", "handle": "no-subscription"});
    let entries = || {
        let all = rig.sim.world.with(|cluster| cluster.nodes.get("pve1").unwrap().apt.json());
        all["files"].to_string().matches("pve-no-subscription").count()
    };
    for _ in 0..3 {
        let (made, said) = rig.bring::<AptStandardRepository>(None, &config).await.unwrap();
        assert_eq!(said, [""; 0]);
        assert!(sources(&rig, 0).contains(&FREE.to_owned()));
        rig.destroy(&made).await.unwrap();
        assert!(!sources(&rig, 0).contains(&FREE.to_owned()));
        rig.configure().await;
    }
    assert_eq!(entries(), 1, "each was the same entry");
    let (made, _) = rig.bring::<AptStandardRepository>(None, &config).await.unwrap();
    let theirs = rig.another().await;
    let planned = super::super::plan::<AptStandardRepository>(&theirs, None, &config).await.unwrap();
    let told = super::super::apply(&theirs, planned).await.unwrap_err();
    assert!(told[0].contains("id = \"pve1/no-subscription\""), "{told:?}");
    // Twice in a file, as PVE leaves it when it is asked twice: both go.
    rig.sim.world.with(|cluster| {
        let standard = pve_sim::cluster::apt::standard();
        let free = standard.iter().find(|standard| standard.handle == "no-subscription").unwrap();
        cluster.nodes.get_mut("pve1").unwrap().apt.add(free);
    });
    rig.configure().await;
    rig.destroy(&rig.read(&made).await.unwrap()).await.unwrap();
    assert!(!sources(&rig, 0).contains(&FREE.to_owned()), "{:?}", sources(&rig, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_proxmox_does_not_offer_is_told_at_plan_with_what_it_does() {
    let rig = Rig::of("{}").await;
    let told = |told: Vec<String>| told.join("\n");
    let reef = json!({"node": "pve1", "handle": "ceph-reef-test"});
    let wrong = told(rig.plan::<AptStandardRepository>(None, &reef).await.unwrap_err());
    assert!(wrong.contains("ceph-tentacle-no-subscription") && wrong.contains("Nothing was written"), "{wrong}");
    let off = json!({"node": "pve1", "handle": "test", "enabled": false});
    let wrong = told(rig.validate::<AptStandardRepository>(&off).await.unwrap_err());
    assert!(wrong.contains("Leave this one out"), "{wrong}");
    // Two releases of Ceph at once are not PVE's concern.
    let of = |release: &str| json!({"node": "pve1", "handle": format!("ceph-{release}-no-subscription")});
    rig.bring::<AptStandardRepository>(None, &of("squid")).await.unwrap();
    rig.configure().await;
    let planned = rig.plan::<AptStandardRepository>(None, &of("tentacle")).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("two releases")), "{:?}", planned.warnings);
    let alone = rig.plan::<AptStandardRepository>(None, &json!({"node": "pve2", "handle": "ceph-squid-test"})).await;
    assert_eq!(alone.unwrap().warnings, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_entry_is_switched_and_stays_as_it_is() {
    let rig = Rig::of("{}").await;
    let security = |enabled: bool| {
        json!({"node": "pve3", "file": "debian.sources", "suite": "trixie-security", "component": "contrib",
            "uri": "http://security.debian.org/debian-security", "enabled": enabled})
    };
    let is_on = || sources(&rig, 2).contains(&"http://security.debian.org/debian-security main".to_owned());
    let (off, said) = rig.bring::<AptRepository>(None, &security(false)).await.unwrap();
    assert!(said.is_empty() && !is_on(), "{said:?}");
    let id = "pve3/debian.sources/trixie-security/contrib/http://security.debian.org/debian-security";
    let imported = rig.import::<AptRepository>(id).await.unwrap();
    assert!(rig.plan(Some(&imported), &security(false)).await.unwrap().is_empty());
    let (on, _) = rig.bring(Some(&rig.read(&off).await.unwrap()), &security(true)).await.unwrap();
    assert!(is_on());
    rig.destroy(&on).await.unwrap();
    assert!(is_on());
    let mut wrong = security(true);
    wrong["component"] = json!("universe");
    let planned = rig.plan::<AptRepository>(None, &wrong).await.unwrap();
    let there = "debian.sources: trixie-security, main contrib non-free-firmware";
    assert!(planned.warnings.iter().any(|told| told.contains(there)), "{:?}", planned.warnings);
    let told = rig.apply(planned).await.unwrap_err();
    assert!(told[0].contains(there) && told[0].contains("Nothing was written"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_elses_edit_in_between_is_noticed_and_worked_around() {
    let rig = Rig::of("{}").await;
    // PVE answers once that the files are others by now.
    let matched = json!({"method": "PUT", "path": "/nodes/pve1/apt/repositories"});
    let modified =
        json!({"status": 500, "message": "detected modified configuration - file changed by other user? Try again."});
    rig.control("POST", "/faults", &json!({"match": matched, "when": "before", "effect": modified})).await;
    let config = json!({"node": "pve1", "handle": "test"});
    rig.bring::<AptStandardRepository>(None, &config).await.unwrap();
    assert!(sources(&rig, 0).iter().any(|source| source.ends_with("pve-test")));
}
