//! The tests that are found when the program runs: one for each object that the provider has, each row of a table, each
//! cell of a sample. All the others are functions, in `tests/written/`.

mod agrees;
mod bad_input;
mod every_object;
mod faulted;
mod interrupted;

use std::process::ExitCode;

use acceptance_tests::lots::may_name;
use acceptance_tests::{Program, Terraform, or_skip};
use libtest_mimic::{Arguments, Failed, Trial};

/// So many run at once: most of them wait most of the time.
const AT_A_TIME: usize = 5;

/// Finds the tests of a module.
type Find = fn(&'static Terraform, &Program) -> anyhow::Result<Vec<Found>>;

/// Whose tests are found at once.
const QUICK: [(&str, Find); 3] =
    [("agrees", agrees::find), ("bad_input", bad_input::find), ("every_object", every_object::find)];

/// Whose tests are found by running Terraform undisturbed first: only where a filter names the module, or nothing.
const SLOW: [(&str, Find); 2] = [("faulted", faulted::find), ("interrupted", interrupted::find)];

/// A test.
struct Found {
    /// Its name within the module.
    name: String,
    check: Box<dyn FnOnce() -> anyhow::Result<()> + Send>,
}

impl Found {
    fn new(name: String, check: impl FnOnce() -> anyhow::Result<()> + Send + 'static) -> Self {
        Self { name, check: Box::new(check) }
    }

    fn trial(self, module: &str) -> Trial {
        let check = self.check;
        Trial::test(format!("{module}::{}", self.name), || check().map_err(|error| Failed::from(format!("{error:#}"))))
    }
}

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(AT_A_TIME));
    let Some(terraform) = or_skip(Terraform::find()) else { return ExitCode::SUCCESS };
    match trials(terraform, &arguments) {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn trials(terraform: &'static Terraform, arguments: &Arguments) -> anyhow::Result<Vec<Trial>> {
    let provider = Program::provider()?;
    let asked = |module: &str| {
        let named = arguments.filter.as_ref().is_none_or(|filter| may_name(filter, module));
        named && !arguments.skip.iter().any(|skip| module.contains(skip.as_str()))
    };
    let mut modules = Vec::new();
    for (module, find) in SLOW.into_iter().filter(|(module, _)| asked(module)).chain(QUICK) {
        let found = find(terraform, &provider)?;
        modules.push(found.into_iter().map(move |found| found.trial(module)).collect::<Vec<_>>().into_iter());
    }
    // In turn, so that those that wait and those that work run side by side.
    let mut trials = Vec::new();
    loop {
        let before = trials.len();
        trials.extend(modules.iter_mut().filter_map(Iterator::next));
        if trials.len() == before {
            return Ok(trials);
        }
    }
}
