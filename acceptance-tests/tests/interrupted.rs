//! A sample of what can happen to an apply and a destroy at each of their requests; another one every day.

use std::process::ExitCode;
use std::sync::Arc;

use acceptance_tests::lots::{draw, number, seed};
use acceptance_tests::matrix::{Matrix, Phase, SCENARIOS};
use acceptance_tests::{Program, Terraform, or_skip};
use libtest_mimic::{Arguments, Failed, Trial};

/// How many are tried, unless `MATRIX_SAMPLE` says otherwise.
const SAMPLE: u64 = 20;
/// A cell mostly waits.
const AT_A_TIME: usize = 5;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_A_TIME));
    let Some(terraform) = or_skip(Terraform::find()) else { return ExitCode::SUCCESS };
    let begin = |scenario| Matrix::begin(terraform, Program::provider()?, scenario).map(Arc::new);
    let matrices: Vec<Arc<Matrix>> = match SCENARIOS.iter().map(|scenario| begin(*scenario)).collect() {
        Ok(matrices) => matrices,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    let seed = seed("MATRIX_SEED");
    let sample = number("MATRIX_SAMPLE").unwrap_or(SAMPLE);
    // Requests that write are few among those that read, and matter more: every second cell is one of theirs.
    let all = matrices.iter().flat_map(|matrix| {
        let cells = [Phase::Apply, Phase::Destroy].map(|phase| matrix.cells(phase));
        cells.into_iter().flatten().map(|cell| (Arc::clone(matrix), cell))
    });
    let (mut writes, mut reads): (Vec<_>, Vec<_>) = all.partition(|(_, cell)| cell.point.call.is_some());
    let mut random = fastrand::Rng::with_seed(seed);
    let mut trials = Vec::new();
    while (trials.len() as u64) < sample {
        let cells = if trials.len() % 2 == 0 { &mut writes } else { &mut reads };
        let Some((matrix, cell)) = draw(&mut random, cells) else { break };
        trials.push(Trial::test(format!("{}: {cell}", matrix.name()), move || {
            let converged = matrix.run(&cell).map_err(|error| Failed::from(format!("{error:#}")))?;
            if let Some(why) = converged.uncounted {
                eprintln!("not counted, since {why}: {cell}");
            }
            Ok(())
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
