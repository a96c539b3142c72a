//! Where CRUSH puts the copies, by the crate that Ceph's own `crushtool` judges.

use std::collections::BTreeMap;

use ::crush::{Tree, Tunables};

use super::rules::ERASURE_TRIES;
use super::{CrushMap, Step};

/// What the rules of erasure coded pools begin with.
const TRIES: [::crush::Step; 2] =
    [::crush::Step::LeafTries(ERASURE_TRIES[0].1), ::crush::Step::Tries(ERASURE_TRIES[1].1)];

/// 16.16 in/out weights by OSD id; an OSD that is not listed is out.
pub type Weights = BTreeMap<u32, u32>;

impl Tree for CrushMap {
    fn bucket(&self, id: i32) -> Option<(u32, &[(i32, u32)])> {
        self.buckets.get(&id).map(|bucket| (bucket.type_id as u32, bucket.items.as_slice()))
    }
}

impl CrushMap {
    /// The OSDs a rule picks for the value `x`, at most `copies` of them and each from a failure
    /// domain of its own; fewer if the tree does not have enough. Of a rule for chunks those that have a place, in order.
    pub fn place(&self, rule: u32, x: u32, copies: usize, weights: &Weights) -> Vec<u32> {
        let Some(rule) = self.rules.get(&rule) else { return vec![] };
        let chunks = rule.chunks.is_some();
        let tries = TRIES.iter().copied().filter(|_| chunks);
        let steps: Vec<::crush::Step> = tries.chain(rule.steps.iter().map(|step| step.of_the_crate(chunks))).collect();
        let weight = |osd| weights.get(&osd).copied().unwrap_or(0);
        ::crush::place(self, Tunables::default(), &steps, x, copies, weight).into_iter().flatten().collect()
    }
}

impl Step {
    fn of_the_crate(&self, chunks: bool) -> ::crush::Step {
        match self {
            Self::Take(item) => ::crush::Step::Take(*item),
            Self::Choose { type_id, leaf } => {
                ::crush::Step::Choose { kind: *type_id as u32, count: 0, leaf: *leaf, independent: chunks }
            }
            Self::Emit => ::crush::Step::Emit,
        }
    }
}
