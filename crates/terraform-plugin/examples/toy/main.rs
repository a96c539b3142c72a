//! A complete provider without a network: its objects are files in a directory, the shelf.
//!
//! It shows every part of the framework in a few lines, and misbehaves on request (`mishap`), which is how the
//! framework's promises are tested with a real Terraform.
//!
//! ```hcl
//! provider "toy" {
//!   shelf = "/tmp/shelf"
//! }
//!
//! resource "toy_note" "hello" {
//!   name = "hello"
//!   text = "Hello, world"
//! }
//! ```

mod cabinet;
mod catalogue;
mod copying;
mod note;
mod reading;
mod shelf;
mod toy;
mod words;

use std::process::ExitCode;

use terraform_plugin::run;
use terraform_plugin::serve::Options;

use toy::Toy;

fn main() -> ExitCode {
    run::<Toy>(Options { name: "terraform-provider-toy", version: "0.1.0", address: "registry.terraform.io/acme/toy" })
}
