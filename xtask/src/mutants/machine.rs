//! cargo-mutants: the list of the faults that it can make, and its runs.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;

use super::area::Area;
use super::copy::Copy;
use crate::cargo::cargo;
use crate::test::failed_test;

/// The version whose names of faults are remembered.
const VERSION: &str = "27.1.0";

/// A fault may keep the compiler busy for ever.
const BUILD: Duration = Duration::from_secs(900);

/// The program.
pub(crate) struct Machine(PathBuf);

/// A fault that it can make.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Fault {
    /// With line and column.
    pub(super) name: String,
    package: String,
    /// From the root of the workspace.
    #[serde(default)]
    pub(super) file: String,
    #[serde(default)]
    span: Span,
    #[serde(default)]
    replacement: String,
    /// What is changed, as a diff.
    #[serde(default)]
    pub(super) diff: String,
    /// Without line and column, so that it keeps its name while other lines come and go. Of several with one name the
    /// second ends in ` (2)`.
    #[serde(skip)]
    pub(super) key: String,
}

/// What it replaces; `end` is behind the last character.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Span {
    start: Place,
    end: Place,
}

/// Counted from one, in characters.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
struct Place {
    line: usize,
    column: usize,
}

impl Place {
    fn within(self, text: &str) -> Option<usize> {
        let line = text.split_inclusive('\n').take(self.line.checked_sub(1)?).map(str::len).sum::<usize>();
        let rest = text.get(line..)?;
        let mut columns = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        columns.nth(self.column.checked_sub(1)?).map(|column| line + column)
    }
}

impl Fault {
    /// The file's text with the fault in it.
    pub(super) fn applied_to(&self, text: &str) -> Result<String> {
        let places = self.span.start.within(text).zip(self.span.end.within(text)).filter(|(start, end)| start <= end);
        let (start, end) = places.with_context(|| format!("{}: the file is another one", self.name))?;
        Ok(format!("{}{}{}", &text[..start], self.replacement, &text[end..]))
    }
}

/// Tests that are run together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Stage {
    pub(super) package: &'static str,
    /// Cargo's word for which of the package's tests.
    target: &'static str,
    /// What the test programs are told.
    pub(super) words: Vec<&'static str>,
}

/// What became of a fault.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By this test, or in these words.
    Caught(String),
    Missed,
    DoesNotBuild,
}

impl Stage {
    pub(super) fn new(package: &'static str, target: &'static str) -> Self {
        Self { package, target, words: Vec::new() }
    }

    /// All but the tests whose names hold one of these.
    pub(super) fn without(mut self, slow: &'static [&'static str]) -> Self {
        self.words.extend(slow.iter().flat_map(|name| ["--skip", name]));
        self
    }

    /// Only those.
    pub(super) fn only(mut self, slow: &'static [&'static str]) -> Self {
        self.words.extend(slow);
        self
    }

    /// Cargo's arguments that build it; with the rest, those that run it.
    pub(super) fn arguments(&self, run: bool) -> String {
        let words = if run { format!(" -- {}", self.words.join(" ")) } else { " --no-run".to_owned() };
        format!("test --quiet -p {} {}{words}", self.package, self.target).trim_end().to_owned()
    }
}

impl Area {
    /// Its faults, each with its lasting name.
    pub(super) fn faults(self, machine: &Machine, copy: &Copy) -> Result<Vec<Fault>> {
        let mut faults = machine.list(copy, &[self], None)?;
        let mut seen: HashMap<String, usize> = HashMap::new();
        for fault in &mut faults {
            let name = without_place(&fault.name);
            let times = seen.entry(name.clone()).or_default();
            *times += 1;
            fault.key = if *times == 1 { name } else { format!("{name} ({times})") };
        }
        Ok(faults)
    }

    /// Those of its faults that touch the lines of a diff.
    pub(super) fn faults_within(self, machine: &Machine, copy: &Copy, diff: &Path) -> Result<Vec<Fault>> {
        let touched = machine.list(copy, &[self], Some(diff))?;
        let all = self.faults(machine, copy)?;
        Ok(all.into_iter().filter(|fault| touched.iter().any(|touched| touched.name == fault.name)).collect())
    }
}

impl Machine {
    /// The program from the path, or from where [`Self::find_or_install`] has put it.
    pub(crate) fn find() -> Result<Self> {
        for program in [PathBuf::from("cargo-mutants"), own_folder()?.join("bin/cargo-mutants")] {
            let told = Command::new(&program).args(["mutants", "--version"]).output();
            if told.is_ok_and(|told| String::from_utf8_lossy(&told.stdout).trim() == format!("cargo-mutants {VERSION}"))
            {
                return Ok(Self(program));
            }
        }
        bail!(
            "no cargo-mutants {VERSION}: `cargo install cargo-mutants --locked --version {VERSION}` builds it in a few minutes"
        )
    }

    /// Builds it where it is missing, into the target folder.
    pub(crate) fn find_or_install() -> Result<Self> {
        if let Ok(found) = Self::find() {
            return Ok(found);
        }
        let folder = own_folder()?;
        let mut command = cargo(&["install", "cargo-mutants", "--quiet", "--locked", "--version", VERSION, "--root"]);
        let status = command.arg(&folder).status().context("starting cargo install")?;
        ensure!(status.success(), "cargo install cargo-mutants {VERSION} failed, see above");
        Self::find()
    }

    fn list(&self, copy: &Copy, areas: &[Area], diff: Option<&Path>) -> Result<Vec<Fault>> {
        let mut command = self.command(copy);
        command.args(["--list", "--json"]).args(areas.iter().flat_map(|area| ["--package", area.package()]));
        command.args(diff.map(|diff| format!("--in-diff={}", diff.display())));
        listed(&mut command)
    }

    /// Makes the faults one after the other in the copy, and runs the tests on each.
    pub(super) fn run(&self, copy: &Copy, faults: &[&Fault], stage: &Stage, patience: Duration) -> Result<Vec<End>> {
        let out = copy.place("out")?;
        let these: Vec<String> = faults.iter().map(|fault| regex::escape(&fault.name)).collect();
        let these = format!("--re=^(?:{})$", these.join("|"));
        let packages = faults.iter().map(|fault| format!("--package={}", fault.package)).collect::<BTreeSet<_>>();
        let mut command = self.command(copy);
        let matched = listed(command.args(["--list", "--json", &these]).args(&packages))?;
        // Fields that are left out are listed whatever the names are to be (27.1.0). What was caught before is not.
        let others = matched.iter().filter(|other| faults.iter().all(|fault| fault.name != other.name));
        let caught: String = others.map(|other| format!("{}\n", other.name)).collect();
        fs::create_dir_all(out.join("mutants.out"))?;
        fs::write(out.join("mutants.out/caught.txt"), caught)?;
        let mut command = self.command(copy);
        command
            .args(["--in-place", "--iterate", "--baseline=skip", "--no-shuffle", "--no-times", "--annotations=none"])
            .args(packages)
            .arg(format!("--test-package={}", stage.package))
            .arg(format!("--cargo-arg={}", stage.target))
            .arg(format!("--timeout={}", patience.as_secs()))
            .arg(format!("--build-timeout={}", BUILD.as_secs()))
            .arg(these)
            .arg("--output")
            .arg(&out)
            .args(["--", "--"])
            .args(&stage.words);
        let told = command.stdin(Stdio::null()).output().context("cargo mutants")?;
        copy.sweep()?;
        let file = out.join("mutants.out/outcomes.json");
        let outcomes = fs::read_to_string(&file)
            .with_context(|| format!("cargo mutants: {}{}", lossy(&told.stdout), lossy(&told.stderr)))?;
        let mut ends = ends(&outcomes, &out.join("mutants.out"))?;
        let end = |fault: &&Fault| ends.remove(&fault.name).with_context(|| format!("{} was not tried", fault.name));
        faults.iter().map(end).collect()
    }

    fn command(&self, copy: &Copy) -> Command {
        let mut command = copy.program(&self.0, "");
        command.arg("mutants");
        command
    }
}

/// The faults that a call lists.
fn listed(command: &mut Command) -> Result<Vec<Fault>> {
    let output = command.output().context("cargo mutants --list")?;
    let told = lossy(&output.stderr);
    ensure!(output.status.success(), "cargo mutants --list: {told}");
    // A diff without anything to change is told in words.
    let list = if output.stdout.trim_ascii().is_empty() { b"[]" } else { &output.stdout[..] };
    serde_json::from_slice(list).with_context(|| format!("what cargo mutants --list says: {told}"))
}

fn own_folder() -> Result<PathBuf> {
    Ok(std::path::absolute(crate::cargo::target())?.join(format!("acceptance/cargo-mutants-{VERSION}")))
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// `FILE:LINE:COLUMN: WHAT` as `FILE: WHAT`.
fn without_place(name: &str) -> String {
    let Some((place, what)) = name.split_once(": ") else { return name.to_owned() };
    format!("{}: {what}", place.split(':').next().unwrap_or(place))
}

/// What `outcomes.json` says of each fault; the name of the test that failed is in the log beside it.
fn ends(outcomes: &str, beside: &Path) -> Result<BTreeMap<String, End>> {
    #[derive(Deserialize)]
    struct Outcomes {
        outcomes: Vec<Outcome>,
    }
    #[derive(Deserialize)]
    struct Outcome {
        scenario: serde_json::Value,
        summary: String,
        log_path: PathBuf,
    }
    let mut ends = BTreeMap::new();
    for outcome in serde_json::from_str::<Outcomes>(outcomes).context("outcomes.json")?.outcomes {
        let Some(name) = outcome.scenario["Mutant"]["name"].as_str() else { continue };
        let end = match outcome.summary.as_str() {
            "CaughtMutant" => {
                let log = fs::read(beside.join(&outcome.log_path)).unwrap_or_default();
                let log = lossy(&log);
                End::Caught(
                    log.lines().find_map(failed_test).unwrap_or("the tests did not come to their end").to_owned(),
                )
            }
            "Timeout" => End::Caught("without an end".to_owned()),
            "MissedMutant" => End::Missed,
            "Unviable" => End::DoesNotBuild,
            other => bail!("{name}: cargo-mutants says {other}"),
        };
        ends.insert(name.to_owned(), end);
    }
    Ok(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_keeps_its_name_when_lines_are_added_above_it() {
        let name = "src/a.rs:12:5: replace f -> Option<std::path::PathBuf> with None";
        assert_eq!(without_place(name), "src/a.rs: replace f -> Option<std::path::PathBuf> with None");
        assert_eq!(without_place("src/a.rs:1:2: delete match arm x: Y in f"), "src/a.rs: delete match arm x: Y in f");
    }

    #[test]
    fn a_fault_is_made_where_it_is_said_to_be() {
        let text = "fn f() {}\n// \u{e4}\nfn g() -> u32 { 1 + 2 }\n";
        let fault = |start: [usize; 2], end: [usize; 2]| {
            let place = |[line, column]: [usize; 2]| serde_json::json!({"line": line, "column": column});
            let span = serde_json::json!({"start": place(start), "end": place(end)});
            let told =
                serde_json::json!({"name": "n", "package": "p", "file": "a.rs", "span": span, "replacement": "7"});
            serde_json::from_value::<Fault>(told).unwrap()
        };
        let made = fault([3, 17], [3, 22]).applied_to(text).unwrap();
        assert_eq!(made, "fn f() {}\n// \u{e4}\nfn g() -> u32 { 7 }\n");
        assert_eq!(fault([2, 4], [2, 5]).applied_to(text).unwrap(), text.replace('\u{e4}', "7"));
        assert!(fault([9, 1], [9, 2]).applied_to(text).is_err());
    }

    #[test]
    fn the_outcome_of_each_fault_is_read_with_the_test_that_caught_it() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.log"), "test x::holds ... ok\ntest x::bites ... FAILED\n").unwrap();
        let outcome = |name: &str, summary: &str, log: &str| serde_json::json!({"scenario": {"Mutant": {"name": name}}, "summary": summary, "log_path": log});
        let told = serde_json::json!({"outcomes": [
            {"scenario": "Baseline", "summary": "Success", "log_path": "b.log"},
            outcome("one", "CaughtMutant", "a.log"),
            outcome("two", "CaughtMutant", "none.log"),
            outcome("three", "Timeout", "a.log"),
            outcome("four", "MissedMutant", "a.log"),
            outcome("five", "Unviable", "a.log"),
        ]});
        let ends = ends(&told.to_string(), folder.path()).unwrap();
        assert_eq!(ends["one"], End::Caught("x::bites".into()));
        assert!(matches!(&ends["two"], End::Caught(told) if told.contains("end")));
        assert!(matches!(&ends["three"], End::Caught(_)));
        assert_eq!((&ends["four"], &ends["five"]), (&End::Missed, &End::DoesNotBuild));
        let unknown = serde_json::json!({"outcomes": [outcome("six", "Failure", "a.log")]});
        assert!(super::ends(&unknown.to_string(), folder.path()).is_err());
    }
}
