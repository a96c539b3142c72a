//! What becomes of every resource's example when something goes wrong with one of the requests of an operation. The faults,
//! and what has to be said of each, are those of the fault matrix of the acceptance tests; a new resource is tried by itself.
//!
//! A run that is disturbed succeeds, or each of its errors names the cause and a cure. Then the fault is over, and the same
//! command is given until nothing is left to do: no import is needed, nothing is planned anew that is there, nothing sent
//! again that PVE has carried out, and in the end the cluster is what an undisturbed run makes. What is destroyed leaves
//! behind what an undisturbed destroy does.
//!
//! A sample, another one each day (`MATRIX_SEED` repeats one), unless `MATRIX=whole`: every fault at every write, and of the
//! reads at one of each kind between two writes. `MATRIX_SAMPLE` takes so many cells of every resource. `MATRIX_ONLY` narrows
//! it to cells whose names contain a text.

mod cell;
mod stand;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use acceptance_tests::fault_matrix::{Aim, FAULTS, Operation};
use acceptance_tests::lots::{number, seed};
use tokio::task::JoinSet;

use self::cell::{Cell, Converged};
use self::stand::{Prior, Stand, Undisturbed};
use super::lives::named;
use super::matrix::{drawn, few_at_a_time, is_whole};

/// So many resources, and so many cells of each, unless everything is tried.
const SAMPLE: (usize, usize) = (6, 8);
/// So many go at a time: most of the time each waits for its cluster.
const AT_A_TIME: usize = 8;
/// So many cells follow each other in one cluster.
const CHUNK: usize = 24;

const OPERATIONS: [Operation; 7] = [
    Operation::PlanCheck,
    Operation::Create,
    Operation::Read,
    Operation::Import,
    Operation::Update,
    Operation::Delete,
    Operation::Wait,
];

/// Every cell of a subject, so that one often finds what it needs from the one before.
fn cells(subject: &Undisturbed) -> Vec<Cell> {
    let mut ranked = Vec::new();
    for operation in OPERATIONS {
        let mut rank = 0;
        for fault in FAULTS {
            let points = subject.points(operation);
            // Not at the writes alone, as there: what is read on the way may be what a write relies on.
            let places = match fault.aim {
                Aim::Any if operation.writes() && operation != Operation::Wait => points.iter().collect(),
                _ => fault.places(operation, points),
            };
            for point in places {
                ranked.push((rank, Cell { operation, fault: *fault, point: point.clone() }));
                rank += 1;
            }
        }
    }
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().map(|(_, cell)| cell).collect()
}

type Chunk = (Arc<Undisturbed>, Vec<Cell>);

/// The cells that are to be tried, in clusters each.
async fn chosen(whole: bool) -> VecDeque<Chunk> {
    let only = std::env::var("MATRIX_ONLY").unwrap_or_default();
    let mut random = fastrand::Rng::with_seed(seed("MATRIX_SEED"));
    let (mut names, sample) = (named("resources"), number("MATRIX_SAMPLE").and_then(|n| usize::try_from(n).ok()));
    // What can be made but once is left out so far: one cell cannot follow the other in its cluster.
    names.retain(|name| !acceptance_tests::Beside::of(name).unwrap().once);
    if !whole && only.is_empty() && sample.is_none() {
        names = drawn(&mut random, names, SAMPLE.0);
    }
    names.retain(|name| !only.starts_with("pve_") || only.starts_with(name.as_str()));
    let mut subjects = few_at_a_time(names, Undisturbed::measured).await;
    subjects.sort_by(|one, other| one.name.cmp(&other.name));
    let mut all = VecDeque::new();
    for subject in subjects.into_iter().map(Arc::new) {
        let mut cells = cells(&subject);
        cells.retain(|cell| format!("{}: {cell}", subject.name).contains(&only));
        if !whole {
            // What takes half a minute is for the whole.
            cells.retain(|cell| !cell.fault.is_slow());
            cells = drawn(&mut random, cells, sample.unwrap_or(SAMPLE.1));
        }
        all.extend(cells.chunks(CHUNK).map(|cells| (subject.clone(), cells.to_vec())));
    }
    all
}

/// What came of it: by fault how many were tried, succeeded in spite of it, failed.
#[derive(Default)]
struct Table {
    rows: BTreeMap<String, [usize; 3]>,
    uncounted: usize,
    failed: Vec<String>,
}

impl Table {
    fn count(&mut self, name: &str, cell: &Cell, end: Result<Converged, String>) {
        let columns = match end {
            Ok(Converged { struck: false, .. }) => {
                self.uncounted += 1;
                return;
            }
            Ok(converged) => [1, usize::from(converged.at_once), 0],
            Err(why) => {
                eprintln!("FAILED {name}: {cell}: {why}");
                self.failed.push(format!("{name}: {cell}: {why}"));
                [1, 0, 1]
            }
        };
        for row in [cell.fault.name, cell.operation.name(), name, "all"] {
            let counts = self.rows.entry(row.to_owned()).or_default();
            counts.iter_mut().zip(columns).for_each(|(count, more)| *count += more);
        }
    }

    fn print(&self) {
        eprintln!("| | tried | succeeded at once | failed |\n|---|---|---|---|");
        for (name, [tried, at_once, failed]) in &self.rows {
            eprintln!("| {name} | {tried} | {at_once} | {failed} |");
        }
        eprintln!("{} ended before their request, and are not counted", self.uncounted);
    }
}

/// Tries cells one after the other in one cluster; in another one after one has failed.
async fn tried((subject, cells): Chunk, table: Arc<Mutex<Table>>) {
    let mut stand = Stand::new(&subject).await;
    for (n, cell) in cells.iter().enumerate() {
        let mut end = cell.run(&mut stand, &subject).await;
        if end.is_ok() && n + 1 == cells.len() {
            // Whatever it is, it can be destroyed, and leaves nothing.
            end = stand.bring_to(Prior::Nothing, &subject).await.and(end);
        }
        if end.is_err() {
            stand.spoiled = true;
            stand.prior = Prior::Nothing;
        }
        table.lock().unwrap().count(&subject.name, cell, end);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_is_told_and_the_next_run_carries_on() {
    let chunks = chosen(is_whole()).await;
    assert!(!chunks.is_empty());
    let (chunks, table) = (Arc::new(Mutex::new(chunks)), Arc::new(Mutex::new(Table::default())));
    let mut workers = JoinSet::new();
    for _ in 0..AT_A_TIME {
        let (chunks, table) = (chunks.clone(), table.clone());
        workers.spawn(async move {
            loop {
                let next = chunks.lock().unwrap().pop_front();
                let Some(chunk) = next else { break };
                let names =
                    format!("{}: one of {:?}", chunk.0.name, chunk.1.iter().map(Cell::to_string).collect::<Vec<_>>());
                if tokio::spawn(tried(chunk, table.clone())).await.is_err() {
                    table.lock().unwrap().failed.push(format!("{names} panicked"));
                }
            }
        });
    }
    workers.join_all().await;
    let table = table.lock().unwrap();
    table.print();
    assert!(table.failed.is_empty(), "{} failed:\n{}", table.failed.len(), table.failed.join("\n"));
}
