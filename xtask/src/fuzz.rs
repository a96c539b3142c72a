//! `cargo xtask fuzz`: every fuzz target for as long as it is told to, led by the branches that an input reaches.
//!
//! The targets are tests (`fuzz` modules of the crates), written with bolero; here they are built with libFuzzer behind
//! them and with LLVM's counters in every branch, both of which a stable compiler can do. What they find lies in
//! `__fuzz__/TARGET/crashes` beside the target, where each test run tries it again.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use serde::Deserialize;

use crate::cargo::{cargo, workspace_root};

/// The crates that have targets.
const CRATES: [&str; 2] = ["terraform-plugin", "pve-client"];

/// libFuzzer as bolero's engine, and counters for it in every branch.
const FLAGS: [&str; 8] = [
    "--cfg fuzzing",
    "--cfg fuzzing_libfuzzer",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-stack-depth",
];

/// What a single input may cost: seconds, and MiB in all and in one piece.
const LIMITS: &str = "-timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=256";

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Minutes for each target
    #[arg(long, default_value_t = 10)]
    minutes: u64,
    /// Only the targets with these names
    #[arg(long = "target", value_name = "NAME")]
    targets: Vec<String>,
    /// Only takes what was found on the way and reaches new branches into the kept inputs
    #[arg(long)]
    keep: bool,
}

/// A target as bolero tells it.
#[derive(Deserialize, Debug)]
struct Target {
    exe: PathBuf,
    /// The folder of its inputs.
    work_dir: PathBuf,
    /// The name of the test.
    test_name: String,
}

/// What is read from the messages of cargo.
#[derive(Deserialize)]
struct Built {
    executable: Option<PathBuf>,
}

/// What libFuzzer tells at the end.
#[derive(Default, Debug, PartialEq)]
struct Figures {
    inputs: u64,
    branches: u64,
    kept: u64,
    memory: u64,
}

/// Runs the targets; `false` if one of them has found something.
pub(crate) fn run(args: &Args) -> Result<bool> {
    let mut targets = Vec::new();
    for exe in build()? {
        targets.extend(targets_of(&exe)?);
    }
    let known: Vec<&str> = targets.iter().map(Target::name).collect();
    let unknown = args.targets.iter().find(|name| !known.contains(&name.as_str()));
    ensure!(unknown.is_none(), "no target is called {unknown:?}; there are {}", known.join(", "));
    targets.retain(|target| args.targets.is_empty() || args.targets.iter().any(|name| name == target.name()));

    let mut rows = Vec::new();
    let mut fine = true;
    for target in &targets {
        println!("==> {}", target.name());
        let (passed, figures) = if args.keep { target.keep()? } else { target.search(args.minutes * 60)? };
        fine &= passed;
        let result = if passed { "nothing found" } else { "FOUND, see above" };
        rows.push(format!(
            "{:<20} {:>12} {:>9} {:>7} {:>8}  {result}",
            target.name(),
            figures.inputs,
            figures.branches,
            figures.kept,
            figures.memory
        ));
    }
    println!("{:<20} {:>12} {:>9} {:>7} {:>8}", "target", "inputs", "branches", "corpus", "peak MiB");
    rows.iter().for_each(|row| println!("{row}"));
    Ok(fine)
}

/// Builds the test programs of the crates and says where they are.
fn build() -> Result<Vec<PathBuf>> {
    // With a target named, build scripts and macros are built without the flags.
    let host = String::from_utf8(cargo(&["-vV"]).output().context("starting cargo")?.stdout)?;
    let host = host.lines().find_map(|line| line.strip_prefix("host: ")).context("cargo does not tell its host")?;
    let mut arguments = vec!["test", "--no-run", "--lib", "--profile", "fuzz", "--target", host];
    arguments.extend(["--target-dir", "target/fuzz", "--message-format", "json-render-diagnostics"]);
    arguments.extend(CRATES.iter().flat_map(|name| ["-p", name]));
    let output = cargo(&arguments)
        .env("RUSTFLAGS", FLAGS.join(" "))
        .env("BOLERO_FUZZER", "libfuzzer")
        .stderr(Stdio::inherit())
        .output()
        .context("starting cargo test")?;
    ensure!(output.status.success(), "the targets do not build, see above");
    let messages = String::from_utf8(output.stdout)?;
    let built = messages.lines().filter_map(|line| serde_json::from_str::<Built>(line).ok()?.executable);
    Ok(built.collect())
}

/// Asks a test program for its targets.
fn targets_of(exe: &Path) -> Result<Vec<Target>> {
    let output = std::process::Command::new(exe)
        .args(["fuzz::", "--nocapture", "--quiet", "--test-threads", "1"])
        .env("CARGO_BOLERO_SELECT", "all")
        .current_dir(workspace_root())
        .output()
        .with_context(|| exe.display().to_string())?;
    ensure!(output.status.success(), "{} does not tell its targets", exe.display());
    let lines = String::from_utf8(output.stdout)?;
    let targets: Vec<Target> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    ensure!(!targets.is_empty(), "{} has no targets", exe.display());
    Ok(targets)
}

impl Target {
    /// `crush_text`
    fn name(&self) -> &str {
        self.work_dir.file_name().and_then(|name| name.to_str()).unwrap_or_default()
    }

    /// The inputs that are kept in the repository.
    fn kept(&self) -> PathBuf {
        self.work_dir.join("corpus")
    }

    /// What was found on the way and stays on this machine.
    fn found(&self) -> Result<PathBuf> {
        let found = workspace_root().join("target/fuzz/found").join(self.name());
        fs::create_dir_all(&found)?;
        Ok(found)
    }

    fn search(&self, seconds: u64) -> Result<(bool, Figures)> {
        let crashes = self.work_dir.join("crashes");
        fs::create_dir_all(&crashes)?;
        let (found, kept) = (self.found()?.display().to_string(), self.kept().display().to_string());
        let prefix = format!("-artifact_prefix={}/", crashes.display());
        let time = format!("-max_total_time={seconds}");
        let result = self.fuzzer(&[&found, &kept, &prefix, LIMITS, &time, "-print_final_stats=1"]);
        // Git knows no empty folders, and an empty one says nothing.
        let _ = fs::remove_dir(&crashes);
        result
    }

    fn keep(&self) -> Result<(bool, Figures)> {
        let (found, kept) = (self.found()?.display().to_string(), self.kept().display().to_string());
        self.fuzzer(&["-set_cover_merge=1", LIMITS, &kept, &found])
    }

    /// Runs the target under libFuzzer, which takes its arguments from a variable and splits them at blanks.
    fn fuzzer(&self, arguments: &[&str]) -> Result<(bool, Figures)> {
        let mut child = std::process::Command::new(&self.exe)
            .args([&self.test_name, "--exact", "--nocapture", "--quiet", "--test-threads", "1"])
            .env("BOLERO_TEST_NAME", &self.test_name)
            .env("BOLERO_LIBTEST_HARNESS", "1")
            .env("BOLERO_LIBFUZZER_ARGS", arguments.join(" "))
            .current_dir(workspace_root())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| self.exe.display().to_string())?;
        let output = child.stderr.take().context("the target has no output")?;
        let mut figures = Figures::default();
        let mut lines = 0_u64;
        // What it prints may hold any bytes.
        for line in BufReader::new(output).split(b'\n') {
            let line = line?;
            let line = String::from_utf8_lossy(&line);
            figures.read(&line);
            lines += 1;
            // Lines that begin so tell of a new input: there are thousands, the others are few.
            if !line.starts_with('#') || lines.is_multiple_of(1000) {
                println!("{line}");
            }
        }
        Ok((child.wait()?.success(), figures))
    }
}

impl Figures {
    /// `#1048576 pulse cov: 812 ft: 3001 corp: 244/12Kb ...`, and `stat::number_of_executed_units: 1048576`.
    fn read(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let number = |word: Option<&str>| word.and_then(|word| word.split(['/', 'M']).next()?.parse::<u64>().ok());
        while let Some(word) = words.next() {
            let (place, value) = match word {
                "cov:" => (&mut self.branches, number(words.next())),
                "corp:" => (&mut self.kept, number(words.next())),
                "stat::number_of_executed_units:" => (&mut self.inputs, number(words.next())),
                "stat::peak_rss_mb:" => (&mut self.memory, number(words.next())),
                _ => continue,
            };
            *place = value.unwrap_or(*place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_from_what_libfuzzer_prints() {
        let mut figures = Figures::default();
        figures.read("#1048576\tpulse  cov: 812 ft: 3001 corp: 244/12Kb lim: 4096 exec/s: 52428 rss: 61Mb");
        figures.read("stat::number_of_executed_units: 2097152");
        figures.read("stat::peak_rss_mb:              64");
        assert_eq!(figures, Figures { inputs: 2_097_152, branches: 812, kept: 244, memory: 64 });
    }
}
