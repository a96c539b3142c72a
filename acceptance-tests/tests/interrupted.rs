//! A sample of what can happen to an apply at each of its requests; another one every day.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use acceptance_tests::matrix::{Matrix, SCENARIOS};
use acceptance_tests::{Program, Terraform, or_skip};
use libtest_mimic::{Arguments, Failed, Trial};

/// How many are tried, unless `MATRIX_SAMPLE` says otherwise.
const SAMPLE: u64 = 8;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let Some(terraform) = or_skip(Terraform::find()) else { return ExitCode::SUCCESS };
    let matrix = match Program::provider().and_then(|provider| Matrix::begin(terraform, provider, SCENARIOS[0])) {
        Ok(matrix) => Arc::new(matrix),
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    let seed = number("MATRIX_SEED").unwrap_or_else(today);
    let sample = number("MATRIX_SAMPLE").unwrap_or(SAMPLE);
    eprintln!("MATRIX_SEED={seed} repeats this sample");
    let mut cells = matrix.cells();
    let mut random = seed;
    let mut trials = Vec::new();
    while (trials.len() as u64) < sample && !cells.is_empty() {
        // Knuth's linear congruential generator; its upper half is good enough for drawing lots.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let cell = cells.swap_remove(usize::try_from(random >> 33).unwrap_or(0) % cells.len());
        let matrix = Arc::clone(&matrix);
        trials.push(Trial::test(cell.to_string(), move || {
            matrix.run(&cell).map(drop).map_err(|error| Failed::from(format!("{error:#}")))
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

/// The number of the day.
fn today() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400)
}
