//! One fetch for many, and never what was there before a write.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::json;

use super::*;
use crate::testing::{Reply, World, settle};
use crate::{Lock, Patience};

/// A PVE with one number, which every POST raises at once and of which a GET tells what it was when the GET arrived.
/// Answers to GETs take `delay`.
fn counter(delay: Duration) -> (World, Arc<AtomicU64>) {
    let number = Arc::new(AtomicU64::new(0));
    let kept = number.clone();
    let world = World::new(move |call| match call.line.starts_with("GET") {
        true => Reply::After(delay, Box::new(Reply::Data(json!(kept.load(Ordering::SeqCst))))),
        false => Reply::Data(json!(kept.fetch_add(1, Ordering::SeqCst) + 1)),
    });
    (world, number)
}

async fn read(client: &Client) -> u64 {
    *client.shared::<u64>(Area::CephPools, Request::get("pools")).await.unwrap()
}

async fn write(client: &Client) {
    client.write::<u64>(Lock::CephPool, &[Area::CephPools], Request::post("pools")).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_hundred_readers_cost_one_request() {
    let (world, _) = counter(Duration::from_millis(5));
    let client = world.client();
    let values = futures_util::future::join_all((0..100).map(|_| read(&client))).await;
    assert!(values.iter().all(|value| *value == 0));
    assert_eq!(world.calls().len(), 1);
    tokio::time::sleep(Duration::from_millis(1990)).await;
    read(&client).await;
    assert_eq!(world.calls().len(), 1);
    tokio::time::sleep(Duration::from_millis(20)).await;
    read(&client).await;
    assert_eq!(world.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_write_ends_what_was_read_before() {
    let (world, _) = counter(Duration::ZERO);
    let client = world.client();
    assert_eq!(read(&client).await, 0);
    write(&client).await;
    assert_eq!(read(&client).await, 1);
    // A write elsewhere leaves it alone.
    client.write::<u64>(Lock::Ha, &[Area::Ha], Request::post("ha")).await.unwrap();
    assert_eq!(read(&client).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_begun_before_a_write_is_not_handed_out_after_it() {
    let (world, _) = counter(Duration::from_millis(500));
    let client = world.client();
    let early = tokio::spawn({
        let client = client.clone();
        async move { read(&client).await }
    });
    settle().await;
    assert_eq!(world.lines(), ["a GET /pools"]);
    write(&client).await;
    // It is still on its way, and carries the old number; whoever asks now must not get it.
    assert!(!early.is_finished());
    assert_eq!(read(&client).await, 1);
    assert_eq!(early.await.unwrap(), 0);
    assert_eq!(read(&client).await, 1, "and it does not take the place of the newer one");
}

#[tokio::test(start_paused = true)]
async fn a_slow_old_fetch_does_not_replace_a_quick_new_one() {
    let number = Arc::new(AtomicU64::new(0));
    let kept = number.clone();
    let mut delay = Duration::from_secs(1);
    let world = World::new(move |_| {
        let delay = std::mem::take(&mut delay);
        Reply::After(delay, Box::new(Reply::Data(json!(kept.load(Ordering::SeqCst)))))
    });
    let client = world.client();
    let slow = tokio::spawn({
        let client = client.clone();
        async move { read(&client).await }
    });
    settle().await;
    number.store(1, Ordering::SeqCst);
    client.inner.shared.bump(&[Area::CephPools]);
    assert_eq!(read(&client).await, 1);
    assert_eq!(slow.await.unwrap(), 0);
    assert_eq!(read(&client).await, 1);
    assert_eq!(world.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_read_while_a_task_runs_ends_with_it() {
    let upid = "UPID:pve1:1:1:1:cephcreatepool:x:u@pve!t:";
    let made = Arc::new(AtomicU64::new(0));
    let kept = made.clone();
    let world = World::new(move |call| match call.line.split(' ').next_back().unwrap() {
        "/create" => {
            kept.store(3, Ordering::SeqCst);
            Reply::Data(json!(upid))
        }
        "/pools" => Reply::Data(json!(kept.load(Ordering::SeqCst))),
        _ => {
            kept.store(1, Ordering::SeqCst);
            Reply::Data(json!({ "status": "stopped", "exitstatus": "OK" }))
        }
    });
    let client = world.client();
    let create = || client.write_task(Lock::CephPool, &[Area::CephPools], Request::post("create"));
    assert_eq!(read(&client).await, 0);
    let mut task = create().await.unwrap();
    assert_eq!(read(&client).await, 3, "the start of the task ends what was read before");
    task.wait(&Patience::default(), |_| {}).await.unwrap();
    assert_eq!(read(&client).await, 1, "the end of the task ends the old value");

    let task = create().await.unwrap();
    assert_eq!(read(&client).await, 3);
    made.store(5, Ordering::SeqCst);
    assert_eq!(read(&client).await, 3);
    drop(task);
    assert_eq!(read(&client).await, 5, "so does dropping its handle");
    let task = create().await.unwrap();
    assert_eq!(read(&client).await, 3);
    made.store(6, Ordering::SeqCst);
    task.detach();
    assert_eq!(read(&client).await, 6, "and detaching it");
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_gives_up_does_not_take_the_others_along() {
    let (world, _) = counter(Duration::from_millis(500));
    let client = world.client();
    let first = tokio::time::timeout(Duration::from_millis(100), read(&client));
    let (first, second) = tokio::join!(first, read(&client));
    assert!(first.is_err());
    assert_eq!(second, 0);
    assert_eq!(world.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn errors_are_shared_but_not_kept() {
    let world = World::new(|_| Reply::Error(500, "no such ha rule 'x'"));
    let client = world.client();
    let ask = || client.shared::<u64>(Area::Ha, Request::get("ha"));
    let (one, two) = tokio::join!(ask(), ask());
    assert!(one.unwrap_err().is_absent() && two.unwrap_err().is_absent());
    assert_eq!(world.calls().len(), 1);
    ask().await.unwrap_err();
    assert_eq!(world.calls().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn different_questions_have_different_answers() {
    let (world, _) = counter(Duration::ZERO);
    let client = world.client();
    read(&client).await;
    client.shared::<u64>(Area::CephPools, Request::get("pools").param("verbose", 1)).await.unwrap();
    client.shared::<u32>(Area::CephPools, Request::get("pools")).await.unwrap();
    assert_eq!(world.calls().len(), 3);
}
