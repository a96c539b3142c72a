//! Terraform and OpenTofu provider for Proxmox VE.

use std::process::ExitCode;

fn main() -> ExitCode {
    terraform_provider_pve::run()
}
