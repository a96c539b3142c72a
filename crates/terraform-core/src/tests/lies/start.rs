//! Lies at the start: schemas, and what is said of the configuration.

use tfplugin6 as tf;
use tonic::Status;

use super::{Case, When, name, object, plan, schemas};
use crate::tests::fake::{attribute, lists, sent};
use crate::{Rule, Value};

pub(super) fn of_the_start() -> Vec<Case> {
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
            Rule::ListedWithoutIdentity,
            When::Query,
            |fake| {
                lists(fake, &[("id", "made".into())]);
                fake.listed.as_mut().unwrap()[0].identity = None;
            },
            "missing identity data in ListResource event for t_thing",
        ),
        (
            Rule::ListedUnfit,
            When::Query,
            |fake| lists(fake, &[("id", "made".into()), ("secret", "x".into())]),
            "secret is write-only, and told",
        ),
        (
            Rule::ListedUnfit,
            When::Query,
            |fake| lists(fake, &[("id", "made".into()), ("note", Value::UNKNOWN)]),
            "note is unknown",
        ),
        (
            Rule::ListedUnfit,
            When::Query,
            |fake| {
                lists(fake, &[("id", "made".into())]);
                fake.listed.as_mut().unwrap()[0].resource_object = None;
            },
            "nothing is told of it",
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
