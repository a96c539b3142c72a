//! Terraform and OpenTofu provider for Proxmox VE.

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

fn main() -> ExitCode {
    let options = Options {
        name: "terraform-provider-pve",
        version: env!("CARGO_PKG_VERSION"),
        address: "registry.terraform.io/homelab/pve",
    };
    terraform_plugin::run::<provider::PveProvider>(options)
}
