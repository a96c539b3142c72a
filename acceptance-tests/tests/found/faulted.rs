//! A sample of the fault matrix: faults at operations of one configuration; others every day.

use std::sync::{Arc, Mutex, PoisonError};

use acceptance_tests::fault_matrix::{Bench, Cell, SCENES, Undisturbed, cells};
use acceptance_tests::lots::{draw, number, seed};
use acceptance_tests::{Program, Terraform};

use super::Found;

/// How many are tried, unless `MATRIX_SAMPLE` says otherwise.
const SAMPLE: u64 = 16;

/// One for each cell of the sample.
pub(super) fn find(terraform: &'static Terraform, provider: &Program) -> anyhow::Result<Vec<Found>> {
    let seed = seed("MATRIX_SEED");
    let sample = number("MATRIX_SAMPLE").unwrap_or(SAMPLE);
    let scene = SCENES[usize::try_from(seed).unwrap_or(0) % SCENES.len()];
    let undisturbed = Arc::new(Undisturbed::measure(terraform, provider, scene)?);
    let (mut cells, _) = cells(&undisturbed, true);
    cells.retain(|cell| !cell.fault.is_slow());
    // A cluster serves one cell after the other as long as all goes well.
    let idle: Arc<Mutex<Vec<Bench>>> = Arc::default();
    let run = move |provider: &Program, cell: &Cell| -> anyhow::Result<()> {
        let bench = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut bench = match bench {
            Some(bench) => bench,
            None => Bench::new(terraform, provider, undisturbed.scene)?,
        };
        cell.run(&mut bench, &undisturbed)?;
        if bench.is_usable() {
            idle.lock().unwrap_or_else(PoisonError::into_inner).push(bench);
        }
        Ok(())
    };
    let run = Arc::new(run);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut found = Vec::new();
    while (found.len() as u64) < sample {
        let Some(cell) = draw(&mut random, &mut cells) else { break };
        let (run, provider) = (Arc::clone(&run), provider.clone());
        found.push(Found::new(cell.to_string(), move || run(&provider, &cell)));
    }
    Ok(found)
}
