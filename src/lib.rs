//! Terraform and OpenTofu provider for Proxmox VE.
//!
//! A library only so that its tests can hold a whole provider in their own process; the program is all that users get.

mod access;
mod ceph;
mod cluster;
mod firewall;
mod functions;
mod ground;
mod ha;
#[cfg(test)]
mod in_process;
mod moves;
mod node;
mod notification;
mod provider;
mod section;
mod storage;
mod verbs;
mod vm;

use std::ffi::OsString;
use std::io::Write as _;
use std::process::ExitCode;

use serde_json::Value as Json;
use terraform_plugin::serve::Options;

use ground::privileges;
pub use provider::PveProvider;

/// Where the provider is found in the registry.
pub const ADDRESS: &str = "registry.terraform.io/homelab/pve";

/// The program: serves Terraform, or prints what it is asked for.
#[must_use]
pub fn run() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if arguments.first().is_some_and(|first| first == "privileges") {
        return match print_privileges(&arguments[1..]) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("{error}");
                ExitCode::FAILURE
            }
        };
    }
    if let Some(code) = verbs::dispatch(&arguments) {
        return code;
    }
    let options = Options { name: "terraform-provider-pve", version: env!("CARGO_PKG_VERSION"), address: ADDRESS };
    terraform_plugin::run::<PveProvider>(options)
}

/// `privileges [PLAN.json]`.
fn print_privileges(arguments: &[OsString]) -> Result<(), String> {
    let plan = match arguments {
        [] => None,
        [file] => {
            let path = file.to_string_lossy();
            let text = std::fs::read_to_string(file).map_err(|error| format!("{path}: {error}"))?;
            let plan: Json = serde_json::from_str(&text).map_err(|error| format!("{path} is no JSON: {error}"))?;
            if !plan["resource_changes"].is_array() {
                return Err(format!("{path} is no plan: give it what `terraform show -json PLAN` prints"));
            }
            Some(plan)
        }
        _ => return Err("usage: terraform-provider-pve privileges [PLAN.json]".to_owned()),
    };
    let docs = terraform_plugin::docs_json::<PveProvider>();
    std::io::stdout().write_all(privileges::lines(&docs, plan.as_ref()).as_bytes()).map_err(|error| error.to_string())
}
