//! The framework's promises, with its toy provider and a real Terraform.

mod interrupted;
mod life;
mod mishaps;
mod process;
mod shelf;
