//! HA's rules, and PVE 8's groups.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};

use super::resource::Sid;
use crate::wire;

/// `GET /cluster/ha/rules`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HaRule {
    /// Its name.
    pub rule: String,
    /// Whom it concerns.
    #[serde(default, deserialize_with = "sids")]
    pub resources: BTreeSet<Sid>,
    /// `node-affinity`: priorities by node, 0 where none was said.
    #[serde(default, deserialize_with = "priorities")]
    pub nodes: BTreeMap<String, u32>,
    /// Whether they run nowhere else.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub strict: bool,
    /// `resource-affinity`: `positive` or `negative`.
    #[serde(default)]
    pub affinity: Option<String>,
    /// Set, whatever it says, the rule does not hold.
    #[serde(default, deserialize_with = "wire::opt_boolean")]
    pub disable: Option<bool>,
    /// What is wrong with it, by parameter: then it does not hold.
    #[serde(default)]
    pub errors: BTreeMap<String, Vec<String>>,
}

impl HaRule {
    /// Whether it is to hold. One with errors does not.
    pub fn is_enabled(&self) -> bool {
        self.disable.is_none()
    }
}

/// `GET /cluster/ha/groups` of PVE 8.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HaGroup {
    /// Its name.
    pub group: String,
    /// Priorities by node, 0 where none was said.
    #[serde(default, deserialize_with = "priorities")]
    pub nodes: BTreeMap<String, u32>,
    /// Whether its resources run nowhere else.
    #[serde(default, deserialize_with = "wire::boolean")]
    pub restricted: bool,
}

/// What does not read as a name is no guest of ours.
fn sids<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeSet<Sid>, D::Error> {
    let texts: BTreeSet<String> = wire::set(d)?;
    Ok(texts.iter().filter_map(|text| text.parse().ok()).collect())
}

fn priorities<'de, D: Deserializer<'de>>(d: D) -> Result<BTreeMap<String, u32>, D::Error> {
    let texts: BTreeSet<String> = wire::set(d)?;
    let one = |text: &String| match text.split_once(':') {
        Some((node, priority)) => (node.to_owned(), priority.parse().unwrap_or_default()),
        None => (text.clone(), 0),
    };
    Ok(texts.iter().map(one).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_recorded_rules() {
        let answer = r#"[{"nodes":"pve1:2,pve2:1","resources":"vm:100,vm:101","order":1,"rule":"r1","strict":1,"type":"node-affinity"},
            {"affinity":"negative","rule":"r2","type":"resource-affinity","order":1,"resources":"vm:103","disable":1,
             "errors":{"resources":["rule is ineffective as there are less than two resources"]}},
            {"rule":"r3","type":"node-affinity","resources":"ct:100","nodes":"pve1,pve3:5","disable":"0"}]"#;
        let rules: Vec<HaRule> = serde_json::from_str(answer).unwrap();
        assert_eq!(rules[0].resources, BTreeSet::from([Sid::vm(100), Sid::vm(101)]));
        assert_eq!(rules[0].nodes["pve1"], 2);
        assert!(rules[0].strict && rules[0].is_enabled());
        assert_eq!(rules[1].affinity.as_deref(), Some("negative"));
        assert!(!rules[1].is_enabled() && !rules[2].is_enabled() && rules[1].errors.contains_key("resources"));
        assert_eq!(rules[2].nodes, BTreeMap::from([("pve1".to_owned(), 0), ("pve3".to_owned(), 5)]));
    }
}
