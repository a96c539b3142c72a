//! Lies in plans.

use serde_json::json;
use tfplugin6 as tf;

use super::{Case, When, create, name, object, plan, planned};
use crate::tests::fake::edit;
use crate::{Rule, Value};

pub(super) fn of_plans() -> Vec<Case> {
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
