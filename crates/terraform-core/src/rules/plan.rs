//! Whether a plan is one for the configuration.

use std::collections::BTreeMap;

use super::Broken;
use crate::diagnostics::Rule;
use crate::path::{Path, Step};
use crate::schema::{Attribute, Block, Kind, Nested, NestedBlock, Nesting};
use crate::types::Type;
use crate::value::{Value, quoted, shown};

/// What does not hold of a plan.
///
/// A provider may decide only what is computed and not configured; and it may leave what was, where it takes what is
/// configured now for the same thing said in another way.
pub(crate) fn broken(block: &Block, prior: &Value, config: &Value, planned: &Value) -> Vec<Broken> {
    let mut broken = Vec::new();
    object(block, prior, config, planned, &Path::ROOT, &mut broken);
    broken
}

fn object(block: &Block, prior: &Value, config: &Value, planned: &Value, path: &Path, broken: &mut Vec<Broken>) {
    if existence(config, planned, path, broken) {
        return;
    }
    attributes(&block.attributes, prior, config, planned, path, broken);
    for (name, nested) in &block.blocks {
        let inner = [prior, config, planned].map(|value| value.attribute(name));
        let [prior, config, planned] = &inner;
        blocks(nested, prior, config, planned, &path.attribute(name), broken);
    }
}

/// Whether that settles it: one of the two is null.
fn existence(config: &Value, planned: &Value, path: &Path, broken: &mut Vec<Broken>) -> bool {
    match (config.is_null(), planned.is_null()) {
        (false, true) => {
            broken.push(Broken::new(Rule::PlanAbsence, path, "planned for absence but config wants existence"))
        }
        (true, false) => {
            broken.push(Broken::new(Rule::PlanExistence, path, "planned for existence but config wants absence"))
        }
        (true, true) => {}
        (false, false) => return false,
    }
    true
}

fn blocks(nested: &NestedBlock, prior: &Value, config: &Value, planned: &Value, path: &Path, broken: &mut Vec<Broken>) {
    let mut hold = |rule, what: String| broken.push(Broken::new(rule, path, what));
    if nested.nesting != Nesting::Single && planned.is_null() {
        let mode = nested.nesting.name();
        let what =
            format!("attribute representing a {mode} of nested blocks must be empty to indicate no blocks, not null");
        return hold(Rule::PlanBlocksNull, what);
    }
    if planned == config {
        return;
    }
    if !config.is_known() {
        let what = format!("planned value {} for unknown dynamic block", shown(planned, &nested.ty()));
        return hold(Rule::PlanUnknownDynamicBlock, what);
    }
    if config.is_null() && nested.computed {
        return;
    }
    if !planned.is_known() {
        let what = "attribute representing nested block must not be unknown itself; set nested attribute values to unknown instead";
        return hold(Rule::PlanBlocksUnknown, what.to_owned());
    }
    if matches!(nested.nesting, Nesting::Single | Nesting::Group) {
        return object(&nested.block, prior, config, planned, path, broken);
    }
    let (given, wanted) = (planned.children(), config.children());
    if nested.nesting != Nesting::Set && given.len() != wanted.len() {
        let what = format!("block count in plan ({}) disagrees with count in config ({})", given.len(), wanted.len());
        return hold(Rule::PlanBlockCount, what);
    }
    for (step, element) in &given {
        let here = path.then(step.clone());
        if !element.is_known() {
            let what = "element representing nested block must not be unknown itself; set nested attribute values to unknown instead";
            broken.push(Broken::new(Rule::PlanBlockUnknownElement, &here, what));
            continue;
        }
        let at = Path(vec![step.clone()]);
        match (at.find(config), step) {
            // Nothing tells which element of a set is which.
            (_, Step::Element) => {}
            (Some(wanted), _) => {
                let before = at.find(prior).unwrap_or(Value::Null);
                object(&nested.block, &before, &wanted, element, &here, broken);
            }
            (None, Step::Key(key)) => {
                let what = format!("block key {} from plan is not present in config", quoted(key));
                broken.push(Broken::new(Rule::PlanBlockKey, path, what));
            }
            (None, _) => {}
        }
    }
    for (step, _) in &wanted {
        if let Step::Key(key) = step
            && Path(vec![step.clone()]).find(planned).is_none()
        {
            let what = format!("block key {} from config is not present in plan", quoted(key));
            broken.push(Broken::new(Rule::PlanBlockKey, path, what));
        }
    }
}

fn attributes(
    attributes: &BTreeMap<String, Attribute>,
    prior: &Value,
    config: &Value,
    planned: &Value,
    path: &Path,
    broken: &mut Vec<Broken>,
) {
    for (name, attribute) in attributes {
        let inner = [prior, config, planned].map(|value| value.attribute(name));
        let [prior, config, planned] = &inner;
        value(attribute, prior, config, planned, &path.attribute(name), broken);
    }
}

fn value(attribute: &Attribute, prior: &Value, config: &Value, planned: &Value, path: &Path, broken: &mut Vec<Broken>) {
    let plain = planned.unrefined();
    if plain == config.unrefined() || !prior.is_null() && !config.is_null() && plain == prior.unrefined() {
        return;
    }
    if attribute.write_only {
        if !planned.is_null() {
            broken.push(Broken::new(Rule::PlanWriteOnly, path, "planned value for write-only attribute is not null"));
        }
        return;
    }
    if attribute.is_decided_by_provider() || config.is_null() && attribute.computed {
        return;
    }
    let ty = attribute.ty();
    let mut hold = |rule, what: &str, sensitive: &str| {
        broken.push(Broken::new(rule, path, if attribute.sensitive { sensitive } else { what }));
    };
    if config.is_null() && !planned.is_null() {
        let what = format!("planned value {} for a non-computed attribute", shown(planned, &ty));
        return hold(Rule::PlanNotComputed, &what, "sensitive planned value for a non-computed attribute");
    }
    if let Kind::Nested(nested) = &attribute.kind {
        return objects(nested, prior, config, planned, path, broken);
    }
    let (planned, config) = (shown(planned, &ty), shown(config, &ty));
    if prior.is_null() {
        let what = format!("planned value {planned} does not match config value {config}");
        hold(Rule::PlanNotConfig, &what, "sensitive planned value does not match config value");
    } else {
        let what = format!(
            "planned value {planned} does not match config value {config} nor prior value {}",
            shown(prior, &ty)
        );
        hold(Rule::PlanNotConfigNorPrior, &what, "sensitive planned value does not match config value nor prior value");
    }
}

fn objects(nested: &Nested, prior: &Value, config: &Value, planned: &Value, path: &Path, broken: &mut Vec<Broken>) {
    if existence(config, planned, path, broken) {
        return;
    }
    if !planned.is_known() {
        broken.push(Broken::new(Rule::PlanUnknownForConfigured, path, "planned unknown for configured value"));
        return;
    }
    if matches!(nested.nesting, Nesting::Single | Nesting::Group) {
        return attributes(&nested.attributes, prior, config, planned, path, broken);
    }
    let counts = [planned, config].map(|value| value.is_known().then(|| value.children().len()));
    // A set of which something is unknown may turn out smaller.
    let may_differ = nested.nesting == Nesting::Set && !(planned.is_wholly_known() && config.is_wholly_known());
    if counts[0] != counts[1] && !may_differ {
        let count = |count: Option<usize>| {
            let count = count.map_or(Value::UNKNOWN, |n| Value::from(i64::try_from(n).unwrap_or(i64::MAX)));
            shown(&count, &Type::Number)
        };
        let what =
            format!("count in plan ({}) disagrees with count in config ({})", count(counts[0]), count(counts[1]));
        broken.push(Broken::new(Rule::PlanCount, path, what));
        return;
    }
    if nested.nesting == Nesting::Set {
        return;
    }
    for (step, element) in planned.children() {
        let at = Path(vec![step.clone()]);
        match (at.find(config), &step) {
            (Some(wanted), _) => {
                // Core writes a key as it writes the name of an attribute.
                let here =
                    path.then(if let Step::Key(key) = &step { Step::Attribute(key.clone()) } else { step.clone() });
                let before = at.find(prior).unwrap_or(Value::Null);
                attributes(&nested.attributes, &before, &wanted, element, &here, broken);
            }
            (None, Step::Key(key)) => {
                let what = format!("map key {} from plan is not present in config", quoted(key));
                broken.push(Broken::new(Rule::PlanMapKey, path, what));
            }
            (None, _) => {}
        }
    }
    for (step, _) in config.children() {
        if let Step::Key(key) = &step
            && Path(vec![step.clone()]).find(planned).is_none()
        {
            let what = format!("map key {} from config is not present in plan", quoted(key));
            broken.push(Broken::new(Rule::PlanMapKey, path, what));
        }
    }
}
