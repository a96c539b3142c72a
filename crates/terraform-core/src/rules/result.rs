//! Whether a result is one of the plan.

use super::Broken;
use crate::diagnostics::Rule;
use crate::path::{Path, Step};
use crate::schema::{Block, NestedBlock, Nesting};
use crate::types::Type;
use crate::value::{Value, quoted, shown};

/// What does not hold of a result: what was known in the plan stands, what was not may be anything of what was promised.
///
/// Serves for the plan that is made again when more is known, too; the rule says which of the two.
pub(crate) fn broken(rule: Rule, block: &Block, planned: &Value, actual: &Value) -> Vec<Broken> {
    Comparison { rule }.object(block, planned, actual, &Path::ROOT)
}

#[derive(Clone, Copy)]
struct Comparison {
    rule: Rule,
}

impl Comparison {
    fn one(self, path: &Path, what: impl Into<String>) -> Vec<Broken> {
        vec![Broken::new(self.rule, path, what)]
    }

    fn object(self, block: &Block, planned: &Value, actual: &Value, path: &Path) -> Vec<Broken> {
        let whole = if *path == Path::ROOT { "Root object " } else { "" };
        match (planned.is_null(), actual.is_null()) {
            (true, false) => return self.one(path, format!("{whole}was absent, but now present")),
            (false, true) => return self.one(path, format!("{whole}was present, but now absent")),
            (true, true) => return Vec::new(),
            (false, false) => {}
        }
        let mut broken = Vec::new();
        for (name, attribute) in &block.attributes {
            let path = path.attribute(name);
            let found = self.value(&attribute.ty(), &planned.attribute(name), &actual.attribute(name), &path);
            if attribute.sensitive && !found.is_empty() {
                broken.extend(self.one(&path, "inconsistent values for sensitive attribute"));
            } else {
                broken.extend(found);
            }
        }
        for (name, nested) in &block.blocks {
            broken.extend(self.blocks(
                nested,
                &planned.attribute(name),
                &actual.attribute(name),
                &path.attribute(name),
            ));
        }
        broken
    }

    fn blocks(self, nested: &NestedBlock, planned: &Value, actual: &Value, path: &Path) -> Vec<Broken> {
        if nested.computed {
            if actual.is_null() && nested.nesting != Nesting::Single {
                return self.one(path, "null block value after apply");
            }
            if !planned.is_known() {
                return self.value(&nested.ty(), planned, actual, path);
            }
        }
        match nested.nesting {
            // Blocks that could not be counted may have turned out to be none.
            Nesting::Single | Nesting::Group if !planned.is_known() && actual.is_null() => Vec::new(),
            Nesting::Single | Nesting::Group => self.object(&nested.block, planned, actual, path),
            _ if !planned.is_known() || !actual.is_known() || planned.is_null() || actual.is_null() => Vec::new(),
            Nesting::Set => {
                let matches = |planned: &Value, actual: &Value| {
                    self.object(&nested.block, planned, actual, &path.then(Step::Element)).is_empty()
                };
                self.sets(&nested.block.ty(), planned, actual, path, "block set length", &matches)
            }
            Nesting::List | Nesting::Map => {
                let (was, is) = (planned.children(), actual.children());
                if was.len() != is.len() {
                    return self.one(path, format!("block count changed from {} to {}", was.len(), is.len()));
                }
                let one = |(step, planned): (Step, &Value)| match Path(vec![step.clone()]).find(actual) {
                    Some(actual) => self.object(&nested.block, planned, &actual, &path.then(step)),
                    None => Vec::new(),
                };
                was.into_iter().flat_map(one).collect()
            }
        }
    }

    fn value(self, ty: &Type, planned: &Value, actual: &Value, path: &Path) -> Vec<Broken> {
        match (planned, actual) {
            (Value::Unknown(None) | Value::Null, _) if *ty == Type::Dynamic => return Vec::new(),
            (Value::Dynamic(planned), Value::Dynamic(actual)) => {
                if planned.0 != actual.0 {
                    let what = format!("wrong final value type: {} required", planned.0.friendly());
                    return self.one(path, what);
                }
                return self.value(&planned.0, &planned.1, &actual.1, path);
            }
            (Value::Unknown(promised), _) => {
                return match promised {
                    Some(promised) if actual.is_known() && !promised.includes(actual) => {
                        let (actual, planned) = (shown(actual, ty), shown(planned, ty));
                        self.one(
                            path,
                            format!("final value {actual} does not conform to planning placeholder {planned}"),
                        )
                    }
                    _ => Vec::new(),
                };
            }
            (Value::Null, Value::Null) => return Vec::new(),
            (_, Value::Null) => return self.one(path, format!("was {}, but now null", shown(planned, ty))),
            (Value::Null, _) => return self.one(path, format!("was null, but now {}", shown(actual, ty))),
            (_, Value::Unknown(_)) => return self.one(path, "was known, but now unknown"),
            _ => {}
        }
        match ty {
            Type::Set(of) => {
                let matches = |planned: &Value, actual: &Value| {
                    self.value(of, planned, actual, &path.then(Step::Element)).is_empty()
                };
                self.sets(of, planned, actual, path, "length", &matches)
            }
            Type::List(_) | Type::Map(_) | Type::Tuple(_) | Type::Object(_) => self.elements(ty, planned, actual, path),
            _ if planned == actual => Vec::new(),
            _ => self.one(path, format!("was {}, but now {}", shown(planned, ty), shown(actual, ty))),
        }
    }

    fn elements(self, ty: &Type, planned: &Value, actual: &Value, path: &Path) -> Vec<Broken> {
        let inner = |step: &Step| match (ty, step) {
            (Type::List(of) | Type::Map(of), _) => (**of).clone(),
            (Type::Tuple(types), Step::Index(n)) => types.get(*n).cloned().unwrap_or(Type::Dynamic),
            (Type::Object(types), Step::Attribute(name)) => types.get(name).cloned().unwrap_or(Type::Dynamic),
            _ => Type::Dynamic,
        };
        let name = |step: &Step| match step {
            Step::Key(name) | Step::Attribute(name) => quoted(name),
            Step::Index(n) => n.to_string(),
            Step::Element => "...".to_owned(),
        };
        let mut broken = Vec::new();
        for (step, planned) in planned.children() {
            match Path(vec![step.clone()]).find(actual) {
                Some(actual) => broken.extend(self.value(&inner(&step), planned, &actual, &path.then(step))),
                None => broken.extend(self.one(path, format!("element {} has vanished", name(&step)))),
            }
        }
        for (step, _) in actual.children() {
            if Path(vec![step.clone()]).find(planned).is_none() {
                broken.extend(self.one(path, format!("new element {} has appeared", name(&step))));
            }
        }
        broken
    }

    /// Each element of one set has one in the other that it may have become, or have come from.
    fn sets(
        self,
        of: &Type,
        planned: &Value,
        actual: &Value,
        path: &Path,
        length: &str,
        matches: &dyn Fn(&Value, &Value) -> bool,
    ) -> Vec<Broken> {
        let (was, is) = (planned.elements(), actual.elements());
        let lost = was.iter().filter(|planned| !is.iter().any(|actual| matches(planned, actual)));
        let lost = lost.map(|lost| {
            format!("planned set element {} does not correlate with any element in actual", shown(lost, of))
        });
        let mut whats: Vec<String> = lost.collect();
        if whats.is_empty() {
            let new = is.iter().filter(|actual| !was.iter().any(|planned| matches(planned, actual)));
            whats.extend(new.map(|new| {
                format!("actual set element {} does not correlate with any element in plan", shown(new, of))
            }));
        }
        if was.len() < is.len() {
            whats.push(format!("{length} changed from {} to {}", was.len(), is.len()));
        }
        whats.into_iter().map(|what| Broken::new(self.rule, path, what)).collect()
    }
}
