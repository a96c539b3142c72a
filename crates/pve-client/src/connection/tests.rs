//! Failover, kept connections and what is never sent twice.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::testing::{Reply, World, two_nodes};
use crate::{Client, Error, Request};

fn fine() -> World {
    World::new(|_| Reply::Data(json!(1)))
}

async fn get(client: &Client) -> Result<Value, Error> {
    client.call(Request::get("version")).await
}

async fn post(client: &Client) -> Result<Value, Error> {
    client.call(Request::post("pools").param("poolid", "x")).await
}

#[tokio::test(start_paused = true)]
async fn four_requests_on_four_connections() {
    let world = World::new(|_| Reply::After(Duration::from_millis(100), Box::new(Reply::Data(json!(1)))));
    let client = world.client();
    let results = join_all((0..40).map(|_| get(&client))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!((world.most_in_flight(), world.opened()), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn a_connection_is_kept_for_a_hundred_requests() {
    let world = fine();
    let client = world.client();
    for _ in 0..250 {
        get(&client).await.unwrap();
    }
    assert_eq!((world.calls().len(), world.opened()), (250, 3));
}

#[tokio::test(start_paused = true)]
async fn a_write_has_a_connection_of_its_own() {
    let world = fine();
    let client = world.client();
    // The server may be closing a kept one just now, and nobody would know what became of the write.
    get(&client).await.unwrap();
    post(&client).await.unwrap();
    post(&client).await.unwrap();
    assert_eq!(world.opened(), 3);
    get(&client).await.unwrap();
    assert_eq!(world.opened(), 3, "that of the reads is still there");
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_left_before_pve_closes_it() {
    let world = fine();
    let client = world.client();
    get(&client).await.unwrap();
    tokio::time::sleep(Duration::from_millis(3900)).await;
    get(&client).await.unwrap();
    assert_eq!(world.opened(), 1);
    tokio::time::sleep(Duration::from_millis(4100)).await;
    get(&client).await.unwrap();
    assert_eq!(world.opened(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_closed_connection_does_not_cost_a_write() {
    let world = fine();
    let client = world.client();
    post(&client).await.unwrap();
    world.cut().await;
    post(&client).await.unwrap();
    assert_eq!((world.calls().len(), world.opened()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn after_an_error_the_connection_is_new() {
    let world = World::new(|_| Reply::Error(500, "no such resource 'vm:1'"));
    let client = world.client();
    for _ in 0..3 {
        assert!(get(&client).await.unwrap_err().is_absent());
    }
    assert_eq!(world.opened(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_is_not_repeated() {
    let mut first = true;
    // The first answer makes a kept connection: not even there may it be repeated.
    let world = World::new(move |_| if std::mem::take(&mut first) { Reply::Data(json!(1)) } else { Reply::Drop });
    let client = world.client();
    get(&client).await.unwrap();
    let error = post(&client).await.unwrap_err();
    assert!(error.answer_lost() && !error.refused(), "{error}");
    assert_eq!(world.lines(), ["a GET /version", "a POST /pools"]);
}

#[tokio::test(start_paused = true)]
async fn a_read_whose_answer_is_lost_moves_on() {
    let world = World::new(|call| if call.host == "a" { Reply::Drop } else { Reply::Data(json!(2)) });
    let client = world.client();
    assert_eq!(get(&client).await.unwrap(), 2);
    assert_eq!(world.lines(), ["a GET /version", "b GET /version"]);
    // And stays there.
    get(&client).await.unwrap();
    assert_eq!(world.lines().last().unwrap(), "b GET /version");
}

#[tokio::test(start_paused = true)]
async fn a_read_on_the_only_endpoint_knocks_twice() {
    let mut calls = 0;
    let world = World::new(move |_| {
        calls += 1;
        if calls == 1 { Reply::Drop } else { Reply::Data(json!(calls)) }
    });
    let client = world.client_of(crate::Config::default().url("a").token("u@pve!t=s"));
    assert_eq!(get(&client).await.unwrap(), 2);

    let dead = World::new(|_| Reply::Drop);
    let client = dead.client_of(crate::Config::default().url("a").token("u@pve!t=s"));
    assert!(matches!(get(&client).await, Err(Error::AnswerLost { .. })));
    assert_eq!(dead.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_moves_any_request() {
    let world = fine();
    world.power("a", false);
    let client = world.client();
    post(&client).await.unwrap();
    post(&client).await.unwrap();
    assert_eq!(world.lines(), ["b POST /pools", "b POST /pools"]);

    world.power("b", false);
    world.cut().await;
    let error = post(&client).await.unwrap_err();
    assert!(error.refused(), "{error}");
    assert_eq!(
        error.to_string(),
        "no endpoint answers: https://b:8006 (Connection refused), https://a:8006 (Connection refused)"
    );
}

#[tokio::test(start_paused = true)]
async fn a_write_goes_to_its_nodes_own_endpoint() {
    let world = fine();
    let client = world.client();
    let call = || client.call::<Value>(Request::post("nodes/pve2/ceph/mon/pve2").node("pve2"));
    call().await.unwrap();
    get(&client).await.unwrap();
    world.power("b", false);
    world.cut().await;
    call().await.unwrap();
    assert_eq!(
        world.lines(),
        ["b POST /nodes/pve2/ceph/mon/pve2", "a GET /version", "a POST /nodes/pve2/ceph/mon/pve2"]
    );
}

#[tokio::test(start_paused = true)]
async fn reads_of_all_nodes_share_four_connections() {
    let world = World::new(|_| Reply::After(Duration::from_millis(100), Box::new(Reply::Data(json!(1)))));
    let client = world.client();
    let read = |n: usize| {
        let node = ["pve1", "pve2"][n % 2];
        client.call::<Value>(Request::get(format!("nodes/{node}/status")).node(node))
    };
    let results = join_all((0..40).map(read)).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!((world.most_in_flight(), world.opened()), (4, 4));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_whose_api_daemon_is_down_is_passed_over() {
    let world =
        World::new(
            |call| if call.host == "a" { Reply::Error(595, "Connection refused") } else { Reply::Data(json!(1)) },
        );
    let client = world.client();
    post(&client).await.unwrap();
    assert_eq!(world.lines(), ["a POST /pools", "b POST /pools"]);
}

/// A cluster that answers for pve3 as PVE does for a dead node, and says of it what `status` says.
fn without_pve3(status: impl Fn() -> Reply + Send + 'static) -> World {
    World::new(move |call| match call.line.as_str() {
        "GET /cluster/status" => status(),
        line if line.contains("/nodes/pve3/") => {
            let empty = http::Response::builder().status(595);
            let reason = hyper::ext::ReasonPhrase::from_static(b"No route to host");
            let dead = Reply::Raw(empty.extension(reason).body(bytes::Bytes::new()).unwrap());
            Reply::After(Duration::from_secs(21), Box::new(dead))
        }
        _ => Reply::Data(json!(1)),
    })
}

fn pve3_is(online: bool) -> Reply {
    Reply::Data(json!([
        { "type": "cluster", "name": "c", "quorate": 1 },
        { "type": "node", "name": "pve1", "online": 1 },
        { "type": "node", "name": "pve3", "online": u8::from(online) },
    ]))
}

fn asked_of_pve3(world: &World) -> usize {
    world.lines().iter().filter(|line| line.contains("/nodes/pve3/")).count()
}

#[tokio::test(start_paused = true)]
async fn a_dead_node_is_asked_once_as_long_as_the_cluster_sees_it_offline() {
    let world = without_pve3(|| pve3_is(false));
    let client = world.client();
    // Ten objects at once, as Terraform reads them; others are not held up by it.
    let begun = tokio::time::Instant::now();
    let read = |n: usize| {
        let node = ["pve1", "pve3"][n % 2];
        client.call::<Value>(Request::get(format!("nodes/{node}/qemu/{n}/config")).node(node))
    };
    let results = join_all((0..20).map(read)).await;
    // Those that have waited five seconds for the first go too, since it might just be slow; no one goes after them.
    assert_eq!(begun.elapsed().as_secs(), 26);
    assert!(results.iter().step_by(2).all(Result::is_ok));
    for error in results.into_iter().skip(1).step_by(2).map(Result::unwrap_err) {
        assert_eq!(error.to_string(), "node pve3 is unreachable: No route to host");
        assert!(matches!(error, Error::NodeUnreachable { sent: false, .. }) && error.refused());
    }
    let asked = asked_of_pve3(&world);
    assert!(asked <= 4, "{:?}", world.lines());

    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(300)).await;
        let write = Request::post("nodes/pve3/ceph/mon/pve3").node("pve3");
        let error = client.call::<Value>(write).await.unwrap_err();
        assert_eq!(error.to_string(), "node pve3 is unreachable: No route to host");
    }
    assert_eq!(asked_of_pve3(&world), asked);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_comes_at_once_is_the_only_one() {
    let world = World::new(|_| Reply::Error(595, "Connection refused"));
    let client = world.client();
    let read = |n: usize| client.call::<Value>(Request::get(format!("nodes/pve3/qemu/{n}/config")).node("pve3"));
    assert!(join_all((0..20).map(read)).await.iter().all(Result::is_err));
    assert_eq!(world.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_back_is_asked_again() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let online = Arc::new(AtomicBool::new(true));
    let world = without_pve3({
        let online = online.clone();
        move || pve3_is(online.load(Ordering::SeqCst))
    });
    let client = world.client();
    let call = || client.call::<Value>(Request::get("nodes/pve3/status").node("pve3"));
    for (wait, sees, asked) in [(0, true, 1), (9, true, 1), (2, true, 2), (11, false, 2), (3600, true, 3)] {
        online.store(sees, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_secs(wait)).await;
        call().await.unwrap_err();
        assert_eq!(asked_of_pve3(&world), asked, "after {wait} s, online {sees}");
    }
    client.saw_node("pve3", true);
    call().await.unwrap_err();
    assert_eq!(asked_of_pve3(&world), 4);
    // What the cluster sees offline is not asked at all.
    let fresh = world.client();
    online.store(false, Ordering::SeqCst);
    fresh.cluster().status().await.unwrap();
    let error = fresh.call::<Value>(Request::get("nodes/pve3/status").node("pve3")).await.unwrap_err();
    assert!(error.to_string().contains("sees it offline"), "{error}");
    assert_eq!(asked_of_pve3(&world), 4);
}

#[tokio::test(start_paused = true)]
async fn where_the_cluster_cannot_be_asked_a_dead_node_is_tried_now_and_then() {
    let world = without_pve3(|| Reply::Error(403, "Permission check failed (/, Sys.Audit)"));
    let client = world.client();
    for (wait, asked) in [(0, 1), (11, 1), (50, 2)] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        client.call::<Value>(Request::get("nodes/pve3/status").node("pve3")).await.unwrap_err();
        assert_eq!(asked_of_pve3(&world), asked, "after {wait} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_first_answer_does_not_hold_up_a_node_for_long() {
    let world = World::new(|call| match call.line.contains("disks/list") {
        true => Reply::After(Duration::from_secs(20), Box::new(Reply::Data(json!(1)))),
        false => Reply::Data(json!(1)),
    });
    let client = world.client();
    let begun = tokio::time::Instant::now();
    let read = async |path: &str| {
        client.call::<Value>(Request::get(format!("nodes/pve1/{path}")).node("pve1")).await.unwrap();
        begun.elapsed().as_secs()
    };
    assert_eq!(tokio::join!(read("disks/list"), read("status")), (20, 5));
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_cannot_be_dialled_is_left_alone_for_a_while() {
    let world = fine();
    let client = world.client();
    world.power("b", false);
    let write = || client.call::<Value>(Request::post("nodes/pve2/ceph/mon/pve2").node("pve2"));
    for _ in 0..5 {
        write().await.unwrap();
    }
    assert_eq!(world.dialled("b"), 1, "each write to its node would wait for the connection first");
    assert_eq!(world.lines(), ["a POST /nodes/pve2/ceph/mon/pve2"; 5]);
    tokio::time::sleep(Duration::from_secs(11)).await;
    write().await.unwrap();
    assert_eq!(world.dialled("b"), 2);
    world.power("b", true);
    tokio::time::sleep(Duration::from_secs(21)).await;
    write().await.unwrap();
    assert_eq!(world.lines().last().unwrap(), "b POST /nodes/pve2/ceph/mon/pve2");
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_is_given_up() {
    let world = World::new(|call| if call.host == "a" { Reply::Hang } else { Reply::Data(json!(1)) });
    let client = world.client();
    assert!(post(&client).await.unwrap_err().answer_lost());
    get(&client).await.unwrap();
    assert_eq!(world.lines(), ["a POST /pools", "b GET /version"]);
}

#[tokio::test(start_paused = true)]
async fn answers_are_bounded() {
    let world = World::new(|_| Reply::Raw(http::Response::new(vec![b' '; (32 << 20) + 1].into())));
    let error = get(&world.client()).await.unwrap_err();
    assert!(matches!(&error, Error::Protocol { message, .. } if message.contains("32 MiB")), "{error}");
}

#[tokio::test(start_paused = true)]
async fn requests_look_as_pve_wants_them() {
    let world = fine();
    let client = world.client();
    client.call::<Value>(Request::post("a")).await.unwrap();
    client.call::<Value>(Request::put("a").param("k", "v;w")).await.unwrap();
    client.call::<Value>(Request::delete("a").param("k", "v w")).await.unwrap();
    let calls = world.calls();
    // PVE wants a length with every POST, and no content with a DELETE.
    assert_eq!(calls[0].header("content-length"), Some("0"));
    assert_eq!((calls[1].form.as_str(), calls[1].header("content-length")), ("k=v%3Bw", Some("7")));
    assert_eq!(calls[1].header("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(calls[2].line, "DELETE /a?k=v%20w");
    assert!(matches!(calls[2].header("content-length"), None | Some("0")));
    assert!(
        calls.iter().all(|call| call.header("transfer-encoding").is_none() && call.header("host") == Some("a:8006"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_node_cannot_have_two_endpoints() {
    let config = two_nodes().endpoint("pve1", "https://c");
    assert!(matches!(Client::new(config), Err(Error::Config(_))));
    assert!(matches!(Client::new(crate::Config::default()), Err(Error::Config(_))));
}
