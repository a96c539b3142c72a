//! The simulator, driven by a client that nobody here wrote: proxmoxer, the usual Python library for PVE.
//!
//! It is fetched from PyPI into a virtual environment below `target/`.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where the script and the pinned versions lie.
fn here() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/written/proxmoxer")
}

#[tokio::test(flavor = "multi_thread")]
async fn proxmoxer_drives_the_simulator() {
    let python = match tokio::task::spawn_blocking(python_with_proxmoxer).await.expect("no panic") {
        Ok(python) => python,
        Err(why) => return skip(&why),
    };
    let sim = pve_sim::Sim::start(pve_sim::Options::default()).await.expect("the simulator starts");
    let (_, endpoint) = sim.endpoints.iter().find(|(node, _)| node == "pve1").expect("pve1");
    let endpoint = endpoint.strip_prefix("https://").expect("https").to_owned();
    let (host, port) = endpoint.split_once(':').expect("host and port");
    let mut command = Command::new(python);
    command
        .arg(here().join("drive.py"))
        .env("SIM_HOST", host)
        .env("SIM_PORT", port)
        .env("SIM_PASSWORD", &sim.password)
        .env("SIM_TOKEN", &sim.api_token)
        // The certificate is the simulator's own; that it is not verified need not be said with each call.
        .env("PYTHONWARNINGS", "ignore")
        .env("NO_PROXY", "*");
    let output = tokio::task::spawn_blocking(move || command.output()).await.expect("no panic").expect("python runs");
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("the token works as well"), "the script ended early: {}", told(&output));
}

/// A Python that can import proxmoxer, or why there is none.
fn python_with_proxmoxer() -> Result<PathBuf, String> {
    let venv = Path::new(env!("CARGO_TARGET_TMPDIR")).join("proxmoxer");
    let python = venv.join("bin/python");
    let wanted = std::fs::read_to_string(here().join("requirements.txt")).map_err(|error| error.to_string())?;
    // Written last: an environment whose making was interrupted is made again.
    let done = venv.join("installed");
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    run(Command::new(&python)
        .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "-r"])
        .arg(here().join("requirements.txt")))?;
    std::fs::write(&done, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

fn run(command: &mut Command) -> Result<(), String> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("{command:?}: {}", told(&output))),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Says that the test did not run, past the test runner's capture; a failure where skipping is not allowed.
fn skip(why: &str) {
    assert!(std::env::var_os("ACCEPTANCE_MUST_NOT_SKIP").is_none(), "proxmoxer could not be installed: {why}");
    let _ = writeln!(std::io::stderr(), "SKIPPED proxmoxer_drives_the_simulator: {why}");
}
