//! The suite for every provider bites: one mistake after the other, in a provider that makes no other.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use tfplugin6 as tf;
use tonic::Status;

use super::fake::{Fake, edit, got, identity, lists};
use crate::conformance::{Finding, Mistake, Subject, conforms, offers};
use crate::{Config, Core, Provider, Value};

fn subject() -> Subject {
    let of = |body: serde_json::Value| Config::new().resource("t_thing.a", body);
    Subject {
        address: "t_thing.a".to_owned(),
        config: of(json!({"name": "n", "size": 5, "disk": {"size": 2}, "labels": {"k": "v"}})),
        changed: Some(of(json!({"name": "n", "note": "x"}))),
        replaced: Some(of(json!({"name": "m"}))),
        destroyable: None,
        id: "${self.id}".to_owned(),
    }
}

/// What is found in a provider with that mistake.
async fn found(lie: impl Fn(&mut Fake)) -> Vec<Finding> {
    let mut fake = Fake::default();
    lie(&mut fake);
    let fake = Arc::new(fake);
    let mut core = Core::new(move || Provider::shared(fake.clone()), json!({})).await.unwrap();
    let mut found = conforms(&mut core, &subject()).await;
    found.extend(offers(&core).await);
    found
}

fn error(summary: &str) -> tf::Diagnostic {
    tf::Diagnostic { severity: 1, summary: summary.to_owned(), ..Default::default() }
}

type Case = (Mistake, fn(&mut Fake));

fn in_life() -> Vec<Case> {
    vec![
        (Mistake::Failed, |fake| {
            fake.apply_resource_change = Some(Box::new(|_, answer| {
                answer.diagnostics.push(error("no"));
                Ok(())
            }));
        }),
        (Mistake::PlanAfterApply, |fake| {
            fake.plan_resource_change = Some(Box::new(|_, answer| {
                if answer.planned_state.as_ref().is_some_and(|state| !got(Some(state), "t_thing").is_null()) {
                    edit(&mut answer.planned_state, "t_thing", &[("id", Value::UNKNOWN)]);
                }
                Ok(())
            }));
        }),
        (Mistake::Drift, |fake| {
            fake.read_resource = Some(Box::new(|_, answer| {
                if answer.new_state.is_some() {
                    edit(&mut answer.new_state, "t_thing", &[("kept", "other".into())]);
                }
                Ok(())
            }));
        }),
        (Mistake::NotDeterministic, |fake| {
            let count = std::sync::atomic::AtomicI64::new(0);
            fake.plan_resource_change = Some(Box::new(move |_, answer| {
                let n = count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                if answer.planned_state.as_ref().is_some_and(|state| !got(Some(state), "t_thing").is_null()) {
                    edit(&mut answer.planned_state, "t_thing", &[("kept", n.to_string().into())]);
                }
                Ok(())
            }));
        }),
        (Mistake::IdentityMissing, |fake| {
            fake.apply_resource_change = Some(Box::new(|_, answer| {
                answer.new_identity = None;
                Ok(())
            }));
        }),
        (Mistake::IdentityChanged, |fake| {
            fake.read_resource = Some(Box::new(|_, answer| {
                answer.new_identity = identity(&"another".into());
                Ok(())
            }));
        }),
        (Mistake::OtherAction, |fake| {
            fake.plan_resource_change = Some(Box::new(|_, answer| {
                answer.requires_replace.clear();
                Ok(())
            }));
        }),
        (Mistake::ImportReplaces, |fake| {
            fake.import_resource_state = Some(Box::new(|_, answer| {
                for one in &mut answer.imported_resources {
                    edit(&mut one.state, "t_thing", &[("name", "other".into())]);
                }
                Ok(())
            }));
        }),
        (Mistake::DestroyOfMissing, |fake| {
            let gone = std::sync::Mutex::new(false);
            fake.apply_resource_change = Some(Box::new(move |asked, answer| {
                let mut gone = gone.lock().unwrap();
                let destroys = got(asked.planned_state.as_ref(), "t_thing").is_null();
                if destroys && *gone {
                    answer.diagnostics.push(error("there is none"));
                }
                *gone = destroys;
                Ok(())
            }));
        }),
        (Mistake::ReadOfMissing, |fake| {
            fake.read_resource = Some(Box::new(|asked, answer| {
                answer.new_state.clone_from(&asked.current_state);
                Ok(())
            }));
        }),
    ]
}

fn on_the_wire() -> Vec<Case> {
    vec![
        (Mistake::UnknownRefused, |fake| {
            fake.validate_resource_config = Some(Box::new(|asked, answer| {
                if answer.diagnostics.is_empty() && !got(asked.config.as_ref(), "t_thing").get("name").is_known() {
                    answer.diagnostics.push(error("a name is wanted"));
                }
                Ok(())
            }));
        }),
        (Mistake::NumberForm, |fake| {
            fake.plan_resource_change = Some(Box::new(|asked, answer| {
                // Five as a text.
                let config = asked.config.clone().unwrap_or_default().msgpack;
                if config.windows(7).any(|bytes| bytes == b"size\xa15".as_slice() || bytes.ends_with(b"size\xa15")) {
                    answer.diagnostics.push(error("number is required"));
                }
                Ok(())
            }));
        }),
        (Mistake::AttributeMissing, |fake| {
            fake.upgrade_resource_state = Some(Box::new(|asked, answer| {
                let json = String::from_utf8(asked.raw_state.clone().unwrap_or_default().json.to_vec()).unwrap();
                if asked.type_name == "t_thing" && !json.contains("note") && json.contains('}') {
                    answer.diagnostics.push(error("note is missing"));
                }
                Ok(())
            }));
        }),
        (Mistake::UpgradeChanges, |fake| {
            fake.upgrade_resource_state = Some(Box::new(|asked, answer| {
                if answer.upgraded_state.is_some() && asked.type_name == "t_thing" {
                    edit(&mut answer.upgraded_state, "t_thing", &[("note", "upgraded".into())]);
                }
                Ok(())
            }));
        }),
        (Mistake::StatusInsteadOfDiagnostic, |fake| {
            fake.read_resource = Some(Box::new(|_, answer| {
                if answer.diagnostics.is_empty() { Ok(()) } else { Err(Status::not_found("no such type")) }
            }));
        }),
        (Mistake::NonsenseTaken, |fake| {
            fake.validate_resource_config = Some(Box::new(|_, answer| {
                answer.diagnostics.clear();
                Ok(())
            }));
        }),
        (Mistake::PrivateConfuses, |fake| {
            fake.plan_resource_change = Some(Box::new(|asked, answer| {
                if got(asked.prior_state.as_ref(), "t_thing").is_null() && !asked.prior_private.is_empty() {
                    answer.diagnostics.push(error("that is not mine"));
                }
                Ok(())
            }));
        }),
        (Mistake::StopRefused, |fake| {
            fake.stop_provider = Some(Box::new(|_, answer| {
                answer.error = "no".to_owned();
                Ok(())
            }));
        }),
        (Mistake::Metadata, |fake| {
            fake.get_metadata = Some(Box::new(|_, answer| {
                answer.resources.pop();
                Ok(())
            }));
        }),
        (Mistake::Wordless, |fake| {
            fake.validate_resource_config = Some(Box::new(|_, answer| {
                answer.diagnostics.push(tf::Diagnostic { severity: 2, ..Default::default() });
                Ok(())
            }));
        }),
        (Mistake::Undeclared, |fake| {
            fake.call_function = Some(Box::new(|_, answer| {
                answer.error = None;
                Ok(())
            }));
        }),
        (Mistake::NotListed, |fake| lists(fake, &[("id", "another".into()), ("name", "n".into())])),
        (Mistake::NotListed, |fake| lists(fake, &[("id", "made".into()), ("name", "n".into()), ("note", "x".into())])),
        (Mistake::Generated, |fake| {
            lists(fake, &[("id", "made".into()), ("name", "n".into())]);
            fake.generate_resource_config = Some(Box::new(|_, answer| {
                edit(&mut answer.config, "t_thing", &[("note", "x".into())]);
                Ok(())
            }));
        }),
        // Further ways of a mistake.
        (Mistake::NumberForm, |fake| {
            fake.upgrade_resource_state = Some(Box::new(|asked, answer| {
                let json = String::from_utf8(asked.raw_state.clone().unwrap_or_default().json.to_vec()).unwrap();
                if json.contains("9007199254740993") {
                    edit(&mut answer.upgraded_state, "t_thing", &[("size", 9_007_199_254_740_992_i64.into())]);
                }
                Ok(())
            }));
        }),
        (Mistake::UnknownRefused, |fake| {
            fake.validate_data_resource_config = Some(Box::new(|asked, answer| {
                if asked.type_name == "t_facts" && !got(asked.config.as_ref(), "t_facts").get("name").is_known() {
                    answer.diagnostics.push(error("a name is wanted"));
                }
                Ok(())
            }));
        }),
        (Mistake::Undeclared, |fake| {
            fake.read_data_source = Some(Box::new(|asked, answer| {
                if asked.type_name != "t_facts" {
                    answer.diagnostics.clear();
                }
                Ok(())
            }));
        }),
        (Mistake::NonsenseTaken, |fake| {
            fake.upgrade_resource_identity = Some(Box::new(|_, answer| {
                answer.diagnostics.clear();
                Ok(())
            }));
        }),
        (Mistake::StatusInsteadOfDiagnostic, |fake| {
            fake.move_resource_state = Some(Box::new(|_, answer| {
                if answer.diagnostics.is_empty() { Ok(()) } else { Err(Status::not_found("no such type")) }
            }));
        }),
        (Mistake::Metadata, |fake| {
            fake.get_provider_schema = Some(Box::new(|_, answer| {
                let text = tf::function::Return { r#type: br#""string""#.as_slice().into() };
                let function = tf::Function { r#return: Some(text), ..Default::default() };
                answer.functions.insert("nobody_tells".to_owned(), function);
                Ok(())
            }));
        }),
        // Declared, and none of its calls is there.
        (Mistake::Unanswered, |fake| {
            fake.get_provider_schema = Some(Box::new(|_, answer| {
                let facts = answer.data_source_schemas["t_facts"].clone();
                answer.ephemeral_resource_schemas.insert("t_facts".to_owned(), facts);
                Ok(())
            }));
        }),
        (Mistake::Unanswered, |fake| {
            fake.get_provider_schema = Some(Box::new(|_, answer| {
                let facts = answer.data_source_schemas["t_facts"].clone();
                let action = tf::ActionSchema { schema: Some(facts) };
                answer.action_schemas.insert("t_act".to_owned(), action);
                Ok(())
            }));
        }),
        (Mistake::Unanswered, |fake| {
            fake.get_provider_schema = Some(Box::new(|_, answer| {
                let facts = answer.data_source_schemas["t_facts"].clone();
                answer.list_resource_schemas.insert("t_thing".to_owned(), facts);
                Ok(())
            }));
        }),
    ]
}

#[tokio::test]
async fn an_honest_provider_conforms() {
    assert_eq!(found(|_| {}).await, vec![]);
}

#[tokio::test]
async fn an_honest_list_conforms() {
    assert_eq!(found(|fake| lists(fake, &[("id", "made".into()), ("name", "n".into())])).await, vec![]);
}

#[tokio::test]
async fn every_mistake_is_found() {
    let mut bitten = BTreeSet::new();
    for (mistake, lie) in in_life().into_iter().chain(on_the_wire()) {
        let found = found(lie).await;
        assert!(found.iter().any(|finding| finding.mistake == mistake), "{mistake:?}: {found:#?}");
        bitten.insert(mistake);
    }
    let all: BTreeSet<Mistake> = Mistake::ALL.iter().copied().collect();
    assert_eq!(all.difference(&bitten).collect::<Vec<_>>(), Vec::<&Mistake>::new(), "nobody made it");
}
