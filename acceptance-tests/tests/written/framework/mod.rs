//! The framework's promises, with its toy provider and a real Terraform.

mod beside;
mod interrupted;
mod life;
mod listed;
mod mishaps;
mod process;
mod shelf;
