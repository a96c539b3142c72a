//! `cargo xtask bench`: what the provider costs, measured, each figure beside its goal.
//!
//! Times are medians and depend on the machine and on what else it does; they are told, never judged. The numbers of
//! requests do not, and too many of them fail the command.

mod host;
mod memory;
mod pinned;
mod refresh;
mod report;
mod startup;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::cargo::{cargo, workspace_root};
use refresh::{Candidate, Schemas};
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
    /// Measures this provider too, in turn with the other in the same run, and tells how many times as much of everything
    /// the other needs
    #[arg(long, value_name = "PATH")]
    against: Option<PathBuf>,
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
    let against = args.against.as_ref().map(std::path::absolute).transpose()?;
    let programs: Vec<&Path> = std::iter::once(&program).chain(&against).map(PathBuf::as_path).collect();
    let mut reports = runtime.block_on(measure(&programs))?.into_iter();
    let report = reports.next().context("nothing was measured")?;
    let other = reports.next();
    println!("\n{}", program.display());
    report.print();
    let mut json = report.json()?;
    if let (Some(path), Some(other)) = (&against, &other) {
        println!("\n{}", path.display());
        other.print();
        println!("\nTimes as much as it (below 1 is less)");
        let ratios = report.ratios(other);
        ratios.iter().for_each(|(what, ratio)| println!("{what:<60} {ratio:>8.3}"));
        json["against"] = other.json()?;
        json["ratios"] = ratios.into_iter().map(|(what, ratio)| (what, Value::from(ratio))).collect();
    }
    if let Some(path) = &args.json {
        let json = serde_json::to_string_pretty(&json)?;
        std::fs::write(path, json + "\n").with_context(|| path.display().to_string())?;
    }
    // What another provider asks is its own business.
    Ok(report.within_request_limits())
}

/// All that can be measured of each provider.
async fn measure(programs: &[&Path]) -> Result<Vec<Report>> {
    programs.iter().for_each(|program| println!("Measuring {}", program.display()));
    let startups = startup::measure(programs).await?;
    let mut schemas = Vec::new();
    for program in programs {
        schemas.push(Schemas::of(program).await?.filter(Schemas::know_a_scene));
    }
    let able = programs.iter().zip(&schemas).filter_map(|(program, schemas)| Some((*program, schemas.as_ref()?)));
    let mut candidates: Vec<_> = able.map(|(program, schemas)| Candidate::new(program, schemas)).collect();
    if !candidates.is_empty() {
        let echo = ["--profile", "tools", "--package", "terraform-plugin", "--example", "echo"];
        refresh::measure(&mut candidates, &built(&echo, "tools/examples/echo")?).await?;
    }
    let mut candidates = candidates.into_iter();
    let mut reports = Vec::new();
    for ((program, startup), schemas) in programs.iter().zip(startups).zip(&schemas) {
        let refreshed = schemas.as_ref().and_then(|_| candidates.next()).and_then(Candidate::measured);
        let binary_mib = mib(std::fs::metadata(program)?.len());
        reports.push(Report { startup, binary_mib, refreshed });
    }
    Ok(reports)
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
