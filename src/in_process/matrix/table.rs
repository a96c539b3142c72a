//! What came of it, counted.

use std::collections::BTreeMap;
use std::fmt;

use super::cell::{Cell, Converged};

/// Tried, converged, converged after an import, failed.
#[derive(Clone, Copy, Default)]
struct Row([usize; 4]);

/// Everything that was tried.
#[derive(Default)]
pub(super) struct Table {
    rows: BTreeMap<String, Row>,
    uncounted: usize,
    pub(super) failed: Vec<String>,
}

impl Table {
    pub(super) fn count(&mut self, name: &str, cell: &Cell, end: Result<Converged, String>) {
        let column = match end {
            Ok(Converged { struck: false, .. }) => {
                self.uncounted += 1;
                return;
            }
            Ok(converged) => 1 + usize::from(converged.imported > 0),
            Err(why) => {
                self.failed.push(format!("{name}: {cell}: {why}"));
                3
            }
        };
        for row in [cell.kind(), name.to_owned(), "all".to_owned()] {
            let counts = &mut self.rows.entry(row).or_default().0;
            counts[0] += 1;
            counts[column] += 1;
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| | tried | converged | after an import | failed |\n|---|---|---|---|---|")?;
        for (name, Row([tried, converged, imported, failed])) in &self.rows {
            writeln!(f, "| {name} | {tried} | {converged} | {imported} | {failed} |")?;
        }
        write!(f, "{} ended before their request, and are not counted", self.uncounted)
    }
}
