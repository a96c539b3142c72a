//! Accounts with certificate authorities: registered by a task once their terms are agreed to, and ended for good.

use serde_json::{Value as Json, json};
use terraform_plugin::value::Value;

use super::plain::merged;
use super::{Kept, Rig};
use crate::acme::account::AcmeAccount;

const CA: &str = "https://ca.example.com/acme/directory";
const TERMS: &str = "https://ca.example.com/terms";
const ACCOUNT: &str = "/cluster/acme/account";

fn ours(more: Json) -> Json {
    merged(
        json!({ "name": "ours", "contact": ["a@lab.example"], "directory": CA, "tos_url": TERMS, "allow_destroy": true }),
        more,
    )
}

fn accounts(rig: &Rig) -> Json {
    rig.sim.world.with(|cluster| cluster.canonical()["acme"].clone())
}

fn down(rig: &Rig, down: bool) {
    rig.sim.world.with(|cluster| cluster.acme.authority(CA).down = down);
}

/// How often something was asked for that changes something.
async fn writes(rig: &Rig) -> Vec<String> {
    let asked = rig.asked().await;
    asked.into_iter().filter(|asked| !asked.starts_with("GET") && asked.contains(ACCOUNT)).collect()
}

async fn fault(rig: &Rig, method: &str, when: &str, effect: Json) {
    let fault =
        json!({ "match": { "method": method, "path": format!("{ACCOUNT}/**") }, "when": when, "effect": effect });
    rig.control("POST", "/faults", &fault).await;
}

fn is_ready(kept: &Kept<AcmeAccount>) -> bool {
    kept.state.attribute("ready") == Some(&Value::Bool(true))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_is_registered_told_of_and_ended() {
    let mut rig = Rig::of("{}").await;
    let planned = rig.plan::<AcmeAccount>(None, &ours(json!({}))).await.unwrap();
    assert_eq!(planned.warnings, [""; 0]);
    let (made, said) = rig.apply(planned).await.unwrap();
    assert_eq!(said, [""; 0]);
    assert!(is_ready(&made));
    assert_eq!(made.state.attribute("status"), Some(&Value::from("valid")));
    let made = rig.read(&made).await.unwrap();
    assert!(rig.plan(Some(&made), &ours(json!({}))).await.unwrap().is_empty());
    let imported = rig.import::<AcmeAccount>("ours").await.unwrap();
    let config = ours(json!({ "allow_destroy": false }));
    assert!(rig.plan(Some(&imported), &config).await.unwrap().is_empty());

    // Other contacts are told, in place; another authority, or other terms, are another account.
    let more = ours(json!({ "contact": ["b@lab.example", "a@lab.example"] }));
    let (made, _) = rig.bring(Some(&made), &more).await.unwrap();
    assert_eq!(accounts(&rig)["accounts"]["ours"]["contact"], json!(["mailto:a@lab.example", "mailto:b@lab.example"]));
    for other in
        [json!({ "directory": "https://other.example/dir" }), json!({ "tos_url": "https://other.example/terms" })]
    {
        let planned = rig.plan(Some(&made), &merged(more.clone(), other)).await;
        assert!(
            planned.as_ref().map_or_else(|told| told[0].contains("terms"), |planned| planned.replaces),
            "{planned:?}"
        );
    }

    let (kept, _) = rig.bring(Some(&made), &merged(more, json!({ "allow_destroy": false }))).await.unwrap();
    rig.forget_requests().await;
    let told = rig.destroy(&kept).await.unwrap_err();
    assert!(told[0].contains("is protected") && told[0].contains("allow_destroy = true"), "{told:?}");
    assert_eq!(writes(&rig).await, [""; 0]);
    rig.destroy(&made).await.unwrap();
    let left = accounts(&rig);
    assert_eq!((&left["accounts"], left["deactivated"].as_object().unwrap().len()), (&json!({}), 1));
    // What is left of it is no account: its name is free again.
    let (again, _) = rig.bring::<AcmeAccount>(None, &ours(json!({}))).await.unwrap();
    // Somebody else, whose state and journal know nothing of it.
    rig.server = rig.another().await;
    let told = rig.bring::<AcmeAccount>(None, &ours(json!({}))).await.map(drop).unwrap_err();
    assert!(told[0].contains("exists already") && told[0].contains("id = \"ours\""), "{told:?}");
    rig.destroy(&again).await.unwrap();
    assert!(rig.import::<AcmeAccount>("_deactivated_ours_0").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_terms_to_agree_to_are_told_with_the_value_to_write() {
    let rig = Rig::of("{}").await;
    for agreed in [json!(null), json!("https://ca.example.com/terms-of-last-year")] {
        let told = rig.plan::<AcmeAccount>(None, &ours(json!({ "tos_url": agreed }))).await.map(drop).unwrap_err();
        assert!(
            told[0].contains(&format!("tos_url = \"{TERMS}\"")) && told[0].contains("Nothing was written"),
            "{told:?}"
        );
    }
    // They are looked up once more before it is registered.
    let planned = rig.plan::<AcmeAccount>(None, &ours(json!({}))).await.unwrap();
    rig.sim.world.with(|cluster| cluster.acme.authority(CA).terms = Some("https://ca.example.com/new".to_owned()));
    let told = rig.apply(planned).await.map(drop).unwrap_err();
    assert!(told[0].contains("tos_url = \"https://ca.example.com/new\""), "{told:?}");
    assert_eq!(writes(&rig).await, [""; 0]);
    // An account that is there keeps those that it has agreed to.
    rig.sim.world.with(|cluster| cluster.acme.authority(CA).terms = Some(TERMS.to_owned()));
    let (made, _) = rig.bring::<AcmeAccount>(None, &ours(json!({}))).await.unwrap();
    rig.sim.world.with(|cluster| cluster.acme.authority(CA).terms = Some("https://ca.example.com/new".to_owned()));
    let made = rig.read(&made).await.unwrap();
    assert!(rig.plan(Some(&made), &ours(json!({}))).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_authority_that_wants_a_key_is_given_it_and_the_state_is_not() {
    let shape = "{authorities: [{directory: 'https://ca.example.com/acme/directory', keys: {kid-1: c2VjcmV0}}]}";
    let rig = Rig::of(shape).await;
    let with = |more: Json| merged(ours(json!({ "tos_url": null })), more);
    let told = rig.plan::<AcmeAccount>(None, &with(json!({}))).await.map(drop).unwrap_err();
    assert!(told[0].contains("set `eab_kid` and `eab_hmac_key`"), "{told:?}");
    let told = rig.validate::<AcmeAccount>(&with(json!({ "eab_kid": "kid-1" }))).await.unwrap_err();
    assert!(told[0].contains("eab_hmac_key"), "{told:?}");
    // PVE's task says what the authority says.
    let wrong = with(json!({ "eab_kid": "kid-1", "eab_hmac_key": "bm9uZQ" }));
    let told = rig.bring::<AcmeAccount>(None, &wrong).await.map(drop).unwrap_err();
    assert!(told[0].contains("Registration failed") && told[0].contains("externalAccountRequired"), "{told:?}");
    assert_eq!(accounts(&rig)["accounts"], json!({}));
    let right = with(json!({ "eab_kid": "kid-1", "eab_hmac_key": "c2VjcmV0" }));
    let (made, _) = rig.bring::<AcmeAccount>(None, &right).await.unwrap();
    assert!(!format!("{:?}", made.state).contains("c2VjcmV0"));
    let made = rig.read(&made).await.unwrap();
    assert!(rig.plan(Some(&made), &right).await.unwrap().is_empty());
    // Imported, it is not known; writing it down changes nothing in PVE.
    let imported = rig.import::<AcmeAccount>("ours").await.unwrap();
    rig.forget_requests().await;
    let planned = rig.plan(Some(&imported), &right).await.unwrap();
    assert!(!planned.replaces);
    rig.apply(planned).await.unwrap();
    assert_eq!(writes(&rig).await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_authority_nothing_is_registered_and_nothing_ended() {
    let rig = Rig::of("{}").await;
    down(&rig, true);
    let planned = rig.plan::<AcmeAccount>(None, &ours(json!({}))).await.unwrap();
    let silent = "Can't connect to ca.example.com:443";
    assert!(planned.warnings.iter().any(|told| told.contains(silent)), "{:?}", planned.warnings);
    let told = rig.apply(planned).await.map(drop).unwrap_err();
    assert!(told[0].contains(silent) && told[0].contains("Nothing was written"), "{told:?}");
    down(&rig, false);
    rig.configure().await;
    let (made, _) = rig.bring::<AcmeAccount>(None, &ours(json!({}))).await.unwrap();
    down(&rig, true);
    let told = rig.destroy(&made).await.unwrap_err();
    assert!(told[0].contains(silent) && told[0].contains("to be deactivated"), "{told:?}");
    // Contacts are for it to know; what it has not heard is planned again.
    let other = ours(json!({ "contact": ["b@lab.example"] }));
    let told = rig.bring(Some(&made), &other).await.map(drop).unwrap_err();
    assert!(told[0].contains(silent), "{told:?}");
    down(&rig, false);
    let made = rig.read(&made).await.unwrap();
    let (made, _) = rig.bring(Some(&made), &other).await.unwrap();
    assert_eq!(accounts(&rig)["accounts"]["ours"]["contact"], json!(["mailto:b@lab.example"]));
    rig.destroy(&made).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_answer_is_settled_by_looking() {
    let rig = Rig::of("{}").await;
    rig.forget_requests().await;
    fault(&rig, "POST", "after", json!({ "drop": true })).await;
    let (made, _) = rig.bring::<AcmeAccount>(None, &ours(json!({}))).await.unwrap();
    assert!(is_ready(&made));
    rig.control("DELETE", "/faults", &Json::Null).await;
    fault(&rig, "PUT", "after", json!({ "drop": true })).await;
    let other = ours(json!({ "contact": ["b@lab.example"] }));
    let (made, _) = rig.bring(Some(&made), &other).await.unwrap();
    assert_eq!(accounts(&rig)["accounts"]["ours"]["contact"], json!(["mailto:b@lab.example"]));
    rig.control("DELETE", "/faults", &Json::Null).await;
    fault(&rig, "DELETE", "after", json!({ "drop": true })).await;
    rig.destroy(&made).await.unwrap();
    assert_eq!(accounts(&rig)["accounts"], json!({}));
    assert_eq!(writes(&rig).await.len(), 3, "each was sent once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_accounts_at_once_do_not_take_each_others_tasks_for_theirs() {
    let rig = Rig::of("{}").await;
    fault(&rig, "POST", "after", json!({ "drop": true })).await;
    let (one, other) = (ours(json!({})), ours(json!({ "name": "theirs", "contact": ["c@lab.example"] })));
    let planned = [rig.plan::<AcmeAccount>(None, &one).await.unwrap(), rig.plan(None, &other).await.unwrap()];
    let [first, second] = planned.map(|planned| rig.apply(planned));
    let (first, second) = tokio::join!(first, second);
    assert!(is_ready(&first.unwrap().0) && is_ready(&second.unwrap().0));
    assert_eq!(accounts(&rig)["accounts"].as_object().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lets_encrypt_tells_no_contacts_so_the_state_does() {
    let rig = Rig::of("{}").await;
    let told = rig.plan::<AcmeAccount>(None, &json!({ "contact": ["a@lab.example"] })).await.map(drop).unwrap_err();
    let terms = told[0].split("tos_url = \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert!(terms.starts_with("https://letsencrypt.org/"), "{terms}");
    let config = json!({ "contact": ["a@lab.example"], "tos_url": terms, "allow_destroy": true });
    let (made, _) = rig.bring::<AcmeAccount>(None, &config).await.unwrap();
    let made = rig.read(&made).await.unwrap();
    assert_eq!(made.state.attribute("name"), Some(&Value::from("default")));
    assert!(rig.plan(Some(&made), &config).await.unwrap().is_empty());
    // Nobody knows what an account that is imported has: it is told once.
    let imported = rig.import::<AcmeAccount>("default").await.unwrap();
    let (now, _) = rig.bring(Some(&imported), &config).await.unwrap();
    let now = rig.read(&now).await.unwrap();
    assert!(rig.plan(Some(&now), &config).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_a_node_orders_by_stays() {
    let rig = Rig::of("{}").await;
    let (made, _) = rig.bring::<AcmeAccount>(None, &ours(json!({}))).await.unwrap();
    let set = |value: &str| {
        let config = [("acme".to_owned(), json!(value))];
        rig.sim
            .world
            .with(|c| c.sections.insert("/nodes/{node}/config", "pve2".to_owned(), config.into_iter().collect()));
    };
    set("account=ours,domains=pve2.lab.example");
    rig.configure().await;
    rig.forget_requests().await;
    let told = rig.destroy(&made).await.unwrap_err();
    assert!(told[0].contains("in use") && told[0].contains("configuration of: pve2."), "{told:?}");
    assert_eq!(writes(&rig).await, [""; 0]);
    set("account=other,domains=pve2.lab.example");
    rig.configure().await;
    rig.destroy(&made).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_ssh_an_account_lives_without_a_password_of_root() {
    let rig = Rig::of("ssh: true").await;
    let by_ssh = json!({ "api_token": rig.sim.api_token, "ssh": rig.sim.ssh_block() });
    rig.configure_as(&by_ssh).await;
    let planned = rig.plan::<AcmeAccount>(None, &ours(json!({}))).await.unwrap();
    assert_eq!(planned.warnings, [""; 0]);
    rig.forget_requests().await;
    let (made, _) = rig.apply(planned).await.unwrap();
    assert!(is_ready(&made));
    let (made, _) = rig.bring(Some(&made), &ours(json!({ "contact": ["b@lab.example"] }))).await.unwrap();
    // The answer of a command can be lost as well.
    fault(&rig, "DELETE", "after", json!({ "drop": true })).await;
    rig.destroy(&made).await.unwrap();
    assert_eq!(accounts(&rig)["accounts"], json!({}));
    assert_eq!(writes(&rig).await.len(), 3);
    assert!(!rig.asked().await.iter().any(|asked| asked == "POST /access/ticket"), "nobody has logged in");
    // A secret is not for a list of processes.
    let bound = ours(json!({ "eab_kid": "k", "eab_hmac_key": "c2VjcmV0" }));
    let planned = rig.plan::<AcmeAccount>(None, &bound).await.unwrap();
    assert!(planned.warnings.iter().any(|told| told.contains("External account binding")), "{:?}", planned.warnings);
    rig.forget_requests().await;
    assert!(rig.apply(planned).await.is_err());
    assert_eq!(accounts(&rig)["accounts"], json!({}));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_alone_keeps_the_state_as_long_as_the_account_is_listed() {
    let rig = Rig::of("{}").await;
    let (made, _) = rig.bring::<AcmeAccount>(None, &ours(json!({}))).await.unwrap();
    rig.configure_as(&json!({ "api_token": rig.sim.api_token })).await;
    let (kept, said) = rig.refresh(&made).await.unwrap();
    assert_eq!(kept.state, made.state);
    assert!(said.iter().any(|told| told.contains("shown to root@pam alone")), "{said:?}");
    let planned = rig.plan::<AcmeAccount>(None, &ours(json!({ "name": "more" }))).await.unwrap();
    assert!(
        planned.warnings.iter().any(|told| told.contains("the login of root@pam, or SSH")),
        "{:?}",
        planned.warnings
    );
    assert!(rig.apply(planned).await.is_err());
    rig.configure().await;
    rig.destroy(&made).await.unwrap();
    rig.configure_as(&json!({ "api_token": rig.sim.api_token })).await;
    assert_eq!(rig.read(&made).await.unwrap().state, Value::Null, "the list is for everybody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_registration_that_takes_too_long_is_carried_on() {
    // Time stands still, so that no task comes to its end.
    let rig = Rig::of("clock: {factor: 0}").await;
    rig.forget_requests().await;
    let config = ours(json!({ "timeouts": { "create": "1s" } }));
    let (begun, said) = rig.bring::<AcmeAccount>(None, &config).await.unwrap();
    assert!(!is_ready(&begun) && !said.is_empty(), "{said:?}");
    // Its task goes on: not there is no sign that it never will be.
    rig.configure().await;
    let (kept, said) = rig.refresh(&begun).await.unwrap();
    assert_eq!(kept.state, begun.state, "{said:?}");
    assert!(said.iter().any(|told| told.contains("is being registered")), "{said:?}");
    rig.sim.world.advance(std::time::Duration::from_secs(60));
    rig.configure().await;
    let kept = rig.read(&kept).await.unwrap();
    let (made, _) = rig.bring(Some(&kept), &config).await.unwrap();
    assert!(is_ready(&made));
    assert_eq!(made.state.attribute("status"), Some(&Value::from("valid")));
    assert_eq!(writes(&rig).await, [format!("POST {ACCOUNT}")]);
    let made = rig.read(&made).await.unwrap();
    assert!(rig.plan(Some(&made), &config).await.unwrap().is_empty());
}
