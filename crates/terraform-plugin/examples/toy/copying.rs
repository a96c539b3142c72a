//! Copying a note by hand: an action that takes its time, and tells how far it is.

use terraform_plugin::{Action, Cx, Diagnostic, Error, Model, Progress, Say};

use crate::shelf::Shelf;

/// Copies a note letter by letter onto a page `NAME.copy` beside it.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "copy", area = "Shelf")]
pub(crate) struct Copying {
    /// The note's name.
    #[attr(required)]
    pub name: String,
    /// How many copies.
    #[attr(default = 1, range = 1..=9)]
    pub copies: i64,
    /// What goes wrong: `slow` never ends by itself, `blot` fails after the first copy, `panic` breaks the pen.
    #[attr(optional)]
    pub mishap: Option<String>,
}

impl Action<Shelf> for Copying {
    fn validate(config: &CopyingPlan, say: &mut Say<Self>) {
        if config.name.text() == Some("") {
            say.error("name", "A note without a name", "There is none such.");
        }
    }

    async fn plan(cx: &Cx<Shelf>, config: &CopyingPlan, say: &mut Say<Self>) {
        let names = cx.names("note").await.unwrap_or_default();
        if let Some(name) = config.name.text()
            && !names.iter().any(|known| known == name)
        {
            say.warning("name", "There is no such note yet", format!("{name} has to be there when it is copied."));
        }
    }

    async fn invoke(cx: &Cx<Shelf>, config: Self, progress: &Progress) -> Result<(), Error> {
        let mishap = config.mishap.as_deref().unwrap_or_default();
        assert!(mishap != "panic", "the pen broke");
        let page: Option<serde_json::Value> = cx.get("note", &config.name).await?;
        let Some(page) = page else {
            return Err(Error::new(format!("There is no note {}", config.name), "Nothing was written.").at("name"));
        };
        for copy in 1..=config.copies {
            cx.put("copy", &config.name, &page).await?;
            progress.say(format!("{copy} of {} written", config.copies));
            if mishap == "blot" {
                return Err(Error::new("A blot of ink", format!("{copy} of {} were written.", config.copies)));
            }
            if mishap == "slow" {
                cx.stop.cancelled().await;
                let written = format!("{copy} of {} were written.", config.copies);
                return Err(Error::new("The pen was put down", written));
            }
        }
        cx.warn(Diagnostic::warning("The ink runs low", "There is enough for a few more."));
        Ok(())
    }
}
