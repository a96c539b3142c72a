//! What needs what.

use std::collections::BTreeSet;

use super::{Config, Expr, Resource};
use crate::state::Address;

impl Config {
    /// The resources that a resource speaks of, itself or through local values.
    pub(crate) fn uses(&self, resource: &Resource) -> BTreeSet<Address> {
        let mut used: BTreeSet<Address> = resource.depends_on.iter().cloned().collect();
        let conditions = resource.preconditions.iter().chain(&resource.postconditions);
        let conditions = conditions.flat_map(|condition| [&condition.condition, &condition.message]);
        let written = [Some(&resource.body), resource.for_each.as_ref(), resource.count.as_ref()];
        for expr in written.into_iter().flatten().chain(conditions) {
            self.used_by(expr, &mut used, &mut BTreeSet::new());
        }
        used.extend(resource.replace_triggered_by.iter().filter_map(|name| Some(name.address()?.0.resource())));
        used.remove(&resource.address);
        used
    }

    fn used_by(&self, expr: &Expr, used: &mut BTreeSet<Address>, seen: &mut BTreeSet<String>) {
        for name in expr.names() {
            if let Some(local) = name.under("local") {
                if seen.insert(local.to_owned())
                    && let Some(expr) = self.locals.get(local)
                {
                    self.used_by(expr, used, seen);
                }
            } else if let Some((address, _)) = name.address() {
                // Variables of `for` look like types; only what is declared counts.
                let address = address.resource();
                if self.resources.iter().any(|resource| resource.address == address) {
                    used.insert(address);
                }
            }
        }
    }

    /// All managed resources that a resource needs, through whatever is between.
    pub(crate) fn needs(&self, address: &Address) -> BTreeSet<Address> {
        let mut needed = BTreeSet::new();
        let mut open = vec![address.clone()];
        while let Some(address) = open.pop() {
            let found = self.resources.iter().find(|resource| resource.address == address);
            for used in found.map(|resource| self.uses(resource)).unwrap_or_default() {
                if needed.insert(used.clone()) {
                    open.push(used);
                }
            }
        }
        needed
    }

    /// The resources, each after those that it uses.
    pub(crate) fn in_order(&self) -> Result<Vec<&Resource>, String> {
        let mut ordered: Vec<&Resource> = Vec::new();
        let mut left: Vec<&Resource> = self.resources.iter().collect();
        while !left.is_empty() {
            let waits = |resource: &&Resource| {
                self.uses(resource).iter().any(|used| left.iter().any(|other| other.address == *used))
            };
            let (waiting, ready): (Vec<_>, Vec<_>) = left.iter().copied().partition(waits);
            if ready.is_empty() {
                let names: Vec<String> = waiting.iter().map(|resource| resource.address.to_string()).collect();
                return Err(format!("Cycle: {}", names.join(", ")));
            }
            ordered.extend(ready);
            left = waiting;
        }
        Ok(ordered)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_after_what_it_uses() {
        let config = Config::new()
            .resource("t.c", json!({"of": "${local.name}"}))
            .local("name", json!("x-${data.t.b.name}"))
            .data("t.b", json!({"id": "${t.a.id}"}))
            .resource("t.a", json!({}))
            .resource("t.d", json!({"depends_on": ["t.c"], "list": "${[for t in [1] : t.x]}"}));
        let order: Vec<String> =
            config.in_order().unwrap().iter().map(|resource| resource.address.to_string()).collect();
        assert_eq!(order, ["t.a", "data.t.b", "t.c", "t.d"]);
        let needs: Vec<String> = config.needs(&Address::from("t.d")).iter().map(ToString::to_string).collect();
        assert_eq!(needs, ["t.a", "t.c", "data.t.b"]);
        let cycle = config.resource("t.a", json!({"of": "${t.c.x}"}));
        assert_eq!(cycle.in_order().unwrap_err(), "Cycle: t.c, data.t.b, t.d, t.a");
    }
}
