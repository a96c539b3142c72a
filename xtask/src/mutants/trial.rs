//! Tests that may notice a fault, and what comes of running them.

use std::fmt;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::mpsc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::copy::Copy;
use crate::test::failed_test;

/// A fault may leave a test waiting for ever: one that runs for so long has noticed it.
const PATIENCE: Duration = Duration::from_secs(420);

/// The package in the workspace's root.
const PROVIDER: &str = "terraform-provider-pve";

/// One or more tests that are run together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trial {
    /// The unit tests of a package, perhaps only those whose names hold the last word.
    Unit { package: String, filter: Option<String> },
    /// A test program of a package, perhaps only the tests whose names hold the last word.
    Integration { package: String, program: String, filter: Option<String> },
    /// The same among the tests that drive a real Terraform.
    Acceptance { program: String, filter: Option<String> },
    /// The recordings of real PVE.
    Golden,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    Passed,
    /// The names of the tests that failed.
    Failed(Vec<String>),
    DoesNotBuild,
}

impl End {
    pub(super) fn told(&self) -> String {
        match self {
            Self::Passed => "passed".to_owned(),
            Self::Failed(tests) => format!("failed: {}", tests.join(", ")),
            Self::DoesNotBuild => "it does not build, see above".to_owned(),
        }
    }
}

impl Trial {
    pub(super) fn unit(package: &str) -> Self {
        Self::Unit { package: package.to_owned(), filter: None }
    }

    /// Builds and runs it.
    pub(super) fn run(&self, copy: &Copy) -> Result<End> {
        let Plan { build, target, folder } = self.plan();
        let Some(messages) = built(copy, &build)? else { return Ok(End::DoesNotBuild) };
        if matches!(self, Self::Acceptance { .. }) {
            // The programs that the tests start.
            let programs = "build --workspace --bin pve-sim --bin terraform-provider-pve";
            if built(copy, programs)?.is_none() {
                return Ok(End::DoesNotBuild);
            }
        }
        let program = executable(&messages, &target).with_context(|| format!("cargo {build} makes no {target}"))?;
        let mut command = copy.program(&program, &folder);
        match self {
            Self::Golden => command.arg("golden"),
            Self::Unit { filter, .. } | Self::Integration { filter, .. } | Self::Acceptance { filter, .. } => {
                command.args(filter)
            }
        };
        run(&mut command, &self.to_string())
    }

    /// How it is built. Always as part of the whole workspace: building a package alone chooses other features of its
    /// dependencies, and all of them would be built once more.
    fn plan(&self) -> Plan {
        let (build, target, folder) = match self {
            Self::Unit { package, .. } => {
                let folder = if package == PROVIDER { String::new() } else { format!("crates/{package}") };
                ("test --workspace --lib --no-run".to_owned(), package.replace('-', "_"), folder)
            }
            Self::Integration { package, program, .. } => {
                (format!("test --workspace --test {program} --no-run"), program.clone(), format!("crates/{package}"))
            }
            Self::Acceptance { program, .. } => {
                let folder = "acceptance-tests".to_owned();
                (format!("test --workspace --test {program} --no-run"), program.clone(), folder)
            }
            Self::Golden => ("build --workspace --bin xtask".to_owned(), "xtask".to_owned(), String::new()),
        };
        Plan { build, target, folder }
    }
}

/// Cargo's arguments, the target among what they build, and the folder where it is run.
struct Plan {
    build: String,
    target: String,
    folder: String,
}

/// What cargo says about what it has built; none if it could not.
fn built(copy: &Copy, arguments: &str) -> Result<Option<String>> {
    let mut command = copy.cargo(arguments);
    // Warnings about what a fault leaves unused are no news.
    let output = command.args(["--quiet", "--message-format=json-render-diagnostics"]).output()?;
    if !output.status.success() {
        eprintln!("{}", String::from_utf8_lossy(&output.stderr));
        return Ok(None);
    }
    Ok(Some(String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The executable of a target in cargo's messages.
fn executable(messages: &str, target: &str) -> Option<PathBuf> {
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let own = messages.filter(|message| message["target"]["name"] == target);
    own.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back()
}

/// Runs the tests to their end, or to the end of the patience.
fn run(command: &mut Command, name: &str) -> Result<End> {
    // A group of its own, so that what a test has started ends with it.
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0).spawn()?;
    let failed = child.stdout.take().map(failures).context("no output")?;
    let failed = match failed.recv_timeout(PATIENCE) {
        Ok(failed) => failed,
        Err(_) => {
            Command::new("kill").args(["-KILL", "--", &format!("-{}", child.id())]).status()?;
            child.wait()?;
            return Ok(End::Failed(vec![format!("{name} (it did not end)")]));
        }
    };
    let status = child.wait()?;
    Ok(match (status.success(), failed.is_empty()) {
        (true, _) => End::Passed,
        (false, false) => End::Failed(failed),
        (false, true) => End::Failed(vec![name.to_owned()]),
    })
}

/// The names of the tests that fail, once the output has ended.
fn failures(output: impl Read + Send + 'static) -> mpsc::Receiver<Vec<String>> {
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        let failed = lines.filter_map(|line| failed_test(&line).map(str::to_owned)).collect();
        // Nobody waits any more when the patience was over.
        let _ = send.send(failed);
    });
    receive
}

impl FromStr for Trial {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        Ok(match &words[..] {
            [kind] if kind == "golden" => Self::Golden,
            [kind, package, filter @ ..] if kind == "unit" && filter.len() < 2 => {
                Self::Unit { package: package.clone(), filter: filter.first().cloned() }
            }
            [kind, program, filter @ ..] if kind == "acceptance" && filter.len() < 2 => {
                Self::Acceptance { program: program.clone(), filter: filter.first().cloned() }
            }
            [kind, package, program, filter @ ..] if kind == "integration" && filter.len() < 2 => Self::Integration {
                package: package.clone(),
                program: program.clone(),
                filter: filter.first().cloned(),
            },
            _ => bail!("\"{text}\" names no tests"),
        })
    }
}

impl fmt::Display for Trial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (words, filter) = match self {
            Self::Unit { package, filter } => (format!("unit {package}"), filter),
            Self::Integration { package, program, filter } => (format!("integration {package} {program}"), filter),
            Self::Acceptance { program, filter } => (format!("acceptance {program}"), filter),
            Self::Golden => ("golden".to_owned(), &None),
        };
        f.write_str(&words)?;
        filter.iter().try_for_each(|filter| write!(f, " {filter}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_is_read() {
        for text in
            ["golden", "unit pve-sim", "acceptance found", "acceptance written vm::a_vm", "integration pve-sim cli"]
        {
            assert_eq!(text.parse::<Trial>().unwrap().to_string(), text);
        }
        for bad in ["", "golden x", "unit", "acceptance", "acceptance a b c", "integration pve-sim"] {
            assert!(bad.parse::<Trial>().is_err(), "{bad}");
        }
    }

    #[test]
    fn the_right_program_is_found_among_those_built() {
        let message =
            |name: &str, file: &str| format!("{{\"target\":{{\"name\":\"{name}\"}},\"executable\":\"/t/{file}\"}}\n");
        let messages = message("pve_sim", "pve_sim-1") + &message("pve_client", "pve_client-2") + "no json";
        assert_eq!(executable(&messages, &Trial::unit("pve-client").plan().target), Some("/t/pve_client-2".into()));
        assert_eq!(executable(&messages, "road"), None);
    }

    #[test]
    fn an_end_tells_which_tests_failed() {
        let end = |script: &str| run(Command::new("sh").args(["-c", script]), "all").unwrap();
        assert_eq!(end("exit 0"), End::Passed);
        let failed = end("echo 'test a::works ... ok'; echo 'test a::breaks ... FAILED'; exit 1");
        assert_eq!(failed, End::Failed(vec!["a::breaks".to_owned()]));
        assert_eq!(end("exit 1"), End::Failed(vec!["all".to_owned()]));
    }
}
