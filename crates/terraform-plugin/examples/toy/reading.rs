//! Reading a note aloud: open as long as the run lasts, and never stored.

use std::time::{Duration, SystemTime};

use terraform_plugin::{Cx, Ephemeral, Error, Model, Opened};

use crate::shelf::Shelf;

/// A note that is read to somebody and not written down.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "reading", area = "Shelf")]
pub(crate) struct Reading {
    /// The note's name.
    #[attr(required)]
    pub name: String,
    /// After so many seconds the reader takes a breath.
    #[attr(optional, range = 0..=3600)]
    pub breath: Option<u64>,
    /// What it says.
    #[attr(computed, sensitive)]
    pub text: Option<String>,
}

impl Ephemeral<Shelf> for Reading {
    async fn open(cx: &Cx<Shelf>, config: Self) -> Result<Opened<Self>, Error> {
        let page: Option<serde_json::Value> = cx.get("note", &config.name).await?;
        let Some(page) = page else {
            return Err(Error::new(format!("There is no note {}", config.name), "It cannot be read.").at("name"));
        };
        cx.private.set("name", &config.name);
        cx.put("reading", &config.name, &"open").await?;
        let text = page["text"].as_str().map(str::to_owned);
        let breath = config.breath;
        let opened = Opened::new(Self { text, ..config });
        Ok(match breath {
            Some(seconds) => opened.until(SystemTime::now() + Duration::from_secs(seconds)),
            None => opened,
        })
    }

    async fn renew(cx: &Cx<Shelf>) -> Result<Option<SystemTime>, Error> {
        let name: String = cx.private.get("name").unwrap_or_default();
        cx.put("reading", &name, &"renewed").await?;
        Ok(Some(SystemTime::now() + Duration::from_secs(3600)))
    }

    async fn close(cx: &Cx<Shelf>) -> Result<(), Error> {
        let name: String = cx.private.get("name").unwrap_or_default();
        cx.put("reading", &name, &"closed").await?;
        Ok(())
    }
}
