//! `root@pam` is kept out only where somebody else can let it in again.

use serde_json::{Value as Json, json};

use super::super::Rig;
use crate::access::acl::Acl;
use crate::access::group::Group;
use crate::access::user::User;

/// An administrator of the realm `pve` with a token, and what others there are.
fn cluster(others: &str) -> String {
    format!(
        "
users:
  - userid: ci@pve
    password: secret
    tokens: [{{ id: t, privsep: false, value: 11111111-2222-3333-4444-555555555555 }}]
    acl: [{{ path: /, role: Administrator }}]
{others}"
    )
}

async fn as_ci(shape: &str) -> Rig {
    let rig = Rig::of(shape).await;
    let token = "ci@pve!t=11111111-2222-3333-4444-555555555555";
    rig.configure_as(&json!({ "api_token": token })).await;
    rig
}

fn root(more: &Json) -> Json {
    let mut config = json!({ "userid": "root@pam" });
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_that_comes_as_root_does_not_lock_itself_out() {
    let rig = Rig::of(&cluster("")).await;
    for out in [json!({"enable": false}), json!({"expire": 4_000_000_000_u64})] {
        let told = rig.plan::<User>(None, &root(&out)).await.unwrap_err().concat();
        assert!(told.contains("the provider comes as root@pam") && told.contains("pveum user modify"), "{told}");
    }
    // What keeps nobody out is none of it.
    rig.plan::<User>(None, &root(&json!({"enable": true, "comment": "kept"}))).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_can_keep_root_out_and_let_it_in_again() {
    let rig = as_ci(&cluster("")).await;
    let (kept, warnings) = rig.bring::<User>(None, &root(&json!({"enable": false}))).await.unwrap();
    assert_eq!(warnings, [""; 0]);
    let read = rig.read(&kept).await.unwrap();
    assert!(rig.plan(Some(&read), &root(&json!({"enable": false}))).await.unwrap().is_empty());
    let (kept, _) = rig.bring(Some(&read), &root(&json!({"enable": true, "expire": 0}))).await.unwrap();
    rig.destroy(&kept).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_else_could_the_plan_tells_and_the_apply_refuses() {
    // One who may not, one who is disabled, and ourselves, who end some day.
    let others = "
  - userid: reader@pve
    acl: [{ path: /, role: PVEAuditor }]
  - userid: gone@pve
    enable: false
    acl: [{ path: /, role: Administrator }]
";
    let rig = as_ci(&cluster(others)).await;
    let ends = json!({"userid": "ci@pve", "expire": 4_000_000_000_u64});
    rig.bring::<User>(Some(&rig.import::<User>("ci@pve").await.unwrap()), &ends).await.unwrap();
    let out = root(&json!({"enable": false}));
    let planned = rig.plan::<User>(None, &out).await.unwrap();
    let told = planned.warnings.concat();
    assert!(told.contains("nobody else could let it in again") && told.contains("depend on it"), "{told}");
    let refused = rig.apply(planned).await.unwrap_err().concat();
    assert!(refused.contains("nobody else could let it in again"), "{refused}");
    let root_is = rig.import::<User>("root@pam").await.unwrap();
    assert!(rig.plan(Some(&root_is), &root(&json!({"enable": true}))).await.unwrap().is_empty(), "nothing was written");

    // A group counts for its members.
    rig.bring::<Group>(None, &json!({"groupid": "admins"})).await.unwrap();
    rig.bring::<User>(None, &json!({"userid": "joe@pve", "groups": ["admins"]})).await.unwrap();
    let acl = json!({"path": "/access", "roleid": "Administrator", "who": "@admins"});
    rig.bring::<Acl>(None, &acl).await.unwrap();
    let (_, warnings) = rig.bring::<User>(None, &out).await.unwrap();
    assert_eq!(warnings, [""; 0]);
}
