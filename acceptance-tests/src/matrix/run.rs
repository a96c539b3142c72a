//! Many cells at a time, and the table of what became of them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;

use super::{Cell, Matrix};

/// A line of the table.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Row {
    /// What happened, and to what.
    pub kind: String,
    /// How many cells there are.
    pub tried: usize,
    /// Came to what an undisturbed run makes by repeating it.
    pub converged: usize,
    /// Likewise, after taking up an `import` block that an error had printed.
    pub imported: usize,
    /// All others.
    pub failed: usize,
}

/// After so many cells it is told how far it is.
const TELL: usize = 50;

/// Tries the cells, `jobs` at a time: each has a cluster of its own and spends most of its time waiting. Every failure is
/// told as it comes.
pub fn try_all(matrix: &Matrix, cells: &[Cell], jobs: usize, tell: &(dyn Fn(&str) + Sync)) -> Vec<Row> {
    let next = AtomicUsize::new(0);
    let rows: Mutex<BTreeMap<String, Row>> = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs.max(1) {
            scope.spawn(|| {
                while let Some(cell) = cells.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let end = matrix.run(cell);
                    if let Err(error) = &end {
                        tell(&format!("FAILED {cell}: {error:#}"));
                    }
                    if matches!(&end, Ok(converged) if converged.undisturbed) {
                        tell(&format!("not counted, since it ended before that request: {cell}"));
                        continue;
                    }
                    let mut rows = rows.lock().unwrap_or_else(PoisonError::into_inner);
                    let kind = format!("{}: {}", matrix.scenario.name, cell.kind());
                    let row = rows.entry(kind.clone()).or_insert_with(|| Row { kind, ..Row::default() });
                    row.tried += 1;
                    match end {
                        Ok(converged) if converged.imported == 0 => row.converged += 1,
                        Ok(_) => row.imported += 1,
                        Err(_) => row.failed += 1,
                    }
                    let done: usize = rows.values().map(|row| row.tried).sum();
                    if done.is_multiple_of(TELL) {
                        tell(&format!("{done} of {}", cells.len()));
                    }
                }
            });
        }
    });
    rows.into_inner().unwrap_or_else(PoisonError::into_inner).into_values().collect()
}
