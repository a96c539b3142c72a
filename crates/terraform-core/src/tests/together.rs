//! Several objects together: what refers to what, what comes and goes in which order, and what is there already.

use serde_json::json;
use tfplugin6 as tf;

use super::fake::{after, core, failed, got};
use crate::{Action, Config, Instance, PlanOptions, Reason, Value};

fn two() -> Config {
    Config::new().resource("t_part.b", json!({"of": "x-${t_thing.a.id}"})).resource("t_thing.a", json!({"name": "n"}))
}

fn error(summary: &str) -> tf::Diagnostic {
    tf::Diagnostic { severity: 1, summary: summary.to_owned(), ..Default::default() }
}

#[tokio::test]
async fn what_refers_to_what_comes_after_it_and_goes_before_it() {
    let (mut core, _) = core(|_| {}).await;
    let plan = core.plan(&two()).await.unwrap();
    let of = plan.change("t_part.b").unwrap().after.get("of");
    assert!(matches!(&of, Value::Unknown(Some(known)) if known.prefix.as_deref() == Some("x-")), "{of:?}");
    let applied = core.apply_plan(plan).await.unwrap();
    assert_eq!(applied.done.iter().map(|(address, _)| address.as_str()).collect::<Vec<_>>(), ["t_thing.a", "t_part.b"]);
    let part = core.state.get("t_part.b").unwrap();
    assert_eq!((part.get("of"), part.dependencies.clone()), ("x-made".into(), vec!["t_thing.a".into()]));
    assert!(core.plan(&two()).await.unwrap().is_empty());
    let replaced = two().resource("t_thing.a", json!({"name": "m"}));
    let plan = core.plan(&replaced).await.unwrap();
    assert_eq!(
        plan.actions(),
        [("t_thing.a".to_owned(), Action::DeleteThenCreate), ("t_part.b".to_owned(), Action::Update)]
    );
    let applied = core.apply_plan(plan).await.unwrap();
    let done: Vec<_> = applied.done.iter().map(|(address, action)| (address.as_str(), *action)).collect();
    assert_eq!(done, [("t_thing.a", Action::Delete), ("t_thing.a", Action::Create)], "the update has come to nothing");
    let destroyed = core.destroy(&two()).await.unwrap();
    assert_eq!(
        destroyed.done.iter().map(|(address, _)| address.as_str()).collect::<Vec<_>>(),
        ["t_part.b", "t_thing.a"]
    );
    assert!(core.state.is_empty());
}

#[tokio::test]
async fn what_needs_something_that_failed_is_left_alone() {
    let (mut core, fake) = core(|fake| {
        fake.apply_resource_change = Some(Box::new(|asked, answer| {
            if asked.type_name == "t_thing" {
                answer.diagnostics.push(error("no"));
                answer.new_state = None;
            }
            Ok(())
        }));
    })
    .await;
    let config = two().resource("t_part.c", json!({"of": "alone"}));
    failed(core.apply(&config).await);
    assert_eq!(core.state.addresses(), ["t_part.c"]);
    let applied: Vec<String> =
        fake.asked.apply_resource_change.lock().unwrap().iter().map(|asked| asked.type_name.clone()).collect();
    assert_eq!(applied.iter().filter(|name| *name == "t_thing").count(), 1);
    assert_eq!(applied.len(), 2);
}

#[tokio::test]
async fn what_something_needs_that_stays_does_not_go() {
    let (mut core, _) = after(&two(), |fake| {
        fake.apply_resource_change = Some(Box::new(|asked, answer| {
            if asked.type_name == "t_part" {
                answer.diagnostics.push(error("no"));
                answer.new_state.clone_from(&asked.prior_state);
            }
            Ok(())
        }));
    })
    .await;
    failed(core.destroy(&two()).await);
    assert_eq!(core.state.addresses(), ["t_part.b", "t_thing.a"]);
}

#[tokio::test]
async fn a_plan_that_fails_for_one_fails() {
    let (core, _) = core(|fake| {
        fake.plan_resource_change = Some(Box::new(|asked, answer| {
            if asked.type_name == "t_thing" {
                answer.diagnostics.push(error("no"));
            }
            Ok(())
        }));
    })
    .await;
    let said = failed(core.plan(&two()).await);
    assert_eq!(said.errors.len(), 1, "what needs it is not asked: {said}");
}

#[tokio::test]
async fn several_of_a_kind() {
    let config = |keys: &[&str]| {
        let keys: serde_json::Map<_, _> = keys.iter().map(|key| ((*key).to_owned(), json!({"n": key}))).collect();
        Config::new()
            .resource("t_part.each", json!({"for_each": keys, "of": "${each.key}=${each.value.n}"}))
            .resource("t_part.some", json!({"count": 2, "of": "${count.index}"}))
            .resource(
                "t_part.all",
                json!({"of": "${join(\",\", concat([for one in t_part.each : one.of], t_part.some[*].of))}"}),
            )
    };
    let (mut core, _) = core(|_| {}).await;
    core.apply(&config(&["a", "b"])).await.unwrap();
    assert_eq!(
        core.state.addresses(),
        ["t_part.all", "t_part.each[\"a\"]", "t_part.each[\"b\"]", "t_part.some[0]", "t_part.some[1]"]
    );
    assert_eq!(core.state.get("t_part.all").unwrap().get("of"), "a=a,b=b,0,1".into());
    let plan = core.plan(&config(&["b", "c"])).await.unwrap();
    assert_eq!(plan.change("t_part.each[\"a\"]").unwrap().reason, Reason::InstanceKey);
    assert_eq!((plan.action("t_part.each[\"b\"]"), plan.action("t_part.each[\"c\"]")), (Action::NoOp, Action::Create));
    core.apply_plan(plan).await.unwrap();
    assert_eq!(core.state.get("t_part.all").unwrap().get("of"), "b=b,c=c,0,1".into());
    assert!(core.plan(&config(&["b", "c"])).await.unwrap().is_empty());
}

#[tokio::test]
async fn data_is_read_as_soon_as_it_can_be() {
    let (mut core, _) = core(|_| {}).await;
    let config = Config::new()
        .data("t_facts.now", json!({"name": "x"}))
        .data("t_facts.later", json!({"name": "${t_thing.a.id}"}))
        .data("t_facts.after", json!({"name": "y", "depends_on": ["t_thing.a"]}))
        .resource("t_thing.a", json!({"name": "${data.t_facts.now.id}"}))
        .resource("t_part.b", json!({"of": "${data.t_facts.later.id}"}));
    let plan = core.plan(&config).await.unwrap();
    assert_eq!(plan.change("t_thing.a").unwrap().after.get("name"), "read".into());
    assert_eq!(plan.change("data.t_facts.later").unwrap().reason, Reason::ConfigUnknown);
    assert_eq!(plan.change("data.t_facts.later").unwrap().after.get("id"), Value::UNKNOWN);
    assert_eq!(plan.change("data.t_facts.after").unwrap().reason, Reason::DependencyPending);
    assert!(plan.change("data.t_facts.now").is_none());
    core.apply_plan(plan).await.unwrap();
    assert_eq!(core.state.get("data.t_facts.later").unwrap().get("name"), "made".into());
    assert_eq!(core.state.get("t_part.b").unwrap().get("of"), "read".into());
    assert!(core.plan(&config).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_there_already_is_taken_over() {
    let (mut core, fake) = core(|_| {}).await;
    let config = Config::new().resource("t_thing.a", json!({"name": "n"})).import("t_thing.a", json!("7"));
    let plan = core.plan(&config).await.unwrap();
    let change = plan.change("t_thing.a").unwrap();
    assert_eq!((change.action, change.importing, plan.is_empty()), (Action::NoOp, true, false));
    core.apply_plan(plan).await.unwrap();
    assert_eq!(core.state.get("t_thing.a").unwrap().get("id"), "7".into());
    assert!(core.plan(&config).await.unwrap().is_empty(), "once it is there, the block says nothing more");
    let asked = fake.asked.import_resource_state.lock().unwrap();
    assert_eq!((asked.len(), asked[0].id.as_str(), asked[0].identity.is_some()), (1, "7", false));
}

#[tokio::test]
async fn by_its_identity_too_and_changed_at_once() {
    let (mut core, fake) = core(|_| {}).await;
    let config = Config::new()
        .resource("t_thing.a", json!({"name": "n", "note": "x"}))
        .import_by_identity("t_thing.a", json!({"id": "7"}));
    let plan = core.plan(&config).await.unwrap();
    assert_eq!(plan.action("t_thing.a"), Action::Update);
    core.apply_plan(plan).await.unwrap();
    assert_eq!(core.state.get("t_thing.a").unwrap().get("note"), "x".into());
    let asked = fake.asked.import_resource_state.lock().unwrap();
    assert_eq!((asked[0].id.as_str(), asked[0].identity.is_some()), ("", true));
}

#[tokio::test]
async fn under_another_address_and_of_another_type() {
    let old = Config::new().resource("t_part.old", json!({"of": "x"}));
    let (mut core, fake) = after(&old, |_| {}).await;
    let new = Config::new().resource("t_part.new", json!({"of": "x"})).moved("t_part.old", "t_part.new");
    let plan = core.plan(&new).await.unwrap();
    assert_eq!(plan.change("t_part.new").unwrap().moved_from, Some("t_part.old".into()));
    assert_eq!((plan.action("t_part.new"), plan.is_empty()), (Action::NoOp, false));
    core.apply_plan(plan).await.unwrap();
    assert_eq!(core.state.addresses(), ["t_part.new"]);
    let thing = Config::new().resource("t_thing.a", json!({"name": "n"})).moved("t_part.new", "t_thing.a");
    core.apply(&thing).await.unwrap();
    assert_eq!(core.state.get("t_thing.a").unwrap().get("id"), "moved".into());
    let asked = fake.asked.move_resource_state.lock().unwrap().clone();
    assert_eq!(
        (asked[0].source_type_name.as_str(), asked[0].source_provider_address.as_str()),
        ("t_part", "registry.terraform.io/acme/t")
    );
    assert!(
        core.take_calls().iter().any(|calls| calls.last().map(String::as_str) == Some("MoveResourceState")),
        "on a process of its own"
    );
}

#[tokio::test]
async fn from_another_provider() {
    let (mut core, fake) = core(|_| {}).await;
    let foreign = Instance {
        provider: Some("registry.terraform.io/bpg/other".to_owned()),
        schema_version: 3,
        ..Instance::new(&json!({"n": 1}).into())
    };
    core.state.instances.insert("o_thing.x".into(), foreign);
    let config = Config::new().resource("t_thing.a", json!({"name": "n"})).moved("o_thing.x", "t_thing.a");
    assert!(!core.plan(&config).await.unwrap().is_empty());
    let asked = fake.asked.move_resource_state.lock().unwrap();
    assert_eq!(
        (asked[0].source_provider_address.as_str(), asked[0].source_schema_version),
        ("registry.terraform.io/bpg/other", 3)
    );
}

#[tokio::test]
async fn what_is_to_be_left_as_it_is() {
    let (mut core, _) =
        after(&Config::new().resource("t_thing.a", json!({"name": "n", "note": "old", "labels": {"k": "v"}})), |_| {})
            .await;
    let config = |ignore: serde_json::Value| {
        let lifecycle = json!({"ignore_changes": ignore});
        Config::new().resource(
            "t_thing.a",
            json!({"name": "other", "note": "new", "labels": {"k": "w", "l": "x"}, "lifecycle": lifecycle}),
        )
    };
    assert!(
        core.plan(&config(json!("all").as_array().cloned().map_or(json!(["all"]), serde_json::Value::from)))
            .await
            .unwrap()
            .is_empty()
    );
    let plan = core.plan(&config(json!(["name", "labels[\"k\"]"]))).await.unwrap();
    let after = &plan.change("t_thing.a").unwrap().after;
    assert_eq!(
        (after.get("name"), after.get("note"), after.get("labels.k"), after.get("labels.l")),
        ("n".into(), "new".into(), "v".into(), "x".into())
    );
    core.apply_plan(plan).await.unwrap();
    assert_eq!(core.state.get("t_thing.a").unwrap().get("name"), "n".into());
}

#[tokio::test]
async fn what_may_not_go() {
    let config = Config::new().resource("t_thing.a", json!({"name": "n", "lifecycle": {"prevent_destroy": true}}));
    let (mut core, _) = after(&config, |_| {}).await;
    assert!(failed(core.destroy(&config).await).to_string().contains("lifecycle.prevent_destroy set"));
    let renamed = Config::new().resource("t_thing.a", json!({"name": "m", "lifecycle": {"prevent_destroy": true}}));
    assert!(failed(core.plan(&renamed).await).to_string().contains("lifecycle.prevent_destroy set"));
    let forgotten = Config::new().removed("t_thing.a", false);
    assert_eq!(core.plan(&forgotten).await.unwrap().action("t_thing.a"), Action::Forget);
    core.apply(&forgotten).await.unwrap();
    assert!(core.state.is_empty());
}

#[tokio::test]
async fn conditions_hold_or_stop_what_follows() {
    let ready = |is: &str| {
        Config::new()
            .resource("t_part.a", json!({"of": is, "lifecycle": {"postcondition": [{"condition": "${self.of == \"ready\"}", "error_message": "not yet"}]}}))
            .resource("t_part.b", json!({"of": "${t_part.a.id}"}))
    };
    let (mut core, _) = core(|_| {}).await;
    assert!(
        failed(core.plan(&ready("no")).await).to_string().contains("Resource postcondition failed: not yet"),
        "known already in the plan"
    );
    core.apply(&ready("ready")).await.unwrap();
    let late = Config::new()
        .resource(
            "t_part.c",
            json!({"lifecycle": {"postcondition": [{"condition": "${self.id != \"made\"}", "error_message": "late"}]}}),
        )
        .resource("t_part.d", json!({"of": "${t_part.c.id}"}));
    failed(core.apply(&late).await);
    assert!(!core.state.get("t_part.c").unwrap().tainted, "saved, and not tainted");
    assert!(core.state.get("t_part.d").is_none());
}

#[tokio::test]
async fn what_changes_may_replace_another() {
    let config = |of: &str| {
        two()
            .resource("t_part.z", json!({"of": of}))
            .resource("t_thing.a", json!({"name": "n", "lifecycle": {"replace_triggered_by": ["t_part.z.of"]}}))
    };
    let (core, _) = after(&config("1"), |_| {}).await;
    let plan = core.plan(&config("2")).await.unwrap();
    assert_eq!(plan.change("t_thing.a").unwrap().reason, Reason::ByTriggers);
    assert!(core.plan(&config("1")).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_a_provider_is_asked_while_nothing_is_known() {
    let (core, fake) = core(|_| {}).await;
    core.validate(&two()).await.unwrap();
    let asked = fake.asked.validate_resource_config.lock().unwrap().clone();
    let part = asked.iter().find(|asked| asked.type_name == "t_part").unwrap();
    assert!(matches!(got(part.config.as_ref(), "t_part").get("of"), Value::Unknown(_)));
    let wrong = Config::new().resource("t_thing.a", json!({"nmae": "n"})).resource("t_none.x", json!({}));
    let said = failed(core.validate(&wrong).await);
    let told: Vec<&str> = said.errors.iter().map(|error| error.summary.as_str()).collect();
    assert_eq!(told, ["Unsupported argument", "Missing required argument", "Invalid resource type"]);
}

#[tokio::test]
async fn a_refresh_alone_changes_nothing() {
    let (core, _) = after(&two(), |_| {}).await;
    let options = PlanOptions { refresh_only: true, ..PlanOptions::default() };
    let plan = core.plan_with(&Config::new(), &options).await.unwrap();
    assert_eq!(plan.actions(), []);
    assert_eq!(plan.refreshed, core.state);
}
