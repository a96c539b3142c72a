//! Waits on paused time, through everything that happens to PVE meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::testing::{Call, Reply, World, settle, two_nodes};

const UPID: &str = "UPID:pve2:00001234:00070B18:6B032D7F:qmmove:100:u@pve!t:";
const LOCKED: &str = "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout";

/// What a call is about, in the tests' scripts.
fn about(call: &Call) -> &'static str {
    match call.line.as_str() {
        line if line.starts_with("POST") => "start",
        line if line.ends_with("/status") && line.contains("/tasks/") => "status",
        line if line.contains("/log?") => "log",
        "GET /cluster/status" => "cluster",
        other => panic!("unexpected {other}"),
    }
}

fn running() -> Reply {
    Reply::Data(json!({ "status": "running" }))
}

fn ended(exit: &str) -> Reply {
    Reply::Data(json!({ "status": "stopped", "exitstatus": exit }))
}

fn log(lines: &[&str], call: &Call) -> Reply {
    let start: usize = call.line.split("start=").nth(1).unwrap().split('&').next().unwrap().parse().unwrap();
    let lines = lines.iter().enumerate().skip(start);
    Reply::Data(lines.map(|(index, text)| json!({ "n": index + 1, "t": text })).collect())
}

fn cluster(online: u8, quorate: u8) -> Reply {
    Reply::Data(json!([
        { "type": "cluster", "name": "c", "quorate": quorate },
        { "type": "node", "name": "pve1", "online": 1 },
        { "type": "node", "name": "pve2", "online": online },
    ]))
}

/// A world where a started task's status is looked at `script(nth look)`.
fn looks(mut script: impl FnMut(usize) -> Reply + Send + 'static) -> World {
    let mut nth = 0;
    World::new(move |call| match about(call) {
        "start" => Reply::Data(json!(UPID)),
        "status" => {
            nth += 1;
            script(nth)
        }
        "log" => log(&["one", "two", "TASK ERROR: bad"], call),
        _ => cluster(1, 1),
    })
}

async fn start(world: &World) -> Task {
    start_with(&world.client()).await
}

async fn start_with(client: &Client) -> Task {
    client
        .write_task(Lock::Vm(100), &[Area::Guests], Request::post("nodes/pve2/qemu/100/move_disk").node("pve2"))
        .await
        .unwrap()
}

async fn wait(task: &mut Task) -> Result<(), Error> {
    task.wait(&Patience::default(), |_| {}).await
}

fn status_looks(world: &World) -> usize {
    world.calls().iter().filter(|call| about(call) == "status").count()
}

#[tokio::test(start_paused = true)]
async fn a_short_task_ends_soon_and_a_long_one_is_looked_at_seldom() {
    let world = looks(|_| ended("OK"));
    let mut task = start(&world).await;
    let begun = Instant::now();
    wait(&mut task).await.unwrap();
    assert!(begun.elapsed() <= Duration::from_millis(100));
    wait(&mut task).await.unwrap();
    assert_eq!(status_looks(&world), 1, "the end is remembered");

    let begun = Instant::now();
    let world = looks(move |_| if begun.elapsed() < Duration::from_secs(600) { running() } else { ended("OK") });
    wait(&mut start(&world).await).await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(604));
    assert!((200..220).contains(&status_looks(&world)), "{}", status_looks(&world));
}

#[tokio::test(start_paused = true)]
async fn the_task_is_asked_of_its_own_node() {
    let world = looks(|_| ended("OK"));
    wait(&mut start(&world).await).await.unwrap();
    let line = &world.lines()[1];
    assert_eq!(line, "a GET /nodes/pve2/tasks/UPID:pve2:00001234:00070B18:6B032D7F:qmmove:100:u@pve!t:/status");
}

#[tokio::test(start_paused = true)]
async fn a_failure_tells_the_last_lines() {
    let world = World::new(|call| match about(call) {
        "start" => Reply::Data(json!(UPID)),
        "status" => ended("storage migration failed: no space"),
        _ => {
            let lines: Vec<String> = (1..=30).map(|n| format!("line {n}")).collect();
            log(&lines.iter().map(String::as_str).collect::<Vec<_>>(), call)
        }
    });
    let Err(Error::TaskFailed(failure)) = wait(&mut start(&world).await).await else { panic!() };
    assert_eq!(failure.status, "storage migration failed: no space");
    assert_eq!((failure.log.len(), failure.log[0].as_str(), failure.log[19].as_str()), (20, "line 11", "line 30"));
}

#[tokio::test(start_paused = true)]
async fn warnings_are_success_and_are_told() {
    let world = World::new(|call| match about(call) {
        "start" => Reply::Data(json!(UPID)),
        "status" => ended("WARNINGS: 1"),
        _ => log(&["begin", "WARN: something smells", "TASK WARNINGS: 1"], call),
    });
    let mut task = start(&world).await;
    wait(&mut task).await.unwrap();
    assert_eq!(task.warnings(), ["WARN: something smells"]);
}

#[tokio::test(start_paused = true)]
async fn a_killed_worker_has_no_result() {
    for reply in [|| ended("unexpected status"), || Reply::Data(json!({ "status": "stopped" }))] {
        let world = looks(move |_| reply());
        assert!(matches!(wait(&mut start(&world).await).await, Err(Error::TaskLost { .. })));
    }
}

#[tokio::test(start_paused = true)]
async fn a_vanished_task_is_lost() {
    let world = looks(|nth| match nth {
        1 => running(),
        _ => {
            let body = json!({ "data": null, "errors": { "upid": "no such task" }, "message": "Parameter verification failed.\n" });
            Reply::Raw(http::Response::builder().status(400).body(body.to_string().into()).unwrap())
        }
    });
    let error = wait(&mut start(&world).await).await.unwrap_err();
    assert!(matches!(&error, Error::TaskLost { .. }) && error.answer_lost() && !error.refused(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn trouble_on_the_way_does_not_end_the_wait() {
    let world = looks(|nth| match nth {
        1 | 6 => running(),
        2 => Reply::Error(596, "Connection timed out"),
        3 => Reply::Drop,
        4 => Reply::Hang,
        5 => Reply::Error(500, "got timeout"),
        7 => Reply::Raw(http::Response::new("<html>maintenance".into())),
        8 => Reply::Error(595, "No route to host"),
        _ => ended("OK"),
    });
    wait(&mut start(&world).await).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn all_endpoints_may_be_away_for_a_while() {
    let world = looks(|nth| if nth < 5 { running() } else { ended("OK") });
    let mut task = start(&world).await;
    for host in ["a", "b"] {
        world.power(host, false);
    }
    world.cut().await;
    let waiting = tokio::spawn(async move { wait(&mut task).await });
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert!(!waiting.is_finished());
    world.power("b", true);
    waiting.await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn without_any_sign_of_life_the_wait_ends() {
    let world = looks(|_| running());
    let mut task = start(&world).await;
    for host in ["a", "b"] {
        world.power(host, false);
    }
    world.cut().await;
    let begun = Instant::now();
    assert!(matches!(wait(&mut task).await, Err(Error::Connect { .. })));
    assert!(begun.elapsed() >= Duration::from_secs(600));
}

#[tokio::test(start_paused = true)]
async fn a_dead_node_ends_the_wait_when_the_cluster_says_so() {
    let (dead, quorate) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let (is_dead, is_quorate) = (dead.clone(), quorate.clone());
    let world = World::new(move |call| match about(call) {
        "start" => Reply::Data(json!(UPID)),
        "cluster" => cluster(u8::from(!is_dead.load(Ordering::SeqCst)), u8::from(is_quorate.load(Ordering::SeqCst))),
        _ if is_dead.load(Ordering::SeqCst) => Reply::Error(595, "No route to host"),
        _ => running(),
    });
    let mut task = start(&world).await;
    dead.store(true, Ordering::SeqCst);
    let waiting = tokio::spawn(async move { wait(&mut task).await });
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!waiting.is_finished(), "a node without quorum is not believed");
    quorate.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::NodeUnreachable { node, .. } if node == "pve2"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn patience_ends_and_one_may_wait_again() {
    let begun = Instant::now();
    let world = looks(move |_| if begun.elapsed() < Duration::from_secs(100) { running() } else { ended("OK") });
    let mut task = start(&world).await;
    let patience = Patience { timeout: Some(Duration::from_secs(30)), ..Patience::default() };
    let error = task.wait(&patience, |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { after, .. } if after == Duration::from_secs(30)));
    assert!((30..32).contains(&begun.elapsed().as_secs()));
    wait(&mut task).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hanging_answer_does_not_outlast_the_patience() {
    let world = looks(|_| Reply::Hang);
    let begun = Instant::now();
    let patience = Patience { timeout: Some(Duration::from_secs(5)), ..Patience::default() };
    let error = start(&world).await.wait(&patience, |_| {}).await.unwrap_err();
    assert!(matches!(error, Error::Timeout { .. }), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_wait_but_not_the_task() {
    let world = looks(|_| running());
    let mut task = start(&world).await;
    let patience = Patience::default();
    let stop = patience.stop.clone();
    let waiting = tokio::spawn(async move { task.wait(&patience, |_| {}).await });
    tokio::time::sleep(Duration::from_secs(7)).await;
    stop.cancel();
    let error = waiting.await.unwrap().unwrap_err();
    assert!(matches!(&error, Error::Stopped { upid: Some(upid) } if upid.as_str() == UPID) && !error.refused());
    assert!(world.lines().iter().all(|line| !line.contains("DELETE")));
}

/// A move whose log grows by a line a second and whose bytes move until `until`.
fn moving(until: Duration, begun: Instant) -> World {
    World::new(move |call| match about(call) {
        "start" => Reply::Data(json!(UPID)),
        "status" => running(),
        _ => {
            let seconds = begun.elapsed().as_secs();
            let lines = (0..seconds).map(|second| {
                let moved = second.min(until.as_secs());
                format!("mirror-scsi0: transferred {moved}.0 MiB of 32.0 GiB (0.00%) in {second}s")
            });
            log(&lines.collect::<Vec<_>>().iter().map(String::as_str).collect::<Vec<_>>(), call)
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_transfer_is_judged_by_its_bytes() {
    let begun = Instant::now();
    let world = moving(Duration::from_secs(2000), begun);
    let mut told = Vec::new();
    let patience = Patience { stall: Some(Duration::from_secs(900)), ..Patience::default() };
    let error =
        start(&world).await.wait(&patience, |progress| told.extend_from_slice(progress.lines)).await.unwrap_err();
    assert!(matches!(error, Error::Stalled { after, .. } if after == Duration::from_secs(900)), "{error}");
    assert!((2895..2910).contains(&begun.elapsed().as_secs()), "{:?}", begun.elapsed());
    let seconds = told.iter().map(|line| line.split(" in ").last().unwrap().to_owned()).collect::<Vec<_>>();
    assert!(told.len() > 2890 && seconds.windows(2).all(|pair| pair[0] != pair[1]), "each line is told once");
}

#[tokio::test(start_paused = true)]
async fn an_empty_log_is_no_line() {
    let mut nth = 0;
    let world = World::new(move |call| match about(call) {
        "start" => Reply::Data(json!(UPID)),
        "status" => {
            nth += 1;
            if nth < 4 { running() } else { ended("OK") }
        }
        _ if nth < 3 => Reply::Data(json!([{ "n": 1, "t": "no content" }])),
        _ => log(&["first"], call),
    });
    let mut told = Vec::new();
    let patience = Patience { stall: Some(Duration::from_secs(900)), ..Patience::default() };
    start(&world).await.wait(&patience, |progress| told.extend_from_slice(progress.lines)).await.unwrap();
    assert_eq!(told, ["first"]);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_got_no_lock_is_started_again() {
    let second = UPID.replace("1234", "5678");
    let mut starts = 0;
    let world = World::new(move |call| match about(call) {
        "start" => {
            starts += 1;
            Reply::Data(json!(if starts == 1 { UPID } else { second.as_str() }))
        }
        _ if call.line.contains("5678") => ended("OK"),
        _ => ended(LOCKED),
    });
    let mut task = start(&world).await;
    wait(&mut task).await.unwrap();
    assert_eq!(task.upid().pid(), 0x5678);
}

#[tokio::test(start_paused = true)]
async fn a_second_start_whose_answer_is_lost_is_the_last() {
    let mut starts = 0;
    let world = World::new(move |call| match about(call) {
        "start" => {
            starts += 1;
            if starts == 1 { Reply::Data(json!(UPID)) } else { Reply::Drop }
        }
        "status" => ended(LOCKED),
        _ => log(&["trying to acquire lock..."], call),
    });
    let mut task = start(&world).await;
    assert!(wait(&mut task).await.unwrap_err().answer_lost());
    assert!(matches!(wait(&mut task).await, Err(Error::TaskFailed(_))));
    assert_eq!(world.calls().iter().filter(|call| about(call) == "start").count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_lock_held_for_long_is_told() {
    let world = looks(|_| ended(LOCKED));
    let begun = Instant::now();
    let error = wait(&mut start(&world).await).await.unwrap_err();
    assert!(error.is_contention() && begun.elapsed() < Duration::from_secs(121), "{error}");
}

#[tokio::test(start_paused = true)]
async fn the_queue_moves_on_when_the_task_ends() {
    let begun = Instant::now();
    let world = looks(move |_| if begun.elapsed() < Duration::from_secs(30) { running() } else { ended("OK") });
    let client = world.client();
    let mut first = start_with(&client).await;
    let second = tokio::spawn({
        let client = client.clone();
        async move { start_with(&client).await }
    });
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert!(!second.is_finished());
    wait(&mut first).await.unwrap();
    let second = second.await.unwrap();
    // An attached task takes its turn as well.
    let attaching = tokio::spawn({
        let client = client.clone();
        async move { client.attach(UPID.parse().unwrap(), Lock::Vm(100), &[Area::Guests]).await }
    });
    settle().await;
    assert!(!attaching.is_finished());
    assert_eq!(second.detach().as_str(), UPID);
    wait(&mut attaching.await.unwrap().unwrap()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn anothers_task_is_read_as_root_if_need_be() {
    let world = World::new(|call| match (about(call), call.header("cookie")) {
        ("start", _) => Reply::Data(json!({ "ticket": "PVE:root@pam:0::x", "CSRFPreventionToken": "x" })),
        (_, Some(_)) => ended("OK"),
        _ => Reply::Error(403, "Permission check failed (/nodes/pve2, Sys.Audit)"),
    });
    let attach = async |client: Client| client.attach(UPID.parse().unwrap(), Lock::Ha, &[]).await.unwrap();
    let both = world.client_of(two_nodes().token("u@pve!t=secret").login("root@pam", "x"));
    wait(&mut attach(both).await).await.unwrap();
    let error = wait(&mut attach(world.client()).await).await.unwrap_err();
    assert!(matches!(error, Error::Permission(_)));
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_names_no_task_is_not_believed() {
    let world = World::new(|_| Reply::Data(Value::Null));
    let client = world.client();
    let error = client.write_task(Lock::Ha, &[], Request::post("x")).await.err().unwrap();
    assert!(error.answer_lost(), "{error}");
}
