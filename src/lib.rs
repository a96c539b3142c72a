//! Terraform and OpenTofu provider for Proxmox VE.
//!
//! A library only so that its tests can hold a whole provider in their own process; the program is all that users get.

mod access;
mod acme;
mod ceph;
mod cluster;
mod ct;
mod firewall;
mod functions;
mod ground;
mod guest;
mod ha;
#[cfg(test)]
mod in_process;
mod job;
mod mapping;
mod metrics;
mod moves;
mod node;
mod notification;
mod provider;
mod section;
mod storage;
mod verbs;
mod vm;

use std::process::ExitCode;

use terraform_plugin::serve::Options;

pub use provider::PveProvider;

/// Where the provider is found in the registry.
pub const ADDRESS: &str = "registry.terraform.io/homelab/pve";

/// The program: serves Terraform, or prints what it is asked for.
#[must_use]
pub fn run() -> ExitCode {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(code) = verbs::dispatch(&arguments) {
        return code;
    }
    let options = Options { name: "terraform-provider-pve", version: env!("CARGO_PKG_VERSION"), address: ADDRESS };
    terraform_plugin::run::<PveProvider>(options)
}
