//! Tokens, tickets, and tickets that grow old.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::Client;
use crate::testing::{Call, Reply, World, two_nodes};

/// 2024-01-01.
const EPOCH: i64 = 1_704_067_200;

fn at(time: i64, status: u16, data: &Value) -> Reply {
    let date = jiff::Timestamp::from_second(time).unwrap().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let body = if status == 401 { Bytes::new() } else { Bytes::from(json!({ "data": data }).to_string()) };
    Reply::Raw(http::Response::builder().status(status).header("date", date).body(body).unwrap())
}

/// A PVE with a clock of its own: tickets are named by their time and live two hours.
fn pve(clock: Arc<AtomicI64>) -> World {
    World::new(move |call| {
        let now = clock.load(Ordering::SeqCst);
        let ticket = |text: &str| i64::from_str_radix(text.strip_prefix("PVE:root@pam:")?.split("::").next()?, 16).ok();
        let valid = |text: &str| ticket(text).is_some_and(|issued| now - issued < 7200);
        if call.line == "POST /access/ticket" {
            let password = call.form.split("password=").nth(1).unwrap();
            let password = percent_encoding::percent_decode_str(password).decode_utf8().unwrap();
            if password != "right" && !valid(&password) {
                return at(now, 401, &Value::Null);
            }
            let ticket = format!("PVE:root@pam:{now:08X}::c2ln/+==");
            return at(
                now,
                200,
                &json!({ "ticket": ticket, "CSRFPreventionToken": format!("{now:08X}:csrf"), "username": "root@pam" }),
            );
        }
        let cookie = call.header("cookie").and_then(|cookie| cookie.strip_prefix("PVEAuthCookie=")).unwrap_or_default();
        let cookie = percent_encoding::percent_decode_str(cookie).decode_utf8().unwrap();
        let token = call.header("authorization") == Some("PVEAPIToken=u@pve!t=secret");
        match token || valid(&cookie) {
            true => at(now, 200, &json!(now)),
            false => at(now, 401, &Value::Null),
        }
    })
}

fn logins(world: &World) -> Vec<Call> {
    world.calls().into_iter().filter(|call| call.line == "POST /access/ticket").collect()
}

async fn get(client: &Client) -> Result<i64, Error> {
    client.call(Request::get("version")).await
}

#[tokio::test(start_paused = true)]
async fn one_login_serves_all() {
    let world = pve(Arc::new(AtomicI64::new(EPOCH)));
    let client = world.client_of(two_nodes().login("root@pam", "right"));
    assert_eq!(world.calls().len(), 0, "nothing is sent before the first call");
    let results = futures_util::future::join_all((0..10).map(|_| get(&client))).await;
    assert!(results.iter().all(Result::is_ok));
    client.call::<i64>(Request::post("pools")).await.unwrap();
    assert_eq!(logins(&world).len(), 1);
    assert_eq!(logins(&world)[0].form, "username=root%40pam&password=right");
    let calls = world.calls();
    let (read, write) = (&calls[1], calls.last().unwrap());
    assert_eq!((read.header("csrfpreventiontoken"), read.header("authorization")), (None, None));
    assert_eq!(write.header("csrfpreventiontoken"), Some(format!("{EPOCH:08X}:csrf").as_str()));
}

#[tokio::test(start_paused = true)]
async fn a_ticket_is_renewed_with_itself_by_the_servers_clock() {
    let clock = Arc::new(AtomicI64::new(EPOCH));
    let world = pve(clock.clone());
    let client = world.client_of(two_nodes().login("root@pam", "right"));
    // The clock of the cluster runs sixty times as fast as ours.
    for _ in 0..100 {
        get(&client).await.unwrap();
        clock.fetch_add(180, Ordering::SeqCst);
    }
    let logins = logins(&world);
    assert_eq!(logins.len(), 4, "5 hours: a login and three renewals");
    assert!(logins[1..].iter().all(|call| call.form.contains("password=PVE%3Aroot%40pam%3A")));
    assert_eq!(world.calls().len(), 104, "and no request was refused on the way");
}

#[tokio::test(start_paused = true)]
async fn a_refused_ticket_costs_one_fresh_login() {
    let clock = Arc::new(AtomicI64::new(EPOCH));
    let world = pve(clock.clone());
    let client = world.client_of(two_nodes().login("root@pam", "right"));
    get(&client).await.unwrap();
    // The ticket dies without our seeing the clock move.
    clock.fetch_add(7300, Ordering::SeqCst);
    client.call::<i64>(Request::post("pools")).await.unwrap();
    let lines = world.lines();
    assert_eq!(lines[2..], ["a POST /pools", "a POST /access/ticket", "a POST /pools"]);
    assert!(logins(&world)[1].form.ends_with("password=right"));
}

#[tokio::test(start_paused = true)]
async fn a_ticket_may_die_young() {
    let mut number = 0;
    let world = World::new(move |call| match call.line.as_str() {
        "POST /access/ticket" => {
            number += 1;
            at(
                EPOCH,
                200,
                &json!({ "ticket": format!("PVE:root@pam:{EPOCH:08X}::{number}"), "CSRFPreventionToken": "x" }),
            )
        }
        // The first ticket is refused, though it is fresh by any clock.
        _ if call.header("cookie").unwrap().ends_with("%3A%3A1") => at(EPOCH, 401, &Value::Null),
        _ => at(EPOCH, 200, &json!(1)),
    });
    let client = world.client_of(two_nodes().login("root@pam", "right"));
    for _ in 0..3 {
        get(&client).await.unwrap();
    }
    assert_eq!((logins(&world).len(), world.calls().len()), (2, 6));
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_tried_once() {
    let world = pve(Arc::new(AtomicI64::new(EPOCH)));
    let client = world.client_of(two_nodes().login("root@pam", "wrong"));
    for _ in 0..5 {
        let Err(Error::Unauthenticated(error)) = get(&client).await else { panic!() };
        assert_eq!(error.reason, AuthReason::WrongLogin);
        assert!(error.message.contains("root@pam") && !error.message.contains("wrong"), "{error}");
    }
    assert_eq!(world.calls().len(), 1);
    tokio::time::sleep(REFUSED_FOR).await;
    get(&client).await.unwrap_err();
    assert_eq!(world.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_told() {
    let world = pve(Arc::new(AtomicI64::new(EPOCH)));
    let client = world.client_of(two_nodes().token("u@pve!t=other"));
    let Err(Error::Unauthenticated(error)) = get(&client).await else { panic!() };
    assert_eq!(error.reason, AuthReason::WrongToken);
    let client = world.client_of(two_nodes());
    let Err(Error::Unauthenticated(error)) = get(&client).await else { panic!() };
    assert_eq!(error.reason, AuthReason::NoCredentials);
}

#[tokio::test(start_paused = true)]
async fn a_fresh_ticket_that_is_refused_ends_it() {
    let world = World::new(|call| match call.line.as_str() {
        "POST /access/ticket" => Reply::Data(json!({ "ticket": "PVE:root@pam:0::x", "CSRFPreventionToken": "x" })),
        _ => Reply::Error(401, "Authentication failed!"),
    });
    let client = world.client_of(two_nodes().login("root@pam", "right"));
    let Err(Error::Unauthenticated(error)) = get(&client).await else { panic!() };
    assert_eq!((error.reason, world.calls().len()), (AuthReason::TicketRefused, 4));
}

#[tokio::test(start_paused = true)]
async fn a_second_factor_is_told() {
    let world =
        World::new(|_| Reply::Data(json!({ "ticket": "PVE:!tfa!x::x", "CSRFPreventionToken": "x", "NeedTFA": 1 })));
    let client = world.client_of(two_nodes().login("root@pam", "right"));
    let Err(Error::Unauthenticated(error)) = get(&client).await else { panic!() };
    assert_eq!(error.reason, AuthReason::SecondFactor);
    // Also where PVE does not say so in a word of its own.
    let world = World::new(|_| Reply::Data(json!({ "ticket": "PVE:!tfa!x::x", "CSRFPreventionToken": "x" })));
    let client = world.client_of(two_nodes().login("root@pam", "right"));
    let Err(Error::Unauthenticated(error)) = get(&client).await else { panic!() };
    assert_eq!(error.reason, AuthReason::SecondFactor);
}

#[tokio::test(start_paused = true)]
async fn a_second_factor_of_root_is_told_where_only_root_will_do() {
    let world =
        World::new(|_| Reply::Data(json!({ "ticket": "PVE:!tfa!x::x", "CSRFPreventionToken": "x", "NeedTFA": 1 })));
    let client = world.client_of(two_nodes().token("root@pam!t=secret").login("root@pam", "right"));
    for _ in 0..2 {
        let made = client.call::<i64>(Request::post("nodes/pve1/ceph/osd").root()).await;
        let Err(Error::Unauthenticated(error)) = made else { panic!("{made:?}") };
        assert_eq!(error.reason, AuthReason::SecondFactorOfRoot);
        assert!(error.message.contains("POST /nodes/pve1/ceph/osd"), "{error}");
    }
    assert_eq!(world.calls().len(), 1, "it is not tried again and again");
}

#[tokio::test(start_paused = true)]
async fn with_both_the_ticket_is_only_for_root() {
    let world = pve(Arc::new(AtomicI64::new(EPOCH)));
    let client = world.client_of(two_nodes().token("u@pve!t=secret").login("root@pam", "right"));
    get(&client).await.unwrap();
    assert_eq!(logins(&world).len(), 0);
    client.call::<i64>(Request::post("nodes/pve1/ceph/osd").root()).await.unwrap();
    let calls = world.calls();
    assert_eq!(calls[0].header("cookie"), None);
    assert_eq!(calls[2].header("authorization"), None);
    assert!(calls[2].header("cookie").is_some());
}

#[tokio::test(start_paused = true)]
async fn without_root_nothing_is_sent_for_root() {
    let world = pve(Arc::new(AtomicI64::new(EPOCH)));
    for config in [two_nodes().token("root@pam!t=x"), two_nodes().login("admin@pve", "right")] {
        let client = world.client_of(config);
        let error = client.call::<i64>(Request::post("nodes/pve1/ceph/osd").root()).await.unwrap_err();
        assert!(matches!(error, Error::NeedsRootTicket(_)) && error.refused(), "{error}");
    }
    assert_eq!(world.calls().len(), 0);
}

#[test]
fn tokens_are_checked_without_being_told() {
    for good in ["root@pam!t=abc", " PVEAPIToken=u@pve!id=0-0 ", "u@pve!id=a=b"] {
        assert!(token_header(&Secret::new(good)).is_ok(), "{good}");
    }
    for bad in ["", "abc", "root@pam=abc", "root!t=abc", "root@pam!t=", "root@pam!=x"] {
        let error = token_header(&Secret::new(bad)).err().unwrap_or_else(|| panic!("{bad}"));
        assert!(bad.is_empty() || !error.to_string().contains(bad), "{error}");
    }
}

#[test]
fn our_names_are_the_logins_and_the_tokens_without_its_secret() {
    let auth = Auth::new(&Config::default().token("u@pve!id=a=b")).unwrap();
    assert!(auth.is_us("u@pve!id") && !auth.is_us("") && !auth.is_us("u@pve") && !auth.is_us("u@pve!id=a"));
    let auth = Auth::new(&Config::default().login("root@pam", "x")).unwrap();
    assert!(auth.is_us("root@pam") && !auth.is_us(""));
    assert!(auth.comes_as("root@pam") && !auth.comes_as("u@pve"));
    // Beside a token a login is for what PVE reserves to it.
    let auth = Auth::new(&Config::default().token("u@pve!id=a").login("root@pam", "x")).unwrap();
    assert!(auth.comes_as("u@pve") && !auth.comes_as("root@pam"));
}

#[test]
fn times_of_tickets_and_answers() {
    assert_eq!(issued("PVE:root@pam:6B032D7F::abc/def=="), Some(0x6b032d7f));
    assert_eq!(issued("nonsense"), None);
    let mut headers = HeaderMap::new();
    headers.insert(header::DATE, HeaderValue::from_static("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_eq!(date(&headers), Some(784_111_777));
}

#[test]
fn a_user_needs_a_realm() {
    let error = Auth::new(&Config::default().login("root", "x")).err().unwrap();
    assert!(error.to_string().contains("root@pam"), "{error}");
}
