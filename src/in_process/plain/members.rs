//! Members of pools, and jobs that sync realms.

use serde_json::{Value as Json, json};
use terraform_plugin::model::Model;

use super::super::{Kept, Rig};
use super::{life, merged};
use crate::access::pool::Pool;
use crate::access::pool_member::PoolMember;
use crate::access::realm::ldap::RealmLdap;
use crate::access::realm::sync_job::RealmSyncJob;

const GUEST: &str = "{guests: [{vmid: 100, node: pve1, name: web}]}";

/// What is warned of when it is planned to be removed.
async fn removal<M: Model>(rig: &Rig, kept: &Kept<M>) -> Vec<String> {
    rig.plan(Some(kept), &Json::Null).await.unwrap().warnings
}

fn member(poolid: &str, member: &str) -> Json {
    json!({"poolid": poolid, "member": member})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_live() {
    let rig = Rig::of(GUEST).await;
    for poolid in ["team", "team/web"] {
        rig.bring::<Pool>(None, &json!({"poolid": poolid})).await.unwrap();
    }
    for (poolid, name) in [("team", "100"), ("team", "local"), ("team/web", "100")] {
        life::<PoolMember>(&rig, &format!("{poolid}/{name}"), &[member(poolid, name)]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_is_in_one_pool_at_most() {
    let rig = Rig::of(GUEST).await;
    for poolid in ["a", "b"] {
        rig.bring::<Pool>(None, &json!({"poolid": poolid})).await.unwrap();
    }
    let (first, _) = rig.bring::<PoolMember>(None, &member("a", "100")).await.unwrap();
    let planned = rig.plan::<PoolMember>(None, &member("b", "100")).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("Guest 100 is in pool \"a\"")), "{:?}", planned.warnings);
    let told = rig.apply(planned).await.unwrap_err();
    assert!(told[0].contains("allow_move") && told[0].contains("Nothing was written"), "{told:?}");
    // Somebody else's, and already there.
    let told = rig.bring::<PoolMember>(None, &member("a", "100")).await.unwrap_err();
    assert!(told[0].contains("exists already") && told[0].contains("a/100"), "{told:?}");
    let (second, _) =
        rig.bring::<PoolMember>(None, &merged(member("b", "100"), json!({"allow_move": true}))).await.unwrap();
    // What was moved away is gone, and its end takes nothing out of the other pool.
    rig.configure().await;
    rig.destroy(&first).await.unwrap();
    assert_eq!(rig.sim.world.with(|cluster| cluster.pools.of_vm(100).map(str::to_owned)).as_deref(), Some("b"));
    rig.destroy(&second).await.unwrap();
    // PVE would take what is not there.
    for nobody in ["999", "nowhere"] {
        let told = rig.bring::<PoolMember>(None, &member("a", nobody)).await.unwrap_err();
        assert!(told[0].contains("PVE would take the"), "{told:?}");
    }
    let told = rig.bring::<PoolMember>(None, &member("c", "100")).await.unwrap_err();
    assert!(told[0].contains("Pool \"c\" does not exist"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_goes_with_its_members() {
    let rig = Rig::of(GUEST).await;
    let (pool, _) = rig.bring::<Pool>(None, &json!({"poolid": "a"})).await.unwrap();
    let (storage, _) = rig.bring::<PoolMember>(None, &member("a", "local")).await.unwrap();
    let (guest, _) = rig.bring::<PoolMember>(None, &member("a", "100")).await.unwrap();
    let told = |warnings: &[String]| warnings.iter().any(|told| told.contains("has members"));
    // Somebody else's member stays where it is.
    let theirs = rig.another().await;
    let (other, _) = super::super::apply(
        &theirs,
        super::super::plan::<PoolMember>(&theirs, None, &member("a", "local-lvm")).await.unwrap(),
    )
    .await
    .unwrap();
    let told_of = removal(&rig, &pool).await;
    assert!(told(&told_of) && told_of[0].contains("storage/pve1/local-lvm"), "{told_of:?}");
    rig.configure().await;
    rig.destroy(&other).await.unwrap();
    for one in [&guest, &storage] {
        rig.read(one).await.unwrap();
    }
    // They are planned to go first, as whoever refers to the pool is.
    for one in [&guest, &storage] {
        assert_eq!(removal(&rig, one).await, [""; 0]);
    }
    assert_eq!(removal(&rig, &pool).await, [""; 0]);
    for one in [&guest, &storage] {
        rig.destroy(one).await.unwrap();
    }
    rig.destroy(&pool).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_is_renamed_with_its_members_and_one_that_stays_tells_of_it() {
    let rig = Rig::of(GUEST).await;
    let (pool, _) = rig.bring::<Pool>(None, &json!({"poolid": "a"})).await.unwrap();
    let (guest, _) = rig.bring::<PoolMember>(None, &member("a", "100")).await.unwrap();
    let renamed = json!({"poolid": "b"});
    for follows in [true, false] {
        for pool_first in [true, false] {
            rig.configure().await;
            let name = if follows { "b" } else { "a" };
            // As Terraform does: each is read right before it is planned.
            let plan_member = async || {
                let guest = rig.read(&guest).await.unwrap();
                rig.plan(Some(&guest), &member(name, "100")).await.unwrap().warnings
            };
            let plan_pool = async || {
                let pool = rig.read(&pool).await.unwrap();
                rig.plan(Some(&pool), &renamed).await.unwrap().warnings
            };
            let said = match pool_first {
                true => [plan_pool().await, plan_member().await],
                false => [plan_member().await, plan_pool().await],
            }
            .concat();
            let told = said.iter().filter(|told| told.contains("PVE destroys empty pools only")).count();
            assert_eq!(told, usize::from(!follows), "{follows} {pool_first}: {said:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_whose_answer_was_lost_is_found() {
    let rig = Rig::of(GUEST).await;
    rig.bring::<Pool>(None, &json!({"poolid": "a"})).await.unwrap();
    for when in ["after", "before"] {
        rig.control(
            "POST",
            "/faults",
            &json!({"match": {"method": "PUT", "path": "/pools"}, "when": when, "effect": {"drop": true}}),
        )
        .await;
        let made = rig.bring::<PoolMember>(None, &member("a", "100")).await;
        match when {
            "after" => rig.destroy(&made.unwrap().0).await.unwrap(),
            _ => assert!(made.unwrap_err()[0].contains("nothing was written")),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sync_jobs_live() {
    let rig = Rig::of("{users: [{userid: weak@pve, password: longenough1}]}").await;
    let job = |more: Json| merged(json!({"id": "nightly", "realm": "dir", "schedule": "daily", "scope": "both"}), more);
    let planned = rig.plan::<RealmSyncJob>(None, &job(json!({}))).await.unwrap();
    assert!(
        planned.warnings.iter().any(|told| told.contains("Realm \"dir\" does not exist")),
        "{:?}",
        planned.warnings
    );
    let told = rig.bring::<RealmSyncJob>(None, &job(json!({"realm": "pve"}))).await.unwrap_err();
    assert!(told[0].contains("cannot be synced"), "{told:?}");
    let realm = json!({"realm": "dir", "server1": "192.0.2.1", "base_dn": "dc=example,dc=com", "user_attr": "uid"});
    rig.bring::<RealmLdap>(None, &realm).await.unwrap();
    let full = json!({
        "schedule": "mon..fri 02:30", "scope": "users", "remove_vanished": ["entry", "acl"], "enable_new": false, "enabled": false,
        "comment": "c",
    });
    life::<RealmSyncJob>(
        &rig,
        "nightly",
        &[
            job(json!({})),
            job(full),
            job(json!({"enabled": true})),
            job(json!({"enable_new": true, "remove_vanished": ["acl"]})),
        ],
    )
    .await;
    // What removing one takes is something else than making it.
    let (kept, _) = rig.bring::<RealmSyncJob>(None, &job(json!({}))).await.unwrap();
    rig.configure_as(&json!({"username": "weak@pve", "password": "longenough1", "api_token": null})).await;
    let told = removal(&rig, &kept).await;
    assert!(told.iter().any(|told| told.contains("The apply needs Sys.Modify")), "{told:?}");
    assert!(!told.iter().any(|told| told.contains("User.Modify")), "{told:?}");
}
