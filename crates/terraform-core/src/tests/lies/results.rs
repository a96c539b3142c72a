//! Lies in what an apply has made.

use serde_json::json;

use super::{Case, When, create, made, name};
use crate::{Rule, Value};

pub(super) fn of_results() -> Vec<Case> {
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
