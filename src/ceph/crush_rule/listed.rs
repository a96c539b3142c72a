//! All rules, for the data source.

use terraform_plugin::{Cx, Error, Listed};

use super::{CrushRule, SUFFIX, topology};
use crate::ground::pve::Pve;

impl Listed<Pve> for CrushRule {
    const PLURAL: &'static str = "ceph_crush_rules";

    async fn list(cx: &Cx<Pve>) -> Result<Vec<Self>, Error> {
        let map = topology::crush_map(&cx.api).await?;
        // One whose definition is being changed is known by its own name, also while it has the temporary one only.
        let mut names: Vec<_> =
            map.rules.iter().map(|rule| rule.name.strip_suffix(SUFFIX).unwrap_or(&rule.name)).collect();
        names.sort_unstable();
        names.dedup();
        // What says more than this resource can is none of its objects.
        let rules = names.into_iter().filter_map(|name| Self::of(name, &map).ok().flatten());
        Ok(rules.collect())
    }
}
