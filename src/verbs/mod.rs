//! What the program does besides serving Terraform: `act`, `explain`, `maintenance`, `privileges`, `query`,
//! `tasks`.

mod act;
mod explain;
mod maintenance;
mod privileges;
pub(crate) mod query;
pub mod tasks;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::Value as Json;
use terraform_plugin::{Notices, Provider as _, Severity, Start, StopReason, StopToken};

use crate::ground::pve::Pve;
use crate::provider::{PveConfigPlan, PveProvider};

/// The words, or the environment, make no sense: nothing was done.
const WRONG: u8 = 2;

/// Ended by Ctrl-C, as shells have it.
const INTERRUPTED: u8 = 130;

/// Does what a command line asks for, if it is one of ours.
pub fn dispatch(arguments: &[OsString]) -> Option<ExitCode> {
    let mut words = arguments.iter().map(|word| word.to_string_lossy().into_owned());
    let verb = words.next()?;
    let words: Vec<String> = words.collect();
    match verb.as_str() {
        "act" => Some(act::run(&words)),
        "explain" => Some(explain::run(&words)),
        "maintenance" => Some(maintenance::run(&words)),
        "privileges" => Some(privileges::run(&words)),
        "query" => Some(query::run(&arguments[1..])),
        "tasks" => Some(tasks::run(&words)),
        _ => None,
    }
}

/// Runs to its end, or until somebody presses Ctrl-C for the second time.
fn block_on(stop: &StopToken, work: impl Future<Output = u8>) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return wrong(&error.to_string()),
    };
    let code = runtime.block_on(async {
        tokio::select! {
            code = work => code,
            () = twice(stop) => INTERRUPTED,
        }
    });
    runtime.shutdown_background();
    ExitCode::from(code)
}

/// The first Ctrl-C stops the work, the second does not wait for it.
async fn twice(stop: &StopToken) {
    for _ in 0..2 {
        if tokio::signal::ctrl_c().await.is_err() {
            return std::future::pending().await;
        }
        stop.stop(StopReason::Asked);
    }
}

/// What the environment leads to, as with `provider "pve" {}`; or why it leads nowhere, which is told.
async fn pve(stop: &StopToken) -> Option<Pve> {
    let notices = Notices::default();
    let start = Start {
        stop: stop.clone(),
        terraform_version: "none".to_owned(),
        data_dir: PathBuf::from(".terraform"),
        notices: notices.clone(),
    };
    let configured = PveProvider::configure(PveConfigPlan::default(), start).await;
    tell(notices.take());
    configured.map_err(|error| tell(error.into_diagnostics())).ok()
}

/// Errors and warnings, for whoever sits there.
fn tell(said: terraform_plugin::Diagnostics) {
    eprint!("{}", told(&said));
}

/// Errors and warnings as a person reads them, each once.
fn told(said: &terraform_plugin::Diagnostics) -> String {
    let mut all = Vec::new();
    for one in said.iter() {
        let severity = match one.severity {
            Severity::Error => "Error",
            Severity::Warning => "Warning",
        };
        let detail: String = one.detail.lines().map(|line| format!("  {line}\n")).collect();
        let text = format!("{severity}: {}\n{detail}", one.summary);
        if !all.contains(&text) {
            all.push(text);
        }
    }
    all.concat()
}

fn wrong(what: &str) -> ExitCode {
    eprintln!("{what}");
    ExitCode::from(WRONG)
}

/// A plan, as `terraform show -json PLAN` prints it, from a file or from what is piped in.
fn read_plan(file: Option<&str>) -> Result<Json, String> {
    let (name, text) = match file {
        Some(file) => (file, std::fs::read_to_string(file)),
        None => ("what is piped in", std::io::read_to_string(std::io::stdin())),
    };
    let text = text.map_err(|error| format!("{name}: {error}"))?;
    let plan: Json = serde_json::from_str(&text).map_err(|error| format!("{name} is no JSON: {error}"))?;
    // One that does nothing but invoke actions has no changes.
    let is_plan =
        ["resource_changes", "planned_values", "action_invocations"].iter().any(|part| !plan[*part].is_null());
    if !is_plan {
        return Err(format!("{name} is no plan: give it what `terraform show -json PLAN` prints"));
    }
    Ok(plan)
}

/// A line on stdout. That nobody reads it is no reason to stop halfway.
fn say(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
