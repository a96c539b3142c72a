//! What lies on the shelf.

use terraform_plugin::{Cx, DataSource, Error, Model};

use crate::shelf::Shelf;

/// The names of all notes on the shelf.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "catalogue", area = "Shelf")]
pub(crate) struct Catalogue {
    /// Only names that begin so.
    #[attr(optional)]
    pub prefix: Option<String>,
    /// The names, sorted.
    #[attr(computed)]
    pub notes: Vec<String>,
}

impl DataSource<Shelf> for Catalogue {
    async fn read(cx: &Cx<Shelf>, config: Self) -> Result<Self, Error> {
        let prefix = config.prefix.clone().unwrap_or_default();
        let notes = cx.names("note").await?.into_iter().filter(|name| name.starts_with(&prefix)).collect();
        Ok(Self { notes, ..config })
    }
}
