//! A sample of the fault matrix: faults at operations of one configuration; others every day.

use std::process::ExitCode;
use std::sync::{Arc, Mutex};

use acceptance_tests::fault_matrix::{Bench, Cell, SCENES, Undisturbed, cells};
use acceptance_tests::lots::{draw, number, seed};
use acceptance_tests::{Program, Terraform, or_skip};
use libtest_mimic::{Arguments, Failed, Trial};

/// How many are tried, unless `MATRIX_SAMPLE` says otherwise.
const SAMPLE: u64 = 16;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let Some(terraform) = or_skip(Terraform::find()) else { return ExitCode::SUCCESS };
    let seed = seed("MATRIX_SEED");
    let sample = number("MATRIX_SAMPLE").unwrap_or(SAMPLE);
    let scene = SCENES[usize::try_from(seed).unwrap_or(0) % SCENES.len()];
    let begun = Program::provider().and_then(|provider| {
        let undisturbed = Undisturbed::measure(terraform, &provider, scene)?;
        Ok((provider, undisturbed))
    });
    let (provider, undisturbed) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            eprintln!("{error:#}");
            return ExitCode::FAILURE;
        }
    };
    let (mut cells, _) = cells(&undisturbed, true);
    cells.retain(|cell| !cell.fault.is_slow());
    let undisturbed = Arc::new(undisturbed);
    // One after the other, so that they share a cluster as long as all goes well.
    let shared: Arc<Mutex<Option<Bench>>> = Arc::default();
    let run = move |provider: &Program, cell: &Cell, undisturbed: &Undisturbed| -> anyhow::Result<()> {
        let mut shared = shared.lock().map_err(|_| anyhow::anyhow!("a test has panicked"))?;
        let mut bench = match shared.take() {
            Some(bench) => bench,
            None => Bench::new(terraform, provider, undisturbed.scene)?,
        };
        cell.run(&mut bench, undisturbed)?;
        *shared = Some(bench);
        Ok(())
    };
    let run = Arc::new(run);
    let mut random = fastrand::Rng::with_seed(seed);
    let mut trials = Vec::new();
    while (trials.len() as u64) < sample {
        let Some(cell) = draw(&mut random, &mut cells) else { break };
        let (run, provider, undisturbed) = (Arc::clone(&run), provider.clone(), Arc::clone(&undisturbed));
        trials.push(Trial::test(cell.to_string(), move || {
            run(&provider, &cell, &undisturbed).map_err(|error| Failed::from(format!("{error:#}")))
        }));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}
