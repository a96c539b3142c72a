//! What is valid and seldom: ids with every letter that PVE takes, texts that programs on the way take for their own signs,
//! numbers at their limits, what is set and then not.

use serde_json::{Value as Json, json};
use terraform_plugin::model::Model;

use super::super::Rig;
use super::merged;
use crate::access::acl::Acl;
use crate::access::group::Group;
use crate::access::pool::Pool;
use crate::access::pool_member::PoolMember;
use crate::access::realm::ldap::RealmLdap;
use crate::access::realm::openid::RealmOpenid;
use crate::access::realm::sync_job::RealmSyncJob;
use crate::access::role::Role;
use crate::access::token::Token;
use crate::access::user::User;
use crate::notification::gotify::NotificationGotify;
use crate::notification::matcher::NotificationMatcher;
use crate::notification::smtp::NotificationSmtp;
use crate::notification::webhook::NotificationWebhook;
use crate::storage::dir::StorageDir;
use crate::storage::nfs::StorageNfs;
use crate::storage::pbs::StoragePbs;

/// Texts in which others see separators, escapes, comments or the end.
const NOTES: [&str; 6] = [
    "50% of; all: \"it's\" #1 = {a,b} \\n &amp; <c> $d ${e} %7B",
    "Köln, Łódź, 東京 🙂",
    "# no comment",
    "a  b\tc",
    "-1",
    "null",
];

/// Brings an object through these configurations; after each nothing more is planned. It is imported as it is then, and
/// removed. What went wrong, if anything did.
async fn stands<M: Model>(rig: &Rig, id: &str, configs: &[Json]) -> Vec<String> {
    rig.configure().await;
    let canonical = || rig.sim.world.with(|cluster| cluster.canonical());
    let before = canonical();
    let mut wrong = Vec::new();
    let mut kept = None;
    for config in configs {
        let name = format!("pve_{} {config}", M::NAME);
        let made = match rig.bring::<M>(kept.as_ref(), config).await {
            Ok((made, _)) => made,
            Err(told) => {
                wrong.push(format!("{name}: {}", told.join("; ")));
                continue;
            }
        };
        let read = rig.read(&made).await.unwrap();
        match rig.plan(Some(&read), config).await {
            Ok(planned) if planned.is_empty() => {}
            Ok(planned) => wrong.push(format!("{name}: {:?} is planned to be {:?}", planned.prior, planned.planned)),
            Err(told) => wrong.push(format!("{name}, planned again: {}", told.join("; "))),
        }
        kept = Some(read);
    }
    let Some(kept) = kept else { return wrong };
    match rig.import::<M>(id).await {
        Ok(imported) => {
            let planned = rig.plan(Some(&imported), configs.last().unwrap()).await.unwrap();
            if !planned.is_empty() {
                wrong.push(format!(
                    "pve_{} {id}, imported: {:?} becomes {:?}",
                    M::NAME,
                    planned.prior,
                    planned.planned
                ));
            }
        }
        Err(told) => wrong.push(format!("pve_{} {id} is not imported: {}", M::NAME, told.join("; "))),
    }
    if let Err(told) = rig.destroy(&kept).await {
        wrong.push(format!("pve_{} {id} is not removed: {}", M::NAME, told.join("; ")));
    } else if canonical() != before {
        wrong.push(format!("pve_{} {id} leaves something behind", M::NAME));
    }
    wrong
}

/// The object with each of the notes in an attribute, and then without it.
fn noted(object: &Json, attribute: &str) -> Vec<Json> {
    let notes = NOTES.iter().map(|note| merged(object.clone(), json!({attribute: note})));
    notes.chain([object.clone()]).collect()
}

fn nothing(wrong: &[String]) {
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_users_and_what_they_may() {
    let rig = Rig::of("{guests: [{vmid: 101, node: pve1}]}").await;
    let mut wrong = Vec::new();
    let long = "x".repeat(200);
    for id in ["A.b_c-D", "0", "-", &long] {
        wrong.extend(stands::<Group>(&rig, id, &noted(&json!({"groupid": id}), "comment")).await);
    }
    for id in ["Ops.2_a-b", "7"] {
        let role = |privs: Json| json!({"roleid": id, "privs": privs});
        let configs = [
            json!({"roleid": id}),
            role(json!(["VM.Audit"])),
            json!({"roleid": id}),
            role(json!(["Sys.Audit", "VM.Audit"])),
        ];
        wrong.extend(stands::<Role>(&rig, id, &configs).await);
    }
    for id in ["j.o-e_+%~@pve", "jürgen@pve", "joe@example.com@pam", "DOMAIN\\joe@pve", "a!b@pve", "x@A.b_c-d"] {
        let user = json!({"userid": id});
        let mut configs = noted(&user, "comment");
        for attribute in ["firstname", "lastname"] {
            configs.extend(noted(&user, attribute));
        }
        let numbers = [
            json!({"expire": 1}),
            json!({"expire": 4_102_444_800_u64}),
            json!({"expire": 0}),
            json!({"enable": false}),
        ];
        configs.extend(numbers.map(|number| merged(user.clone(), number)));
        configs.push(merged(user.clone(), json!({"email": "j.o+e~x@mail-1.example.com"})));
        configs.push(merged(user.clone(), json!({"enable": true, "groups": []})));
        wrong.extend(stands::<User>(&rig, id, &configs).await);
    }
    let user = rig.bring::<User>(None, &json!({"userid": "j.o-e_+@pve"})).await.unwrap().0;
    let token = json!({"userid": "j.o-e_+@pve", "tokenid": "C1.a_b-c"});
    let dated = [
        json!({"expire": 4_102_444_800_u64}),
        json!({"expire": 0}),
        json!({"privsep": false}),
        json!({"privsep": true}),
    ];
    let mut configs = noted(&token, "comment");
    configs.extend(dated.map(|more| merged(token.clone(), more)));
    wrong.extend(stands::<Token>(&rig, "j.o-e_+@pve/C1.a_b-c", &configs).await);
    let group = rig.bring::<Group>(None, &json!({"groupid": "A.b_c-D"})).await.unwrap().0;
    for path in ["/", "/vms", "/vms/100", "/storage/a.b-c", "/pool/a/b", "/access/realm/pve", "/sdn/zones/z/v/7"] {
        for who in ["j.o-e_+@pve", "@A.b_c-D"] {
            let entry =
                |propagate: bool| json!({"path": path, "roleid": "PVEAuditor", "who": who, "propagate": propagate});
            let id = format!("{path}/PVEAuditor/{who}");
            wrong.extend(stands::<Acl>(&rig, &id, &[entry(true), entry(false)]).await);
        }
    }
    rig.destroy(&group).await.unwrap();
    rig.destroy(&user).await.unwrap();
    let outer = rig.bring::<Pool>(None, &json!({"poolid": "A.b"})).await.unwrap().0;
    wrong.extend(stands::<Pool>(&rig, "A.b/c-d", &noted(&json!({"poolid": "A.b/c-d"}), "comment")).await);
    let inner = rig.bring::<Pool>(None, &json!({"poolid": "A.b/c-d"})).await.unwrap().0;
    for member in ["101", "local"] {
        let id = format!("A.b/c-d/{member}");
        wrong.extend(stands::<PoolMember>(&rig, &id, &[json!({"poolid": "A.b/c-d", "member": member})]).await);
    }
    rig.destroy(&inner).await.unwrap();
    rig.destroy(&outer).await.unwrap();
    nothing(&wrong);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_realms() {
    let rig = Rig::of("{}").await;
    let mut wrong = Vec::new();
    let ldap = json!({"realm": "A.b_c-d", "server1": "2001:db8::1", "base_dn": "ou=Köln & Co,dc=example,dc=com", "user_attr": "uid"});
    let with = |more: Json| merged(ldap.clone(), more);
    let mut configs = noted(&ldap, "comment");
    configs.extend([
        with(json!({"filter": "(&(a=b)(|(c=d)(!(e=f*))))", "group_filter": "(a=\\28b\\29)"})),
        with(json!({"port": 1, "server2": "dc2.example.com"})),
        with(json!({"port": 65535, "sync_attributes": "email=mail, firstname=givenName,lastname=sn"})),
        with(json!({"sync_defaults": {"enable_new": false}, "user_classes": "person"})),
        with(json!({"sync_defaults": {"remove_vanished": ["acl", "entry", "properties"]}})),
        with(json!({"sync_defaults": {"scope": "groups"}, "verify": true, "mode": "ldap+starttls"})),
        with(json!({"case_sensitive": false, "bind_dn": "cn=reader,ou=a b,dc=example", "tfa": "type=oath,digits=8,step=60"})),
        ldap.clone(),
    ]);
    wrong.extend(stands::<RealmLdap>(&rig, "A.b_c-d", &configs).await);
    let openid = json!({"realm": "oi", "issuer_url": "https://login.example.com/a?b=c&d=%20#e", "client_id": "a b;c"});
    let with = |more: Json| merged(openid.clone(), more);
    let mut configs = noted(&openid, "comment");
    configs.extend([
        with(json!({"acr_values": "urn:a:b;c", "audiences": "a,b", "groups_claim": "a.b_c-d", "prompt": "login,consent"})),
        with(json!({"scopes": "openid email profile groups", "client_key": "=+/%;# \"'"})),
        openid.clone(),
    ]);
    wrong.extend(stands::<RealmOpenid>(&rig, "oi", &configs).await);
    let realm = rig.bring::<RealmLdap>(None, &ldap).await.unwrap().0;
    let job = json!({"id": "a_B-1", "realm": "A.b_c-d", "scope": "users", "schedule": "mon..fri 8..17/2:00,30"});
    let with = |more: Json| merged(job.clone(), more);
    let mut configs = noted(&job, "comment");
    configs.extend([
        with(json!({"schedule": "*:0/15", "enabled": false, "scope": "both"})),
        with(json!({"remove_vanished": ["acl", "entry", "properties"], "enable_new": false})),
        job.clone(),
    ]);
    wrong.extend(stands::<RealmSyncJob>(&rig, "a_B-1", &configs).await);
    rig.destroy(&realm).await.unwrap();
    nothing(&wrong);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_notifications() {
    let rig = Rig::of("{}").await;
    let mut wrong = Vec::new();
    let gotify = json!({"name": "A_b-1", "server": "https://[2001:db8::1]:8443/a b?c=%20", "token": "=+/%;# \"'"});
    wrong.extend(stands::<NotificationGotify>(&rig, "A_b-1", &noted(&gotify, "comment")).await);
    let hook = json!({"name": "hook", "url": "https://example.com/{{ secrets.key }}?a=b&c=%20#d", "method": "put"});
    let with = |more: Json| merged(hook.clone(), more);
    let mut configs = noted(&hook, "comment");
    configs.extend(noted(&hook, "body"));
    configs.extend([
        with(json!({"body": "{\n  \"a\": \"{{ escape message }}\"\n}\n", "header": {"Content-Type": "text/plain; charset=utf-8", "X-A_b": "ä=,;\""}})),
        with(json!({"body": "bm90IGJhc2U2NA==", "header": {"X-A_b": " a "}})),
        with(json!({"secret": {"key": "=+/%;# \"'\n"}, "secret_version": 1})),
        hook.clone(),
    ]);
    wrong.extend(stands::<NotificationWebhook>(&rig, "hook", &configs).await);
    let smtp =
        json!({"name": "mail", "server": "2001:db8::25", "from_address": "p.v+e@mail.example", "mailto": ["root"]});
    let with = |more: Json| merged(smtp.clone(), more);
    let mut configs = noted(&smtp, "author");
    configs.extend(noted(&smtp, "username"));
    configs.extend([
        with(json!({"port": 1, "mode": "insecure", "mailto": ["a@x.example", "b.c+d@y.example"]})),
        with(json!({"port": 65535, "mode": "starttls", "mailto": null, "mailto_user": ["root@pam", "j.o-e@pve"]})),
        with(json!({"mailto": ["a@x.example"], "mailto_user": ["root@pam"]})),
        smtp.clone(),
    ]);
    wrong.extend(stands::<NotificationSmtp>(&rig, "mail", &configs).await);
    let matcher = json!({"name": "m-1_B"});
    let with = |more: Json| merged(matcher.clone(), more);
    let mut configs = noted(&matcher, "comment");
    configs.extend([
        with(json!({"match_field": ["exact:type=vzdump,fencing", "regex:hostname=^pve[1-3]$", "exact:job-id=a=b;c"]})),
        with(json!({"match_severity": ["info", "warning,error"], "match_calendar": ["mon..fri 8-17", "8:30-12"], "mode": "any"})),
        with(json!({"target": ["mail-to-root"], "invert_match": true, "disable": true})),
        matcher.clone(),
    ]);
    wrong.extend(stands::<NotificationMatcher>(&rig, "m-1_B", &configs).await);
    nothing(&wrong);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_storages() {
    let rig = Rig::of("{}").await;
    let mut wrong = Vec::new();
    let dir = json!({"storage": "A.b_c-9", "path": "/srv/a.b_c-d@e"});
    let with = |more: Json| merged(dir.clone(), more);
    let configs = [
        dir.clone(),
        with(json!({"prune_backups": {"keep_last": 0}})),
        with(json!({"prune_backups": {"keep_yearly": 4_294_967_295_u32, "keep_last": 1}, "max_protected_backups": -1})),
        with(json!({"prune_backups": {"keep_all": false}, "max_protected_backups": 0})),
        with(json!({"bwlimit": {"default": 0}})),
        with(json!({"bwlimit": {"move_disk": 10_000_000_000_u64, "clone": 1}})),
        with(json!({"content": ["iso"], "content_dirs": {"iso": "a/b.c_d-e"}})),
        with(
            json!({"content": ["images", "rootdir", "vztmpl", "iso", "backup", "snippets", "import"], "nodes": ["pve3"]}),
        ),
        dir.clone(),
    ];
    wrong.extend(stands::<StorageDir>(&rig, "A.b_c-9", &configs).await);
    let nfs = json!({"storage": "nas", "server": "nas.example", "export": "/vol/a b"});
    let with = |more: Json| merged(nfs.clone(), more);
    let configs = [
        with(json!({"options": "vers=4.2,soft,timeo=30"})),
        with(json!({"options": "sec=sys"})),
        with(json!({"content": ["rootdir", "images"]})),
        with(json!({"content": ["images"]})),
        nfs.clone(),
    ];
    wrong.extend(stands::<StorageNfs>(&rig, "nas", &configs).await);
    let print = |byte: &str| vec![byte; 32].join(":");
    let pbs = json!({"storage": "bak", "server": "pbs.example", "datastore": "a.b_c-d"});
    let with = |more: Json| merged(pbs.clone(), more);
    let configs = [
        with(json!({"fingerprint": print("aB"), "username": "a.b-c@pbs!t-1", "namespace": "a/b-c/d_e"})),
        with(json!({"fingerprint": print("Ab"), "port": 65535, "content": ["none"]})),
        with(json!({"port": 1, "prune_backups": {"keep_all": true}})),
        pbs.clone(),
    ];
    wrong.extend(stands::<StoragePbs>(&rig, "bak", &configs).await);
    nothing(&wrong);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_makes_users_is_told_of_the_realm() {
    let rig = Rig::of("{users: [{userid: weak@pve, password: longenough1}]}").await;
    let (made, _) = rig.bring::<User>(None, &json!({"userid": "joe@pve"})).await.unwrap();
    rig.configure_as(&json!({"username": "weak@pve", "password": "longenough1", "api_token": null})).await;
    let of_realm = |warnings: &[String]| {
        warnings.iter().any(|told| told.contains("Realm.AllocateUser") && told.contains("/access/realm/pve"))
    };
    let planned = rig.plan::<User>(None, &json!({"userid": "ann@pve"})).await.unwrap();
    assert!(of_realm(&planned.warnings), "{:?}", planned.warnings);
    let changed = rig.plan(Some(&made), &json!({"userid": "joe@pve", "comment": "he"})).await.unwrap();
    assert!(!of_realm(&changed.warnings) && !changed.warnings.is_empty(), "{:?}", changed.warnings);
    // What is always there is neither made nor removed.
    let root = rig.plan::<User>(None, &json!({"userid": "root@pam", "comment": "it"})).await.unwrap();
    assert!(!root.warnings.iter().any(|told| told.contains("Realm.AllocateUser")), "{:?}", root.warnings);
}
