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
mod note;
mod shelf;

use std::path::PathBuf;
use std::process::ExitCode;

use terraform_plugin::serve::Options;
use terraform_plugin::{Error, Provider, ProviderConfig, Registry, Start, run};

use shelf::Shelf;

struct Toy;

/// Keeps notes and cabinets as files in a directory.
#[derive(ProviderConfig, Clone, Debug, PartialEq)]
pub(crate) struct Config {
    /// The directory. Must exist.
    #[attr(required)]
    pub shelf: String,
}

impl Provider for Toy {
    const NAME: &'static str = "toy";
    type Config = Config;
    type Api = Shelf;

    async fn configure(config: ConfigPlan, _: Start) -> Result<Shelf, Error> {
        let Some(shelf) = config.shelf.known().map(PathBuf::from) else {
            return Err(Error::new(
                "The shelf is not known yet",
                "Its directory depends on something not yet created.",
            )
            .at("shelf"));
        };
        if !shelf.is_dir() {
            return Err(
                Error::new("There is no such shelf", format!("{} is not a directory.", shelf.display())).at("shelf")
            );
        }
        Ok(Shelf::new(shelf))
    }

    fn registry() -> Registry<Shelf> {
        Registry::new().resource::<note::Note>().resource::<cabinet::Cabinet>().data::<catalogue::Catalogue>()
    }
}

fn main() -> ExitCode {
    run::<Toy>(Options { name: "terraform-provider-toy", version: "0.1.0", address: "registry.terraform.io/acme/toy" })
}
