//! What becomes of every resource's example when its apply, a change of it or its destroy is cut off at one of its requests: a provider that
//! is killed there, or a connection that breaks. A new resource is tried by itself.
//!
//! A sample, another one each day (`MATRIX_SEED` repeats one), unless `MATRIX=whole`: every write, and of the reads one of
//! each kind between two writes. `MATRIX_ONLY` narrows it to cells whose names contain a text. What a real Terraform is
//! needed for (its own death, Ctrl-C, timeouts) is in the crash matrix of the acceptance tests.

pub(super) mod cell;
pub(super) mod difference;
pub(super) mod needless;
pub(super) mod point;
mod table;

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex};

use acceptance_tests::lots::seed;
use tokio::task::JoinSet;

use self::cell::{Cell, Converged, Subject};
use self::table::Table;
use super::lives::named;

/// So many resources, and so many cells of each, unless everything is tried.
const SAMPLE: (usize, usize) = (6, 6);
/// So many go at a time: most of the time each waits for its cluster.
const AT_A_TIME: usize = 8;

/// Whether everything is to be tried, not a sample.
pub(super) fn is_whole() -> bool {
    std::env::var("MATRIX").is_ok_and(|which| which == "whole")
}

/// So many of them by lot.
pub(super) fn drawn<T>(random: &mut fastrand::Rng, mut from: Vec<T>, count: usize) -> Vec<T> {
    random.shuffle(&mut from);
    from.truncate(count);
    from
}

/// What becomes of each name, a few at a time: clocks go fast here, and on a machine that cannot follow tickets end too soon.
pub(super) async fn few_at_a_time<T, F>(names: Vec<String>, of: impl Fn(String) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let mut all = Vec::new();
    for few in names.chunks(AT_A_TIME) {
        let running: JoinSet<T> = few.iter().cloned().map(&of).collect();
        all.extend(running.join_all().await);
    }
    all
}

/// The cells that are to be tried, each with its subject.
async fn chosen(whole: bool) -> VecDeque<(Arc<Subject>, Cell)> {
    let only = std::env::var("MATRIX_ONLY").unwrap_or_default();
    let mut random = fastrand::Rng::with_seed(seed("MATRIX_SEED"));
    let mut names = named("resources");
    if !whole && only.is_empty() {
        names = drawn(&mut random, names, SAMPLE.0);
    }
    names.retain(|name| !only.starts_with("pve_") || only.starts_with(name.as_str()));
    let mut subjects = few_at_a_time(names, Subject::measured).await;
    subjects.sort_by(|one, other| one.name.cmp(&other.name));
    let mut all = VecDeque::new();
    for subject in subjects.into_iter().map(Arc::new) {
        let mut cells = subject.cells();
        cells.retain(|cell| format!("{}: {cell}", subject.name).contains(&only));
        if !whole {
            cells = drawn(&mut random, cells, SAMPLE.1);
        }
        all.extend(cells.into_iter().map(|cell| (subject.clone(), cell)));
    }
    all
}

async fn tried(subject: Arc<Subject>, cell: Cell) -> Result<Converged, String> {
    let run = tokio::spawn(async move { cell.run(&subject).await });
    run.await.unwrap_or_else(|panic| Err(format!("it panicked: {panic}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_cut_off_comes_to_what_an_undisturbed_run_makes() {
    let cells = Mutex::new(chosen(is_whole()).await);
    assert!(!cells.lock().unwrap().is_empty());
    let (cells, table) = (Arc::new(cells), Arc::new(Mutex::new(Table::default())));
    let mut workers = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let (cells, table) = (cells.clone(), table.clone());
        workers.spawn(async move {
            loop {
                let next = cells.lock().unwrap().pop_front();
                let Some((subject, cell)) = next else { break };
                let end = tried(subject.clone(), cell.clone()).await;
                table.lock().unwrap().count(&subject.name, &cell, end);
            }
        });
    }
    workers.join_all().await;
    let table = table.lock().unwrap();
    eprintln!("{table}");
    assert!(table.failed.is_empty(), "{} failed:\n{}", table.failed.len(), table.failed.join("\n"));
}
