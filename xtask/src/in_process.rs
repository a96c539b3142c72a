//! The long runs in the provider's own process, without Terraform: tests of the library, told by variables to try everything.

use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::cargo::cargo;

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
        let mut arguments = vec!["test", "--package", "terraform-provider-pve", "--lib"];
        if optimized {
            arguments.extend(["--profile", "checked"]);
        }
        let tests = format!("in_process::{tests}");
        let built = cargo(&[arguments.as_slice(), &["--no-run"]].concat()).status().context("cargo test")?;
        ensure!(built.success(), "the tests do not build");
        let begun = Instant::now();
        arguments.extend([tests.as_str(), "--", "--nocapture"]);
        let variables = variables.iter().map(|(name, value)| (*name, value.as_str()));
        let ended = cargo(&arguments).envs(variables).status().context("cargo test")?;
        println!("It took {} s.", begun.elapsed().as_secs());
        Ok(ended.success())
    }
}
