//! The life of every plain object: made, changed, its settings taken away again, imported and removed; after each step the
//! next plan is empty, and in the end the cluster is what it was. And every form that each of its attributes can be given.

mod apt;
mod counts;
mod firewall;
pub(super) mod ha;
mod jobs;
mod mappings;
mod members;
mod metrics;
mod notifications;
mod root;
mod singles;
mod storage;
mod unusual;

use serde_json::{Value as Json, json};
use terraform_plugin::model::Model;
use terraform_plugin::value::Value;

use super::{Kept, Rig, forms, resources, type_name};
use crate::access::acl::Acl;
use crate::access::group::Group;
use crate::access::pool::Pool;
use crate::access::realm::ad::RealmAd;
use crate::access::realm::builtin::Realm;
use crate::access::realm::ldap::RealmLdap;
use crate::access::realm::openid::RealmOpenid;
use crate::access::role::Role;
use crate::access::token::Token;
use crate::access::user::User;

/// Brings an object through these configurations, one after the other. The last one is imported as well.
async fn life<M: Model>(rig: &Rig, id: &str, configs: &[Json]) {
    let canonical = || rig.sim.world.with(|cluster| cluster.canonical());
    let before = canonical();
    let mut kept = None;
    for config in configs {
        let name = format!("pve_{} with {config}", M::NAME);
        let (made, warnings) =
            rig.bring::<M>(kept.as_ref(), config).await.unwrap_or_else(|told| panic!("{name}: {told:?}"));
        assert_eq!(warnings, [""; 0], "{name}");
        let read = rig.read(&made).await.unwrap();
        let planned = rig.plan(Some(&read), config).await.unwrap();
        assert!(planned.is_empty(), "{name}: {:?} is planned to be {:?}", planned.prior, planned.planned);
        kept = Some(read);
    }
    assert_ne!(canonical(), before, "pve_{}: nothing was made", M::NAME);
    let (imported, last) = (rig.import::<M>(id).await.unwrap(), configs.last().unwrap());
    let planned = rig.plan(Some(&imported), last).await.unwrap();
    assert!(planned.is_empty(), "imported {}: {:?} is planned to be {:?}", M::NAME, planned.prior, planned.planned);
    rig.destroy(&imported).await.unwrap();
    assert_eq!(canonical(), before, "pve_{} leaves something behind", M::NAME);
    // As the next command: in one, a second creation of the same would be another block's.
    rig.configure().await;
    forms::every_form::<M>(rig, &configs[0], &forms::no_maps, &[]).await;
    let left = rig.import::<M>(id).await.unwrap();
    rig.destroy(&left).await.unwrap();
    rig.configure().await;
    assert!(LIVED.contains(&type_name::<M>().as_str()), "pve_{} has a life, and is missing in LIVED", M::NAME);
}

/// What has a life here, to see that none is forgotten.
const LIVED: &[&str] = &[
    "pve_acl",
    "pve_acme_plugin",
    "pve_apt_standard_repository",
    "pve_backup_job",
    "pve_cluster_options",
    "pve_firewall_options",
    "pve_group",
    "pve_ha_group",
    "pve_ha_rule_node_affinity",
    "pve_ha_rule_resource_affinity",
    "pve_mapping_dir",
    "pve_mapping_pci",
    "pve_mapping_usb",
    "pve_metric_server_graphite",
    "pve_metric_server_influxdb",
    "pve_metric_server_opentelemetry",
    "pve_node_config",
    "pve_notification_gotify",
    "pve_notification_matcher",
    "pve_notification_sendmail",
    "pve_notification_smtp",
    "pve_notification_webhook",
    "pve_pool",
    "pve_pool_member",
    "pve_realm_ad",
    "pve_realm_ldap",
    "pve_realm_openid",
    "pve_realm_sync_job",
    "pve_role",
    "pve_storage_btrfs",
    "pve_storage_cephfs",
    "pve_storage_cifs",
    "pve_storage_dir",
    "pve_storage_esxi",
    "pve_storage_iscsi",
    "pve_storage_iscsidirect",
    "pve_storage_lvm",
    "pve_storage_lvmthin",
    "pve_storage_nfs",
    "pve_storage_pbs",
    "pve_storage_zfs",
    "pve_storage_zfspool",
    "pve_token",
    "pve_user",
];

#[test]
fn no_plain_object_is_left_out() {
    // What cannot be made and stays as it is is changed below, in `apt` and in `singles`; the list of rules has a life of its own.
    let stay =
        ["pve_apt_repository", "pve_firewall_rules", "pve_node_dns", "pve_node_hosts", "pve_node_time", "pve_realm"];
    let lived: Vec<&str> = LIVED.iter().copied().chain(stay).collect();
    let left_out: Vec<String> = resources(true).into_iter().filter(|name| !lived.contains(&name.as_str())).collect();
    assert_eq!(
        left_out, [""; 0],
        "these plain objects have no life here: a list of configurations, and their name in LIVED"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn access() {
    let rig = Rig::of("{}").await;
    let group = |more: Json| merged(json!({"groupid": "admins"}), more);
    life::<Group>(
        &rig,
        "admins",
        &[group(json!({})), group(json!({"comment": "those"})), group(json!({"comment": "these"})), group(json!({}))],
    )
    .await;
    let pool = |more: Json| merged(json!({"poolid": "team"}), more);
    life::<Pool>(
        &rig,
        "team",
        &[pool(json!({})), pool(json!({"comment": "a"})), pool(json!({"comment": "b"})), pool(json!({}))],
    )
    .await;
    let user = |more: Json| merged(json!({"userid": "joe@pve", "groups": []}), more);
    let full = json!({
        "firstname": "Joe", "lastname": "D", "email": "joe@example.com", "comment": "he", "expire": 4_000_000_000_u64,
        "password": "something", "password_version": 1,
    });
    life::<User>(
        &rig,
        "joe@pve",
        &[
            user(json!({})),
            user(full.clone()),
            user(merged(full, json!({"password_version": 2, "comment": "him"}))),
            user(json!({"enable": false})),
            user(json!({"enable": true, "expire": 0})),
        ],
    )
    .await;
    let acl = |more: Json| merged(json!({"path": "/vms/100", "roleid": "PVEVMUser", "who": "@admins"}), more);
    let group = rig.bring::<Group>(None, &json!({"groupid": "admins"})).await.unwrap().0;
    life::<Acl>(
        &rig,
        "/vms/100/PVEVMUser/@admins",
        &[acl(json!({})), acl(json!({"propagate": false})), acl(json!({}))],
    )
    .await;
    rig.destroy(&group).await.unwrap();
    let user = rig.bring::<User>(None, &json!({"userid": "joe@pve"})).await.unwrap().0;
    let token = |more: Json| merged(json!({"userid": "joe@pve", "tokenid": "ci"}), more);
    let dated = json!({"comment": "it", "expire": 4_000_000_000_u64, "privsep": false});
    life::<Token>(&rig, "joe@pve/ci", &[token(json!({})), token(dated), token(json!({"privsep": true, "expire": 0}))])
        .await;
    rig.destroy(&user).await.unwrap();
    let openid =
        |more: Json| merged(json!({"realm": "home", "issuer_url": "https://a.example", "client_id": "pve"}), more);
    let full = json!({
        "client_key": "k", "autocreate": true, "groups_claim": "g", "groups_autocreate": true, "groups_overwrite": true, "prompt": "login",
        "scopes": "email", "acr_values": "a", "audiences": "b", "query_userinfo": false, "default": true, "comment": "c",
    });
    let moved = json!({"issuer_url": "https://b.example", "client_id": "b"});
    life::<RealmOpenid>(&rig, "home", &[openid(json!({})), openid(full), openid(moved), openid(json!({}))]).await;
    let directory = json!({
        "server2": "192.0.2.2", "port": 636, "mode": "ldaps", "sslversion": "tlsv1_3", "verify": true, "capath": "/etc/ca.pem",
        "cert": "/etc/c.pem", "certkey": "/etc/k.pem", "bind_dn": "cn=reader,dc=example,dc=com", "password": "secret", "password_version": 1,
        "filter": "(a=b)", "sync_attributes": "email=mail", "user_classes": "person", "group_dn": "ou=g,dc=example,dc=com",
        "group_name_attr": "cn", "group_filter": "(c=d)", "group_classes": "group", "case_sensitive": false,
        "sync_defaults": {"scope": "both", "remove_vanished": ["acl", "entry"], "enable_new": true}, "tfa": "type=oath,digits=6",
        "default": true, "comment": "c",
    });
    let ldap = |more: &Json| {
        merged(
            json!({"realm": "dir", "server1": "192.0.2.1", "base_dn": "dc=example,dc=com", "user_attr": "uid"}),
            more.clone(),
        )
    };
    life::<RealmLdap>(&rig, "dir", &[ldap(&json!({})), ldap(&directory), ldap(&json!({"server1": "192.0.2.3"}))]).await;
    let ad =
        |more: &Json| merged(json!({"realm": "dir", "server1": "192.0.2.1", "domain": "example.com"}), more.clone());
    life::<RealmAd>(
        &rig,
        "dir",
        &[ad(&json!({})), ad(&directory), ad(&json!({"base_dn": "dc=a", "user_attr": "cn"})), ad(&json!({}))],
    )
    .await;
    let role = |privileges: &[&str]| json!({"roleid": "Backup", "privs": privileges});
    life::<Role>(
        &rig,
        "Backup",
        &[role(&["VM.Audit"]), role(&["VM.Backup", "Datastore.AllocateSpace"]), role(&["VM.Backup"])],
    )
    .await;
}

pub(super) fn merged(mut one: Json, more: Json) -> Json {
    one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    one
}

/// The value of a token as it is kept.
fn value(kept: &Kept<Token>) -> String {
    kept.state.attribute("value").and_then(Value::as_str).unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tokens_value_is_kept_and_changes_when_asked_for() {
    let rig = Rig::of("{}").await;
    let config = |rotation: u32| json!({"userid": "root@pam", "tokenid": "ci", "rotation": rotation});
    let (made, _) = rig.bring::<Token>(None, &config(1)).await.unwrap();
    assert_eq!(value(&made).len(), 36, "a UUID");
    let read = rig.read(&made).await.unwrap();
    assert_eq!(value(&read), value(&made));
    let (rotated, _) = rig.bring(Some(&read), &config(2)).await.unwrap();
    assert!(value(&rotated).len() == 36 && value(&rotated) != value(&made));
    // What is imported is not known, and no change of something else makes it anew.
    let imported = rig.import::<Token>("root@pam/ci").await.unwrap();
    assert_eq!(value(&imported), "");
    let (changed, _) =
        rig.bring(Some(&imported), &json!({"userid": "root@pam", "tokenid": "ci", "comment": "it"})).await.unwrap();
    assert_eq!(value(&changed), "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_whose_answer_was_lost_gets_a_value_that_is_known() {
    let rig = Rig::of("{}").await;
    let matched = json!({"method": "POST", "path": "/access/users/*/token/*"});
    rig.control("POST", "/faults", &json!({"match": matched, "when": "after", "effect": {"drop": true}})).await;
    let (made, _) = rig.bring::<Token>(None, &json!({"userid": "root@pam", "tokenid": "ci"})).await.unwrap();
    assert_eq!(value(&made).len(), 36);
    let sent = rig.sim.world.with(|cluster| cluster.canonical());
    assert_eq!(sent["access"]["users"]["root@pam"]["tokens"]["ci"], json!({"privsep": true}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_pve_brings_along_is_changed_and_left_as_it_is() {
    let rig = Rig::of("{}").await;
    let config = |comment: &str| json!({"realm": "pve", "comment": comment, "default": true});
    let (made, said) = rig.bring::<Realm>(None, &config("ours")).await.unwrap();
    assert_eq!(said, [""; 0]);
    let realm = || rig.sim.world.with(|cluster| cluster.canonical()["access"]["realms"]["pve"].clone());
    assert_eq!(realm(), json!({"type": "pve", "comment": "ours", "default": 1}));
    let (changed, _) = rig.bring(Some(&rig.read(&made).await.unwrap()), &config("yours")).await.unwrap();
    let imported = rig.import::<Realm>("pve").await.unwrap();
    for kept in [rig.read(&changed).await.unwrap(), imported] {
        assert!(rig.plan(Some(&kept), &config("yours")).await.unwrap().is_empty());
    }
    rig.destroy(&changed).await.unwrap();
    assert_eq!(realm()["comment"], "yours");
    let wrong = rig.validate::<Realm>(&json!({"realm": "home"})).await.unwrap_err();
    assert!(wrong[0].contains("`pam`, `pve`"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_that_is_not_there_is_named_and_one_that_comes_is_no_news() {
    let rig = Rig::of("{}").await;
    let words = "User \"joe@pve\" does not exist";
    let token = json!({"userid": "joe@pve", "tokenid": "ci"});
    let planned = rig.plan::<Token>(None, &token).await.unwrap();
    assert!(planned.warnings.len() == 1 && planned.warnings[0].contains(words), "{:?}", planned.warnings);
    let told = rig.apply(planned).await.map(|_| ()).unwrap_err();
    assert!(told.len() == 1 && told[0].starts_with(words), "{told:?}");
    for who in ["joe@pve", "joe@pve!ci"] {
        rig.configure().await;
        let entry = json!({"path": "/vms", "roleid": "PVEAuditor", "who": who});
        let planned = rig.plan::<Acl>(None, &entry).await.unwrap();
        assert!(planned.warnings.len() == 1 && planned.warnings[0].contains(words), "{:?}", planned.warnings);
        assert!(rig.apply(planned).await.map(|_| ()).unwrap_err()[0].starts_with(words));
    }
    rig.configure().await;
    let user = rig.plan::<User>(None, &json!({"userid": "joe@pve"})).await.unwrap();
    let planned = rig.plan::<Token>(None, &token).await.unwrap();
    assert_eq!(planned.warnings, [""; 0]);
    rig.apply(user).await.unwrap();
    rig.apply(planned).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_of_a_realm_that_is_not_there_is_told_of_and_one_that_comes_is_no_news() {
    let rig = Rig::of("{}").await;
    let joe = |more: Json| merged(json!({"userid": "joe@nosuch"}), more);
    let planned = rig.plan::<User>(None, &joe(json!({}))).await.unwrap();
    let told = &planned.warnings;
    assert!(told.len() == 1 && told[0].contains("no realm \"nosuch\"; there are: pam, pve."), "{told:?}");
    // PVE takes it, as recorded.
    let (made, _) = rig.apply(planned).await.unwrap();
    rig.destroy(&made).await.unwrap();
    // A password is the realm's to keep.
    let told = rig.bring::<User>(None, &joe(json!({"password": "longenough1"}))).await.map(|_| ()).unwrap_err();
    assert!(
        told[0].starts_with("Realm \"nosuch\" does not exist") && told[0].contains("Nothing was written"),
        "{told:?}"
    );
    rig.configure().await;
    let realm = json!({"realm": "nosuch", "issuer_url": "https://a.example", "client_id": "pve"});
    rig.plan::<RealmOpenid>(None, &realm).await.unwrap();
    assert_eq!(rig.plan::<User>(None, &joe(json!({}))).await.unwrap().warnings, [""; 0]);
    assert_eq!(rig.plan::<User>(None, &json!({"userid": "joe@pve"})).await.unwrap().warnings, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn paths_of_entries_at_which_nothing_is_are_told_of_and_taken() {
    let rig = Rig::of("{guests: [{vmid: 100, node: pve1}], users: [{userid: weak@pve, password: longenough1}]}").await;
    let entry = |path: &str| json!({"path": path, "roleid": "PVEAuditor", "who": "weak@pve"});
    let told = async |path: &str| rig.plan::<Acl>(None, &entry(path)).await.unwrap().warnings;
    let there = [
        "/",
        "/vms",
        "/vms/100",
        "/storage/local",
        "/nodes/pve1",
        "/access/realm/pve",
        "/sdn/zones/localnetwork/vmbr0",
    ];
    for path in there {
        assert_eq!(told(path).await, [""; 0], "{path}");
    }
    for (path, words) in [
        ("/vm/100", "not in its tree"),
        ("/vms/101", "There is no guest 101"),
        ("/storage/x", "There is no storage \"x\""),
        ("/pool/x", "There is no pool \"x\""),
        ("/pool/x/y", "There is no pool \"x/y\""),
        ("/nodes/pve9", "There is no node \"pve9\"; there are: pve1, pve2, pve3"),
        ("/access/groups/x", "There is no group \"x\""),
        ("/access/realm/x", "There is no realm \"x\"; there are: pam, pve"),
    ] {
        let told = told(path).await;
        assert!(told.len() == 1 && told[0].contains(words), "{path}: {told:?}");
    }
    // What another object of the plan makes is there by then.
    rig.configure().await;
    rig.plan::<Pool>(None, &json!({"poolid": "x"})).await.unwrap();
    assert_eq!(told("/pool/x").await, [""; 0]);
    // PVE asks for none of it.
    rig.configure().await;
    let (made, _) = rig.bring::<Acl>(None, &entry("/vms/101")).await.unwrap();
    rig.configure().await;
    let made = rig.read(&made).await.unwrap();
    let changed = merged(entry("/vms/101"), json!({"propagate": false}));
    assert_eq!(rig.plan(Some(&made), &changed).await.unwrap().warnings, [""; 0], "once it is there, that is known");
    // What one may not see is not taken for missing.
    rig.configure_as(&json!({"username": "weak@pve", "password": "longenough1", "api_token": null})).await;
    assert!(told("/storage/x").await.iter().all(|told| !told.contains("There is nothing")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_privilege_that_pve_does_not_know_is_an_error_of_the_plan() {
    let rig = Rig::of("{}").await;
    let role = |privs: Json| json!({"roleid": "Ops", "privs": privs});
    let told = rig.plan::<Role>(None, &role(json!(["VM.Audit", "VM.Adit"]))).await.map(|_| ()).unwrap_err();
    assert!(told.len() == 1 && told[0].starts_with("PVE knows no privilege \"VM.Adit\""), "{told:?}");
    assert!(told[0].contains("VM.Audit, VM.Backup") && !told[0].contains("Sys.Audit"), "{told:?}");
    rig.bring::<Role>(None, &role(json!(["VM.Audit", "Sys.Audit"]))).await.unwrap();
    for own in ["Administrator", "NoAccess"] {
        let told = rig.validate::<Role>(&json!({"roleid": own, "privs": ["VM.Audit"]})).await.unwrap_err();
        assert!(told[0].contains("PVE brings that role along"), "{told:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn root_is_taken_over_and_stays() {
    let rig = Rig::of("{}").await;
    let (made, said) =
        rig.bring::<User>(None, &json!({"userid": "root@pam", "email": "root@example.com"})).await.unwrap();
    assert_eq!(said, [""; 0]);
    let email =
        || rig.sim.world.with(|cluster| cluster.canonical()["access"]["users"]["root@pam"]["texts"]["email"].clone());
    assert_eq!(email(), "root@example.com");
    rig.destroy(&made).await.unwrap();
    assert_eq!(email(), "root@example.com");
    let entry = json!({"path": "/", "roleid": "PVEAuditor", "who": "root@pam"});
    let wrong = rig.validate::<Acl>(&entry).await.unwrap_err();
    assert!(wrong[0].contains("without storing it"), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_exists_is_told_with_its_import_and_a_lost_answer_is_looked_for() {
    let rig = Rig::of("{}").await;
    let config = json!({"groupid": "admins", "comment": "a"});
    let matched = json!({"method": "POST", "path": "/access/groups"});
    for when in ["before", "after"] {
        rig.control("POST", "/faults", &json!({"match": matched, "when": when, "effect": {"drop": true}})).await;
        let made = rig.bring::<Group>(None, &config).await;
        match when {
            "before" => assert!(made.unwrap_err()[0].contains("nothing was written"), "the request never arrived"),
            _ => rig.destroy(&made.unwrap().0).await.unwrap(),
        }
        rig.configure().await;
    }
    rig.bring::<Group>(None, &config).await.unwrap();
    let theirs = rig.another().await;
    let planned = super::plan::<Group>(&theirs, None, &config).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("exists already")), "{:?}", planned.warnings);
    let told = super::apply(&theirs, planned).await.unwrap_err();
    assert!(told[0].contains("to = pve_group.this") && told[0].contains("id = \"admins\""), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_seen_is_not_called_gone() {
    let rig = Rig::of("{users: [{userid: weak@pve, password: longenough1}]}").await;
    let (made, _) = rig.bring::<Pool>(None, &json!({"poolid": "team"})).await.unwrap();
    let other = json!({"poolid": "team", "comment": "ours"});
    rig.configure_as(&json!({"username": "weak@pve", "password": "longenough1", "api_token": null})).await;
    let told = rig.bring(Some(&made), &other).await.unwrap_err();
    assert!(told[0].contains("may not see it") && told[0].contains("Pool.Audit on /pool/team"), "{told:?}");
    rig.configure().await;
    let planned = rig.plan(Some(&made), &other).await.unwrap();
    rig.destroy(&made).await.unwrap();
    let told = rig.apply(planned).await.unwrap_err();
    assert!(told[0].contains("It is gone"), "{told:?}");
}
