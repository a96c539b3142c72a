//! CRUSH rules, for pools that keep copies and for erasure coded ones.

use serde_json::{Value, json};

use super::super::errno::{Errno, Refusal};
use super::{CrushMap, TYPES, type_id};
use crate::cluster::ceph::Release;

/// A step of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Start at a bucket (a shadow bucket for a device class) or OSD.
    Take(i32),
    /// `choose firstn 0` (type `osd`) or `chooseleaf firstn 0` of a type; `indep` in the rule of an erasure coded pool.
    Choose {
        /// The failure domain.
        type_id: usize,
        /// `chooseleaf`: go on to an OSD below each.
        leaf: bool,
    },
    /// Give out what was chosen.
    Emit,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Id; the lowest free one is reused.
    pub id: u32,
    /// Name, unique.
    pub name: String,
    /// What it does.
    pub steps: Vec<Step>,
    /// For erasure coded pools: how many chunks the profile that it was made for has. Their order counts.
    pub chunks: Option<u32>,
}

/// What Ceph has a rule for erasure coded pools begin with: more tries than there are by default.
pub const ERASURE_TRIES: [(&str, u32); 2] = [("set_chooseleaf_tries", 5), ("set_choose_tries", 100)];

impl Rule {
    /// The rule `create-replicated` makes.
    pub fn replicated(id: u32, name: &str, take: i32, type_id: usize) -> Self {
        let choose = Step::Choose { type_id, leaf: type_id != 0 };
        Self { id, name: name.into(), steps: vec![Step::Take(take), choose, Step::Emit], chunks: None }
    }

    /// Fewest and most copies or chunks, which rules said until 17.
    pub fn sizes(&self) -> (u32, u32) {
        self.chunks.map_or((1, 10), |chunks| (3.min(chunks), chunks))
    }

    /// The item the rule starts at.
    pub fn take(&self) -> i32 {
        self.steps.iter().find_map(|s| if let Step::Take(item) = s { Some(*item) } else { None }).unwrap_or(0)
    }

    /// The type id of the failure domain.
    pub fn domain(&self) -> usize {
        let domain = |s: &Step| if let Step::Choose { type_id, .. } = s { Some(*type_id) } else { None };
        self.steps.iter().find_map(domain).unwrap_or(0)
    }
}

/// Answers to a rename that are no plain success.
#[derive(Debug, PartialEq, Eq)]
pub enum RuleError {
    /// Nothing done, but exit 0, with this text.
    Note(String),
    /// Refused.
    Refused(Refusal),
}

impl CrushMap {
    /// Rules by id.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.values()
    }

    /// A rule by id.
    pub fn rule(&self, id: u32) -> Option<&Rule> {
        self.rules.get(&id)
    }

    /// A rule by name.
    pub fn rule_named(&self, name: &str) -> Option<&Rule> {
        self.rules.values().find(|r| r.name == name)
    }

    /// Rules that start at a shadow tree of a class.
    pub fn rules_by_class(&self, class: &str) -> Vec<&Rule> {
        let uses = |r: &&Rule| self.bucket(r.take()).and_then(|b| self.shadow_class(b)) == Some(class);
        self.rules.values().filter(uses).collect()
    }

    /// Adds a replicated rule. `Ok(false)`: the name is taken, nothing changed.
    pub fn create_rule(&mut self, name: &str, root: &str, kind: &str, class: Option<&str>) -> Result<bool, Refusal> {
        self.create_rule_for(name, root, kind, class, None)
    }

    /// The same, for an erasure coded pool if there are `chunks`.
    pub fn create_rule_for(
        &mut self,
        name: &str,
        root: &str,
        kind: &str,
        class: Option<&str>,
        chunks: Option<u32>,
    ) -> Result<bool, Refusal> {
        if self.rule_named(name).is_some() {
            return Ok(false);
        }
        let Some(item) = self.item_named(root) else {
            return Err(Refusal::new(Errno::NoEnt, format!("root item {root} does not exist")));
        };
        let Some(type_id) = type_id(kind) else {
            return Err(Refusal::new(Errno::Inval, format!("unknown type {kind}")));
        };
        let take = match class {
            None => item,
            Some(class) => {
                if self.class_id(class).is_none() {
                    return Err(Refusal::new(Errno::Inval, format!("device class {class} does not exist")));
                }
                let text = format!("root {root} has no devices with class {class}");
                self.shadow(item, class).ok_or_else(|| Refusal::new(Errno::Inval, text))?
            }
        };
        let id = (0..).find(|id| !self.rules.contains_key(id)).unwrap_or(0);
        self.rules.insert(id, Rule { chunks, ..Rule::replicated(id, name, take, type_id) });
        self.version += 1;
        Ok(true)
    }

    /// Gives a rule another number, if that is free: as if there had been others when it was made.
    pub fn renumber_rule(&mut self, name: &str, id: u32) {
        let old = self.rule_named(name).map(|rule| rule.id).filter(|_| !self.rules.contains_key(&id));
        if let Some(rule) = old.and_then(|old| self.rules.remove(&old)) {
            self.rules.insert(id, Rule { id, ..rule });
        }
    }

    /// Removes a rule by id; whether a pool uses it is the caller's to know.
    pub fn remove_rule(&mut self, id: u32) {
        self.rules.remove(&id);
        self.rebuild_shadows();
    }

    /// Renames a rule, in use or not.
    pub fn rename_rule(&mut self, from: &str, to: &str) -> Result<(), RuleError> {
        let refuse = |errno, text: String| Err(RuleError::Refused(Refusal::new(errno, text)));
        if from == to {
            return Err(RuleError::Note("destination rule name is equal to source rule name".into()));
        }
        match (self.rule_named(from).map(|r| r.id), self.rule_named(to).is_some()) {
            (Some(_), true) => refuse(Errno::Exist, format!("destination rule name '{to}' already exists")),
            (None, true) => Err(RuleError::Note(format!("already renamed to '{to}'"))),
            (None, false) => refuse(Errno::NoEnt, format!("source rule name '{from}' does not exist")),
            (Some(id), false) => {
                if let Some(rule) = self.rules.get_mut(&id) {
                    rule.name = to.into();
                }
                self.version += 1;
                Ok(())
            }
        }
    }

    /// A rule as `osd crush rule dump -f json` has it.
    pub fn rule_json(&self, rule: &Rule, release: &Release) -> Value {
        let (kind, way) = if rule.chunks.is_some() { (3, "indep") } else { (1, "firstn") };
        let tries = ERASURE_TRIES.iter().filter(|_| rule.chunks.is_some());
        let steps = rule.steps.iter().map(|step| match step {
            Step::Take(item) => json!({"op": "take", "item": item, "item_name": self.name_of(*item)}),
            Step::Choose { type_id, leaf } => {
                let op = if *leaf { "chooseleaf" } else { "choose" };
                json!({"op": format!("{op}_{way}"), "num": 0, "type": TYPES[*type_id]})
            }
            Step::Emit => json!({"op": "emit"}),
        });
        let steps: Vec<Value> = tries.map(|(op, num)| json!({"op": op, "num": num})).chain(steps).collect();
        let mut out = json!({"rule_id": rule.id, "rule_name": rule.name, "type": kind, "steps": steps});
        if release.rules_have_sizes() {
            let (min, max) = rule.sizes();
            out["ruleset"] = json!(rule.id);
            out["min_size"] = json!(min);
            out["max_size"] = json!(max);
        }
        out
    }
}
