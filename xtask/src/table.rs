//! What the long runs (`crash-matrix`, `fault-matrix`, `walk`) have in common: two options, and a table of what became of
//! everything that was tried.

use std::fs;
use std::path::PathBuf;

use acceptance_tests::{Program, Terraform, optimize};
use anyhow::{Context as _, Result};
use serde::Serialize;

/// How to build, and where to write.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Builds provider and simulator with optimisation first, assertions included: some minutes, and less than half the
    /// time for each run
    #[arg(long)]
    pub(crate) optimized: bool,
    /// Writes the table to this file as well
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// A line of the table.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Row {
    /// What happened, and to what.
    pub(crate) kind: String,
    /// How many there were.
    pub(crate) tried: usize,
    /// Came to what they should.
    pub(crate) converged: usize,
    /// Likewise, after taking up an `import` block that an error had printed.
    pub(crate) imported: usize,
    /// All others.
    pub(crate) failed: usize,
}

impl Row {
    pub(crate) fn new(kind: impl Into<String>) -> Self {
        Self { kind: kind.into(), ..Self::default() }
    }

    /// Counts one more, which came to what it should with so many imports, or did not.
    pub(crate) fn count<E>(&mut self, imports: Result<usize, E>) {
        self.tried += 1;
        match imports {
            Ok(0) => self.converged += 1,
            Ok(_) => self.imported += 1,
            Err(_) => self.failed += 1,
        }
    }
}

impl Options {
    /// What everything is tried with.
    pub(crate) fn prepare(&self) -> Result<(&'static Terraform, Program)> {
        if self.optimized {
            optimize();
        }
        Ok((Terraform::find()?, Program::provider()?))
    }

    /// Writes the table as far as it has come: a run that is broken off is not lost.
    pub(crate) fn write(&self, rows: &[Row]) -> Result<()> {
        let Some(file) = &self.json else { return Ok(()) };
        let rows: Vec<&Row> = rows.iter().filter(|row| row.tried > 0).collect();
        let table = serde_json::json!({ "rows": rows });
        fs::write(file, serde_json::to_string_pretty(&table)?).with_context(|| file.display().to_string())
    }

    /// Prints and writes the table; `false` if something failed or nothing was tried.
    pub(crate) fn conclude(&self, mut rows: Vec<Row>) -> Result<bool> {
        rows.retain(|row| row.tried > 0);
        self.write(&rows)?;
        let all = rows.iter().fold(Row::new("all"), |all, row| Row {
            tried: all.tried + row.tried,
            converged: all.converged + row.converged,
            imported: all.imported + row.imported,
            failed: all.failed + row.failed,
            ..all
        });
        let success = all.failed == 0 && all.tried > 0;
        let width = rows.iter().map(|row| row.kind.chars().count()).max().unwrap_or(0);
        println!("{:<width$} {:>6} {:>10} {:>9} {:>7}", "", "tried", "converged", "imported", "failed");
        for Row { kind, tried, converged, imported, failed } in rows.iter().chain([&all]) {
            println!("{kind:<width$} {tried:>6} {converged:>10} {imported:>9} {failed:>7}");
        }
        Ok(success)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(kind: &str, outcomes: &[Result<usize, ()>]) -> Row {
        let mut row = Row::new(kind);
        outcomes.iter().for_each(|outcome| row.count(*outcome));
        row
    }

    #[test]
    fn one_failure_fails_the_whole_and_so_does_nothing_tried() {
        let options = Options { optimized: false, json: None };
        assert!(options.conclude(vec![row("a", &[Ok(0), Ok(2)]), row("b", &[])]).unwrap());
        assert!(!options.conclude(vec![row("a", &[Ok(0)]), row("b", &[Err(())])]).unwrap());
        assert!(!options.conclude(vec![row("a", &[])]).unwrap());
    }

    #[test]
    fn the_file_has_a_row_for_each_kind_that_was_tried() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let options = Options { optimized: false, json: Some(file.path().to_owned()) };
        options.conclude(vec![row("a", &[Ok(0), Ok(2), Err(()), Ok(0)]), row("b", &[])]).unwrap();
        let told: serde_json::Value = serde_json::from_str(&fs::read_to_string(file.path()).unwrap()).unwrap();
        let expected = serde_json::json!({ "kind": "a", "tried": 4, "converged": 2, "imported": 1, "failed": 1 });
        assert_eq!(told, serde_json::json!({ "rows": [expected] }));
    }
}
