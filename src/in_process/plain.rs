//! The life of every plain object: made, changed, its settings taken away again, imported and removed; after each step the
//! next plan is empty, and in the end the cluster is what it was.

use serde_json::{Value as Json, json};
use terraform_plugin::model::Model;

use super::Rig;
use crate::access::acl::Acl;
use crate::access::group::Group;
use crate::access::role::Role;
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
    let role = |privileges: &[&str]| json!({"roleid": "Backup", "privs": privileges});
    life::<Role>(
        &rig,
        "Backup",
        &[role(&["VM.Audit"]), role(&["VM.Backup", "Datastore.AllocateSpace"]), role(&["VM.Backup"])],
    )
    .await;
}

fn merged(mut one: Json, more: Json) -> Json {
    one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    one
}
