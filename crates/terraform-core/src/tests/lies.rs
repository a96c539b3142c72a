//! Each rule bites: a provider breaks it, and it is held against it in Terraform's words.

mod kept;
mod plans;
mod results;
mod start;

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value as Json, json};
use tfplugin6 as tf;

use super::fake::{Fake, after, core, edit, failed, identity};
use crate::{Config, Core, Diagnostics, Instance, Provider, Query, Rule, Value};

/// When a lie is told.
enum When {
    /// When the schemas are asked for.
    Start,
    /// While `t_thing.a` is made of a configuration: in the plan, or in the apply.
    Create(Json),
    /// While `t_thing.a` is changed from one configuration to another.
    Change(Json, Json),
    /// While it is destroyed.
    Destroy,
    /// While it is read.
    Refresh,
    /// While it is imported by its id.
    Import,
    /// While it is imported by its identity.
    ImportByIdentity,
    /// While it becomes of another type.
    Move,
    /// While a data source is read.
    Data,
    /// While all are listed.
    Query,
}

type Plan = tf::plan_resource_change::Response;
type Planning = tf::plan_resource_change::Request;

fn plan(fake: &mut Fake, lie: impl Fn(&Planning, &mut Plan) + Send + Sync + 'static) {
    fake.plan_resource_change = Some(Box::new(move |asked, answer| {
        lie(asked, answer);
        Ok(())
    }));
}

/// An attribute is planned otherwise than an honest provider would.
fn planned(fake: &mut Fake, name: &'static str, value: Value) {
    plan(fake, move |asked, answer| {
        if asked.type_name == "t_thing" {
            edit(&mut answer.planned_state, "t_thing", &[(name, value.clone())]);
        }
    });
}

/// An attribute has become something else.
fn made(fake: &mut Fake, name: &'static str, value: Value) {
    fake.apply_resource_change = Some(Box::new(move |asked, answer| {
        if asked.type_name == "t_thing" {
            edit(&mut answer.new_state, "t_thing", &[(name, value.clone())]);
        }
        Ok(())
    }));
}

fn read(fake: &mut Fake, lie: impl Fn(&mut tf::read_resource::Response) + Send + Sync + 'static) {
    fake.read_resource = Some(Box::new(move |_, answer| {
        lie(answer);
        Ok(())
    }));
}

fn upgrade(fake: &mut Fake, lie: impl Fn(&mut tf::upgrade_resource_state::Response) + Send + Sync + 'static) {
    fake.upgrade_resource_state = Some(Box::new(move |_, answer| {
        lie(answer);
        Ok(())
    }));
}

fn import(
    fake: &mut Fake,
    lie: impl Fn(&mut Vec<tf::import_resource_state::ImportedResource>) + Send + Sync + 'static,
) {
    fake.import_resource_state = Some(Box::new(move |_, answer| {
        lie(&mut answer.imported_resources);
        Ok(())
    }));
}

fn moved(fake: &mut Fake, name: &'static str, value: Value) {
    fake.move_resource_state = Some(Box::new(move |_, answer| {
        edit(&mut answer.target_state, "t_thing", &[(name, value.clone())]);
        Ok(())
    }));
}

fn schemas(fake: &mut Fake, lie: impl Fn(&mut tf::get_provider_schema::Response) + Send + Sync + 'static) {
    fake.get_provider_schema = Some(Box::new(move |_, answer| {
        lie(answer);
        Ok(())
    }));
}

fn object(pairs: &[(&str, Value)]) -> Value {
    Value::object(pairs.iter().cloned())
}

/// What is said when that lie is told then.
async fn caught(when: &When, lie: fn(&mut Fake)) -> Diagnostics {
    let thing = |body: &Json| Config::new().resource("t_thing.a", body.clone()).resource("t_part.p", json!({}));
    let plain = thing(&json!({"name": "n"}));
    match when {
        When::Start => {
            let start = move || {
                let mut fake = Fake::default();
                lie(&mut fake);
                Provider::in_process(fake)
            };
            failed(Core::new(start, json!({})).await)
        }
        When::Create(body) => failed(core(lie).await.0.apply(&thing(body)).await),
        When::Change(from, to) => failed(after(&thing(from), lie).await.0.apply(&thing(to)).await),
        When::Destroy => failed(after(&plain, lie).await.0.destroy(&plain).await),
        When::Refresh => failed(after(&plain, lie).await.0.refresh().await),
        When::Import => failed(core(lie).await.0.import("t_thing.a", "7").await),
        When::ImportByIdentity => {
            failed(core(lie).await.0.plan(&plain.import_by_identity("t_thing.a", json!({"id": "7"}))).await)
        }
        When::Move => {
            let mut core = core(lie).await.0;
            core.state
                .instances
                .insert("t_part.old".into(), Instance::new(&object(&[("of", "x".into()), ("id", "1".into())])));
            failed(core.plan(&plain.moved("t_part.old", "t_thing.a")).await)
        }
        When::Query => {
            let asked = Query { include_resource: true, ..Query::default() };
            failed(core(lie).await.0.query("t_thing", json!({}), &asked).await)
        }
        When::Data => failed(core(lie).await.0.plan(&Config::new().data("t_facts.f", json!({"name": "x"}))).await),
    }
}

/// A rule, when it is broken, how, and what is said of it.
type Case = (Rule, When, fn(&mut Fake), &'static str);

fn create(body: Json) -> When {
    When::Create(body)
}

fn name() -> When {
    When::Create(json!({"name": "n"}))
}

#[tokio::test]
async fn every_rule_bites() {
    let cases = [start::of_the_start(), kept::of_what_is_kept(), plans::of_plans(), results::of_results()]
        .into_iter()
        .flatten();
    let mut bitten = BTreeSet::new();
    for (rule, when, lie, told) in cases {
        let said = caught(&when, lie).await;
        assert!(said.rules().contains(&rule), "{rule:?}: {said}");
        assert!(said.to_string().contains(told), "{rule:?}: {said}");
        bitten.insert(rule);
    }
    bitten.extend([newer_state().await, unknown_identity().await]);
    let all: BTreeSet<Rule> = Rule::ALL.iter().copied().collect();
    assert_eq!(all.difference(&bitten).collect::<Vec<_>>(), Vec::<&Rule>::new(), "nobody lied so");
}

async fn newer_state() -> Rule {
    let config = Config::new().resource("t_thing.a", json!({"name": "n"}));
    let mut core = after(&config, |_| {}).await.0;
    core.state.instances.get_mut(&"t_thing.a".into()).unwrap().schema_version = 2;
    let said = failed(core.plan(&config).await);
    assert!(said.to_string().contains("Resource instance managed by newer provider version"), "{said}");
    said.rules()[0]
}

async fn unknown_identity() -> Rule {
    let config = Config::new().resource("t_thing.a", json!({"name": "n"}));
    let mut core = after(&config, |fake| {
        fake.upgrade_resource_identity = Some(Box::new(|_, answer| {
            answer.upgraded_identity = identity(&Value::UNKNOWN);
            Ok(())
        }));
    })
    .await
    .0;
    core.state.instances.get_mut(&"t_thing.a".into()).unwrap().identity = Some((0, "{\"id\":\"old\"}".to_owned()));
    let said = failed(core.plan(&config).await);
    assert!(said.to_string().contains("Invalid resource identity upgrade"), "{said}");
    said.rules()[0]
}

#[tokio::test]
async fn a_complaint_is_about_the_attribute() {
    let said = caught(&name(), |fake| planned(fake, "note", "x".into())).await;
    let [error] = said.errors.as_slice() else { panic!("{said}") };
    assert_eq!((error.address.as_str(), error.path.to_string().as_str()), ("t_thing.a", ".note"));
    assert!(error.detail.ends_with("which should be reported in the provider's own issue tracker."));
}

#[tokio::test]
async fn what_the_provider_says_itself_is_no_complaint() {
    let said = caught(&name(), |fake| {
        plan(fake, |asked, answer| {
            if asked.type_name == "t_thing" {
                answer.diagnostics.push(tf::Diagnostic { severity: 1, summary: "no".to_owned(), ..Default::default() });
                answer.planned_state =
                    Some(tf::DynamicValue { msgpack: Bytes::from_static(b"\xc1"), json: Bytes::new() });
            }
        });
    })
    .await;
    assert_eq!((said.rules(), said.errors[0].summary.as_str()), (vec![], "no"));
}

#[tokio::test]
async fn a_promise_about_the_unknown_is_kept() {
    let said = caught(&name(), |fake| {
        let known = crate::Refinement { prefix: Some("pre-".to_owned()), ..Default::default() };
        planned(fake, "id", Value::Unknown(Some(Box::new(known))));
    })
    .await;
    assert!(
        said.to_string().contains("final value cty.StringVal(\"made\") does not conform to planning placeholder"),
        "{said}"
    );
}

#[tokio::test]
async fn the_old_way_of_planning_is_not_judged() {
    let lie = |fake: &mut Fake| {
        plan(fake, |asked, answer| {
            if asked.type_name == "t_thing" {
                edit(&mut answer.planned_state, "t_thing", &[("note", "x".into())]);
            }
            answer.legacy_type_system = true;
        });
    };
    let mut core = core(lie).await.0;
    core.apply(&Config::new().resource("t_thing.a", json!({"name": "n"}))).await.unwrap();
    assert_eq!(core.state.get("t_thing.a").unwrap().get("note"), "x".into());
}
