//! The toy in this process, judged as Terraform's core judges.

#[path = "../examples/toy/cabinet.rs"]
mod cabinet;
#[path = "../examples/toy/catalogue.rs"]
mod catalogue;
#[path = "../examples/toy/note.rs"]
mod note;
#[path = "../examples/toy/shelf.rs"]
mod shelf;
#[path = "../examples/toy/toy.rs"]
mod toy;

use serde_json::{Value as Json, json};
use terraform_core::conformance::{Subject, conforms, offers};
use terraform_core::{Action, Config, Core, Provider, Value};
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
