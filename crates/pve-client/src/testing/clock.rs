//! Paused time and sockets: a clock that stands still while bytes are on their way.
//!
//! Paused, the runtime moves its clock to the next timer as soon as nothing can run, and what the kernel is about to hand
//! over counts for nothing: a request would be out of time before its server has heard of it. So while a request is under
//! way and its server is not waiting on purpose, somebody is always about to run.

use std::cell::{Cell, RefCell};
use std::task::{Poll, Waker};
use std::time::Duration;

/// So many turns of everybody else without any change, and nothing is on its way.
const STILL: usize = 40;

/// After so many a request is taken for one that waits for the clock, whatever its server does; and again after so many
/// between steps of the clock, as long as nothing changes.
const ENOUGH: (usize, usize) = (200, 10);

/// The first and the longest step of the clock while a request is under way.
const STEP: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(100));

#[derive(Default)]
struct Traffic {
    /// Requests under way.
    moving: Cell<usize>,
    /// Those of them whose server waits on purpose.
    waiting: Cell<usize>,
    /// Counts every change.
    changes: Cell<usize>,
    keepers: RefCell<Vec<Waker>>,
}

impl Traffic {
    fn change(&self, count: &Cell<usize>, more: bool) {
        count.set(if more { count.get() + 1 } else { count.get().saturating_sub(1) });
        self.changes.set(self.changes.get() + 1);
        self.keepers.take().into_iter().for_each(Waker::wake);
    }
}

// A test's runtime has one thread, which is the test's own.
thread_local! {
    static TRAFFIC: Traffic = Traffic::default();
}

/// As long as it lives, a request is under way.
pub(crate) struct Moving(());

pub(crate) fn moving() -> Moving {
    TRAFFIC.with(|traffic| traffic.change(&traffic.moving, true));
    Moving(())
}

impl Drop for Moving {
    fn drop(&mut self) {
        let _ = TRAFFIC.try_with(|traffic| traffic.change(&traffic.moving, false));
    }
}

/// As long as it lives, the server of a request waits on purpose.
pub(crate) struct Waiting(());

pub(crate) fn waiting() -> Waiting {
    TRAFFIC.with(|traffic| traffic.change(&traffic.waiting, true));
    Waiting(())
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = TRAFFIC.try_with(|traffic| traffic.change(&traffic.waiting, false));
    }
}

/// Keeps the clock for as long as the runtime lives.
pub(crate) fn keep() {
    tokio::spawn(async {
        let (mut step, mut seen) = (STEP.0, 0);
        loop {
            let mut turns = 0;
            loop {
                let enough = if step == STEP.0 { ENOUGH.0 } else { ENOUGH.1 };
                if turns >= if busy() { enough } else { STILL } {
                    break;
                }
                tokio::task::yield_now().await;
                turns += 1;
                let now = TRAFFIC.with(|traffic| traffic.changes.get());
                if now != seen {
                    (seen, step, turns) = (now, STEP.0, 0);
                }
            }
            if busy() {
                tokio::time::sleep(step).await;
                step = (step * 2).min(STEP.1);
            } else {
                changed().await;
            }
        }
    });
}

fn busy() -> bool {
    TRAFFIC.with(|traffic| traffic.moving.get() > traffic.waiting.get())
}

async fn changed() {
    let begun = TRAFFIC.with(|traffic| traffic.changes.get());
    std::future::poll_fn(|cx| {
        TRAFFIC.with(|traffic| {
            if traffic.changes.get() != begun {
                return Poll::Ready(());
            }
            traffic.keepers.borrow_mut().push(cx.waker().clone());
            Poll::Pending
        })
    })
    .await;
}
