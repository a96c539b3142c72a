//! A provider whose API is a map in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use crate::model::{Model, Secret, Size, Timeouts};
use crate::{
    Change, Created, Cx, DataSource, Deleted, Diagnostic, Error, Failed, Findings, Move, Notices, Provider, Queried,
    Read, Registry, Resource, Say, Seen, Start, Stored, Unwritten, Updated, WriteError, require_removable,
};

/// The provider of these tests.
#[derive(crate::ProviderConfig, Clone, Debug)]
pub(super) struct Config {
    /// Which world.
    #[attr(required)]
    pub(super) world: String,
}

/// What exists, and how it behaves.
#[derive(Default)]
pub(super) struct World {
    pub(super) things: Mutex<BTreeMap<String, Thing>>,
    /// What goes wrong next: a word that the operations look for.
    pub(super) mishap: Mutex<&'static str>,
    pub(super) calls: Mutex<Vec<String>>,
    /// What the last configuration left for later.
    pub(super) notices: Mutex<Notices>,
}

/// One world, shared with the test.
pub(super) struct Api(Arc<World>);

impl std::ops::Deref for Api {
    type Target = World;

    fn deref(&self) -> &World {
        &self.0
    }
}

static WORLDS: LazyLock<Mutex<BTreeMap<String, Arc<World>>>> = LazyLock::new(Mutex::default);

impl World {
    pub(super) fn named(name: &str) -> Arc<Self> {
        Arc::clone(WORLDS.lock().unwrap().entry(name.to_owned()).or_default())
    }

    pub(super) fn goes_wrong(&self, mishap: &'static str) {
        *self.mishap.lock().unwrap() = mishap;
    }

    fn mishap(&self, call: &str) -> &'static str {
        self.calls.lock().unwrap().push(call.to_owned());
        *self.mishap.lock().unwrap()
    }

    pub(super) fn calls(&self) -> Vec<String> {
        std::mem::take(&mut *self.calls.lock().unwrap())
    }
}

/// A port.
#[derive(crate::Nested, Clone, Debug, PartialEq)]
pub(super) struct Port {
    #[attr(required)]
    pub(super) number: i64,
    #[attr(computed)]
    pub(super) id: Option<String>,
}

/// A thing.
#[derive(crate::Model, Clone, Debug, PartialEq)]
#[model(name = "thing", area = "Things", key(name), version = 2)]
pub(super) struct Thing {
    /// Its name.
    #[attr(required, replace, regex = "[a-z]+", says = "lower-case letters")]
    pub(super) name: String,
    #[attr(optional)]
    pub(super) note: Option<String>,
    #[attr(keep, range = 1..=7)]
    pub(super) size: Option<i64>,
    #[attr(optional)]
    pub(super) memory: Option<Size>,
    #[attr(optional)]
    pub(super) ports: Option<BTreeMap<String, Port>>,
    #[attr(local, default = false)]
    pub(super) allow_destroy: bool,
    #[attr(optional, write_only)]
    pub(super) token: Option<Secret<String>>,
    #[attr(ready)]
    pub(super) ready: bool,
    #[attr(timeouts(create = "1h"))]
    pub(super) timeouts: Timeouts,
}

/// An error of the world.
#[derive(Debug)]
pub(super) struct Fault {
    what: &'static str,
    refused: bool,
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        Self::new(fault.what, "").at("note")
    }
}

impl WriteError for Fault {
    fn refused(&self) -> bool {
        self.refused
    }
}

impl Thing {
    /// As the world has it: sizes in its own form, ports with ids, nothing local.
    fn as_stored(&self) -> Self {
        let mut stored = Self { allow_destroy: false, token: None, timeouts: Timeouts::default(), ..self.clone() };
        stored.size = stored.size.or(Some(3));
        stored.memory = stored.memory.map(|m| Size::from_bytes(m.bytes()));
        for (key, port) in stored.ports.iter_mut().flatten() {
            port.id = Some(format!("port-{key}"));
        }
        stored
    }
}

impl Resource<Api> for Thing {
    const UPDATES_SETTLE: bool = true;

    fn validate(config: &ThingPlan, say: &mut Say<Self>) {
        if config.note.text() == Some("bad") {
            say.error("note", "A bad note", "Write a better one.");
        }
        assert_ne!(config.note.text(), Some("panic"), "validation broke");
    }

    async fn plan(cx: &Cx<Api>, change: &mut Change<Self>, say: &mut Say<Self>) {
        match cx.mishap("plan") {
            "plan panics" => panic!("planning broke"),
            "plan contradicts" => change.plan.note = "planned by the object".to_owned().into(),
            "plan replaces" => change.replace("note"),
            _ => {}
        }
        if change.is_destroy() && change.prior.as_ref().is_some_and(|p| !p.allow_destroy) {
            say.warning("allow_destroy", "Still protected", "");
        }
        if change.is_create() && change.config.size.is_null() {
            cx.private.set("planned", true);
        }
    }

    async fn possible(
        cx: &Cx<Api>,
        want: &ThingPlan,
        prior: Option<&Self>,
        found: &mut Findings<Self>,
    ) -> Result<(), Error> {
        let kind = if prior.is_some() { "change" } else { "create" };
        match cx.mishap(&format!("possible {kind}")) {
            "cannot look" => return Err(Error::new("The world cannot be looked at", "")),
            "locked out" => return Err(Error::new("Locked out", "").lasting()),
            _ => {}
        }
        let Some(name) = want.name.text() else { return Ok(()) };
        if prior.is_none() && cx.things.lock().unwrap().contains_key(name) {
            found.exists(Error::new("It exists", "").taken());
        }
        match want.note.text() {
            Some("impossible") => found.certain(Error::new("Never", "").at("note")),
            Some("early") => found.mendable(Error::new("Too early", "").at("note")),
            _ => {}
        }
        Ok(())
    }

    async fn removable(_: &Cx<Api>, was: &Self, found: &mut Findings<Self>) -> Result<(), Error> {
        match was.note.as_deref() {
            Some("precious") => found.certain(Error::new("It is precious", "")),
            Some("full") => found.mendable(Error::new("It is full", "")),
            _ => {}
        }
        Ok(())
    }

    async fn create(cx: &Cx<Api>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        let mishap = cx.mishap(&format!("create {}s", cx.timeout.as_secs()));
        assert_ne!(mishap, "panic before", "broke before the write");
        if let Some(token) = &want.token {
            cx.private.set("token_length", token.reveal().len());
        }
        let there = cx.things.lock().unwrap().get(&want.name).cloned();
        if let Some(there) = there
            && cx.former(Some(&want.name)).await.is_some()
        {
            return Ok(unwritten.take_over(there.clone()).made(there));
        }
        if mishap == "promise" {
            return Ok(unwritten
                .promise(Self { ready: false, ..want.as_stored() }, Error::new("Later", "Nothing was written.")));
        }
        unwritten.check(crate::require(cx, want, None).await)?;
        let stored = want.as_stored();
        let so_far = Self { size: None, ..stored.clone() };
        let request = async {
            if mishap == "refused" {
                return Err(Fault { what: "refused", refused: true });
            }
            cx.things.lock().unwrap().insert(want.name.clone(), stored.clone());
            if mishap == "lost" { Err(Fault { what: "answer lost", refused: false }) } else { Ok(()) }
        };
        let (answer, written) = unwritten.send(so_far, request).await?;
        cx.private.set("fsid", "f-1");
        cx.warn(Diagnostic::warning("Made something", ""));
        match (answer, mishap) {
            (Err(lost), _) => Ok(written.leave(lost)),
            (_, "panic after") => panic!("broke after the write"),
            (_, "undo") => {
                let undo = async {
                    cx.things.lock().unwrap().remove(&want.name);
                    Ok::<_, Error>(())
                };
                written.undo(Error::new("had to be undone", ""), undo).await
            }
            (_, "contradiction") => Ok(written.made(Self { note: Some("something else".to_owned()), ..stored })),
            (_, "wait for stop") => {
                cx.stop.cancelled().await;
                Ok(written.unfinished(stored, Error::new("Stopped while waiting", "Nothing was written.")))
            }
            _ => Ok(written.made(stored)),
        }
    }

    async fn read(cx: &Cx<Api>, key: &ThingKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        let mishap = cx.mishap(if prior.is_some() { "read" } else { "read without prior" });
        match mishap {
            "half asleep" => cx.unreachable("The world is asleep", "It mumbles."),
            "unreachable" => return Ok(Read::unreachable("The world is asleep", "It may wake up.")),
            "read fails" => return Err(Error::new("Reading failed", "")),
            "locked out" => return Err(Error::new("Locked out", "").lasting()),
            _ => {}
        }
        Ok(match cx.things.lock().unwrap().get(&key.name) {
            Some(thing) => Read::Found(Self { ready: mishap == "ready by itself", ..thing.clone() }),
            None => Read::Gone,
        })
    }

    async fn update(cx: &Cx<Api>, prior: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        let mishap = cx.mishap(&format!("update from ready = {}", prior.ready));
        let stored = want.as_stored();
        match mishap {
            "update fails half-way" => {
                let half = Self { size: stored.size, ..prior.as_stored() };
                cx.things.lock().unwrap().insert(want.name.clone(), half);
                return Err(Error::new("Failed half-way", "Nothing was written."));
            }
            "update refused" => return Err(Error::new("Refused", "Nothing was written.")),
            "promise" => {
                assert!(cx.is_promised());
                return Ok(Updated::promised(Self { ready: false, ..want.as_stored() }, Error::new("Later still", "")));
            }
            "update unfinished" => return Ok(Updated::unfinished(prior.as_stored(), Error::new("Not yet", ""))),
            _ => {}
        }
        cx.things.lock().unwrap().insert(want.name.clone(), stored.clone());
        Ok(Updated::Done(stored))
    }

    async fn delete(cx: &Cx<Api>, was: &Self) -> Result<Deleted<Self>, Error> {
        require_removable(cx, was).await?;
        match cx.mishap("delete") {
            "delete fails" => return Err(Error::new("Cannot be deleted", "")),
            "delete panics" => panic!("deleting broke"),
            "delete unfinished" => {
                cx.private.set("going", true);
                return Ok(Deleted::unfinished(was.clone(), Error::new("Still going", "")));
            }
            _ => {}
        }
        cx.things.lock().unwrap().remove(&was.name);
        Ok(Deleted::Gone)
    }

    async fn import(cx: &Cx<Api>, key: &ThingKey) -> Result<(), Error> {
        cx.mishap("import");
        if key.name == "secret" { Err(Error::new("Not for import", "")) } else { Ok(()) }
    }

    fn upgrade(version: i64, mut stored: Stored) -> Result<Stored, Error> {
        if version < 2
            && let Some(old) = stored.remove("comment")
        {
            stored.insert("note".to_owned(), old);
        }
        Ok(stored)
    }
}

impl Queried<Api> for Thing {
    async fn seek(cx: &Cx<Api>) -> Result<Vec<Seen<Self>>, Error> {
        let mishap = cx.mishap("seek");
        assert_ne!(mishap, "seek panics", "looking around broke");
        if mishap == "seek fails" {
            return Err(Error::new("The world is dark", ""));
        }
        if mishap == "seek for ever" {
            std::future::pending::<()>().await;
        }
        if mishap == "seek half" {
            cx.unreachable("The far side is dark", "It may be lit again.");
        }
        cx.warn(Diagnostic::warning("Looked around", ""));
        let things = cx.things.lock().unwrap();
        let all = things.values().map(|thing| match thing.note.as_deref() {
            Some("whole") => Seen::whole(thing.clone()),
            Some("hidden") => Seen::Missed(Error::new("Something is hidden", "")),
            note => Seen::there(ThingKey { name: thing.name.clone() })
                .titled(thing.name.to_uppercase())
                .knowing("note", note.map_or(crate::value::Value::Null, Into::into)),
        });
        Ok(all.collect())
    }
}

/// Names.
#[derive(crate::Model, Clone, Debug)]
#[model(name = "names", area = "Things")]
pub(super) struct Names {
    #[attr(default = "")]
    pub(super) prefix: String,
    #[attr(computed)]
    pub(super) names: Vec<String>,
}

impl DataSource<Api> for Names {
    async fn read(cx: &Cx<Api>, config: Self) -> Result<Self, Error> {
        assert_ne!(cx.mishap("names"), "data panics", "looking broke");
        let things = cx.things.lock().unwrap();
        let names = things.keys().filter(|name| name.starts_with(&config.prefix)).cloned().collect();
        Ok(Self { names, ..config })
    }
}

/// The provider.
pub(super) struct Test;

impl Provider for Test {
    const NAME: &'static str = "test";
    type Config = Config;
    type Api = Api;

    const FILTERS: &'static [&'static str] = &["name", "note", "size", "token", "allow_destroy", "ports"];

    async fn configure(config: ConfigPlan, start: Start) -> Result<Api, Error> {
        match config.world.text() {
            Some("broken") => {
                start.notices.warn(Diagnostic::warning("It creaks", ""));
                Err(Error::new("There is no such world", "").at("world"))
            }
            Some(world) => {
                let world = World::named(world);
                if *world.mishap.lock().unwrap() == "noisy" {
                    start.notices.warn(Diagnostic::error("It is loud here", ""));
                }
                *world.notices.lock().unwrap() = start.notices;
                Ok(Api(world))
            }
            None => Err(Error::new("The world is not known yet", "")),
        }
    }

    fn moves() -> &'static [Move] {
        &[Move {
            provider: "other/other",
            from: &["other_thing"],
            to: "thing",
            becomes: |other| {
                let told = [("name", other.get("title")), ("note", other.get("remark")), ("size", other.get("size"))];
                told.into_iter().filter_map(|(name, told)| Some((name.to_owned(), told?.clone()))).collect()
            },
        }]
    }

    fn registry() -> Registry<Api> {
        assert_eq!(Thing::NAME, "thing");
        Registry::new().resource::<Thing>().query::<Thing>().data::<Names>()
    }
}
