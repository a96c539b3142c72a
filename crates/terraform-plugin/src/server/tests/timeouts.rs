//! Each operation is given its own time.

use std::sync::Mutex;

use super::*;
use crate::model::{Model as _, Operation, Timeouts};
use crate::{
    Change, Created, Cx, Deleted, Error, Failed, Provider, Read, Registry, Resource, Say, Start, Unwritten, Updated,
};

/// Which operations were begun, and how many seconds each was given.
type Given = Mutex<Vec<(&'static str, u64)>>;

#[derive(crate::ProviderConfig, Clone, Debug)]
struct Config {}

/// Something that remembers how long it was given.
#[derive(crate::Model, Clone, Debug, PartialEq)]
#[model(name = "clock", area = "Tests", key(name))]
struct Clock {
    #[attr(required)]
    name: String,
    #[attr(optional)]
    note: Option<String>,
    #[attr(timeouts(create = "10s", update = "30s", delete = "40s"))]
    timeouts: Timeouts,
}

fn given(cx: &Cx<Given>, operation: &'static str) {
    cx.lock().unwrap().push((operation, cx.timeout.as_secs()));
}

impl Resource<Given> for Clock {
    async fn plan(cx: &Cx<Given>, _: &mut Change<Self>, _: &mut Say<Self>) {
        given(cx, "plan");
    }

    async fn create(cx: &Cx<Given>, want: &Self, unwritten: Unwritten<Self>) -> Result<Created<Self>, Failed> {
        given(cx, "create");
        Ok(unwritten.take_over(want.clone()).made(want.clone()))
    }

    async fn read(cx: &Cx<Given>, key: &ClockKey, prior: Option<&Self>) -> Result<Read<Self>, Error> {
        given(cx, "read");
        let blank = Self { name: key.name.clone(), note: None, timeouts: Timeouts::default() };
        Ok(Read::Found(prior.cloned().unwrap_or(blank)))
    }

    async fn update(cx: &Cx<Given>, _: &Self, want: &Self) -> Result<Updated<Self>, Error> {
        given(cx, "update");
        match want.note.as_deref() {
            Some("fail") => Err(Error::new("As told", "")),
            _ => Ok(Updated::Done(want.clone())),
        }
    }

    async fn delete(cx: &Cx<Given>, _: &Self) -> Result<Deleted<Self>, Error> {
        given(cx, "delete");
        Ok(Deleted::Gone)
    }

    async fn import(cx: &Cx<Given>, _: &ClockKey) -> Result<(), Error> {
        given(cx, "import");
        Ok(())
    }
}

struct Clocks;

impl Provider for Clocks {
    const NAME: &'static str = "test";
    type Config = Config;
    type Api = Given;

    async fn configure(_: ConfigPlan, _: Start) -> Result<Given, Error> {
        Ok(Given::default())
    }

    fn registry() -> Registry<Given> {
        Registry::new().resource::<Clock>()
    }
}

/// A state or a configuration with these `timeouts`, in the order of [`Operation::ALL`].
fn clock(note: &str, timeouts: Option<[&str; 4]>) -> Value {
    let each = |timeouts: [&str; 4]| {
        Value::object(Operation::ALL.map(Operation::word).into_iter().zip(timeouts.map(Value::from)))
    };
    let timeouts = timeouts.map_or(Value::Null, each);
    Value::object([("name", "a".into()), ("note", note.into()), ("timeouts", timeouts)])
}

struct Bench(Server<Clocks>);

impl Bench {
    async fn new() -> Self {
        let bench = Self(Server::with(StopToken::new(), true, std::env::temp_dir().join("no-such-folder")));
        let config = encoded(&Value::object::<&str>([]), bench.0.0.config.ty());
        bench.0.configure(tf::configure_provider::Request { config, ..Default::default() }).await;
        bench
    }

    fn message(value: &Value) -> Option<tf::DynamicValue> {
        encoded(value, &Clock::schema().implied_type())
    }

    /// Which operations an apply begins, its plan left out, and how many seconds each is given.
    async fn apply(&self, prior: &Value, want: &Value) -> Vec<(&'static str, u64)> {
        let request = tf::apply_resource_change::Request {
            type_name: "test_clock".to_owned(),
            prior_state: Self::message(prior),
            planned_state: Self::message(want),
            config: Self::message(want),
            ..Default::default()
        };
        self.0.apply(request).await;
        self.taken()
    }

    fn taken(&self) -> Vec<(&'static str, u64)> {
        std::mem::take(&mut *self.0.api().unwrap().0.lock().unwrap())
    }
}

#[tokio::test]
async fn each_operation_is_given_what_is_configured_for_it() {
    let bench = Bench::new().await;
    let (was, new) = (Some(["11s", "12s", "13s", "14s"]), Some(["21s", "22s", "23s", "24s"]));
    assert_eq!(bench.apply(&Value::Null, &clock("n", was)).await, [("create", 11)]);
    assert_eq!(bench.apply(&clock("n", was), &clock("other", new)).await, [("update", 23)]);
    // What is found after an error is read, in the time of what is in the state.
    assert_eq!(bench.apply(&clock("n", was), &clock("fail", new)).await, [("update", 23), ("read", 12)]);
    assert_eq!(bench.apply(&clock("n", was), &Value::Null).await, [("delete", 14)]);

    let type_name = "test_clock".to_owned();
    let current_state = Bench::message(&clock("n", was));
    bench
        .0
        .read(tf::read_resource::Request { type_name: type_name.clone(), current_state, ..Default::default() })
        .await;
    assert_eq!(bench.taken(), [("read", 12)]);
    let (prior_state, config) = (Bench::message(&clock("n", was)), Bench::message(&clock("other", new)));
    bench.0.plan(tf::plan_resource_change::Request { type_name, prior_state, config, ..Default::default() }).await;
    assert_eq!(bench.taken(), [("plan", 22)]);
}

#[tokio::test]
async fn each_operation_has_a_default_of_its_own() {
    let bench = Bench::new().await;
    for none in [None, Some(["10s", "120s", "30s", "40s"])] {
        assert_eq!(bench.apply(&Value::Null, &clock("n", none)).await, [("create", 10)]);
        assert_eq!(bench.apply(&clock("n", none), &clock("other", none)).await, [("update", 30)]);
        assert_eq!(bench.apply(&clock("n", none), &Value::Null).await, [("delete", 40)]);
    }
    let (type_name, id) = ("test_clock".to_owned(), "a".to_owned());
    bench.0.import(tf::import_resource_state::Request { type_name, id, ..Default::default() }).await;
    assert_eq!(bench.taken(), [("import", 120)]);
}
