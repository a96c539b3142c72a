//! Writes in their queues.

use std::sync::Mutex;

use serde_json::{Value, json};

use super::*;
use crate::testing::{Reply, World, settle, two_nodes};

const HELD: &str = "can't lock file '/var/lock/qemu-server/lock-100.conf' - got timeout";

fn slow() -> World {
    World::new(|_| Reply::After(Duration::from_secs(1), Box::new(Reply::Data(json!(1)))))
}

async fn write(client: &Client, lock: Lock, path: &str) -> Result<Value, Error> {
    client.write(lock, &[Area::Guests], Request::post(path)).await
}

#[tokio::test(start_paused = true)]
async fn writes_with_one_lock_go_in_order_and_one_at_a_time() {
    let world = slow();
    let client = world.client();
    let begun = Instant::now();
    let (client, order) = (&client, Mutex::new(Vec::new()));
    let writes = (0..8).map(|number| {
        let order = &order;
        async move {
            write(client, Lock::Vm(100), &number.to_string()).await.unwrap();
            order.lock().unwrap().push(number);
        }
    });
    futures_util::future::join_all(writes).await;
    assert_eq!(*order.lock().unwrap(), (0..8).collect::<Vec<_>>());
    assert_eq!(world.lines()[..3], ["a POST /0", "a POST /1", "a POST /2"]);
    assert_eq!((world.most_in_flight(), begun.elapsed().as_secs()), (1, 8));
}

#[tokio::test(start_paused = true)]
async fn writes_with_different_locks_do_not_wait() {
    let world = slow();
    let client = world.client();
    let begun = Instant::now();
    let (one, two) = tokio::join!(write(&client, Lock::Vm(100), "x"), write(&client, Lock::Vm(101), "y"));
    one.unwrap();
    two.unwrap();
    assert_eq!((world.most_in_flight(), begun.elapsed().as_secs()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn a_writer_that_gives_up_leaves_the_queue() {
    let world = slow();
    let client = world.client();
    let first = write(&client, Lock::Ha, "first");
    let second = tokio::time::timeout(Duration::from_millis(100), write(&client, Lock::Ha, "second"));
    let third = write(&client, Lock::Ha, "third");
    let (first, second, third) = tokio::join!(first, second, third);
    assert!(first.is_ok() && second.is_err() && third.is_ok());
    assert_eq!(world.lines(), ["a POST /first", "a POST /third"]);
}

#[tokio::test(start_paused = true)]
async fn contention_is_waited_out() {
    let mut refusals = 3;
    let world = World::new(move |_| {
        refusals -= 1;
        if refusals >= 0 { Reply::Error(500, HELD) } else { Reply::Data(json!("done")) }
    });
    let client = world.client();
    assert_eq!(write(&client, Lock::Vm(100), "x").await.unwrap(), "done");
    assert_eq!(world.calls().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn contention_is_not_waited_out_for_ever() {
    let world = World::new(|_| Reply::Error(500, HELD));
    let client = world.client();
    let begun = Instant::now();
    let error = write(&client, Lock::Vm(100), "x").await.unwrap_err();
    assert!(error.is_contention() && error.refused());
    let patience = client.inner.lock_patience;
    assert!(begun.elapsed() <= patience && begun.elapsed() > patience / 2, "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_guest_locked_by_a_backup_is_told_at_once() {
    let world = World::new(|_| Reply::Error(500, "VM is locked (backup)"));
    let error = write(&world.client(), Lock::Vm(100), "x").await.unwrap_err();
    assert!(matches!(error, Error::Locked { by: Some(by), .. } if by == "backup"));
    assert_eq!(world.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_the_stop_nothing_is_written() {
    let world = slow();
    let stop = CancellationToken::new();
    let client = world.client().with_stop(stop.clone());
    let running = tokio::spawn({
        let client = client.clone();
        async move { write(&client, Lock::Ha, "running").await }
    });
    settle().await;
    let queued = tokio::spawn({
        let client = client.clone();
        async move { write(&client, Lock::Ha, "queued").await }
    });
    settle().await;
    stop.cancel();
    // What was sent is waited for; what was not is not sent.
    assert!(running.await.unwrap().is_ok());
    let error = queued.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::Stopped { upid: None }) && error.refused());
    assert!(client.call::<Value>(Request::put("x")).await.is_err());
    client.call::<Value>(Request::get("x")).await.unwrap();
    assert_eq!(world.lines(), ["a POST /running", "a GET /x"]);
}

#[tokio::test(start_paused = true)]
async fn a_held_place_keeps_others_out() {
    let world = slow();
    let client = world.client();
    let place = client.begin_write(Lock::Crush, &[Area::Crush]).await.unwrap();
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { write(&client, Lock::Crush, "later").await }
    });
    tokio::time::sleep(Duration::from_secs(60)).await;
    client.call::<Value>(Request::post("now")).await.unwrap();
    assert_eq!(world.lines(), ["a POST /now"]);
    drop(place);
    waiting.await.unwrap().unwrap();
    assert_eq!(world.lines(), ["a POST /now", "a POST /later"]);
}

#[tokio::test(start_paused = true)]
async fn building_a_client_sends_nothing() {
    let world = slow();
    let _client =
        world.client_of(two_nodes().login("root@pam", "x").ca(crate::config::Ca::File("/nonexistent".into())));
    settle().await;
    assert_eq!((world.opened(), world.calls().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_ceph_stumbles_at_is_read_once_more() {
    for text in [
        "mon_command failed - command not known",
        "got timeout",
        "error with 'osd df': got timeout",
        "rados_connect failed - Operation not supported",
    ] {
        let mut failed = false;
        let world = World::new(move |_| match std::mem::replace(&mut failed, true) {
            true => Reply::Data(json!(1)),
            false => Reply::Error(500, text),
        });
        assert_eq!(world.client().call::<Value>(Request::get("nodes/localhost/ceph/pool")).await.unwrap(), 1, "{text}");
        assert_eq!(world.calls().len(), 2);
    }
    // Not for ever, not where it is no stumble, not of others, and never a write.
    for (text, request, asked) in [
        ("got timeout", Request::get("nodes/localhost/ceph/pool"), 2),
        ("mon_command failed - unrecognized pool 'x'", Request::get("nodes/localhost/ceph/pool/x/status"), 1),
        ("pveceph configuration not initialized", Request::get("nodes/localhost/ceph/pool"), 1),
        ("got timeout", Request::get("nodes/localhost/storage"), 1),
        ("got timeout", Request::post("nodes/pve1/ceph/osd"), 1),
        ("mon_command failed - EBUSY", Request::delete("nodes/pve1/ceph/pool/x"), 1),
    ] {
        let world = World::new(move |_| Reply::Error(500, text));
        let told = request.describe();
        world.client().call::<Value>(request).await.unwrap_err();
        assert_eq!(world.calls().len(), asked, "{told}: {text}");
    }
}
