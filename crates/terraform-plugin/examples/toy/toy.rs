//! The provider: where its shelf is, and what lies on it.

use std::path::PathBuf;

use terraform_plugin::{Error, Provider, ProviderConfig, Registry, Start};

use crate::shelf::Shelf;
use crate::{cabinet, catalogue, copying, note, reading, words};

/// The provider.
pub(crate) struct Toy;

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

    const FILTERS: &'static [&'static str] = &["room", "tags", "text"];

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
        Registry::new()
            .resource::<note::Note>()
            .query::<note::Note>()
            .resource::<cabinet::Cabinet>()
            .query::<cabinet::Cabinet>()
            .data::<catalogue::Catalogue>()
            .function::<words::Count>()
            .function::<words::Lines>()
            .action::<copying::Copying>()
            .ephemeral::<reading::Reading>()
    }
}
