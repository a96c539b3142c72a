//! `cargo xtask bench`: what the provider costs, measured, each figure beside its goal.
//!
//! Times are medians and depend on the machine and on what else it does; they are told, never judged. The numbers of
//! requests do not, and too many of them fail the command.

mod host;
mod memory;
mod refresh;
mod report;
mod startup;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};

use crate::cargo::{cargo, workspace_root};
use refresh::Schemas;
use report::Report;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Writes the figures to a file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measures this provider instead of the release build; any provider will do, but only this project's knows the
    /// objects of the plans
    #[arg(long, value_name = "PATH")]
    provider: Option<PathBuf>,
}

/// Runs the benchmark; `false` if a plan needed more requests than it may.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let program = match &args.provider {
        Some(path) => std::path::absolute(path)?,
        None => {
            println!("Building the release (with link-time optimisation: some minutes)");
            built(&["--release", "--package", "terraform-provider-pve"], "release/terraform-provider-pve")?
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting tokio")?;
    let report = runtime.block_on(measure(&program))?;
    report.print();
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&report.json()?)?;
        std::fs::write(path, json + "\n").with_context(|| path.display().to_string())?;
    }
    Ok(report.within_request_limits())
}

async fn measure(program: &Path) -> Result<Report> {
    println!("Measuring {}", program.display());
    let startup = startup::measure(program).await?;
    let binary_mib = mib(std::fs::metadata(program)?.len());
    let refreshed = match Schemas::of(program).await? {
        Some(schemas) if schemas.know_a_scene() => {
            let idle = built(
                &["--profile", "tools", "--package", "terraform-plugin", "--example", "echo"],
                "tools/examples/echo",
            )?;
            refresh::measure(program, &idle, &schemas).await?
        }
        _ => None,
    };
    Ok(Report { startup, binary_mib, refreshed })
}

/// Has cargo build something; gives its place below the target directory.
fn built(arguments: &[&str], place: &str) -> Result<PathBuf> {
    let status = cargo(&["build", "--quiet"]).args(arguments).status().context("starting cargo")?;
    anyhow::ensure!(status.success(), "cargo build {}: {status}", arguments.join(" "));
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    Ok(workspace_root().join(target).join(place))
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn mib(bytes: u64) -> f64 {
    bytes as f64 / f64::from(1 << 20)
}

/// The middle one; of an even number the upper of the two.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_does_not_care_for_outliers() {
        assert_eq!(median(vec![900.0, 1.0, 3.0, 2.0, 2.5]), 2.5);
        assert!(median(Vec::new()).is_nan());
        assert_eq!((mib(3 << 20), milliseconds(Duration::from_micros(1500))), (3.0, 1.5));
    }
}
