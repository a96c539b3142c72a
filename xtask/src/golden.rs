//! `cargo xtask golden`: the recordings of real PVE, replayed against the simulator call by call, values compared.
//!
//! Each call finds the simulator in the state that the calls before it left. What differs from run to run by its nature is
//! brought together by the named rules in [`normalise`]; what follows from a left-out feature stands in one file of
//! exceptions. Everything else has to be the same.

mod compare;
mod exceptions;
mod names;
mod normalise;
mod progress;
mod recording;
mod replay;
mod report;
mod script;
mod session;
#[cfg(test)]
mod tests;
mod web;

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::cargo::workspace_root;
use exceptions::Exceptions;
use recording::Recording;
use replay::Replayed;
use script::Script;

/// Arguments of `cargo xtask golden`.
#[derive(clap::Args, Default)]
pub(crate) struct Args {
    /// Writes the counts and exceptions to a file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only this recording, as `02-ha`, with what differs; may be repeated
    #[arg(long = "file", value_name = "NAME")]
    files: Vec<String>,
    /// Shows each difference, of all recordings unless some are named
    #[arg(long)]
    verbose: bool,
}

/// How many places of one answer are shown without `--verbose`: enough to see what is wrong.
const PLACES_SHOWN: usize = 12;

/// Where the recordings lie, with `scripts/` and `exceptions.yaml`.
fn truth() -> PathBuf {
    workspace_root().join("crates/pve-sim/truth")
}

/// Chooses the crypto library that reqwest is to use.
fn install_crypto() {
    // An error says that this process has chosen already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// What a replay of recordings comes to.
pub(crate) struct Summary {
    pub(crate) matched: usize,
    pub(crate) total: usize,
    /// The recordings of which less matches than has to, each with its share.
    pub(crate) below: Vec<String>,
}

/// Replays the recordings and prints what matches.
pub(crate) fn run(args: &Args) -> Result<Summary> {
    install_crypto();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("starting tokio")?;
    let all = runtime.block_on(replay_all(args))?;
    let below = all
        .iter()
        .filter(|replayed| !replayed.reaches_its_floor())
        .map(|replayed| format!("{}: {:.1} % match, {} % have to", replayed.file, replayed.share(), replayed.floor));
    Ok(Summary {
        matched: all.iter().map(Replayed::matched).sum(),
        total: all.iter().map(Replayed::total).sum(),
        below: below.collect(),
    })
}

async fn replay_all(args: &Args) -> Result<Vec<Replayed>> {
    let exceptions = Exceptions::load(&truth().join("exceptions.yaml"))?;
    let mut all = Vec::new();
    for path in recordings(&args.files)? {
        let recording = Recording::load(&path)?;
        let script = truth().join("scripts").join(format!("{}.yaml", recording.name));
        let script = Script::load(&script, recording.exchanges.len())?;
        let replayed = replay::replay(&recording, &script, &exceptions).await?;
        if args.verbose || !args.files.is_empty() {
            let limit = if args.verbose { usize::MAX } else { PLACES_SHOWN };
            report::print_differences(&replayed, &recording, limit);
            println!();
        }
        report::print(&replayed, &exceptions);
        all.push(replayed);
    }
    if let Some(path) = &args.json {
        let text = serde_json::to_string_pretty(&report::json(&all, &exceptions))?;
        std::fs::write(path, text + "\n").with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(all)
}

/// The recordings' files, in order of their names; only the named ones if any are named.
fn recordings(names: &[String]) -> Result<Vec<PathBuf>> {
    let folder = truth().join("pve");
    let entries =
        std::fs::read_dir(&folder).with_context(|| format!("looking for recordings in {}", folder.display()))?;
    let mut paths: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| is_recording(path)).collect();
    paths.sort();
    let stem = |path: &Path| path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    for name in names {
        let known: Vec<String> = paths.iter().map(|path| stem(path)).collect();
        ensure!(known.contains(name), "there is no recording {name}; there are {}", known.join(", "));
    }
    Ok(paths.into_iter().filter(|path| names.is_empty() || names.contains(&stem(path))).collect())
}

/// Recordings begin with a number.
fn is_recording(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    name.ends_with(".json") && name.starts_with(|c: char| c.is_ascii_digit())
}
