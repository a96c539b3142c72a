//! A note, which may take its time to dry, and the mishaps that may befall its writer.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use terraform_plugin::{
    Attr, Change, Choice, Created, Cx, Deleted, Error, Failed, Model, Queried, Read, Resource, Say, Seen, Timeouts,
    Unwritten, Updated,
};

use crate::shelf::Shelf;

const KIND: &str = "note";

/// What goes wrong while the note is written.
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mishap {
    /// The ink dries only when somebody puts a file `NAME.dry` on the shelf.
    WetInk,
    /// The pen breaks before anything is written.
    PanicBefore,
    /// The pen breaks when the note lies on the shelf already.
    PanicAfter,
    /// Something else than what was planned is reported.
    Contradiction,
}

/// A note on the shelf.
#[derive(Model, Clone, Debug, PartialEq)]
#[model(name = "note", area = "Shelf", key(name))]
pub(crate) struct Note {
    /// Name. A change replaces the note.
    #[attr(required, replace, regex = "[a-z0-9-]+", says = "lower-case letters, digits and hyphens")]
    pub name: String,
    /// What it says.
    #[attr(required)]
    pub text: String,
    /// Copies kept. The shelf keeps two unless told otherwise.
    #[attr(keep, range = 1..=9)]
    pub copies: Option<i64>,
    /// How many lines the text has.
    #[attr(computed)]
    pub lines: Option<i64>,
    /// What goes wrong while it is written.
    #[attr(local)]
    pub mishap: Option<Mishap>,
    /// False while the ink is wet; the next apply carries on.
    #[attr(ready)]
    pub ready: bool,
    #[attr(timeouts(create = "1m", update = "1m"))]
    pub timeouts: Timeouts,
}

/// A note as it lies on the shelf.
#[derive(Serialize, Deserialize)]
struct Page {
    text: String,
    copies: i64,
    /// Whether its writer has seen it dry.
    finished: bool,
}

impl Note {
    fn page(&self, finished: bool) -> Page {
        Page { text: self.text.clone(), copies: self.copies.unwrap_or(2), finished }
    }

    fn found(name: &str, page: Page) -> Self {
        Self {
            name: name.to_owned(),
            lines: i64::try_from(page.text.lines().count()).ok(),
            text: page.text,
            copies: Some(page.copies),
            mishap: None,
            ready: page.finished,
            timeouts: Timeouts::default(),
        }
    }

    /// Waits for the ink, and marks the note as finished.
    async fn finish(cx: &Cx<Shelf>, want: &Self) -> Result<Self, Error> {
        let wet = Some(Mishap::WetInk) == want.mishap;
        let begun = std::time::Instant::now();
        while wet && !cx.is_dry(&want.name) {
            let summary = format!("Note {} is still wet", want.name);
            if begun.elapsed() > cx.timeout {
                return Err(Error::new(summary, "The time allowed is over. Apply again to wait on."));
            }
            tokio::select! {
                () = cx.stop.cancelled() => return Err(Error::new(summary, "Interrupted. Apply again to wait on.")),
                () = tokio::time::sleep(Duration::from_millis(20)) => {}
            }
        }
        let page = want.page(true);
        cx.put(KIND, &want.name, &page).await?;
        Ok(Self::found(&want.name, page))
    }
}

impl Resource<Shelf> for Note {
    const UPDATES_SETTLE: bool = true;

    async fn plan(_: &Cx<Shelf>, change: &mut Change<Self>, say: &mut Say<Self>) {
        if change.is_update() && change.changed(|note| &note.text) {
            change.plan.lines = Attr::Unknown;
        }
        if change.plan.text.text() == Some("") {
            say.warning("text", "An empty note", "It will be hard to read.");
        }
    }

    async fn create(cx: &Cx<Shelf>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        assert!(want.mishap != Some(Mishap::PanicBefore), "the pen broke before a word was written");
        let there: Option<Page> = unwritten.check(cx.get(KIND, &want.name).await)?;
        if there.is_some() {
            let import = format!("import {{\n  to = toy_note.NAME\n  id = \"{}\"\n}}", want.name);
            return Err(unwritten.fail(Error::new(format!("Note {} exists already", want.name), import).at("name")));
        }

        let page = want.page(false);
        let so_far = Self::found(&want.name, want.page(false));
        let (answer, written) = unwritten.send(so_far, cx.add(KIND, &want.name, &page)).await?;
        assert!(want.mishap != Some(Mishap::PanicAfter), "the pen broke when the note was written");
        if let Err(error) = answer {
            return Ok(written.leave(error));
        }
        let created = written.settle(async |_| {
            let mut note = Self::finish(cx, want).await?;
            if want.mishap == Some(Mishap::Contradiction) {
                note.text.push_str(" (smudged)");
            }
            Ok::<_, Error>(note)
        });
        Ok(created.await)
    }

    async fn read(cx: &Cx<Shelf>, key: &NoteKey, _: Option<&Self>) -> Result<Read<Self>, Error> {
        let page: Option<Page> = cx.get(KIND, &key.name).await?;
        Ok(page.map_or(Read::Gone, |page| Read::Found(Self::found(&key.name, page))))
    }

    async fn update(cx: &Cx<Shelf>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        cx.put(KIND, &want.name, &want.page(prior.ready)).await?;
        Ok(match Self::finish(cx, want).await {
            Ok(done) => Updated::Done(done),
            Err(why) => Updated::unfinished(Self::found(&want.name, want.page(false)), why),
        })
    }

    async fn delete(cx: &Cx<Shelf>, was: &Self) -> Result<Deleted<Self>, Error> {
        cx.remove(KIND, &was.name).await?;
        Ok(Deleted::Gone)
    }
}

/// The folder tells their names; what they say is read by itself.
impl Queried<Shelf> for Note {
    async fn seek(cx: &Cx<Shelf>) -> Result<Vec<Seen<Self>>, Error> {
        let names = cx.names(KIND).await?;
        Ok(names.into_iter().map(|name| Seen::there(NoteKey { name })).collect())
    }
}
