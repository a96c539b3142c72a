//! The long runs in the provider's own process, without Terraform: tests of the library, told by variables to try everything.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::cargo::{TESTS_OF_ALL, cargo, test_program, workspace_root};

const OPTIMIZED: &str = "test --package terraform-provider-pve --lib --profile checked --no-run --quiet \
                         --message-format=json-render-diagnostics";

/// Where a long run takes place.
#[derive(clap::Args)]
pub(crate) struct InProcess {
    /// Without Terraform, in the provider's own process: the example of every resource, or the same walks
    #[arg(long, conflicts_with = "json")]
    pub(crate) in_process: bool,
}

impl InProcess {
    /// Runs the tests of `src/in_process` with this in their names; `false` if one failed.
    pub(crate) fn run(&self, tests: &str, optimized: bool, variables: &[(&str, String)]) -> Result<bool> {
        let arguments: Vec<&str> = match optimized {
            false => TESTS_OF_ALL.split(' ').collect(),
            // Nothing else of the workspace is built like that.
            true => OPTIMIZED.split(' ').collect(),
        };
        let built = cargo(&arguments).stderr(Stdio::inherit()).output().context("cargo test")?;
        ensure!(built.status.success(), "the tests do not build");
        let told = String::from_utf8_lossy(&built.stdout);
        let program = told.lines().filter_map(|line| test_program(line, "terraform_provider_pve")).next_back();
        let mut command = Command::new(program.context("cargo tells of no tests of the provider")?);
        command.args([&format!("in_process::{tests}"), "--nocapture"]).current_dir(workspace_root());
        let begun = Instant::now();
        let ended = command.envs(variables.iter().map(|(name, value)| (*name, value.as_str()))).status()?;
        println!("It took {} s.", begun.elapsed().as_secs());
        Ok(ended.success())
    }
}
