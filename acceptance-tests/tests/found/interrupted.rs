//! A sample of what can happen to an apply and a destroy at each of their requests; another one every day.

use std::sync::Arc;

use acceptance_tests::lots::{draw, number, seed};
use acceptance_tests::matrix::{Matrix, Phase, SCENARIOS};
use acceptance_tests::{Program, Terraform};

use super::Found;

/// How many are tried, unless `MATRIX_SAMPLE` says otherwise.
const SAMPLE: u64 = 20;
/// One for each cell of the sample.
pub(super) fn find(terraform: &'static Terraform, provider: &Program) -> anyhow::Result<Vec<Found>> {
    let begin = |scenario| Matrix::begin(terraform, provider.clone(), scenario).map(Arc::new);
    let matrices: Vec<Arc<Matrix>> = SCENARIOS.iter().map(|scenario| begin(*scenario)).collect::<Result<_, _>>()?;
    let seed = seed("MATRIX_SEED");
    let sample = number("MATRIX_SAMPLE").unwrap_or(SAMPLE);
    // Requests that write are few among those that read, and matter more: every second cell is one of theirs.
    let all = matrices.iter().flat_map(|matrix| {
        let cells = [Phase::Apply, Phase::Destroy].map(|phase| matrix.cells(phase));
        cells.into_iter().flatten().map(|cell| (Arc::clone(matrix), cell))
    });
    let (mut writes, mut reads): (Vec<_>, Vec<_>) = all.partition(|(_, cell)| cell.point.call.is_some());
    let mut random = fastrand::Rng::with_seed(seed);
    let mut found = Vec::new();
    while (found.len() as u64) < sample {
        let cells = if found.len() % 2 == 0 { &mut writes } else { &mut reads };
        let Some((matrix, cell)) = draw(&mut random, cells) else { break };
        found.push(Found::new(format!("{}: {cell}", matrix.name()), move || {
            let converged = matrix.run(&cell)?;
            if let Some(why) = converged.uncounted {
                eprintln!("not counted, since {why}: {cell}");
            }
            Ok(())
        }));
    }
    Ok(found)
}
