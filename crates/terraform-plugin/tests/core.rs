//! The toy in this process, judged as Terraform's core judges.

#[path = "../examples/toy/cabinet.rs"]
mod cabinet;
#[path = "../examples/toy/catalogue.rs"]
mod catalogue;
#[path = "../examples/toy/copying.rs"]
mod copying;
#[path = "../examples/toy/note.rs"]
mod note;
#[path = "../examples/toy/reading.rs"]
mod reading;
#[path = "../examples/toy/shelf.rs"]
mod shelf;
#[path = "../examples/toy/toy.rs"]
mod toy;
#[path = "../examples/toy/words.rs"]
mod words;

use serde_json::{Value as Json, json};
use terraform_core::conformance::{Subject, conforms, offers};
use terraform_core::{Action, Config, Core, Provider, Query, Value, written};
use terraform_plugin::{Server, StopToken};

use toy::Toy;

/// Terraform with the toy, whose shelf is a directory of its own.
async fn core() -> (Core, tempfile::TempDir) {
    let shelf = tempfile::tempdir().unwrap();
    let data = shelf.path().join("terraform");
    let launch = move || Provider::in_process(Server::<Toy>::beside(StopToken::new(), data.clone()));
    let core = Core::new(launch, json!({"shelf": shelf.path()})).await.unwrap();
    (core.named("registry.terraform.io/acme/toy"), shelf)
}

fn note(body: Json) -> Config {
    Config::new().resource("toy_note.a", body)
}

fn subject(address: &str, bodies: [Json; 3], id: &str) -> Subject {
    let [config, changed, replaced] = bodies.map(|body| Config::new().resource(address, body));
    Subject {
        address: address.to_owned(),
        config,
        changed: Some(changed),
        replaced: Some(replaced),
        destroyable: None,
        id: id.to_owned(),
    }
}

#[tokio::test]
async fn it_conforms() {
    let (mut core, _shelf) = core().await;
    let bodies = [
        json!({"name": "a", "text": "x", "copies": 3}),
        json!({"name": "a", "text": "y\nz"}),
        json!({"name": "b", "text": "y"}),
    ];
    assert_eq!(conforms(&mut core, &subject("toy_note.a", bodies, "a")).await, vec![]);
    let drawer = |label: &str| json!({"label": label, "width": 7});
    let cabinet = |name: &str, last: &str| {
        let row = json!([drawer("first"), drawer(last)]);
        let by_content = json!({"nails": drawer("nails"), "screws": {"label": last, "locked": true}});
        json!({"room": "r", "name": name, "top": drawer(last), "row": row, "loose": row, "by_content": by_content, "tags": ["b", last]})
    };
    let bodies = [cabinet("c", "x"), cabinet("c", "y"), cabinet("d", "y")];
    assert_eq!(conforms(&mut core, &subject("toy_cabinet.a", bodies, "r/c")).await, vec![]);
    assert_eq!(offers(&core).await, vec![]);
}

#[tokio::test]
async fn what_somebody_takes_away_is_made_again() {
    let (mut core, shelf) = core().await;
    let config = note(json!({"name": "a", "text": "x"}));
    core.apply(&config).await.unwrap();
    std::fs::remove_file(shelf.path().join("note.a.json")).unwrap();
    assert_eq!(core.plan(&config).await.unwrap().actions(), [("toy_note.a".to_owned(), Action::Create)]);
    core.apply(&config).await.unwrap();
    assert!(core.plan(&config).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_takes_its_time_is_carried_on_with_and_never_tainted() {
    let (mut core, shelf) = core().await;
    let config = |mishap: Json| {
        note(json!({"name": "a", "text": "x", "mishap": mishap, "timeouts": {"create": "1s", "update": "1s"}}))
    };
    let applied = core.apply(&config(json!("wet_ink"))).await.unwrap();
    assert!(applied.warnings.iter().any(|warning| warning.summary.contains("still wet")), "{:?}", applied.warnings);
    let kept = core.state.get("toy_note.a").unwrap();
    assert_eq!((kept.get("ready"), kept.tainted), (false.into(), false));
    let plan = core.plan(&config(json!("wet_ink"))).await.unwrap();
    assert_eq!(plan.actions(), [("toy_note.a".to_owned(), Action::Update)]);
    assert_eq!(plan.change("toy_note.a").unwrap().after.get("ready"), Value::UNKNOWN);
    std::fs::write(shelf.path().join("a.dry"), "").unwrap();
    core.apply_plan(plan).await.unwrap();
    assert_eq!(core.state.get("toy_note.a").unwrap().get("ready"), true.into());
    assert!(core.plan(&config(json!("wet_ink"))).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_pen_that_breaks_is_told_and_nothing_is_lost() {
    let (mut core, _shelf) = core().await;
    let config = |mishap: &str| note(json!({"name": "a", "text": "x", "mishap": mishap}));
    let said = core.apply(&config("panic_before")).await.unwrap_err();
    assert!(said.rules().is_empty(), "it says so itself: {said}");
    assert!(core.state.is_empty());
    let _ = core.apply(&config("panic_after")).await;
    let kept = core.state.get("toy_note.a").expect("what is written is kept");
    assert!(!kept.tainted);
    let fine = note(json!({"name": "a", "text": "x"}));
    core.apply(&fine).await.unwrap();
    assert!(core.plan(&fine).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_refers_to_what_is_not_known_yet() {
    let (mut core, _shelf) = core().await;
    let config = Config::new()
        .resource("toy_note.a", json!({"name": "a", "text": "one\ntwo"}))
        .resource(
            "toy_note.b",
            json!({"name": "b", "text": "a has ${toy_note.a.lines} lines", "depends_on": ["toy_note.a"]}),
        )
        .data("toy_catalogue.all", json!({"depends_on": ["toy_note.b"]}));
    core.apply(&config).await.unwrap();
    assert_eq!(core.state.get("toy_note.b").unwrap().get("text"), "a has 2 lines".into());
    assert_eq!(core.state.get("data.toy_catalogue.all").unwrap().get("notes"), json!(["a", "b"]).into());
    assert!(core.plan(&config).await.unwrap().is_empty());
    let done = core.destroy(&config).await.unwrap().done;
    assert_eq!(done.iter().map(|(address, _)| address.as_str()).collect::<Vec<_>>(), ["toy_note.b", "toy_note.a"]);
}

#[tokio::test]
async fn functions_answer_without_a_shelf_and_name_the_argument_at_fault() {
    let launch = || Provider::in_process(Server::<Toy>::new(StopToken::new()));
    let core = Core::new(launch, json!({"shelf": "/nowhere"})).await.unwrap();
    let counted = core.call("count", &["a b a".into(), "a".into()]).await.unwrap();
    assert_eq!(counted, json!({"words": 3, "occurs": 2}).into());
    let any = core.call("count", &["a b".into(), Value::Null]).await.unwrap();
    assert_eq!(any.get("occurs"), 2.into());
    let wrong = core.call("count", &["a".into(), "B".into()]).await.unwrap_err();
    assert_eq!((wrong.text.as_str(), wrong.argument), ("word must be lower-case letters, not \"B\".", Some(1)));

    // The last parameter takes what is left, if anything is.
    let lines = async |words: &[&str]| {
        let words: Vec<Value> = words.iter().map(|word| (*word).into()).collect();
        core.call("lines", &words).await
    };
    assert_eq!(lines(&["- "]).await, Ok("".into()));
    assert_eq!(lines(&["- ", "a", "b"]).await, Ok("- a\n- b\n".into()));
    let wrong = lines(&["- ", "a", "b\nc"]).await.unwrap_err();
    assert_eq!(wrong.argument, Some(2), "{wrong:?}");
    let wrong = lines(&["!"]).await.unwrap_err();
    assert!(wrong.text.contains("a nib that breaks") && wrong.argument.is_none(), "{wrong:?}");

    let calls = core.take_calls();
    assert!(calls.iter().flatten().all(|rpc| !rpc.starts_with("Configure")), "{calls:?}");
    let signature = &core.schemas().functions["lines"];
    assert_eq!(signature.summary, "Joins texts to lines of one text.");
    assert_eq!(signature.variadic_parameter.as_ref().unwrap().r#type, "\"string\"");
}

#[tokio::test]
async fn actions_tell_how_far_they_are_and_end_once_however_they_end() {
    let (mut core, shelf) = core().await;
    core.apply(&note(json!({"name": "a", "text": "x"}))).await.unwrap();
    let done = core.invoke("toy_copy", json!({"name": "a", "copies": 2})).await;
    assert_eq!(done.progress, ["1 of 2 written", "2 of 2 written"]);
    assert!(!done.said.failed(), "{}", done.said);
    assert_eq!(done.said.warnings.iter().map(|said| said.summary.as_str()).collect::<Vec<_>>(), ["The ink runs low"]);
    assert!(shelf.path().join("copy.a.json").exists());

    // What has a default may be left out, and is there.
    assert_eq!(core.invoke("toy_copy", json!({"name": "a"})).await.progress, ["1 of 1 written"]);
    for (config, summary) in [
        (json!({"name": "a", "mishap": "blot"}), "A blot of ink"),
        (json!({"name": "a", "mishap": "panic"}), "The provider has a bug and panicked"),
        (json!({"name": "b"}), "There is no note b"),
        (json!({"name": "a", "copies": 10}), "Invalid value for copies"),
        (json!({"name": ""}), "A note without a name"),
    ] {
        let said = core.invoke("toy_copy", config).await.said;
        assert_eq!(said.errors.iter().map(|said| said.summary.as_str()).collect::<Vec<_>>(), [summary], "{said}");
        assert!(said.rules().is_empty(), "{said}");
    }
    // What is missing while it is planned may come by the same plan: a warning.
    let said = core.invoke("toy_copy", json!({"name": "b"})).await.said;
    assert!(said.warnings.iter().any(|said| said.summary == "There is no such note yet"), "{said}");

    let stopped = core.invoke_until("toy_copy", json!({"name": "a", "copies": 3, "mishap": "slow"}), |_| true).await;
    assert_eq!(stopped.progress, ["1 of 3 written"]);
    assert_eq!(stopped.said.errors[0].summary, "The pen was put down");
}

#[tokio::test]
async fn what_is_ephemeral_is_opened_renewed_and_closed_and_never_stored() {
    let (mut core, shelf) = core().await;
    let reading = |core: &Core| {
        std::fs::read_to_string(shelf.path().join("reading.a.json")).map(|text| (text, core.state.clone()))
    };
    core.apply(&note(json!({"name": "a", "text": "x"}))).await.unwrap();
    let (opened, _) = core.open("toy_reading", json!({"name": "a", "breath": 0}), 2).await.unwrap();
    assert_eq!((opened.get("text"), opened.get("name")), ("x".into(), "a".into()));
    let (last, state) = reading(&core).unwrap();
    assert_eq!((last.trim(), state.instances.len()), ("\"closed\"", 1));
    let said = core.open("toy_reading", json!({"name": "b"}), 0).await.unwrap_err();
    assert_eq!(said.errors[0].summary, "There is no note b");
}

#[tokio::test]
async fn an_action_from_a_shell_is_checked_as_in_a_configuration() {
    use terraform_plugin::{Act, Progress};
    let parse = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Act::<Toy>::parse("copy", &words).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(Act::<Toy>::usage(), ["copy name=TEXT [copies=NUMBER] [mishap=TEXT]"]);
    for (words, wrong) in [
        (&["name"][..], "not of the form key=value"),
        (&["name=a", "name=b"], "name is given twice"),
        (&["nome=a"], "copy takes no nome"),
        (&["name=a", "copies=many"], "copies must be a number"),
        (&["name=a", "copies=10"], "copies must be between 1 and 9"),
        (&[], "name must not be null"),
        (&["name="], "A note without a name"),
    ] {
        let told = parse(words).unwrap_err();
        assert!(told.contains(wrong) && told.contains("usage: copy name=TEXT"), "{told}");
    }
    assert!(Act::<Toy>::parse("burn", &[]).unwrap_err().to_string().contains("there are: copy"));

    let directory = tempfile::tempdir().unwrap();
    let shelf = shelf::Shelf::new(directory.path().to_owned());
    shelf.add("note", "a", &json!({"text": "x"})).await.unwrap();
    let told = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let heard = told.clone();
    let progress = Progress::to(move |line| heard.lock().unwrap().push(line));
    let act = Act::<Toy>::parse("toy_copy", &["name=a".to_owned(), "copies=2".to_owned()]).unwrap();
    let said = act.invoke(shelf, StopToken::new(), progress).await;
    assert!(!said.has_errors(), "{said:?}");
    assert_eq!(*told.lock().unwrap(), ["1 of 2 written", "2 of 2 written"]);
}

#[tokio::test]
async fn what_lies_on_the_shelf_is_listed_and_read_only_where_somebody_asks() {
    let (mut core, shelf) = core().await;
    let note = |name: &str| json!({"name": name, "text": format!("says {name}")});
    let drawer = json!({"label": "nails", "locked": true});
    let cabinet =
        json!({"room": "r", "name": "c", "tags": ["old", "red"], "by_content": {"x": drawer, "y": {"label": "z"}}});
    let config = Config::new()
        .resource("toy_note.a", note("a"))
        .resource("toy_note.b", note("b"))
        .resource("toy_cabinet.c", cabinet);
    core.apply(&config).await.unwrap();
    std::fs::write(shelf.path().join("note.broken.json"), "no note").unwrap();

    let names = async |ty: &str, filter: Json, asked: &Query| {
        let (found, _) = core.query(ty, filter, asked).await.map_err(|said| said.to_string())?;
        Ok::<_, String>(found.into_iter().map(|found| found.name).collect::<Vec<_>>())
    };
    let plain = Query::default();
    assert_eq!(names("toy_note", json!({}), &plain).await.unwrap(), ["a", "b", "broken"], "nobody reads them");
    assert_eq!(names("toy_note", json!({}), &Query { limit: 2, ..plain.clone() }).await.unwrap().len(), 2);
    let whole = Query { include_resource: true, generate: true, ..plain.clone() };
    assert!(names("toy_note", json!({}), &whole).await.unwrap_err().contains("The shelf refuses"));
    std::fs::remove_file(shelf.path().join("note.broken.json")).unwrap();
    assert_eq!(names("toy_note", json!({"text": "says b"}), &plain).await.unwrap(), ["b"]);
    assert_eq!(names("toy_cabinet", json!({"tags": ["red"]}), &plain).await.unwrap(), ["r/c"]);
    assert_eq!(names("toy_cabinet", json!({"tags": ["red", "new"]}), &plain).await.unwrap(), [""; 0]);
    assert_eq!(names("toy_cabinet", json!({"room": "s"}), &plain).await.unwrap(), [""; 0]);

    let (found, _) = core.query("toy_note", json!({}), &whole).await.unwrap();
    // What the shelf chose is written down, what it alone says is not.
    let expected = json!({"name": "a", "text": "says a", "copies": 2});
    assert_eq!(written(found[0].config.as_ref().unwrap()), Value::from(expected));
    let (found, _) = core.query("toy_cabinet", json!({}), &whole).await.unwrap();
    let written = written(found[0].config.as_ref().unwrap());
    // Without serial numbers, and without what holds anyway.
    let drawers = [("x", json!({"label": "nails", "locked": true})), ("y", json!({"label": "z"}))];
    let drawers = drawers.map(|(what, drawer)| (what, Value::from(drawer)));
    assert_eq!(written.get("by_content"), Value::map(drawers));
    assert_eq!(written.get("row"), Value::Null);
}
