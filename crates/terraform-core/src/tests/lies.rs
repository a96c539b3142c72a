//! Each rule bites: a provider breaks it, and it is held against it in Terraform's words.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value as Json, json};
use tfplugin6 as tf;
use tonic::Status;

use super::fake::{Fake, after, attribute, core, edit, failed, identity, sent};
use crate::{Config, Core, Diagnostics, Instance, Provider, Rule, Value};

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

fn of_the_start() -> Vec<Case> {
    vec![
        (
            Rule::NoProviderSchema,
            When::Start,
            |fake| schemas(fake, |answer| answer.provider = None),
            "missing provider schema",
        ),
        (
            Rule::InvalidSchema,
            When::Start,
            |fake| {
                schemas(fake, |answer| {
                    let block = answer.resource_schemas.get_mut("t_part").unwrap().block.as_mut().unwrap();
                    block.attributes.push(attribute("bad", "\"string\"", "required computed"));
                });
            },
            "invalid schema for managed resource type \"t_part\", which is a bug in the provider: bad: cannot set both Computed and Required",
        ),
        (
            Rule::InvalidIdentitySchema,
            When::Start,
            |fake| {
                fake.get_resource_identity_schemas = Some(Box::new(|_, answer| {
                    answer.identity_schemas.get_mut("t_thing").unwrap().identity_attributes[0].optional_for_import =
                        true;
                    Ok(())
                }));
            },
            "identity schema of \"t_thing\": id: exactly one",
        ),
        (
            Rule::ListWithoutSchema,
            When::Start,
            |fake| {
                schemas(fake, |answer| {
                    let empty = tf::Schema { block: Some(tf::schema::Block::default()), version: 0 };
                    answer.list_resource_schemas.insert("t_part".to_owned(), empty);
                });
            },
            "Identity schema not found for resource type t_part",
        ),
        (
            Rule::Malformed,
            name(),
            |fake| {
                plan(fake, |asked, answer| {
                    if asked.type_name == "t_thing" {
                        answer.planned_state = sent(&object(&[("of", Value::Null), ("id", Value::Null)]), "t_part");
                    }
                });
            },
            "an object with 18 attributes is required (2 given)",
        ),
        (
            Rule::RpcFailed,
            name(),
            |fake| fake.plan_resource_change = Some(Box::new(|_, _| Err(Status::internal("boom")))),
            "Plugin error: The plugin returned an unexpected error from plugin6.(*GRPCProvider).PlanResourceChange: rpc error: code = Internal desc = boom",
        ),
        (
            Rule::RpcNotOffered,
            name(),
            |fake| fake.plan_resource_change = Some(Box::new(|_, _| Err(Status::unimplemented("")))),
            "Unsupported plugin method: The plugin6.(*GRPCProvider).PlanResourceChange method is not supported by this plugin.",
        ),
        (
            Rule::SilentSeverity,
            name(),
            |fake| {
                plan(fake, |_, answer| {
                    answer.diagnostics.push(tf::Diagnostic { summary: "lost".to_owned(), ..Default::default() })
                })
            },
            "of severity 0 without a word: lost",
        ),
        (
            Rule::Deferred,
            name(),
            |fake| plan(fake, |_, answer| answer.deferred = Some(tf::Deferred { reason: 1 })),
            "Provider deferred changes when Terraform did not allow deferrals",
        ),
    ]
}

fn of_what_is_kept() -> Vec<Case> {
    vec![
        (
            Rule::UpgradeUnknown,
            When::Refresh,
            |fake| upgrade(fake, |answer| answer.upgraded_state = sent(&Value::UNKNOWN, "t_thing")),
            "Invalid resource state upgrade",
        ),
        (
            Rule::UpgradeNull,
            When::Refresh,
            |fake| upgrade(fake, |answer| answer.upgraded_state = None),
            "invalid result: it is null",
        ),
        (
            Rule::UpgradeWriteOnly,
            When::Refresh,
            |fake| {
                fake.upgrade_resource_state = Some(Box::new(|asked, answer| {
                    if asked.type_name == "t_thing" {
                        edit(&mut answer.upgraded_state, "t_thing", &[("secret", "s".into())]);
                    }
                    Ok(())
                }));
            },
            "returned a value for the write-only attribute \"t_thing.a.secret\"",
        ),
        (
            Rule::ReadUnknown,
            When::Refresh,
            |fake| read(fake, |answer| answer.new_state = sent(&Value::UNKNOWN, "t_thing")),
            "Provider produced invalid object: Provider \"registry.terraform.io/acme/t\" planned an invalid value for t_part.p during refresh",
        ),
        (
            Rule::ReadWriteOnly,
            When::Refresh,
            |fake| {
                fake.read_resource = Some(Box::new(|asked, answer| {
                    if asked.type_name == "t_thing" {
                        edit(&mut answer.new_state, "t_thing", &[("secret", "s".into())]);
                    }
                    Ok(())
                }));
            },
            "returned a value for the write-only attribute \"t_thing.a.secret\" during refresh",
        ),
        (
            Rule::IdentityUnknown,
            When::Refresh,
            |fake| {
                read(fake, |answer| {
                    answer.new_identity = answer.new_identity.as_ref().and_then(|_| identity(&Value::UNKNOWN))
                })
            },
            "Provider produced invalid identity: Provider \"registry.terraform.io/acme/t\" planned an identity with unknown values for t_thing.a during refresh",
        ),
        (Rule::ImportNothing, When::Import, |fake| import(fake, Vec::clear), "Import returned no resources"),
        (
            Rule::ImportSeveral,
            When::Import,
            |fake| import(fake, |all| all.push(all[0].clone())),
            "Multiple import states not supported",
        ),
        (
            Rule::ImportWithoutType,
            When::Import,
            |fake| import(fake, |all| all[0].type_name.clear()),
            "import of t_thing.a didn't set type",
        ),
        (
            Rule::ImportWithoutIdentity,
            When::ImportByIdentity,
            |fake| import(fake, |all| all[0].identity = None),
            "import of t_thing.a didn't return an identity",
        ),
        (
            Rule::ImportNull,
            When::Import,
            |fake| import(fake, |all| all[0].state = None),
            "Import returned null resource",
        ),
        (
            Rule::ImportUnknown,
            When::Import,
            |fake| import(fake, |all| edit(&mut all[0].state, "t_thing", &[("note", Value::UNKNOWN)])),
            "unknown values at .note",
        ),
        (
            Rule::ImportWriteOnly,
            When::Import,
            |fake| import(fake, |all| edit(&mut all[0].state, "t_thing", &[("secret", "s".into())])),
            "Import returned a non-null value for a write-only attribute",
        ),
        (
            Rule::ImportMissing,
            When::Import,
            |fake| read(fake, |answer| answer.new_state = None),
            "Cannot import non-existent remote object",
        ),
        (
            Rule::MoveNotOffered,
            When::Move,
            |fake| schemas(fake, |answer| answer.server_capabilities = None),
            "Unsupported `moved` across resource types",
        ),
        (
            Rule::MoveNull,
            When::Move,
            |fake| {
                fake.move_resource_state = Some(Box::new(|_, answer| {
                    answer.target_state = None;
                    Ok(())
                }));
            },
            "Provider returned invalid value",
        ),
        (Rule::MoveUnknown, When::Move, |fake| moved(fake, "note", Value::UNKNOWN), ".note is not known"),
        (
            Rule::MoveWriteOnly,
            When::Move,
            |fake| moved(fake, "secret", "s".into()),
            "write-only attribute \"t_thing.a.secret\" during an across type move operation",
        ),
        (
            Rule::DataNull,
            When::Data,
            |fake| {
                fake.read_data_source = Some(Box::new(|_, answer| {
                    answer.state = None;
                    Ok(())
                }));
            },
            "Provider produced null object",
        ),
        (
            Rule::DataUnknown,
            When::Data,
            |fake| {
                fake.read_data_source = Some(Box::new(|_, answer| {
                    edit(&mut answer.state, "t_facts", &[("id", Value::UNKNOWN)]);
                    Ok(())
                }));
            },
            "that is not wholly known",
        ),
    ]
}

fn of_plans() -> Vec<Case> {
    vec![
        (
            Rule::PlanAbsence,
            name(),
            |fake| plan(fake, |_, answer| answer.planned_state = None),
            "planned for absence but config wants existence",
        ),
        (
            Rule::PlanExistence,
            name(),
            |fake| planned(fake, "one", object(&[("to", "x".into()), ("id", Value::Null)])),
            "t_thing.a.one: planned for existence but config wants absence",
        ),
        (
            Rule::PlanNotComputed,
            name(),
            |fake| planned(fake, "note", "x".into()),
            "planned an invalid value for t_thing.a.note: planned value cty.StringVal(\"x\") for a non-computed attribute.",
        ),
        (
            Rule::PlanNotConfig,
            name(),
            |fake| planned(fake, "name", "N".into()),
            ".name: planned value cty.StringVal(\"N\") does not match config value cty.StringVal(\"n\").",
        ),
        (
            Rule::PlanNotConfigNorPrior,
            When::Change(json!({"name": "n", "note": "1"}), json!({"name": "n", "note": "2"})),
            |fake| planned(fake, "note", "3".into()),
            ".note: planned value cty.StringVal(\"3\") does not match config value cty.StringVal(\"2\") nor prior value cty.StringVal(\"1\").",
        ),
        (
            Rule::PlanWriteOnly,
            create(json!({"name": "n", "secret": "s"})),
            |fake| planned(fake, "secret", "s".into()),
            "returned a value for the write-only attribute \"t_thing.a.secret\" during planning",
        ),
        (
            Rule::PlanUnknownForConfigured,
            create(json!({"name": "n", "disk": {"size": 1}})),
            |fake| planned(fake, "disk", Value::UNKNOWN),
            ".disk: planned unknown for configured value.",
        ),
        (
            Rule::PlanCount,
            create(json!({"name": "n", "list": [{"size": 1}]})),
            |fake| planned(fake, "list", Value::List(vec![])),
            ".list: count in plan (cty.NumberIntVal(0)) disagrees with count in config (cty.NumberIntVal(1)).",
        ),
        (
            Rule::PlanMapKey,
            create(json!({"name": "n", "map": {"a": {"size": 1}}})),
            |fake| planned(fake, "map", Value::map([("b", object(&[("size", 1.into()), ("path", Value::Null)]))])),
            ".map: map key \"b\" from plan is not present in config.",
        ),
        (
            Rule::PlanBlocksNull,
            name(),
            |fake| planned(fake, "rule", Value::Null),
            ".rule: attribute representing a list of nested blocks must be empty to indicate no blocks, not null.",
        ),
        (
            Rule::PlanBlocksUnknown,
            name(),
            |fake| planned(fake, "each", Value::UNKNOWN),
            ".each: attribute representing nested block must not be unknown itself; set nested attribute values to unknown instead.",
        ),
        (
            Rule::PlanBlockCount,
            create(json!({"name": "n", "rule": [{"to": "x"}]})),
            |fake| planned(fake, "rule", Value::List(vec![])),
            ".rule: block count in plan (0) disagrees with count in config (1).",
        ),
        (
            Rule::PlanBlockKey,
            create(json!({"name": "n", "by_key": {"a": {"to": "x"}}})),
            |fake| planned(fake, "by_key", Value::map([("b", object(&[("to", "x".into()), ("id", Value::Null)]))])),
            ".by_key: block key \"b\" from plan is not present in config.",
        ),
        (
            Rule::PlanBlockUnknownElement,
            create(json!({"name": "n", "rule": [{"to": "x"}]})),
            |fake| planned(fake, "rule", Value::List(vec![Value::UNKNOWN])),
            ".rule[0]: element representing nested block must not be unknown itself",
        ),
        (
            Rule::PlanUnknownDynamicBlock,
            create(json!({"name": "n", "rule": "${[for to in split(\",\", t_part.p.id) : { to = to }]}"})),
            |fake| planned(fake, "rule", Value::List(vec![])),
            ".rule: planned value cty.ListValEmpty(cty.Object(map[string]cty.Type{\"id\":cty.String, \"to\":cty.String})) for unknown dynamic block.",
        ),
        (
            Rule::PlanReplacePath,
            When::Change(json!({"name": "n", "note": "1"}), json!({"name": "n", "note": "2"})),
            |fake| {
                plan(fake, |_, answer| {
                    let step = tf::attribute_path::step::Selector::AttributeName("nope".to_owned());
                    answer.requires_replace =
                        vec![tf::AttributePath { steps: vec![tf::attribute_path::Step { selector: Some(step) }] }];
                });
            },
            "has indicated \"requires replacement\" on t_thing.a for a non-existent attribute path .nope",
        ),
        (
            Rule::PlanDestroyNotNull,
            When::Destroy,
            |fake| plan(fake, |asked, answer| answer.planned_state.clone_from(&asked.prior_state)),
            "planned a non-null destroy value for t_part.p.",
        ),
        (
            Rule::FinalPlanValue,
            name(),
            |fake| {
                plan(fake, |asked, answer| {
                    let applies = asked.client_capabilities.unwrap().deferral_allowed;
                    if asked.type_name == "t_thing" {
                        edit(&mut answer.planned_state, "t_thing", &[("kept", if applies { "b" } else { "a" }.into())]);
                    }
                });
            },
            "Provider produced inconsistent final plan: When expanding the plan for t_thing.a to include new values learned so far during apply, provider \"registry.terraform.io/acme/t\" produced an invalid new value for .kept: was cty.StringVal(\"a\"), but now cty.StringVal(\"b\").",
        ),
        (
            Rule::FinalPlanAction,
            When::Change(json!({"name": "n"}), json!({"name": "m"})),
            |fake| {
                plan(fake, |asked, answer| {
                    if !asked.client_capabilities.unwrap().deferral_allowed {
                        answer.requires_replace.clear();
                    }
                });
            },
            "changed the planned action from Update to DeleteThenCreate.",
        ),
    ]
}

fn of_results() -> Vec<Case> {
    vec![
        (
            Rule::ResultUnknown,
            name(),
            |fake| made(fake, "id", Value::UNKNOWN),
            "After the apply operation, the provider still indicated an unknown value for t_thing.a.id.",
        ),
        (
            Rule::ResultWriteOnly,
            create(json!({"name": "n", "secret": "s"})),
            |fake| made(fake, "secret", "s".into()),
            "returned a value for the write-only attribute \"t_thing.a.secret\" after apply",
        ),
        (
            Rule::ResultInconsistent,
            name(),
            |fake| made(fake, "name", "zzz".into()),
            "When applying changes to t_thing.a, provider \"provider[\\\"registry.terraform.io/acme/t\\\"]\" produced an unexpected new value: .name: was cty.StringVal(\"n\"), but now cty.StringVal(\"zzz\").",
        ),
        (
            Rule::ResultNull,
            name(),
            |fake| {
                fake.apply_resource_change = Some(Box::new(|_, answer| {
                    answer.new_state = None;
                    Ok(())
                }));
            },
            "Root object was present, but now absent.",
        ),
        (
            Rule::ResultNotNull,
            When::Destroy,
            |fake| {
                fake.apply_resource_change = Some(Box::new(|asked, answer| {
                    answer.new_state.clone_from(&asked.prior_state);
                    Ok(())
                }));
            },
            "After applying a Delete plan, the provider returned a non-null object",
        ),
    ]
}

#[tokio::test]
async fn every_rule_bites() {
    let cases = [of_the_start(), of_what_is_kept(), of_plans(), of_results()].into_iter().flatten();
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
