//! Thousands of ways in which reads and writes can come between each other, and none after which somebody reads what was
//! there before a write.
//!
//! Each schedule is made from a number: who reads and writes what, in which order they begin, and how long every step of
//! theirs takes, on paused time. So a schedule that fails is the same one when it is tried again.
//!
//! What is not promised: while a write is under way, of two reads the later one may see the earlier state, since PVE may
//! take two requests in either order.

use std::sync::atomic::{AtomicU64, Ordering};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use super::*;
use crate::testing::{Reply, World};
use crate::{Lock, Patience};

/// What there is to read: two lists that change together, and one that does not belong to them.
const LISTS: [(&str, Area); 3] = [("pools", Area::CephPools), ("pool/vm", Area::CephPools), ("ha", Area::Ha)];

/// Which of a write's two new generations are begun.
#[derive(Clone, Copy, PartialEq)]
enum Bumps {
    Both,
    /// To see that the schedules would notice.
    OnlyAtTheStart,
}

/// The truth, which writes raise, and what a reader who begins now must see at least.
#[derive(Default)]
struct Ledger {
    truth: [AtomicU64; 3],
    known: [AtomicU64; 3],
    stale: AtomicU64,
    shared: AtomicU64,
    fetched: AtomicU64,
}

impl Ledger {
    fn value(&self, list: usize) -> u64 {
        self.truth[list].load(Ordering::SeqCst)
    }

    /// From now on nobody may read less.
    fn knows(&self, list: usize, value: u64) {
        self.known[list].fetch_max(value, Ordering::SeqCst);
    }
}

/// A time to pass: often none at all, sometimes a turn of everybody else, sometimes longer than a value lives.
async fn while_away(random: &mut StdRng) {
    match random.random_range(0..8) {
        0..3 => {}
        3 => {
            for _ in 0..random.random_range(1..4) {
                tokio::task::yield_now().await;
            }
        }
        4..7 => tokio::time::sleep(Duration::from_millis(random.random_range(1..5))).await,
        _ => tokio::time::sleep(Duration::from_millis(random.random_range(1..2500))).await,
    }
}

fn key(list: usize) -> Key {
    Key { uri: LISTS[list].0.to_owned(), root: false, kind: TypeId::of::<u64>() }
}

/// Reads one list a few times.
async fn reader(shared: SharedReads, ledger: Arc<Ledger>, mut random: StdRng) {
    for _ in 0..random.random_range(1..5) {
        while_away(&mut random).await;
        let list = random.random_range(0..LISTS.len());
        let least = ledger.known[list].load(Ordering::SeqCst);
        let (server, mut way) = (ledger.clone(), StdRng::seed_from_u64(random.random()));
        let fetch = || async move {
            server.fetched.fetch_add(1, Ordering::SeqCst);
            while_away(&mut way).await;
            let value = server.value(list);
            while_away(&mut way).await;
            match way.random_range(0..20) {
                0 => Err(Error::Stopped { upid: None }),
                _ => Ok(Arc::new(value) as Value),
            }
        };
        ledger.shared.fetch_add(1, Ordering::SeqCst);
        let found = match shared.look_up(LISTS[list].1, key(list), fetch) {
            Ok(value) => Ok(value),
            Err(fetch) => fetch.await,
        };
        if let Ok(value) = found {
            let value = *value.downcast::<u64>().unwrap();
            if value < least {
                ledger.stale.fetch_add(1, Ordering::SeqCst);
            }
        }
    }
}

/// Writes to one area a few times: the change comes somewhere between the start and the end.
async fn writer(shared: SharedReads, ledger: Arc<Ledger>, bumps: Bumps, mut random: StdRng) {
    for _ in 0..random.random_range(1..4) {
        while_away(&mut random).await;
        let area = LISTS[random.random_range(0..LISTS.len())].1;
        let lists: Vec<usize> = (0..LISTS.len()).filter(|list| LISTS[*list].1 == area).collect();
        shared.bump(&[area]);
        // A task changes things more than once.
        for _ in 0..random.random_range(1..3) {
            while_away(&mut random).await;
            for list in &lists {
                ledger.truth[*list].fetch_add(1, Ordering::SeqCst);
            }
        }
        while_away(&mut random).await;
        if bumps == Bumps::Both {
            shared.bump(&[area]);
        }
        for list in lists {
            ledger.knows(list, ledger.value(list));
        }
    }
}

/// One schedule: how many reads were stale, how many there were, and for how many of them something was fetched.
async fn schedule(seed: u64, bumps: Bumps) -> (u64, u64, u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let (shared, ledger) = (SharedReads::default(), Arc::new(Ledger::default()));
    let mut actors: Vec<BoxFuture<'static, ()>> = Vec::new();
    for _ in 0..random.random_range(2..6) {
        let own = StdRng::seed_from_u64(random.random());
        actors.push(reader(shared.clone(), ledger.clone(), own).boxed());
    }
    for _ in 0..random.random_range(1..4) {
        let own = StdRng::seed_from_u64(random.random());
        actors.push(writer(shared.clone(), ledger.clone(), bumps, own).boxed());
    }
    actors.shuffle(&mut random);
    for actor in actors.into_iter().map(tokio::spawn).collect::<Vec<_>>() {
        actor.await.unwrap();
    }
    let of = |count: &AtomicU64| count.load(Ordering::SeqCst);
    (of(&ledger.stale), of(&ledger.shared), of(&ledger.fetched))
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_schedules_without_a_stale_read() {
    let (mut reads, mut fetches) = (0, 0);
    for seed in 0..10_000 {
        let (stale, read, fetched) = schedule(seed, Bumps::Both).await;
        assert_eq!(stale, 0, "schedule {seed}");
        (reads, fetches) = (reads + read, fetches + fetched);
    }
    // It is a cache, too.
    assert!(reads > 50_000 && fetches * 10 < reads * 9, "{reads} reads, {fetches} fetches");
}

#[tokio::test(start_paused = true)]
async fn the_schedules_notice_a_write_whose_end_goes_unseen() {
    let mut noticed = 0;
    for seed in 0..1000 {
        noticed += u64::from(schedule(seed, Bumps::OnlyAtTheStart).await.0 > 0);
    }
    assert!(noticed > 50, "{noticed} of 1000");
}

/// A schedule of a whole client: plain writes, and writes that PVE carries out as a task.
async fn with_a_client(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let ledger = Arc::new(Ledger::default());
    let (server, mut way) = (ledger.clone(), StdRng::seed_from_u64(random.random()));
    let world = World::new(move |call| {
        let later = Duration::from_millis(way.random_range(0..40));
        let reply = match call.line.as_str() {
            "GET /pools" => json!(server.value(0)),
            "POST /pools" => json!(server.truth[0].fetch_add(1, Ordering::SeqCst)),
            "POST /task" => json!("UPID:pve1:1:1:1:cephcreatepool:x:u@pve!t:"),
            _ if way.random() => json!({ "status": "running" }),
            // What the task did is there by the time it has ended.
            _ => {
                server.truth[0].fetch_add(1, Ordering::SeqCst);
                json!({ "status": "stopped", "exitstatus": "OK" })
            }
        };
        Reply::After(later, Box::new(Reply::Data(reply)))
    });
    let client = world.client();
    let actors: Vec<_> = (0..6)
        .map(|actor| {
            let (client, ledger) = (client.clone(), ledger.clone());
            let mut random = StdRng::seed_from_u64(random.random());
            tokio::spawn(async move {
                for _ in 0..3 {
                    while_away(&mut random).await;
                    let least = ledger.known[0].load(Ordering::SeqCst);
                    let areas = [Area::CephPools];
                    match actor {
                        0 => drop(client.write::<u64>(Lock::CephPool, &areas, Request::post("pools")).await.unwrap()),
                        1 => {
                            let task = client.write_task(Lock::CephPool, &areas, Request::post("task"));
                            task.await.unwrap().wait(&Patience::default(), |_| {}).await.unwrap();
                        }
                        _ => {
                            let value = client.shared::<u64>(Area::CephPools, Request::get("pools")).await.unwrap();
                            assert!(*value >= least, "schedule {seed}: {value} after {least}");
                            continue;
                        }
                    }
                    ledger.knows(0, ledger.value(0));
                }
            })
        })
        .collect();
    for actor in actors {
        actor.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn nor_with_a_whole_client() {
    for seed in 0..100 {
        with_a_client(seed).await;
    }
}
