//! What is asked of an honest provider, in which order, and what is kept.

use serde_json::json;
use tfplugin6 as tf;

use super::fake::{after, core, edit, got, identity};
use crate::{Action, Config, Core, PlanOptions, Reason, Value};

fn thing(name: &str) -> Config {
    Config::new().resource("t_thing.a", json!({"name": name, "secret": "s"}))
}

const SCHEMAS: [&str; 2] = ["GetProviderSchema", "GetResourceIdentitySchemas"];
const CONFIGURED: [&str; 4] =
    ["GetProviderSchema", "GetResourceIdentitySchemas", "ValidateProviderConfig", "ConfigureProvider"];

fn calls(core: &Core) -> Vec<Vec<String>> {
    core.take_calls()
}

fn expected(processes: &[(&[&str], &[&str])]) -> Vec<Vec<String>> {
    processes.iter().map(|(first, rest)| first.iter().chain(*rest).map(|&rpc| rpc.to_owned()).collect()).collect()
}

const VALIDATED: (&[&str], &[&str]) = (&SCHEMAS, &["ValidateProviderConfig", "ValidateResourceConfig"]);

#[tokio::test]
async fn the_calls_of_each_command() {
    let (mut core, _) = core(|_| {}).await;
    let _ = calls(&core);
    core.apply(&thing("x")).await.unwrap();
    let create = expected(&[
        VALIDATED,
        (&CONFIGURED, &["ValidateResourceConfig", "PlanResourceChange"]),
        (&CONFIGURED, &["ValidateResourceConfig", "PlanResourceChange", "ApplyResourceChange"]),
    ]);
    assert_eq!(calls(&core), create);
    core.plan(&thing("x")).await.unwrap();
    let again = ["UpgradeResourceState", "ReadResource", "ValidateResourceConfig", "PlanResourceChange"];
    assert_eq!(calls(&core), expected(&[VALIDATED, (&CONFIGURED, &again)]));
    let without = PlanOptions { refresh: false, ..PlanOptions::default() };
    core.plan_with(&thing("x"), &without).await.unwrap();
    assert_eq!(calls(&core)[1][4..], ["UpgradeResourceState", "ValidateResourceConfig", "PlanResourceChange"]);
    core.apply(&thing("y")).await.unwrap();
    let replaced = calls(&core);
    let twice =
        ["UpgradeResourceState", "ReadResource", "ValidateResourceConfig", "PlanResourceChange", "PlanResourceChange"];
    assert_eq!(replaced[1][4..], twice);
    let in_apply = [
        "UpgradeResourceState",
        "ApplyResourceChange",
        "ValidateResourceConfig",
        "PlanResourceChange",
        "ApplyResourceChange",
    ];
    assert_eq!(replaced[2][4..], in_apply);
    core.destroy(&thing("y")).await.unwrap();
    let destroyed = expected(&[
        VALIDATED,
        (&CONFIGURED, &again),
        (&CONFIGURED, &["UpgradeResourceState", "PlanResourceChange"]),
        (&CONFIGURED, &["UpgradeResourceState", "ApplyResourceChange"]),
    ]);
    assert_eq!(calls(&core), destroyed);
    assert!(core.state.is_empty());
    core.import("t_thing.a", "7").await.unwrap();
    assert_eq!(calls(&core), expected(&[(&CONFIGURED, &["ImportResourceState", "ReadResource"])]));
    assert_eq!(core.state.get("t_thing.a").unwrap().get("id"), "7".into());
}

#[tokio::test]
async fn what_an_object_becomes() {
    let (mut core, fake) = core(|_| {}).await;
    let plan = core.plan(&thing("x")).await.unwrap();
    let change = plan.change("t_thing.a").unwrap();
    assert_eq!((change.action, &change.before), (Action::Create, &Value::Null));
    assert_eq!(change.after.get("id"), Value::UNKNOWN);
    assert_eq!(change.after.get("secret"), Value::Null, "never planned");
    core.apply_plan(plan).await.unwrap();
    let kept = core.state.get("t_thing.a").unwrap().clone();
    assert_eq!(kept.get("id"), "made".into());
    assert_eq!((kept.schema_version, &kept.private[..], kept.tainted), (1, &b"applied"[..], false));
    assert_eq!(kept.identity_value(), Value::object([("id", "made".into())]));
    let asked = fake.asked.plan_resource_change.lock().unwrap().clone();
    let proposed = got(asked[0].proposed_new_state.as_ref(), "t_thing");
    assert_eq!(
        (proposed.get("secret"), proposed.get("id")),
        ("s".into(), Value::Null),
        "the provider says what is unknown"
    );
    assert!(
        !asked[0].client_capabilities.unwrap().deferral_allowed
            && asked[1].client_capabilities.unwrap().deferral_allowed
    );
    let applied = fake.asked.apply_resource_change.lock().unwrap().clone();
    assert_eq!(got(applied[0].config.as_ref(), "t_thing").get("secret"), "s".into());
    assert_eq!(applied[0].planned_private, "planned");
    assert!(core.plan(&thing("x")).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_change_in_place_keeps_what_the_provider_decided() {
    let (mut core, fake) = after(&thing("x"), |_| {}).await;
    let config = Config::new().resource("t_thing.a", json!({"name": "x", "note": "n"}));
    let plan = core.plan(&config).await.unwrap();
    assert_eq!(plan.actions(), [("t_thing.a".to_owned(), Action::Update)]);
    core.apply_plan(plan).await.unwrap();
    let kept = core.state.get("t_thing.a").unwrap();
    assert_eq!((kept.get("note"), kept.get("id"), kept.get("kept")), ("n".into(), "made".into(), "made".into()));
    let asked = fake.asked.plan_resource_change.lock().unwrap();
    assert_eq!(
        (&asked[0].prior_private[..], asked[0].prior_identity.clone()),
        (&b"applied"[..], identity(&"made".into()))
    );
}

#[tokio::test]
async fn a_replacement_is_planned_twice_and_made_in_two_steps() {
    let (mut core, fake) = after(&thing("x"), |_| {}).await;
    let plan = core.plan(&thing("y")).await.unwrap();
    let change = plan.change("t_thing.a").unwrap();
    assert_eq!((change.action, change.reason), (Action::DeleteThenCreate, Reason::CannotUpdate));
    assert_eq!((change.before.get("id"), change.after.get("id")), ("made".into(), Value::UNKNOWN));
    assert_eq!(change.replace_paths.iter().map(ToString::to_string).collect::<Vec<_>>(), [".name"]);
    {
        let asked = fake.asked.plan_resource_change.lock().unwrap();
        assert!(got(asked[1].prior_state.as_ref(), "t_thing").is_null());
        assert_eq!(
            (&asked[1].prior_private[..], asked[1].prior_identity.clone()),
            (&b"planned"[..], identity(&"made".into()))
        );
    }
    let applied = core.apply_plan(plan).await.unwrap();
    let done = [("t_thing.a".to_owned(), Action::Delete), ("t_thing.a".to_owned(), Action::Create)];
    assert_eq!(applied.done, done);
    assert_eq!(core.state.get("t_thing.a").unwrap().get("name"), "y".into());
}

#[tokio::test]
async fn a_successor_can_come_first() {
    let config = |name: &str| {
        Config::new().resource("t_thing.a", json!({"name": name, "lifecycle": {"create_before_destroy": true}}))
    };
    let (mut core, _) = after(&config("x"), |_| {}).await;
    let plan = core.plan(&config("y")).await.unwrap();
    assert_eq!(plan.action("t_thing.a"), Action::CreateThenDelete);
    let applied = core.apply_plan(plan).await.unwrap();
    assert_eq!(applied.done.iter().map(|(_, action)| *action).collect::<Vec<_>>(), [Action::Create, Action::Delete]);
    assert_eq!(core.state.get("t_thing.a").unwrap().get("name"), "y".into());
    assert!(core.state.deposed.is_empty());
}

#[tokio::test]
async fn what_is_tainted_is_replaced() {
    let (mut core, fake) = after(&thing("x"), |_| {}).await;
    core.taint("t_thing.a");
    let plan = core.plan(&thing("x")).await.unwrap();
    let change = plan.change("t_thing.a").unwrap();
    assert_eq!((change.action, change.reason), (Action::DeleteThenCreate, Reason::Tainted));
    assert_eq!(change.before.get("id"), "made".into());
    {
        let asked = fake.asked.plan_resource_change.lock().unwrap();
        assert_eq!(asked.len(), 1, "planned as a creation");
        assert!(got(asked[0].prior_state.as_ref(), "t_thing").is_null() && asked[0].prior_private.is_empty());
    }
    core.apply_plan(plan).await.unwrap();
    assert!(!core.state.get("t_thing.a").unwrap().tainted);
}

#[tokio::test]
async fn on_request_too() {
    let (core, _) = after(&thing("x"), |_| {}).await;
    let options = PlanOptions { replace: vec!["t_thing.a".to_owned()], ..PlanOptions::default() };
    let plan = core.plan_with(&thing("x"), &options).await.unwrap();
    assert_eq!(plan.change("t_thing.a").unwrap().reason, Reason::ByRequest);
    assert_eq!(plan.action("t_thing.a"), Action::DeleteThenCreate);
}

#[tokio::test]
async fn what_is_gone_is_made_again() {
    let (mut core, _) = after(&thing("x"), |fake| {
        fake.read_resource = Some(Box::new(|_, answer| {
            answer.new_state = None;
            Ok(())
        }));
    })
    .await;
    let plan = core.plan(&thing("x")).await.unwrap();
    assert_eq!((plan.action("t_thing.a"), plan.drift()), (Action::Create, vec!["t_thing.a".to_owned()]));
    core.refresh().await.unwrap();
    assert!(core.state.is_empty());
}

#[tokio::test]
async fn what_drifted_is_brought_back() {
    let (mut core, _) = after(&thing("x"), |fake| {
        fake.read_resource = Some(Box::new(|_, answer| {
            edit(&mut answer.new_state, "t_thing", &[("note", "somebody".into())]);
            answer.private = "read".into();
            Ok(())
        }));
    })
    .await;
    let plan = core.plan(&thing("x")).await.unwrap();
    assert_eq!(plan.change("t_thing.a").unwrap().before.get("note"), "somebody".into());
    assert_eq!(plan.action("t_thing.a"), Action::Update);
    core.refresh().await.unwrap();
    let kept = core.state.get("t_thing.a").unwrap();
    assert_eq!((kept.get("note"), &kept.private[..]), ("somebody".into(), &b"read"[..]));
}

#[tokio::test]
async fn blocks_that_are_null_are_mended_when_read() {
    let (mut core, _) = after(&thing("x"), |fake| {
        fake.read_resource = Some(Box::new(|_, answer| {
            edit(&mut answer.new_state, "t_thing", &[("rule", Value::Null), ("by_key", Value::Null)]);
            Ok(())
        }));
    })
    .await;
    core.refresh().await.unwrap();
    assert_eq!(core.state.get("t_thing.a").unwrap().get("rule"), Value::List(vec![]));
    assert!(core.plan(&thing("x")).await.unwrap().is_empty());
}

#[tokio::test]
async fn warnings_are_told_once() {
    let (mut core, _) = core(|fake| {
        fake.plan_resource_change = Some(Box::new(|_, answer| {
            answer.diagnostics.push(tf::Diagnostic { severity: 2, summary: "mind".to_owned(), ..Default::default() });
            Ok(())
        }));
    })
    .await;
    let plan = core.plan(&thing("x")).await.unwrap();
    assert_eq!(plan.warnings.iter().map(ToString::to_string).collect::<Vec<_>>(), ["t_thing.a: mind: "]);
    assert_eq!(core.apply_plan(plan).await.unwrap().warnings.len(), 2, "in the apply once more");
}
