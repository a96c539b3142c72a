//! Terraform and OpenTofu provider for Proxmox VE.
//!
//! A library only so that its tests can hold a whole provider in their own process; the program is all that users get.

mod absence;
mod access;
mod ceph;
mod cluster;
mod error;
mod evidence;
mod ha;
#[cfg(test)]
mod in_process;
mod ledger;
mod named;
mod node;
mod provider;
mod pve;
mod rights;
mod section;
mod storage;
mod texts;
mod vm;

use std::process::ExitCode;

use terraform_plugin::serve::Options;

pub use provider::PveProvider;

/// Where the provider is found in the registry.
pub const ADDRESS: &str = "registry.terraform.io/homelab/pve";

/// The program: serves Terraform, or prints what it is asked for.
#[must_use]
pub fn run() -> ExitCode {
    let options = Options { name: "terraform-provider-pve", version: env!("CARGO_PKG_VERSION"), address: ADDRESS };
    terraform_plugin::run::<PveProvider>(options)
}
