//! Notification targets and matchers.

use serde_json::{Value as Json, json};

use super::super::Rig;
use super::{life, merged};
use crate::notification::gotify::NotificationGotify;
use crate::notification::matcher::NotificationMatcher;
use crate::notification::sendmail::NotificationSendmail;
use crate::notification::smtp::NotificationSmtp;
use crate::notification::webhook::NotificationWebhook;

const ENDPOINTS: &str = "/cluster/notifications/endpoints";

/// As PVE has it stored, secrets included.
fn stored(rig: &Rig, kind: &str, name: &str) -> Json {
    rig.sim.world.with(|cluster| json!(cluster.sections.get(&format!("{ENDPOINTS}/{kind}"), name)))
}

fn gotify(more: Json) -> Json {
    merged(json!({"name": "phone", "server": "https://a.example", "token": "s3cr3t"}), more)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn targets_live() {
    let rig = Rig::of("{}").await;
    life::<NotificationGotify>(
        &rig,
        "phone",
        &[
            gotify(json!({})),
            gotify(json!({"comment": "c", "disable": true, "token_version": 1})),
            gotify(json!({"server": "https://b.example", "disable": false})),
        ],
    )
    .await;
    let sendmail = |more: Json| merged(json!({"name": "mail", "mailto": ["a@x.example"]}), more);
    let full = json!({
        "mailto": ["b@x.example", "c@x.example"], "mailto_user": ["root@pam"], "from_address": "pve@x.example", "author": "PVE",
        "comment": "c", "disable": true,
    });
    life::<NotificationSendmail>(
        &rig,
        "mail",
        &[sendmail(json!({})), sendmail(full), json!({"name": "mail", "mailto_user": ["root@pam"], "disable": false})],
    )
    .await;
    let smtp = |more: Json| {
        merged(
            json!({"name": "mail", "server": "a.example", "from_address": "p@x.example", "mailto": ["a@x.example"]}),
            more,
        )
    };
    let full = json!({
        "server": "b.example", "mode": "starttls", "port": 587, "username": "u", "password": "p", "password_version": 1, "author": "PVE",
        "from_address": "q@x.example", "mailto": ["b@x.example"], "mailto_user": ["root@pam"], "comment": "c", "disable": true,
    });
    life::<NotificationSmtp>(
        &rig,
        "mail",
        &[smtp(json!({})), smtp(full), smtp(json!({"mode": "tls", "disable": false}))],
    )
    .await;
    let webhook = |more: Json| {
        merged(json!({"name": "hook", "url": "https://a.example/{{ secrets.k }}", "method": "post"}), more)
    };
    let full = json!({
        "url": "http://b.example", "method": "put", "header": {"Content-Type": "text/plain", "X-Key": "{{ secrets.k }}"}, "body": "{{ title }}\n",
        "secret": {"k": "s3cr3t"}, "secret_version": 1, "comment": "c", "disable": true,
    });
    life::<NotificationWebhook>(
        &rig,
        "hook",
        &[
            webhook(json!({})),
            webhook(full),
            webhook(json!({"header": {"X-Key": "v"}, "body": "b", "disable": false})),
            webhook(json!({"disable": false})),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn matchers_live() {
    let rig = Rig::of("{}").await;
    let matcher = |more: Json| merged(json!({"name": "m1"}), more);
    let full = json!({
        "target": ["mail-to-root"], "match_field": ["exact:type=vzdump,fencing", "regex:hostname=^pve"], "match_severity": ["warning,error"],
        "match_calendar": ["mon..fri 8-17"], "mode": "any", "invert_match": true, "comment": "c", "disable": true,
    });
    life::<NotificationMatcher>(
        &rig,
        "m1",
        &[
            matcher(json!({})),
            matcher(full),
            matcher(
                json!({"match_field": ["exact:type=vzdump"], "mode": "all", "invert_match": false, "disable": false}),
            ),
            matcher(json!({})),
        ],
    )
    .await;
    // PVE's own are changed, and are as they were at first when they go.
    let own = |more: Json| merged(json!({"name": "default-matcher", "target": ["mail-to-root"]}), more);
    life::<NotificationMatcher>(
        &rig,
        "default-matcher",
        &[own(json!({"disable": true})), own(json!({"comment": "c"}))],
    )
    .await;
    let own = |more: Json| merged(json!({"name": "mail-to-root", "mailto": ["a@x.example"]}), more);
    life::<NotificationSendmail>(&rig, "mail-to-root", &[own(json!({})), own(json!({"author": "PVE"}))]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_sent_when_their_version_says_so_and_never_kept() {
    let rig = Rig::of("{}").await;
    let hook = |secret: Json, version: u32| json!({"name": "hook", "url": "https://a.example", "method": "post", "secret": secret, "secret_version": version});
    let (made, _) = rig.bring::<NotificationWebhook>(None, &hook(json!({"k": "s3cr3t", "n": "m"}), 1)).await.unwrap();
    assert!(
        !format!("{:?}", made.state).contains("s3cr3t") && !String::from_utf8_lossy(&made.private).contains("s3cr3t")
    );
    assert_eq!(stored(&rig, "webhook", "hook")["secret"], json!(["name=k,value=czNjcjN0", "name=n,value=bQ=="]));
    // Another value alone is no change: Terraform never sees the old one.
    assert!(rig.plan(Some(&made), &hook(json!({"k": "other"}), 1)).await.unwrap().is_empty());
    let (made, _) = rig.bring(Some(&made), &hook(json!({"k": "other"}), 2)).await.unwrap();
    assert_eq!(stored(&rig, "webhook", "hook")["secret"], json!(["name=k,value=b3RoZXI="]), "what is left out is gone");
    let bare = json!({"name": "hook", "url": "https://a.example", "method": "post", "secret_version": 3});
    rig.bring(Some(&made), &bare).await.unwrap();
    assert_eq!(stored(&rig, "webhook", "hook")["secret"], Json::Null);

    let (made, _) = rig.bring::<NotificationGotify>(None, &gotify(json!({"token_version": 1}))).await.unwrap();
    assert!(!format!("{:?}", made.state).contains("s3cr3t"));
    let imported = rig.import::<NotificationGotify>("phone").await.unwrap();
    rig.bring(Some(&imported), &gotify(json!({"token": "new", "token_version": 1}))).await.unwrap();
    assert_eq!(stored(&rig, "gotify", "phone")["token"], "new", "an imported one gets the token that is configured");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_whose_answer_was_lost_is_found() {
    let rig = Rig::of("{}").await;
    let matched = json!({"method": "POST", "path": "/cluster/notifications/**"});
    rig.control("POST", "/faults", &json!({"match": matched, "when": "after", "effect": {"drop": true}})).await;
    let (made, _) = rig.bring::<NotificationGotify>(None, &gotify(json!({}))).await.unwrap();
    let posts = rig.asked().await.into_iter().filter(|asked| asked.starts_with("POST /cluster/notifications")).count();
    assert_eq!(posts, 1);
    rig.destroy(&made).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_somebody_elses_is_read_again() {
    let rig = Rig::of("{}").await;
    let (made, _) = rig.bring::<NotificationGotify>(None, &gotify(json!({}))).await.unwrap();
    let text = "detected modified configuration - file changed by other user? Try again.";
    let fault = json!({
        "match": {"method": "PUT", "path": "/cluster/notifications/**"}, "effect": {"status": 400, "message": text},
    });
    rig.control("POST", "/faults", &fault).await;
    rig.bring(Some(&made), &gotify(json!({"comment": "c"}))).await.unwrap();
    assert_eq!(stored(&rig, "gotify", "phone")["comment"], "c");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_no_matcher_uses_is_told_of() {
    let rig = Rig::of("{}").await;
    let told = |warnings: &[String]| warnings.iter().filter(|told| told.contains("gets nothing")).count();
    // The matcher that names it is planned after it.
    let planned = rig.plan::<NotificationGotify>(None, &gotify(json!({}))).await.unwrap();
    assert_eq!(planned.warnings, [""; 0]);
    let (phone, warnings) = rig.apply(planned).await.unwrap();
    assert_eq!(told(&warnings), 0);
    // A plan that changes nothing asks for no matchers.
    rig.configure().await;
    rig.forget_requests().await;
    let phone = rig.read(&phone).await.unwrap();
    assert!(rig.plan(Some(&phone), &gotify(json!({}))).await.unwrap().is_empty());
    assert_eq!(rig.asked().await.iter().filter(|asked| asked.contains("notifications/matchers")).count(), 0);

    let forgotten = rig.plan(Some(&phone), &gotify(json!({"comment": "c"}))).await.unwrap();
    assert_eq!(told(&forgotten.warnings), 1, "{:?}", forgotten.warnings);
    let to = |targets: Json, more: Json| merged(json!({"name": "m1", "target": targets}), more);
    let (matcher, _) = rig.bring::<NotificationMatcher>(None, &to(json!(["phone"]), json!({}))).await.unwrap();
    let changed = gotify(json!({"comment": "c"}));
    assert_eq!(told(&rig.plan(Some(&phone), &changed).await.unwrap().warnings), 0);
    let away = rig.plan(Some(&matcher), &to(json!(["mail-to-root"]), json!({}))).await.unwrap();
    assert_eq!(told(&away.warnings), 1, "{:?}", away.warnings);
    // Its removal is told of where the target stays, as far as that is known: this state holds none in a new run.
    rig.configure().await;
    let matcher = rig.read(&matcher).await.unwrap();
    let gone = rig.plan(Some(&matcher), &Json::Null).await.unwrap();
    assert_eq!(told(&gone.warnings), 1, "{:?}", gone.warnings);
    // The plan of a `terraform destroy` has read nothing, and the target may go next.
    rig.configure().await;
    let gone = rig.plan(Some(&matcher), &Json::Null).await.unwrap();
    assert_eq!(gone.warnings, [""; 0]);
    rig.bring(Some(&matcher), &to(json!(["phone"]), json!({"disable": true}))).await.unwrap();
    assert_eq!(told(&rig.plan(Some(&phone), &changed).await.unwrap().warnings), 1, "a disabled matcher sends nothing");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_matcher_names_what_is_there() {
    let rig = Rig::of("{}").await;
    let to = |target: &str, field: &str| json!({"name": "m1", "target": [target], "match_field": [field]});
    let planned = rig.plan::<NotificationMatcher>(None, &to("phone", "exact:type=backup")).await.unwrap();
    let says = |words: &str| planned.warnings.iter().any(|told| told.contains(words));
    assert!(says("Notification target \"phone\" does not exist"), "{:?}", planned.warnings);
    assert!(says("PVE knows no type \"backup\"") && says("vzdump"), "{:?}", planned.warnings);
    let told = rig.apply(planned).await.unwrap_err();
    assert!(told[0].contains("Nothing was written") && told[0].contains("mail-to-root"), "{told:?}");
    // What comes in the same plan is there by then.
    let target = rig.plan::<NotificationGotify>(None, &gotify(json!({}))).await.unwrap();
    let planned = rig.plan::<NotificationMatcher>(None, &to("phone", "exact:type=vzdump")).await.unwrap();
    assert_eq!(planned.warnings, [""; 0]);
    let (target, _) = rig.apply(target).await.unwrap();
    let (matcher, _) = rig.apply(planned).await.unwrap();
    // And it is not taken away from under it.
    let told = rig.destroy(&target).await.unwrap_err();
    assert!(told[0].contains("Take it out of: m1"), "{told:?}");
    rig.destroy(&matcher).await.unwrap();
    rig.destroy(&target).await.unwrap();
    for bad in ["type=vzdump", "regex:hostname=("] {
        let told = rig.validate::<NotificationMatcher>(&to("phone", bad)).await.unwrap_err();
        assert!(told[0].contains("match_field"), "{told:?}");
    }
}
